"""Draws the sections of the settings page: replies, memory, timezone, retention of chats, and light or dark.

Each field is saved by itself as soon as it changes, and says below it if it cannot be. What would delete chats is asked
first. The theme is kept by the browser alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from auth.cookie_tasks import stays_signed_in
from auth.guard import User, require_user
from chat.preferences import KEPT_DAYS, LANGUAGES, MAX_INSTRUCTIONS, MINE, TONES, Preferences
from memory import Person
from memory.errors import AppError
from services import services
from ui.browser import component
from ui.browser.cookie_bridge import PAGE_NAMES
from ui.dates import forget_timezone, when_erased
from ui.elements import escape, plural
from ui.frame import ASSETS, check_session, show_errors
from ui.model_connection import may_connect

__all__ = [
    "THEMES",
    "draw_confirmation",
    "draw_memory_settings",
    "draw_reply_settings",
    "draw_retention_setting",
    "draw_theme_choice",
    "draw_timezone_setting",
    "section",
]

# The names of the tones and languages in the lists.
TONE_NAMES = {
    "as it is": "Default",
    "brief": "Brief: as short as possible",
    "thorough": "Thorough: with reasons and examples",
    "friendly": "Friendly: warm and personal",
    "matter-of-fact": "Matter-of-fact: factual and precise",
    "patient": "Patient: step by step",
    "playful": "Playful: light and witty",
}
LANGUAGE_NAMES = {
    "mine": "Same as my message",
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
# In the session: the section in which something was saved just now, and the choice that has to be confirmed.
SAVED, ASKED = "setting-saved", "retention-asked"
RETENTION = "setting-retention"
Saving = tuple[User, str, Callable[[Any], object]]  # who saves, in which section, and how
READS_HELP = "When off, replies use only the current chat, whatever a chat's own switch says."
WRITES_HELP = "When off, nothing new is remembered. Existing memories stay."
EPISODES_HELP = "I also keep past messages, to find details that no memory has."
FOR_EVER = 0  # a select box takes None for "nothing chosen"
# Streamlit's names of the themes, and the labels of their buttons.
THEMES = (("System", "System"), ("Light", "Light"), ("Dark", "Dark"))
MARKUP = "<fieldset><legend></legend></fieldset><p role='status'></p>"
_theme = component("keepsake_lights", "theme.js", html=MARKUP, css=(ASSETS / "theme.css").read_text("utf-8"))


@contextmanager
def section(title: str, name: str) -> Iterator[None]:
    """Draw a section with its title; beside the title stands "Saved" once, after something in it was saved."""
    with st.container(key=f"section-{name}", horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="content")
        saved = st.session_state.get(SAVED) == name
        st.html(f'<p class="saved" role="status">{"✓ Saved" if saved else ""}</p>', width="content")
    if saved:
        del st.session_state[SAVED]
    with st.container(border=True, key=f"settings-{name}"), show_errors():
        yield


def _save(user: User, name: str, field: str, save: Callable[[Any], object]) -> None:
    """Save what a field holds now, or keep the sentence that says why it cannot be saved.

    `save` returns False if it did not save yet, because the person is asked first. A value that this tab takes for the
    stored one is not saved again: another tab may have changed it since.
    """
    value = st.session_state[field]
    st.session_state.pop(f"refused-{field}", None)
    if value == st.session_state.get(f"stored-{field}"):
        return
    try:
        check_session(user)
        if save(value) is not False:
            st.session_state[SAVED] = name
            _note_stored(field, value)
    except AppError as error:
        st.session_state[f"refused-{field}"] = (value, error.for_person())


def _note_stored(field: str, value: object) -> None:
    st.session_state[f"stored-{field}"] = value


def _prefer(user: User, field: str) -> Callable[[Any], None]:
    """Return what saves one preference; the others stay as they are stored, also if another tab changed them."""
    store = services().preferences
    return lambda value: store.set(user.id, replace(store.get(user.id), **{field: value}))


def _set_person(user: User, field: str) -> Callable[[Any], None]:
    """Return what saves one setting for remembering; texts without the spaces around them."""
    people = services().memory.people

    def save(value: Any) -> None:
        kept = value.strip() if isinstance(value, str) else value
        changed: dict[str, Any] = {field: kept}
        people.set(user.id, replace(people.get(user.id), **changed))

    return save


def _draw_refusal(field: str) -> None:
    """Say below a field why its value was not saved, as long as the field holds that value."""
    value, sentence = st.session_state.get(f"refused-{field}") or (None, "")
    if sentence and st.session_state.get(field) == value:
        st.error(escape(sentence), icon=":material/error:")


def _draw_field(draw: Callable[..., Any], label: str, field: str, stored: Any, saving: Saving, **more: Any) -> Any:
    """Draw a field with `draw`, saved as it changes, and below it why its value was not saved; return the value."""
    user, name, save = saving
    value = draw(label, key=field, on_change=_save, args=(user, name, field, save), **more)
    _note_stored(field, stored)
    _draw_refusal(field)
    return value


def _draw_text(label: str, value: str, field: str, saving: Saving, **more: Any) -> None:
    """Draw a field for text; the script `save_typed` hands it over while somebody types."""
    _draw_field(st.text_area, label, field, value, saving, value=value, **more)


def draw_reply_settings(user: User, preferences: Preferences) -> None:
    """Draw the settings for replies: tone, language and the person's own instructions; and which model replies."""
    _draw_model(user, preferences)
    _draw_choice(user, "Tone", list(TONES), preferences.tone, ("tone", TONE_NAMES))
    _draw_choice(user, "Language of replies", [MINE, *LANGUAGES], preferences.language, ("language", LANGUAGE_NAMES))
    _draw_text(
        "Your instructions",
        preferences.instructions,
        "typed-instructions",
        (user, "replies", _prefer(user, "instructions")),
        placeholder="Call me Dave. Use metric units. When I ask for code, leave out the explanations.",
        help=f"Sent to the model with every message. Up to {MAX_INSTRUCTIONS:,} characters.",
        height=120,
    )


