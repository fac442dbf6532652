"""The memories page: what is remembered about the person, as a list, a time line, a graph and a profile; and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from auth.guard import require_user
from services import services
from ui import elements, undo_bar
from ui.consent import require_consent
from ui.elements import plural
from ui.frame import show_errors
from ui.memories import graph, memory_files, memory_list, profile, time_line
from ui.sidebar import draw_sidebar

user = require_user()
app = services()
require_consent(user)

RECEIPT = "receipt"


def draw_page() -> None:
    """Draw the undo bar, and the tab that is open."""
    waiting, *page = draw_sidebar(user, "memories")
    st.title("What I remember about you", anchor=False)
    with st.container(key="news"):
        if receipt := st.session_state.pop(RECEIPT, None):
            elements.draw_erase_receipt(receipt)
        _draw_unread(waiting)
    undo_bar.draw_undo_bar(user)
    parts: dict[str, Callable[[], None]] = {
        memory_list.LIST: partial(_draw_list, *page),
        "Time line": partial(time_line.draw_time_line, user),
        "Graph": partial(graph.draw_graph, user),
        "Profile": partial(profile.draw_profile, user),
        "Files": partial(memory_files.draw_memory_files, user),
    }
    elements.draw_tabs(parts, memory_list.TABS)


def _draw_list(read: memory_list.AskedPage | None = None) -> None:
    has_memories = memory_list.draw_memory_list(user, read)
    with st.container(horizontal_alignment="right"):
        button = "Forget everything"
        if has_memories and st.button(button, icon=":material/delete_sweep:", type="tertiary"):
            _draw_clear_dialog()


def _draw_unread(waiting: int) -> None:
    if waiting:
        st.info(
            plural(
                waiting,
                "1 message is waiting to be remembered.",
                "{number} messages are waiting to be remembered.",
            ),
            icon=":material/hourglass:",
        )


@st.dialog("Forget everything?")
def _draw_clear_dialog() -> None:
    user_now = require_user()
    with show_errors():
        count = app.memory.bulk_edit.page(user_id=user_now.id, size=1).total
        st.markdown(
            plural(
                count,
                "1 memory is permanently deleted, including its history.",
                "All {number} memories are permanently deleted, including their history.",
            )
        )
        chats_too = st.checkbox("Also delete my chats")
        if st.button("Forget everything", type="primary", key="really-clear"):
            undo_bar.withdraw_undo()
            st.session_state[RECEIPT] = app.erase_memories(user_now.id, messages_too=chats_too)
            if chats_too:
                st.session_state.pop("open_chat", None)
            st.rerun()


with show_errors():
    draw_page()
