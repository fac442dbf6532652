"""The reply while it is written, what went wrong with it, and the way to another one. It saves nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date
from typing import NamedTuple

import streamlit as st

from auth.guard import User
from chat.branches import replies_to
from chat.message import Message
from chat.preferences import Preferences
from chat.threads import Thread
from chat.turn import answer
from errors import AppError
from house import house
from texts import text
from ui import composer, open_chat, pieces, zone
from ui.frame import MARK
from ui.look_again import look_again
from ui.message_row import below_reply

__all__ = ["Wanted", "ask_again", "offer_second_try", "stream_reply", "to_answer"]

AGAIN, AGAIN_FOR = "try-again", "again_for"


class Wanted(NamedTuple):
    """How a message is to be answered: without some memories, and as of a day that is past."""

    without: Sequence[str] = ()
    as_of: date | None = None


def to_answer(thread: Thread) -> tuple[Message | None, Wanted]:
    """The message that waits for its reply in this run, and how."""
    fresh = composer.just_said()
    again, wanted = st.session_state.pop(AGAIN_FOR, (None, Wanted()))
    if said := thread.find(fresh):
        return said, Wanted()
    asked = thread.find(again)
    return (asked, wanted) if asked and asked.role == "user" else (None, Wanted())


def ask_again(message_id: str | None, without: Sequence[str] = (), as_of: date | None = None) -> None:
    """What a press on "Try again" does: the next run answers this message anew."""
    st.session_state[AGAIN_FOR] = (message_id, Wanted(without, as_of))


def stream_reply(user: User, asked: Message, thread: Thread, wanted: Wanted, preferences: Preferences) -> Thread:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again.

    Returns the thread as it is then.
    """
    home = house()
    st.session_state.pop(open_chat.PROBLEM, None)
    composer.seen(asked.id)  # and no older answer, whatever becomes of this one
    before = replies_to(asked, [*thread.messages, *thread.others])
    place = st.empty()
    with place:
        _stopped()
    try:
        # Closed whatever happens, so that a stopped reply is saved as far as it came.
        with closing(answer(home.chat, asked, thread, *wanted, preferences=preferences, zone=zone.here())) as reply:
            st.write_stream(pieces.harmless_stream(reply))
    except AppError as error:
        st.session_state[open_chat.PROBLEM] = str(error)
        _why_not(asked)
        for each in before[-1:]:
            pieces.spoken(each)
        place.empty()
        return home.conversations.threads.open(user.id, asked.conversation_id)
    place.empty()
    now = home.conversations.threads.open(user.id, asked.conversation_id)
    composer.seen(now.tip)
    for each in replies_to(asked, now.messages):
        below_reply(user, each, now, ask_again)
    return now


@st.fragment
def _stopped() -> None:
    """Draws the page anew after a press on stop, which ends the run before it could say so."""
    if look_again("stopped", calm=True):
        st.rerun()


def offer_second_try(thread: Thread) -> None:
    """Where the last message has no whole reply: say why, keep it, and let it be asked again."""
    if unanswered := _unanswered(thread):
        with st.chat_message("assistant", avatar=MARK):
            _why_not(unanswered)


def _unanswered(thread: Thread) -> Message | None:
    """The person's message that has no reply, or one that broke off or was stopped."""
    if thread.later:
        return None
    last = thread.messages[-1]
    if last.role == "assistant" and last.status != "complete":
        return next((each for each in thread.messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _why_not(asked: Message) -> None:
    if problem := st.session_state.get(open_chat.PROBLEM):
        st.warning(problem, icon=":material/error:")
    st.button(text("chat.try_again"), key=AGAIN, icon=":material/refresh:", on_click=ask_again, args=(asked.id,))
