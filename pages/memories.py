"""Memories: everything that is remembered about the person, to read, search, forget and clear. Draws and collects."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from errors import NotFound
from house import house
from ui import pieces
from ui.consent import require_consent
from ui.frame import trouble

user = require_user()
home = house()
require_consent(user)

SHOWN, FORGOTTEN = 50, "forgotten"


def draw() -> None:
    """How many there are, the search, and the list."""
    st.title("What I remember about you", anchor=False)
    memories = home.memory.get_all(user_id=user.id, limit=1_000)["results"]
    waiting = home.conversations.waiting(user.id)
    if waiting:
        st.info(
            f"{waiting} of your messages {'is' if waiting == 1 else 'are'} still being read.",
            icon=":material/hourglass:",
        )
    if receipt := st.session_state.pop("receipt", None):
        pieces.deletion_receipt(receipt)
    _offer_undo()
    if not memories:
        _nothing_yet()
        return
    count, clear = st.columns([1, 1], vertical_alignment="bottom")
    count.caption("1 memory" if len(memories) == 1 else f"{len(memories)} memories")
    with clear.container(horizontal_alignment="right"):
        if st.button("Forget everything", icon=":material/delete_sweep:", type="tertiary"):
            _confirm_clear(len(memories))
    looked_for = st.text_input("Find", placeholder="Find a memory", label_visibility="collapsed", max_chars=200)
    found = [each for each in memories if looked_for.casefold() in each["memory"].casefold()]
    if not found:
        st.caption("None of them says that.")
    for each in found[: st.session_state.get("shown", SHOWN)]:
        if pieces.memory_card(each):
            _forget(each["id"])
    if len(found) > st.session_state.get("shown", SHOWN) and st.button("Show more"):
        st.session_state["shown"] = st.session_state.get("shown", SHOWN) + SHOWN
        st.rerun()


def _nothing_yet() -> None:
    st.markdown("Nothing yet. Tell me something about you in a chat, and it will stand here in your own words.")
    if st.button("Go to the chat", type="primary", icon=":material/chat:"):
        st.switch_page("pages/chat.py")


def _forget(memory_id: str) -> None:
    try:
        home.memory.delete(memory_id, user_id=user.id)
        st.session_state[FORGOTTEN] = home.memory.changes(user_id=user.id, limit=1)[0]
    except NotFound:
        st.toast("It was forgotten already.")
    st.rerun()


def _offer_undo() -> None:
    """What was forgotten last can be taken back, as long as the page is not left."""
    forgotten = st.session_state.get(FORGOTTEN)
    if forgotten is None:
        return
    row = st.container(border=True, horizontal=True, vertical_alignment="center")
    row.markdown(f"Forgotten: {pieces.plain(forgotten['old_memory'])}", width="stretch")
    if row.button("Undo", icon=":material/undo:"):
        st.session_state.pop(FORGOTTEN)
        with trouble():
            home.memory.undo(forgotten["id"], user_id=user.id)
            st.rerun()


@st.dialog("Forget everything?")
def _confirm_clear(count: int) -> None:
    st.markdown(
        f"{'One memory goes' if count == 1 else f'All {count} memories go'} for good, with every earlier version."
    )
    chats_too = st.checkbox("Delete my chats as well")
    if st.button("Forget everything", type="primary", key="really-clear"):
        with trouble():
            st.session_state.pop(FORGOTTEN, None)
            st.session_state["receipt"] = home.clear_memories(require_user().id, messages_too=chats_too)
            if chats_too:
                st.session_state.pop("open_chat", None)
            st.rerun()


with trouble():
    draw()
