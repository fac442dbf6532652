"""Memories: what is remembered about the person, to find, change, forget and take along. Draws and collects."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from house import house
from ui import memory_files, memory_list, pieces, profile_lines, undo_bar
from ui.consent import require_consent
from ui.frame import trouble

user = require_user()
home = house()
require_consent(user)

RECEIPT, TABS = "receipt", "memories-tab"


def draw() -> None:
    """What was done last, and under it the list."""
    st.title("What I remember about you", anchor=False)
    with st.container(key="news"):
        if receipt := st.session_state.pop(RECEIPT, None):
            pieces.deletion_receipt(receipt)
        # One read less where the list needs one more.
        if not memory_list.looking_closer():
            _still_reading()
    undo_bar.draw(user)
    parts = {"Memories": _list, "Profile": _profile, "Files": _files}
    for tab, part in zip(st.tabs(list(parts), on_change="rerun", key=TABS), parts.values(), strict=True):
        if tab.open:
            with tab, trouble():
                part()


def _profile() -> None:
    profile_lines.draw(user)


def _files() -> None:
    memory_files.draw(user)


def _list() -> None:
    there_are = memory_list.draw(user)
    with st.container(horizontal_alignment="right"):
        if there_are and st.button("Forget everything", icon=":material/delete_sweep:", type="tertiary"):
            _confirm_clear()


def _still_reading() -> None:
    waiting = home.conversations.waiting(user.id)
    if waiting:
        st.info(
            f"{waiting} of your messages {'is' if waiting == 1 else 'are'} still being read.",
            icon=":material/hourglass:",
        )


@st.dialog("Forget everything?")
def _confirm_clear() -> None:
    here = require_user()
    with trouble():
        count = home.memory.shelf.page(user_id=here.id, size=1).total
        st.markdown(
            f"{'One memory goes' if count == 1 else f'All {count:,} memories go'} for good, with every earlier version."
        )
        chats_too = st.checkbox("Delete my chats as well")
        if st.button("Forget everything", type="primary", key="really-clear"):
            undo_bar.dismiss()
            st.session_state[RECEIPT] = home.clear_memories(here.id, messages_too=chats_too)
            if chats_too:
                st.session_state.pop("open_chat", None)
            st.rerun()


with trouble():
    draw()