def _draw_choice(user: User, label: str, options: list[str], chosen: str, what: tuple[str, Mapping[str, str]]) -> None:
    """Draw the choice of a preference: its name, and the names of what it can be."""
    field, names = what
    saving = (user, "replies", _prefer(user, field))
    shown = {"options": options, "index": options.index(chosen), "format_func": names.__getitem__}
    _draw_field(st.selectbox, label, f"setting-{field}", chosen, saving, **shown)


def _draw_model(user: User, preferences: Preferences) -> None:
    """Say which model replies and where another one is chosen, or that none is connected."""
    app = services()
    if app.settings.has_model:
        model = preferences.model or app.settings.chat_model
        st.markdown(f"Replies come from **{escape(model)}**. You choose the model in the chat, below the message box.")
        return
    st.markdown("**No language model is connected.** What you choose below counts as soon as one is.")
    if may_connect(user):
        st.page_link("pages/connect.py", label="Connect a model", icon=":material/power:")


def draw_memory_settings(user: User, preferences: Preferences, person: Person) -> None:
    """Draw the settings for remembering, and the button that erases all episodes."""
    reads, writes = _prefer(user, "reads_memory"), _prefer(user, "writes_memory")
    _draw_switch(user, "Use memories in replies", preferences.reads_memory, ("reads", reads, READS_HELP))
    _draw_switch(user, "Learn from chats", preferences.writes_memory, ("writes", writes, WRITES_HELP))
    episodes = _set_person(user, "episodes")
    _draw_switch(user, "Search past messages", person.episodes, ("episodes", episodes, EPISODES_HELP))
    _draw_text(
        "What to remember or ignore",
        person.extract_wishes,
        "typed-extract",
        (user, "memory", _set_person(user, "extract_wishes")),
        placeholder="Remember everything about my garden. Never remember anything about my health.",
    )
    _draw_text(
        "What to do when something changes",
        person.update_wishes,
        "typed-update",
        (user, "memory", _set_person(user, "update_wishes")),
        placeholder="When I move, keep the old address as a memory of the past.",
    )
    if not services().settings.has_model:
        st.caption("No language model is connected. What you write here takes effect once one is.")
    _draw_episodes(user)


def _draw_switch(user: User, label: str, on: bool, what: tuple[str, Callable[[Any], None], str]) -> None:
    name, save, explained = what
    _draw_field(st.toggle, label, f"setting-{name}", on, (user, "memory", save), value=on, help=explained)


def _draw_episodes(user: User) -> None:
    kept = services().memory.episodes.count(user.id)
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.caption(
        plural(kept, "{number} past message is stored.", "{number} past messages are stored."),
        width="content",
    )
    label = "Delete stored past messages"
    if row.button(label, icon=":material/delete_sweep:", type="tertiary", disabled=not kept):
        _draw_erase_dialog()


