"""The quiet bar above a chat: whether it uses memory, whether it keeps anything, and forgetting what it learned.

What is chosen before the first message waits in the session. It decides nothing: that is below, in chat and memory.
"""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import User, require_user
from chat.preferences import Preferences
from chat.tree import Switches
from memory.erase.one_chat import CHANGED, DELETED, MERGED, SAME, ForgetReceipt, LearnedFromChat, LearnedMemory
from memory.errors import AppError
from services import services
from texts import counted, text
from ui.elements import plain
from ui.frame import trouble

__all__ = ["chat_bar", "chosen_for_new", "forget_receipt", "settle_new"]

NEW, TROUBLE, RECEIPT = "new_chat_switches", "chat_bar_trouble", "forget_receipt"
READS, WRITES, TEMPORARY = "reads-memory", "writes-memory", "temporary-chat"
FORGET = ":material/bookmark_remove:"
REASONS = {CHANGED: "changed", MERGED: "merged", DELETED: "removed", SAME: "elsewhere"}


def chat_bar(
    user: User, conversation_id: str | None, kept: Switches | None, everywhere: Preferences, above: DeltaGenerator
) -> None:
    """The state in words, behind which it is changed; in a temporary chat a band, so that nobody forgets it.

    What is off `everywhere` is off here, whatever the chat says.
    """
    with above:
        now = kept or chosen_for_new() or Switches()
        icon, words = _state(now, everywhere)
        row = st.container(horizontal=True, gap="small", vertical_alignment="center")
        with row.popover(words, type="tertiary", icon=icon, key="chat-memory"):
            _switches(user, conversation_id, now)
            if not (everywhere.reads_memory and everywhere.writes_memory):
                st.caption(text("turns.off_everywhere"))
        # Beside the popover, which would stay open above the dialog.
        if conversation_id and row.button(text("turns.forget"), key="icon-forget-chat", icon=FORGET, type="tertiary"):
            _confirm(conversation_id)
        if now.temporary:
            with st.container(key="temporary-band"):
                st.caption(f":material/visibility_off: {text('turns.band')}")
        if problem := st.session_state.pop(TROUBLE, None):
            st.warning(problem, icon=":material/error:")
        _forgotten(conversation_id)


def chosen_for_new() -> Switches | None:
    """How the next new chat stands to memory, where that was chosen; for a callback, which may not ask otherwise."""
    chosen: Switches | None = st.session_state.to_dict().get(NEW)
    return chosen


def settle_new() -> None:
    """The new chat is there, and has what was chosen for it."""
    st.session_state.pop(NEW, None)


def _state(now: Switches, everywhere: Preferences) -> tuple[str, str]:
    if now.temporary:
        return ":material/visibility_off:", text("turns.state.temporary")
    reads, writes = now.reads and everywhere.reads_memory, now.writes and everywhere.writes_memory
    if reads and writes:
        return ":material/favorite:", text("turns.state.both")
    if reads:
        return ":material/edit_off:", text("turns.state.reads")
    return ":material/heart_minus:", text(f"turns.state.{'writes' if writes else 'neither'}")


def _switches(user: User, conversation_id: str | None, now: Switches) -> None:
    about = conversation_id or "new"
    for name, value in ((READS, now.reads), (WRITES, now.writes), (TEMPORARY, now.temporary)):
        st.session_state[f"{name}-{about}"] = value  # as it is kept, whatever another tab has done since
    switch = partial(st.toggle, on_change=_switched, args=(user, conversation_id, now))
    switch(text("turns.reads"), key=f"{READS}-{about}", disabled=now.temporary)
    switch(text("turns.writes"), key=f"{WRITES}-{about}", disabled=now.temporary)
    switch(text("turns.temporary"), key=f"{TEMPORARY}-{about}", help=text("turns.temporary_help"))
    st.caption(text("turns.from_next"))


