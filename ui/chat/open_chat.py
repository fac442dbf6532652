"""Which chat is open, and which part of it is drawn: in the session, and in the address. Draws nothing."""

from __future__ import annotations

import streamlit as st

from auth.guard import User
from chat.tree import PAGE, Thread
from memory.errors import NotFound
from services import services
from ui.browser.page_scripts import scroll_soon

__all__ = ["IN_ADDRESS", "REFUSED", "arrive", "earlier", "later", "open_id", "set_open", "thread"]

# What is kept between two runs, and the names of the chat and of a message of it in the address.
OPEN, REFUSED, IN_ADDRESS, MESSAGE = "open_chat", "refused", "chat", "message"
FIRST, SHOWN, NAMED = "first_drawn", "message_shown", "chat_named"
CHAT, PAGE_BEFORE = "chat", "page_before"


def arrive(page: str) -> None:
    """Once in a run, with its page: who goes back to before a chat sees none; who comes from elsewhere, the last one.

    Until the browser has named that one in the address, both have the same address.
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
    """The conversation the address names, or the one that was open before another page was."""
    return st.query_params.get(IN_ADDRESS) or st.session_state.get(OPEN)


def set_open(conversation_id: str | None, message_id: str | None = None) -> None:
    """Open a chat, at one of its messages, and put it into the address: one can go back to it, and keep it."""
    st.session_state[OPEN] = conversation_id
    for each in (REFUSED, FIRST):
        st.session_state.pop(each, None)
    if conversation_id is None:
        st.query_params.clear()
    elif st.query_params.get(IN_ADDRESS) != conversation_id or MESSAGE in st.query_params:
        st.query_params.from_dict({IN_ADDRESS: conversation_id})
    if message_id is not None:
        st.query_params[MESSAGE] = message_id


def thread(user: User) -> Thread:
    """What is shown of the open conversation; one that is gone, or somebody else's, is a new chat."""
    chosen = open_id()
    if chosen is None:
        return Thread()
    found = _read(user, chosen)
    if not found.messages:
        set_open(None)
    elif st.session_state.get(OPEN) != chosen:
        # The address is left alone: writing it again would put the back button a step behind.
        st.session_state[OPEN] = chosen
    return found


def earlier(drawn: Thread) -> None:
    """Draw the page of messages before these as well, and stay where the reader is."""
    _begin_with(drawn, max(0, drawn.start - PAGE))
    scroll_soon(drawn.messages[0].id)


def later(drawn: Thread) -> None:
    """Go on towards the end."""
    _begin_with(drawn, drawn.start + PAGE)
    scroll_soon(drawn.messages[-1].id, end=True)


def _begin_with(drawn: Thread, place: int) -> None:
    st.session_state[FIRST] = (open_id(), drawn.steps[place].id)


def _read(user: User, chosen: str) -> Thread:
    """The part that was paged to, or that a link leads to: followed once, or leaving it would lead back."""
    threads = services().conversations.threads
    wanted = st.query_params.get(MESSAGE)
    wanted = wanted if wanted and st.session_state.get(SHOWN) != (chosen, wanted) else None
    whose, first = st.session_state.get(FIRST) or (None, None)
    try:
        found = threads.open(user.id, chosen, first=first if whose == chosen else None, show=wanted)
        if wanted is None:
            return found
        st.session_state[SHOWN] = (chosen, wanted)
        if found.find(wanted):
            st.session_state[FIRST] = (chosen, found.messages[0].id)
            scroll_soon(wanted, mark=True)
            if found.branched:
                threads.choose(user.id, chosen, wanted)
    except NotFound:
        return Thread()
    return found
