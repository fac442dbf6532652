"""The tables `vecs.memories` and `app.memory_use`: all statements that write to them, and what is read of them alone.

Writes happen inside a transaction of the caller that is bound to a user. Each read is one trip to the database.
This module is the only importer of vecs. It does not judge what a memory says: that is the work of learn/reconcile.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import vecs
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.orm import sessionmaker

from ..arguments import could_be_id
from ..database import Database, Reading
from ..facts import ALWAYS, Fact, Said
from ..filters import Filter
from .acting import acting_key
from .recall_query import Recalled, RecallQuery
from .vectors import NEW_ROWS, copy_rows, may_copy, vector_text

__all__ = ["Store", "everybodys_ids", "keep_for_nobody", "matching", "memory_count", "newest_reading", "page_reading"]

# Row-level security enforces the first condition once more. An expired memory is hidden until tidying deletes it.
OWN = "user_id = %(user_id)s"
CURRENT = "coalesce(metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD')"


_BOUND = "user_id = (select app.asking())"

COPY_FROM = 50  # rows: from this number on, a temporary table and COPY are faster than one insert
# A memory is not added if its scope says the same already, whoever wrote that. Waiting for the user's other writers
# first makes that certain; the index makes it certain for own memories against writers that do not wait.
_INSERT = """
select pg_advisory_xact_lock(hashtextextended('keepsake.write:' || app.asking(), 0));
insert into vecs.memories (id, vec, metadata)
select id, vec, metadata from (
  select given.*, row_number() over (
    partition by metadata ? 'role', metadata -> 'user_id', metadata -> 'hash', app.scope_of(metadata)
    order by place) as copy
  from ({given}) given) new
where (new.copy = 1 or new.metadata ? 'role' or not new.metadata ? 'hash') and not exists (
  select from vecs.memories known
  where known.metadata -> 'user_id' = new.metadata -> 'user_id' and known.metadata -> 'hash' = new.metadata -> 'hash'
    and not known.metadata ? 'role' and not new.metadata ? 'role'
    and app.scope_of(known.metadata) is not distinct from app.scope_of(new.metadata))