def _switched(user: User, conversation_id: str | None, before: Switches) -> None:
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    state = st.session_state.to_dict()
    about = conversation_id or "new"
    temporary = bool(state[f"{TEMPORARY}-{about}"])
    reads, writes = bool(state[f"{READS}-{about}"]), bool(state[f"{WRITES}-{about}"])
    if temporary or before.temporary:  # the other two are shown as off, and keep what they were
        reads, writes = before.reads_memory, before.writes_memory
    switches = Switches(reads, writes, temporary)
    if conversation_id is None:
        st.session_state[NEW] = switches
    elif user.still_here():
        try:
            services().conversations.switches.set(user.id, conversation_id, switches)
        except AppError as error:
            st.session_state[TROUBLE] = str(error)


# -- forgetting what it learned -----------------------------------------------------------------------


def _confirm(conversation_id: str) -> None:
    st.dialog(text("turns.forget_title"))(_ask)(conversation_id)


def _ask(conversation_id: str) -> None:
    user = require_user()
    with trouble():
        learned = services().learned_from(user.id, conversation_id)
        if not (learned.memories or learned.episodes):
            st.markdown(text("turns.forget_nothing"))
            return
        _planned(learned)
        st.caption(text("turns.forget_explains"))
        if st.button(text("turns.forget_now"), type="primary", key="really-forget-chat"):
            st.session_state[RECEIPT] = services().forget_chat(user.id, conversation_id)
            st.rerun()


def _planned(learned: LearnedFromChat) -> None:
    """What would go, go back, and stay."""
    if gone := learned.with_outcome("erased"):
        st.markdown(f"**{text('turns.erased.heading')}**")
        st.markdown("\n".join(f"- {plain(each.text)}" for each in gone))
    if back := learned.with_outcome("restored"):
        st.markdown(f"**{text('turns.back.heading')}**")
        st.markdown("\n".join(f"- {_back(each)}" for each in back))
    _left(learned)
    if learned.episodes:
        st.caption(counted("turns.episodes", len(learned.episodes)))


def _back(memory: LearnedMemory) -> str:
    return text("turns.back.line", text=plain(memory.text), before=plain(memory.before or ""))


def _left(learned: LearnedFromChat) -> None:
    if left := learned.with_outcome("left"):
        st.markdown(f"**{text('turns.left.heading')}**")
        reasons = [(each, text(f"turns.left.reason.{REASONS[each.reason]}")) for each in left]
        lines = [text("turns.left.line", text=plain(each.text), reason=reason) for each, reason in reasons]
        st.markdown("\n".join(f"- {line}" for line in lines))


def _forgotten(conversation_id: str | None) -> None:
    """The receipt, until it is closed or another chat is open."""
    receipt: ForgetReceipt | None = st.session_state.get(RECEIPT)
    if receipt is None or receipt.learned.run_id != conversation_id:
        return
    with st.container(border=True, key="forget-receipt"):
        forget_receipt(receipt)
        if st.button(text("turns.close"), type="tertiary", icon=":material/close:", key="close-forget-receipt"):
            st.session_state.pop(RECEIPT)
            st.rerun()


def forget_receipt(receipt: ForgetReceipt) -> None:
    """What went, what was changed back, what was left and why, and the proof."""
    st.markdown(f"**{text('turns.forgotten')}**")
    learned = receipt.learned
    told = []
    if gone := len(learned.with_outcome("erased")):
        told.append(counted("turns.erased", gone))
    if back := len(learned.with_outcome("restored")):
        told.append(counted("turns.back", back))
    if said := len(learned.episodes):
        told.append(counted("turns.episodes", said))
    if told:
        st.markdown("\n".join(f"- {line}" for line in told))
    _left(learned)
    if not receipt.proved:
        st.warning(text("turns.proof.failed"), icon=":material/error:")
        return
    asked = receipt.looked_for
    st.caption(f":material/verified: {counted('turns.proof', asked) if asked else text('turns.proof.nothing')}")
