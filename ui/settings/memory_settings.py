"""Settings of memory: on or off, the person's wishes for what is remembered, episodes, and the timezone."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import streamlit as st

from auth.guard import User, require_user
from chat.preferences import Preferences
from memory import Person
from services import services
from ui.dates import forget_timezone
from ui.elements import plural, show_saved
from ui.frame import show_errors

__all__ = ["draw_memory_settings", "draw_timezone_setting"]


def draw_memory_settings(user: User, preferences: Preferences, person: Person) -> None:
    """Draw the switches and the wishes, and the button that erases all episodes."""
    with st.container(border=True, key="settings-memory"), show_errors():
        _draw_wishes(user, preferences, person)
        _draw_episodes(user)


def _draw_wishes(user: User, preferences: Preferences, person: Person) -> None:
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
        asked = st.form_submit_button("Save", type="primary", key="save-memory")
    if asked:
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
        _confirm_erase()


@st.dialog("Erase what was kept turn by turn?")
def _confirm_erase() -> None:
    st.markdown("It goes for good. Your memories and your chats stay.")
    if st.button("Erase it", type="primary", key="really-erase"):
        with show_errors():
            gone = services().memory.episodes.erase_all(require_user().id)
            st.toast(plural(gone, "{number} message is erased.", "{number} messages are erased."))
            st.rerun()


def draw_timezone_setting(user: User, person: Person) -> None:
    """Draw the choice of a timezone; the first entry follows the browser."""
    follows = f"As my browser says ({st.context.timezone or person.timezone})"
    zones = [follows, *sorted(available_timezones())]
    with st.container(border=True, key="settings-time"), show_errors():
        with st.form("time", border=False):
            zone = st.selectbox(
                "Timezone",
                zones,
                index=zones.index(person.timezone) if person.timezone_chosen and person.timezone in zones else 0,
                help="“Yesterday” and “next Friday” are counted in it. Type to search.",
            )
            asked = st.form_submit_button("Save", type="primary", key="save-time")
        if asked:
            chosen = zone != follows
            named = zone if chosen else st.context.timezone or person.timezone
            services().memory.people.set(user.id, replace(person, timezone=named, timezone_chosen=chosen))
            forget_timezone()
            show_saved()
