"""What the page's script has the browser do by itself: take or drop its cookie, and go elsewhere to sign in.

The script holds no secret but a ticket that works once. Routes answer it; where a host serves none, it
says so, and sign-in lasts for the tab.
"""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.browser import home_of

__all__ = ["app_address", "send_browser_to", "settle"]

# Run again at each change of the page: what was asked once is not asked twice.
SCRIPT = """
const begun = new Set();
export default function ({ data, setStateValue }) {
  if (!data || begun.has(data.once)) return;
  begun.add(data.once);
  if (data.nonce) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${data.nonce.name}=${data.nonce.value}; Path=/; Max-Age=900; SameSite=Lax${secure}`;
    (window.top ?? window).location.assign(data.go);
    return;
  }
  fetch(data.url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  }).then(
    (answer) => { if (answer.status !== 204 && data.ticket) setStateValue("refused", answer.status); },
    () => {},
  );
}
"""
_browser = st.components.v2.component("keepsake_browser", js=SCRIPT)
PAGE_NAMES = ("welcome", "chat", "memories", "account")


def app_address() -> str:
    """Where the browser sees this app, whatever page of it is open."""
    return home_of(st.context.url or "", PAGE_NAMES)


def settle() -> None:
    """Have the browser take or drop its cookie, if there is anything to do."""
    errand = guard.errand()
    if errand is None:
        return
    path = app_address().partition("://")[2].partition("/")[2]
    with st.container(key="errand"):
        _browser(
            key=f"browser-{errand['path'].rpartition('/')[2]}",
            data={"url": f"/{path}{errand['path']}", "once": errand["once"], "ticket": errand["ticket"]},
            on_refused_change=guard.no_cookie,
            height=1,
        )


def send_browser_to(address: str, nonce_name: str, nonce: str) -> None:
    """Leave for another site; the nonce stays in this browser, to know it by when it comes back."""
    with st.container(key="errand"):
        _browser(key="browser-go", data={"go": address, "nonce": {"name": nonce_name, "value": nonce}, "once": nonce})
