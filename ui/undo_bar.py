"""Draws the bar at the bottom of the window that says what was changed last on a page, and undoes it.

The container of the bar is always there. If what follows moved when the bar comes or goes, Streamlit would draw it
again, and a click or a text that is being typed there would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from auth.guard import User
from services import services
from ui.frame import show_errors

__all__ = ["arrive", "can_undo", "draw_undo_bar", "offer_undo", "withdraw_undo"]

LAST_CHANGE, PAGE = "undo", "undo_page"
Undone = int | str | Callable[[], object]


class LastChange(NamedTuple):
    """The last change: what was done, in Markdown, and the id of the change or the run to undo, or what undoes it."""

    words: str
    event: Undone


def arrive(page: str) -> None:
    """Note, once in a run, which page is drawn; a bar does not follow the person to another page."""
    before, st.session_state[PAGE] = st.session_state.get(PAGE), page
    if before != page:
        withdraw_undo()


def offer_undo(words: str, event: Undone) -> None:
    """Show the bar from the next run on, until there is another change or the page is left."""
    st.session_state[LAST_CHANGE] = LastChange(words, event)


def withdraw_undo() -> None:
    """Take the bar away: the change cannot be undone any more."""
    st.session_state.pop(LAST_CHANGE, None)


def can_undo(event: int | str) -> bool:
    """Return whether the bar offers to undo this change."""
    last: LastChange | None = st.session_state.get(LAST_CHANGE)
    return last is not None and last.event == event


def draw_undo_bar(user: User) -> None:
    """Draw the bar, or its empty container."""
    place = st.container(key="undo-bar")
    last: LastChange | None = st.session_state.get(LAST_CHANGE)
    if last is None:
        return
    row = place.container(border=True, horizontal=True, vertical_alignment="center")
    row.markdown(last.words, width="stretch")
    if row.button("Undo", icon=":material/undo:", key="undo-last"):
        withdraw_undo()
        with place, show_errors():
            if callable(last.event):
                last.event()
            else:
                services().memory.undo(last.event, user_id=user.id)
            st.rerun()
