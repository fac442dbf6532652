"""Draws the messages of a chat, with what belongs under each; of a long chat one part at a time.

Also draws the greeting of an empty chat, and draws the page again when the open chat changed in another tab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.guard import User, require_user
from chat.tree import Message, Thread, replies_to
from services import services
from ui import elements
from ui.browser.timer import run_again
from ui.chat import composer, open_chat
from ui.chat.learned import draw_learned
from ui.chat.message_row import REWORDED, draw_attachments, draw_below_reply, draw_own_words, read_previews
from ui.chat.reply import ask_again, draw_end_of
from ui.elements import plural
from ui.frame import show_errors, style
from ui.slots import clear_below

__all__ = ["draw_greeting", "draw_thread", "refresh_when_changed"]

UNDER_WORDS = 3  # elements that may stand under what a person said
# Seconds until an open chat looks for news again. The row starts again when the page is drawn; its last number repeats.
PACES = (3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 20.0, 30.0)
LOOKS = "looks_for_news"


def draw_greeting(say: Callable[[str], None], suggestions: Sequence[str], *, keeps: bool, temporary: bool) -> None:
    """Welcome the person, say whether chats are remembered, and suggest what to say in a new chat."""
    st.title("What's on your mind?", anchor=False)
    unkept = (
        "A temporary chat: I don't use your memories and won't remember this."
        if temporary
        else "Learning is off: I won't remember what you say here."
    )
    st.caption(
        "I remember what you tell me, for you alone. Read or delete it under Memories."
        if keeps and not temporary
        else unkept
    )
    for number, suggestion in enumerate(suggestions):
        st.button(suggestion, key=f"suggestion-{number}", on_click=say, args=(suggestion,))


def draw_thread(user: User, drawn: Thread, asked: Message | None) -> DeltaGenerator | None:
    """Draw all messages, or those up to the one that is being answered, with buttons for earlier and later ones.

    If the last message has no reply, return the place for the reply: it need not move when it is complete.
    """
    st.html(style("thread.css"))
    if drawn.earlier:
        label, key = plural(drawn.earlier, "{number} earlier message", "{number} earlier messages"), "earlier-messages"
        st.button(label, key=key, icon=":material/expand_less:", on_click=open_chat.show_earlier, args=(drawn,))
    previews = read_previews(user, drawn.messages)
    # Messages that followed an earlier version of the reply are on another branch.
    messages = drawn.messages if asked is None else drawn.messages[: drawn.messages.index(asked) + 1]
    for message in messages:
        _draw_message(user, message, drawn, previews, answered_now=message is asked)
    later = drawn.later if asked is None else 0
    place = st.container(key="message-to-come") if messages[-1].role == "user" and not later else None
    clear_below("thread", bool(drawn.earlier) + len(messages) + bool(place or later))
    if later:
        label, key = plural(later, "{number} later message", "{number} later messages"), "later-messages"
        st.button(label, key=key, icon=":material/expand_more:", on_click=open_chat.show_later, args=(drawn,))
    return place


def _draw_message(
    user: User, message: Message, drawn: Thread, previews: Mapping[str, bytes], *, answered_now: bool
) -> None:
    """Draw a message, and under the last one of a turn what was learned from the turn."""
    newest = drawn.last_asked
    with (
        st.container(key=f"message-{message.id}"),
        st.chat_message(message.role, avatar=elements.avatar(message.role)),
    ):
        if message.role == "assistant":
            elements.draw_message_text(message)
            again = partial(ask_again, user) if message.status == "complete" and message.parent_id else None
            asked = drawn.find(message.parent_id)
            last = asked is not None and newest is not None and asked.id == newest.id
            draw_below_reply(user, message, drawn, again, partial(draw_learned, asked, newest=last))
            if asked and message.id == drawn.tip:
                draw_end_of(user, asked, message)
            return
        if st.session_state.get(REWORDED) == message.id:
            _draw_editor(user, message)
            for _ in range(UNDER_WORDS):
                st.empty()  # what stood under the words disappears now, and not only when a reply is complete
        else:
            draw_own_words(user, message, drawn)
            draw_attachments(message, previews)
        if not answered_now and not replies_to(message, drawn.messages):
            draw_learned(message, newest=newest is not None and message.id == newest.id)


def _draw_editor(user: User, old: Message) -> None:
    """Draw the form to edit a message; the old version stays on its branch."""
    with st.form(f"reword-{old.id}", border=False):
        key = f"reword-words-{old.id}"
        st.text_area("Your words", value=old.content, key=key, label_visibility="collapsed", height="content")
        row = st.container(horizontal=True)
        row.form_submit_button("Send", type="primary", on_click=_say_instead, args=(user, old, key))
        row.form_submit_button("Cancel", type="tertiary", on_click=_close_editor)


def _say_instead(user: User, old: Message, key: str) -> None:
    if composer.say_instead(user, old, str(st.session_state.get(key) or "")):
        _close_editor()


def _close_editor() -> None:
    st.session_state.pop(REWORDED, None)


def refresh_when_changed(drawn: Thread) -> None:
    """Draw the page again once the chat has changed, and no dialog is open that this would close."""
    st.session_state[LOOKS] = 0
    _look(drawn.messages[0].conversation_id, drawn.stamp, {each.id for each in drawn.messages})


@st.fragment
def _look(conversation_id: str, stamp: str, shown: set[str]) -> None:
    looks = st.session_state.get(LOOKS, 0)
    st.session_state[LOOKS] = looks + 1
    with show_errors():
        # The first look comes with the page itself, when nothing can have changed; asking would cost two trips.
        changed = looks > 0 and _changed(conversation_id, stamp, shown)
        pace = 0.05 if changed else PACES[min(looks, len(PACES) - 1)]
        if run_again("news", pace, calm=changed):
            st.rerun()


def _changed(conversation_id: str, stamp: str, shown: set[str]) -> bool:
    """Return whether anything was said or answered, or one of these messages is being answered again."""
    user = require_user()
    task = services().replies.task_for(user.id, conversation_id)
    if task and task.asked.id in shown:
        return True
    return services().conversations.threads.stamp(user.id, conversation_id) != stamp
