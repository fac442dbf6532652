// Copy a message, or a block of code in it, when its button is pressed, in the browser: a clipboard may be written to during a press only.
const BUTTON = "st-key-icon-copy-";
const SHOWN = 1800; // milliseconds
let known = { texts: {}, words: {} };
let timer;

const notice = document.createElement("div");
notice.setAttribute("role", "status");
Object.assign(notice.style, {
  position: "fixed", zIndex: 1000000, padding: "0.2rem 0.6rem", borderRadius: "0.5rem", fontSize: "0.85rem",
  pointerEvents: "none", visibility: "hidden",
});
document.body.append(notice);

function notify(words, button) {
  const app = getComputedStyle(document.querySelector('[data-testid="stApp"]'));
  const place = button.getBoundingClientRect();
  Object.assign(notice.style, {
    fontFamily: app.fontFamily, color: app.backgroundColor, background: app.color, visibility: "visible",
    left: `${Math.max(8, Math.min(place.left, innerWidth - 120))}px`, top: `${Math.max(8, place.top - 34)}px`,
  });
  notice.textContent = words;
  clearTimeout(timer);
  timer = setTimeout(() => {
    notice.style.visibility = "hidden";
    notice.textContent = "";
  }, SHOWN);
}

// Copy, and return whether it worked. A page without https has no clipboard; there the older way may still work.
export async function copy(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    return copyBySelection(words);
  }
}

function copyBySelection(words) {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = words;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}

// Caught before Streamlit's own listeners: the server need not know of the press.
document.addEventListener("click", (event) => {
  const code = event.target.closest?.(".copy-code");
  const button = code ?? event.target.closest?.(`[class*="${BUTTON}"]`);
  const name = button && [...button.classList].find((each) => each.startsWith(BUTTON));
  const words = code ? code.parentElement.querySelector("code").textContent : name && known.texts[name.slice(BUTTON.length)];
  if (words === undefined || words === null) return;
  event.preventDefault();
  event.stopPropagation();
  copy(words).then((copied) => notify(copied ? known.words.copied : known.words.failed, button));
}, true);

export default function ({ data }) {
  if (data) known = data;
}
