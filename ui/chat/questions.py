"""Draws the questions above the input box: which of two memories is right, and whether an old memory still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from auth.guard import User, require_user
from memory import Question, Result
from memory.errors import NotFound
from memory.learn.questions import Choice
from memory.upkeep.recheck import Answer
from services import services
from ui.chat import open_chat
from ui.dates import date_of
from ui.elements import escape, quiet
from ui.frame import show_errors

__all__ = ["WAITING", "draw_contradiction", "draw_recheck"]

RECHECK, WORDS = "gently", "gently-words"
WAITING = "which_is_right_waits"  # whether a contradiction is open: no recheck is asked beside it
# The labels of the buttons.
CHOICES: dict[Choice, str] = {
    "new": "The new one",
    "old": "The old one",
    "both": "Both",
    "neither": "Neither",
}


@st.fragment
def draw_contradiction(user_of_page: User, read: list[Sequence[Question]]) -> None:
    """Draw the oldest open contradiction, and how many more there are.

    `read` holds the questions for the run of the whole page, which has just read them for this person, and is empty in
    later runs of the fragment.
    """
    with show_errors():
        user = user_of_page if read else require_user()
        waiting = read.pop() if read else services().memory.questions.open(user.id)
        st.session_state[WAITING] = bool(waiting)
        if waiting:
            with st.container(border=True, key="which-is-right"):
                _draw_contradiction_card(user.id, waiting[0], len(waiting))


def _draw_contradiction_card(user_id: str, question: Question, waiting: int) -> None:
    more = f" {quiet(f'1 of {waiting}')}" if waiting > 1 else ""
    st.markdown(f"**Which is right?**{more}")
    known = escape(question.known) if question.known else "*forgotten since then*"
    st.markdown(f"{quiet('New')} {escape(question.text)}\n\n{quiet('Old')} {known}")
    row = st.container(horizontal=True, gap="small")
    for choice, label in CHOICES.items():
        if row.button(label, key=f"which-{question.id}-{choice}"):
            services().memory.questions.answer(question.id, choice, user_id=user_id)
            st.rerun()


class RecheckCard(NamedTuple):
    """The recheck of this visit: its chat, and the memory to ask about, or what was answered and how to undo it."""

    chat: str | None
    memory: Result | None = None
    changing: bool = False
    said: str = ""
    undo: int | str | None = None


@st.fragment
def draw_recheck() -> None:
    """Draw the question whether a memory still holds, or what was answered; on most visits there is neither."""
    with show_errors():
        if st.session_state.get(WAITING):
            return
        recheck = _recheck_of_visit()
        if recheck.memory is None and not recheck.said:
            return
        user = require_user()
        if recheck.memory is not None:
            with st.container(border=True, key="confirm-gently"):
                _draw_recheck_card(user, recheck, recheck.memory)
        else:
            _draw_answered(user, recheck)


def _recheck_of_visit() -> RecheckCard:
    """Return the recheck of this visit, looked for once; another chat does not ask again."""
    chat = open_chat.open_id()
    recheck: RecheckCard | None = st.session_state.get(RECHECK)
    if recheck is None:
        recheck = RecheckCard(chat, services().memory.recheck.due(user_id=require_user().id))
    elif recheck.chat != chat:
        recheck = RecheckCard(chat)
    st.session_state[RECHECK] = recheck
    return recheck


def _draw_recheck_card(user: User, recheck: RecheckCard, memory: Result) -> None:
    st.markdown("**Is this still true?**")
    last_said = memory["updated_at"] or memory["created_at"]
    day = f" {quiet(f'You told me on {date_of(last_said)}')}" if last_said else ""
    st.markdown(f"{escape(memory['memory'])}{day}")
    if recheck.changing:
        _draw_reword_form(user, recheck, memory)
        return
    row = st.container(horizontal=True, gap="small")
    if row.button("Still true", key="gently-true"):
        _answer(user, recheck, "true", "Thanks, I'll keep it.")
    if row.button("No longer true", key="gently-gone"):
        _answer(user, recheck, "gone", f"Forgotten: {escape(memory['memory'])}")
    if row.button("Changed…", key="gently-changed"):
        _continue_with(recheck._replace(changing=True))
    if row.button("Don't ask", key="gently-never", type="tertiary"):
        _answer(user, recheck, "never", "I won't ask about this again, or about anything else for three months.")


def _draw_reword_form(user: User, recheck: RecheckCard, memory: Result) -> None:
    with st.form("gently-form", border=False):
        words = st.text_area("What is true now", value=memory["memory"], key=WORDS)
        row = st.container(horizontal=True)
        save = row.form_submit_button("Save", type="primary")
        leave = row.form_submit_button("Cancel", type="tertiary")
    if save and words.strip() != memory["memory"]:
        memories = services().memory
        memories.update(memory["id"], words, user_id=user.id)
        last = memories.history(memory["id"], user_id=user.id)[-1]["id"]
        _answer(user, recheck, "changed", f"Changed: {escape(words.strip())}", last)
    if save or leave:
        _continue_with(recheck._replace(changing=False))


def _answer(user: User, recheck: RecheckCard, answer: Answer, said: str, undo: int | None = None) -> None:
    memory_id = recheck.memory["id"] if recheck.memory else ""
    try:
        change = services().memory.recheck.answer(memory_id, answer, user_id=user.id)
    except NotFound:  # answered in another tab
        _continue_with(RecheckCard(recheck.chat))
        return
    _continue_with(RecheckCard(recheck.chat, said=said, undo=undo or (change.run if change.count else None)))


def _draw_answered(user: User, recheck: RecheckCard) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="gently-answered")
    row.caption(recheck.said, width="content")
    if recheck.undo is None:
        return
    if row.button("Undo", key="gently-undo", icon=":material/undo:", type="tertiary"):
        services().memory.undo(recheck.undo, user_id=user.id)
        _continue_with(RecheckCard(recheck.chat))


def _continue_with(recheck: RecheckCard) -> None:
    st.session_state[RECHECK] = recheck
    st.rerun()
