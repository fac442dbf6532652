"""The settings page: replies, memory, timezone, retention, light or dark."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from ui import settings
from ui.browser.page_scripts import save_typed
from ui.consent import require_consent
from ui.frame import show_errors, style
from ui.sidebar import draw_sidebar

user = require_user()
require_consent(user)


def draw_page() -> None:
    """Draw a section for each subject; every change is saved as it is made."""
    preferences, person = draw_sidebar(user, "settings")
    st.html(style("settings.css"))
    st.title("Settings", anchor=False)
    st.caption("Changes are saved as you make them, and apply to all chats from the next message on.")
    with settings.section("Replies", "replies"):
        settings.draw_reply_settings(user, preferences)
    with settings.section("Memory", "memory"):
        settings.draw_memory_settings(user, preferences, person)
    with settings.section("Time", "time"):
        settings.draw_timezone_setting(user, person)
    with settings.section("Keeping chats", "keeping"):
        settings.draw_retention_setting(user, preferences)
    with settings.section("Appearance", "appearance"):
        settings.draw_theme_choice()
    save_typed()


with show_errors():
    draw_page()
