"""The reply while it is written, what went wrong with it, and the way to another one. It writes none and saves none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import User
from chat.branches import replies_to
from chat.message import Message
from chat.threads import Thread
from chat.underway import Writing
from errors import AppError
from house import house
from texts import text
from ui import composer, open_chat, pieces, zone
from ui.frame import MARK
from ui.message_row import below_reply

__all__ = ["ask_again", "follow_reply", "offer_second_try"]

AGAIN = "try-again"


def ask_again(user: User, message_id: str | None, without: Sequence[str] = (), as_of: date | None = None) -> None:
    """What a press on "Try again" does: this message is answered anew, maybe without some memories or as of a day."""
    at = zone.here(st.session_state.to_dict())
    home = house()
    try:
        if asked := message_id and home.conversations.message(user.id, message_id):
            home.underway.begin(asked, without, as_of, zone=at)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (str(error), [])


def follow_reply(user: User, asked: Message, writing: Writing, thread: Thread) -> Thread:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again.

    Returns the thread as it is then. Whoever leaves the page, or presses something on it, leaves the reply to go on.
    """
    threads = house().conversations.threads
    composer.seen(asked.id)  # and no older answer, whatever becomes of this one
    before = replies_to(asked, [*thread.messages, *thread.others])
    waiting, words, place = st.empty(), st.container(), st.empty()
    waiting.caption(text("chat.thinking"))
    with place.container(key="stop-reply"):
        stop, those = house().underway.stop, (user.id, asked.conversation_id)
        st.button(text("chat.stop"), key="stop", icon=":material/stop_circle:", on_click=stop, args=those)
    try:
        words.write_stream(pieces.harmless_stream(_watched(writing, waiting)))
    except AppError as error:
        waiting.empty()
        place.empty()
        _why_not(user, asked, str(error))
        for each in before[-1:]:
            pieces.spoken(each)
        return threads.open(user.id, asked.conversation_id)
    place.empty()
    now = threads.open(user.id, asked.conversation_id)
    composer.seen(now.tip)
    for each in replies_to(asked, now.messages):
        below_reply(user, each, now, partial(ask_again, user))
    return now


def _watched(writing: Writing, waiting: DeltaGenerator) -> Iterator[str]:
    """The pieces; while there are none, the run can be ended all the same, by a press on anything."""
    for piece in writing.follow():
        if piece:
            waiting.empty()
            yield piece
        else:
            st.session_state.get(AGAIN)  # Streamlit looks then whether something else is wanted


def offer_second_try(user: User, thread: Thread) -> None:
    """Where the last message has no whole reply: say why, keep it, and let it be asked again."""
    if unanswered := _unanswered(thread):
        with st.chat_message("assistant", avatar=MARK):
            _why_not(user, unanswered, house().underway.why_not(user.id, unanswered.id))


def _unanswered(thread: Thread) -> Message | None:
    """The person's message that has no reply, or one that broke off or was stopped."""
    if thread.later:
        return None
    last = thread.messages[-1]
    if last.role == "assistant" and last.status != "complete":
        return next((each for each in thread.messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _why_not(user: User, asked: Message, problem: str | None) -> None:
    if problem:
        st.warning(problem, icon=":material/error:")
    st.button(text("chat.try_again"), key=AGAIN, icon=":material/refresh:", on_click=ask_again, args=(user, asked.id))
