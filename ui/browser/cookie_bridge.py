"""What the page's script has the browser do by itself: take or drop its cookie, and go elsewhere to sign in.

The script holds no secret but a ticket that works once. Routes answer it; where a host serves none, it
says so, and sign-in lasts for the tab.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from auth import cookie_tasks
from auth.cookies import home_of, trip_cookie_name

__all__ = ["app_address", "brought_back", "send_browser_to", "settle"]

# Run again at each change of the page: what was asked once is not asked twice.
SCRIPT = """
const begun = new Set();

// The app's own folder as the browser sees it, whatever path, proxy or frame it is served in.
function folder(pages) {
  const path = new URL(document.baseURI).pathname;
  const page = pages.find((name) => path.endsWith(`/${name}`));
  return page ? path.slice(0, -page.length) : path.replace(/[/]?$/, "/");
}

export default function ({ data, setStateValue }) {
  if (!data || begun.has(data.once)) return;
  begun.add(data.once);
  if (data.go) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${data.kept.name}=${data.kept.value}; Path=/; Max-Age=900; SameSite=Lax${secure}`;
    try {
      window.top.location.assign(data.go);  // other sites do not sign in inside a frame
    } catch {
      window.location.assign(data.go);
    }
    return;
  }
  if (!data.ticket) {  // signed out: what was typed and not sent goes, too
    for (const each of Object.keys(sessionStorage)) {
      if (each.startsWith("keepsake-draft:")) sessionStorage.removeItem(each);
    }
  }
  fetch(folder(data.pages) + data.path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  }).then(
    (answer) => {
      // A ticket that was too late and a database that is away are no answer: there will be another ticket.
      if (data.ticket && ![204, 401, 503].includes(answer.status)) setStateValue("refused", answer.status);
    },
    () => {},
  );
}
"""
_browser = st.components.v2.component("keepsake_browser", js=SCRIPT)
# As they stand in the address: each page is named for its file.
PAGE_NAMES = tuple(sorted(path.stem for path in (Path(__file__).parents[2] / "pages").glob("[!_]*.py")))


def app_address() -> str:
    """Where the browser sees this app, whatever page of it is open."""
    return home_of(st.context.url or "", PAGE_NAMES)


def settle() -> None:
    """Have the browser take or drop its cookie, if there is anything to do."""
    # Drawn empty otherwise: if what stands below moved up, Streamlit would make it anew and close what was open.
    place, errand = st.container(key="errand"), cookie_tasks.errand()
    if errand is None:
        return
    with place:
        _browser(
            key=f"browser-{errand['path'].rpartition('/')[2]}",
            data={**errand, "pages": PAGE_NAMES},
            on_refused_change=cookie_tasks.no_cookie,
            height=1,
        )


def send_browser_to(address: str, verifier: str) -> None:
    """Leave for another site. The verifier stays in this browser, which alone can finish what it began."""
    kept = {"name": trip_cookie_name(st.context.url or ""), "value": verifier}
    with st.container(key="errand-away"):
        _browser(key="browser-go", data={"go": address, "kept": kept, "once": verifier}, height=1)


def brought_back() -> str | None:
    """The verifier that this browser kept while it was elsewhere."""
    return st.context.cookies.to_dict().get(trip_cookie_name(st.context.url or ""))