order by new.place on conflict do nothing returning id
"""
# Arrays keep the statement short: with a parameter for each value, building it took longer than running it.
_INSERT_SENT = _INSERT.format(
    given="select id, cast(vec as vector) as vec, metadata, place from unnest("
    "cast(:ids as text[]), cast(:vectors as text[]), cast(:metadata as jsonb[]))"
    " with ordinality sent (id, vec, metadata, place)"
)
_INSERT_COPIED = _INSERT.format(given=f"select id, vec, metadata, ctid as place from {NEW_ROWS}")


class _Vecs(vecs.Client):  # type: ignore[misc]
    """A vecs client on our connection; its own constructor would open an engine and change the schema."""

    def __init__(self, connection: Connection | None = None) -> None:
        self.engine = connection
        self.meta = MetaData(schema="vecs")
        self.Session = sessionmaker(connection)
        self.vector_version = "0.8"


class Store:
    """Reads and writes the memories of one user at a time."""

    def __init__(self, database: Database, dimension: int) -> None:
        self._database = database
        self.dimension = dimension
        self.table = self.collection(None).table

    def collection(self, connection: Connection | None) -> Any:
        """Return the vecs collection, working inside this transaction."""
        return vecs.Collection("memories", self.dimension, _Vecs(connection))

    def nearest(self, user_id: str, vector: Sequence[float], limit: int) -> list[Fact]:
        """Return the user's memories nearest to a vector; exactly, since one user has few rows."""
        rows = self._database.read_as(
            user_id,
            f"select id, metadata, 1 - (vec <=> %(vector)s::vector) as score from vecs.memories "
            f"where {OWN} and {CURRENT} order by vec <=> %(vector)s::vector, id limit %(limit)s",
            {"user_id": user_id, "vector": vector_text(vector), "limit": limit},
        )
        return [Fact(row["id"], row["metadata"], row["score"]) for row in rows]

    def known_near(
        self,
        user_id: str,
        vector: Sequence[float],
        limit: int,
        turn: Said,
        scope: Mapping[str, str] | None = None,
    ) -> list[Fact]:
        """Return the learned memories that matter to a turn: first those of the turn before it, then the nearest.

        The turn before is the one that `turn` names, or else the latest of its chat that was kept. Outside of chats
        there is none. A `scope` limits them to those of its agent and app.
        """
        rows = self._database.read_as(
            user_id,
            "with latest as materialized (select coalesce(%(after)s::text, ("
            " select metadata ->> 'message_id' from vecs.episodes where user_id = %(user_id)s"
            " and coalesce(metadata ->> 'run_id', '') = %(run_id)s and place >= 0 and metadata ->> 'role' = 'user'"
            " order by place desc limit 1)) as id) select id, metadata,"
            " 1 - (vec <=> %(vector)s::vector) as score,"
            " coalesce(metadata ->> 'message_id' = (select id from latest), false) as just_learned from vecs.memories"
            f" where {OWN} and {CURRENT} and not metadata ? 'role'"
            " and (%(scope)s::jsonb is null or app.scope_of(metadata) = app.scope_of(%(scope)s::jsonb))"
            " order by just_learned desc, vec <=> %(vector)s::vector, id limit %(limit)s",
            {
                "user_id": user_id,
                "vector": vector_text(vector),
                "limit": limit,
                "after": turn.after,
                "run_id": turn.run_id,
                # What has a kind belongs to an agent and an app, and to no run: its run is a chat.
                "scope": json.dumps({"kind": "", **scope}) if scope else None,
            },
        )
        return [Fact(row["id"], row["metadata"], row["score"], just_learned=row["just_learned"]) for row in rows]

    def recall(self, query: RecallQuery) -> Recalled:
        """Return what every channel finds, what of it no longer stands, and the standing memories, in one trip."""
        return self._database.read(query.user_id, query.reading())

    def standing(self, user_id: str, wanted: int) -> list[Fact]:
        """Return the instructions and what is always included, at most so many of each, in the order to give them."""
        rows = self._database.read_as(
            user_id, "select id, metadata from app.standing(%(wanted)s, false)", {"wanted": wanted}
        )
        return [Fact(row["id"], row["metadata"]) for row in rows]

    def all(self, user_id: str, limit: int, conditions: Filter | None = None) -> list[Fact]:
        """Return the user's memories, the newest first."""
        clause, values = matching(conditions)
        rows = self._database.read_as(
            user_id,
            f"select id, metadata from vecs.memories where {OWN} and {CURRENT}{clause} "
            "order by metadata ->> 'created_at' desc, id limit %(limit)s",
            {"user_id": user_id, "limit": limit, **values},
        )
        return [Fact(row["id"], row["metadata"]) for row in rows]

    def page(self, user_id: str, number: int, size: int, conditions: Filter | None = None) -> tuple[list[Fact], int]:
        """Return one page of the user's memories, the newest first, and their number; past the end, the last page."""
        return self._database.read(user_id, page_reading(user_id, number, size, conditions))

    def get(self, user_id: str, fact_id: str) -> Fact | None:
        """Return one memory of this user, or None."""
        if not could_be_id(fact_id):
            return None
        rows = self._database.read_as(
            user_id,
            f"select id, metadata from vecs.memories where {OWN} and id = %(id)s",
            {"user_id": user_id, "id": fact_id},
        )
        return Fact(rows[0]["id"], rows[0]["metadata"]) if rows else None

    def get_many(self, user_id: str, ids: Sequence[str], limit: int | None = None) -> list[Fact]:
        """Return those of these memories that the user has, the newest first."""
        rows = self._database.read_as(
            user_id,
            f"select id, metadata from vecs.memories where {OWN} and id = any(%(ids)s::text[])"
            " order by metadata ->> 'created_at' desc, id limit %(limit)s",
            {"user_id": user_id, "ids": list(ids), "limit": limit},
        )
        return [Fact(row["id"], row["metadata"]) for row in rows]

    def all_with_use(self, user_id: str, *, as_said: bool = False) -> list[dict[str, Any]]:
        """Return every memory with its use and whether a question about it is open; expired ones too.

        Messages that are kept as they were said are left out unless `as_said` is set.
        """
        return self._database.read_as(user_id, _ALL_WITH_USE, {"user_id": user_id, "as_said": as_said})

    def close_pairs(self, user_id: str, groups: Mapping[str, str], cosine: float) -> list[tuple[str, str, float]]:
        """Compare memories within each group, given by id; return the pairs that are at least this close."""
        values = {"ids": list(groups), "groups": list(groups.values()), "close": cosine}
        rows = self._database.read_as(user_id, _CLOSE_PAIRS, values)
        return [(row["one"], row["other"], row["score"]) for row in rows]

    def close_others(self, user_id: str, pairs: Sequence[tuple[str, str]], cosine: float) -> set[str]:
        """Return the second ids of those pairs whose vectors are at least this close."""
        values = {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs], "near": cosine}
        return {row["other"] for row in self._database.read_as(user_id, _CLOSE_OTHERS, values)}

    def insert(
        self,
        connection: Connection,
        rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]],
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Add rows of (metadata, vector), except those that are known already; return the new ids in order."""
        if not rows:
            return []
        ids = ids or [str(uuid.uuid4()) for _ in rows]
        if len(rows) >= COPY_FROM and may_copy(connection):
            copy_rows(connection, ids, rows)
            copied = set(connection.scalars(text(_INSERT_COPIED)))
            return [new for new in ids if new in copied]
        values = {
            "ids": list(ids),
            "vectors": [vector_text(vector) for _, vector in rows],
            "metadata": [json.dumps(dict(metadata)) for metadata, _ in rows],
        }
        inserted = set(connection.scalars(text(_INSERT_SENT), values))
        return [new for new in ids if new in inserted]

    def replace(
        self, connection: Connection, fact_id: str, metadata: Mapping[str, Any], vector: Sequence[float]
    ) -> bool:
        """Give a memory new content; return False if there is no such memory."""
        statement = (
            self.table.update().where(self.table.c.id == fact_id).values(metadata=dict(metadata), vec=list(vector))
        )
        return connection.execute(statement).rowcount == 1

    def lock(self, connection: Connection, fact_id: str) -> Fact | None:
        """Read a memory and lock it until the transaction ends."""
        if not could_be_id(fact_id):
            return None
        row = connection.execute(
            text("select id, metadata from vecs.memories where id = :id for update"), {"id": fact_id}
        ).first()
        return Fact(row.id, row.metadata) if row else None

    def has_text(self, connection: Connection, besides: str, content_hash: str) -> bool:
        """Return whether another extracted memory of the bound user has exactly this text, in the same scope."""
        same = text(
            "select exists (select from vecs.memories where id <> :id"
            " and metadata -> 'hash' = to_jsonb(cast(:hash as text))"
            " and metadata -> 'user_id' = to_jsonb(app.asking()) and not metadata ? 'role'"
            " and app.scope_of(metadata)"
            "   = coalesce((select app.scope_of(it.metadata) from vecs.memories it where it.id = :id), ''))"
        )
        return bool(connection.scalar(same, {"hash": content_hash, "id": besides}))

    def delete(self, connection: Connection, fact_id: str) -> bool:
        """Delete a memory; its last version stays in the history."""
        if not could_be_id(fact_id):
            return False
        return connection.execute(self.table.delete().where(self.table.c.id == fact_id)).rowcount == 1

    def delete_expired(self, connection: Connection) -> None:
        """Delete the expired memories of the bound user."""
        connection.execute(
            text(
                "delete from vecs.memories where metadata -> 'user_id' = to_jsonb(app.asking())"
                f" and metadata ? 'expiration_date' and not {CURRENT}"
            )
        )

    def metadata_of(
        self, connection: Connection, ids: Sequence[str], *, lock: bool = False
    ) -> dict[str, Mapping[str, Any]]:
        """Read the metadata of those of these memories that exist; with `lock`, keep others from changing them."""
        locking = " for update" if lock else ""
        sql = text(f"select id, metadata from vecs.memories where id = any(:ids) order by id{locking}")
        return {row.id: row.metadata for row in connection.execute(sql, {"ids": list(ids)})}

    def made_of(self, connection: Connection, ids: Sequence[str]) -> list[Fact]:
        """Return the memories that tidying made of others, at least one of which is among these."""
        return [Fact(row.id, row.metadata) for row in connection.execute(text(_MADE_OF), {"ids": list(ids)})]

    def rewrite_many(self, connection: Connection, metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Give several memories new metadata, by id; their vectors stay."""
        values = {"ids": list(metadata), "rows": [json.dumps(dict(each)) for each in metadata.values()]}
        connection.execute(text(_REWRITE), values)

    def delete_many(self, connection: Connection, ids: Sequence[str]) -> None:
        """Delete several memories; their last versions stay in the history."""
        connection.execute(text("delete from vecs.memories where id = any(cast(:ids as text[]))"), {"ids": list(ids)})

    def confirm(self, connection: Connection, ids: Sequence[str], at: datetime) -> int:
        """Note in memories that the person confirmed them; return how many there are."""
        return connection.execute(text(_CONFIRM), {"ids": list(ids), "at": at.isoformat()}).rowcount

    def mark(self, connection: Connection, ids: Sequence[str], included: bool) -> int:
        """Mark memories as always included, or take the mark away; return how many were changed."""
        return connection.execute(text(_MARK[included]), {"ids": list(ids)}).rowcount

    def vectors_of(self, connection: Connection, ids: Sequence[str]) -> dict[str, list[float]]:
        """Return the vectors of those of these memories that the bound user has, by id."""
        sql = text(f"select id, vec::text as vec from vecs.memories where {_BOUND} and id = any(:ids)")
        return {row.id: json.loads(row.vec) for row in connection.execute(sql, {"ids": list(ids)})}

    def put_back(
        self,
        connection: Connection,
        event: int,
        action: str,
        memory_id: str,
        vector: str | None,
        since: Mapping[str, Any] | None = None,
    ) -> None:
        """Reverse a change with what the history holds; `vector` replaces one that the history lost.

        `since` are keys of a changed memory that it keeps as they are now; those with None are taken away.
        """
        values: dict[str, Any] = {"event": event, "id": memory_id, "vec": vector}
        if action == "update":
            kept = {key: value for key, value in (since or {}).items() if value is not None}
            values |= {"since": json.dumps(kept), "gone": [key for key in since or {} if key not in kept]}
        connection.execute(text(_PUT_BACK[action]), values)

    def move_use(self, connection: Connection, moves: Sequence[tuple[str, str]]) -> None:
        """Add the use of one memory to that of another, for pairs of (from, to)."""
        values = {"gone": [gone for gone, _ in moves], "kept": [kept for _, kept in moves]}
        connection.execute(text(_MOVE_USE), values)

    def count_use(self, connection: Connection, ids: Sequence[str], *, confirmed_at: datetime | None = None) -> None:
        """Count that memories were recalled or, with `confirmed_at`, said again; this makes no new version of them."""
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
        """Return how often each memory was recalled and confirmed, and when last."""
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
        """Set who writes next, through which key and why, for the trigger that records the history."""
        connection.execute(
            text(
                "select set_config('keepsake.actor', :actor, true), set_config('keepsake.reason', :reason, true),"
                " set_config('keepsake.message_id', :message_id, true), set_config('keepsake.run', :run, true),"
                " set_config('keepsake.key', :key, true)"
            ),
            {
                "actor": actor,
                "reason": reason,
                "message_id": message_id or "",
                "run": run or "",
                "key": acting_key(),
            },
        )

    def lock_writes(self, connection: Connection, user_id: str) -> None:
        """Let no other transaction write this user's memories until this one ends."""
        connection.execute(
            text("select pg_advisory_xact_lock(hashtextextended('keepsake.write:' || :user_id, 0))"),
            {"user_id": user_id},
        )


