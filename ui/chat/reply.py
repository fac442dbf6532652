"""Draws a reply while it is written, what went wrong with it, "Continue" and "Try again".

Replies are written in chat/reply.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import streamlit as st

from auth.guard import User
from chat.answering.partial_reply import can_continue
from chat.reply import AnswerOptions, FollowedReply
from chat.tree import Message, Thread, replies_to
from memory.errors import AppError
from services import services
from ui import dates, elements
from ui.chat import composer, open_chat
from ui.chat.learned import draw_learned
from ui.chat.message_row import draw_below_reply
from ui.chat.receipt import as_of_day
from ui.frame import show_warning
from ui.keep_presses import give_way
from ui.safe_text import safe_markdown, safe_markdown_stream

__all__ = ["ask_again", "draw_end_of", "draw_retry", "follow_reply"]

AGAIN, CONTINUE = "try-again", "continue-reply"
UNDER_REPLY = 8  # elements of a reply: its words, and what may stand under them


def ask_again(
    user: User,
    message_id: str | None,
    without: Sequence[str] = (),
    as_of: date | None = None,
    *,
    model: str | None = None,
) -> None:
    """Have a message answered again, if wanted without some memories, as of a past day, or by another model."""
    zone = dates.timezone()
    try:
        if asked := message_id and services().conversations.message(user.id, message_id):
            services().replies.begin(asked, AnswerOptions(without, as_of, zone, model))
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (error.for_person(), [])


def _go_on(user: User, reply_id: str) -> None:
    """Have a reply that broke off go on, with what was chosen for it."""
    zone, messages = dates.timezone(), services().conversations
    try:
        reply = messages.message(user.id, reply_id)
        asked = messages.message(user.id, reply.parent_id) if reply and reply.parent_id else None
        if reply and asked:
            about = reply.receipt
            without, model = about.get("without") or [], about.get("chosen_model")
            services().replies.begin(asked, AnswerOptions(without, as_of_day(about), zone, model), reply)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (error.for_person(), [])


def follow_reply(user: User, asked: Message, task: FollowedReply) -> Thread:
    """Draw the reply while it is written, then its receipt; or what went wrong, and "Try again".

    Return the chat as it is then. If the person leaves the page or presses something, the reply goes on.
    """
    threads = services().conversations.threads
    composer.note_seen(asked.id)  # and not an older reply, even if this one fails
    # Empty elements replace what stood under an older reply, which disappears at once.
    words, below, *_, button = [st.empty() for _ in range(UNDER_REPLY)]
    words.caption("Thinking…")
    with button.container(key="stop-reply", horizontal_alignment="right"):
        stop, chat = services().replies.stop, (user.id, asked.conversation_id)
        label = "Stopping…" if task.stopping else "Stop"  # another process saves it within seconds
        st.button(label, key="stop", icon=":material/stop_circle:", on_click=stop, args=chat, disabled=task.stopping)
    give_way()  # the reply may grow for minutes
    problem = None
    try:
        words.write_stream(safe_markdown_stream(_pieces(task)))
    except AppError as error:
        problem = error.for_person()
    button.empty()
    if task.has_words:
        words.markdown(safe_markdown(task.written))  # now that all of it is known
    else:
        words.empty()
    now = threads.open(user.id, asked.conversation_id)
    if problem is None:
        composer.note_seen(now.tip)
    with below.container():
        _draw_end(user, asked, task.saved, now, problem)
    return now


def _draw_end(user: User, asked: Message, saved: Message | None, now: Thread, problem: str | None) -> None:
    """Draw what stands under a finished reply, which is `saved`; if nothing came, draw the earlier replies."""
    replies = replies_to(asked, now.messages)
    learned = partial(draw_learned, asked, newest=True)
    came = saved is not None and saved.id in {each.id for each in replies}
    for reply in replies:
        if not came:
            elements.draw_message_text(reply)
        complete = reply.status == "complete"
        draw_below_reply(user, reply, now, partial(ask_again, user) if complete else None, learned)
        if came:
            draw_end_of(user, asked, reply, problem)
    if not came:
        draw_retry(user, asked, problem, next(iter(replies), None))
    if not replies:
        learned()


def _pieces(task: FollowedReply) -> Iterator[str]:
    """Yield the pieces of a reply; while none comes, let Streamlit end the run after a press on anything."""
    for piece in task.follow():
        if piece:
            yield piece
        else:
            st.session_state.get(AGAIN)  # at any access Streamlit checks whether the run has to end


def draw_end_of(user: User, asked: Message, reply: Message, problem: str | None = None) -> None:
    """Draw, under a reply that is not complete, the buttons to go on with it or to have another one."""
    if reply.status != "complete":
        draw_retry(user, asked, problem, reply)
    elif can_continue(reply):
        _draw_problem(user, asked, problem)
        _draw_continue(user, reply)


def draw_retry(user: User, asked: Message, problem: str | None = None, reply: Message | None = None) -> None:
    """Draw why there is no complete reply, and the buttons "Continue", if a part of it is there, and "Try again"."""
    _draw_problem(user, asked, problem)
    with st.container(horizontal=True, gap="small", key="unfinished"):
        if reply:
            _draw_continue(user, reply)
        st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=ask_again, args=(user, asked.id))


def _draw_problem(user: User, asked: Message, problem: str | None) -> None:
    if problem := problem or services().replies.problem_with(user.id, asked.id):
        show_warning(problem)


def _draw_continue(user: User, reply: Message) -> None:
    if can_continue(reply) and services().settings.has_model:
        st.button("Continue", key=CONTINUE, icon=":material/resume:", on_click=_go_on, args=(user, reply.id))
