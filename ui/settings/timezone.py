"""The timezone that a person's days are counted in: the browser's, or one of their choice. Draws and collects."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import streamlit as st

from auth.guard import User
from memory import Person
from services import services
from texts import text
from ui.elements import saved
from ui.frame import trouble
from ui.zone import forget

__all__ = ["draw"]


def draw(user: User, person: Person) -> None:
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
