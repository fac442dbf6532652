"""Searching through all chats: the box over the list, and what was found in place of it."""

from __future__ import annotations

import streamlit as st

from chat.search import MOST_FOUND, Found
from texts import text
from ui import pieces
from ui.chat_row import open_at
from ui.desk import SEARCHED, Desk

__all__ = ["box", "results"]


def box() -> None:
    """Where the words are written."""
    st.text_input(
        text("chats.search.box"),
        key=SEARCHED,
        type="search",
        placeholder=text("chats.search.hint"),
        icon=":material/search:",
        label_visibility="collapsed",
    )


def results(at_hand: Desk) -> None:
    """Chats by their names, then messages with the line in which the words stand."""
    if not at_hand.found:
        st.markdown(text("chats.search.nothing", words=pieces.plain(at_hand.searched[:60])))
        st.caption(text("chats.search.try"))
    for number, each in enumerate(at_hand.found):
        _result(each, number)
    if len(at_hand.found) >= MOST_FOUND:
        st.caption(text("chats.search.many", number=MOST_FOUND))
    st.button(text("chats.search.end"), key="quiet-end-search", icon=":material/close:", type="tertiary", on_click=_end)


def _result(each: Found, number: int) -> None:
    title = pieces.plain(each.title or text("chats.untitled"))
    with st.container(key=f"found-{number}", gap=None):
        st.button(
            text("chats.search.at", title=title, day=pieces.date_of(each.at.isoformat())),
            key=f"open-found-{each.message_id or each.chat_id}",
            icon=":material/chat_bubble:" if each.line else ":material/forum:",
            type="tertiary",
            width="stretch",
            on_click=open_at,
            args=(each.chat_id, each.message_id),
        )
        if each.line:
            told = [pieces.plain(part) for part in each.line]
            word = f"**{told[1].strip()}**" if told[1].strip() else ""
            st.caption(f"{told[0]}{word}{told[2]}")


def _end() -> None:
    st.session_state[SEARCHED] = ""
