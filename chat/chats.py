"""A person's chats: their list, names, search, and how long they are kept. conversations.py saves the messages.

A deleted chat is in no list and cannot be opened. It can be restored for a day; then the database's function
`app.sweep_chats` erases it (in the newest file of supabase/migrations/ that creates it). While it is deleted, the
database keeps its messages out of recall and its turns out of the queue.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from chat.tree import Conversation, valid_id
from memory.database import Database, Reading
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = [
    "CHATS_LISTED",
    "MAX_NAME",
    "MAX_TITLE",
    "MOST_FOUND",
    "SWEPT_AT_ONCE",
    "ChatList",
    "Chats",
    "Retention",
    "SearchHit",
    "Snippet",
    "checked_name",
    "deleted_reading",
    "list_reading",
    "one_line",
    "search_reading",
    "snippet",
    "title_of",
]

CHATS_LISTED = 60  # chats that a list shows at first, and that each "more" adds
MAX_LISTED = 5_000
FIELDS = "id::text, title, updated_at, pinned_at is not null as pinned, archived_at is not null as archived"
LISTED = "deleted_at is null and not temporary"
# A claim ends by itself, also where the clock was set back meanwhile.
_CLAIM_NAMING = text(
    "update app.conversations set naming_until = now() + interval '2 minutes'"
    " where id = cast(:id as uuid) and named_at is null"
    "  and (naming_until between now() and now() + interval '3 minutes') is not true"
)


@dataclass(frozen=True)
class ChatList:
    """The first chats of a list, and how many chats are archived or deleted."""

    chats: Sequence[Conversation] = ()
    more: bool = False  # the list goes on
    put_away: int = 0  # archived chats, and deleted ones that can still be restored


def list_reading(limit: int = CHATS_LISTED, *, archived: bool = False) -> Reading[ChatList]:
    """Read the person's chats, pinned ones first, then the latest; or the archived ones."""
    limit = min(limit, MAX_LISTED)

    def made(rows: Sequence[Mapping[str, Any]]) -> ChatList:
        chats = [_conversation(row) for row in rows if row["id"] is not None]
        return ChatList(chats[:limit], len(chats) > limit, rows[0]["put_away"] if rows else 0)

    # An outer join: the count comes back also when the list is empty.
    sql = (
        "select counted.put_away, chats.* from (select count(*) as put_away from app.conversations"
        "  where not temporary and (archived_at is not null or deleted_at is not null)) counted"
        f" left join (select {FIELDS}, pinned_at from app.conversations"
        f"  where {LISTED} and (archived_at is not null) = %(archived)s"
        "  order by pinned_at desc nulls last, updated_at desc limit %(limit)s) chats on true"
        " order by chats.pinned_at desc nulls last, chats.updated_at desc"
    )
    return Reading(sql, made, {"archived": archived, "limit": limit + 1}, ("updated_at",))


