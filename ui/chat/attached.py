"""The files under a message: each by its name and size, a picture as a picture, a text to be opened. Saves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from chat.conversations import Message
from services import services
from texts import text
from ui.elements import plain
from ui.frame import trouble

__all__ = ["attached", "previews_of", "size_of"]

ICONS = {"application/pdf": ":material/picture_as_pdf:", "text/plain": ":material/description:"}
WIDEST = 240  # pixels


def previews_of(user: User, messages: Sequence[Message]) -> Mapping[str, bytes]:
    """The small pictures of all these messages, in one trip; in none, where no picture came with any."""
    having = [each.id for each in messages if any(map(_is_picture, each.receipt.get("attached") or []))]
    return services().conversations.attachments.previews(user.id, having)


def attached(said: Message, shown: Mapping[str, bytes]) -> None:
    """What came with a message; `shown` are the small pictures that were read for the page."""
    files = said.receipt.get("attached") or []
    if not files:
        return
    with st.container(key=f"attached-{said.id}"):
        if any(str(each["id"]) in shown for each in files):
            row = st.container(horizontal=True, gap="small")
            for each in files:
                if preview := shown.get(str(each["id"])):
                    row.image(preview, width=WIDEST, alt=str(each["name"]))
        chips = st.container(horizontal=True, gap="small")
        for each in files:
            _chip(chips, each)


def _chip(row: Any, file: Mapping[str, Any]) -> None:
    name, key = plain(str(file["name"])), f"file-{file['id']}"
    icon = ICONS.get(str(file["media"]), ":material/image:")
    label = text("attachments.open", file=name, size=size_of(int(file["size"])))
    if row.button(label, key=key, type="tertiary", icon=icon):
        st.dialog(name, width="large")(_opened)(str(file["id"]))


def _opened(attachment_id: str) -> None:
    with trouble():
        file = services().conversations.attachments.one(require_user().id, attachment_id)
        if file is None:
            st.markdown(text("attachments.gone"))
        elif file.picture:
            st.image(file.picture)
        else:
            st.caption(text("attachments.written", file=plain(file.name)))
            st.code(file.written or "", language=None, wrap_lines=True, height=480)


def size_of(size: int) -> str:
    """How large a file is, as people say it."""
    if size < 1_000_000:
        return text("attachments.kb", number=f"{max(1, round(size / 1000)):,}")
    return text("attachments.mb", number=f"{size / 1_000_000:.1f}")


def _is_picture(file: Mapping[str, Any]) -> bool:
    return str(file.get("media", "")).startswith("image/")
