"""Draws the list of chats in the sidebar: search, chats by day, archived and deleted chats, and each chat's menu.

`chat_actions` does what a menu's entry says.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import streamlit as st

from auth.guard import User, require_user
from chat.chats import CHATS_LISTED, SearchHit
from chat.tree import Conversation
from services import services
from ui import dates, elements
from ui.browser.page_scripts import close_sidebar_after_choice, enable_shortcuts, focus_field, show_shortcuts
from ui.chat import chat_actions
from ui.chat.chat_bar import draw_forget_receipt
from ui.chat.chat_data import ARCHIVE_OPEN, LISTED, ChatListData
from ui.chat.open_chat import go_to, shown_id
from ui.elements import plural
from ui.frame import show_errors
from ui.slots import fresh_slot

__all__ = ["draw_chat_list", "draw_header_button", "draw_search"]

SEARCHED = "searched"  # in the session: the words in the search box
# The labels of the entries of a chat's menu.
MENU = {
    "rename": "Rename",
    "pin": "Pin",
    "unpin": "Unpin",
    "archive": "Archive",
    "unarchive": "Unarchive",
    "export": "Export",
    "delete": "Delete",
}


def draw_search() -> str:
    """Draw the button for a new chat and the search box; return the words in the box."""
    with st.sidebar:
        st.button(
            "New chat",
            key="new-chat",
            icon=":material/add:",
            type="primary",
            width="stretch",
            on_click=go_to,
            args=(None,),
        )
        return (_draw_search_box() or "").strip()


def draw_header_button() -> None:
    """Draw the button for a new chat that a phone shows in its header: there the sidebar is out of sight."""
    icon, key = ":material/edit_square:", "icon-new-chat"
    st.button("New chat", key=key, icon=icon, type="tertiary", on_click=go_to, args=(None,))


def draw_chat_list(user: User, data: ChatListData) -> None:
    """Draw the chats by day, the archived ones or what a search found; and any dialog."""
    with st.sidebar:
        chat_actions.draw_undo_deletion(user)
        # One container for all lists, so that nothing around it moves.
        kind = f"found {data.searched}" if data.searched else str(data.archive_open)
        with st.container(key="chat-list"), fresh_slot(kind, "chat-list"):
            if data.searched:
                _draw_search_results(data)
            elif data.archive_open:
                _draw_archive(user, data)
            else:
                _draw_chats(user, data)
        close_sidebar_after_choice()
        enable_shortcuts()
    _draw_dialog(user)


def _draw_search_box() -> str | None:
    return st.text_input(
        "Search chats",
        key=SEARCHED,
        type="search",
        live=True,
        persist_state="session",  # a chat that was found opens on another page, and the search stays
        placeholder="Search chats",
        icon=":material/search:",
        label_visibility="collapsed",
    )


def _draw_search_results(data: ChatListData) -> None:
    """Draw the chats and messages that match the search, messages with the line that matches."""
    if not data.hits:
        st.markdown(f"Nothing found for “{elements.escape(data.searched[:60])}”.")
        st.caption("Try fewer words, or the start of a word. Use “quotation marks” to search for a phrase.")
    for number, hit in enumerate(data.hits):
        _draw_hit(hit, number)
    if data.more_found:
        st.caption("Showing the latest matches. Add words to narrow it down.")
    st.button("Clear search", key="quiet-end-search", icon=":material/close:", type="tertiary", on_click=_end_search)


def _draw_hit(hit: SearchHit, number: int) -> None:
    with st.container(key=f"found-{elements.text_direction(hit.title)}-{number}", gap=None):
        st.button(
            elements.escape(hit.title or "New chat"),
            key=f"open-found-{hit.message_id or hit.chat_id}",
            type="tertiary",
            width="stretch",
            on_click=go_to,
            args=(hit.chat_id, hit.message_id),
        )
        day = dates.date_of(hit.at.isoformat())
        if hit.line is None:
            st.caption(day)
            return
        before, word, after = (elements.escape(part) for part in hit.line)
        bold = word.strip()  # Markdown allows no space inside the stars
        gap = " " if hit.line.after[:1].isspace() else ""  # escaping drops the space at the beginning
        line = before + (word.replace(bold, f"**{bold}**", 1) if bold else word) + gap + after
        st.caption(f"{day} · {line}")


def _end_search() -> None:
    st.session_state[SEARCHED] = ""


def _draw_chats(user: User, data: ChatListData) -> None:
    chats = data.listing.chats
    if not chats:
        st.caption("Your chats will appear here.")
    _draw_by_day(user, chats)
    _draw_more_button(data)
    quiet = st.container(key="chat-list-end")
    if data.listing.put_away:
        quiet.button(
            plural(data.listing.put_away, "Archived and deleted ({number})", "Archived and deleted ({number})"),
            key="quiet-put-away",
            icon=":material/inventory_2:",
            type="tertiary",
            on_click=_show_archive,
            args=(True,),
        )
    if chats:
        quiet.button(
            "Export all chats",
            key="quiet-export",
            icon=":material/download:",
            type="tertiary",
            on_click=chat_actions.request_dialog,
            args=("export", None),
        )
    # The browser answers this press, unless its script is still on its way.
    label, icon = "Keyboard shortcuts", ":material/keyboard:"
    quiet.button(label, key="quiet-shortcuts", icon=icon, type="tertiary", on_click=show_shortcuts)


def _draw_by_day(user: User, chats: Iterable[Conversation]) -> None:
    opened = shown_id()
    for heading, group in groupby(chats, _heading):
        st.caption(heading)
        for chat in group:
            _draw_row(user, chat, opened)


def _heading(chat: Conversation) -> str:
    return "Pinned" if chat.pinned else dates.day_heading(chat.updated_at)


def _draw_archive(user: User, data: ChatListData) -> None:
    """Draw the archived chats, and deleted ones that can still be restored."""
    back = "Back to chats"
    st.button(
        back, key="quiet-back", icon=":material/arrow_back:", type="tertiary", on_click=_show_archive, args=(False,)
    )
    st.caption("Archived")
    opened = shown_id()
    for chat in data.listing.chats:
        _draw_row(user, chat, opened)
    if not data.listing.chats:
        st.caption("No archived chats.")
    _draw_more_button(data)
    if data.deleted:
        st.caption(
            "Deleted",
            help=f"You can restore a chat for one day. After that it is permanently deleted. {dates.when_erased()}",
        )
        for chat in data.deleted:
            _draw_deleted_row(user, chat)


def _show_archive(archive_open: bool) -> None:
    st.session_state[ARCHIVE_OPEN] = archive_open
    st.session_state[LISTED] = CHATS_LISTED


def _draw_more_button(data: ChatListData) -> None:
    if data.listing.more:
        st.button("More chats", key="quiet-more", icon=":material/expand_more:", type="tertiary", on_click=_list_more)


def _list_more() -> None:
    st.session_state[LISTED] = st.session_state.get(LISTED, CHATS_LISTED) + CHATS_LISTED


def _draw_row(user: User, chat: Conversation, opened: str | None) -> None:
    """Draw a chat with its menu; `opened` is the id of the open chat."""
    if chat_actions.renamed_chat_id() == chat.id:
        _draw_rename_form(user, chat)
        return
    line = _row_container("opened" if chat.id == opened else "other", chat)
    # Not a page link: Streamlit's do not write the address of another chat on the same page.
    line.button(
        elements.escape(_title(chat)),
        key=f"open-{chat.id}",
        type="tertiary",
        width="stretch",
        on_click=go_to,
        args=(chat.id,),
    )
    menu = f"icon-menu-{chat.id}"
    line.menu_button(
        "Chat menu",
        _menu_entries(chat),
        key=menu,
        icon=":material/more_horiz:",
        type="tertiary",
        format_func=MENU.__getitem__,
        on_click=chat_actions.run_menu_action,
        args=(user, chat, menu),
    )


def _draw_deleted_row(user: User, chat: Conversation) -> None:
    """Draw a deleted chat with the buttons that restore it and erase it."""
    line = _row_container("gone", chat)
    line.caption(elements.escape(_title(chat)), width="stretch")
    back = f"Restore {elements.escape(_title(chat))}"
    line.button(
        back,
        key=f"icon-restore-{chat.id}",
        icon=":material/undo:",
        type="tertiary",
        on_click=chat_actions.restore,
        args=(user, chat.id),
    )
    line.button(
        "Delete permanently",
        key=f"icon-for-good-{chat.id}",
        icon=":material/delete_forever:",
        type="tertiary",
        on_click=chat_actions.request_dialog,
        args=("for_good", chat),
    )


def _row_container(kind: str, chat: Conversation) -> st.delta_generator.DeltaGenerator:
    key = f"chat-row-{elements.text_direction(chat.title)}-{kind}-{chat.id}"
    return st.container(key=key, horizontal=True, wrap=False, gap="small", vertical_alignment="center")


def _draw_rename_form(user: User, chat: Conversation) -> None:
    field = f"name-{chat.id}"
    with st.form(f"rename-{chat.id}", border=False), _row_container("named", chat):
        st.text_input("Chat name", value=chat.title, key=field, max_chars=100, label_visibility="collapsed")
        buttons = (
            (True, "save", "Save name", "check"),
            (False, "cancel", "Cancel renaming", "close"),
        )
        for save, name, label, icon in buttons:
            st.form_submit_button(
                label,
                key=f"icon-{name}-{chat.id}",
                icon=f":material/{icon}:",
                type="tertiary",
                on_click=chat_actions.rename,
                args=(user, chat, field),
                kwargs={"save": save},
            )
    focus_field(field)


def _menu_entries(chat: Conversation) -> list[str]:
    if chat.archived:
        return ["rename", "unarchive", "export", "delete"]
    return ["rename", "unpin" if chat.pinned else "pin", "archive", "export", "delete"]


def _title(chat: Conversation) -> str:
    return chat.title or "New chat"


def _draw_dialog(user: User) -> None:
    """Draw the dialog that was requested, if any."""
    name, chat = chat_actions.take_requested_dialog() or ("", None)
    if name == "export":
        chat_actions.draw_export_dialog(user, chat)
    elif chat is not None:
        _draw_erase_dialog(chat.id, chat.title)


@st.dialog("Delete this chat permanently?", on_dismiss="rerun")
def _draw_erase_dialog(chat_id: str, title: str) -> None:
    user = require_user()
    st.markdown(
        f"**{elements.escape(title or 'New chat')}** is permanently deleted, with all its messages. "
        "What I learned from it stays in your memories."
    )
    with show_errors():
        if learned := len(services().learned_from(user.id, chat_id).memories):
            st.checkbox(
                plural(
                    learned,
                    "Also forget the 1 thing I learned in it",
                    "Also forget the {number} things I learned in it",
                ),
                key=chat_actions.FORGET,
            )
        erase, arguments = chat_actions.delete_for_good, (user, chat_id)
        if st.button("Delete permanently", type="primary", key="really-delete", on_click=erase, args=arguments):
            if receipt := chat_actions.take_forget_receipt():
                draw_forget_receipt(receipt)
            else:
                st.rerun()
