"""The page Chat: the list of chats, the open chat with the reply that is being written, and the box to write in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st

from auth.guard import require_user
from chat.reply import FollowedReply
from chat.tree import Switches, Thread
from memory.errors import InvalidInput
from services import services
from ui.browser import invisible
from ui.browser.page_scripts import complete_texts, enable_copying, focus_field, put_chat_in_address, scroll_now
from ui.chat import composer, open_chat
from ui.chat.chat_bar import ChatBarPlace, draw_chat_bar, new_chat_switches
from ui.chat.chat_data import ChatPageData, page_data, starters
from ui.chat.questions import draw_contradiction, draw_recheck
from ui.chat.reply import draw_retry, follow_reply
from ui.chat.thread import draw_greeting, draw_thread, refresh_when_changed
from ui.chat.without_model import draw_model_notice
from ui.consent import require_consent
from ui.frame import MARK, show_errors
from ui.sidebar import draw_sidebar
from ui.slots import fresh_slot

user = require_user()
app = services()
require_consent(user)

ZONE = "timezone"


def draw() -> None:
    """Draw the list of chats, the box, and the open chat or a greeting."""
    _note_timezone()
    data = page_data(draw_sidebar(user, open_chat.CHAT))
    # Looked up before the messages are read: a reply that is saved in between would otherwise be missed.
    here = app.replies.task_for(user.id, open_chat.open_id())
    drawn = open_chat.read_thread(user)
    task = here or app.replies.elsewhere(drawn)
    composer.draw_box(user, drawn, data.preferences)
    _focus_box_once()
    bar = st.container(key="chat-bar")
    draw_model_notice(user, data.preferences)
    place = ChatBarPlace(bar, st.container(key="chat-notes"))
    if drawn.messages:
        with fresh_slot(drawn.messages[0].conversation_id, "chat"):
            _draw_chat(drawn, task, data, place)
    else:
        draw_chat_bar(user, None, None, data.preferences, place)
        with fresh_slot(None, "chat"):
            _draw_new_chat(data)


def _draw_chat(drawn: Thread, task: FollowedReply | None, data: ChatPageData, bar: ChatBarPlace) -> None:
    """Draw the messages, then what stands below them, and last the reply while it is written, which may take long."""
    asked = drawn.find(task.asked.id) if task else None
    messages, below = st.container(), st.container()
    with messages:
        place = draw_thread(user, drawn, asked)
    # After the messages, so that they replace the greeting first.
    taught = bool(drawn.earlier or drawn.later) or any(
        each.remembering != "none" for each in (*drawn.messages, *drawn.others)
    )
    chat_id = drawn.messages[0].conversation_id
    draw_chat_bar(user, chat_id, drawn.switches, data.preferences, bar, taught=taught)
    with below:
        composer.draw_refusal()
        draw_contradiction(user, data.questions)
        draw_recheck()
    put_chat_in_address(open_chat.IN_ADDRESS, drawn.messages[0].conversation_id)
    scroll_now()
    if place:
        with place.chat_message("assistant", avatar=MARK):
            if task and asked:
                drawn = follow_reply(user, asked, task)
            else:
                draw_retry(user, drawn.messages[-1])
    enable_copying(drawn.messages)
    complete_texts()
    refresh_when_changed(drawn)


def _draw_new_chat(data: ChatPageData) -> None:
    """Draw a new chat; the greeting comes last, because people write as soon as they see it."""
    new = new_chat_switches() or Switches()
    keeps = data.preferences.writes_memory and new.writes_memory
    composer.draw_refusal()
    reads = data.preferences.reads_memory and new.reads
    suggestions = starters(
        data.newest, has_model=app.settings.has_model, reads=reads, writes=keeps and not new.temporary
    )
    draw_greeting(partial(composer.say_in_new_chat, user), suggestions, keeps=keeps, temporary=new.temporary)


def _focus_box_once() -> None:
    """Put the cursor into the box when the page is first drawn, as after signing in, or New chat on another page.

    On a touch screen that would bring up a keyboard.
    """
    with invisible("focus-once"):  # always there, so that what follows does not move
        if not st.session_state.get(open_chat.BOX_FOCUSED):
            focus_field(composer.WRITTEN, on_touch=False)
            st.session_state[open_chat.BOX_FOCUSED] = True


def _note_timezone() -> None:
    """Save the browser's timezone, so that "yesterday" is the person's yesterday."""
    timezone = st.context.timezone
    if not timezone or st.session_state.get(ZONE) == timezone:
        return
    st.session_state[ZONE] = timezone
    person = app.memory.people.get(user.id)
    if person.timezone != timezone and not person.timezone_chosen:
        with suppress(InvalidInput):  # a timezone that this server does not know: the old one stays
            app.memory.people.set(user.id, replace(person, timezone=timezone))


with show_errors():
    draw()