def deleted_reading() -> Reading[list[Conversation]]:
    """Read the chats that can still be restored, the last deleted first."""
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
        """Return the user's chats as they are listed."""
        return list(self._database.read(user_id, list_reading(limit)).chats)

    def archived(self, user_id: str) -> list[Conversation]:
        """Return the archived chats."""
        return list(self._database.read(user_id, list_reading(archived=True)).chats)

    def deleted(self, user_id: str) -> list[Conversation]:
        """Return the chats that can still be restored."""
        return self._database.read(user_id, deleted_reading())

    def search(self, user_id: str, asked: str) -> list[SearchHit]:
        """Find words in the names of chats and in messages, best hit first; "quoted" words must stand together."""
        return self._database.read(user_id, search_reading(asked))

    def rename(self, user_id: str, chat_id: str, name: str) -> str:
        """Give a chat the name that the person chose; return it as it is saved."""
        kept = checked_name(name)
        self._change(user_id, chat_id, "title = :title, named_at = now()", title=kept)
        return kept

    def claim_naming(self, user_id: str, chat_id: str) -> bool:
        """Return whether a name is to be found for a chat now: it has none, and no other process looks for one."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_CLAIM_NAMING, {"id": valid_id(chat_id)}).rowcount == 1

    def name(self, user_id: str, chat_id: str, name: str) -> None:
        """Name a chat, unless it has been named already."""
        with self._database.as_user(user_id) as connection:
            connection.execute(
                text(
                    "update app.conversations set title = :title, named_at = now()"
                    " where id = cast(:id as uuid) and named_at is null"
                ),
                {"id": valid_id(chat_id), "title": checked_name(name)},
            )

    def pin(self, user_id: str, chat_id: str, *, pinned: bool = True) -> None:
        """Pin a chat to the top of the list, or unpin it."""
        self._change(user_id, chat_id, "pinned_at = case when :on then now() end", on=pinned)

    def archive(self, user_id: str, chat_id: str, *, archived: bool = True) -> None:
        """Move a chat out of the list, or back into it; search still finds it."""
        self._change(user_id, chat_id, "archived_at = case when :on then now() end", on=archived)

    def delete(self, user_id: str, chat_id: str) -> None:
        """Delete a chat; it can be restored for a day. Memories that were learned from it stay."""
        self._change(user_id, chat_id, "deleted_at = now()")

    def restore(self, user_id: str, chat_id: str) -> None:
        """Restore a deleted chat."""
        self._change(user_id, chat_id, "deleted_at = null", "deleted_at is not null")

    def erase(self, user_id: str, chat_id: str) -> None:
        """Erase a chat with its messages and episodes; memories that were learned from it stay."""
        with self._database.as_user(user_id) as connection:
            erased = connection.execute(
                text("delete from app.conversations where id = cast(:id as uuid)"), {"id": valid_id(chat_id)}
            )
            _check_one(erased.rowcount)

    def lock_all(self, connection: Connection) -> None:
        """Let nobody else change or erase a chat of the user until the transaction ends.

        Whoever erases one locks its row before its messages and the user's memory, and so must whoever erases all.
        """
        connection.execute(text("select from app.conversations where user_id = (select app.asking()) for update"))

    def erase_all(self, connection: Connection) -> int:
        """Erase every chat of the user that the transaction is bound to; return how many."""
        statement = text("delete from app.conversations where user_id = (select app.asking())")
        return connection.execute(statement).rowcount

    def _change(self, user_id: str, chat_id: str, change: str, where: str = "deleted_at is null", **new: Any) -> None:
        with self._database.as_user(user_id) as connection:
            changed = connection.execute(
                text(f"update app.conversations set {change} where id = cast(:id as uuid) and {where}"),
                {"id": valid_id(chat_id), **new},
            )
            _check_one(changed.rowcount)


def _check_one(changed: int) -> None:
    if changed != 1:
        raise NotFound("There is no such chat.")


def _conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation(row["id"], row["title"], row["updated_at"], row["pinned"], row["archived"])


# -- names ---------------------------------------------------------------------------------------

MAX_TITLE = 60  # characters of a name that the app or the model gives
MAX_NAME = 100  # characters of a name that a person gives
# Control characters, and those that change the direction of the text around them.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def title_of(words: str) -> str:
    """Return the first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def one_line(text: str) -> str:
    """Return a text in one line, without invisible characters."""
    return " ".join(_INVISIBLE.sub(" ", storable(text)).split())


def checked_name(name: str) -> str:
    """Return a name for a chat as it is saved; raise `InvalidInput` if it is empty or too long."""
    if not isinstance(name, str):
        raise InvalidInput("A chat's name is text.")
    line = one_line(name)
    if not line:
        raise InvalidInput("The name is empty.")
    if len(line) > MAX_NAME:
        raise InvalidInput(f"The name has {len(line):,} characters; the limit is {MAX_NAME}.")
    return line


# -- search --------------------------------------------------------------------------------------

MOST_FOUND = 40
LONGEST_SEARCH = 300  # characters; the rest is ignored
LONGEST_SEARCHED = 60_000  # characters of a message that are looked at for its snippet
BEFORE, AFTER = 30, 90  # characters of a snippet around the word
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
# Scripts without spaces: their characters in a row are searched as one word.
_TOGETHER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
# The marks of Markdown for bold words, headings and lists.
_MARKDOWN = re.compile(r"\*\*|__|`+|^#{1,6}\s|^\s*[*+>-]\s", re.MULTILINE)
_TABLE = re.compile(r"^\s*\|[\s|:-]+\|\s*$|\|", re.MULTILINE)  # the line under its head, and its bars
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")


class Snippet(NamedTuple):
    """A line of a text: what stands before the word that was found, the word, and what stands after it."""

    before: str
    word: str
    after: str


@dataclass(frozen=True)
class SearchHit:
    """A chat whose name has the words, or a message with them."""

    chat_id: str
    title: str
    at: datetime
    archived: bool
    message_id: str | None = None
    role: str | None = None
    line: Snippet | None = None


