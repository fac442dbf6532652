"""Keeps which chat is open, and which part of it is drawn, in the session state and the address. Draws nothing."""

from __future__ import annotations

import streamlit as st

from auth.guard import User, require_user
from chat.tree import MESSAGES_DRAWN, Thread
from memory.errors import NotFound
from services import services
from ui.browser.page_scripts import scroll_soon
from ui.frame import show_errors

__all__ = [
    "BOX_FOCUSED",
    "CHAT",
    "IN_ADDRESS",
    "REFUSED",
    "arrive",
    "close_if_open",
    "follow",
    "go_to",
    "open_id",
    "open_origin",
    "read_thread",
    "set_open",
    "show_earlier",
    "show_later",
    "shown_id",
]

# Keys of the session state, and the names of the chat and of a message in the address.
OPEN, REFUSED, IN_ADDRESS, MESSAGE = "open_chat", "refused", "chat", "message"
FIRST, SHOWN, NAMED, JUMP = "first_drawn", "message_shown", "chat_named", "jump_to_message"
CHAT, PAGE_BEFORE, PAGE, GOING = "chat", "page_before", "page_drawn", "going_to_chat"
BOX_FOCUSED = "box_focused"  # whether the box had the cursor since the page was opened
GONE = "This chat was deleted, or belongs to another account. Here is a new one."


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
    _close()
    st.session_state[OPEN] = conversation_id
    if conversation_id is None:
        st.query_params.clear()
        return
    place = {IN_ADDRESS: conversation_id} | ({MESSAGE: message_id} if message_id else {})
    if st.query_params.to_dict() != place:
        st.query_params.from_dict(place)  # at once: each change is a step for the back button


def close_if_open(conversation_id: str) -> bool:
    """Close a chat that is being deleted, and return whether it is on the page."""
    shown = shown_id() == conversation_id
    if shown:
        set_open(None)
    elif st.session_state.get(OPEN) == conversation_id:
        st.session_state[OPEN] = None
    return shown


def _close() -> None:
    for key in (OPEN, REFUSED, FIRST, SHOWN, JUMP):
        st.session_state.pop(key, None)


def shown_id() -> str | None:
    """Return the id of the chat that is on the page; None on another page than the chat page."""
    return open_id() if st.session_state.get(PAGE) == CHAT else None


def go_to(conversation_id: str | None, message_id: str | None = None) -> None:
    """Open a chat, or a new one, from any page; `follow` leads to the chat page."""
    if st.session_state.get(PAGE) == CHAT:
        set_open(conversation_id, message_id)
        return
    _close()
    st.session_state[OPEN] = conversation_id
    # Not in the address, which would be written before the page changes: one more step for the back button.
    st.session_state[JUMP] = conversation_id, message_id
    st.session_state[GOING] = True
    if conversation_id is None:
        st.session_state.pop(BOX_FOCUSED, None)


def follow(page: str) -> None:
    """Note which page is drawn; go to the chat page if `go_to` asked for it. To be called before a page is drawn."""
    st.session_state[PAGE] = page
    if st.session_state.pop(GOING, False) and page != CHAT:
        st.switch_page("pages/chat.py")


def open_origin(conversation_id: str, message_id: str | None = None) -> None:
    """Open the message that a memory came from, in the chat that it is in, or else the chat."""
    with show_errors():
        try:
            found = services().conversations.message(require_user().id, message_id) if message_id else None
        except NotFound:  # an imported message has an id of another kind
            found = None
        set_open(found.conversation_id if found else conversation_id, message_id if found else None)


def read_thread(user: User) -> Thread:
    """Return what is drawn of the open chat; for a chat that is gone, an empty thread and a notice."""
    chosen = open_id()
    if chosen is None:
        return Thread()
    thread = _read(user, chosen)
    if not thread.messages:
        set_open(None)
        st.session_state[REFUSED] = (GONE, [])
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
    jumped_to, jumped = st.session_state.get(JUMP) or (None, None)
    wanted = st.query_params.get(MESSAGE) or (jumped if jumped_to == chosen else None)
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
