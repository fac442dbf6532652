"""The chat: the list of conversations, the one that is open, and one turn at a time. Draws and collects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

import streamlit as st

from auth.guard import give_back, require_user, stop_if_ended
from chat.conversations import Message
from chat.turn import answer, say
from errors import AppError, InvalidInput, NotFound
from house import house
from ui import open_chat, pieces
from ui.chat_list import chat_list
from ui.consent import require_consent
from ui.frame import MARK, trouble
from ui.greeting import greeting
from ui.receipt import behind_reply

user = require_user()
home = house()
require_consent(user)

# What this page keeps between two runs.
ASKED, REFUSED, ZONE = "asked", "refused", "timezone"
WRITTEN, AGAIN, AGAIN_FOR = "written", "try-again", "again_for"


def draw() -> None:
    """The list beside, the messages, the box to write in, and the reply to what was just said."""
    _note_timezone()
    messages = open_chat.messages(user)
    chat_list(user)
    give_back(user, WRITTEN)
    st.chat_input("Message Keepsake", key=WRITTEN, submit_mode="stop", on_submit=_say, args=(open_chat.open_id(),))
    for each in messages:
        _draw_message(each)
    if refused := st.session_state.pop(REFUSED, None):
        pieces.not_sent(*refused)
    if messages and st.session_state.pop(ASKED, None) == messages[-1].id:
        with st.chat_message("assistant", avatar=MARK):
            _stream_reply(messages[-1], messages)
    elif not messages:
        with st.container():  # one element, so that the first message takes its place at once
            greeting(_say)
    elif asked := _unanswered(messages):
        _offer_second_try(asked, messages)


def _draw_message(said: Message) -> None:
    with st.chat_message(said.role, avatar=pieces.avatar(said.role)):
        pieces.spoken(said)
        if said.role == "assistant":
            behind_reply(said)
        elif problem := said.receipt.get("not_remembered"):
            st.caption(f":material/hourglass: Not remembered yet: {pieces.plain(str(problem))}")


def _say(drawn: str | None, words: str | None = None) -> None:
    """Save what was written before anything is drawn or noted, so that no click in between can lose it."""
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    said: str = words or st.session_state.to_dict()[WRITTEN]
    try:
        asked = _save(drawn, said)
    except AppError as error:
        st.session_state[REFUSED] = (str(error), said)
        return
    st.session_state[ASKED] = asked.id
    open_chat.set_open(asked.conversation_id)


def _note_timezone() -> None:
    """Keep the browser's timezone, so that "yesterday" is the person's yesterday."""
    zone = st.context.timezone
    if not zone or st.session_state.get(ZONE) == zone:
        return
    st.session_state[ZONE] = zone
    person = home.memory.people.get(user.id)
    if person.timezone != zone:
        with suppress(InvalidInput):  # a zone this server does not know: the old one stands
            home.memory.people.set(user.id, replace(person, timezone=zone))


def _unanswered(messages: Sequence[Message]) -> Message | None:
    """The person's message that has no reply, or one that broke off or was stopped."""
    *_, last = messages
    if last.role == "assistant" and last.status != "complete":
        return next((each for each in messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _stream_reply(asked: Message, said: Sequence[Message]) -> None:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again."""
    st.session_state.pop(open_chat.PROBLEM, None)
    try:
        # Closed whatever happens, so that a stopped reply is saved as far as it came.
        with closing(answer(home.chat, asked, said)) as reply:
            st.write_stream(pieces.harmless_stream(reply))
    except AppError as error:
        st.session_state[open_chat.PROBLEM] = str(error)
        st.warning(str(error), icon=":material/error:")
        st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=_ask_again, args=(asked.id,))
        return
    for each in home.conversations.messages(user.id, asked.conversation_id, limit=1):
        behind_reply(each)


def _save(drawn: str | None, words: str) -> Message:
    stop_if_ended(user, words)
    # Into the chat that was drawn: right after "New chat" the browser still sends the old address.
    try:
        return say(home.chat, user.id, drawn, words)
    except NotFound:  # the chat is gone: the words, which were counted, begin a new one
        return home.conversations.say(user.id, None, words)


def _ask_again(message_id: str) -> None:
    st.session_state[AGAIN_FOR] = message_id


def _offer_second_try(asked: Message, said: Sequence[Message]) -> None:
    """A message without a whole reply: say why, keep it, and let it be asked again."""
    with st.chat_message("assistant", avatar=MARK):
        if st.session_state.pop(AGAIN_FOR, None) == asked.id:
            _stream_reply(asked, said)
            return
        if problem := st.session_state.get(open_chat.PROBLEM):
            st.warning(problem, icon=":material/error:")
        st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=_ask_again, args=(asked.id,))


with trouble():
    draw()
