"""What the chat page needs of the database at each run, asked for in one message. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from auth.guard import User
from chat import chats
from chat.chats import Found, looked_up
from chat.conversations import Conversation
from chat.preferences import Preferences, own_preferences
from memory import Question
from memory.learn.questions import open_questions
from services import services

__all__ = ["LISTED", "PUT_AWAY", "SEARCHED", "Desk", "desk"]

# What decides which list is read: the words in the search box, whether archived chats are looked at, and how many.
SEARCHED, PUT_AWAY, LISTED = "searched", "put_away", "listed"


@dataclass
class Desk:
    """What lies there for one run."""

    listing: chats.Listing = field(default_factory=chats.Listing)
    deleted: Sequence[Conversation] = ()
    searched: str = ""
    found: Sequence[Found] = ()
    put_away: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    questions: list[Sequence[Question]] = field(default_factory=list)  # taken by whoever draws them first


def desk(user: User) -> Desk:
    """The list as the person has it before them, what they set, and the open questions."""
    here = Desk(searched=(st.session_state.get(SEARCHED) or "").strip(), put_away=bool(st.session_state.get(PUT_AWAY)))
    readings = [open_questions(), own_preferences(), *_list(here)]
    questions, here.preferences, *those = services().read_together(user.id, *readings)
    here.questions.append(questions)
    if here.searched:
        [here.found] = those
    else:
        here.listing, *rest = those
        here.deleted = rest[0] if rest else ()
    return here


def _list(here: Desk) -> list[Any]:
    if here.searched:
        return [looked_up(here.searched)]
    listed = chats.listed(st.session_state.get(LISTED, chats.PAGE), archived=here.put_away)
    return [listed, chats.deleted()] if here.put_away else [listed]
