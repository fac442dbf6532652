"""The history of memories (`app.memory_history`): every version, who made it and why; undo; the time line.

A database trigger writes the history, so no writer can skip it. An undo is a change like any other and is recorded
too, so it can be undone. This module does not judge what a memory says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from ..arguments import could_be_id
from ..database import Database
from ..errors import InvalidInput, NotFound
from ..facts import KINDS, Fact, embedded
from ..filters import Filter
from .store import Store, matching
from .vectors import vector_text

__all__ = ["Entry", "Event", "History", "Timeline"]

Embed = Callable[[Sequence[str]], list[list[float]]]
FIELDS = "event, at, memory_id, action, actor, reason, message_id, run, undoes, old_metadata, new_metadata"


@dataclass(frozen=True)
class Event:
    """One change of one memory."""

    event: int
    at: datetime
    memory_id: str
    action: str
    actor: str
    reason: str | None
    message_id: str | None
    run: str | None
    undoes: int | None
    old_metadata: Mapping[str, Any] | None
    new_metadata: Mapping[str, Any] | None

    def result(self) -> dict[str, Any]:
        """Return the change in mem0's shape, with who made it and why."""
        return {
            "id": self.event,
            "memory_id": self.memory_id,
            "event": self.action.upper(),
            "old_memory": (self.old_metadata or {}).get("data"),
            "new_memory": (self.new_metadata or {}).get("data"),
            "created_at": self.at.isoformat(),
            "is_deleted": self.action == "delete",
            "actor": self.actor,
            "reason": self.reason,
            "message_id": self.message_id,
            "run": self.run,
            "undoes": self.undoes,
        }


class History:
    """Reads one user's history and undoes changes."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def of(self, user_id: str, memory_id: str) -> list[Event]:
        """Return every version of one memory, the oldest first, even if the memory is deleted."""
        if not could_be_id(memory_id):
            return []
        rows = self._database.read_as(
            user_id,
            f"select {FIELDS} from app.memory_history where memory_id = %(id)s order by event",
            {"id": memory_id},
        )
        return [Event(**row) for row in rows]

    def latest(self, user_id: str, limit: int) -> list[Event]:
        """Return the latest changes of a user's memories, the newest first."""
        rows = self._database.read_as(
            user_id,
            f"select {FIELDS} from app.memory_history order by event desc limit %(limit)s",
            {"limit": limit},
        )
        return [Event(**row) for row in rows]

    def as_of(self, user_id: str, moment: datetime, limit: int, conditions: Filter | None = None) -> list[Fact]:
        """Return the memories as they were at a moment, the newest first."""
        clause, values = matching(conditions, "new_metadata")
        rows = self._database.read_as(
            user_id,
            "select memory_id, new_metadata from ("
            "  select distinct on (memory_id) memory_id, action, new_metadata from app.memory_history"
            "  where at <= %(moment)s order by memory_id, event desc) version"
            " where action <> 'delete'"
            " and coalesce(new_metadata ->> 'expiration_date', '9999-12-31')"
            "   >= to_char(%(moment)s::timestamptz, 'YYYY-MM-DD')"
            f"{clause} order by new_metadata ->> 'created_at' desc, memory_id limit %(limit)s",
            {"moment": moment, "limit": limit, **values},
        )
        return [Fact(row["memory_id"], row["new_metadata"]) for row in rows]

    def of_chat(self, connection: Connection, run_id: str, messages: Sequence[str]) -> dict[str, list[Event]]:
        """Return the whole history of each memory that a chat added or changed, the oldest change first."""
        rows = connection.execute(text(_OF_CHAT), {"run": run_id, "messages": list(messages)}).mappings()
        by_memory: dict[str, list[Event]] = {}
        for row in rows:
            by_memory.setdefault(row["memory_id"], []).append(Event(**row))
        return by_memory

    def events_of(self, connection: Connection, target: int | str) -> list[Event]:
        """Return the change with this number, or all changes of a run, the newest first."""
        column = "event" if isinstance(target, int) else "run"
        rows = connection.execute(
            text(f"select {FIELDS} from app.memory_history where {column} = :target order by event desc"),
            {"target": target},
        ).mappings()
        return [Event(**row) for row in rows]

    def undo(self, connection: Connection, target: int | str, embed: Embed) -> list[Event]:
        """Undo one change, or all changes of a run, as the person; raise `NotFound` if there is none."""
        events = self.events_of(connection, target)
        if not events:
            raise NotFound("There is no such change.")
        run = f"undo-{uuid4()}" if len(events) > 1 else None
        for event in events:
            self._store.sign(connection, "person", f"undo of {event.event}", run=run)
            self.take_back(connection, event, embed)
        return events

    def take_back(self, connection: Connection, event: Event, embed: Embed) -> None:
        """Restore a memory, with its vector, as it was before this change; embed it again if the vector is missing."""
        self._check_unchanged(connection, event)
        vector = self._missing_vector(connection, event, embed)
        connection.execute(text("select set_config('keepsake.undoes', :event, true)"), {"event": str(event.event)})
        try:
            with connection.begin_nested():
                self._store.put_back(connection, event.event, event.action, event.memory_id, vector)
        except sqlalchemy_errors.IntegrityError as error:
            raise InvalidInput("Another memory says the same by now: delete that one first.") from error
        finally:
            connection.execute(text("select set_config('keepsake.undoes', '', true)"))

    def erase(self, connection: Connection, memory_ids: list[str] | None = None) -> int:
        """Erase the bound user's history: of these memories, or all of it."""
        chosen = "" if memory_ids is None else " and memory_id = any(:ids)"
        values = {} if memory_ids is None else {"ids": memory_ids}
        statement = text(f"delete from app.memory_history where user_id = (select app.asking()){chosen}")
        return connection.execute(statement, values).rowcount

    def erase_since(self, connection: Connection, memory_id: str, event: int) -> int:
        """Erase the versions of one memory from this change on."""
        since = text(
            "delete from app.memory_history"
            " where user_id = (select app.asking()) and memory_id = :id and event >= :event"
        )
        return connection.execute(since, {"id": memory_id, "event": event}).rowcount

    def _missing_vector(self, connection: Connection, event: Event, embed: Embed) -> str | None:
        """Embed the restored text, if its vector was dropped from the history when the embedding model changed."""
        if event.old_metadata is None:
            return None
        has_vector = text("select old_vec is not null from app.memory_history where event = :event")
        if connection.scalar(has_vector, {"event": event.event}):
            return None
        [vector] = embed([embedded(event.old_metadata)])
        return vector_text(vector)

    def _check_unchanged(self, connection: Connection, event: Event) -> None:
        """Raise `InvalidInput` if the memory has changed since: undo must not reverse later changes as well."""
        current = self._store.lock(connection, event.memory_id)
        if (current.metadata if current else None) != event.new_metadata:
            raise InvalidInput("This memory has changed since then: undo the later change first.")


