"""Memories: what is remembered about the person, to find, change, forget and take along. Draws and collects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from auth.guard import require_user
from services import services
from texts import counted, text
from ui import elements, undo_bar, zone
from ui.consent import require_consent
from ui.frame import trouble
from ui.memories import graph, memory_files, memory_list, profile, time_line

user = require_user()
home = services()
require_consent(user)

RECEIPT, TABS = "receipt", "memories-tab"


def draw() -> None:
    """What was done last, and under it the list."""
    zone.know(user)
    st.title(text("memories.title"), anchor=False)
    with st.container(key="news"):
        if receipt := st.session_state.pop(RECEIPT, None):
            elements.deletion_receipt(receipt)
        # One read less where the list needs one more.
        if not memory_list.looking_closer():
            _still_reading()
    undo_bar.draw(user)
    parts: dict[str, Callable[[], None]] = {
        text("memories.tabs.list"): _list,
        text("memories.tabs.timeline"): partial(time_line.draw, user),
        text("memories.tabs.graph"): partial(graph.draw, user),
        text("memories.tabs.profile"): partial(profile.draw, user),
        text("memories.tabs.files"): partial(memory_files.draw, user),
    }
    for tab, part in zip(st.tabs(list(parts), on_change="rerun", key=TABS), parts.values(), strict=True):
        if tab.open:
            with tab, trouble():
                part()


def _list() -> None:
    there_are = memory_list.draw(user)
    with st.container(horizontal_alignment="right"):
        button = text("memories.clear.button")
        if there_are and st.button(button, icon=":material/delete_sweep:", type="tertiary"):
            _confirm_clear()


def _still_reading() -> None:
    waiting = home.conversations.waiting(user.id)
    if waiting:
        st.info(counted("memories.reading", waiting), icon=":material/hourglass:")


@st.dialog(text("memories.clear.title"))
def _confirm_clear() -> None:
    here = require_user()
    with trouble():
        count = home.memory.bulk_edit.page(user_id=here.id, size=1).total
        st.markdown(counted("memories.clear.words", count))
        chats_too = st.checkbox(text("memories.clear.chats"))
        if st.button(text("memories.clear.button"), type="primary", key="really-clear"):
            undo_bar.dismiss()
            st.session_state[RECEIPT] = home.erase_memories(here.id, messages_too=chats_too)
            if chats_too:
                st.session_state.pop("open_chat", None)
            st.rerun()


with trouble():
    draw()
