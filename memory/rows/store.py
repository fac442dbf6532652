"""vecs.memories: the only importer of vecs, and the only place with SQL about memories.

Writes happen inside a transaction of the caller that is bound to a user; reads a person waits for are one
message. It checks nothing about what a memory says: that is reconcile.py's work.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import vecs
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.orm import sessionmaker

from ..arguments import could_be_id
from ..database import Database
from ..facts import Fact
from ..filters import Filter
from ..recall.rank import Candidate

__all__ = ["FRESH", "RecallQuery", "Store", "as_written", "copy_rows", "may_copy"]

FRESH = "fresh_rows"
_BEGIN, _END = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!II", 0, 0), struct.pack("!h", -1)
_TABLE = f"create temporary table {FRESH} (id text, vec vector, metadata jsonb) on commit drop"


def may_copy(connection: Connection) -> bool:
    """Whether this role may make temporary tables here."""
    return bool(connection.scalar(text("select has_database_privilege(current_database(), 'temp')")))


def copy_rows(
    connection: Connection, ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]
) -> None:
    """Put rows of (metadata, vector) into the temporary table, which is gone when the transaction ends."""
    connection.execute(text(f"drop table if exists pg_temp.{FRESH}"))
    connection.execute(text(_TABLE))
    written = b"".join(_written(ids, rows))
    with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.copy_expert(f"copy pg_temp.{FRESH} from stdin (format binary)", BytesIO(written))


def _written(ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]) -> Iterator[bytes]:
    yield _BEGIN
    for each, (metadata, vector) in zip(ids, rows, strict=True):
        name, told, size = each.encode(), json.dumps(dict(metadata)).encode(), len(vector)
        yield struct.pack("!hi", 3, len(name)) + name
        yield struct.pack(f"!iHH{size}f", 4 + 4 * size, size, 0, *vector)
        yield struct.pack("!iB", len(told) + 1, 1) + told
    yield _END


# Row-level security says the same once more. An expired memory is as good as gone until it is tidied away.
OWN = "user_id = %(user_id)s"
CURRENT = "coalesce(metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD')"


_FOUND = "source, id, metadata, meaning, relative, words, covered, dated, linked, of_words, strangers, held"
_CHANNELS = (
    "app.recall(%(vector)s::vector, %(text)s, %(names)s, %(grams)s::text[], %(days)s::daterange[],"
    " %(zone)s, %(path)s, %(variables)s::jsonb, %(sources)s::text[], %(weights)s::jsonb, %(wanted)s)"
)
_AS_OF = (
    "app.recall_as_of(%(vector)s::vector, %(text)s, %(names)s, %(as_of)s, %(days)s::daterange[],"
    " %(zone)s, %(path)s, %(variables)s::jsonb, %(weights)s::jsonb, %(wanted)s)"
)
_STANDING = (
    " union all select 'standing', id, metadata, null, null, null, null, null, null, null, null, null"
    " from app.standing(%(standing)s)"
)


@dataclass(frozen=True)
class RecallQuery:
    """What the channels need to know of a question."""

    user_id: str
    text: str
    names: str
    vector: Sequence[float]
    grams: Sequence[str]
    days: Sequence[tuple[date, date]]
    conditions: Filter | None
    sources: Sequence[str]
    weights: Mapping[str, float]
    wanted: int
    zone: str = "UTC"  # what a day is
    as_of: datetime | None = None
    standing: int = 0

    def values(self) -> dict[str, Any]:
        """The same as the statement's parameters."""
        return {
            "vector": as_written(self.vector),
            "text": self.text,
            "names": self.names,
            "grams": list(self.grams),
            "days": [f"[{start},{end}]" for start, end in self.days] or None,
            "zone": self.zone,
            "path": self.conditions.path if self.conditions else None,
            "variables": json.dumps(self.conditions.variables) if self.conditions else None,
            "sources": list(self.sources),
            "weights": json.dumps(dict(self.weights)),
            "wanted": self.wanted,
            "as_of": self.as_of,
            "standing": self.standing,
        }


MANY = 50  # rows from which on copying them is worth a table of its own
_FROM_COPY = (
    f"insert into vecs.memories (id, vec, metadata) select id, vec, metadata from pg_temp.{FRESH}"
    " on conflict do nothing returning id"
)


class _Vecs(vecs.Client):  # type: ignore[misc]
    """vecs on a connection of ours: its own constructor would open an engine and run DDL."""

    def __init__(self, connection: Connection | None = None) -> None:
        self.engine = connection
        self.meta = MetaData(schema="vecs")
        self.Session = sessionmaker(connection)
        self.vector_version = "0.8"


