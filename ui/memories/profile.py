"""The page about the person, line by line: to read, to say better, to add to and to take away. Draws and collects."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from auth.guard import User
from memory.errors import LimitReached, ModelError
from memory.facts import KINDS
from memory.upkeep.profile import Line, Profile
from services import services
from texts import text
from ui import elements
from ui.frame import show_trouble, trouble

__all__ = ["draw"]

EDITED = "edited_line"


def draw(user: User) -> None:
    """The lines, brought up to date with the memories, and the box for one more."""
    st.caption(text("profile.intro"))
    profile = _profile(user)
    if not profile.lines:
        st.markdown(text("profile.empty"))
    for kind, lines in groupby(profile.lines, key=lambda line: line.kind):
        st.markdown(f"**{_heading(kind)}**")
        for line in lines:
            _line(user, line)
    _add(user)


def _heading(kind: str) -> str:
    return text(f"profile.headings.{kind}") if kind in KINDS else text("profile.more")


def _profile(user: User) -> Profile:
    memory = services().memory
    try:
        with st.spinner(text("profile.reading")):
            return memory.profile.refresh(user.id)
    except (ModelError, LimitReached) as error:  # the page as it was is better than none
        show_trouble(error)
        return memory.profile.get(user.id)


def _line(user: User, line: Line) -> None:
    if st.session_state.get(EDITED) == line.id:
        _reword(user, line)
        return
    with st.container(key=f"line-{line.id}", horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(
            elements.plain(line.text) + (f" :small[:gray[· {text('profile.yours')}]]" if line.own else ""),
            width="stretch",
        )
        key = f"icon-reword-{line.id}"
        st.button(
            text("profile.change"), key=key, icon=":material/edit:", type="tertiary", on_click=_edit, args=(line.id,)
        )
        if st.button(text("profile.remove"), key=f"icon-remove-{line.id}", icon=":material/close:", type="tertiary"):
            with trouble():
                services().memory.profile.remove(user.id, line.id)
                st.toast(text("profile.removed"))
                st.rerun()


def _edit(line_id: str | None) -> None:
    st.session_state[EDITED] = line_id


def _reword(user: User, line: Line) -> None:
    with st.form(f"line-form-{line.id}"):
        words = st.text_area(text("profile.line"), value=line.text, key=f"line-words-{line.id}", max_chars=500)
        row = st.container(horizontal=True)
        saved = row.form_submit_button(text("profile.save"), type="primary", icon=":material/check:")
        row.form_submit_button(text("profile.not_now"), type="tertiary", on_click=_edit, args=(None,))
    if saved:
        with trouble():
            services().memory.profile.edit(user.id, line.id, words)
            _edit(None)
            st.rerun()


def _add(user: User) -> None:
    with st.form("new-line", clear_on_submit=True):
        words = st.text_input(text("profile.new.label"), placeholder=text("profile.new.example"), max_chars=500)
        kind = st.selectbox(text("profile.new.where"), list(KINDS), format_func=_heading)
        asked = st.form_submit_button(text("profile.add"), icon=":material/add:")
    if asked:
        with trouble():
            services().memory.profile.add(user.id, words, kind)
            st.rerun()
