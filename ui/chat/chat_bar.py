"""Draws the bar above a chat: switches for using and keeping memory, and forgetting what was learned from the chat.

The switches of a new chat are kept in the session until its first message.
"""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import User, require_user
from chat.preferences import Preferences
from chat.tree import Switches
from memory.erase import CHANGED, DELETED, MERGED, SAME, ForgetReceipt, LearnedFromChat, LearnedMemory
from memory.errors import AppError
from services import services
from ui.dates import when_erased
from ui.elements import NOT_SEARCHED, escape, plural
from ui.frame import show_errors, show_warning

__all__ = ["clear_new_chat_switches", "draw_chat_bar", "draw_forget_receipt", "new_chat_switches"]

NEW_CHAT, PROBLEM, RECEIPT = "new_chat_switches", "chat_bar_trouble", "forget_receipt"
READS, WRITES, TEMPORARY = "reads-memory", "writes-memory", "temporary-chat"
FORGET = ":material/bookmark_remove:"
# Why a memory is not erased.
REASONS = {
    CHANGED: "it was changed since then",
    MERGED: "it stands for what other chats taught as well",
    DELETED: "it was removed in this chat, and stays removed",
    SAME: "another memory says by now what this one said before",
}


def draw_chat_bar(
    user: User, conversation_id: str | None, saved: Switches | None, preferences: Preferences, place: DeltaGenerator
) -> None:
    """Draw what the chat does with memory, as a popover with switches; and a reminder in a temporary chat.

    What is off in the person's `preferences` is off in every chat.
    """
    with place:
        switches = saved or new_chat_switches() or Switches()
        icon, words = _memory_state(switches, preferences)
        row = st.container(horizontal=True, gap="small", vertical_alignment="center")
        with row.popover(words, type="tertiary", icon=icon, key="chat-memory"):
            _draw_switches(user, conversation_id, switches)
            if not (preferences.reads_memory and preferences.writes_memory):
                st.caption("For all your chats, some of it is switched off under Settings.")
        # Beside the popover, which would stay open above the dialog.
        if conversation_id and row.button(
            "Forget what this chat taught", key="icon-forget-chat", icon=FORGET, type="tertiary"
        ):
            _draw_forget_dialog(conversation_id)
        if switches.temporary:
            with st.container(key="temporary-band"):
                st.caption(":material/visibility_off: This chat is in no list, and gone a day after its last message.")
        if problem := st.session_state.pop(PROBLEM, None):
            show_warning(problem)
        _draw_last_receipt(conversation_id)


def new_chat_switches() -> Switches | None:
    """Return the switches that were chosen for the next new chat, if any. Callbacks may call this."""
    chosen: Switches | None = st.session_state.to_dict().get(NEW_CHAT)
    return chosen


def clear_new_chat_switches() -> None:
    """Discard the switches that were chosen for a new chat: the chat exists now, and has them."""
    st.session_state.pop(NEW_CHAT, None)


def _memory_state(switches: Switches, preferences: Preferences) -> tuple[str, str]:
    if switches.temporary:
        return ":material/visibility_off:", "Temporary chat: nothing is used, nothing is kept"
    reads, writes = switches.reads and preferences.reads_memory, switches.writes and preferences.writes_memory
    if reads and writes:
        return ":material/favorite:", "Uses and keeps memory"
    if reads:
        return ":material/edit_off:", "Uses memory, keeps nothing"
    return ":material/heart_minus:", "Keeps what you say, uses no memory" if writes else "Memory is off in this chat"


def _draw_switches(user: User, conversation_id: str | None, switches: Switches) -> None:
    about = conversation_id or "new"
    for name, value in ((READS, switches.reads), (WRITES, switches.writes), (TEMPORARY, switches.temporary)):
        st.session_state[f"{name}-{about}"] = value  # as it is stored, whatever another tab has changed
    switch = partial(st.toggle, on_change=_save_switches, args=(user, conversation_id, switches))
    switch("Use memory in answers", key=f"{READS}-{about}", disabled=switches.temporary)
    switch("Keep what I say here", key=f"{WRITES}-{about}", disabled=switches.temporary)
    switch(
        "Temporary chat",
        key=f"{TEMPORARY}-{about}",
        help="Nothing is used and nothing is kept. The chat is in no list, and gone a day after its last message. "
        + when_erased(),
    )
    st.caption("Counts from the next message. What was said while keeping was off stays out of memory for good.")


