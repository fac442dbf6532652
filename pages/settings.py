"""The settings page: replies, memory, timezone, retention, light or dark."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from services import services
from ui import settings
from ui.consent import require_consent
from ui.frame import show_errors

user = require_user()
app = services()
require_consent(user)


def draw_page() -> None:
    """Draw a section for each subject, saved by its own button."""
    st.title("Settings", anchor=False)
    preferences, person = app.preferences.get(user.id), app.memory.people.get(user.id)
    st.header("Replies", anchor=False)
    st.caption("For every chat, from the next message on.")
    settings.draw_reply_settings(user, preferences)
    st.header("Memory", anchor=False)
    settings.draw_memory_settings(user, preferences, person)
    st.header("Time", anchor=False)
    settings.draw_timezone_setting(user, person)
    st.header("Keeping", anchor=False)
    settings.draw_retention_setting(user, preferences)
    st.header("How it looks", anchor=False)
    with st.container(border=True):
        settings.draw_theme_choice()


with show_errors():
    draw_page()
