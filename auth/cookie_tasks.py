"""Decides what the browser has to do about its session cookie: set it with a ticket, or drop it.

`ui/browser/cookie_bridge.py` hands the task to the page's script, which calls the routes in `auth/routes.py`. This
module draws nothing.
"""

from __future__ import annotations

import time

import streamlit as st

from auth import guard
from auth.session import TICKET_SECONDS, new_secret

__all__ = ["cookie_refused", "cookie_task", "stays_signed_in"]


def cookie_task() -> dict[str, str] | None:
    """Return the route that the browser has to call now, with its ticket; None if there is nothing to do."""
    if st.session_state.get(guard.HAS_COOKIE):
        st.session_state.pop(guard.TICKET, None)
    if guard.TICKET in st.session_state:
        ticket, issued = st.session_state[guard.TICKET]
        if time.monotonic() - issued > TICKET_SECONDS:  # it was not used: the network failed, or the page was left
            ticket = guard.sessions().ticket(guard.device())
            st.session_state[guard.TICKET] = ticket, time.monotonic()
        return {"path": "session/keep", "ticket": ticket, "once": ticket}
    if st.session_state.pop(guard.DROP, None):
        return {"path": "session/drop", "ticket": "", "once": new_secret()}
    return None


def cookie_refused() -> None:
    """Note that the browser could not set its cookie, so that sign-in lasts as long as the tab."""
    st.session_state.pop(guard.TICKET, None)
    st.session_state[guard.NO_COOKIE] = True


def stays_signed_in() -> bool:
    """Return whether the person stays signed in when this tab is closed."""
    return bool(st.session_state.get(guard.HAS_COOKIE)) or not st.session_state.get(guard.NO_COOKIE)
