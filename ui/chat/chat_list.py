"""The list of chats beside the page, and the way to a new one: by day, pinned ones on top. It knows no message.

What can be done with a chat is in chat_row.py, searching in chat_search.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import streamlit as st

from auth.guard import User
from chat.chats import PAGE
from chat.conversations import Conversation
from texts import counted, text
from ui import elements
from ui.browser import narrow
from ui.chat import chat_actions, chat_search
from ui.chat.chat_data import LISTED, PUT_AWAY, Desk
from ui.chat.chat_row import deleted_row, dialogs, row
from ui.chat.open_chat import open_id, set_open
from ui.slots import stage

__all__ = ["chat_list"]


def chat_list(user: User, at_hand: Desk) -> None:
    """Every chat under its day, the latest first; or what was searched for."""
    with st.sidebar:
        st.button(
            text("chats.new"), key="new-chat", icon=":material/add:", type="primary", width="stretch", on_click=_begin
        )
        chat_search.box()
        chat_actions.bar(user)
        # One place for either list, so that what stands around it stays where it is.
        kind = f"found {at_hand.searched}" if at_hand.searched else str(at_hand.put_away)
        with st.container(key="chat-list"), stage(kind, "chat-list"):
            if at_hand.searched:
                chat_search.results(at_hand)
            elif at_hand.put_away:
                _put_away(user, at_hand)
            else:
                _chats(user, at_hand)
        narrow.draw()
    dialogs(user)


def _begin() -> None:
    set_open(None)
    narrow.close_soon()


def _chats(user: User, at_hand: Desk) -> None:
    chats = at_hand.listing.chats
    if not chats:
        st.caption(text("chats.none_yet"))
    _grouped(user, chats)
    _more(at_hand)
    quiet = st.container(key="chat-list-end")
    if at_hand.listing.put_away:
        quiet.button(
            counted("chats.put_away.entry", at_hand.listing.put_away),
            key="quiet-put-away",
            icon=":material/inventory_2:",
            type="tertiary",
            on_click=_look,
            args=(True,),
        )
    if chats:
        quiet.button(
            text("chats.export.all_entry"),
            key="quiet-export",
            icon=":material/download:",
            type="tertiary",
            on_click=chat_actions.ask,
            args=("export", None),
        )


def _put_away(user: User, at_hand: Desk) -> None:
    """What is in no list: archived chats, and deleted ones that can still be brought back."""
    back = text("chats.put_away.back")
    st.button(back, key="quiet-back", icon=":material/arrow_back:", type="tertiary", on_click=_look, args=(False,))
    st.caption(text("chats.put_away.heading"))
    opened = open_id()
    for each in at_hand.listing.chats:
        row(user, each, opened)
    if not at_hand.listing.chats:
        st.caption(text("chats.put_away.empty"))
    _more(at_hand)
    if at_hand.deleted:
        st.caption(text("chats.deleted.heading"), help=text("chats.deleted.note"))
        for each in at_hand.deleted:
            deleted_row(user, each)


def _grouped(user: User, chats: Iterable[Conversation]) -> None:
    opened = open_id()
    for heading, group in groupby(chats, _heading):
        st.caption(heading)
        for each in group:
            row(user, each, opened)


def _heading(each: Conversation) -> str:
    return text("chats.pinned") if each.pinned else elements.day(each.updated_at)


def _more(at_hand: Desk) -> None:
    if at_hand.listing.more:
        st.button(text("chats.more"), key="quiet-more", icon=":material/expand_more:", type="tertiary", on_click=_widen)


def _widen() -> None:
    st.session_state[LISTED] = st.session_state.to_dict().get(LISTED, PAGE) + PAGE


def _look(put_away: bool) -> None:
    st.session_state[PUT_AWAY] = put_away
    st.session_state[LISTED] = PAGE
