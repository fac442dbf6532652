""" "Which is right?": memories that contradict each other, put to the person one at a time, above the box."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auth.guard import User, require_user
from house import house
from memory import Question
from ui.frame import trouble
from ui.pieces import plain

__all__ = ["WAITING", "which_is_right"]

WAITING = "which_is_right_waits"  # one question at a time: others are not put beside this one


@st.fragment
def which_is_right(asking: User, read: list[Sequence[Question]]) -> None:
    """The oldest open question, and how many wait behind it; answered at once.

    `read` holds what the page has read for its own run, for who was at its gate; drawn alone, it is used up.
    """
    with trouble():
        user = asking if read else require_user()
        waiting = read.pop() if read else house().memory.questions.open(user.id)
        st.session_state[WAITING] = bool(waiting)
        if waiting:
            with st.container(border=True, key="which-is-right"):
                _card(user.id, waiting[0], len(waiting))


def _card(user_id: str, asked: Question, waiting: int) -> None:
    st.markdown("**Which is right?**" + (f" :small[:gray[1 of {waiting}]]" if waiting > 1 else ""))
    known = plain(asked.known) if asked.known else "*forgotten since*"
    st.markdown(f"{_named('New')} {plain(asked.text)}\n\n{_named('Old')} {known}")
    row = st.container(horizontal=True, gap="small")
    # "Both" and the like are other words for what Memory.answer calls them.
    for choice, name in (("new", "The new one"), ("old", "The old one"), ("both", "Both"), ("neither", "Neither")):
        if row.button(name, key=f"which-{asked.id}-{choice}"):
            house().memory.answer(asked.id, choice, user_id=user_id)  # type: ignore[arg-type]
            st.rerun()


def _named(name: str) -> str:
    return f":small[:gray[{name}]]"
