"""Draws a reply while it is written, what went wrong with it, and "Try again". Replies are written in chat/reply.py."""

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
from ui.frame import show_warning
from ui.safe_text import safe_markdown, safe_markdown_stream

__all__ = ["ask_again", "draw_retry", "follow_reply"]

AGAIN = "try-again"
UNDER_REPLY = 8  # elements of a reply: its words, and what may stand under them


def ask_again(user: User, message_id: str | None, without: Sequence[str] = (), as_of: date | None = None) -> None:
    """Have a message answered again, if wanted without some memories or as of a past day."""
    zone = dates.timezone(st.session_state.to_dict())
    try:
        if asked := message_id and services().conversations.message(user.id, message_id):
            services().replies.begin(asked, without, as_of, zone=zone)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (str(error), [])


def follow_reply(user: User, asked: Message, task: ReplyTask, thread: Thread) -> Thread:
    """Draw the reply while it is written, then its receipt; or what went wrong, and "Try again".

    Return the thread as it is then. If the person leaves the page or presses something, the reply goes on.
    """
    threads = services().conversations.threads
    composer.note_seen(asked.id)  # and not an older reply, even if this one fails
    # Empty elements replace what stood under an older reply, which disappears at once.
    words, below, *_, button = [st.empty() for _ in range(UNDER_REPLY)]
    words.caption("Thinking…")
    with button.container(key="stop-reply", horizontal_alignment="right"):
        stop, chat = services().replies.stop, (user.id, asked.conversation_id)
        st.button("Stop", key="stop", icon=":material/stop_circle:", on_click=stop, args=chat)
    problem = None
    try:
        words.write_stream(safe_markdown_stream(_pieces(task)))
    except AppError as error:
        problem = str(error)
    button.empty()
    if task.has_words:
        words.markdown(safe_markdown(task.written))  # now that all of it is known
    else:
        words.empty()
    now = threads.open(user.id, asked.conversation_id)
    if problem is None:
        composer.note_seen(now.tip)
    with below.container():
        _draw_end(user, asked, thread, now, problem)
        draw_learned(asked, newest=True)
    return now


def _draw_end(user: User, asked: Message, before: Thread, now: Thread, problem: str | None) -> None:
    """Draw what stands under a finished reply; if no reply came, draw the earlier replies."""
    older = {each.id for each in (*before.messages, *before.others)}
    replies = replies_to(asked, now.messages)
    if not any(each.id not in older for each in replies):
        draw_retry(user, asked, problem)
        for reply in replies:
            elements.draw_message_text(reply)
    for reply in replies:
        complete = reply.status == "complete"
        draw_below_reply(user, reply, now, partial(ask_again, user) if complete else None)
        if not complete and reply.id not in older:
            draw_retry(user, asked, problem)


def _pieces(task: ReplyTask) -> Iterator[str]:
    """Yield the pieces of a reply; while none comes, let Streamlit end the run after a press on anything."""
    for piece in task.follow():
        if piece:
            yield piece
        else:
            st.session_state.get(AGAIN)  # at any access Streamlit checks whether the run has to end


def draw_retry(user: User, asked: Message, problem: str | None = None) -> None:
    """Draw why there is no complete reply, and the button "Try again"."""
    if problem := problem or services().replies.problem_with(user.id, asked.id):
        show_warning(problem)
    st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=ask_again, args=(user, asked.id))
