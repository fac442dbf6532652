"""Searching through all chats: the box over the list, and what was found in place of it."""

from __future__ import annotations

import streamlit as st

from chat.search import MOST_FOUND, Found
from texts import text
from ui import elements
from ui.chat.chat_data import SEARCHED, Desk
from ui.chat.chat_row import open_at

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
        st.markdown(text("chats.search.nothing", words=elements.plain(at_hand.searched[:60])))
        st.caption(text("chats.search.try"))
    for number, each in enumerate(at_hand.found):
        _result(each, number)
    if len(at_hand.found) >= MOST_FOUND:
        st.caption(text("chats.search.many", number=MOST_FOUND))
    st.button(text("chats.search.end"), key="quiet-end-search", icon=":material/close:", type="tertiary", on_click=_end)


def _result(each: Found, number: int) -> None:
    with st.container(key=f"found-{elements.way(each.title)}-{number}", gap=None):
        st.button(
            elements.plain(each.title or text("chats.untitled")),
            key=f"open-found-{each.message_id or each.chat_id}",
            type="tertiary",
            width="stretch",
            on_click=open_at,
            args=(each.chat_id, each.message_id),
        )
        day = elements.date_of(each.at.isoformat())
        if each.line is None:
            st.caption(day)
            return
        before, word, after = (elements.plain(part) for part in each.line)
        line = f"{before}**{word.strip()}**{after}" if word.strip() else before + after
        st.caption(text("chats.search.line", day=day, line=line))


def _end() -> None:
    st.session_state[SEARCHED] = ""
