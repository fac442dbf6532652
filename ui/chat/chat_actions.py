"""Renames, pins, archives, exports, deletes and restores chats, and draws the bar that undoes a deletion.

The actions run as callbacks, before the page is drawn, so that the page is drawn once with the result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import streamlit as st

from auth.guard import User
from chat.export import Names, archive, as_html, as_json, as_markdown, file_name
from chat.tree import Conversation
from memory.erase import ForgetReceipt
from memory.errors import AppError
from services import services
from ui import dates, elements
from ui.chat.open_chat import close_if_open, go_to
from ui.frame import check_session

__all__ = [
    "FORGET",
    "Deleted",
    "delete_for_good",
    "draw_export_dialog",
    "draw_undo_deletion",
    "rename",
    "renamed_chat_id",
    "request_dialog",
    "restore",
    "run_menu_action",
    "take_forget_receipt",
    "take_requested_dialog",
]

# In the session: the chat that was deleted last, the last error, the chat being renamed, the dialog to open.
DELETED, PROBLEM, RENAMED, DIALOG = "deleted_chat", "chat_list_problem", "renamed_chat", "chat_list_asked"
FORGET, FORGOTTEN = "forget-what-it-taught", "forgotten_with_chat"
ENDINGS = {
    "html": ("text/html", ":material/public:"),
    "md": ("text/markdown", ":material/article:"),
    "json": ("application/json", ":material/data_object:"),
}


class Deleted(NamedTuple):
    """The chat that was deleted last, and whether it was open."""

    id: str
    title: str
    was_open: bool


def run_menu_action(user: User, chat: Conversation, menu: str) -> None:
    """Do what the person chose in a chat's menu."""
    action = st.session_state.get(menu)
    chats = services().chats
    if action == "rename":
        st.session_state[RENAMED] = chat.id
    elif action == "export":
        request_dialog("export", chat)
    elif action in ("pin", "unpin"):
        _run(user, lambda: chats.pin(user.id, chat.id, pinned=action == "pin"))
    elif action in ("archive", "unarchive"):
        _run(user, lambda: chats.archive(user.id, chat.id, archived=action == "archive"))
    elif action == "delete":
        _run(user, lambda: _delete_chat(user, chat))


def renamed_chat_id() -> str | None:
    """Return the id of the chat that is being renamed, if any."""
    chat_id: str | None = st.session_state.get(RENAMED)
    return chat_id


def rename(user: User, chat: Conversation, box: str, *, save: bool) -> None:
    """Save the new name of a chat, or leave it as it was."""
    name = st.session_state.get(box) or ""
    if not save or name.strip() == chat.title or _run(user, lambda: services().chats.rename(user.id, chat.id, name)):
        st.session_state[RENAMED] = None


def restore(user: User, chat_id: str, open_it: bool = False) -> None:
    """Restore a deleted chat, and open it if wanted."""

    def bring_back() -> None:
        services().chats.restore(user.id, chat_id)
        _close_bar()
        if open_it:
            go_to(chat_id)

    _run(user, bring_back)


def delete_for_good(user: User, chat_id: str) -> None:
    """Erase a deleted chat now, and what was learned from it if the box in the dialog is ticked."""
    forget = st.session_state.get(FORGET)

    def erase() -> None:
        app = services()
        receipt = app.forget_chat(user.id, chat_id) if forget else None
        app.chats.erase(user.id, chat_id)
        st.session_state[FORGOTTEN] = receipt
        _close_bar()

    _run(user, erase)


def take_forget_receipt() -> ForgetReceipt | None:
    """Return the receipt of what was forgotten with a chat, once."""
    receipt: ForgetReceipt | None = st.session_state.pop(FORGOTTEN, None)
    return receipt


def request_dialog(what: str, chat: Conversation | None) -> None:
    """Open a dialog about a chat, or about all of them, with the next run."""
    st.session_state[DIALOG] = (what, chat)


def take_requested_dialog() -> tuple[str, Conversation | None] | None:
    """Return the requested dialog, once: its name, and the chat it is about."""
    requested: tuple[str, Conversation | None] | None = st.session_state.pop(DIALOG, None)
    return requested


def draw_undo_deletion(user: User) -> None:
    """Draw the last error, and the bar that undoes the last deletion. Their container is always there."""
    with st.container(key="chat-undo"):
        if problem := st.session_state.pop(PROBLEM, None):
            st.error(elements.escape(problem), icon=":material/error:")
        last: Deleted | None = st.session_state.get(DELETED)
        if last is None:
            return
        with st.container(border=True, key="chat-undo-bar"):
            line = st.container(horizontal=True, wrap=False, gap="small", vertical_alignment="center")
            title = elements.escape(last.title or "New chat")
            line.markdown(f"Deleted: {title}", width="stretch")
            line.button(
                "Close", key="icon-dismiss-deleted", icon=":material/close:", type="tertiary", on_click=_close_bar
            )
            row = st.container(horizontal=True, gap="small", vertical_alignment="center")
            undo, for_good = "Undo", "Delete permanently"
            row.button(
                undo, key="undo-chat", icon=":material/undo:", on_click=restore, args=(user, last.id, last.was_open)
            )
            row.button(
                for_good, key="quiet-for-good", type="tertiary", on_click=request_dialog, args=("for_good", last)
            )


def _delete_chat(user: User, chat: Conversation) -> None:
    services().chats.delete(user.id, chat.id)
    st.session_state[DELETED] = Deleted(chat.id, chat.title, close_if_open(chat.id))


def _close_bar() -> None:
    st.session_state[DELETED] = None


def _run(user: User, action: Callable[[], object]) -> bool:
    """Run an action, and return whether it worked; if not, the bar shows why.

    A callback runs before the page's sign-in check, so the session is checked here.
    """
    try:
        check_session(user)
        action()
    except AppError as error:
        st.session_state[PROBLEM] = error.for_person()
        return False
    return True


@st.dialog("Export")
def draw_export_dialog(user: User, about: Conversation | None) -> None:
    """Draw the buttons that download one chat, also as a web page to share, or all of them, as Markdown or JSON."""
    if about is None:
        st.markdown("All your chats, including archived ones, as a zip with one file per chat.")
    else:
        st.markdown(f"**{elements.escape(about.title or 'New chat')}** with every message and its date.")
        st.caption("The web page is a file that you can save and send. It shows the messages, and no memories.")
    row = st.container(horizontal=True)
    # The timezone is read now: the file is written later, outside of any run of the page.
    names = Names("You", "Keepsake", dates.timezone())
    for ending, name in ((("html", "Web page"),) if about else ()) + (("md", "Markdown"), ("json", "JSON")):
        mime, icon = ENDINGS[ending]
        file = f"{file_name(about.title)}.{ending}" if about else f"chats-{ending}.zip"
        row.download_button(
            name,
            data=partial(_export_file, user, about.id if about else None, ending, names),
            file_name=file,
            mime=mime if about else "application/zip",
            icon=icon,
            key=f"export-{ending}",
            on_click="ignore",
        )


def _export_file(user: User, chat_id: str | None, ending: str, names: Names) -> bytes:
    # Runs when the button is pressed: the session may have ended since.
    check_session(user)
    exports = services().exports
    if chat_id is None:
        return archive(exports.all(user.id), ending, names)
    exported = exports.one(user.id, chat_id)
    if ending == "json":
        return as_json(exported).encode()
    return (as_html if ending == "html" else as_markdown)(exported, names).encode()
