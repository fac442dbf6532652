"""Makes the browser do its part of signing in: set or drop the session cookie, and leave for another site.

The script knows no secret except a ticket that works once. Routes of the app answer it; where a host serves none, the
script reports that, and sign-in lasts for the tab.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from auth import cookie_tasks
from auth.cookies import base_address, oauth_cookie_name
from auth.guard import OTHER_ADDRESSES
from ui.browser import component, invisible

__all__ = ["app_address", "kept_verifier", "run_cookie_task", "send_browser_to"]

_browser = component("keepsake_browser", "cookie_bridge.js")
# The pages' names in an address, which are the names of their files with few exceptions.
_FILES = {f"pages/{path.name}": path.stem for path in (Path(__file__).parents[2] / "pages").glob("[!_]*.py")}
PAGE_NAMES = tuple(sorted((_FILES | {file: name for name, file in OTHER_ADDRESSES.items()}).values()))


def app_address() -> str:
    """Return the address under which the browser sees this app, whatever page is open."""
    return base_address(st.context.url or "", PAGE_NAMES)


def run_cookie_task() -> None:
    """Have the browser set or drop its cookie, if that is due."""
    # The container is always drawn: if what follows moved up, Streamlit would draw it again and close what is open.
    place, task = invisible("cookie"), cookie_tasks.cookie_task()
    if task is None:
        return
    with place:
        _browser(
            key=f"browser-{task['path'].rpartition('/')[2]}",
            data={**task, "pages": PAGE_NAMES},
            on_refused_change=cookie_tasks.cookie_refused,
            height=1,
        )


def send_browser_to(address: str, verifier: str) -> None:
    """Leave for another site. The verifier stays in this browser, which alone can finish what it began."""
    kept = {"name": oauth_cookie_name(st.context.url or ""), "value": verifier}
    with invisible("away"):
        _browser(key="browser-go", data={"go": address, "kept": kept, "once": verifier}, height=1)


def kept_verifier() -> str | None:
    """Return the verifier that `send_browser_to` left in this browser."""
    return st.context.cookies.to_dict().get(oauth_cookie_name(st.context.url or ""))