@st.dialog("Delete stored past messages?")
def _draw_erase_dialog() -> None:
    st.markdown("They are permanently deleted and can no longer be searched. Your memories and chats stay.")
    if st.button("Delete them", type="primary", key="really-erase"):
        with show_errors():
            gone = services().memory.episodes.erase_all(require_user().id)
            st.toast(plural(gone, "{number} message deleted.", "{number} messages deleted."))
            st.rerun()


def draw_timezone_setting(user: User, person: Person) -> None:
    """Draw the choice of a timezone; the first entry follows the browser."""
    browsers = st.context.timezone or person.timezone
    browser_entry = f"Same as browser ({browsers})"
    zones = [browser_entry, *sorted(available_timezones())]

    def save(zone: str) -> None:
        people, chosen = services().memory.people, zone != browser_entry
        named = zone if chosen else browsers
        people.set(user.id, replace(people.get(user.id), timezone=named, timezone_chosen=chosen))
        forget_timezone()

    current = zones.index(person.timezone) if _chosen_zone(person) in zones else 0
    _draw_field(
        st.selectbox,
        "Timezone",
        "setting-timezone",
        zones[current],
        (user, "time", save),
        options=zones,
        index=current,
        help="Used for “yesterday” and “next Friday”. Type to search.",
    )


def _chosen_zone(person: Person) -> str | None:
    return person.timezone if person.timezone_chosen else None


def draw_retention_setting(user: User, preferences: Preferences) -> None:
    """Draw the choice how long chats are kept, and a sentence that says what it means."""
    offered = list(dict.fromkeys([*KEPT_DAYS, preferences.keep_days]))
    chosen = _draw_field(
        st.selectbox,
        "Keep my chats",
        RETENTION,
        preferences.keep_days or FOR_EVER,
        (user, "keeping", partial(_save_or_ask, user)),
        options=[each or FOR_EVER for each in offered],
        index=offered.index(preferences.keep_days),
        format_func=_retention_label,
    )
    st.caption(_retention_sentence(chosen or None))
    if asked := st.session_state.pop(ASKED, None):
        draw_confirmation(*asked)


def _save_or_ask(user: User, days: int) -> bool:
    """Save how long chats are kept. If that deletes chats, which only a shorter time can, ask first; return False."""
    app = services()
    before = app.preferences.get(user.id).keep_days
    shorter = days != FOR_EVER and (before is None or days < before)
    past = app.retention.count_older(user.id, days) if shorter else 0
    if past:
        st.session_state[ASKED] = (days, past)
        return False
    _prefer(user, "keep_days")(days or None)
    return True


def _keep_as_before() -> None:
    """Show the stored choice again, because the other one was not confirmed."""
    kept = services().preferences.get(require_user().id).keep_days
    st.session_state[RETENTION] = kept or FOR_EVER


@st.dialog("Delete old chats?", on_dismiss=_keep_as_before)
def draw_confirmation(days: int, past: int) -> None:
    """Ask for a confirmation before a choice erases this many chats."""
    st.markdown(
        plural(
            past,
            "**{number} chat** has had no messages for more than {days} days.",
            "**{number} chats** have had no messages for more than {days} days.",
            days=days,
        )
    )
    st.markdown(
        "They are permanently deleted within the hour, with their stored past messages. What I learned from them stays."
    )
    if st.button(f"Keep chats for {days} days", type="primary", key="really-keep"):
        with show_errors():
            _prefer(require_user(), "keep_days")(days)
            st.session_state[SAVED] = "keeping"
            st.rerun()
    if st.button("Cancel", key="rather-not", on_click=_keep_as_before):
        st.rerun()


def _retention_label(days: int) -> str:
    if days == FOR_EVER:
        return "Forever"
    return plural(days, "{number} day after the last message", "{number} days after the last message")


def _retention_sentence(days: int | None) -> str:
    if days is None:
        return "Chats are kept until you delete them."
    return (
        f"A chat is permanently deleted {days} days after its last message. Pinned chats stay, and so does what I "
        f"learned from deleted chats. {when_erased()}"
    )


def draw_theme_choice() -> None:
    """Draw three radio buttons. Where a reload would sign the person out, the choice counts from the next visit."""
    _theme(
        key="lights",
        data={
            "legend": "Light or dark, on this device",
            "later": "This applies the next time you open Keepsake.",
            "themes": THEMES,
            "pages": PAGE_NAMES,
            "kept": stays_signed_in(),
        },
        height="content",
    )
