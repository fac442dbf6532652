"""The gate in front of every page: `user = require_user()` is its first line.

The session lives in this browser session's state and nowhere else, so it ends with the tab. It draws
nothing: who is not signed in is sent to the welcome page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

import streamlit as st

from auth.client import AuthClient, Session
from errors import SessionEnded, SignInError
from settings import settings

__all__ = ["User", "client", "current_user", "enter", "go_on", "leave", "require_user"]

SESSION, FRAMED, WANTED = "session", "framed", "wanted"
HOME = "pages/chat.py"
PAGES = (HOME, "pages/memories.py", "pages/account.py")


@dataclass(frozen=True)
class User:
    """Who is asking, as far as pages need to know."""

    id: str
    email: str


def require_user() -> User:
    """The signed-in user; anybody else is sent to the welcome page, and the calling page ends here."""
    if not st.session_state.get(FRAMED):
        # A server asked directly for a page runs it without the front door: go in through it.
        _note_wanted()
        st.switch_page("app.py")
    user = current_user()
    if user is None:
        _note_wanted()
        st.switch_page("pages/welcome.py")
    return user


def go_on() -> NoReturn:
    """Go where the person wanted to before they had to sign in, or to the chat."""
    page, parameters = st.session_state.pop(WANTED, (HOME, {}))
    st.switch_page(page, query_params=parameters)


def _note_wanted() -> None:
    """Remember the page that was asked for, with what its address says."""
    name = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    if f"pages/{name}.py" in PAGES:
        st.session_state[WANTED] = (f"pages/{name}.py", st.query_params.to_dict())


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
    """Begin as this person; nothing of whoever was here before stays but where they wanted to go."""
    wanted = st.session_state.get(WANTED)
    _forget()
    st.session_state[SESSION] = session
    if wanted:
        st.session_state[WANTED] = wanted


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
