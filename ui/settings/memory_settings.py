"""Memory on or off, what a person wishes of remembering, and what is kept turn by turn. Draws and collects."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import streamlit as st

from auth.guard import User, require_user
from chat.preferences import Preferences
from memory import Person
from services import services
from texts import counted, text
from ui.elements import saved
from ui.frame import trouble
from ui.zone import forget

__all__ = ["draw", "timezone"]


def draw(user: User, preferences: Preferences, person: Person) -> None:
    """The switches and the wishes, and under them the turns."""
    with st.container(border=True, key="settings-memory"), trouble():
        _wishes(user, preferences, person)
        _turns(user)


def _wishes(user: User, preferences: Preferences, person: Person) -> None:
    with st.form("wishes", border=False):
        reads = _switch("reads", preferences.reads_memory)
        writes = _switch("writes", preferences.writes_memory)
        episodes = _switch("episodes", person.episodes)
        extract = st.text_area(
            text("settings.memory.extract"),
            value=person.extract_wishes,
            placeholder=text("settings.memory.extract_example"),
        )
        update = st.text_area(
            text("settings.memory.update"),
            value=person.update_wishes,
            placeholder=text("settings.memory.update_example"),
        )
        if not services().settings.has_model:
            st.caption(text("settings.memory.without_model"))
        asked = st.form_submit_button(text("settings.save"), type="primary", key="save-memory")
    if asked:
        wishes = replace(person, episodes=episodes, extract_wishes=extract.strip(), update_wishes=update.strip())
        services().memory.people.set(user.id, wishes)
        services().preferences.set(user.id, replace(preferences, reads_memory=reads, writes_memory=writes))
        saved()


def _switch(name: str, on: bool) -> bool:
    return st.toggle(text(f"settings.memory.{name}"), value=on, help=text(f"settings.memory.{name}_help"))


def _turns(user: User) -> None:
    kept = services().memory.episodes.count(user.id)
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.caption(counted("settings.memory.kept", kept), width="content")
    label = text("settings.memory.erase")
    if row.button(label, icon=":material/delete_sweep:", type="tertiary", disabled=not kept):
        _confirm_erase()


@st.dialog(text("settings.memory.erase_title"))
def _confirm_erase() -> None:
    st.markdown(text("settings.memory.erase_words"))
    if st.button(text("settings.memory.erase_really"), type="primary", key="really-erase"):
        with trouble():
            gone = services().memory.episodes.erase_all(require_user().id)
            st.toast(counted("settings.memory.erased", gone))
            st.rerun()


def timezone(user: User, person: Person) -> None:
    """All there are, to be searched."""
    follows = text("settings.time.browser", zone=st.context.timezone or person.timezone)
    zones = [follows, *sorted(available_timezones())]
    with st.container(border=True, key="settings-time"), trouble():
        with st.form("time", border=False):
            zone = st.selectbox(
                text("settings.time.zone"),
                zones,
                index=zones.index(person.timezone) if person.timezone_chosen and person.timezone in zones else 0,
                help=text("settings.time.zone_help"),
            )
            asked = st.form_submit_button(text("settings.save"), type="primary", key="save-time")
        if asked:
            chosen = zone != follows
            named = zone if chosen else st.context.timezone or person.timezone
            services().memory.people.set(user.id, replace(person, timezone=named, timezone_chosen=chosen))
            forget()
            saved()
