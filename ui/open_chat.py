"""Which chat is open, and what was said in it: in the session, and in the address. Draws nothing."""

from __future__ import annotations

import streamlit as st

from auth.guard import User
from chat.conversations import Message
from errors import NotFound
from house import house

__all__ = ["PROBLEM", "REFUSED", "messages", "open_id", "set_open"]

# What is kept between two runs, and the chat's name in the address.
OPEN, PROBLEM, REFUSED, IN_ADDRESS = "open_chat", "chat_problem", "refused", "chat"


def open_id() -> str | None:
    """The conversation the address names, or the one that was open before another page was."""
    return st.query_params.get(IN_ADDRESS) or st.session_state.get(OPEN)


def set_open(conversation_id: str | None) -> None:
    """Open a conversation, and let the address say so: it can be gone back to, and kept."""
    st.session_state[OPEN] = conversation_id
    st.session_state.pop(PROBLEM, None)
    st.session_state.pop(REFUSED, None)
    if conversation_id is None:
        st.query_params.clear()
    elif st.query_params.get(IN_ADDRESS) != conversation_id:
        st.query_params[IN_ADDRESS] = conversation_id


def messages(user: User) -> list[Message]:
    """What was said in the open conversation; one that is gone, or somebody else's, is a new chat."""
    chosen = open_id()
    if chosen is None:
        return []
    try:
        found = house().conversations.messages(user.id, chosen)
    except NotFound:
        found = []
    if not found:
        set_open(None)
    elif st.session_state.get(OPEN) != chosen:
        # The address is left alone: writing it again would put the back button a step behind.
        st.session_state[OPEN] = chosen
        st.session_state.pop(PROBLEM, None)
    return found
