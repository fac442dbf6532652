"""Reads what the chat page needs at each run, in one trip to the database. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from auth.guard import User
from chat import chats
from chat.chats import SearchHit, search_reading
from chat.preferences import Preferences, preferences_reading
from chat.tree import Conversation
from memory import Question
from memory.learn.questions import open_questions
from services import services

__all__ = ["ARCHIVE_OPEN", "LISTED", "SEARCHED", "ChatPageData", "read_chat_page"]

# Keys of the session state: the words in the search box, whether the archive is open, and how many chats are listed.
SEARCHED, ARCHIVE_OPEN, LISTED = "searched", "put_away", "listed"


@dataclass
class ChatPageData:
    """The data that was read for one run of the page."""

    listing: chats.ChatList = field(default_factory=chats.ChatList)
    deleted: Sequence[Conversation] = ()
    searched: str = ""
    hits: Sequence[SearchHit] = ()
    archive_open: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    questions: list[Sequence[Question]] = field(default_factory=list)  # emptied by the function that draws them


def read_chat_page(user: User) -> ChatPageData:
    """Read the list of chats as the person chose it, their preferences and their open questions."""
    data = ChatPageData(
        searched=(st.session_state.get(SEARCHED) or "").strip(), archive_open=bool(st.session_state.get(ARCHIVE_OPEN))
    )
    readings = [open_questions(), preferences_reading(), *_list_readings(data)]
    questions, data.preferences, *lists = services().read_together(user.id, *readings)
    data.questions.append(questions)
    if data.searched:
        [data.hits] = lists
    else:
        data.listing, *deleted = lists
        data.deleted = deleted[0] if deleted else ()
    return data


def _list_readings(data: ChatPageData) -> list[Any]:
    if data.searched:
        return [search_reading(data.searched)]
    listed = chats.list_reading(st.session_state.get(LISTED, chats.CHATS_LISTED), archived=data.archive_open)
    return [listed, chats.deleted_reading()] if data.archive_open else [listed]
