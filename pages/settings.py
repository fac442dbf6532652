"""Settings: how replies are, what memory may do, the timezone, and how long chats stay. Draws and collects."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from house import house
from texts import text
from ui import keeping, remembering, replies, timezone
from ui.consent import require_consent
from ui.frame import trouble

user = require_user()
home = house()
require_consent(user)


def draw() -> None:
    """One form for each matter, saved by its own button."""
    st.title(text("settings.title"), anchor=False)
    preferences, person = home.preferences.get(user.id), home.memory.people.get(user.id)
    st.subheader(text("settings.replies.title"), anchor=False)
    st.caption(text("settings.replies.caption"))
    replies.draw(user, preferences)
    st.subheader(text("settings.memory.title"), anchor=False)
    remembering.draw(user, preferences, person)
    st.subheader(text("settings.time.title"), anchor=False)
    timezone.draw(user, person)
    st.subheader(text("settings.keeping.title"), anchor=False)
    keeping.draw(user, preferences)


with trouble():
    draw()
