"""Draws what the chat page has while no model is connected: a notice that can be closed, and the card that forgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from auth.guard import User
from chat.answering.without_model.wording import NO_MODEL
from chat.preferences import Preferences
from chat.tree import Message
from memory import Result
from memory.errors import AppError
from services import services
from ui import model_connection
from ui.dates import date_of
from ui.elements import escape, told_at
from ui.frame import show_warning

__all__ = ["draw_forget_card", "draw_model_notice"]

PROBLEM = "forget_card_problem"
NOTICE = f"**{NO_MODEL}.** I can only remember."


def draw_model_notice(user: User, preferences: Preferences) -> None:
    """Say once that no model is connected, until the person closes the notice."""
    place = st.container(key="model-notice")  # always there, so that what follows does not move
    app = services()
    if app.settings.has_model or preferences.model_notice_closed:
        return
    row = place.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key="model-notice-row"
    )
    row.markdown(NOTICE, width="stretch")
    if model_connection.may_connect(user):
        row.page_link("pages/connect.py", label="Connect a model", icon=":material/power:", width="content")
    row.button(
        "Close this notice", key="icon-close-notice", icon=":material/close:", type="tertiary",
        on_click=_close_notice, args=(user,),
    )  # fmt: skip


def _close_notice(user: User) -> None:
    if user.is_signed_in():
        services().preferences.close_model_notice(user.id)


def draw_forget_card(user: User, reply: Message) -> None:
    """Draw the memories that the person asked to forget; each is deleted by a press, and can be brought back."""
    ids = reply.receipt.get("forget") or []
    if not ids:
        return
    memory = services().memory
    with st.container(border=True, key=f"forget-{reply.id}"):
        for memory_id in ids:
            known = memory.get(memory_id, user_id=user.id)
            history = [] if known else memory.history(memory_id, user_id=user.id)
            if known:
                _draw_known(user, reply, known)
            elif history:
                _draw_forgotten(user, reply, history[-1])
            else:
                st.caption("Permanently deleted.")
        if problem := st.session_state.pop(PROBLEM, None):
            show_warning(problem)


def _draw_known(user: User, reply: Message, known: Result) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    with row.container(gap="xxsmall", width="stretch"):
        st.markdown(escape(known["memory"]))
        if told := told_at(known):
            st.caption(f"Told on {date_of(told)}")
    key = f"forget-{reply.id}-{known['id']}"
    row.button("Forget", key=key, icon=":material/delete:", on_click=_forget, args=(user, known["id"]))


def _draw_forgotten(user: User, reply: Message, last: Mapping[str, Any]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    row.markdown(f"Forgotten: ~~{escape(str(last['old_memory'] or ''))}~~", width="stretch")
    key = f"forget-undo-{reply.id}-{last['id']}"
    row.button("Undo", key=key, icon=":material/undo:", type="tertiary", on_click=_undo, args=(user, last["id"]))


def _forget(user: User, memory_id: str) -> None:
    try:
        if user.is_signed_in():
            services().memory.delete(memory_id, user_id=user.id)
    except AppError as error:
        st.session_state[PROBLEM] = error.for_person()


def _undo(user: User, event: int) -> None:
    try:
        if user.is_signed_in():
            services().memory.undo(event, user_id=user.id)
    except AppError as error:
        st.session_state[PROBLEM] = error.for_person()
