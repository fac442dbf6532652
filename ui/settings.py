"""Draws the forms of the settings page: replies, memory, timezone, retention of chats, and light or dark.

Each form is saved by a button of its own; the theme is kept by the browser alone.
"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import streamlit as st

from auth.cookie_tasks import stays_signed_in
from auth.guard import User, require_user
from chat.preferences import KEPT_DAYS, LANGUAGES, MAX_INSTRUCTIONS, MINE, TONES, Preferences
from memory import Person
from memory.errors import InvalidInput, ModelError
from services import services
from ui.browser import component
from ui.browser.cookie_bridge import PAGE_NAMES
from ui.dates import forget_timezone, when_erased
from ui.elements import escape, plural, show_saved
from ui.frame import ASSETS, show_errors

__all__ = [
    "THEMES",
    "draw_confirmation",
    "draw_memory_settings",
    "draw_reply_settings",
    "draw_retention_setting",
    "draw_theme_choice",
    "draw_timezone_setting",
]

# The names of the tones and languages in the lists.
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
JUST_SAVED = "keeping-saved"
FOR_EVER = 0  # a select box takes None for "nothing chosen"
# Streamlit's names of the themes, and the labels of their buttons.
THEMES = (("System", "As the system"), ("Light", "Light"), ("Dark", "Dark"))
MARKUP = "<fieldset><legend></legend></fieldset><p role='status'></p>"
_theme = component("keepsake_lights", "theme.js", html=MARKUP, css=(ASSETS / "theme.css").read_text("utf-8"))


def draw_reply_settings(user: User, preferences: Preferences) -> None:
    """Draw the form about replies: model, tone, language and the person's own instructions."""
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
            submitted = st.form_submit_button("Save", type="primary", key="save-replies")
        if submitted:
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
        st.warning(escape(_not_offered(preferences.model, own_model)))
    if len(names) == 1:
        st.markdown(
            f"Replies come from **{escape(own_model)}**. "
            "It sees your messages, and the few memories that fit each of them."
        )
    return names if len(names) > 1 else ()


def _not_offered(model: str, own_model: str) -> str:
    return f"{model} is no longer offered here: {own_model} answers in its place."


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


def draw_memory_settings(user: User, preferences: Preferences, person: Person) -> None:
    """Draw the form about remembering, and the button that erases all episodes."""
    with st.container(border=True, key="settings-memory"), show_errors():
        _draw_memory_form(user, preferences, person)
        _draw_episodes(user)


def _draw_memory_form(user: User, preferences: Preferences, person: Person) -> None:
    with st.form("wishes", border=False):
        reads = st.toggle(
            "Use what I remember about you in replies",
            value=preferences.reads_memory,
            help="Off: replies know this chat only, whatever a chat's own switch says.",
        )
        writes = st.toggle(
            "Remember what you say",
            value=preferences.writes_memory,
            help="Off: nothing you say from now on is remembered, also not later. What is remembered already stays.",
        )
        episodes = st.toggle(
            "Keep what is said turn by turn",
            value=person.episodes,
            help="Beside the memories I keep what was said in our chats, to find details that no memory has.",
        )
        extract = st.text_area(
            "What I should mind when I remember",
            value=person.extract_wishes,
            placeholder="Remember everything about my garden. Never remember anything about my health.",
        )
        update = st.text_area(
            "What I should mind when something changes",
            value=person.update_wishes,
            placeholder="When I move, keep the old address as a memory of the past.",
        )
        if not services().settings.has_model:
            st.caption("No language model is connected: these words count as soon as one is.")
        submitted = st.form_submit_button("Save", type="primary", key="save-memory")
    if submitted:
        wishes = replace(person, episodes=episodes, extract_wishes=extract.strip(), update_wishes=update.strip())
        services().memory.people.set(user.id, wishes)
        services().preferences.set(user.id, replace(preferences, reads_memory=reads, writes_memory=writes))
        show_saved()


def _draw_episodes(user: User) -> None:
    kept = services().memory.episodes.count(user.id)
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.caption(
        plural(kept, "{number} message is kept turn by turn.", "{number} messages are kept turn by turn."),
        width="content",
    )
    label = "Erase what was kept turn by turn"
    if row.button(label, icon=":material/delete_sweep:", type="tertiary", disabled=not kept):
        _draw_erase_dialog()


@st.dialog("Erase what was kept turn by turn?")
def _draw_erase_dialog() -> None:
    st.markdown("It goes for good. Your memories and your chats stay.")
    if st.button("Erase it", type="primary", key="really-erase"):
        with show_errors():
            gone = services().memory.episodes.erase_all(require_user().id)
            st.toast(plural(gone, "{number} message is erased.", "{number} messages are erased."))
            st.rerun()


def draw_timezone_setting(user: User, person: Person) -> None:
    """Draw the choice of a timezone; the first entry follows the browser."""
    browser_entry = f"As my browser says ({st.context.timezone or person.timezone})"
    zones = [browser_entry, *sorted(available_timezones())]
    with st.container(border=True, key="settings-time"), show_errors():
        with st.form("time", border=False):
            zone = st.selectbox(
                "Timezone",
                zones,
                index=zones.index(person.timezone) if person.timezone_chosen and person.timezone in zones else 0,
                help="“Yesterday” and “next Friday” are counted in it. Type to search.",
            )
            submitted = st.form_submit_button("Save", type="primary", key="save-time")
        if submitted:
            chosen = zone != browser_entry
            named = zone if chosen else st.context.timezone or person.timezone
            services().memory.people.set(user.id, replace(person, timezone=named, timezone_chosen=chosen))
            forget_timezone()
            show_saved()


def draw_retention_setting(user: User, preferences: Preferences) -> None:
    """Draw the choice how long chats are kept, and a sentence that says what it means."""
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
        st.caption(_retention_sentence(days))
        submitted = st.button("Save", type="primary", key="save-keeping")
        if st.session_state.pop(JUST_SAVED, False):
            show_saved()
        if not submitted:
            return
        # Only a shorter time than before can erase chats.
        shorter = days is not None and (preferences.keep_days is None or days < preferences.keep_days)
        past = services().retention.count_older(user.id, days) if days is not None and shorter else 0
        if days is not None and past:
            draw_confirmation(days, past)
        else:
            _save_retention(user, days)
            st.rerun()


def _save_retention(user: User, days: int | None) -> None:
    app = services()
    app.preferences.set(user.id, replace(app.preferences.get(user.id), keep_days=days))
    st.session_state[JUST_SAVED] = True


@st.dialog("Let old chats go?")
def draw_confirmation(days: int, past: int) -> None:
    """Ask for a confirmation before a choice erases this many chats."""
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
            _save_retention(require_user(), days)
            st.rerun()
    if st.button("Leave it as it is", key="rather-not"):
        st.rerun()


def _retention_label(days: int) -> str:
    if days == FOR_EVER:
        return "For ever"
    return plural(days, "{number} day after the last message", "{number} days after the last message")


def _retention_sentence(days: int | None) -> str:
    if days is None:
        return "Chats stay until you delete them."
    return (
        f"Once nothing was said in a chat for {days} days, it goes for good. Pinned chats stay, and "
        f"so does what I learned from those that go. {when_erased()}"
    )


def draw_theme_choice() -> None:
    """Draw three radio buttons. Where a reload would sign the person out, the choice counts from the next visit."""
    _theme(
        key="lights",
        data={
            "legend": "Light or dark, on this device",
            "later": "It will look like this when you open Keepsake again.",
            "themes": THEMES,
            "pages": PAGE_NAMES,
            "kept": stays_signed_in(),
        },
        height="content",
    )
