"""Settings of replies: the model, tone, language, and the person's own instructions."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from auth.guard import User
from chat.preferences import LANGUAGES, MAX_INSTRUCTIONS, MINE, TONES, Preferences
from memory.errors import InvalidInput, ModelError
from services import services
from ui.elements import escape, show_saved
from ui.frame import show_errors

__all__ = ["draw_reply_settings"]

# What the tones and languages are called in the lists.
TONE_NAMES = {
    "as it is": "As it is",
    "brief": "Brief: no more words than needed",
    "thorough": "Thorough: with reasons and examples",
    "friendly": "Friendly: warm and personal",
    "matter-of-fact": "Matter-of-fact: sober and precise",
    "patient": "Patient: one step after the other",
    "playful": "Playful: light and witty",
}
LANGUAGE_NAMES = {
    "mine": "The one I write in",
    "ar": "العربية (Arabic)",
    "bn": "বাংলা (Bengali)",
    "cs": "Čeština (Czech)",
    "da": "Dansk (Danish)",
    "de": "Deutsch (German)",
    "el": "Ελληνικά (Greek)",
    "en": "English",
    "es": "Español (Spanish)",
    "fi": "Suomi (Finnish)",
    "fr": "Français (French)",
    "he": "עברית (Hebrew)",
    "hi": "हिन्दी (Hindi)",
    "hu": "Magyar (Hungarian)",
    "id": "Bahasa Indonesia (Indonesian)",
    "it": "Italiano (Italian)",
    "ja": "日本語 (Japanese)",
    "ko": "한국어 (Korean)",
    "nb": "Norsk bokmål (Norwegian)",
    "nl": "Nederlands (Dutch)",
    "pl": "Polski (Polish)",
    "pt": "Português (Portuguese)",
    "ro": "Română (Romanian)",
    "sv": "Svenska (Swedish)",
    "tr": "Türkçe (Turkish)",
    "uk": "Українська (Ukrainian)",
    "vi": "Tiếng Việt (Vietnamese)",
    "zh": "中文 (Chinese)",
}


def draw_reply_settings(user: User, preferences: Preferences) -> None:
    """Draw the form, which is saved as a whole."""
    app = services()
    own_model = app.settings.chat_model
    with st.container(border=True, key="settings-replies"), show_errors():
        names = _offered_models(preferences)
        with st.form("replies", border=False):
            model = _draw_model_choice(own_model, names, preferences.model) if names else preferences.model or own_model
            tone_number = list(TONES).index(preferences.tone)
            tone = st.selectbox("Tone", TONES, index=tone_number, format_func=TONE_NAMES.__getitem__)
            language = st.selectbox(
                "Language of replies",
                [MINE, *LANGUAGES],
                index=[MINE, *LANGUAGES].index(preferences.language),
                format_func=LANGUAGE_NAMES.__getitem__,
            )
            instructions = st.text_area(
                "Your own instructions",
                value=preferences.instructions,
                placeholder="Call me Dave. Use metric units. When I ask for code, leave out the explanations.",
                help=f"Told to the model with every message. Up to {MAX_INSTRUCTIONS:,} characters.",
                height=120,
            )
            asked = st.form_submit_button("Save", type="primary", key="save-replies")
        if asked:
            # The list may have changed since the page was drawn.
            if model not in (own_model, preferences.model, *names):
                raise InvalidInput(_not_offered(model, own_model))
            chosen = None if model == own_model else model
            changed = replace(preferences, model=chosen, tone=tone, language=language, instructions=instructions)
            app.preferences.set(user.id, changed)
            show_saved()


def _offered_models(preferences: Preferences) -> tuple[str, ...]:
    """Return the models to choose from, and say why if there is no choice."""
    app = services()
    if not app.settings.has_model:
        st.markdown("**No language model is connected.** Replies quote what is remembered, and nothing more.")
        st.markdown(
            "Set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for any compatible address, and start again. "
            "What you choose below counts as soon as one is connected."
        )
        return ()
    own_model = app.settings.chat_model
    try:
        names = app.offers.names()
    except ModelError as error:
        st.caption(f"Which other models there are could not be asked just now: {escape(str(error))}")
        return (own_model, *([preferences.model] if preferences.model else []))
    if preferences.model and preferences.model not in names:
        st.warning(_not_offered(preferences.model, own_model))
    if len(names) == 1:
        st.markdown(
            f"Replies come from **{escape(own_model)}**. "
            "It sees your messages, and the few memories that fit each of them."
        )
    return names if len(names) > 1 else ()


def _not_offered(model: str, own_model: str) -> str:
    return f"**{escape(model)}** is no longer offered here: {escape(own_model)} answers in its place."


def _draw_model_choice(own_model: str, names: tuple[str, ...], chosen: str | None) -> str:
    """Draw the choice of a model; the app's own model comes first, and choosing it is stored as no choice."""
    options = [own_model, *(each for each in names if each != own_model)]
    return st.selectbox(
        "Model",
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: f"{own_model} (this Keepsake's own)" if name == own_model else name,
        help="It sees your messages, and the few memories that fit each of them.",
    )
