"""The gate in front of every page: `user = require_user()` is its first line.

A person comes in with `enter`, or by the cookie of an earlier visit, and is asked for at each click: a
session that was revoked elsewhere ends here. It draws nothing: who is not signed in is sent to the
welcome page. What stays in the state after somebody left, `_forget` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlsplit

import streamlit as st

from auth.client import AuthClient, Session
from auth.cookies import cookie_name, device_name
from auth.errors import SessionEnded, SignInError, UntrustedToken
from auth.session import OpenDevice, Sessions
from settings import settings

__all__ = [
    "User",
    "client",
    "current_user",
    "device",
    "enter",
    "give_back",
    "go_on",
    "keep_unsent",
    "learn_anew",
    "leave",
    "open_door",
    "renew",
    "require_user",
    "session",
    "sessions",
    "stop_if_ended",
    "why_here",
]

SESSION, FRAMED, WANTED = "session", "framed", "wanted"
DEVICE, SESSIONS, CHECKED, TRIED = "device", "sessions", "checked", "tried_cookie"
TICKET, DROP, NO_COOKIE, KEPT, UNSENT, ENDED = ("ticket", "drop_cookie", "no_cookie", "kept", "unsent", "ended")
HOME = "pages/chat.py"
PAGES = (HOME, "pages/memories.py", "pages/settings.py", "pages/account.py")
# Pages that stand under another address than their file's name.
ELSEWHERE = {"health-report": "pages/health.py"}


@dataclass(frozen=True)
class User:
    """Who is asking, as far as pages need to know."""

    id: str
    email: str
    still_here: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)


def require_user() -> User:
    """The signed-in user; anybody else is sent to the welcome page, and the calling page ends here."""
    if not st.session_state.get(FRAMED):
        # A server asked directly for a page runs it without the front door: go in through it.
        _note_wanted()
        st.switch_page("app.py")
    # The front door has asked a moment ago; a dialog or a fragment runs without it, and asks itself.
    user = st.session_state.pop(CHECKED, None) or current_user()
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
    page = ELSEWHERE.get(name, f"pages/{name}.py")
    if page in (*PAGES, *ELSEWHERE.values()):
        st.session_state[WANTED] = (page, st.query_params.to_dict())


def open_door(kept_by: Sessions) -> User | None:
    """What the front door does at each run: learns where sessions are kept, and who is asking."""
    st.session_state[SESSIONS] = kept_by
    user = current_user()
    st.session_state[CHECKED] = user
    return user


def current_user() -> User | None:
    """Who is signed in here, with fresh tokens; None once the session has ended."""
    here: Session | None = st.session_state.get(SESSION) or _returned()
    if here is None:
        return None
    device: OpenDevice = st.session_state.get(DEVICE) or _begin(here)
    try:
        standing = sessions().standing(device)
        if standing is None:
            _end()
            return None
        st.session_state[KEPT] = standing.kept
        if here.stale:
            here = sessions().fresh(device, client().refresh)
            st.session_state[SESSION] = here
    except (SessionEnded, UntrustedToken):
        _end()
        return None
    kept_by = sessions()
    return User(here.user_id, here.email, lambda: kept_by.standing(device) is not None)


def session() -> Session:
    """The tokens of who is signed in, for what the auth server is asked on their behalf."""
    here: Session | None = st.session_state.get(SESSION)
    if here is None:
        raise SessionEnded("You were signed out. Please sign in again.")
    return here


def device() -> OpenDevice:
    """The session this tab is in."""
    opened: OpenDevice = st.session_state[DEVICE]
    return opened


def sessions() -> Sessions:
    """Where everybody's sessions are kept."""
    kept_by: Sessions = st.session_state[SESSIONS]
    return kept_by


def client() -> AuthClient:
    """This browser session's own client."""
    configured = settings()
    return _own_client(configured.supabase_url or "", configured.supabase_key or "")


@st.cache_resource(scope="session", show_spinner=False, on_release=AuthClient.close)
def _own_client(url: str, key: str) -> AuthClient:
    """Made once for each browser session, and hung up when the session is gone."""
    return AuthClient(url, key)


# -- coming and going --------------------------------------------------------------------------------


