"""How replies are to be: by which model, in which tone and language, and as the person asks. Draws and collects."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from auth.guard import User
from chat.preferences import LANGUAGES, MAX_INSTRUCTIONS, MINE, TONES, Preferences
from memory.errors import InvalidInput, ModelError
from services import services
from texts import text
from ui.elements import plain, saved
from ui.frame import trouble

__all__ = ["draw"]


def draw(user: User, preferences: Preferences) -> None:
    """One form, saved as a whole."""
    home = services()
    own = home.settings.chat_model
    with st.container(border=True, key="settings-replies"), trouble():
        names = _models(preferences)
        with st.form("replies", border=False):
            model = _model(own, names, preferences.model) if names else preferences.model or own
            tone = st.selectbox(
                text("settings.replies.tone"), TONES, index=list(TONES).index(preferences.tone), format_func=_tone
            )
            language = st.selectbox(
                text("settings.replies.language"),
                [MINE, *LANGUAGES],
                index=[MINE, *LANGUAGES].index(preferences.language),
                format_func=_language,
            )
            instructions = st.text_area(
                text("settings.replies.instructions"),
                value=preferences.instructions,
                placeholder=text("settings.replies.instructions_example"),
                help=text("settings.replies.instructions_help", most=f"{MAX_INSTRUCTIONS:,}"),
                height=120,
            )
            asked = st.form_submit_button(text("settings.save"), type="primary", key="save-replies")
        if asked:
            if model not in (own, preferences.model, *names):  # by a page that was drawn before the list changed
                raise InvalidInput(text("settings.replies.gone", model=plain(model), own=plain(own)))
            chosen = None if model == own else model
            changed = replace(preferences, model=chosen, tone=tone, language=language, instructions=instructions)
            home.preferences.set(user.id, changed)
            saved()


def _models(preferences: Preferences) -> tuple[str, ...]:
    """What there is to choose from; what keeps there from being a choice is told."""
    home = services()
    if not home.settings.has_model:
        st.markdown(text("settings.replies.no_model"))
        st.markdown(text("settings.replies.connect"))
        return ()
    own = home.settings.chat_model
    try:
        names = home.offers.names()
    except ModelError as error:
        st.caption(text("settings.replies.no_list", problem=plain(str(error))))
        return (own, *([preferences.model] if preferences.model else []))
    if preferences.model and preferences.model not in names:
        st.warning(text("settings.replies.gone", model=plain(preferences.model), own=plain(own)))
    if len(names) == 1:
        st.markdown(text("settings.replies.one_model", model=plain(own)))
    return names if len(names) > 1 else ()


def _model(own: str, names: tuple[str, ...], chosen: str | None) -> str:
    """The deployment's own stands first; to choose it is to choose none."""
    options = [own, *(each for each in names if each != own)]
    return st.selectbox(
        text("settings.replies.model"),
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: text("settings.replies.own_model", model=own) if name == own else name,
        help=text("settings.replies.sees"),
    )


def _tone(name: str) -> str:
    return text(f"settings.tones.{name}")


def _language(code: str) -> str:
    return text(f"settings.languages.{code}")
