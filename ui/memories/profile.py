"""Draws the profile line by line: reading, editing, adding and removing lines."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import streamlit as st

from auth.guard import User
from memory.errors import LimitReached, ModelError
from memory.upkeep.profile import Line, Profile
from services import services
from ui import elements, undo_bar
from ui.frame import show_error, show_errors

__all__ = ["draw_profile"]

EDITED = "edited_line"
# The headings over the lines of each kind.
HEADINGS = {
    "fact": "About you",
    "preference": "What you like",
    "goal": "Your goals",
    "instruction": "How I should reply",
    "event": "What happened",
}


def draw_profile(user: User) -> None:
    """Draw the lines, brought up to date with the memories, and the form for one more."""
    st.caption("A short page about you, written from your memories. Your edits are kept.")
    profile = _current_profile(user)
    if not profile.lines:
        st.markdown("Nothing yet. It grows as you tell me things, or add lines here.")
    for kind, lines in groupby(profile.lines, key=lambda line: line.kind):
        st.markdown(f"**{_profile_heading(kind)}**")
        for line in lines:
            _draw_profile_line(user, line)
    _draw_new_line_form(user)


def _profile_heading(kind: str) -> str:
    return HEADINGS.get(kind, "More")


def _current_profile(user: User) -> Profile:
    memory = services().memory
    try:
        with st.spinner("Reading what I remember…"):
            return memory.profile.refresh(user.id)
    except (ModelError, LimitReached) as error:  # the last profile is better than none
        show_error(error)
        return memory.profile.get(user.id)


def _draw_profile_line(user: User, line: Line) -> None:
    if st.session_state.get(EDITED) == line.id:
        _draw_line_form(user, line)
        return
    with st.container(key=f"line-{line.id}", horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(
            elements.escape(line.text) + (f" {elements.quiet('· yours')}" if line.own else ""),
            width="stretch",
        )
        key = f"icon-reword-{line.id}"
        st.button("Change", key=key, icon=":material/edit:", type="tertiary", on_click=_set_edited, args=(line.id,))
        if st.button("Remove", key=f"icon-remove-{line.id}", icon=":material/close:", type="tertiary"):
            with show_errors():
                page = services().memory.profile
                page.remove(user.id, line.id)
                words = f"Removed: {elements.escape(line.text)}"
                undo_bar.offer_undo(words, partial(page.put_back, user.id, line))
                st.rerun()


def _set_edited(line_id: str | None) -> None:
    st.session_state[EDITED] = line_id


def _draw_line_form(user: User, line: Line) -> None:
    with st.form(f"line-form-{line.id}"):
        words = st.text_area("This line", value=line.text, key=f"line-words-{line.id}", max_chars=500)
        row = st.container(horizontal=True)
        saved = row.form_submit_button("Save", type="primary", icon=":material/check:")
        row.form_submit_button("Cancel", type="tertiary", on_click=_set_edited, args=(None,))
    if saved:
        with show_errors():
            services().memory.profile.edit(user.id, line.id, words)
            _set_edited(None)
            st.rerun()


def _draw_new_line_form(user: User) -> None:
    with st.form("new-line", clear_on_submit=True):
        words = st.text_input("Add a line", placeholder="What should I know about you?", max_chars=500)
        kind = st.selectbox("Section", list(HEADINGS), format_func=_profile_heading)
        submitted = st.form_submit_button("Add", icon=":material/add:")
    if submitted:
        with show_errors():
            services().memory.profile.add(user.id, words, kind)
            st.rerun()
