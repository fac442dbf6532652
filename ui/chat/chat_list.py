"""The list of chats beside the page, and the way to a new one: by day, pinned ones on top. It knows no message.

What can be done with a chat is in chat_row.py, searching in chat_search.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import streamlit as st

from auth.guard import User, require_user
from chat.chats import MOST_FOUND, PAGE, SearchHit
from chat.conversations import Conversation
from services import services
from ui import dates, elements
from ui.browser.page_scripts import close_sidebar_now, close_sidebar_soon, focus_field
from ui.chat import chat_actions
from ui.chat.chat_actions import draw_export_dialog
from ui.chat.chat_bar import draw_forget_receipt
from ui.chat.chat_data import LISTED, PUT_AWAY, SEARCHED, ChatPageData
from ui.chat.open_chat import open_id, set_open
from ui.elements import plural
from ui.frame import show_errors
from ui.slots import fresh_slot

__all__ = ["draw_chat_list"]

# What the entries of a chat's menu are called.
MENU = {
    "rename": "Rename",
    "pin": "Pin",
    "unpin": "Unpin",
    "archive": "Archive",
    "unarchive": "Back to the list",
    "export": "Export",
    "delete": "Delete",
}


def _draw_row(user: User, each: Conversation, opened: str | None) -> None:
    """A chat by its name, with what can be done with it; `opened` is the one that is open."""
    if chat_actions.renamed_chat_id() == each.id:
        _name_anew(user, each)
        return
    line = _line("opened" if each.id == opened else "other", each)
    # Not a page link: Streamlit's do not write the address of another chat on the same page.
    line.button(
        elements.escape(_title(each)),
        key=f"open-{each.id}",
        type="tertiary",
        width="stretch",
        on_click=_open_at,
        args=(each.id,),
    )
    menu = f"icon-menu-{each.id}"
    line.menu_button(
        "Chat menu",
        _deeds(each),
        key=menu,
        icon=":material/more_horiz:",
        type="tertiary",
        format_func=MENU.__getitem__,
        on_click=chat_actions.run_menu_action,
        args=(user, each, menu),
    )


def _draw_deleted_row(user: User, each: Conversation) -> None:
    """A deleted chat, with the way back and the way out."""
    line = _line("gone", each)
    line.caption(elements.escape(_title(each)), width="stretch")
    back = f"Bring {elements.escape(_title(each))} back"
    line.button(
        back,
        key=f"icon-restore-{each.id}",
        icon=":material/undo:",
        type="tertiary",
        on_click=chat_actions.restore,
        args=(user, each.id),
    )
    line.button(
        "Delete for good",
        key=f"icon-for-good-{each.id}",
        icon=":material/delete_forever:",
        type="tertiary",
        on_click=chat_actions.request_dialog,
        args=("for_good", each),
    )


def _open_at(chat_id: str, message_id: str | None = None) -> None:
    """Open a chat, at one of its messages; on a phone the list makes way."""
    set_open(chat_id, message_id)
    close_sidebar_soon()


def _draw_dialog(user: User) -> None:
    """The dialog that was asked for by the press before."""
    wanted = chat_actions.take_requested_dialog()
    if wanted is None:
        return
    what, about = wanted
    if what == "export":
        draw_export_dialog(user, about)
    elif about is not None:
        _for_good(about.id, about.title)


def _line(kind: str, each: Conversation) -> st.delta_generator.DeltaGenerator:
    key = f"chat-row-{elements.text_direction(each.title)}-{kind}-{each.id}"
    return st.container(key=key, horizontal=True, wrap=False, gap="small", vertical_alignment="center")


def _name_anew(user: User, each: Conversation) -> None:
    field = f"name-{each.id}"
    with st.form(f"rename-{each.id}", border=False), _line("named", each):
        st.text_input("The chat's name", value=each.title, key=field, max_chars=100, label_visibility="collapsed")
        buttons = (
            (True, "save", "Save the name", "check"),
            (False, "cancel", "Leave it as it was", "close"),
        )
        for save, name, label, icon in buttons:
            st.form_submit_button(
                label,
                key=f"icon-{name}-{each.id}",
                icon=f":material/{icon}:",
                type="tertiary",
                on_click=chat_actions.rename,
                args=(user, each, field),
                kwargs={"save": save},
            )
    focus_field(field)


@st.dialog("Delete this chat for good?", on_dismiss="rerun")
def _for_good(chat_id: str, title: str) -> None:
    user = require_user()
    st.markdown(
        f"**{elements.escape(title or 'New chat')}** and its messages go at once and cannot be brought "
        "back. What was learned from it stays with your memories."
    )
    with show_errors():
        if learned := len(services().learned_from(user.id, chat_id).memories):
            st.checkbox(
                plural(
                    learned,
                    "Forget the one thing I learned in it, too",
                    "Forget the {number} things I learned in it, too",
                ),
                key=chat_actions.FORGET,
            )
        really = "Delete for good"
        done = (user, chat_id)
        if st.button(really, type="primary", key="really-delete", on_click=chat_actions.delete_for_good, args=done):
            if receipt := chat_actions.take_forget_receipt():
                draw_forget_receipt(receipt)
            else:
                st.rerun()


def _deeds(each: Conversation) -> list[str]:
    pin = "unpin" if each.pinned else "pin"
    return (
        ["rename", "unarchive", "export", "delete"] if each.archived else ["rename", pin, "archive", "export", "delete"]
    )


def _title(each: Conversation) -> str:
    return each.title or "New chat"


def _draw_search_box() -> None:
    """Where the words are written."""
    st.text_input(
        "Search chats",
        key=SEARCHED,
        type="search",
        placeholder="Search chats",
        icon=":material/search:",
        label_visibility="collapsed",
    )


def _draw_search_results(at_hand: ChatPageData) -> None:
    """Chats by their names, then messages with the line in which the words stand."""
    if not at_hand.found:
        st.markdown(f"Nothing found for “{elements.escape(at_hand.searched[:60])}”.")
        st.caption("Try fewer words, or only the beginning of one. Words in “quotation marks” are looked for together.")
    for number, each in enumerate(at_hand.found):
        _result(each, number)
    if len(at_hand.found) >= MOST_FOUND:
        st.caption(f"The best {MOST_FOUND} are shown. More words narrow it down.")
    st.button("End the search", key="quiet-end-search", icon=":material/close:", type="tertiary", on_click=_end)


def _result(each: SearchHit, number: int) -> None:
    with st.container(key=f"found-{elements.text_direction(each.title)}-{number}", gap=None):
        st.button(
            elements.escape(each.title or "New chat"),
            key=f"open-found-{each.message_id or each.chat_id}",
            type="tertiary",
            width="stretch",
            on_click=_open_at,
            args=(each.chat_id, each.message_id),
        )
        day = dates.date_of(each.at.isoformat())
        if each.line is None:
            st.caption(day)
            return
        before, word, after = (elements.escape(part) for part in each.line)
        line = f"{before}**{word.strip()}**{after}" if word.strip() else before + after
        st.caption(f"{day} · {line}")


def _end() -> None:
    st.session_state[SEARCHED] = ""


def draw_chat_list(user: User, at_hand: ChatPageData) -> None:
    """Every chat under its day, the latest first; or what was searched for."""
    with st.sidebar:
        st.button("New chat", key="new-chat", icon=":material/add:", type="primary", width="stretch", on_click=_begin)
        _draw_search_box()
        chat_actions.draw_undo_deletion(user)
        # One place for either list, so that what stands around it stays where it is.
        kind = f"found {at_hand.searched}" if at_hand.searched else str(at_hand.put_away)
        with st.container(key="chat-list"), fresh_slot(kind, "chat-list"):
            if at_hand.searched:
                _draw_search_results(at_hand)
            elif at_hand.put_away:
                _put_away(user, at_hand)
            else:
                _chats(user, at_hand)
        close_sidebar_now()
    _draw_dialog(user)


def _begin() -> None:
    set_open(None)
    close_sidebar_soon()


def _chats(user: User, at_hand: ChatPageData) -> None:
    chats = at_hand.listing.chats
    if not chats:
        st.caption("Your chats will be listed here.")
    _grouped(user, chats)
    _more(at_hand)
    quiet = st.container(key="chat-list-end")
    if at_hand.listing.put_away:
        quiet.button(
            plural(at_hand.listing.put_away, "Archived and deleted ({number})", "Archived and deleted ({number})"),
            key="quiet-put-away",
            icon=":material/inventory_2:",
            type="tertiary",
            on_click=_look,
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


def _put_away(user: User, at_hand: ChatPageData) -> None:
    """What is in no list: archived chats, and deleted ones that can still be brought back."""
    back = "Back to the chats"
    st.button(back, key="quiet-back", icon=":material/arrow_back:", type="tertiary", on_click=_look, args=(False,))
    st.caption("Archived")
    opened = open_id()
    for each in at_hand.listing.chats:
        _draw_row(user, each, opened)
    if not at_hand.listing.chats:
        st.caption("No chat is archived.")
    _more(at_hand)
    if at_hand.deleted:
        st.caption("Deleted", help="Each can be brought back for a day, then it is gone for good.")
        for each in at_hand.deleted:
            _draw_deleted_row(user, each)


def _grouped(user: User, chats: Iterable[Conversation]) -> None:
    opened = open_id()
    for heading, group in groupby(chats, _heading):
        st.caption(heading)
        for each in group:
            _draw_row(user, each, opened)


def _heading(each: Conversation) -> str:
    return "Pinned" if each.pinned else dates.day_heading(each.updated_at)


def _more(at_hand: ChatPageData) -> None:
    if at_hand.listing.more:
        st.button("More chats", key="quiet-more", icon=":material/expand_more:", type="tertiary", on_click=_widen)


def _widen() -> None:
    st.session_state[LISTED] = st.session_state.to_dict().get(LISTED, PAGE) + PAGE


def _look(put_away: bool) -> None:
    st.session_state[PUT_AWAY] = put_away
    st.session_state[LISTED] = PAGE
