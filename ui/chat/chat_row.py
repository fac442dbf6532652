"""One chat in the list: opening it, its menu, its name written anew in place; and the dialogs about one."""

from __future__ import annotations

import streamlit as st

from auth.guard import User, require_user
from chat.conversations import Conversation
from services import services
from texts import counted, text
from ui import elements
from ui.browser import narrow
from ui.browser.focus import focus_on
from ui.chat import chat_actions
from ui.chat.chat_bar import unlearned
from ui.chat.chat_export import take_along
from ui.chat.open_chat import set_open
from ui.frame import trouble

__all__ = ["deleted_row", "dialogs", "open_at", "row"]

MESSAGE = "message"  # a message's name in the address: the page scrolls to it


def row(user: User, each: Conversation, opened: str | None) -> None:
    """A chat by its name, with what can be done with it; `opened` is the one that is open."""
    if chat_actions.renamed_now() == each.id:
        _name_anew(user, each)
        return
    line = _line("opened" if each.id == opened else "other", each)
    # Not a page link: Streamlit's do not write the address of another chat on the same page.
    line.button(
        elements.plain(_title(each)),
        key=f"open-{each.id}",
        type="tertiary",
        width="stretch",
        on_click=open_at,
        args=(each.id,),
    )
    menu = f"icon-menu-{each.id}"
    line.menu_button(
        text("chats.menu.label"),
        _deeds(each),
        key=menu,
        icon=":material/more_horiz:",
        type="tertiary",
        format_func=_deed_name,
        on_click=chat_actions.chosen,
        args=(user, each, menu),
    )


def deleted_row(user: User, each: Conversation) -> None:
    """A deleted chat, with the way back and the way out."""
    line = _line("gone", each)
    line.caption(elements.plain(_title(each)), width="stretch")
    back = text("chats.deleted.restore", title=elements.plain(_title(each)))
    line.button(
        back,
        key=f"icon-restore-{each.id}",
        icon=":material/undo:",
        type="tertiary",
        on_click=chat_actions.restore,
        args=(user, each.id),
    )
    line.button(
        text("chats.deleted.for_good"),
        key=f"icon-for-good-{each.id}",
        icon=":material/delete_forever:",
        type="tertiary",
        on_click=chat_actions.ask,
        args=("for_good", each),
    )


def open_at(chat_id: str, message_id: str | None = None) -> None:
    """Open a chat, at one of its messages; on a phone the list makes way."""
    set_open(chat_id)
    if message_id is not None:
        st.query_params[MESSAGE] = message_id
    elif MESSAGE in st.query_params:
        del st.query_params[MESSAGE]
    narrow.close_soon()


def dialogs(user: User) -> None:
    """The dialog that was asked for by the press before."""
    wanted = chat_actions.asked()
    if wanted is None:
        return
    what, about = wanted
    if what == "export":
        take_along(user, about)
    elif about is not None:
        _for_good(about.id, about.title)


def _line(kind: str, each: Conversation) -> st.delta_generator.DeltaGenerator:
    key = f"chat-row-{elements.way(each.title)}-{kind}-{each.id}"
    return st.container(key=key, horizontal=True, wrap=False, gap="small", vertical_alignment="center")


def _name_anew(user: User, each: Conversation) -> None:
    box = f"name-{each.id}"
    with st.form(f"rename-{each.id}", border=False), _line("named", each):
        st.text_input(text("chats.rename.box"), value=each.title, key=box, max_chars=100, label_visibility="collapsed")
        for save, name, icon in ((True, "save", "check"), (False, "cancel", "close")):
            st.form_submit_button(
                text(f"chats.rename.{name}"),
                key=f"icon-{name}-{each.id}",
                icon=f":material/{icon}:",
                type="tertiary",
                on_click=chat_actions.rename,
                args=(user, each, box),
                kwargs={"save": save},
            )
    focus_on(box)


@st.dialog(text("chats.for_good.title"), on_dismiss="rerun")
def _for_good(chat_id: str, title: str) -> None:
    user = require_user()
    st.markdown(text("chats.for_good.words", title=elements.plain(title or text("chats.untitled"))))
    with trouble():
        taught = services().taught_by(user.id, chat_id)
        if learned := len(taught.lessons):
            st.checkbox(counted("chats.for_good.forget", learned), key=chat_actions.FORGET)
        really = text("chats.for_good.really")
        done = (user, chat_id)
        if st.button(really, type="primary", key="really-delete", on_click=chat_actions.delete_for_good, args=done):
            if receipt := chat_actions.forgotten():
                unlearned(receipt)
            else:
                st.rerun()


def _deeds(each: Conversation) -> list[str]:
    pin = "unpin" if each.pinned else "pin"
    return (
        ["rename", "unarchive", "export", "delete"] if each.archived else ["rename", pin, "archive", "export", "delete"]
    )


def _deed_name(deed: str) -> str:
    return text(f"chats.menu.{deed}")


def _title(each: Conversation) -> str:
    return each.title or text("chats.untitled")
