"""What is done to a chat of the list, from a press to the store; and the bar by which a deletion is undone.

Deeds are done before the page is drawn, so that it is drawn once and as it is by then. Draws the bar, no row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import streamlit as st

from auth.guard import User
from chat.conversations import Conversation
from chat.export import Names, archive, as_json, as_markdown
from memory.erase.one_chat import ForgetReceipt
from memory.errors import AppError
from services import services
from ui import dates, elements
from ui.chat.open_chat import open_id, set_open
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

# What is kept between two runs: what was deleted last, what went wrong, what is renamed, and what a dialog asks.
DELETED, PROBLEM, RENAMED, ASKED = "deleted_chat", "chat_list_problem", "renamed_chat", "chat_list_asked"
FORGET, FORGOTTEN = "forget-what-it-taught", "forgotten_with_chat"


class Deleted(NamedTuple):
    """The chat that was deleted last, and whether it was the open one."""

    id: str
    title: str
    was_open: bool


def run_menu_action(user: User, each: Conversation, menu: str) -> None:
    """Do what was chosen in a chat's menu."""
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    deed = st.session_state.to_dict().get(menu)
    chats = services().chats
    if deed == "rename":
        st.session_state[RENAMED] = each.id
    elif deed == "export":
        request_dialog("export", each)
    elif deed in ("pin", "unpin"):
        _do(user, lambda: chats.pin(user.id, each.id, pinned=deed == "pin"))
    elif deed in ("archive", "unarchive"):
        _do(user, lambda: chats.archive(user.id, each.id, archived=deed == "archive"))
    elif deed == "delete":
        _do(user, lambda: _delete(user, each))


def renamed_chat_id() -> str | None:
    """The id of the chat whose name is being written."""
    writing: str | None = st.session_state.get(RENAMED)
    return writing


def rename(user: User, each: Conversation, box: str, *, save: bool) -> None:
    """Keep the name that was written, or the one there was."""
    name = st.session_state.to_dict().get(box) or ""
    if not save or name.strip() == each.title or _do(user, lambda: services().chats.rename(user.id, each.id, name)):
        st.session_state[RENAMED] = None


def restore(user: User, chat_id: str, *, open_it: bool = False) -> None:
    """Bring a deleted chat back."""

    def bring_back() -> None:
        services().chats.restore(user.id, chat_id)
        _dismiss()
        if open_it:
            set_open(chat_id)

    _do(user, bring_back)


def delete_for_good(user: User, chat_id: str) -> None:
    """Erase a deleted chat now; with what it taught, where that is wanted."""
    forget = st.session_state.to_dict().get(FORGET)

    def erase() -> None:
        home = services()
        receipt = home.forget_chat(user.id, chat_id) if forget else None
        home.chats.delete_for_good(user.id, chat_id)
        st.session_state[FORGOTTEN] = receipt
        _dismiss()

    _do(user, erase)


def take_forget_receipt() -> ForgetReceipt | None:
    """The receipt of what was forgotten with a chat; once."""
    receipt: ForgetReceipt | None = st.session_state.pop(FORGOTTEN, None)
    return receipt


def request_dialog(what: str, each: Conversation | None) -> None:
    """Open a dialog about a chat, or about all of them, with the next run."""
    st.session_state[ASKED] = (what, each)


def take_requested_dialog() -> tuple[str, Conversation | None] | None:
    """The dialog to open; once."""
    wanted: tuple[str, Conversation | None] | None = st.session_state.pop(ASKED, None)
    return wanted


def draw_undo_deletion(user: User) -> None:
    """What was deleted last, with the way back; and what could not be done. Its place is always there."""
    with st.container(key="chat-undo"):
        if problem := st.session_state.pop(PROBLEM, None):
            st.error(elements.escape(problem), icon=":material/error:")
        last: Deleted | None = st.session_state.get(DELETED)
        if last is None:
            return
        with st.container(border=True, key="chat-undo-bar"):
            told = st.container(horizontal=True, wrap=False, gap="small", vertical_alignment="center")
            title = elements.escape(last.title or "New chat")
            told.markdown(f"Deleted: {title}", width="stretch")
            gone = "Close"
            told.button(gone, key="icon-dismiss-deleted", icon=":material/close:", type="tertiary", on_click=_dismiss)
            row = st.container(horizontal=True, gap="small", vertical_alignment="center")
            undo, for_good = "Undo", "Delete for good"
            row.button(undo, key="undo-chat", icon=":material/undo:", on_click=_bring_back, args=(user, last))
            row.button(
                for_good, key="quiet-for-good", type="tertiary", on_click=request_dialog, args=("for_good", last)
            )


def _bring_back(user: User, last: Deleted) -> None:
    restore(user, last.id, open_it=last.was_open)


def _delete(user: User, each: Conversation) -> None:
    services().chats.delete(user.id, each.id)
    here = open_id() == each.id
    st.session_state[DELETED] = Deleted(each.id, each.title, here)
    if here:
        set_open(None)


def _dismiss() -> None:
    st.session_state[DELETED] = None


def _do(user: User, deed: Callable[[], object]) -> bool:
    """Whether it could be done; if not, the bar says why. A press comes before the page and before its gate."""
    try:
        check_session(user)
        deed()
    except AppError as error:
        st.session_state[PROBLEM] = str(error)
        return False
    return True


ENDINGS = {"md": ("text/markdown", ":material/article:"), "json": ("application/json", ":material/data_object:")}


@st.dialog("Take along")
def draw_export_dialog(user: User, about: Conversation | None) -> None:
    """One chat, or all, in the two forms."""
    if about is None:
        st.markdown("All your chats, archived ones too: one file for each chat, in an archive.")
    else:
        st.markdown(f"**{elements.escape(about.title or 'New chat')}**, with every message and its date.")
    row = st.container(horizontal=True)
    # Here, since the file is written outside of any run of the page.
    names = Names("You", "Keepsake", dates.timezone())
    for ending, name in (("md", "Markdown"), ("json", "JSON")):
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
    check_session(user)
    exports = services().exports
    if chat_id is None:
        return archive(exports.all(user.id), ending, names)
    whole = exports.one(user.id, chat_id)
    return (as_json(whole) if ending == "json" else as_markdown(whole, names)).encode()
