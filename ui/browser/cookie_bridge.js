// Send the one-time ticket that makes the server set or drop the session cookie, or leave for another site to sign in.
import { appFolder } from "./app_folder.js";
import { DRAFT_PREFIX } from "./chat_box.js";

const started = new Set(); // Streamlit runs this again at each change of the page; each task is started once.
// Statuses that say nothing against this host: set, a ticket that was too late, a database that is away.
// There will be another ticket.
const NOT_A_REFUSAL = [204, 401, 503];

export default function ({ data, setStateValue }) {
  if (!data || started.has(data.once)) return;
  started.add(data.once);
  if (data.go) {
    leave(data);
    return;
  }
  if (!data.ticket) forgetDrafts(); // the person signed out
  const path = new URL(document.baseURI).pathname;
  fetch(appFolder(path, data.pages) + data.path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  }).then(
    (answer) => {
      if (data.ticket && !NOT_A_REFUSAL.includes(answer.status)) setStateValue("refused", answer.status);
    },
    () => {},
  );
}

// Keep the verifier in a short-lived cookie, and open the other site.
function leave({ go, kept }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${kept.name}=${kept.value}; Path=/; Max-Age=900; SameSite=Lax${secure}`;
  try {
    window.top.location.assign(go); // other sites do not sign in inside a frame
  } catch {
    window.location.assign(go);
  }
}

function forgetDrafts() {
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(DRAFT_PREFIX)) sessionStorage.removeItem(name);
  }
}
