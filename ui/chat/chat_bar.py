"""Draws the bar above a chat: switches for using and keeping memory, and forgetting what was learned from the chat.

The switches of a new chat are kept in the session until its first message.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import User, require_user
from chat.preferences import Preferences
from chat.tree import Switches
from memory.erase import CHANGED, DELETED, MERGED, SAME, ForgetReceipt, LearnedFromChat, LearnedMemory
from memory.errors import AppError
from services import services
from ui.dates import when_erased
from ui.elements import NOT_SEARCHED, draw_index_waits, escape, plural
from ui.frame import show_errors, show_warning

__all__ = ["ChatBarPlace", "clear_new_chat_switches", "draw_chat_bar", "draw_forget_receipt", "new_chat_switches"]

NEW_CHAT, PROBLEM, RECEIPT = "new_chat_switches", "chat_bar_trouble", "forget_receipt"
READS, WRITES, TEMPORARY = "reads-memory", "writes-memory", "temporary-chat"
FORGET = ":material/bookmark_remove:"
# Why a memory is not erased.
REASONS = {
    CHANGED: "it was changed later",
    MERGED: "other chats say the same",
    DELETED: "it was deleted in this chat and stays deleted",
    SAME: "another memory already says what this one said before",
}


def draw_chat_bar(
    user: User,
    conversation_id: str | None,
    saved: Switches | None,
    preferences: Preferences,
    place: ChatBarPlace,
    *,
    taught: bool = False,
) -> None:
    """Draw what the chat does with memory: a popover with switches, and the switch that makes it temporary.

    What is off in the person's `preferences` is off in every chat. `taught` says whether anything of the chat may have
    been learned, which can be forgotten.
    """
    switches = saved or new_chat_switches() or Switches()
    with place.bar:
        _draw_bar(user, conversation_id, switches, preferences, taught=taught)
    with place.notes:
        if switches.temporary:
            with st.container(key="temporary-band"):
                st.caption("Not in your list of chats. Erased a day after the last message.")
        if problem := st.session_state.pop(PROBLEM, None):
            show_warning(problem)
        _draw_last_receipt(user, conversation_id)


def _draw_bar(
    user: User, conversation_id: str | None, switches: Switches, preferences: Preferences, *, taught: bool
) -> None:
    icon, words = _memory_state(switches, preferences)
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", key="memory-switches")
    with row.popover(words, type="tertiary", icon=icon, key="chat-memory"):
        _draw_switches(user, conversation_id, switches)
        if not (preferences.reads_memory and preferences.writes_memory):
            st.caption("Memory is partly switched off for all chats, under Settings.")
    with row:
        _draw_temporary_switch(user, conversation_id, switches)
    # Beside the popover, which would stay open above the dialog.
    label, key = "Forget what I learned in this chat", "icon-forget-chat"
    if conversation_id and taught and row.button(label, key=key, icon=FORGET, type="tertiary"):
        _draw_forget_dialog(conversation_id)


class ChatBarPlace(NamedTuple):
    """Where the bar is drawn, which stays in sight while the chat is scrolled, and the notes below it, which do not."""

    bar: DeltaGenerator
    notes: DeltaGenerator


def new_chat_switches() -> Switches | None:
    """Return the switches that were chosen for the next new chat, if any."""
    chosen: Switches | None = st.session_state.get(NEW_CHAT)
    return chosen


def clear_new_chat_switches() -> None:
    """Discard the switches that were chosen for a new chat: the chat exists now, and has them."""
    st.session_state.pop(NEW_CHAT, None)


def _memory_state(switches: Switches, preferences: Preferences) -> tuple[str, str]:
    reads, writes = switches.reads and preferences.reads_memory, switches.writes and preferences.writes_memory
    if reads and writes:
        return ":material/favorite:", "Memory on"
    if reads:
        return ":material/edit_off:", "Memory read-only"
    return ":material/heart_minus:", "Memory write-only" if writes else "Memory off"


def _draw_switches(user: User, conversation_id: str | None, switches: Switches) -> None:
    about = conversation_id or "new"
    for name, value in ((READS, switches.reads), (WRITES, switches.writes)):
        st.session_state[f"{name}-{about}"] = value  # as it is stored, whatever another tab has changed
    switch = partial(st.toggle, on_change=_save_switches, args=(user, conversation_id, switches))
    switch("Use memories in replies", key=f"{READS}-{about}", disabled=switches.temporary)
    switch("Learn from this chat", key=f"{WRITES}-{about}", disabled=switches.temporary)
    st.caption("Takes effect from the next message. I never learn from messages sent while learning was off.")
    st.caption(
        "A temporary chat uses no memories and makes none. It is not listed, and is erased a day after its last "
        f"message. {when_erased()}"
    )


def _draw_temporary_switch(user: User, conversation_id: str | None, switches: Switches) -> None:
    key = f"{TEMPORARY}-{conversation_id or 'new'}"
    st.session_state[key] = switches.temporary
    with st.container(key="temporary-switch", width="content"):
        st.toggle("Temporary", key=key, on_change=_save_switches, args=(user, conversation_id, switches))


def _save_switches(user: User, conversation_id: str | None, before: Switches) -> None:
    state = st.session_state
    about = conversation_id or "new"
    # A switch that is gone with the page that drew it was not changed by anybody.
    temporary = bool(state.get(f"{TEMPORARY}-{about}", before.temporary))
    reads = bool(state.get(f"{READS}-{about}", before.reads_memory))
    writes = bool(state.get(f"{WRITES}-{about}", before.writes_memory))
    if temporary or before.temporary:  # the other two switches are drawn as off, and keep their values
        reads, writes = before.reads_memory, before.writes_memory
    switches = Switches(reads, writes, temporary)
    if conversation_id is None:
        st.session_state[NEW_CHAT] = switches
    elif user.is_signed_in():
        try:
            services().conversations.switches.set(user.id, conversation_id, switches)
        except AppError as error:
            st.session_state[PROBLEM] = error.for_person()


@st.dialog("Forget what I learned in this chat?")
def _draw_forget_dialog(conversation_id: str) -> None:
    user = require_user()
    with show_errors():
        learned = services().learned_from(user.id, conversation_id)
        if not (learned.memories or learned.episodes):
            st.markdown("I have not learned anything in this chat.")
            return
        _draw_plan(learned)
        st.caption("This cannot be undone. The chat itself stays.")
        if st.button("Delete permanently", type="primary", key="really-forget-chat"):
            st.session_state[RECEIPT] = services().forget_chat(user.id, conversation_id)
            st.rerun()


def _draw_plan(learned: LearnedFromChat) -> None:
    """Draw which memories would be erased, which would be restored to an earlier wording, and which would stay."""
    if gone := learned.with_outcome("erased"):
        st.markdown("**Permanently deleted, including history**")
        st.markdown("\n".join(f"- {escape(each.text)}" for each in gone))
    if back := learned.with_outcome("restored"):
        st.markdown("**Changed back to an earlier version**")
        st.markdown("\n".join(f"- {_restored_line(each)}" for each in back))
    _draw_unchanged(learned)
    if learned.episodes:
        st.caption(_episodes(learned))


def _episodes(learned: LearnedFromChat) -> str:
    return plural(
        learned.kept,
        "1 past message",
        "{number} past messages",
    )


def _restored_line(memory: LearnedMemory) -> str:
    return f"“{escape(memory.text)}” changes back to “{escape(memory.before or '')}”"


def _draw_unchanged(learned: LearnedFromChat) -> None:
    if left := learned.with_outcome("left"):
        st.markdown("**Stays**")
        lines = [f"{escape(each.text)}: {REASONS[each.reason]}" for each in left]
        st.markdown("\n".join(f"- {line}" for line in lines))


def _draw_last_receipt(user: User, conversation_id: str | None) -> None:
    """Draw the receipt until it is closed or another chat is open."""
    receipt: ForgetReceipt | None = st.session_state.get(RECEIPT)
    if receipt is None or receipt.learned.run_id != conversation_id:
        return
    with st.container(border=True, key="forget-receipt"):
        draw_forget_receipt(receipt)
        _draw_restore_buttons(user, receipt)
        if st.button("Close", type="tertiary", icon=":material/close:", key="close-forget-receipt"):
            st.session_state.pop(RECEIPT)
            st.rerun()


def _draw_restore_buttons(user: User, receipt: ForgetReceipt) -> None:
    """Draw a button for each memory that was deleted because its earlier words could not be embedded."""
    for memory in receipt.learned.with_outcome("deleted"):
        label, key = f"Restore “{escape(memory.before or '')}”", f"restore-{memory.memory_id}"
        if memory.deletion is not None and st.button(label, icon=":material/undo:", type="tertiary", key=key):
            with show_errors():
                services().memory.undo(memory.deletion, user_id=user.id)
                back = replace(memory, outcome="restored", deletion=None)
                memories = tuple(back if each == memory else each for each in receipt.learned.memories)
                st.session_state[RECEIPT] = replace(receipt, learned=replace(receipt.learned, memories=memories))
                st.rerun()


def draw_forget_receipt(receipt: ForgetReceipt) -> None:
    """Draw what was erased, what was restored, what stays and why, and whether a search found anything afterwards."""
    st.markdown("**What I learned in this chat is permanently deleted.**")
    learned = receipt.learned
    summary = []
    if gone := len(learned.with_outcome("erased")):
        summary.append(plural(gone, "1 memory with its history", "{number} memories with their history"))
    if back := len(learned.with_outcome("restored")):
        summary.append(
            plural(
                back,
                "1 memory changed back to an earlier version",
                "{number} memories changed back to earlier versions",
            )
        )
    if learned.episodes:
        summary.append(_episodes(learned))
    if summary:
        st.markdown("\n".join(f"- {line}" for line in summary))
    if deleted := learned.with_outcome("deleted"):
        st.markdown("**Deleted for now, because the embedding model does not answer**")
        st.markdown("\n".join(f"- {escape(each.before or '')}" for each in deleted))
    _draw_unchanged(learned)
    draw_index_waits(receipt.index_waits)
    if not receipt.proved:
        st.warning("Some of it is still there. Please try again.", icon=":material/error:")
        return
    if not receipt.searched:
        st.caption(f":material/verified: {NOT_SEARCHED}")
        return
    looked_for = receipt.looked_for
    proof = plural(
        looked_for,
        "Verified: it is gone.",
        "Verified: none of the {number} remain.",
    )
    st.caption(f":material/verified: {proof if looked_for else 'Verified: nothing from this chat remains.'}")
