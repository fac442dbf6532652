"""A person's chats as a list: what is in it, what each is called, and what becomes of one. It knows no message.

A deleted chat is in no list and cannot be opened; for a day it can be brought back, and then it is gone for good.
While it is deleted, nothing of it is remembered or recalled: the database sees to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from chat.conversations import Conversation, as_id
from chat.search import Found, looked_up
from chat.wording import given_name
from memory.database import Database, Reading
from memory.errors import NotFound

__all__ = ["PAGE", "Chats", "Listing", "deleted", "listed"]

PAGE = 60  # chats that are drawn before somebody asks for more
MOST = 5_000
FIELDS = "id::text, title, updated_at, pinned_at is not null as pinned, archived_at is not null as archived"
SEEN = "deleted_at is null and not temporary"


@dataclass(frozen=True)
class Listing:
    """The chats of a list as far as it is drawn, and how many are elsewhere."""

    chats: Sequence[Conversation] = ()
    more: bool = False
    put_away: int = 0  # archived, and deleted but not gone


def listed(limit: int = PAGE, *, archived: bool = False) -> Reading[Listing]:
    """A person's chats: pinned ones first, then the latest; archived ones apart."""
    limit = min(limit, MOST)

    def made(rows: Sequence[Mapping[str, Any]]) -> Listing:
        chats = [_conversation(row) for row in rows if row["id"] is not None]
        return Listing(chats[:limit], len(chats) > limit, rows[0]["put_away"] if rows else 0)

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


def deleted() -> Reading[list[Conversation]]:
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
        return list(self._database.read(user_id, listed(limit)).chats)

    def archived(self, user_id: str) -> list[Conversation]:
        """The chats that were put away."""
        return list(self._database.read(user_id, listed(archived=True)).chats)

    def deleted(self, user_id: str) -> list[Conversation]:
        """The chats that can still be brought back."""
        return self._database.read(user_id, deleted())

    def search(self, user_id: str, asked: str) -> list[Found]:
        """Where the words stand, in names of chats and in what was said: the best first; "quoted" words together."""
        return self._database.read(user_id, looked_up(asked))

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
                {"id": as_id(chat_id), "title": given_name(name)},
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
                text("delete from app.conversations where id = cast(:id as uuid)"), {"id": as_id(chat_id)}
            )
            _one(gone.rowcount)

    def delete_all(self, connection: Connection) -> int:
        """Erase every chat of the user a transaction is bound to."""
        return connection.execute(text("delete from app.conversations")).rowcount

    def _change(self, user_id: str, chat_id: str, change: str, where: str = "deleted_at is null", **new: Any) -> None:
        with self._database.as_user(user_id) as connection:
            changed = connection.execute(
                text(f"update app.conversations set {change} where id = cast(:id as uuid) and {where}"),
                {"id": as_id(chat_id), **new},
            )
            _one(changed.rowcount)


def _one(changed: int) -> None:
    if changed != 1:
        raise NotFound("There is no such chat.")


def _conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation(row["id"], row["title"], row["updated_at"], row["pinned"], row["archived"])