def search_reading(asked: str) -> Reading[list[SearchHit]]:
    """Read the hits of a search: first chats by their names, then messages, latest first."""
    words = storable(asked).strip()[:LONGEST_SEARCH]
    sql = (
        "select c.id::text as chat_id, c.title, coalesce(m.created_at, c.updated_at) as at,"
        " c.archived_at is not null as archived, m.id::text as message_id, m.role, left(m.content, %(read)s) as said"
        " from app.search_chats(%(asked)s, %(quoted)s::text[], %(most)s) found"
        " join app.conversations c on c.id = found.conversation_id"
        " left join app.messages m on m.id = found.message_id"
        " order by found.message_id is not null, found.whole desc, found.seq desc, c.updated_at desc limit %(most)s"
    )

    def made(rows: Sequence[Mapping[str, Any]]) -> list[SearchHit]:
        return [_hit(row, words) for row in rows]

    quoted = _QUOTED.findall(words) + _TOGETHER.findall(words)
    return Reading(sql, made, {"asked": words, "quoted": quoted, "most": MOST_FOUND, "read": LONGEST_SEARCHED}, ("at",))


def snippet(said: str, asked: str) -> Snippet:
    """Return a line of the text around the first place of the longest of the searched words."""
    folded, places = _folded(said)
    start, end = _first(folded, [_folded(word)[0] for word in _WORD.findall(asked)])
    begin, finish = (places[start], places[end]) if end else (0, 0)
    head = said[max(0, begin - BEFORE) : begin]
    if begin > BEFORE:
        head = "…" + (head.partition(" ")[2] or head)
    tail = said[finish : finish + AFTER]
    if len(said) > finish + AFTER:
        tail = (tail.rpartition(" ")[0] or tail) + "…"
    return Snippet(_without_line_breaks(head), said[begin:finish], _without_line_breaks(tail))


def _hit(row: Mapping[str, Any], asked: str) -> SearchHit:
    said = row["said"] or ""
    if row["role"] == "assistant":
        said = _TABLE.sub(" ", _MARKDOWN.sub("", said))
    line = snippet(said, asked) if row["message_id"] else None
    return SearchHit(row["chat_id"], row["title"], row["at"], row["archived"], row["message_id"], row["role"], line)


def _first(folded: str, words: Sequence[str]) -> tuple[int, int]:
    """Return where a word begins and ends in the text, the longest word first; (0, 0) if none is there."""
    for word in sorted(filter(None, words), key=len, reverse=True):
        if match := re.search(rf"(?<![^\W_]){re.escape(word)}", folded) or re.search(re.escape(word), folded):
            return match.start(), match.end()
    return 0, 0


def _folded(text: str) -> tuple[str, list[int]]:
    """Return a text in lower case without accents, and for each of its characters its place in the original."""
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


def _without_line_breaks(text: str) -> str:
    """Return a text without line breaks; spaces at its edges stay, so that words do not run together."""
    return re.sub(r"\s+", " ", text)


# -- retention -----------------------------------------------------------------------------------

SWEPT_AT_ONCE = 50
# The chats that app.sweep_chats would erase for their age, without those that are deleted already.
_OLDER = (
    "select count(*) as older from app.conversations where updated_at < now() - make_interval(days => %(days)s)"
    " and pinned_at is null and deleted_at is null and not temporary"
)


class Retention:
    """Counts and erases chats that are older than their owner wants to keep them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._on_time: bool | None = None  # asked once: a page is not to wait for it each time

    def on_time(self) -> bool:
        """Return whether the database itself erases chats whose time is over, also while no app runs."""
        if self._on_time is None:
            [row] = self._database.read_as_worker("select app.sweep_is_scheduled() as scheduled", {})
            self._on_time = bool(row["scheduled"])
        return self._on_time

    def count_older(self, user_id: str, days: int) -> int:
        """Return how many of the user's chats would be erased now if chats were kept for this many days."""
        rows = self._database.read_as(user_id, _OLDER, {"days": days})
        return int(rows[0]["older"])

    def sweep(self, most: int = SWEPT_AT_ONCE) -> int:
        """Erase chats of any user whose retention or day of grace has ended, at most this many; return how many."""
        [row] = self._database.read_as_worker("select app.sweep_chats(%(most)s) as gone", {"most": most})
        return int(row["gone"])
