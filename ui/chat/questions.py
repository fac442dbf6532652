"""The questions above the input box: which of two memories is right, and whether an old memory still holds."""

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

WAITING = "which_is_right_waits"  # whether a contradiction is open: no recheck is asked beside it
# What the buttons say.
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


def _draw_contradiction_card(user_id: str, asked: Question, waiting: int) -> None:
    more = f" {quiet(f'1 of {waiting}')}" if waiting > 1 else ""
    st.markdown(f"**Which is right?**{more}")
    known = escape(asked.known) if asked.known else "*forgotten since*"
    st.markdown(f"{quiet('New')} {escape(asked.text)}\n\n{quiet('Old')} {known}")
    row = st.container(horizontal=True, gap="small")
    for choice, label in CHOICES.items():
        if row.button(label, key=f"which-{asked.id}-{choice}"):
            services().memory.questions.answer(asked.id, choice, user_id=user_id)
            st.rerun()


RECHECK, WORDS = "gently", "gently-words"


class Recheck(NamedTuple):
    """The recheck of this visit: its chat, and the memory to ask about, or what was answered and how to undo it."""

    chat: str | None
    memory: Result | None = None
    changing: bool = False
    said: str = ""
    undo: int | str | None = None


@st.fragment
def draw_recheck() -> None:
    """Draw the question whether a memory still holds, or the line that says what was answered; mostly neither."""
    with show_errors():
        if st.session_state.get(WAITING):
            return
        asked = _recheck_of_visit()
        if asked.memory is None and not asked.said:
            return
        user = require_user()
        if asked.memory is not None:
            with st.container(border=True, key="confirm-gently"):
                _draw_recheck_card(user, asked, asked.memory)
        else:
            _draw_answered(user, asked)


def _recheck_of_visit() -> Recheck:
    """Return the recheck of this visit, looked for once; another chat does not ask again."""
    chat = open_chat.open_id()
    asked: Recheck | None = st.session_state.get(RECHECK)
    if asked is None:
        asked = Recheck(chat, services().memory.recheck.due(user_id=require_user().id))
    elif asked.chat != chat:
        asked = Recheck(chat)
    st.session_state[RECHECK] = asked
    return asked


def _draw_recheck_card(user: User, asked: Recheck, memory: Result) -> None:
    st.markdown("**Is this still so?**")
    told = memory["updated_at"] or memory["created_at"]
    day = f" {quiet(f'You told me on {date_of(told)}')}" if told else ""
    st.markdown(f"{escape(memory['memory'])}{day}")
    if asked.changing:
        _draw_reword_form(user, asked, memory)
        return
    row = st.container(horizontal=True, gap="small")
    if row.button("Still true", key="gently-true"):
        _answer(user, asked, "true", "Good to know. I keep it.")
    if row.button("Not any more", key="gently-gone"):
        _answer(user, asked, "gone", f"Forgotten: {escape(memory['memory'])}")
    if row.button("Changed…", key="gently-changed"):
        _continue_with(asked._replace(changing=True))
    if row.button("Don't ask", key="gently-never", type="tertiary"):
        _answer(user, asked, "never", "I will not ask about this again, and about nothing else for three months.")


def _draw_reword_form(user: User, asked: Recheck, memory: Result) -> None:
    with st.form("gently-form", border=False):
        words = st.text_area("What is right now", value=memory["memory"], key=WORDS)
        row = st.container(horizontal=True)
        save = row.form_submit_button("Save", type="primary")
        leave = row.form_submit_button("Cancel", type="tertiary")
    if save and words.strip() != memory["memory"]:
        own = services().memory
        own.update(memory["id"], words, user_id=user.id)
        last = own.history(memory["id"], user_id=user.id)[-1]["id"]
        _answer(user, asked, "changed", f"Changed: {escape(words.strip())}", last)
    if save or leave:
        _continue_with(asked._replace(changing=False))


def _answer(user: User, asked: Recheck, answer: Answer, said: str, undo: int | None = None) -> None:
    memory_id = asked.memory["id"] if asked.memory else ""
    try:
        change = services().memory.recheck.answer(memory_id, answer, user_id=user.id)
    except NotFound:  # answered in another tab
        _continue_with(Recheck(asked.chat))
        return
    _continue_with(Recheck(asked.chat, said=said, undo=undo or (change.run if change.count else None)))


def _draw_answered(user: User, asked: Recheck) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="gently-answered")
    row.caption(asked.said, width="content")
    if asked.undo is None:
        return
    if row.button("Undo", key="gently-undo", icon=":material/undo:", type="tertiary"):
        services().memory.undo(asked.undo, user_id=user.id)
        _continue_with(Recheck(asked.chat))


def _continue_with(asked: Recheck) -> None:
    st.session_state[RECHECK] = asked
    st.rerun()
