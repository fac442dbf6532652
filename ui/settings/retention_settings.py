"""Settings of retention: how long chats are kept. A choice that erases chats soon is confirmed in a dialog."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from auth.guard import User, require_user
from chat.preferences import KEPT_DAYS, Preferences
from services import services
from ui.elements import plural, show_saved
from ui.frame import show_errors

__all__ = ["draw_confirmation", "draw_retention_setting"]

JUST_SAVED = "keeping-saved"
FOR_EVER = 0  # a select box takes None for "nothing chosen"


def draw_retention_setting(user: User, preferences: Preferences) -> None:
    """Draw the choice, and a sentence that says what it means."""
    with st.container(border=True, key="settings-keeping"), show_errors():
        # No form, so that the sentence below follows the choice.
        offered = list(dict.fromkeys([*KEPT_DAYS, preferences.keep_days]))
        chosen = st.selectbox(
            "Keep my chats",
            [each or FOR_EVER for each in offered],
            index=offered.index(preferences.keep_days),
            format_func=_retention_label,
        )
        days = chosen or None
        st.caption(_what_goes(days))
        asked = st.button("Save", type="primary", key="save-keeping")
        if st.session_state.pop(JUST_SAVED, False):
            show_saved()
        if not asked:
            return
        # Only a shorter time than before can erase chats.
        shorter = days is not None and (preferences.keep_days is None or days < preferences.keep_days)
        past = services().retention.count_older(user.id, days) if days is not None and shorter else 0
        if days is not None and past:
            draw_confirmation(days, past)
        else:
            _keep(user, days)
            st.rerun()


def _keep(user: User, days: int | None) -> None:
    app = services()
    app.preferences.set(user.id, replace(app.preferences.get(user.id), keep_days=days))
    st.session_state[JUST_SAVED] = True


@st.dialog("Let old chats go?")
def draw_confirmation(days: int, past: int) -> None:
    """Ask before a choice erases this many chats."""
    st.markdown(
        plural(
            past,
            "**{number} chat** has been quiet for longer than {days} days.",
            "**{number} chats** have been quiet for longer than {days} days.",
            days=days,
        )
    )
    st.markdown(
        "They go for good, within the hour, with what was kept of them turn by turn. What I learned from them stays."
    )
    if st.button(f"Keep chats for {days} days", type="primary", key="really-keep"):
        with show_errors():
            _keep(require_user(), days)
            st.rerun()
    if st.button("Leave it as it is", key="rather-not"):
        st.rerun()


def _retention_label(days: int) -> str:
    if days == FOR_EVER:
        return "For ever"
    return plural(days, "{number} day after the last message", "{number} days after the last message")


def _what_goes(days: int | None) -> str:
    if days is None:
        return "Chats stay until you delete them."
    return (
        f"Once nothing was said in a chat for {days} days, it goes for good. Pinned chats stay, and "
        "so does what I learned from those that go."
    )
