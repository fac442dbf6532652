"""The gate in front of every page: `user = require_user()` is its first line.

The session lives in this browser session's state and nowhere else, so it ends with the tab. It draws
nothing: who is not signed in is sent to the welcome page.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from auth.client import AuthClient, Session
from errors import SessionEnded, SignInError
from settings import Settings

__all__ = ["User", "client", "current_user", "enter", "leave", "require_user"]

SESSION, CLIENT, FRAMED = "session", "auth_client", "framed"


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
        session = _refreshed(session)
    return User(session.user_id, session.email) if session else None


def client(settings: Settings) -> AuthClient:
    """This browser session's own client."""
    if CLIENT not in st.session_state:
        st.session_state[CLIENT] = AuthClient(settings.supabase_url or "", settings.supabase_key or "")
    own: AuthClient = st.session_state[CLIENT]
    return own


def enter(session: Session) -> None:
    """Begin as this person; nothing of whoever was here before stays."""
    own_client = st.session_state.get(CLIENT)
    _forget()
    st.session_state[CLIENT] = own_client
    st.session_state[SESSION] = session


def leave() -> str | None:
    """Sign out here and on the server; returns a sentence where the server could not be told."""
    own_client: AuthClient | None = st.session_state.get(CLIENT)
    _forget()
    if own_client is None:
        return None
    try:
        own_client.sign_out()
    except SignInError as error:
        return f"You are signed out here. {error}"
    return None


def _refreshed(session: Session) -> Session | None:
    own_client: AuthClient = st.session_state[CLIENT]
    try:
        fresh = own_client.refresh(session)
    except SessionEnded:
        _forget()
        return None
    st.session_state[SESSION] = fresh
    return fresh


def _forget() -> None:
    framed = st.session_state.get(FRAMED)
    st.session_state.clear()
    st.session_state[FRAMED] = framed
