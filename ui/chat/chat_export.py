"""The dialog by which a chat, or all of them, is taken along as a file. What is in the file is chat/export.py's."""

from __future__ import annotations

from functools import partial

import streamlit as st

from auth.guard import User
from chat.conversations import Conversation
from chat.export import Names, archive, as_json, as_markdown
from memory.errors import SessionEnded
from services import services
from texts import text
from ui import elements, zone

__all__ = ["take_along"]

ENDINGS = {"md": ("text/markdown", ":material/article:"), "json": ("application/json", ":material/data_object:")}


@st.dialog(text("chats.export.title"))
def take_along(user: User, about: Conversation | None) -> None:
    """One chat, or all, in the two forms."""
    if about is None:
        st.markdown(text("chats.export.all"))
    else:
        st.markdown(text("chats.export.this", title=elements.plain(about.title or text("chats.untitled"))))
    row = st.container(horizontal=True)
    # Here, since the file is written outside of any run of the page.
    names = Names(text("chats.export.you"), text("chats.export.assistant"), zone.here())
    for ending, name in (("md", text("chats.export.markdown")), ("json", text("chats.export.json"))):
        mime, icon = ENDINGS[ending]
        file = f"chat.{ending}" if about else f"chats-{ending}.zip"
        row.download_button(
            name,
            data=partial(_written, user, about.id if about else None, ending, names),
            file_name=file,
            mime=mime if about else "application/zip",
            icon=icon,
            key=f"export-{ending}",
            on_click="ignore",
        )


def _written(user: User, chat_id: str | None, ending: str, names: Names) -> bytes:
    # Asked for when the button is pressed: the session may have ended since.
    if not user.still_here():
        raise SessionEnded(text("chats.export.ended"))
    exports = services().exports
    if chat_id is None:
        return archive(exports.all(user.id), ending, names)
    whole = exports.one(user.id, chat_id)
    return (as_json(whole) if ending == "json" else as_markdown(whole, names)).encode()
