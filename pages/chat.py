"""The chat: the list of conversations, the one that is open, and the reply to come. Draws and collects."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import require_user
from chat.reply import ReplyTask
from chat.tree import Switches, Thread
from memory.errors import InvalidInput
from services import services
from ui import dates
from ui.browser.page_scripts import enable_copying, put_chat_in_address, scroll_now
from ui.chat import composer, open_chat
from ui.chat.chat_bar import draw_chat_bar, new_chat_switches
from ui.chat.chat_data import ChatPageData, read_chat_page
from ui.chat.chat_list import draw_chat_list
from ui.chat.live_refresh import refresh_when_changed
from ui.chat.questions import draw_contradiction, draw_recheck
from ui.chat.reply import follow_reply, second_try
from ui.chat.thread import greeting, thread
from ui.consent import require_consent
from ui.frame import MARK, show_errors
from ui.slots import fresh_slot

user = require_user()
home = services()
require_consent(user)

ZONE = "timezone"


def draw() -> None:
    """The list beside, the box to write in, and the chat that is open, or a greeting."""
    _note_timezone()
    dates.load_timezone(user)
    at_hand = read_chat_page(user)
    # Looked for before the messages are read: else it might be saved in between, and be neither here nor there.
    task = home.replies.task_for(user.id, open_chat.open_id())
    drawn = open_chat.thread(user)
    draw_chat_list(user, at_hand)
    composer.message_box(user, drawn)
    above = st.container(key="chat-bar")
    if drawn.messages:
        with fresh_slot(drawn.messages[0].conversation_id, "chat"):
            _talk(drawn, task, at_hand, above)
    else:
        draw_chat_bar(user, None, None, at_hand.preferences, above)
        with fresh_slot(None, "chat"):
            _greet(at_hand)


def _talk(drawn: Thread, task: ReplyTask | None, at_hand: ChatPageData, above: DeltaGenerator) -> None:
    """The messages, and the reply while it is written. What stands below is drawn first: the reply may take long."""
    asked = drawn.find(task.asked.id) if task else None
    talk, below = st.container(), st.container()
    with talk:
        place = thread(user, drawn, asked)
    # Once the messages have taken the greeting's place: people write where they see one.
    draw_chat_bar(user, drawn.messages[0].conversation_id, drawn.switches, at_hand.preferences, above)
    with below:
        composer.show_refusal()
        draw_contradiction(user, at_hand.questions)
        draw_recheck()
    put_chat_in_address(open_chat.IN_ADDRESS, drawn.messages[0].conversation_id)
    scroll_now()
    if place:
        with place.chat_message("assistant", avatar=MARK):
            if task and asked:
                drawn = follow_reply(user, asked, task, drawn)
            else:
                second_try(user, drawn.messages[-1])
    enable_copying(drawn.messages)
    refresh_when_changed(drawn)


def _greet(at_hand: ChatPageData) -> None:
    """A new chat; nothing is drawn after the greeting, since people write as soon as they see it."""
    new = new_chat_switches() or Switches()
    keeps = at_hand.preferences.writes_memory and new.writes_memory
    composer.show_refusal()
    greeting(partial(composer.say_in_new_chat, user), keeps=keeps, temporary=new.temporary)


def _note_timezone() -> None:
    """Keep the browser's timezone, so that "yesterday" is the person's yesterday."""
    theirs = st.context.timezone
    if not theirs or st.session_state.get(ZONE) == theirs:
        return
    st.session_state[ZONE] = theirs
    person = home.memory.people.get(user.id)
    if person.timezone != theirs and not person.timezone_chosen:
        with suppress(InvalidInput):  # a zone this server does not know: the old one stands
            home.memory.people.set(user.id, replace(person, timezone=theirs))


with show_errors():
    draw()
