"""The list of chats beside the page, the way to a new one, and deleting one. It knows no message."""

from __future__ import annotations

import streamlit as st

from auth.guard import User, require_user
from chat.conversations import Conversation
from house import house
from ui import pieces
from ui.frame import trouble
from ui.open_chat import open_id, set_open

__all__ = ["chat_list"]


def chat_list(user: User) -> None:
    """Every chat under its day, the latest first."""
    with st.sidebar:
        st.button("New chat", icon=":material/add:", type="primary", width="stretch", on_click=set_open, args=(None,))
        with trouble():
            heading = ""
            for each in house().conversations.recent(user.id):
                if (day := pieces.day(each.updated_at)) != heading:
                    heading = day
                    st.caption(day)
                _row(each)


def _row(each: Conversation) -> None:
    key = f"chat-row-{'open' if each.id == open_id() else 'other'}-{each.id}"
    row = st.container(key=key, horizontal=True, wrap=False, gap="small", vertical_alignment="center")
    label = pieces.plain(each.title or "New chat")
    # Not a page link: Streamlit's do not write the address of another chat on the same page.
    row.button(label, key=f"open-{each.id}", type="tertiary", width="stretch", on_click=set_open, args=(each.id,))
    if row.button("Delete chat", key=f"icon-delete-{each.id}", icon=":material/close:", type="tertiary"):
        _confirm_delete(each)


@st.dialog("Delete this chat?")
def _confirm_delete(each: Conversation) -> None:
    st.markdown(f"**{pieces.plain(each.title)}** and its messages go for good. What was learned from it stays.")
    if st.button("Delete chat", type="primary", key="really-delete"):
        with trouble():
            house().conversations.delete(require_user().id, each.id)
            if open_id() == each.id:
                set_open(None)
            st.rerun()
