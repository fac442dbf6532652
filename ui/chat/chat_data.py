"""What the chat page needs of the database at each run, asked for in one message. Draws nothing."""

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

__all__ = ["LISTED", "PUT_AWAY", "SEARCHED", "ChatPageData", "read_chat_page"]

# What decides which list is read: the words in the search box, whether archived chats are looked at, and how many.
SEARCHED, PUT_AWAY, LISTED = "searched", "put_away", "listed"


@dataclass
class ChatPageData:
    """What lies there for one run."""

    listing: chats.ChatList = field(default_factory=chats.ChatList)
    deleted: Sequence[Conversation] = ()
    searched: str = ""
    found: Sequence[SearchHit] = ()
    put_away: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    questions: list[Sequence[Question]] = field(default_factory=list)  # taken by whoever draws them first


def read_chat_page(user: User) -> ChatPageData:
    """The list as the person has it before them, what they set, and the open questions."""
    here = ChatPageData(
        searched=(st.session_state.get(SEARCHED) or "").strip(), put_away=bool(st.session_state.get(PUT_AWAY))
    )
    readings = [open_questions(), preferences_reading(), *_list(here)]
    questions, here.preferences, *those = services().read_together(user.id, *readings)
    here.questions.append(questions)
    if here.searched:
        [here.found] = those
    else:
        here.listing, *rest = those
        here.deleted = rest[0] if rest else ()
    return here


def _list(here: ChatPageData) -> list[Any]:
    if here.searched:
        return [search_reading(here.searched)]
    listed = chats.list_reading(st.session_state.get(LISTED, chats.PAGE), archived=here.put_away)
    return [listed, chats.deleted_reading()] if here.put_away else [listed]
