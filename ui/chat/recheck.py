"""Is this still so? One old memory, asked about once and in passing, above the box; never beside another question.

Looked for once for each visit, and kept in the session. It decides nothing: memory/confirming.py does.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from auth.guard import User, require_user
from memory import Result
from memory.errors import NotFound
from memory.upkeep.recheck import Answer
from services import services
from texts import text
from ui.chat import open_chat
from ui.chat.which_is_right import WAITING
from ui.elements import date_of, plain
from ui.frame import trouble

__all__ = ["confirm_gently"]

KEPT, WORDS = "gently", "gently-words"


class Asked(NamedTuple):
    """In which chat it is asked, and what came of it: a memory to ask about, or what was answered and its undo."""

    chat: str | None
    memory: Result | None = None
    changing: bool = False
    said: str = ""
    undo: int | str | None = None


@st.fragment
def confirm_gently() -> None:
    """The card with the question, or the line that says what was answered; mostly neither."""
    with trouble():
        if st.session_state.get(WAITING):
            return
        asked = _looked_for()
        if asked.memory is None and not asked.said:
            return
        user = require_user()
        if asked.memory is not None:
            with st.container(border=True, key="confirm-gently"):
                _card(user, asked, asked.memory)
        else:
            _answered(user, asked)


def _looked_for() -> Asked:
    """What there is to ask, looked for once for each visit: in passing, so that another chat does not ask again."""
    chat = open_chat.open_id()
    asked: Asked | None = st.session_state.get(KEPT)
    if asked is None:
        asked = Asked(chat, services().memory.confirming.due(user_id=require_user().id))
    elif asked.chat != chat:
        asked = Asked(chat)
    st.session_state[KEPT] = asked
    return asked


def _card(user: User, asked: Asked, memory: Result) -> None:
    st.markdown(f"**{text('health.gently.title')}**")
    told = memory["updated_at"] or memory["created_at"]
    day = f" :small[:gray[{text('health.gently.told', day=date_of(told))}]]" if told else ""
    st.markdown(f"{plain(memory['memory'])}{day}")
    if asked.changing:
        _reword(user, asked, memory)
        return
    row = st.container(horizontal=True, gap="small")
    if row.button(text("health.gently.holds"), key="gently-true"):
        _answer(user, asked, "true", text("health.gently.held"))
    if row.button(text("health.gently.gone"), key="gently-gone"):
        _answer(user, asked, "gone", text("health.gently.went", memory=plain(memory["memory"])))
    if row.button(text("health.gently.changed"), key="gently-changed"):
        _go_on(asked._replace(changing=True))
    if row.button(text("health.gently.never"), key="gently-never", type="tertiary"):
        _answer(user, asked, "never", text("health.gently.quiet"))


def _reword(user: User, asked: Asked, memory: Result) -> None:
    with st.form("gently-form", border=False):
        words = st.text_area(text("health.gently.words"), value=memory["memory"], key=WORDS)
        row = st.container(horizontal=True)
        save = row.form_submit_button(text("health.gently.save"), type="primary")
        leave = row.form_submit_button(text("health.gently.cancel"), type="tertiary")
    if save and words.strip() != memory["memory"]:
        own = services().memory
        own.update(memory["id"], words, user_id=user.id)
        last = own.history(memory["id"], user_id=user.id)[-1]["id"]
        _answer(user, asked, "changed", text("health.gently.reworded", memory=plain(words.strip())), last)
    if save or leave:
        _go_on(asked._replace(changing=False))


def _answer(user: User, asked: Asked, answer: Answer, said: str, undo: int | None = None) -> None:
    memory_id = asked.memory["id"] if asked.memory else ""
    try:
        change = services().memory.confirming.answer(memory_id, answer, user_id=user.id)
    except NotFound:  # it was answered in another tab
        _go_on(Asked(asked.chat))
        return
    _go_on(Asked(asked.chat, said=said, undo=undo or (change.run if change.count else None)))


def _answered(user: User, asked: Asked) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="gently-answered")
    row.caption(asked.said, width="content")
    if asked.undo is None:
        return
    if row.button(text("health.gently.undo"), key="gently-undo", icon=":material/undo:", type="tertiary"):
        services().memory.undo(asked.undo, user_id=user.id)
        _go_on(Asked(asked.chat))


def _go_on(asked: Asked) -> None:
    st.session_state[KEPT] = asked
    st.rerun()
