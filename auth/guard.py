"""Checks at the start of every page who is signed in (`user = require_user()`), and signs people in and out of a tab.

A person signs in with `sign_in`, or by the cookie of an earlier visit. Each run checks the session again, so that a
session which was revoked elsewhere ends. This module draws nothing: whoever is not signed in is sent to the welcome
page. `_clear_state` decides what stays in a tab after a person has signed out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlsplit

import streamlit as st

from auth.client import AuthClient
from auth.cookies import cookie_name, device_name
from auth.errors import SIGNED_OUT, SessionEnded, SignInError, UntrustedToken
from auth.person import Session
from auth.session import OpenDevice, Sessions
from auth.uploads import allow_uploads
from settings import settings

__all__ = [
    "User",
    "begin_run",
    "client",
    "current_user",
    "device",
    "keep_unsent",
    "open_wanted_page",
    "refresh_session",
    "renew",
    "require_user",
    "restore_unsent",
    "session",
    "sessions",
    "sign_in",
    "sign_out",
    "signed_out_notice",
    "stop_if_ended",
]

SESSION, RUN_BY_APP, WANTED_PAGE = "session", "framed", "wanted"
DEVICE, SESSIONS, CHECKED, TRIED_COOKIE = "device", "sessions", "checked", "tried_cookie"
TICKET, DROP, NO_COOKIE, HAS_COOKIE, UNSENT_TEXT, WAS_ENDED = (
    "ticket",
    "drop_cookie",
    "cookie_refused",
    "kept",
    "unsent",
    "ended",
)
HOME = "pages/chat.py"
PAGES = (HOME, "pages/memories.py", "pages/settings.py", "pages/connect.py", "pages/account.py")
# Pages whose address is not their file's name.
OTHER_ADDRESSES = {"health-report": "pages/health.py"}


@dataclass(frozen=True)
class User:
    """The signed-in user, as pages see them. `is_signed_in` asks the database whether the session still exists."""

    id: str
    email: str
    is_signed_in: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)


def require_user() -> User:
    """Return the signed-in user; send anybody else to the welcome page, which ends the calling page."""
    if not st.session_state.get(RUN_BY_APP):
        # A page whose address is opened directly is run without app.py: run app.py first.
        _note_wanted_page()
        st.switch_page("app.py")
    # In a run of the whole page app.py has just checked; a dialog or a fragment runs without app.py.
    user = st.session_state.pop(CHECKED, None) or current_user()
    if user is None:
        _note_wanted_page()
        st.switch_page("pages/welcome.py")
    return user


def open_wanted_page() -> NoReturn:
    """Open the page that the person wanted to open before they had to sign in, or the chat."""
    page, parameters = st.session_state.pop(WANTED_PAGE, (HOME, {}))
    st.switch_page(page, query_params=parameters)


def _note_wanted_page() -> None:
    """Note the page that the person wants to open, with the parameters in its address."""
    name = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    page = OTHER_ADDRESSES.get(name, f"pages/{name}.py")
    if page in (*PAGES, *OTHER_ADDRESSES.values()):
        st.session_state[WANTED_PAGE] = (page, st.query_params.to_dict())


def begin_run(store: Sessions) -> User | None:
    """Note the store of all sessions, and return the signed-in user; app.py calls this at the start of each run."""
    st.session_state[SESSIONS] = store
    user = current_user()
    st.session_state[CHECKED] = user
    allow_uploads(user is not None)
    return user


def current_user() -> User | None:
    """Return the signed-in user, after refreshing the tokens if need be; None if nobody is signed in."""
    tokens: Session | None = st.session_state.get(SESSION) or _session_from_cookie()
    if tokens is None:
        return None
    device: OpenDevice = st.session_state.get(DEVICE) or _open_session(tokens)
    try:
        status = sessions().status(device)
        if status is None:
            _end_session()
            return None
        st.session_state[HAS_COOKIE] = status.kept
        if tokens.expires_soon:
            tokens = sessions().fresh(device, client().refresh)
            st.session_state[SESSION] = tokens
    except (SessionEnded, UntrustedToken):
        _end_session()
        return None
    store = sessions()
    return User(tokens.user_id, tokens.email, lambda: store.status(device) is not None)


def session() -> Session:
    """Return the tokens of the signed-in person, for requests to the auth server on their behalf."""
    tokens: Session | None = st.session_state.get(SESSION)
    if tokens is None:
        raise SessionEnded(SIGNED_OUT)
    return tokens


def device() -> OpenDevice:
    """Return the session of this tab."""
    opened: OpenDevice = st.session_state[DEVICE]
    return opened


def sessions() -> Sessions:
    """Return the store of all sessions."""
    store: Sessions = st.session_state[SESSIONS]
    return store


def client() -> AuthClient:
    """Return the auth client of this browser session."""
    configured = settings()
    return _own_client(configured.supabase_url or "", configured.supabase_key or "")


@st.cache_resource(scope="session", show_spinner=False, on_release=AuthClient.close)
def _own_client(url: str, key: str) -> AuthClient:
    """Make one client for each browser session; it is closed when Streamlit drops the session."""
    return AuthClient(url, key)


# -- signing in and out --------------------------------------------------------------------------------


def sign_in(arrived: Session) -> None:
    """Sign this person in; clear what an earlier person left in the tab, but keep the page they wanted to open."""
    if arrived.needs_second_factor:
        raise SignInError("Enter the code from your authenticator app first.")
    before, opened = st.session_state.get(SESSION), st.session_state.get(DEVICE)
    if before and opened and before.user_id == arrived.user_id and sessions().status(opened):
        renew(arrived)  # the person was signed in already, and used the link in a mail
        return
    wrote_unsent = st.session_state.get(UNSENT_TEXT, ("",))[0] == arrived.user_id
    _clear_state(keeping=(WANTED_PAGE, UNSENT_TEXT) if wrote_unsent else (WANTED_PAGE,))
    st.session_state.pop(DROP)
    st.session_state[SESSION] = arrived
    _open_session(arrived)


def renew(changed: Session) -> None:
    """Use other tokens of the same person from now on, in this tab and in the browser's other tabs."""
    st.session_state[SESSION] = changed
    sessions().save(device(), changed)


