"""Draws the list of chats beside every page, and reads what the page needs in the same trip to the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from auth.guard import User
from auth.keys import keys_reading
from auth.session import devices_reading
from chat.preferences import preferences_reading
from chat.remembering.queue import STUCK_TURNS, WAITING_TURNS
from memory.imports.queue import progress_reading
from memory.rows.people import person_reading
from memory.upkeep.checks import checks_reading
from services import Reading, services
from ui import dates
from ui.chat import open_chat
from ui.chat.chat_data import chat_readings, list_data
from ui.chat.chat_list import draw_chat_list, draw_header_button, draw_search
from ui.consent import has_agreed
from ui.memories.memory_list import list_readings

__all__ = ["draw_sidebar"]

# By the name of a page: what it reads at each run, in this order.
READINGS: Mapping[str, Callable[[User], list[Reading[Any]]]] = MappingProxyType(
    {
        "chat": lambda _: chat_readings(),
        "memories": lambda user: [WAITING_TURNS, *list_readings(user)],
        "health": lambda _: [STUCK_TURNS, progress_reading(), checks_reading()],
        "settings": lambda _: [preferences_reading(), person_reading()],
        "account": lambda _: [devices_reading(), keys_reading()],
    }
)


def draw_sidebar(user: User, page: str) -> list[Any]:
    """Draw the list of chats, and return what the page reads; a chat that was pressed opens on the chat page.

    Without consent, as the account page may be, there is no list.
    """
    open_chat.follow(page)
    dates.load_timezone(user)  # what is read may depend on it
    own = READINGS[page](user) if page in READINGS else []
    if not has_agreed(user):
        return services().read_together(user.id, *own) if own else []
    with _on_every_page():
        data, readings = list_data(draw_search())
        results = services().read_together(user.id, *own, *readings)
        data.fill(results[len(own) :])
        draw_chat_list(user, data)
        draw_header_button()
    return results[: len(own)]


def _on_every_page() -> AbstractContextManager[None]:
    """Let the browser keep what is drawn in this block while another page is opened, as if app.py had drawn it."""
    context = get_script_run_ctx()
    return context.run_with_active_hash(context.pages_manager.main_script_hash) if context else nullcontext()
