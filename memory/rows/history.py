"""The history of memories (`app.memory_history`): every version, who made it and why; undo; the time line.

A database trigger writes the history, so no writer can skip it. An undo is a change like any other and is recorded
too, so it can be undone. This module does not judge what a memory says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from ..arguments import could_be_id
from ..database import Database
from ..errors import InvalidInput, MemoryChanged, NotFound
from ..facts import KINDS, Fact, embedded
from ..filters import Filter
from .acting import KEY_ACTOR
from .store import Store, matching
from .vectors import vector_text

__all__ = ["Entry", "Event", "History", "Taught", "Timeline", "Vectors", "standing_changes"]

Embed = Callable[[Sequence[str]], list[list[float]]]
Vectors = Mapping[int, str]  # of the texts that changes replaced, by the number of the change
FIELDS = "event, at, memory_id, action, actor, reason, message_id, run, undoes, old_metadata, new_metadata, key_name"


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
    key_name: str | None = None  # of the key with which another program made it

    def result(self) -> dict[str, Any]:
        """Return the change in mem0's shape, with who made it and why.

        Each version has its own quote and source: the message that made it, and the chat of that message. If another
        program made the change with a key, the actor is the key.
        """
        version = self.new_metadata or {}
        return {
            "id": self.event,
            "memory_id": self.memory_id,
            "event": self.action.upper(),
            "old_memory": (self.old_metadata or {}).get("data"),
            "new_memory": (self.new_metadata or {}).get("data"),
            "created_at": self.at.isoformat(),
            "is_deleted": self.action == "delete",
            "actor": self.actor if self.key_name is None else f"{KEY_ACTOR}{self.key_name}",
            "reason": self.reason,
            "message_id": self.message_id or version.get("message_id"),
            "run_id": version.get("run_id"),
            "quote": version.get("quote"),
            "run": self.run,
            "undoes": self.undoes,
            "marked": self._marked(),
        }

    def _marked(self) -> bool | None:
        """Return True if this change marked the memory as always included, False if it took the mark away."""
        before, after = (Fact("", each or {}).always_included for each in (self.old_metadata, self.new_metadata))
        return after if self.action == "update" and before != after else None


@dataclass(frozen=True)
class Taught:
    """What a message taught, and what is left of it."""

    anything: bool
    added: bool  # whether it added a memory, which may be deleted by now
    # Whether a memory that it added is there, one that it changed says something else than before, one that it deleted
    # is gone (the person's answer to a question aside), or one of these was merged into another.
    stands: bool


def standing_changes(changes: Sequence[tuple[int, int | None]]) -> set[int]:
    """Return the changes that were not undone, and undo none: of (number, number of what it undoes), in their order."""
    first: dict[int, int] = {}  # of the changes that undo one another, by each of them
    standing: set[int] = set()
    for number, undoes in changes:
        first[number] = first.get(undoes or 0, number)
        standing ^= {first[number]}
    return standing


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

    def of_message(self, connection: Connection, message_id: str) -> Taught:
        """Return what a message of the bound user taught, and what is left of it."""
        row = connection.execute(_OF_MESSAGE, {"id": message_id}).one()
        return Taught(*row)

    def rewordings(self, connection: Connection, message_id: str) -> list[Event]:
        """Return the changes of words that a message of the bound user made, the newest first."""
        rows = connection.execute(_REWORDINGS, {"id": message_id}).mappings()
        return [Event(**row) for row in rows]

    def events_of(self, connection: Connection, target: int | str) -> list[Event]:
        """Return the change with this number, or all changes of a run, the newest first."""
        column = "event" if isinstance(target, int) else "run"
        rows = connection.execute(
            text(f"select {FIELDS} from app.memory_history where {column} = :target order by event desc"),
            {"target": target},
        ).mappings()
        return [Event(**row) for row in rows]

    def lost_vectors(self, user_id: str, target: int | str | Sequence[int], embed: Embed) -> Vectors:
        """Embed the texts that undoing these changes restores and whose vectors were dropped with an embedding model.

        An embedder may take long or be away, so this comes before the transaction of the undo.
        """
        events, run = ([], target) if isinstance(target, str) else ([target] if isinstance(target, int) else target, "")
        rows = self._database.read_as(user_id, _WITHOUT_VECTOR, {"events": list(events), "run": run})
        vectors = embed([embedded(row["old_metadata"]) for row in rows]) if rows else []
        return {row["event"]: vector_text(vector) for row, vector in zip(rows, vectors, strict=True)}

    def undo(self, connection: Connection, target: int | str, vectors: Vectors) -> list[Event]:
        """Undo one change, or all changes of a run, as the person; raise `NotFound` if there is none."""
        events = self.events_of(connection, target)
        if not events:
            raise NotFound("There is no such change.")
        run = f"undo-{uuid4()}" if len(events) > 1 else None
        for event in events:
            self._store.sign(connection, "person", f"undo of {event.event}", run=run)
            self.take_back(connection, event, vectors)
        return events

    def take_back(self, connection: Connection, event: Event, vectors: Vectors) -> None:
        """Restore a memory, with its vector, as it was before this change; `vectors` are those of `lost_vectors`."""
        self._check_unchanged(connection, event)
        if not self.has_vector(connection, event, vectors):
            raise MemoryChanged("The embedding model was changed at this moment. Try again.")
        self._restore(connection, event, vectors.get(event.event))

    def put_words_back(self, connection: Connection, event: Event, now: Fact) -> None:
        """Let a memory say what it said before a change, and keep what else was changed by `now`, such as a mark.

        That its words were confirmed is not kept: the former ones were not. Raise `InvalidInput` if another memory says
        these by now.
        """
        then = event.new_metadata or {}
        keys = {*then, *now.metadata} - {"confirmed_at"}
        changed = [key for key in keys if now.metadata.get(key) != then.get(key)]
        self._restore(connection, event, None, {key: now.metadata.get(key) for key in changed})

    def _restore(
        self, connection: Connection, event: Event, vector: str | None, since: Mapping[str, Any] | None = None
    ) -> None:
        connection.execute(text("select set_config('keepsake.undoes', :event, true)"), {"event": str(event.event)})
        try:
            with connection.begin_nested():
                self._store.put_back(connection, event.event, event.action, event.memory_id, vector, since)
        except sqlalchemy_errors.IntegrityError as error:
            raise InvalidInput("Another memory says the same by now: delete that one first.") from error
        finally:
            connection.execute(text("select set_config('keepsake.undoes', '', true)"))

    def has_vector(self, connection: Connection, event: Event, vectors: Vectors) -> bool:
        """Return whether there is a vector for the text that undoing this change restores."""
        if event.old_metadata is None or event.event in vectors:
            return True
        stored = text("select old_vec is not null from app.memory_history where event = :event")
        return bool(connection.scalar(stored, {"event": event.event}))

    def delete_instead(self, connection: Connection, event: Event) -> int:
        """Note that this change deleted a memory, which is deleted by now, and erase the memory's versions since.

        Return the number of the deletion: undoing it restores the text from before, once that can be embedded.
        """
        self.erase_since(connection, event.memory_id, event.event)
        values = {"id": event.memory_id, "before": json.dumps(event.old_metadata)}
        noted: int = connection.execute(_NOTE_DELETION, values).scalar_one()
        return noted

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

    def _check_unchanged(self, connection: Connection, event: Event) -> None:
        """Raise `InvalidInput` if the memory has changed since: undo must not reverse later changes as well."""
        current = self._store.lock(connection, event.memory_id)
        if (current.metadata if current else None) != event.new_metadata:
            raise InvalidInput("This memory has changed since then: undo the later change first.")


def known_already(
    database: Database, user_id: str, rows: Sequence[tuple[Sequence[str], Mapping[str, Any]]]
) -> list[str]:
    """Say of rows from elsewhere, each with the ids it may have: "here" or "same" (by its words), else "new".

    A row that was changed or deleted since is "here": the history knows its id.
    """
    values = {
        "ids": [json.dumps(list(ids)) for ids, _ in rows],
        "metadata": [json.dumps(dict(metadata)) for _, metadata in rows],
    }
    return [row["state"] for row in database.read_as(user_id, _KNOWN, values)]


def known_of_nobody(connection: Connection, rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say of rows, each with the ids it may have, whether one of nobody was added with one; as the administrator."""
    values = {"ids": [json.dumps(list(ids)) for ids in rows]}
    return list(connection.scalars(text(_KNOWN_OF_NOBODY), values))


