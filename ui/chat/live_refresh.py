"""Notices what happened in the open chat elsewhere: in another tab, or on another device. It draws nothing itself."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from chat.tree import Thread
from services import services
from ui.browser.timer import run_again
from ui.frame import show_errors

__all__ = ["refresh_when_changed"]

# Seconds until each next look; the first again whenever the page is drawn, the last for as long as nothing happens.
PACES = (3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 20.0, 30.0)
LOOKS = "looks_for_news"


def refresh_when_changed(drawn: Thread) -> None:
    """Draw the page anew once the chat is no longer as it was drawn, and nothing is open that this would close."""
    st.session_state[LOOKS] = 0
    _look(drawn.messages[0].conversation_id, drawn.stamp, {each.id for each in drawn.messages})


@st.fragment
def _look(conversation_id: str, stamp: str, shown: set[str]) -> None:
    looks = st.session_state.get(LOOKS, 0)
    st.session_state[LOOKS] = looks + 1
    with show_errors():
        # With the page itself nothing can be new; asking, and asking who asks, would cost each run two trips.
        changed = looks > 0 and _changed(conversation_id, stamp, shown)
        pace = 0.05 if changed else PACES[min(looks, len(PACES) - 1)]
        if run_again("news", pace, calm=changed):
            st.rerun()


def _changed(conversation_id: str, stamp: str, shown: set[str]) -> bool:
    """Whether something was said or answered, or one of these messages is being answered anew."""
    home, user = services(), require_user()
    task = home.replies.task_for(user.id, conversation_id)
    if task and task.asked.id in shown:
        return True
    return home.conversations.threads.stamp(user.id, conversation_id) != stamp
