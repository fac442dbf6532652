"""What the browser has to be asked for: to take the cookie of a ticket, or to drop the one it has.

The gate knows who is here, the page's script runs the errand; this says which. It draws nothing.
"""

from __future__ import annotations

import time

import streamlit as st

from auth import guard
from auth.session import TICKET_SECONDS, fresh_secret

__all__ = ["errand", "no_cookie", "staying"]


def errand() -> dict[str, str] | None:
    """What the browser has to be asked for: to take the cookie of a ticket, or to drop the one it has."""
    if st.session_state.get(guard.KEPT):
        st.session_state.pop(guard.TICKET, None)
    if guard.TICKET in st.session_state:
        ticket, issued = st.session_state[guard.TICKET]
        if time.monotonic() - issued > TICKET_SECONDS:  # it never arrived: the network failed, or the page was left
            ticket = guard.sessions().ticket(guard.device())
            st.session_state[guard.TICKET] = ticket, time.monotonic()
        return {"path": "session/keep", "ticket": ticket, "once": ticket}
    if st.session_state.pop(guard.DROP, None):
        return {"path": "session/drop", "ticket": "", "once": fresh_secret()}
    return None


def no_cookie() -> None:
    """Note that this host did not take the cookie: sign-in lasts for the tab."""
    st.session_state.pop(guard.TICKET, None)
    st.session_state[guard.NO_COOKIE] = True


def staying() -> bool:
    """Whether sign-in outlasts this tab."""
    return bool(st.session_state.get(guard.KEPT)) or not st.session_state.get(guard.NO_COOKIE)
