"""The chat: the list of conversations, the one that is open, and one turn at a time. Draws and collects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

import streamlit as st

from auth.guard import give_back, require_user, stop_if_ended
from chat.branches import earlier, replies_to, shown
from chat.conversations import Message
from chat.turn import answer, say
from errors import AppError, InvalidInput, NotFound
from house import house
from ui import open_chat, pieces
from ui.chat_list import chat_list
from ui.consent import require_consent
from ui.frame import MARK, trouble
from ui.greeting import greeting
from ui.learned import learned
from ui.receipt import behind_reply
from ui.which_is_right import which_is_right

user = require_user()
home = house()
require_consent(user)

# What this page keeps between two runs.
ASKED, ZONE = "asked", "timezone"
WRITTEN, AGAIN, AGAIN_FOR = "written", "try-again", "again_for"


def draw() -> None:
    """The list beside, the messages, the box to write in, and the reply to what was just said or asked again."""
    _note_timezone()
    said = open_chat.messages(user)
    chat_list(user)
    give_back(user, WRITTEN)
    st.chat_input("Message Keepsake", key=WRITTEN, submit_mode="stop", on_submit=_say, args=(open_chat.open_id(),))
    asked, without = _to_answer(said)
    for each in shown(said):
        if asked is None or each.parent_id != asked.id or each.role == "user":
            _draw_message(each, said, answered_now=asked is not None and each.id == asked.id)
    if asked:
        with st.chat_message("assistant", avatar=MARK):
            _stream_reply(asked, said, without)
            learned(asked, newest=True)
    elif not said:
        with st.container():  # one element, so that the first message takes its place at once
            greeting(_say)
    elif unanswered := _unanswered(shown(said)):
        _offer_second_try(unanswered)
    if refused := st.session_state.get(open_chat.REFUSED):
        pieces.not_sent(*refused)
    if said:  # not at the end of an empty page: people write as soon as they see the greeting
        which_is_right()


def _to_answer(said: Sequence[Message]) -> tuple[Message | None, Sequence[str]]:
    """The message that waits for its reply in this run, and the memories to do without."""
    fresh = st.session_state.pop(ASKED, None)
    again, without = st.session_state.pop(AGAIN_FOR, (None, ()))
    if said and said[-1].id == fresh:
        return said[-1], ()
    # Only the last thing a person said: an answer further up has been talked on from.
    last = next((each for each in reversed(said) if each.role == "user"), None)
    return (last, without) if last and last.id == again else (None, ())


def _draw_message(each: Message, said: Sequence[Message], *, answered_now: bool) -> None:
    """One message; under the last one of its turn, what was learned of the turn."""
    last = next((other for other in reversed(said) if other.role == "user"), None)
    with st.chat_message(each.role, avatar=pieces.avatar(each.role)):
        pieces.spoken(each)
        if each.role == "assistant":
            to_last = last is not None and each.parent_id == last.id
            may_again = to_last and each.status == "complete"
            behind_reply(each, earlier(each, said), _ask_again if may_again else None)
            for asked in (other for other in said if other.id == each.parent_id):
                learned(asked, newest=to_last)
        elif not answered_now and not replies_to(each, said):
            learned(each, newest=each is last)


def _say(drawn: str | None, words: str | None = None) -> None:
    """Save what was written before anything is drawn or noted, so that no click in between can lose it."""
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    said: str = words or st.session_state.to_dict()[WRITTEN]
    try:
        asked = _save(drawn, said)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (str(error), said)
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
    if person.timezone != zone and not person.timezone_chosen:
        with suppress(InvalidInput):  # a zone this server does not know: the old one stands
            home.memory.people.set(user.id, replace(person, timezone=zone))


def _unanswered(messages: Sequence[Message]) -> Message | None:
    """The person's message that has no reply, or one that broke off or was stopped."""
    *_, last = messages
    if last.role == "assistant" and last.status != "complete":
        return next((each for each in messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _stream_reply(asked: Message, said: Sequence[Message], without: Sequence[str]) -> None:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again."""
    st.session_state.pop(open_chat.PROBLEM, None)
    before = replies_to(asked, said)
    try:
        # Closed whatever happens, so that a stopped reply is saved as far as it came.
        with closing(answer(home.chat, asked, said, without)) as reply:
            st.write_stream(pieces.harmless_stream(reply))
    except AppError as error:
        st.session_state[open_chat.PROBLEM] = str(error)
        _why_not(asked)
        for each in before[-1:]:
            pieces.spoken(each)
        return
    for each in replies_to(asked, home.conversations.messages(user.id, asked.conversation_id, limit=1)):
        behind_reply(each, before, _ask_again)


def _save(drawn: str | None, words: str) -> Message:
    stop_if_ended(user, words)
    # Into the chat that was drawn: right after "New chat" the browser still sends the old address.
    try:
        return say(home.chat, user.id, drawn, words)
    except NotFound:  # the chat is gone: the words, which were counted, begin a new one
        return home.conversations.say(user.id, None, words)


def _ask_again(message_id: str | None, without: Sequence[str] = ()) -> None:
    st.session_state[AGAIN_FOR] = (message_id, without)


def _offer_second_try(asked: Message) -> None:
    """A message without a whole reply: say why, keep it, and let it be asked again."""
    with st.chat_message("assistant", avatar=MARK):
        _why_not(asked)


def _why_not(asked: Message) -> None:
    if problem := st.session_state.get(open_chat.PROBLEM):
        st.warning(problem, icon=":material/error:")
    st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=_ask_again, args=(asked.id,))


with trouble():
    draw()
