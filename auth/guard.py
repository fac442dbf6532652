"""The gate in front of every page: `user = require_user()` is its first line.

The session lives in this browser session's state and nowhere else, so it ends with the tab. It draws
nothing: who is not signed in is sent to the welcome page.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from auth.client import AuthClient, Session
from errors import SessionEnded, SignInError
from settings import settings

__all__ = ["User", "client", "current_user", "enter", "leave", "require_user"]

SESSION, FRAMED = "session", "framed"


@dataclass(frozen=True)
class User:
    """Who is asking, as far as pages need to know."""

    id: str
    email: str


def require_user() -> User:
    """The signed-in user; anybody else is sent to the welcome page, and the calling page ends here."""
    if not st.session_state.get(FRAMED):
        # A server asked directly for a page runs it without the front door: go in through it.
        st.switch_page("app.py")
    user = current_user()
    if user is None:
        st.switch_page("pages/welcome.py")
    return user


def current_user() -> User | None:
    """Who is signed in here, with fresh tokens; None once the session has ended."""
    session: Session | None = st.session_state.get(SESSION)
    if session is None:
        return None
    if session.stale:
        session = _refreshed(client(), session)
    return User(session.user_id, session.email) if session else None


def client() -> AuthClient:
    """This browser session's own client."""
    configured = settings()
    return _own_client(configured.supabase_url or "", configured.supabase_key or "")


@st.cache_resource(scope="session", show_spinner=False, on_release=AuthClient.close)
def _own_client(url: str, key: str) -> AuthClient:
    """Made once for each browser session, and hung up when the session is gone."""
    return AuthClient(url, key)


def enter(session: Session) -> None:
    """Begin as this person; nothing of whoever was here before stays."""
    _forget()
    st.session_state[SESSION] = session


def leave() -> str | None:
    """Sign out here and on the server; returns a sentence where the server could not be told."""
    session: Session | None = st.session_state.get(SESSION)
    _forget()
    if session is None:
        return None
    try:
        client().sign_out(session)
    except SignInError as error:
        return f"You are signed out here. {error}"
    return None


def _refreshed(own: AuthClient, session: Session) -> Session | None:
    try:
        fresh = own.refresh(session)
    except SessionEnded:
        _forget()
        return None
    st.session_state[SESSION] = fresh
    return fresh


def _forget() -> None:
    st.session_state.clear()
    st.session_state[FRAMED] = True