def refresh_session() -> None:
    """Refresh the tokens, so that they show what the auth server changed about the person."""
    st.session_state[SESSION] = sessions().fresh(device(), client().refresh, always=True)


def sign_out(*, everywhere: bool = False) -> str | None:
    """Sign out here or everywhere, and at the auth server; return a sentence if the server could not be reached."""
    tokens: Session | None = st.session_state.get(SESSION)
    if tokens is None:
        return None
    if everywhere:
        sessions().revoke_all(tokens.user_id)
    elif opened := st.session_state.get(DEVICE):
        sessions().close(opened)
    _clear_state(keeping=())
    allow_uploads(False)
    try:
        client().sign_out(tokens, "global" if everywhere else "local")
    except SignInError as error:
        return f"You are signed out here. {error}"
    return None


def _open_session(arrived: Session) -> OpenDevice:
    """Open a session for this tab, and a ticket that the browser trades for its cookie."""
    opened = sessions().open(arrived, device_name(st.context.headers.get("User-Agent")))
    st.session_state[DEVICE] = opened
    st.session_state[TICKET] = sessions().ticket(opened), time.monotonic()
    return opened


def _session_from_cookie() -> Session | None:
    """Return the session whose cookie the browser sends. A cookie without a session is not tried again."""
    cookie = st.context.cookies.to_dict().get(cookie_name(st.context.url or ""))
    if SESSIONS not in st.session_state or not cookie or st.session_state.get(TRIED_COOKIE) == cookie:
        return None
    try:
        found = sessions().find(cookie)
        if found is not None:
            tokens = _valid_tokens(*found)
            st.session_state[DEVICE], st.session_state[SESSION] = found[0], tokens
            return tokens
    except (SessionEnded, UntrustedToken):
        pass
    st.session_state[TRIED_COOKIE] = cookie
    return None


def _end_session() -> None:
    """Clear the tab after the session was ended elsewhere, and let the welcome page say so."""
    _clear_state()
    st.session_state[WAS_ENDED] = True


def _valid_tokens(opened: OpenDevice, kept: Session) -> Session:
    """Return the stored tokens if they are still valid, else refreshed ones."""
    try:
        if not kept.expires_soon:
            client().check(kept)
            return kept
    except (SessionEnded, UntrustedToken):
        pass  # the session has ended, or the signing key was changed: refreshing tells which
    return sessions().fresh(opened, client().refresh, always=True)


def _clear_state(*, keeping: tuple[str, ...] = (UNSENT_TEXT,)) -> None:
    """Clear this tab's state, except for what this module needs and the names in `keeping`."""
    names = (SESSIONS, TRIED_COOKIE, NO_COOKIE, *keeping)
    kept = {name: st.session_state[name] for name in names if name in st.session_state}
    st.session_state.clear()
    st.session_state.update(kept)
    st.session_state[RUN_BY_APP] = st.session_state[DROP] = True


# -- text that could not be sent --------------------------------------------------------------------


def stop_if_ended(user: User, words: str) -> None:
    """Raise `SessionEnded` if the session has ended; the typed text is kept until the person signs in again."""
    # The callback of an input box runs before the page, and so before `require_user`.
    if not user.is_signed_in():
        keep_unsent(user, words)
        raise SessionEnded(SIGNED_OUT)


def keep_unsent(user: User, words: str) -> None:
    """Keep a text that could not be sent; `restore_unsent` puts it back into its box."""
    st.session_state[UNSENT_TEXT] = (user.id, words)


def signed_out_notice() -> str | None:
    """Return a sentence for a person whose session was ended elsewhere, once; else None."""
    if not st.session_state.pop(WAS_ENDED, False):
        return None
    kept = " Your unsent message is saved." if UNSENT_TEXT in st.session_state else ""
    return f"You were signed out. Sign in to continue.{kept}"


def restore_unsent(user: User, box: str) -> bool:
    """Put a text that could not be sent back into its box, unless another person wrote it; return whether it did."""
    owner, words = st.session_state.pop(UNSENT_TEXT, ("", ""))
    if words and owner == user.id:
        st.session_state[box] = words
        return True
    return False