_OF_CHAT = f"""
select {FIELDS} from app.memory_history where user_id = app.asking() and memory_id in (
  select memory_id from app.memory_history
  where user_id = app.asking()
    and (message_id = any(:messages) or (action = 'add' and new_metadata ->> 'run_id' = :run)))
order by memory_id, event
"""


@dataclass(frozen=True)
class Entry:
    """A memory on the day it is about, or a day on which its text changed from `before` to `after`."""

    fact: Fact
    day: str
    happened: bool = False
    before: str | None = None
    after: str | None = None


# Days are compared as text. A value that is no date, in a row from another program, counts as none.
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PAGE = """
with mine as materialized (
  select id, metadata ->> 'happened_at' as happened, metadata ->> 'created_at' as told
  from vecs.memories where user_id = %(user_id)s
    and coalesce(metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD')
    and (%(kinds)s::text[] is null or coalesce(metadata ->> 'kind', 'fact') = any(%(kinds)s::text[]))
),
changes as materialized (
  select memory_id, event, undoes, old_metadata ->> 'data' as before, new_metadata ->> 'data' as after,
    coalesce(new_metadata ->> 'updated_at', to_char(at at time zone 'UTC', 'YYYY-MM-DD')) as day
  from app.memory_history where user_id = %(user_id)s and action = 'update'
),
entries as materialized (
  select id, case when happened ~ %(date)s then happened when told ~ %(date)s then told else '' end as day,
    coalesce(happened ~ %(date)s, false) as happened, null as before, null as after, null::bigint as event
  from mine
  union all
  select memory_id, day, false, before, after, event from changes
  where undoes is null and before <> after and memory_id in (select id from mine)
    and event not in (select undoes from changes where undoes is not null)
),
counted as (select count(*) as total from entries),
shown as materialized (
  select * from entries order by day desc, id, event desc nulls last limit %(size)s offset least(
    %(before)s, (select greatest(0, (total - 1) / %(size)s * %(size)s) from counted))
)
select shown.*, kept.metadata, counted.total
from counted, shown join vecs.memories kept on kept.id = shown.id and kept.user_id = %(user_id)s
order by shown.day desc, shown.id, shown.event desc nulls last
"""


class Timeline:
    """Reads one user's memories by the day they are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, user_id: str, number: int, size: int, kinds: Sequence[str] = ()) -> tuple[list[Entry], int]:
        """Return one page, the newest first, and the number of entries; past the end, the last page."""
        values: dict[str, Any] = {"user_id": user_id, "size": size, "before": (max(1, number) - 1) * size}
        values |= {"kinds": [each for each in kinds if each in KINDS] or None, "date": _DATE}
        rows = self._database.read_as(user_id, _PAGE, values)
        entries = [
            Entry(Fact(row["id"], row["metadata"]), row["day"], row["happened"], row["before"], row["after"])
            for row in rows
        ]
        return entries, rows[0]["total"] if rows else 0