def memory_count() -> Reading[int]:
    """Read how many memories the user has; row-level security leaves only theirs to be counted."""
    return Reading("select count(*) as total from vecs.memories", lambda rows: int(rows[0]["total"]))


def newest_reading(most: int) -> Reading[list[Fact]]:
    """Read the user's newest memories, together with other readings or alone."""
    return Reading(
        f"select id, metadata from vecs.memories where user_id = app.asking() and {CURRENT}"
        " order by metadata ->> 'created_at' desc, id limit %(most)s",
        lambda rows: [Fact(row["id"], row["metadata"]) for row in rows],
        {"most": most},
    )


def page_reading(
    user_id: str, number: int, size: int, conditions: Filter | None = None
) -> Reading[tuple[list[Fact], int]]:
    """Read one page of the user's memories and their number, together with other readings or alone."""
    clause, values = matching(conditions)
    return Reading(
        f"with mine as materialized (select id, metadata from vecs.memories where {OWN} and {CURRENT}{clause}),"
        " counted as (select count(*) as total from mine) select id, metadata, total from mine, counted"
        " order by metadata ->> 'created_at' desc, id limit %(size)s offset least("
        "   %(before)s, (select greatest(0, (total - 1) / %(size)s * %(size)s) from counted))",
        lambda rows: ([Fact(row["id"], row["metadata"]) for row in rows], rows[0]["total"] if rows else 0),
        {"user_id": user_id, "size": size, "before": (number - 1) * size, **values},
    )


