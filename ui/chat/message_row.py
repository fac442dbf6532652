"""Draws a person's message, and the actions of every message: versions, copying, editing, feedback, another answer.

The actions are hidden until the pointer or the focus is on the message; on touch screens they always show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from chat.tree import MAX_WHY, Message, Thread
from memory.errors import NotFound
from services import services
from ui.browser.page_scripts import copy_button, scroll_soon
from ui.chat.model_choice import draw_other_models
from ui.chat.receipt import Again, as_of_day, draw_details, draw_notes, draw_used
from ui.chat.without_model import draw_forget_card
from ui.elements import draw_message_text, escape
from ui.frame import show_errors

__all__ = ["REWORDED", "draw_attachments", "draw_below_reply", "draw_own_words", "read_previews"]

REWORDED = "reworded"  # the id of the message that is being reworded
RATING_OF_THUMB = {1: 1, 0: -1}
THUMB_OF_RATING = {1: 1, -1: 0}
ICONS = {"application/pdf": ":material/picture_as_pdf:", "text/plain": ":material/description:"}
WIDEST = 240  # pixels
# A longer message of one's own, such as a pasted text, is folded; the ids of those that were opened.
MOST_LETTERS, MOST_LINES = 1_200, 14
UNFOLDED = "unfolded"


def draw_own_words(user: User, message: Message, thread: Thread) -> None:
    """Draw a person's message in a bubble, a long one folded, and its actions beside it."""
    with st.container(key=f"own-{message.id}", horizontal=True, gap="xxsmall"):
        long = len(message.content) > MOST_LETTERS or message.content.count("\n") >= MOST_LINES
        opened = message.id in st.session_state.get(UNFOLDED, ())
        with st.container(key=f"bubble-{message.id}", width="content", gap="xxsmall"):
            with st.container(key=f"{'folded' if long and not opened else 'whole'}-{message.id}"):
                draw_message_text(message)
            if long:
                key, label = f"fold-{message.id}", "Show less" if opened else "Show all"
                st.button(label, key=key, type="tertiary", on_click=_fold_or_open, args=(message.id,))
        with _actions(message):
            _draw_versions(user, message, thread)
            copy_button(message)
            key, icon = f"icon-reword-{message.id}", ":material/edit:"
            st.button(
                "Edit message", key=key, icon=icon, type="tertiary", on_click=_start_rewording, args=(message.id,)
            )


def _fold_or_open(message_id: str) -> None:
    st.session_state[UNFOLDED] = set(st.session_state.get(UNFOLDED, ())) ^ {message_id}


def draw_below_reply(
    user: User, message: Message, thread: Thread, again: Again | None, draw_learned: Callable[[], None]
) -> None:
    """Draw what stands below a reply: whether it is complete, what it used, what was learned, and its actions."""
    draw_notes(message)
    draw_forget_card(user, message)
    receipt = message, thread.before(message), again, thread.find(message.parent_id)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"below-{message.id}"):
        draw_used(*receipt)
        with st.container(key=f"taught-{message.id}", width="content"):  # its content changes by itself
            draw_learned()
        with _actions(message):
            _draw_versions(user, message, thread)
            copy_button(message)
            _draw_feedback(user, message)
            if again:
                _draw_retry_button(message, again)
            draw_details(*receipt)


def _actions(message: Message) -> st.delta_generator.DeltaGenerator:
    key = f"row-{message.id}"
    return st.container(horizontal=True, gap="xxsmall", vertical_alignment="center", width="content", key=key)


def _draw_retry_button(reply: Message, again: Again) -> None:
    key, icon = f"icon-again-{reply.id}", ":material/refresh:"
    arguments = (reply.parent_id, reply.receipt.get("without") or [], as_of_day(reply.receipt))
    wanted = {"model": reply.receipt.get("chosen_model")}
    st.button("Try again", key=key, icon=icon, type="tertiary", on_click=again, args=arguments, kwargs=wanted)
    draw_other_models(reply, again)


