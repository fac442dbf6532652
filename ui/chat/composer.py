"""The box a person writes in: what is said is saved, and begun to be answered, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auth.guard import User, give_back, keep_unsent, stop_if_ended
from chat.attachments import KINDS, MAX_MEGABYTES, File, opened
from chat.tree import Message, Thread
from chat.turn import say
from memory.errors import AppError, NotFound
from services import services
from ui import dates, elements
from ui.browser.page_scripts import guard_chat_box, keep_draft
from ui.chat import chat_bar, open_chat

__all__ = ["box", "not_taken", "say_in_new_chat", "say_instead", "seen"]

# What is kept between two runs: the words in the box, whether they began the chat, and what was read last.
WRITTEN, BORN, SEEN = "written", "born", "seen"


def box(user: User, thread: Thread) -> None:
    """The box, with words that could not be sent before, or were typed here and not sent."""
    given = give_back(user, WRITTEN)
    # With the chat that is drawn: right after "New chat" the browser still sends the old address.
    drawn = open_chat.open_id()
    st.chat_input(
        "Message Keepsake",
        key=WRITTEN,
        accept_file="multiple",
        file_type=list(KINDS),
        max_upload_size=MAX_MEGABYTES,
        on_submit=_said,
        args=(user, drawn),
    )
    guard_chat_box()
    seen(thread.tip)
    begun = st.session_state.pop(BORN, None) == drawn is not None
    keep_draft(user, drawn, begun=begun, prefilled=given)


def seen(message_id: str | None) -> None:
    """The last message that the person has before them: what they say next follows it."""
    st.session_state[SEEN] = message_id


def say_in_new_chat(user: User, words: str) -> None:
    """What a press on a suggestion does."""
    _take(user, None, words)


def say_instead(user: User, old: Message, words: str) -> bool:
    """Say something otherwise: another version of a message. Whether it was taken."""
    return _take(user, old.conversation_id, words, instead_of=old.id)


def not_taken() -> None:
    """Why the last message was not taken. Its words are in the box again; its files have to be chosen again."""
    if refused := st.session_state.get(open_chat.REFUSED):
        problem, names = refused
        st.warning(problem, icon=":material/error:")
        if names:
            st.caption(f"The files could not be kept. Choose them again: {', '.join(map(elements.escape, names))}.")


def _said(user: User, drawn: str | None) -> None:
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    state = st.session_state.to_dict()
    written = state[WRITTEN]
    files = [File(each.name, each.getvalue()) for each in written.files]
    if not _take(user, drawn, written.text, files, seen=state.get(SEEN)):
        keep_unsent(user, written.text)


def _take(user: User, drawn: str | None, words: str, files: Sequence[File] = (), **place: str | None) -> bool:
    """Save what was written before anything is drawn or noted, so that no click in between can lose it or its reply."""
    at = dates.timezone(st.session_state.to_dict())
    try:
        asked = _save(user, drawn, words, files, **place)
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (str(error), [each.name for each in files])
        return False
    services().replies.begin(asked, zone=at)
    if drawn is None:
        st.session_state[BORN] = asked.conversation_id
    open_chat.set_open(asked.conversation_id)
    if asked.conversation_id != drawn:
        chat_bar.clear_new_chat_switches()
    return True


def _save(user: User, drawn: str | None, words: str, files: Sequence[File], **place: str | None) -> Message:
    home = services()
    switches = None if drawn else chat_bar.new_chat_switches()
    stop_if_ended(user, words)
    try:
        return say(home.chat, user.id, drawn, words, files=files, switches=switches, **place)
    except NotFound:  # the chat is gone: the words, which were counted, begin a new one
        return home.conversations.say(user.id, None, words, files=opened(files))
