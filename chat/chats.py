"""A person's chats as a list: what is in it, what each is called, and what becomes of one. It knows no message.

A deleted chat is in no list and cannot be opened; for a day it can be brought back, and then it is gone for good.
While it is deleted, nothing of it is remembered or recalled: the database sees to that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chat.conversations import Conversation, given_name, valid_id
from memory.database import Database, Reading
from memory.errors import NotFound
from memory.plain_text import storable

__all__ = [
    "AT_ONCE",
    "MOST_FOUND",
    "PAGE",
    "ChatList",
    "Chats",
    "Retention",
    "SearchHit",
    "Snippet",
    "deleted_reading",
    "list_reading",
    "search_reading",
    "snippet",
]

PAGE = 60  # chats that are drawn before somebody asks for more
MOST = 5_000
FIELDS = "id::text, title, updated_at, pinned_at is not null as pinned, archived_at is not null as archived"
SEEN = "deleted_at is null and not temporary"


@dataclass(frozen=True)
class ChatList:
    """The chats of a list as far as it is drawn, and how many are elsewhere."""

    chats: Sequence[Conversation] = ()
    more: bool = False
    put_away: int = 0  # archived, and deleted but not gone


def list_reading(limit: int = PAGE, *, archived: bool = False) -> Reading[ChatList]:
    """A person's chats: pinned ones first, then the latest; archived ones apart."""
    limit = min(limit, MOST)

    def made(rows: Sequence[Mapping[str, Any]]) -> ChatList:
        chats = [_conversation(row) for row in rows if row["id"] is not None]
        return ChatList(chats[:limit], len(chats) > limit, rows[0]["put_away"] if rows else 0)

    # The count is there also where the list is empty.
    sql = (
        "select counted.put_away, those.* from (select count(*) as put_away from app.conversations"
        "  where not temporary and (archived_at is not null or deleted_at is not null)) counted"
        f" left join (select {FIELDS}, pinned_at from app.conversations"
        f"  where {SEEN} and (archived_at is not null) = %(archived)s"
        "  order by pinned_at desc nulls last, updated_at desc limit %(limit)s) those on true"
        " order by those.pinned_at desc nulls last, those.updated_at desc"
    )
    return Reading(sql, made, {"archived": archived, "limit": limit + 1}, ("updated_at",))


def deleted_reading() -> Reading[list[Conversation]]:
    """The chats that can still be brought back, the last deleted first."""
    sql = (
        f"select {FIELDS} from app.conversations where deleted_at is not null and not temporary"
        " order by deleted_at desc limit 100"
    )
    return Reading(sql, lambda rows: [_conversation(row) for row in rows], {}, ("updated_at",))


class Chats:
    """Reads and changes one user's list of chats at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, user_id: str, limit: int = 200) -> list[Conversation]:
        """The user's chats as they are listed."""
        return list(self._database.read(user_id, list_reading(limit)).chats)

    def archived(self, user_id: str) -> list[Conversation]:
        """The chats that were put away."""
        return list(self._database.read(user_id, list_reading(archived=True)).chats)

    def deleted(self, user_id: str) -> list[Conversation]:
        """The chats that can still be brought back."""
        return self._database.read(user_id, deleted_reading())

    def search(self, user_id: str, asked: str) -> list[SearchHit]:
        """Where the words stand, in names of chats and in what was said: the best first; "quoted" words together."""
        return self._database.read(user_id, search_reading(asked))

    def rename(self, user_id: str, chat_id: str, name: str) -> str:
        """Give a chat a name of the person's own, which stands; returns it as it is kept."""
        kept = given_name(name)
        self._change(user_id, chat_id, "title = :title, named_at = now()", title=kept)
        return kept

    def name(self, user_id: str, chat_id: str, name: str) -> None:
        """Give a chat a name, unless it has been given one."""
        with self._database.as_user(user_id) as connection:
            connection.execute(
                text(
                    "update app.conversations set title = :title, named_at = now()"
                    " where id = cast(:id as uuid) and named_at is null"
                ),
                {"id": valid_id(chat_id), "title": given_name(name)},
            )

    def pin(self, user_id: str, chat_id: str, *, pinned: bool = True) -> None:
        """Keep a chat on top of the list, or no longer."""
        self._change(user_id, chat_id, "pinned_at = case when :on then now() end", on=pinned)

    def archive(self, user_id: str, chat_id: str, *, archived: bool = True) -> None:
        """Put a chat away, or back into the list; all of it is kept, and found."""
        self._change(user_id, chat_id, "archived_at = case when :on then now() end", on=archived)

    def delete(self, user_id: str, chat_id: str) -> None:
        """Take a chat out of every list, with what was said in it; what was learned from it stays."""
        self._change(user_id, chat_id, "deleted_at = now()")

    def restore(self, user_id: str, chat_id: str) -> None:
        """Bring a deleted chat back as it was."""
        self._change(user_id, chat_id, "deleted_at = null", "deleted_at is not null")

    def delete_for_good(self, user_id: str, chat_id: str) -> None:
        """Erase a chat with its messages and what was kept of them for recall; what was learned from it stays."""
        with self._database.as_user(user_id) as connection:
            gone = connection.execute(
                text("delete from app.conversations where id = cast(:id as uuid)"), {"id": valid_id(chat_id)}
            )
            _one(gone.rowcount)

    def delete_all(self, connection: Connection) -> int:
        """Erase every chat of the user a transaction is bound to."""
        return connection.execute(text("delete from app.conversations")).rowcount

    def _change(self, user_id: str, chat_id: str, change: str, where: str = "deleted_at is null", **new: Any) -> None:
        with self._database.as_user(user_id) as connection:
            changed = connection.execute(
                text(f"update app.conversations set {change} where id = cast(:id as uuid) and {where}"),
                {"id": valid_id(chat_id), **new},
            )
            _one(changed.rowcount)


def _one(changed: int) -> None:
    if changed != 1:
        raise NotFound("There is no such chat.")


def _conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation(row["id"], row["title"], row["updated_at"], row["pinned"], row["archived"])


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
class SearchHit:
    """A chat in whose name the words stand, or a message that says them."""

    chat_id: str
    title: str
    at: datetime
    archived: bool
    message_id: str | None = None
    role: str | None = None
    line: Snippet | None = None


def search_reading(asked: str) -> Reading[list[SearchHit]]:
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

    def made(rows: Sequence[Mapping[str, Any]]) -> list[SearchHit]:
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


def _found(row: Mapping[str, Any], asked: str) -> SearchHit:
    said = row["said"] or ""
    line = snippet(_MARKS.sub("", said) if row["role"] == "assistant" else said, asked) if row["message_id"] else None
    return SearchHit(row["chat_id"], row["title"], row["at"], row["archived"], row["message_id"], row["role"], line)


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


AT_ONCE = 50
# The same chats that app.sweep_chats takes for their age; those that are deleted already are nobody's loss.
_PAST = (
    "select count(*) as past from app.conversations where updated_at < now() - make_interval(days => %(days)s)"
    " and pinned_at is null and deleted_at is null and not temporary"
)


class Retention:
    """Counts what would go, and lets go of what may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_older(self, user_id: str, days: int) -> int:
        """How many of the user's chats would go at once, were they kept for so many days without a word."""
        rows = self._database.read_as(user_id, _PAST, {"days": days})
        return int(rows[0]["past"])

    def sweep(self, most: int = AT_ONCE) -> int:
        """Let go of chats whose time is over, anybody's, so many at most; answers how many went."""
        [row] = self._database.read_as_worker("select app.sweep_chats(%(most)s) as gone", {"most": most})
        return int(row["gone"])
