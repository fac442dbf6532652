"""Draws the choice of a model: below the box for what is said next, and under a reply for another answer.

The list of models is read when the choice is opened, since the address may take seconds to answer. Beside each model
stands what it takes, as far as that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from auth.guard import User
from chat.preferences import Preferences
from chat.tree import Message
from memory.errors import AppError, ModelError
from services import services
from ui.chat.receipt import Again, as_of_day
from ui.elements import escape
from ui.frame import show_warning

__all__ = ["draw_model_choice", "draw_other_models"]

CHOICE, PROBLEM = "model-choice", "model_choice_problem"
MOST_LISTED = 8  # models that are listed one below the other; more are searched
# What a model takes: pictures, or none, or that is not known. The text of files is sent to every model.
TAKES = {True: "Files and pictures", False: "Files, no pictures", None: "Files, maybe pictures"}


def draw_model_choice(user: User, preferences: Preferences) -> None:
    """Draw the model that replies, with what it takes; the choice opens, and is saved for all chats."""
    app = services()
    if not app.settings.has_model:
        return
    current = preferences.model or app.settings.chat_model
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="model-bar"):
        opened = st.popover(escape(current), type="tertiary", key="chat-model", on_change="rerun")
        st.caption(TAKES[app.offers.takes_pictures(current)], width="content")
    with opened, st.container(key="model-list"):
        st.caption("For all your chats, from the next message on.")
        if opened.open:
            _draw_choice(user, current)
    if problem := st.session_state.pop(PROBLEM, None):
        show_warning(problem)


def _draw_choice(user: User, current: str) -> None:
    own = services().settings.chat_model
    names = _offered()
    if names is None:
        names = (own,)
    elif current not in names:
        st.markdown(escape(f"{current} is no longer available. {own} answers instead."))
    if len(names) == 1 and current == own:
        st.markdown("This is the only model here.")
        return
    _draw_names("Model", names, CHOICE, current if current in names else None, _choose, (user,))


def _choose(user: User) -> None:
    """Save the model that was chosen; the app's own is stored as no choice."""
    app, chosen = services(), st.session_state.get(CHOICE)
    if not chosen:
        return
    try:
        if user.is_signed_in():
            stored = app.preferences.get(user.id)
            kept = None if chosen == app.settings.chat_model else str(chosen)
            app.preferences.set(user.id, replace(stored, model=kept))
    except AppError as error:
        st.session_state[PROBLEM] = error.for_person()


def draw_other_models(reply: Message, again: Again) -> None:
    """Draw, among the actions of a reply, the models that can answer its message instead."""
    if not services().settings.has_model:
        return
    with st.container(key=f"icon-models-{reply.id}", width="content"):
        label, icon = "Answer with another model", ":material/swap_horiz:"
        opened = st.popover(label, type="tertiary", icon=icon, key=f"models-{reply.id}", on_change="rerun")
    with opened, st.container(key=f"model-list-{reply.id}"):
        st.caption("This reply stays as an earlier version.")
        if opened.open:
            wrote = reply.receipt.get("asked_model") or reply.receipt.get("model")
            names = [each for each in _offered() or () if each != wrote]
            if names:
                key = f"other-model-{reply.id}"
                _draw_names("Answer with", names, key, None, _answer_with, (reply, again, key))
            else:
                st.markdown("There is no other model here.")


def _answer_with(reply: Message, again: Again, key: str) -> None:
    if chosen := st.session_state.get(key):
        without = reply.receipt.get("without") or []
        again(reply.parent_id, without, as_of_day(reply.receipt), model=str(chosen))


def _offered() -> tuple[str, ...] | None:
    """Return the models to choose from; if they cannot be listed, say why and return None."""
    try:
        return services().offers.names()
    except ModelError as error:
        st.caption(f"The list of models could not be loaded. {escape(error.for_person())}")
        return None


def _draw_names(
    label: str,
    names: Sequence[str],
    key: str,
    chosen: str | None,
    choose: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    """Draw a few models one below the other, with what each takes; of many, a list that can be searched."""
    takes = services().offers.takes_pictures
    st.session_state[key] = chosen  # as it is stored, whatever another tab has changed
    if len(names) <= MOST_LISTED:
        captions = [TAKES[takes(each)] for each in names]
        st.radio(
            label, names, index=None, key=key, format_func=escape, captions=captions, on_change=choose, args=arguments
        )
    else:
        st.selectbox(
            label,
            names,
            index=None,
            key=key,
            format_func=lambda name: f"{name} · {TAKES[takes(name)]}",
            placeholder="Type to search",
            on_change=choose,
            args=arguments,
        )
