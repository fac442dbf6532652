"""The quiet row under a message: its versions, copying it, saying it otherwise, and what is thought of a reply."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from auth.guard import User
from chat.message import Message
from chat.threads import MAX_WHY, Thread
from memory.errors import NotFound
from services import services
from texts import text
from ui.browser.clipboard import copy_button
from ui.browser.scroll import go_to
from ui.chat.receipt import Again, behind_reply, notes
from ui.elements import plain

__all__ = ["REWORDED", "below_reply", "below_words"]

REWORDED = "reworded"  # the id of the message that is being said otherwise
THUMBS = {1: 1, 0: -1}
THUMB_OF = {1: 1, -1: 0}


def below_words(user: User, message: Message, thread: Thread) -> None:
    """Under what a person said."""
    with st.container(key=f"below-{message.id}"), _row(message):
        _versions(user, message, thread)
        copy_button(message)
        key, icon = f"icon-reword-{message.id}", ":material/edit:"
        st.button(text("thread.reword"), key=key, icon=icon, type="tertiary", on_click=_reword, args=(message.id,))


def below_reply(user: User, message: Message, thread: Thread, again: Again | None) -> None:
    """Under a reply: whether it is whole, the row, and what stands behind it."""
    notes(message)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"below-{message.id}"):
        with _row(message):
            _versions(user, message, thread)
            copy_button(message)
            _feedback(user, message)
        with st.container(width="content"):
            behind_reply(message, thread.before(message), again, thread.find(message.parent_id))


def _row(message: Message) -> st.delta_generator.DeltaGenerator:
    key = f"row-{message.id}"
    return st.container(horizontal=True, gap="small", vertical_alignment="center", width="content", key=key)


def _versions(user: User, message: Message, thread: Thread) -> None:
    """The way to the version before and after, where there are several."""
    versions = thread.versions(message.id)
    if len(versions) < 2 or message.id not in versions:
        return
    place = versions.index(message.id)
    around = ((place - 1, "before", ":material/chevron_left:"), (place + 1, "after", ":material/chevron_right:"))
    for number, (other, name, icon) in enumerate(around):
        if number:
            number_of = text("thread.version", number=place + 1, of=len(versions))
            st.markdown(f":small[{number_of}]", width="content")
        there = 0 <= other < len(versions)
        st.button(
            text("thread.version_before") if name == "before" else text("thread.version_after"),
            key=f"icon-{name}-{message.id}",
            icon=icon,
            type="tertiary",
            disabled=not there,
            on_click=_choose,
            args=(user, message, versions[other] if there else message.id),
        )


def _choose(user: User, message: Message, version: str) -> None:
    with suppress(NotFound):  # gone meanwhile: the page shows what there is
        services().conversations.threads.choose(user.id, message.conversation_id, version)


def _reword(message_id: str) -> None:
    st.session_state[REWORDED] = message_id
    go_to(message_id, write=True)


def _feedback(user: User, message: Message) -> None:
    key = f"feedback-{message.id}"
    st.feedback(
        "thumbs",
        key=key,
        default=THUMB_OF.get(message.feedback or 0),
        on_change=_rate,
        args=(user, message, key),
    )
    if message.feedback is None:
        return
    label = text("thread.why_kept", words=plain(message.feedback_why)) if message.feedback_why else text("thread.why")
    with (
        st.popover(label, type="tertiary", key=f"why-{message.id}"),
        st.form(f"why-form-{message.id}", border=False),
    ):
        words = f"why-words-{message.id}"
        st.text_input(text("thread.rated_why"), value=message.feedback_why, key=words, max_chars=MAX_WHY)
        st.form_submit_button(text("thread.keep_why"), on_click=_say_why, args=(user, message, words))


def _rate(user: User, message: Message, key: str) -> None:
    pressed = st.session_state.to_dict().get(key)
    with suppress(NotFound):
        services().conversations.threads.rate(
            user.id, message.id, None if pressed is None else THUMBS[pressed], message.feedback_why
        )


def _say_why(user: User, message: Message, key: str) -> None:
    words = str(st.session_state.to_dict().get(key) or "")
    with suppress(NotFound):
        services().conversations.threads.rate(user.id, message.id, message.feedback, words)
