"""Looking for words through all of a person's chats: what is asked, what is found, and the lines around it.

The looking is the database's work (app.search_chats); words are compared there and here without case and accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from memory.database import Reading
from memory.plain_text import storable

__all__ = ["MOST_FOUND", "Found", "Snippet", "looked_up", "snippet"]

MOST_FOUND = 40
LONGEST = 300  # letters of a search; more is no search
READ = 60_000  # letters of a message that are searched
BEFORE, LINE = 30, 90
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
# A script without spaces: its signs in a row are meant as one word.
_TOGETHER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
# What Markdown makes letters bold and lines headings with.
_MARKS = re.compile(r"\*\*|__|`+|^#{1,6}\s|^\s*[*+>-]\s", re.MULTILINE)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")


class Snippet(NamedTuple):
    """A line out of a text: what stands before the word that was found, the word, and what stands behind it."""

    before: str
    word: str
    after: str


@dataclass(frozen=True)
class Found:
    """A chat in whose name the words stand, or a message that says them."""

    chat_id: str
    title: str
    at: datetime
    archived: bool
    message_id: str | None = None
    role: str | None = None
    line: Snippet | None = None


def looked_up(asked: str) -> Reading[list[Found]]:
    """What is found for a search: chats by their names first, then messages, the latest first."""
    words = storable(asked).strip()[:LONGEST]
    sql = (
        "select c.id::text as chat_id, c.title, coalesce(m.created_at, c.updated_at) as at,"
        " c.archived_at is not null as archived, m.id::text as message_id, m.role, left(m.content, %(read)s) as said"
        " from app.search_chats(%(asked)s, %(quoted)s::text[], %(most)s) found"
        " join app.conversations c on c.id = found.conversation_id"
        " left join app.messages m on m.id = found.message_id"
        " order by found.message_id is not null, found.whole desc, found.seq desc, c.updated_at desc limit %(most)s"
    )

    def made(rows: Sequence[Mapping[str, Any]]) -> list[Found]:
        return [_found(row, words) for row in rows]

    quoted = _QUOTED.findall(words) + _TOGETHER.findall(words)
    return Reading(sql, made, {"asked": words, "quoted": quoted, "most": MOST_FOUND, "read": READ}, ("at",))


def snippet(said: str, asked: str) -> Snippet:
    """The line of a text in which the first of the words that were asked for stands."""
    folded, places = _folded(said)
    start, end = _first(folded, [_folded(word)[0] for word in _WORD.findall(asked)])
    begin, finish = (places[start], places[end]) if end else (0, 0)
    head = said[max(0, begin - BEFORE) : begin]
    if begin > BEFORE:
        head = "…" + (head.partition(" ")[2] or head)
    tail = said[finish : finish + LINE]
    if len(said) > finish + LINE:
        tail = (tail.rpartition(" ")[0] or tail) + "…"
    return Snippet(_one_line(head), said[begin:finish], _one_line(tail))


def _found(row: Mapping[str, Any], asked: str) -> Found:
    said = row["said"] or ""
    line = snippet(_MARKS.sub("", said) if row["role"] == "assistant" else said, asked) if row["message_id"] else None
    return Found(row["chat_id"], row["title"], row["at"], row["archived"], row["message_id"], row["role"], line)


def _first(folded: str, words: Sequence[str]) -> tuple[int, int]:
    """Where one of the words begins a word for the first time, and where that word ends; (0, 0) where none does."""
    for word in sorted(filter(None, words), key=len, reverse=True):
        if match := re.search(rf"(?<![^\W_]){re.escape(word)}", folded) or re.search(re.escape(word), folded):
            return match.start(), match.end()
    return 0, 0


def _folded(text: str) -> tuple[str, list[int]]:
    """A text in small letters without accents, and for each of its letters where it stood."""
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for plain in unicodedata.normalize("NFD", letter).lower():
            if not "\u0300" <= plain <= "\u036f":
                letters.append(plain)
                places.append(place)
    return "".join(letters), [*places, len(text)]


def _one_line(text: str) -> str:
    """Without its line breaks; the space at its edges stays, so that words do not run together."""
    return re.sub(r"\s+", " ", text)