class Store:
    """One person's rows at a time."""

    def __init__(self, database: Database, dimension: int) -> None:
        self._database = database
        self._dimension = dimension
        self.table = self.collection(None).table

    def collection(self, connection: Connection | None) -> Any:
        """The collection as vecs sees it, working inside this transaction."""
        return vecs.Collection("memories", self._dimension, _Vecs(connection))

    def nearest(self, user_id: str, vector: Sequence[float], limit: int, *, extracted_only: bool = False) -> list[Fact]:
        """The user's memories nearest to a vector; exact, since one user's rows are few."""
        chosen = " and not metadata ? 'role'" if extracted_only else ""
        rows = self._database.read_as(
            user_id,
            f"select id, metadata, 1 - (vec <=> %(vector)s::vector) as score from vecs.memories "
            f"where {OWN} and {CURRENT}{chosen} order by vec <=> %(vector)s::vector, id limit %(limit)s",
            {"user_id": user_id, "vector": as_written(vector), "limit": limit},
        )
        return [Fact(row["id"], row["metadata"], row["score"]) for row in rows]

    def recall(self, asked: RecallQuery) -> tuple[list[Candidate], list[Fact]]:
        """What every channel finds, and what stands whatever is asked, in one message to the database."""
        channels = _CHANNELS if asked.as_of is None else _AS_OF
        also = _STANDING if asked.standing else ""
        rows = self._database.read_as(asked.user_id, f"select {_FOUND} from {channels}{also}", asked.values())
        found = [Candidate(**row) for row in rows if row["source"] != "standing"]
        return found, [Fact(row["id"], row["metadata"]) for row in rows if row["source"] == "standing"]

    def all(self, user_id: str, limit: int, conditions: Filter | None = None) -> list[Fact]:
        """The user's memories, the newest first."""
        such, values = _such(conditions)
        rows = self._database.read_as(
            user_id,
            f"select id, metadata from vecs.memories where {OWN} and {CURRENT}{such} "
            "order by metadata ->> 'created_at' desc, id limit %(limit)s",
            {"user_id": user_id, "limit": limit, **values},
        )
        return [Fact(row["id"], row["metadata"]) for row in rows]

    def page(self, user_id: str, number: int, size: int, conditions: Filter | None = None) -> tuple[list[Fact], int]:
        """One page of the user's memories, the newest first, and how many there are; past the end, the last one."""
        such, values = _such(conditions)
        rows = self._database.read_as(
            user_id,
            f"with mine as materialized (select id, metadata from vecs.memories where {OWN} and {CURRENT}{such}),"
            " counted as (select count(*) as total from mine) select id, metadata, total from mine, counted"
            " order by metadata ->> 'created_at' desc, id limit %(size)s offset least("
            "   %(before)s, (select greatest(0, (total - 1) / %(size)s * %(size)s) from counted))",
            {"user_id": user_id, "size": size, "before": (number - 1) * size, **values},
        )
        return [Fact(row["id"], row["metadata"]) for row in rows], rows[0]["total"] if rows else 0

    def get(self, user_id: str, fact_id: str) -> Fact | None:
        """One memory, if it is this user's."""
        if not could_be_id(fact_id):
            return None
        rows = self._database.read_as(
            user_id,
            f"select id, metadata from vecs.memories where {OWN} and id = %(id)s",
            {"user_id": user_id, "id": fact_id},
        )
        return Fact(rows[0]["id"], rows[0]["metadata"]) if rows else None

    def insert(
        self,
        connection: Connection,
        rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]],
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Add rows of (metadata, vector); those already known are left out. Returns the new ids in order."""
        if not rows:
            return []
        ids = ids or [str(uuid.uuid4()) for _ in rows]
        if len(rows) >= MANY and may_copy(connection):
            copy_rows(connection, ids, rows)
            copied = set(connection.scalars(text(_FROM_COPY)))
            return [new for new in ids if new in copied]
        # One statement whatever their number: with a parameter for each value, building it took longer than running it.
        statement = text(
            "insert into vecs.memories (id, vec, metadata)"
            " select id, cast(vec as vector), cast(metadata as jsonb) from unnest("
            "   cast(:ids as text[]), cast(:vectors as text[]), cast(:metadata as text[])) new (id, vec, metadata)"
            " on conflict do nothing returning id"
        )
        values = {
            "ids": list(ids),
            "vectors": [as_written(vector) for _, vector in rows],
            "metadata": [json.dumps(dict(metadata)) for metadata, _ in rows],
        }
        inserted = set(connection.scalars(statement, values))
        return [new for new in ids if new in inserted]

    def replace(
        self, connection: Connection, fact_id: str, metadata: Mapping[str, Any], vector: Sequence[float]
    ) -> bool:
        """Give a memory new content; False if it is not there."""
        statement = (
            self.table.update().where(self.table.c.id == fact_id).values(metadata=dict(metadata), vec=list(vector))
        )
        return connection.execute(statement).rowcount == 1

    def lock(self, connection: Connection, fact_id: str) -> Fact | None:
        """Read a memory and keep others from changing it until the transaction ends."""
        if not could_be_id(fact_id):
            return None
        row = connection.execute(
            text("select id, metadata from vecs.memories where id = :id for update"), {"id": fact_id}
        ).first()
        return Fact(row.id, row.metadata) if row else None

    def holds(self, connection: Connection, besides: str, content_hash: str) -> bool:
        """Whether another extracted memory of the bound user has this very text."""
        same = text(
            "select exists (select from vecs.memories where id <> :id"
            " and metadata -> 'hash' = to_jsonb(cast(:hash as text))"
            " and metadata -> 'user_id' = to_jsonb(app.asking()) and not metadata ? 'role')"
        )
        return bool(connection.scalar(same, {"hash": content_hash, "id": besides}))

    def delete(self, connection: Connection, fact_id: str) -> bool:
        """Take a memory away; its last version stays in history."""
        if not could_be_id(fact_id):
            return False
        return connection.execute(self.table.delete().where(self.table.c.id == fact_id)).rowcount == 1

    def delete_expired(self, connection: Connection) -> None:
        """Take away what the bound user is no longer shown."""
        connection.execute(
            text(
                "delete from vecs.memories where metadata -> 'user_id' = to_jsonb(app.asking())"
                f" and metadata ? 'expiration_date' and not {CURRENT}"
            )
        )

    def count_use(self, connection: Connection, ids: Sequence[str], *, confirmed_at: datetime | None = None) -> None:
        """Count that memories were recalled, or said again; beside them, so that their history stays still."""
        counted = "recalled" if confirmed_at is None else "confirmed"
        connection.execute(
            text(
                f"insert into app.memory_use (memory_id, {counted}, {counted}_at)"
                f" select id, 1, coalesce(:at, now()) from vecs.memories where id = any(:ids)"
                f" on conflict (user_id, memory_id) do update set {counted} = app.memory_use.{counted} + 1,"
                f" {counted}_at = greatest(app.memory_use.{counted}_at, excluded.{counted}_at)"
            ),
            {"ids": list(ids), "at": confirmed_at},
        )

    def use(self, user_id: str) -> dict[str, dict[str, Any]]:
        """How often each memory was recalled and confirmed, and when last."""
        fields = "memory_id, recalled, recalled_at, confirmed, confirmed_at"
        rows = self._database.read_as(user_id, f"select {fields} from app.memory_use")
        return {row.pop("memory_id"): row for row in rows}

    def sign(
        self,
        connection: Connection,
        actor: str,
        reason: str = "",
        message_id: str | None = None,
        run: str | None = None,
    ) -> None:
        """Say who writes next and why; the history trigger notes it down."""
        connection.execute(
            text(
                "select set_config('keepsake.actor', :actor, true), set_config('keepsake.reason', :reason, true),"
                " set_config('keepsake.message_id', :message_id, true), set_config('keepsake.run', :run, true)"
            ),
            {"actor": actor, "reason": reason, "message_id": message_id or "", "run": run or ""},
        )

    def one_at_a_time(self, connection: Connection, user_id: str) -> None:
        """Let no second writer of this person's memories pass until the transaction ends."""
        connection.execute(
            text("select pg_advisory_xact_lock(hashtextextended('keepsake.write:' || :user_id, 0))"),
            {"user_id": user_id},
        )


def _such(conditions: Filter | None) -> tuple[str, dict[str, Any]]:
    """The clause for a caller's filters, with its values."""
    if conditions is None:
        return "", {}
    clause = " and jsonb_path_match(metadata, %(path)s::jsonpath, %(variables)s::jsonb, true)"
    return clause, {"path": conditions.path, "variables": json.dumps(conditions.variables)}


def as_written(vector: Sequence[float]) -> str:
    """A vector as Postgres reads it, with the nine digits that single precision can tell apart."""
    return "[" + ",".join(["%.9g"] * len(vector)) % tuple(vector) + "]"
