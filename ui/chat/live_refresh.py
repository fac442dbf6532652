"""Draws the page again when the open chat has changed in another tab or on another device."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from chat.tree import Thread
from services import services
from ui.browser.timer import run_again
from ui.frame import show_errors

__all__ = ["refresh_when_changed"]

# Seconds until each next look. They start anew when the page is drawn; the last one repeats.
PACES = (3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 20.0, 30.0)
LOOKS = "looks_for_news"


def refresh_when_changed(drawn: Thread) -> None:
    """Draw the page again once the chat has changed, and no dialog is open that this would close."""
    st.session_state[LOOKS] = 0
    _look(drawn.messages[0].conversation_id, drawn.stamp, {each.id for each in drawn.messages})


@st.fragment
def _look(conversation_id: str, stamp: str, shown: set[str]) -> None:
    looks = st.session_state.get(LOOKS, 0)
    st.session_state[LOOKS] = looks + 1
    with show_errors():
        # The first look comes with the page itself, when nothing can have changed; asking would cost two trips.
        changed = looks > 0 and _changed(conversation_id, stamp, shown)
        pace = 0.05 if changed else PACES[min(looks, len(PACES) - 1)]
        if run_again("news", pace, calm=changed):
            st.rerun()


def _changed(conversation_id: str, stamp: str, shown: set[str]) -> bool:
    """Whether anything was said or answered, or one of these messages is being answered again."""
    user = require_user()
    task = services().replies.task_for(user.id, conversation_id)
    if task and task.asked.id in shown:
        return True
    return services().conversations.threads.stamp(user.id, conversation_id) != stamp
