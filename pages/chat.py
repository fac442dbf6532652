"""The chat: the list of conversations, the one that is open, and one turn at a time. Draws and collects."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st

from auth.guard import require_user
from chat.switches import Switches
from errors import InvalidInput
from house import house
from ui import composer, open_chat, zone
from ui.chat_bar import chat_bar, chosen_for_new
from ui.chat_list import chat_list
from ui.confirm_gently import confirm_gently
from ui.consent import require_consent
from ui.copying import copying
from ui.desk import desk
from ui.frame import MARK, trouble
from ui.going import going
from ui.greeting import greeting
from ui.learned import learned
from ui.news import news
from ui.reply import offer_second_try, stream_reply, to_answer
from ui.thread import thread
from ui.which_is_right import which_is_right

user = require_user()
home = house()
require_consent(user)

ZONE = "timezone"


def draw() -> None:
    """The list beside, the messages, the box to write in, and the reply to what was just said or asked again."""
    _note_timezone()
    zone.know(user)
    at_hand = desk(user)
    drawn = open_chat.thread(user)
    chat_list(user, at_hand)
    composer.box(user, drawn)
    above = st.container(key="chat-bar")
    if not drawn.messages:
        chat_bar(user, None, None, at_hand.preferences, above)
    asked, wanted = to_answer(drawn)
    thread(user, drawn, asked)
    if drawn.messages:  # once the messages have taken the greeting's place: people write where they see one
        chat_bar(user, drawn.messages[0].conversation_id, drawn.switches, at_hand.preferences, above)
    if asked:
        with st.chat_message("assistant", avatar=MARK):
            drawn = stream_reply(user, asked, drawn, wanted, at_hand.preferences)
            learned(asked, newest=True)
    elif not drawn.messages:
        with st.container():  # one element, so that the first message takes its place at once
            new = chosen_for_new() or Switches()
            keeps = at_hand.preferences.writes_memory and new.writes_memory
            greeting(partial(composer.say_in_new_chat, user), keeps=keeps, temporary=new.temporary)
    else:
        offer_second_try(drawn)
    composer.not_taken()
    if drawn.messages:  # not at the end of an empty page: people write as soon as they see the greeting
        which_is_right(user, at_hand.questions)
        confirm_gently()
        copying(drawn.messages)
        going()
        news(drawn.messages[0].conversation_id, drawn.stamp)


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


with trouble():
    draw()