def _save_switches(user: User, conversation_id: str | None, before: Switches) -> None:
    # As a dictionary: after a click, any other access to the session's state ends this callback.
    state = st.session_state.to_dict()
    about = conversation_id or "new"
    temporary = bool(state[f"{TEMPORARY}-{about}"])
    reads, writes = bool(state[f"{READS}-{about}"]), bool(state[f"{WRITES}-{about}"])
    if temporary or before.temporary:  # the other two switches are drawn as off, and keep their values
        reads, writes = before.reads_memory, before.writes_memory
    switches = Switches(reads, writes, temporary)
    if conversation_id is None:
        st.session_state[NEW_CHAT] = switches
    elif user.is_signed_in():
        try:
            services().conversations.switches.set(user.id, conversation_id, switches)
        except AppError as error:
            st.session_state[PROBLEM] = str(error)


@st.dialog("Forget what this chat taught?")
def _draw_forget_dialog(conversation_id: str) -> None:
    user = require_user()
    with show_errors():
        learned = services().learned_from(user.id, conversation_id)
        if not (learned.memories or learned.episodes):
            st.markdown("Nothing is kept from this chat.")
            return
        _draw_plan(learned)
        st.caption("This cannot be undone. The messages themselves stay.")
        if st.button("Forget it for good", type="primary", key="really-forget-chat"):
            st.session_state[RECEIPT] = services().forget_chat(user.id, conversation_id)
            st.rerun()


def _draw_plan(learned: LearnedFromChat) -> None:
    """Draw which memories would be erased, which would be restored to an earlier wording, and which would stay."""
    if gone := learned.with_outcome("erased"):
        st.markdown("**Goes for good, with every version**")
        st.markdown("\n".join(f"- {escape(each.text)}" for each in gone))
    if back := learned.with_outcome("restored"):
        st.markdown("**Goes back to what it said before**")
        st.markdown("\n".join(f"- {_restored_line(each)}" for each in back))
    _draw_unchanged(learned)
    if learned.episodes:
        st.caption(_episodes(learned))


def _episodes(learned: LearnedFromChat) -> str:
    return plural(
        len(learned.episodes),
        "1 message as it was said, kept for looking things up",
        "{number} messages as they were said, kept for looking things up",
    )


def _restored_line(memory: LearnedMemory) -> str:
    return f"“{escape(memory.text)}” becomes “{escape(memory.before or '')}” again"


def _draw_unchanged(learned: LearnedFromChat) -> None:
    if left := learned.with_outcome("left"):
        st.markdown("**Stays as it is**")
        lines = [f"{escape(each.text)}: {REASONS[each.reason]}" for each in left]
        st.markdown("\n".join(f"- {line}" for line in lines))


def _draw_last_receipt(conversation_id: str | None) -> None:
    """Draw the receipt until it is closed or another chat is open."""
    receipt: ForgetReceipt | None = st.session_state.get(RECEIPT)
    if receipt is None or receipt.learned.run_id != conversation_id:
        return
    with st.container(border=True, key="forget-receipt"):
        draw_forget_receipt(receipt)
        if st.button("Close", type="tertiary", icon=":material/close:", key="close-forget-receipt"):
            st.session_state.pop(RECEIPT)
            st.rerun()


def draw_forget_receipt(receipt: ForgetReceipt) -> None:
    """Draw what was erased, what was restored, what stays and why, and whether a search found anything afterwards."""
    st.markdown("**What this chat taught is forgotten for good.**")
    learned = receipt.learned
    summary = []
    if gone := len(learned.with_outcome("erased")):
        summary.append(plural(gone, "1 memory and every version of it", "{number} memories and every version of them"))
    if back := len(learned.with_outcome("restored")):
        summary.append(
            plural(back, "1 memory says again what it said before", "{number} memories say again what they said before")
        )
    if learned.episodes:
        summary.append(_episodes(learned))
    if summary:
        st.markdown("\n".join(f"- {line}" for line in summary))
    _draw_unchanged(learned)
    if not receipt.proved:
        st.warning("Something of it was found again. Please try once more.", icon=":material/error:")
        return
    if not receipt.searched:
        st.caption(f":material/verified: {NOT_SEARCHED}")
        return
    looked_for = receipt.looked_for
    proof = plural(
        looked_for,
        "I looked for it again and found nothing.",
        "I looked for all {number} of them again and found nothing.",
    )
    st.caption(f":material/verified: {proof if looked_for else 'I looked again, and nothing of this chat is kept.'}")
