"""Says what the list of chats and the chat page read at each run, and chooses suggestions. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from chat import chats
from chat.chats import MOST_FOUND, SearchHit, search_reading
from chat.preferences import Preferences, preferences_reading
from chat.tree import Conversation
from memory import Fact, Question
from memory.language.slots import slots_of
from memory.learn.questions import open_questions
from memory.rows.store import newest_reading
from services import Reading
from ui.chat import open_chat

__all__ = [
    "ARCHIVE_OPEN",
    "LISTED",
    "ChatListData",
    "ChatPageData",
    "chat_readings",
    "list_data",
    "page_data",
    "starters",
]

# Keys of the session state: whether the archive is open, and how many chats are listed.
ARCHIVE_OPEN, LISTED = "put_away", "listed"

_PREFERENCE = {"user": 0, "assistant": 1, None: 2}  # by who said it; the name has nobody
NEWEST = 40  # memories that suggestions are made of
MOST_STARTERS = 3
LONGEST_NAME = 40  # characters of a name
ABOUT_ME = "What do you remember about me?"
WEEK = "I'm planning my week. Ask me what matters."
PREFER = "Remember that I prefer short answers."
ABILITIES = "What can you do?"
# What the memory of a slot answers.
ASKED = {"home": "Where do I live?", "employer": "Where do I work?", "job": "What do I do for a living?"}
OWN = ("my ", "our ", "the ")


@dataclass
class ChatListData:
    """The list of chats as the person chose it: all, archived ones, or what a search found."""

    listing: chats.ChatList = field(default_factory=chats.ChatList)
    deleted: Sequence[Conversation] = ()
    searched: str = ""
    hits: Sequence[SearchHit] = ()  # one for each chat
    more_found: bool = False
    archive_open: bool = False

    def fill(self, results: Sequence[Any]) -> None:
        """Take over what the readings of `list_data` returned."""
        if self.searched:
            [found] = results
            self.more_found = len(found) >= MOST_FOUND
            self.hits = _best_of_each_chat(found)
        else:
            self.listing, *deleted = results
            self.deleted = deleted[0] if deleted else ()


def _best_of_each_chat(found: Sequence[SearchHit]) -> list[SearchHit]:
    """Return one hit for each chat: the first of the person's own messages, else of the replies, else the name."""
    rows: dict[str, SearchHit] = {}
    for hit in found:
        known = rows.get(hit.chat_id)
        if known is None or (_PREFERENCE[hit.role] < _PREFERENCE[known.role]):
            rows[hit.chat_id] = hit
    return list(rows.values())


@dataclass
class ChatPageData:
    """What was read for one run of the chat page, beside the list of chats."""

    questions: list[Sequence[Question]]  # emptied by the function that draws them
    preferences: Preferences = field(default_factory=Preferences)
    newest: Sequence[Fact] = ()  # memories, for the suggestions of a new chat


def list_data(searched: str) -> tuple[ChatListData, list[Reading[Any]]]:
    """Return the list of chats, still empty, and the readings that fill it; `searched` are the words looked for."""
    data = ChatListData(searched=searched, archive_open=bool(st.session_state.get(ARCHIVE_OPEN)))
    if data.searched:
        return data, [search_reading(data.searched)]
    listed = chats.list_reading(st.session_state.get(LISTED, chats.CHATS_LISTED), archived=data.archive_open)
    return data, [listed, chats.deleted_reading()] if data.archive_open else [listed]


def chat_readings() -> list[Reading[Any]]:
    """Read the open questions, the preferences and, for a new chat, the newest memories."""
    newest = [newest_reading(NEWEST)] if open_chat.open_id() is None else []
    return [open_questions(), preferences_reading(), *newest]


def page_data(results: Sequence[Any]) -> ChatPageData:
    """Return what the readings of `chat_readings` returned."""
    questions, preferences, *newest = results
    return ChatPageData([questions], preferences, newest[0] if newest else ())


def starters(known: Sequence[Fact], *, has_model: bool, reads: bool, writes: bool) -> tuple[str, ...]:
    """Return the suggestions: `known` are the newest memories, `reads` and `writes` what the chat does with memory."""
    offered: list[str] = []
    if reads and known:
        offered += list(_from_memory(known, has_model=has_model))[: MOST_STARTERS - 1]
    if reads and (known or not has_model):
        offered.append(ABOUT_ME)
    if has_model:
        offered.append(WEEK)
    if writes:
        offered.append(PREFER)
    if not has_model:
        offered.append(ABILITIES)
    return tuple(dict.fromkeys(offered))[:MOST_STARTERS]


def _from_memory(known: Sequence[Fact], *, has_model: bool) -> Iterator[str]:
    """Yield questions about what is remembered: a project first, then a person or a thing, then the person."""
    named = [names for fact in known for names in _entities(fact)]
    project = next((name for names in named for name in names if _is_project(name)), None)
    if project and has_model:
        yield f"How is {project if project.lower().startswith(OWN) else f'the {project}'} going?"
    other = next((name for names in named for name in names if name != project and _is_name(name)), None)
    if other:
        yield f"What do you know about {other}?" if has_model else f"Who is {other}?"
    slots = {slot for fact in known for slot in slots_of(fact.text)}
    if not has_model:
        yield from (question for slot, question in ASKED.items() if slot in slots)


def _entities(fact: Fact) -> list[list[str]]:
    """Return the names of each entity that a memory mentions; other programs may have written anything."""
    listed = fact.metadata.get("entities")
    return [
        [name for name in names if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()]
        for names in (listed if isinstance(listed, list) else [])
        if isinstance(names, list)
    ]


def _is_project(name: str) -> bool:
    """Return whether a name is that of something one works on: "Novak garden", "the new kitchen"."""
    words = name.split()
    return len(words) > 1 and words[-1].islower() and any(each[:1].isupper() for each in words)


def _is_name(name: str) -> bool:
    return name[:1].isupper() and not name.lower().startswith(OWN)