_KNOWN = """
select case
  when exists (select from vecs.memories kept where kept.id in (select jsonb_array_elements_text(given.ids)))
    or exists (
      select from app.memory_history past where past.memory_id in (select jsonb_array_elements_text(given.ids)))
    then 'here'
  when not given.metadata ? 'role' and exists (
    select from vecs.memories kept
    where kept.metadata -> 'user_id' = to_jsonb(app.asking()) and kept.metadata -> 'hash' = given.metadata -> 'hash'
      and not kept.metadata ? 'role' and app.scope_of(kept.metadata) = app.scope_of(given.metadata))
    then 'same'
  else 'new' end as state
from unnest(%(ids)s::jsonb[], %(metadata)s::jsonb[]) with ordinality given (ids, metadata, place) order by given.place
"""
_KNOWN_OF_NOBODY = """
select exists (
  select from app.memory_history past
  where past.user_id = '' and past.memory_id in (select jsonb_array_elements_text(given.ids)))
from unnest(cast(:ids as jsonb[])) with ordinality given (ids, place) order by given.place
"""
_WITHOUT_VECTOR = """
select event, old_metadata from app.memory_history
where (event = any(%(events)s::bigint[]) or run = %(run)s) and old_metadata is not null and old_vec is null
"""
# The author and the reason are those of whatever the transaction writes.
_NOTE_DELETION = text(
    "insert into app.memory_history (user_id, memory_id, action, actor, reason, old_metadata)"
    " values (app.asking(), :id, 'delete', coalesce(nullif(current_setting('keepsake.actor', true), ''), 'outside'),"
    " nullif(current_setting('keepsake.reason', true), ''), cast(:before as jsonb)) returning event"
)
_OF_MESSAGE = text("""
select count(*) > 0, coalesce(bool_or(h.action = 'add'), false), coalesce(bool_or(case
  when h.action = 'delete' then now.id is null and h.actor <> 'person'  -- who answered a question
  when now.id is null then false
  when h.action = 'add' or now.id <> h.memory_id then true
  else now.metadata ->> 'data' is distinct from h.old_metadata ->> 'data' end), false)
from (
  select distinct on (memory_id) memory_id, action, actor, old_metadata from app.memory_history
  where user_id = (select app.asking()) and message_id = :id order by memory_id, event) h
left join vecs.memories now on now.id = app.stands_for(h.memory_id)""")
_REWORDINGS = text(f"""
select {FIELDS} from app.memory_history
where user_id = (select app.asking()) and message_id = :id and action = 'update' and replaced_message is not null
order by event desc""")
_OF_CHAT = f"""
select {FIELDS} from app.memory_history where user_id = app.asking() and memory_id in (
  select memory_id from app.memory_history
  where user_id = app.asking()
    and (message_id = any(:messages) or (action = 'add' and new_metadata ->> 'run_id' = :run)))
order by memory_id, event
"""


