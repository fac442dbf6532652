"""The memories page: what is remembered about the person, as a list, a time line, a graph and a profile; and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from auth.guard import require_user
from services import services
from ui import dates, elements, undo_bar
from ui.consent import require_consent
from ui.elements import plural
from ui.frame import show_errors
from ui.memories import graph, memory_files, memory_list, profile, time_line

user = require_user()
app = services()
require_consent(user)

RECEIPT, TABS = "receipt", "memories-tab"


def draw_page() -> None:
    """Draw the undo bar, and the tab that is open."""
    dates.load_timezone(user)
    st.title("What I remember about you", anchor=False)
    with st.container(key="news"):
        if receipt := st.session_state.pop(RECEIPT, None):
            elements.draw_erase_receipt(receipt)
        # A search and an open memory read from the database once more; then this read is left out.
        if not memory_list.is_search_or_memory_open():
            _draw_unread()
    undo_bar.draw_undo_bar(user)
    parts: dict[str, Callable[[], None]] = {
        "Memories": _draw_list,
        "Time line": partial(time_line.draw_time_line, user),
        "Graph": partial(graph.draw_graph, user),
        "Profile": partial(profile.draw_profile, user),
        "Files": partial(memory_files.draw_memory_files, user),
    }
    elements.draw_tabs(parts, TABS)


def _draw_list() -> None:
    has_memories = memory_list.draw_memory_list(user)
    with st.container(horizontal_alignment="right"):
        button = "Forget everything"
        if has_memories and st.button(button, icon=":material/delete_sweep:", type="tertiary"):
            _draw_clear_dialog()


def _draw_unread() -> None:
    waiting = app.conversations.queue.waiting(user.id)
    if waiting:
        st.info(
            plural(
                waiting, "One of your messages is still being read.", "{number} of your messages are still being read."
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
                "One memory goes for good, with every earlier version.",
                "All {number} memories go for good, with every earlier version.",
            )
        )
        chats_too = st.checkbox("Delete my chats as well")
        if st.button("Forget everything", type="primary", key="really-clear"):
            undo_bar.withdraw_undo()
            st.session_state[RECEIPT] = app.erase_memories(user_now.id, messages_too=chats_too)
            if chats_too:
                st.session_state.pop("open_chat", None)
            st.rerun()


with show_errors():
    draw_page()
