"""The files under a message: each by its name and size, a picture as a picture, a text to be opened. Saves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from auth.guard import require_user
from chat.conversations import Message
from house import house
from texts import text
from ui.frame import trouble
from ui.pieces import plain

__all__ = ["attached", "size_of"]

ICONS = {"application/pdf": ":material/picture_as_pdf:", "text/plain": ":material/description:"}
WIDEST = 240  # pixels


def attached(said: Message) -> None:
    """What came with a message; nothing is asked of the database where nothing did, and little where it is text."""
    files = said.receipt.get("attached") or []
    if not files:
        return
    pictures = any(_is_picture(each) for each in files)
    shown = house().conversations.attachments.previews(said.user_id, said.id) if pictures else {}
    with st.container(key=f"attached-{said.id}"):
        if shown:
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
        file = house().conversations.attachments.one(require_user().id, attachment_id)
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