@dataclass(frozen=True)
class Entry:
    """A memory on the day it is about or was told, or a day on which its text changed from `before` to `after`.

    `words` is what it said on that day.
    """

    fact: Fact
    day: str
    happened: bool
    words: str
    before: str | None = None
    after: str | None = None


# Days are compared as text. A value that is no date, in a row from another program, counts as none.
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
# A memory stands on the day it is about with its present words, and on the day it was first told with its first words.
# A change that was undone counts no more, unless the undo was undone.
_PAGE = """
with recursive mine as materialized (
  select id, metadata ->> 'data' as words, app.day_of(metadata)::text as happened,
    coalesce(metadata ->> 'told_at', metadata ->> 'updated_at', metadata ->> 'created_at') as told
  from vecs.memories where user_id = %(user_id)s
    and coalesce(metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD')
    and (%(kinds)s::text[] is null or coalesce(metadata ->> 'kind', 'fact') = any(%(kinds)s::text[]))
),
changes as materialized (
  select memory_id, event, undoes, old_metadata ->> 'data' as before, new_metadata ->> 'data' as after,
    app.day_of(old_metadata)::text as happened,
    coalesce(old_metadata ->> 'told_at', old_metadata ->> 'updated_at', old_metadata ->> 'created_at') as told,
    coalesce(
      case when new_metadata ->> 'updated_at' <> coalesce(old_metadata ->> 'updated_at', '')
        then new_metadata ->> 'updated_at' end,
      to_char(at at time zone 'UTC', 'YYYY-MM-DD')) as day
  from app.memory_history where user_id = %(user_id)s and replaced_message is not null
),
undone (root, event, times) as (
  select event, event, 0 from changes where undoes is null
  union all
  select undone.root, changes.event, undone.times + 1 from undone join changes on changes.undoes = undone.event
),
standing as materialized (
  select changes.* from changes
  where event in (select root from undone group by root having max(times) %% 2 = 0)
    and memory_id in (select id from mine)
),
first_told as materialized (
  select distinct on (memory_id) memory_id, before, happened, told from standing order by memory_id, event
),
entries as materialized (
  select id, happened as day, true as happened, words, null as before, null as after, null::bigint as event
  from mine where happened ~ %(date)s
  union all
  select id, case when told ~ %(date)s then told else '' end, false, words, null, null, null
  from (
    select mine.id, coalesce(first_told.before, mine.words) as words,
      case when memory_id is null then mine.happened else first_told.happened end as happened,
      case when memory_id is null then mine.told else first_told.told end as told
    from mine left join first_told on memory_id = mine.id) begun
  where (happened ~ %(date)s) is not true
  union all
  select memory_id, day, false, after, before, after, event from standing
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
            Entry(
                Fact(row["id"], row["metadata"]),
                row["day"],
                row["happened"],
                row["words"] or "",
                row["before"],
                row["after"],
            )
            for row in rows
        ]
        return entries, rows[0]["total"] if rows else 0