def _draw_versions(user: User, message: Message, thread: Thread) -> None:
    """Draw the buttons for the version before and after, if the message has several versions."""
    versions = thread.versions(message.id)
    if len(versions) < 2 or message.id not in versions:
        return
    place = versions.index(message.id)
    around = ((place - 1, "before", ":material/chevron_left:"), (place + 1, "after", ":material/chevron_right:"))
    for other, name, icon in around:
        if name == "after":
            st.markdown(f":small[{place + 1} / {len(versions)}]", width="content")
        exists = 0 <= other < len(versions)
        st.button(
            "Previous version" if name == "before" else "Next version",
            key=f"icon-{name}-{message.id}",
            icon=icon,
            type="tertiary",
            disabled=not exists,
            on_click=_choose_version,
            args=(user, message, versions[other] if exists else message.id),
        )


def _choose_version(user: User, message: Message, version: str) -> None:
    with suppress(NotFound):  # gone in the meantime: the page shows what there is
        services().conversations.threads.choose(user.id, message.conversation_id, version)


def _start_rewording(message_id: str) -> None:
    st.session_state[REWORDED] = message_id
    scroll_soon(message_id, write=True)


def _draw_feedback(user: User, message: Message) -> None:
    key = f"feedback-{message.id}"
    st.feedback(
        "thumbs",
        key=key,
        default=THUMB_OF_RATING.get(message.feedback or 0),
        on_change=_save_rating,
        args=(user, message, key),
    )
    if message.feedback is None:
        return
    label = f"“{escape(message.feedback_why)}”" if message.feedback_why else "Add a reason"
    with (
        st.popover(label, type="tertiary", key=f"why-{message.id}"),
        st.form(f"why-form-{message.id}", border=False),
    ):
        words = f"why-words-{message.id}"
        st.text_input(
            "Why? (Kept with the chat and included in exports.)",
            value=message.feedback_why,
            key=words,
            max_chars=MAX_WHY,
        )
        st.form_submit_button("Save", on_click=_save_why, args=(user, message, words))


def _save_rating(user: User, message: Message, key: str) -> None:
    pressed = st.session_state.get(key)
    with suppress(NotFound):
        services().conversations.threads.rate(
            user.id, message.id, None if pressed is None else RATING_OF_THUMB[pressed], message.feedback_why
        )


def _save_why(user: User, message: Message, key: str) -> None:
    words = str(st.session_state.get(key) or "")
    with suppress(NotFound):
        services().conversations.threads.rate(user.id, message.id, message.feedback, words)


def read_previews(user: User, messages: Sequence[Message]) -> Mapping[str, bytes]:
    """Return the previews of all pictures in these messages, read in one trip, or none if there are none."""
    with_pictures = [each.id for each in messages if any(map(_has_picture, each.receipt.get("attached") or []))]
    return services().conversations.attachments.previews(user.id, with_pictures)


def draw_attachments(said: Message, previews: Mapping[str, bytes]) -> None:
    """Draw a message's attachments; `previews` are those that were read for the page."""
    files = said.receipt.get("attached") or []
    if not files:
        return
    with st.container(key=f"attached-{said.id}"):
        if any(str(file["id"]) in previews for file in files):
            row = st.container(horizontal=True, gap="small")
            for file in files:
                if preview := previews.get(str(file["id"])):
                    row.image(preview, width=WIDEST, alt=str(file["name"]))
        chips = st.container(horizontal=True, gap="small")
        for file in files:
            _draw_file(chips, file)


def _draw_file(row: Any, file: Mapping[str, Any]) -> None:
    name, key = escape(str(file["name"])), f"file-{file['id']}"
    icon = ICONS.get(str(file["media"]), ":material/image:")
    label = f"{name} · {_size_text(int(file['size']))}"
    if row.button(label, key=key, type="tertiary", icon=icon):
        st.dialog(name, width="large")(_draw_file_dialog)(str(file["id"]))


def _draw_file_dialog(attachment_id: str) -> None:
    with show_errors():
        file = services().conversations.attachments.one(require_user().id, attachment_id)
        if file is None:
            st.markdown("This file has been deleted.")
        elif file.picture:
            st.image(file.picture)
        else:
            st.caption(f"What {escape(file.name)} says")
            st.code(file.written or "", language=None, wrap_lines=True, height=480)


def _size_text(size: int) -> str:
    """Return the size of a file in kB or MB."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000)):,} kB"
    return f"{size / 1000000:.1f} MB"


def _has_picture(file: Mapping[str, Any]) -> bool:
    return str(file.get("media", "")).startswith("image/")
