"""The last change on a page, and the way to take it back. It says what was done; doing it is the page's.

The bar has a place that is always there: if what stands below it moved when it comes or goes, Streamlit would make
it anew, and a click or a word on its way there would be lost.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from auth.guard import User
from services import services
from ui.frame import show_errors

__all__ = ["draw_undo_bar", "offer_undo", "withdraw_undo"]

UNDO = "undo"


class Undo(NamedTuple):
    """What was done, in Markdown, and the change or the run that takes it back."""

    words: str
    event: int | str


def offer_undo(words: str, event: int | str) -> None:
    """Show from the next run on what was done, until something else is or the page is left."""
    st.session_state[UNDO] = Undo(words, event)


def withdraw_undo() -> None:
    """There is nothing to take back any more."""
    st.session_state.pop(UNDO, None)


def draw_undo_bar(user: User) -> None:
    """The bar, or the place where it will be."""
    place = st.container(key="undo-bar")
    done: Undo | None = st.session_state.get(UNDO)
    if done is None:
        return
    row = place.container(border=True, horizontal=True, vertical_alignment="center")
    row.markdown(done.words, width="stretch")
    if row.button("Undo", icon=":material/undo:", key="undo-last"):
        withdraw_undo()
        with place, show_errors():
            services().memory.undo(done.event, user_id=user.id)
            st.rerun()