def everybodys_ids(connection: Connection) -> list[tuple[str, str]]:
    """Return the owner and the id of every memory that a user has; for the administrator."""
    rows = connection.execute(text("select user_id, id from vecs.memories where user_id is not null"))
    return [(row.user_id, row.id) for row in rows]


def keep_for_nobody(
    connection: Connection, rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]], ids: Sequence[str]
) -> list[str]:
    """Add rows of (metadata, vector) that name no user, as the administrator; return the ids that were free."""
    values = {
        "ids": list(ids),
        "vectors": [vector_text(vector) for _, vector in rows],
        "metadata": [json.dumps(dict(metadata)) for metadata, _ in rows],
    }
    return list(connection.scalars(text(_KEEP_FOR_NOBODY), values))


def matching(conditions: Filter | None, column: str = "metadata") -> tuple[str, dict[str, Any]]:
    """Return the clause for a caller's filters, with its values."""
    if conditions is None:
        return "", {}
    clause = f" and jsonb_path_match({column}, %(path)s::jsonpath, %(variables)s::jsonb, true)"
    return clause, {"path": conditions.path, "variables": json.dumps(conditions.variables)}


_ALL_WITH_USE = """
select kept.id, kept.metadata, coalesce(recalled, 0) as recalled, coalesce(confirmed, 0) as confirmed,
  used.confirmed_at as repeated_at,
  exists (select from app.questions asked where asked.memory_id = kept.id and asked.answer is null) as asked
from vecs.memories kept left join app.memory_use used on used.user_id = %(user_id)s and used.memory_id = kept.id
where kept.metadata -> 'user_id' = to_jsonb(%(user_id)s::text) and (%(as_said)s or not kept.metadata ? 'role')
order by kept.id
"""
# Where the planner believes that a person has few rows, it would compare each with each: minutes for some thousands.
_NOT_EACH_WITH_EACH = "select set_config('enable_nestloop', 'off', true);"
# Each vector is scaled to length one only once and kept in work memory; the join then only multiplies.
_CLOSE_PAIRS = f"""
{_NOT_EACH_WITH_EACH} select set_config('work_mem', '64MB', true);
with mine as materialized (
  select kept.id, chosen.grouped, l2_normalize(kept.vec) as unit
  from unnest(%(ids)s::text[], %(groups)s::text[]) as chosen (id, grouped)
  join vecs.memories kept on kept.id = chosen.id)
select a.id as one, b.id as other, -(a.unit <#> b.unit) as score
from mine a join mine b on a.grouped = b.grouped and a.id < b.id and a.unit <#> b.unit <= -(%(close)s::float8)
order by score desc, one, other limit 50000
"""
_CLOSE_OTHERS = f"""
{_NOT_EACH_WITH_EACH}
select other from unnest(%(ones)s::text[], %(others)s::text[]) as pair (one, other)
join vecs.memories a on a.id = one join vecs.memories b on b.id = other
where 1 - (a.vec <=> b.vec) >= %(near)s
"""
_MADE_OF = """
select id, metadata from vecs.memories where metadata -> 'user_id' = to_jsonb(app.asking())
  and (jsonb_exists_any(metadata -> 'summary_of', :ids) or jsonb_exists_any(metadata -> 'merged_from', :ids))
"""
_REWRITE = """
update vecs.memories kept set metadata = joined.row
from unnest(cast(:ids as text[]), cast(:rows as jsonb[])) as joined (id, row) where kept.id = joined.id
"""
_CONFIRM = """
update vecs.memories set metadata = metadata || jsonb_build_object('confirmed_at', cast(:at as text))
where id = any(cast(:ids as text[]))
"""
_MARKED = f"metadata -> '{ALWAYS}' = 'true'::jsonb"
_MARK = {
    True: f"update vecs.memories set metadata = jsonb_set(metadata, '{{{ALWAYS}}}', 'true')"
    f" where id = any(cast(:ids as text[])) and ({_MARKED}) is not true",
    False: f"update vecs.memories set metadata = metadata - '{ALWAYS}'"
    f" where id = any(cast(:ids as text[])) and {_MARKED}",
}
_PUT_BACK = {
    "add": "delete from vecs.memories where id = :id and cast(:event as bigint) is not null"
    " and cast(:vec as text) is null",
    "update": "update vecs.memories kept set vec = coalesce(old_vec, cast(:vec as vector)),"
    " metadata = (old_metadata || cast(:since as jsonb)) - cast(:gone as text[])"
    " from app.memory_history past where past.event = :event and kept.id = :id",
    "delete": "insert into vecs.memories (id, vec, metadata)"
    " select memory_id, coalesce(old_vec, cast(:vec as vector)), old_metadata"
    " from app.memory_history where event = :event and memory_id = :id",
}
_MOVE_USE = """
insert into app.memory_use (memory_id, recalled, recalled_at, confirmed, confirmed_at)
select moved.kept, sum(recalled), max(recalled_at), sum(confirmed), max(confirmed_at)
from unnest(cast(:gone as text[]), cast(:kept as text[])) as moved (gone, kept)
join app.memory_use used on used.memory_id = moved.gone group by moved.kept
on conflict (user_id, memory_id) do update set
  recalled = memory_use.recalled + excluded.recalled, confirmed = memory_use.confirmed + excluded.confirmed,
  recalled_at = greatest(memory_use.recalled_at, excluded.recalled_at),
  confirmed_at = greatest(memory_use.confirmed_at, excluded.confirmed_at)
"""
_KEEP_FOR_NOBODY = """
insert into vecs.memories (id, vec, metadata)
select given.id, cast(given.vec as vector), given.metadata - 'user_id'
from unnest(cast(:ids as text[]), cast(:vectors as text[]), cast(:metadata as jsonb[])) given (id, vec, metadata)
on conflict do nothing returning id
"""