def enter(arrived: Session) -> None:
    """Begin as this person; nothing of whoever was here before stays but where they wanted to go."""
    if arrived.half_way:
        raise SignInError("The second factor is still to come.")
    before, opened = st.session_state.get(SESSION), st.session_state.get(DEVICE)
    if before and opened and before.user_id == arrived.user_id and sessions().standing(opened):
        renew(arrived)  # a link in a mail, followed by who is signed in already
        return
    mine = st.session_state.get(UNSENT, ("",))[0] == arrived.user_id
    _forget(keeping=(WANTED, UNSENT) if mine else (WANTED,))
    st.session_state.pop(DROP)
    st.session_state[SESSION] = arrived
    _begin(arrived)


def renew(changed: Session) -> None:
    """Go on with other tokens of the same person, in this tab and in the browser's other ones."""
    st.session_state[SESSION] = changed
    sessions().save(device(), changed)


def learn_anew() -> None:
    """Ask the auth server what it has changed of this person."""
    st.session_state[SESSION] = sessions().fresh(device(), client().refresh, anew=True)


def leave(*, everywhere: bool = False) -> str | None:
    """Sign out here, or everywhere, and on the server; returns a sentence where the server could not be told."""
    here: Session | None = st.session_state.get(SESSION)
    if here is None:
        return None
    if everywhere:
        sessions().revoke_all(here.user_id)
    elif opened := st.session_state.get(DEVICE):
        sessions().close(opened)
    _forget(keeping=())
    try:
        client().sign_out(here, "global" if everywhere else "local")
    except SignInError as error:
        return f"You are signed out here. {error}"
    return None


def _begin(arrived: Session) -> OpenDevice:
    """Open a session for this tab, with a ticket by which the browser gets its cookie."""
    opened = sessions().open(arrived, device_name(st.context.headers.get("User-Agent")))
    st.session_state[DEVICE] = opened
    st.session_state[TICKET] = sessions().ticket(opened), time.monotonic()
    return opened


def _returned() -> Session | None:
    """Whom the browser's cookie says this is. A cookie that opened nothing is not tried again."""
    cookie = st.context.cookies.to_dict().get(cookie_name(st.context.url or ""))
    if SESSIONS not in st.session_state or not cookie or st.session_state.get(TRIED) == cookie:
        return None
    try:
        found = sessions().find(cookie)
        if found is not None:
            opened, kept = found[0], _still_good(*found)
            st.session_state[DEVICE], st.session_state[SESSION] = opened, kept
            return kept
    except (SessionEnded, UntrustedToken):
        pass
    st.session_state[TRIED] = cookie
    return None


def _end() -> None:
    """The session was ended elsewhere: forget it, and let the welcome page say so."""
    _forget()
    st.session_state[ENDED] = True


def _still_good(opened: OpenDevice, kept: Session) -> Session:
    """What was kept, if its token is still trusted; else what the auth server gives for it."""
    try:
        if not kept.stale:
            client().check(kept)
            return kept
    except (SessionEnded, UntrustedToken):
        pass  # ended, or signed with a key that was changed since: refreshing tells which
    return sessions().fresh(opened, client().refresh, anew=True)


def _forget(*, keeping: tuple[str, ...] = (UNSENT,)) -> None:
    """Leave nothing of the person in this tab but what the gate itself needs, and what could not be sent."""
    names = (SESSIONS, TRIED, NO_COOKIE, *keeping)
    stays = {name: st.session_state[name] for name in names if name in st.session_state}
    st.session_state.clear()
    st.session_state.update(stays)
    st.session_state[FRAMED] = st.session_state[DROP] = True


# -- words that could not be sent --------------------------------------------------------------------


def stop_if_ended(user: User, words: str) -> None:
    """Raise `SessionEnded` if nobody may speak for this person any more; the words wait for them to be back."""
    # A box's callback runs before the page, and before its gate.
    if not user.still_here():
        keep_unsent(user, words)
        raise SessionEnded("You were signed out. Please sign in again.")


def keep_unsent(user: User, words: str) -> None:
    """Words that could not be sent wait for their person; `give_back` puts them into their box."""
    st.session_state[UNSENT] = (user.id, words)


def why_here() -> str | None:
    """What to say to who is at the door although they had not signed out; said once."""
    if not st.session_state.pop(ENDED, False):
        return None
    kept = " What you wrote is kept, and waits for you." if UNSENT in st.session_state else ""
    return f"You were signed out. Sign in to go on where you were.{kept}"


def give_back(user: User, box: str) -> bool:
    """Put words that could not be sent into their box again; another person's are thrown away. Whether it put any."""
    owner, words = st.session_state.pop(UNSENT, ("", ""))
    if words and owner == user.id:
        st.session_state[box] = words
        return True
    return False
