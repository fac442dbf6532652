"""The reply while it is written, what went wrong with it, and the way to another one. It writes none and saves none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import streamlit as st

from auth.guard import User
from chat.reply import ReplyTask
from chat.tree import Message, Thread, replies_to
from memory.errors import AppError
from services import services
from ui import dates, elements
from ui.chat import composer, open_chat
from ui.chat.learned import draw_learned
from ui.chat.message_row import draw_below_reply

__all__ = ["ask_again", "follow_reply", "second_try"]

AGAIN = "try-again"
UNDER_REPLY = 8  # elements that may stand under a reply, and its words


def ask_again(user: User, message_id: str | None, without: Sequence[str] = (), as_of: date | None = None) -> None:
    """What a press on "Try again" does: this message is answered anew, maybe without some memories or as of a day."""
    at = dates.timezone(st.session_state.to_dict())
    home = services()
    try:
        if asked := message_id and home.conversations.message(user.id, message_id):
            home.replies.begin(asked, without, as_of, zone=at)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (str(error), [])


def follow_reply(user: User, asked: Message, task: ReplyTask, thread: Thread) -> Thread:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again.

    Returns the thread as it is then. Whoever leaves the page, or presses something on it, leaves the reply to go on.
    """
    threads = services().conversations.threads
    composer.note_seen(asked.id)  # and no older answer, whatever becomes of this one
    # Each an element for now: what stood here before, under an older answer, is gone at once.
    words, end, *_, place = [st.empty() for _ in range(UNDER_REPLY)]
    words.caption("Thinking…")
    with place.container(key="stop-reply", horizontal_alignment="right"):
        stop, those = services().replies.stop, (user.id, asked.conversation_id)
        st.button("Stop", key="stop", icon=":material/stop_circle:", on_click=stop, args=those)
    problem = None
    try:
        words.write_stream(elements.safe_markdown_stream(_watched(task)))
    except AppError as error:
        problem = str(error)
    place.empty()
    if not task.has_words:
        words.empty()
    now = threads.open(user.id, asked.conversation_id)
    if problem is None:
        composer.note_seen(now.tip)
    with end.container():
        _stands(user, asked, thread, now, problem)
        draw_learned(asked, newest=True)
    return now


def _stands(user: User, asked: Message, before: Thread, now: Thread, problem: str | None) -> None:
    """What is there in the end, under the words that were shown: maybe the reply from before, if nothing came."""
    older = {each.id for each in (*before.messages, *before.others)}
    replies = replies_to(asked, now.messages)
    if not any(each.id not in older for each in replies):
        second_try(user, asked, problem)
        for each in replies:
            elements.draw_message_text(each)
    for each in replies:
        whole = each.status == "complete"
        draw_below_reply(user, each, now, partial(ask_again, user) if whole else None)
        if not whole and each.id not in older:
            second_try(user, asked, problem)


def _watched(task: ReplyTask) -> Iterator[str]:
    """The pieces; while there are none, the run can be ended all the same, by a press on anything."""
    for piece in task.follow():
        if piece:
            yield piece
        else:
            st.session_state.get(AGAIN)  # Streamlit looks then whether something else is wanted


def second_try(user: User, asked: Message, problem: str | None = None) -> None:
    """Why there is no whole reply, and the way to another one."""
    if problem := problem or services().replies.problem_with(user.id, asked.id):
        st.warning(problem, icon=":material/error:")
    st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=ask_again, args=(user, asked.id))
