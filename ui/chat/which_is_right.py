""" "Which is right?": memories that contradict each other, put to the person one at a time, above the box."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auth.guard import User, require_user
from memory import Question
from memory.learn.questions import CHOICES
from services import services
from texts import text
from ui.elements import plain
from ui.frame import trouble

__all__ = ["WAITING", "which_is_right"]

WAITING = "which_is_right_waits"  # one question at a time: others are not put beside this one


@st.fragment
def which_is_right(asking: User, read: list[Sequence[Question]]) -> None:
    """The oldest open question, and how many wait behind it; answered at once.

    `read` holds what the page has read for its own run, for who was at its gate; drawn alone, it is used up.
    """
    with trouble():
        user = asking if read else require_user()
        waiting = read.pop() if read else services().memory.questions.open(user.id)
        st.session_state[WAITING] = bool(waiting)
        if waiting:
            with st.container(border=True, key="which-is-right"):
                _card(user.id, waiting[0], len(waiting))


def _card(user_id: str, asked: Question, waiting: int) -> None:
    more = f" {_quiet(text('questions.of', number=waiting))}" if waiting > 1 else ""
    st.markdown(f"**{text('questions.title')}**{more}")
    known = plain(asked.known) if asked.known else f"*{text('questions.forgotten')}*"
    st.markdown(f"{_quiet(text('questions.new'))} {plain(asked.text)}\n\n{_quiet(text('questions.old'))} {known}")
    row = st.container(horizontal=True, gap="small")
    for choice in CHOICES:
        if row.button(text(f"questions.choice.{choice}"), key=f"which-{asked.id}-{choice}"):
            services().memory.answer(asked.id, choice, user_id=user_id)
            st.rerun()


def _quiet(words: str) -> str:
    return f":small[:gray[{words}]]"
