"""Draws the box a person writes in. A message is saved, and its reply begun, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auth.guard import User, keep_unsent, restore_unsent, stop_if_ended
from chat.attachments import KINDS, MAX_MEGABYTES, File
from chat.preferences import Preferences
from chat.reply import AnswerOptions
from chat.tree import Message, Thread
from chat.turn import say
from memory.errors import AppError
from services import services
from ui import dates, elements
from ui.browser.page_scripts import guard_chat_box, keep_draft
from ui.chat import chat_bar, open_chat
from ui.chat.model_choice import draw_model_choice
from ui.frame import show_warning

__all__ = ["draw_box", "draw_refusal", "note_seen", "say_in_new_chat", "say_instead"]

# Kept between two runs: the words in the box, the chat that they started, and the last message that was seen.
WRITTEN, STARTED, SEEN = "written", "born", "seen"


def draw_box(user: User, thread: Thread, preferences: Preferences) -> None:
    """Draw the box with the words that could not be sent before, or that were typed in this chat and not sent.

    Below it stands the model that replies.
    """
    unsent = restore_unsent(user, WRITTEN)
    # The chat that is drawn now: right after "New chat" the browser still sends the old address.
    drawn = open_chat.open_id()
    st.chat_input(
        "Message Keepsake",
        key=WRITTEN,
        accept_file="multiple",
        file_type=list(KINDS),
        max_upload_size=MAX_MEGABYTES,
        on_submit=_submit,
        args=(user, drawn),
    )
    with st.bottom:
        draw_model_choice(user, preferences)
    guard_chat_box()
    note_seen(thread.tip)
    begun = st.session_state.pop(STARTED, None) == drawn is not None
    keep_draft(user, drawn, begun=begun, prefilled=unsent)


def note_seen(message_id: str | None) -> None:
    """Note the last message that the person sees: what they say next follows it."""
    st.session_state[SEEN] = message_id


def say_in_new_chat(user: User, words: str) -> None:
    """Say something in a new chat, after a press on a suggestion."""
    _send(user, None, words)


def say_instead(user: User, old: Message, words: str) -> bool:
    """Send another version of a message; return whether it was accepted."""
    return _send(user, old.conversation_id, words, instead_of=old.id)


def draw_refusal() -> None:
    """Show why the last message was refused. Its words are in the box again; its files have to be chosen again."""
    if refused := st.session_state.get(open_chat.REFUSED):
        problem, names = refused
        show_warning(problem)
        if names:
            st.caption(f"The files were not sent. Attach them again: {', '.join(map(elements.escape, names))}.")


def _submit(user: User, drawn: str | None) -> None:
    written = st.session_state[WRITTEN]
    files = [File(each.name, each.getvalue()) for each in written.files]
    if not _send(user, drawn, written.text, files, seen=st.session_state.get(SEEN)):
        keep_unsent(user, written.text)


def _send(
    user: User,
    drawn: str | None,
    words: str,
    files: Sequence[File] = (),
    *,
    seen: str | None = None,
    instead_of: str | None = None,
) -> bool:
    """Save a message and begin its reply; return whether it was accepted."""
    zone = dates.timezone()
    switches = None if drawn else chat_bar.new_chat_switches()
    try:
        stop_if_ended(user, words)
        asked = say(
            services().chat,
            user.id,
            drawn,
            words,
            seen=seen,
            instead_of=instead_of,
            files=files,
            switches=switches,
            new_if_gone=True,
            answered=True,
        )
    except AppError as error:
        st.session_state[open_chat.REFUSED] = (error.for_person(), [each.name for each in files])
        return False
    services().replies.begin(asked, AnswerOptions(zone=zone))
    if drawn is None:
        st.session_state[STARTED] = asked.conversation_id
    open_chat.set_open(asked.conversation_id)
    if asked.conversation_id != drawn:
        chat_bar.clear_new_chat_switches()
    return True
