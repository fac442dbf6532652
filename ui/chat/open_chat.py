"""Keeps which chat is open, and which part of it is drawn, in the session state and the address. Draws nothing."""

from __future__ import annotations

import streamlit as st

from auth.guard import User
from chat.tree import MESSAGES_DRAWN, Thread
from memory.errors import NotFound
from services import services
from ui.browser.page_scripts import scroll_soon

__all__ = ["IN_ADDRESS", "REFUSED", "arrive", "open_id", "read_thread", "set_open", "show_earlier", "show_later"]

# Keys of the session state, and the names of the chat and of a message in the address.
OPEN, REFUSED, IN_ADDRESS, MESSAGE = "open_chat", "refused", "chat", "message"
FIRST, SHOWN, NAMED = "first_drawn", "message_shown", "chat_named"
CHAT, PAGE_BEFORE = "chat", "page_before"


def arrive(page: str) -> None:
    """Note, once in a run, which page is drawn, and close the chat if the person went back to before it was opened.

    Coming from another page opens the last chat again. Until the browser has put it in the address, both cases have the
    same address.
    """
    before, st.session_state[PAGE_BEFORE] = st.session_state.get(PAGE_BEFORE), page
    if page != CHAT:
        return
    if IN_ADDRESS in st.query_params:
        st.session_state[NAMED] = True
    elif before != CHAT:
        st.session_state[NAMED] = False
    elif st.session_state.get(NAMED):
        st.session_state[OPEN] = None


def open_id() -> str | None:
    """Return the id of the chat in the address, or of the one that was open before another page was visited."""
    return st.query_params.get(IN_ADDRESS) or st.session_state.get(OPEN)


def set_open(conversation_id: str | None, message_id: str | None = None) -> None:
    """Open a chat, if wanted at one of its messages, and put it in the address for the back button and bookmarks."""
    st.session_state[OPEN] = conversation_id
    for key in (REFUSED, FIRST):
        st.session_state.pop(key, None)
    if conversation_id is None:
        st.query_params.clear()
    elif st.query_params.get(IN_ADDRESS) != conversation_id or MESSAGE in st.query_params:
        st.query_params.from_dict({IN_ADDRESS: conversation_id})
    if message_id is not None:
        st.query_params[MESSAGE] = message_id


def read_thread(user: User) -> Thread:
    """Return what is drawn of the open chat; for a chat that is gone or somebody else's, an empty thread."""
    chosen = open_id()
    if chosen is None:
        return Thread()
    thread = _read(user, chosen)
    if not thread.messages:
        set_open(None)
    elif st.session_state.get(OPEN) != chosen:
        # The address stays as it is: writing it again would add a step to the back button.
        st.session_state[OPEN] = chosen
    return thread


def show_earlier(drawn: Thread) -> None:
    """Draw earlier messages as well, and keep the reader's place."""
    _begin_with(drawn, max(0, drawn.earlier - MESSAGES_DRAWN))
    scroll_soon(drawn.messages[0].id)


def show_later(drawn: Thread) -> None:
    """Draw later messages."""
    _begin_with(drawn, drawn.earlier + MESSAGES_DRAWN)
    scroll_soon(drawn.messages[-1].id, end=True)


def _begin_with(drawn: Thread, place: int) -> None:
    st.session_state[FIRST] = (open_id(), drawn.steps[place].id)


def _read(user: User, chosen: str) -> Thread:
    """Read the part that was paged to, or that a link leads to. A link is followed once, so that one can leave it."""
    threads = services().conversations.threads
    wanted = st.query_params.get(MESSAGE)
    wanted = wanted if wanted and st.session_state.get(SHOWN) != (chosen, wanted) else None
    paged_chat, first = st.session_state.get(FIRST) or (None, None)
    try:
        thread = threads.open(user.id, chosen, first=first if paged_chat == chosen else None, show=wanted)
        if wanted is None:
            return thread
        st.session_state[SHOWN] = (chosen, wanted)
        if thread.find(wanted):
            st.session_state[FIRST] = (chosen, thread.messages[0].id)
            scroll_soon(wanted, mark=True)
            if thread.branched:
                threads.choose(user.id, chosen, wanted)
    except NotFound:
        return Thread()
    return thread
