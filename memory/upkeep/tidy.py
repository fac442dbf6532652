"""Tidying one person's memories: one copy of what stands twice, one statement for many, and nothing that has expired.

A run is one transaction and one `run` in the history, so that it is undone as one. What it would prune it
only proposes. Messages kept as said are not touched, and nothing is rewritten without a model. What is there, and
what of it stands twice, survey.py finds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text

from .. import arguments
from ..database import Database
from ..embed import Embedder
from ..errors import BadAnswer, InvalidInput, ModelError
from ..facts import Fact
from ..language.words import invented, lost, new_words
from ..learn.secrets import holds_secret
from ..model import Model
from ..plain_text import storable
from ..rows.store import Store
from .order import Kept, Pruning, clusters, joined, prunable, replacement, same_statements, shelf
from .tidy_prompts import Summary, summary

__all__ = ["Pruning", "Report", "Survey", "Taken", "Tidy"]

CLOSE = 0.60  # the cosine from which on memories may be about one thing
MAX_CLUSTERS = 20  # calls of the model in one run
MAX_COMPARED = 4_000  # memories compared with each other for clusters: the newest
MAX_SUMMARY = 600


@dataclass(frozen=True)
class Taken:
    """One memory that stands for others by now."""

    memory_id: str
    instead_of: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What one run did; `run` is what undoes it. `skipped` counts what was left as it is, by reason."""

    run: str
    merged: tuple[Taken, ...] = ()
    summarised: tuple[Taken, ...] = ()
    expired: tuple[str, ...] = ()
    proposals: tuple[Pruning, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None  # why the model's part could not be finished

    @property
    def changed(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self.merged or self.summarised or self.expired)


_Known = dict[str, Mapping[str, Any]]
_Written = tuple[Sequence[Fact], str, Sequence[float]]  # parents, the statement, its vector


@dataclass(frozen=True)
class _Order:
    """What a run is going to do, worked out beforehand."""

    expired: Sequence[Fact]
    groups: Sequence[Sequence[Fact]]  # of each, the first is kept
    written: Sequence[_Written]


class Tidy:
    """Puts one user's memories in order."""

    def __init__(self, database: Database, store: Store, embedder: Embedder, model: Model | None = None) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._model = model
        self._survey = Survey(database)

    def run(self, user_id: str, now: datetime | None = None) -> Report:
        """Expire, merge and summarise in one undoable step, and propose what could be pruned."""
        moment = _moment(now)
        kept = self._survey.memories(user_id)
        expired = [each for each in kept if each.expired(moment)]
        living = [each for each in kept if not each.expired(moment)]
        groups = self._survey.duplicates(user_id, living)
        gone = {fact.id for group in groups for fact in group[1:]}
        left = [each for each in living if each.id not in gone]
        written, skipped, problem = self._summaries(user_id, left)
        order = _Order([each.fact for each in expired], groups, written)
        report = Report(str(uuid4()), skipped=skipped, problem=problem)
        if order.expired or order.groups or order.written:
            report = self._carry_out(user_id, order, report, moment)
        taken = {each for done in report.summarised for each in done.instead_of}
        proposals = tuple(prunable([each for each in left if each.id not in taken], moment))
        return replace(report, proposals=proposals)

    def merge(self, user_id: str, chosen: Collection[str]) -> Report:
        """Merge those of these memories that say the same, in one run that can be undone."""
        if isinstance(chosen, str) or len(chosen) > arguments.MAX_LIMIT:
            raise InvalidInput(f"At most {arguments.MAX_LIMIT:,} memories are merged at once, given by their ids.")
        moment = _moment(None)
        living = [each for each in self._survey.memories(user_id) if each.id in chosen and not each.expired(moment)]
        groups, report = self._survey.duplicates(user_id, living), Report(str(uuid4()))
        return self._carry_out(user_id, _Order([], groups, []), report, moment) if groups else report

    # -- working out ------------------------------------------------------------------------------

    def _summaries(self, user_id: str, left: Sequence[Kept]) -> tuple[list[_Written], dict[str, int], str | None]:
        """For each cluster one statement that passed the checks, with its vector; the rest is counted."""
        if self._model is None:
            return [], {}, None
        accepted: list[tuple[Sequence[Fact], str]] = []
        skipped: Counter[str] = Counter()
        try:
            for parents in self._clusters(user_id, left):
                written = _write(self._model, parents)
                reason = "not one thing" if written is None else _problem(written, parents)
                if written is None or reason:
                    skipped[reason or ""] += 1
                else:
                    accepted.append((parents, written))
            vectors = self._embedder.embed([written for _, written in accepted]) if accepted else []
        except ModelError as error:
            # The rest of the tidying needs no model, and the clusters are still there the next time.
            return [], dict(skipped), str(error)
        ready: list[_Written] = [
            (parents, written, vector) for (parents, written), vector in zip(accepted, vectors, strict=True)
        ]
        return ready, dict(skipped), None

    def _clusters(self, user_id: str, left: Sequence[Kept]) -> list[list[Fact]]:
        shelves = {each.id: shelf(each) for each in left}
        apart = sorted((each for each in left if shelves[each.id]), key=lambda each: each.fact.created_at or "")
        chosen = apart[-MAX_COMPARED:]
        if len(chosen) < 2:
            return []
        values = {"ids": [each.id for each in chosen], "shelves": [shelves[each.id] for each in chosen], "close": CLOSE}
        rows = self._database.read_as(user_id, _CLOSE_PAIRS, values)
        facts = {each.id: each.fact for each in chosen}
        found = clusters([(row["one"], row["other"], row["score"]) for row in rows])
        return [[facts[each] for each in ids] for ids in found[:MAX_CLUSTERS]]

    # -- carrying out -----------------------------------------------------------------------------

    def _carry_out(self, user_id: str, order: _Order, report: Report, now: datetime) -> Report:
        """All of it in one transaction; what somebody changed since it was worked out is left alone."""
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            known = _locked(connection, order)
            expired = tuple(fact.id for fact in order.expired if known.get(fact.id) == fact.metadata)
            self._store.sign(connection, "tidy", "expired", run=report.run)
            connection.execute(text(_REMOVE), {"gone": list(expired)})
            groups = [each for each in order.groups if all(known.get(fact.id) == fact.metadata for fact in each)]
            self._store.sign(connection, "tidy", "said the same as another", run=report.run)
            merged = _merge(connection, groups, known)
            written = [self._sum_up(connection, each, known, report.run, now) for each in order.written]
        summarised = tuple(each for each in written if each)
        asked = len(order.expired) + len(order.groups) + len(order.written)
        left_alone = asked - len(expired) - len(merged) - len(summarised)
        skipped = {**report.skipped, "changed meanwhile": left_alone} if left_alone else report.skipped
        return replace(report, expired=expired, merged=merged, summarised=summarised, skipped=skipped)

    def _sum_up(
        self, connection: Connection, written: _Written, known: _Known, run: str, now: datetime
    ) -> Taken | None:
        parents, statement, vector = written
        if any(_told(known.get(fact.id)) != _told(fact.metadata) for fact in parents):
            return None
        current = [Fact(fact.id, known[fact.id]) for fact in parents]
        self._store.sign(connection, "tidy", f"one statement for {len(parents)}", run=run)
        new = self._store.insert(connection, [(replacement(current, statement, now), vector)])
        if not new:  # some other memory says exactly this
            return None
        gone = [fact.id for fact in parents]
        connection.execute(text(_MOVE_USE), {"gone": gone, "kept": new * len(gone)})
        connection.execute(text(_REMOVE), {"gone": gone})
        return Taken(new[0], tuple(gone))


def _locked(connection: Connection, order: _Order) -> _Known:
    """What each memory concerned says now, kept from changing until the end."""
    groups = [order.expired, *order.groups, *(parents for parents, _, _ in order.written)]
    ids = sorted({fact.id for group in groups for fact in group})
    return {row.id: row.metadata for row in connection.execute(text(_LOCK), {"ids": ids})}


def _merge(connection: Connection, groups: Sequence[Sequence[Fact]], known: _Known) -> tuple[Taken, ...]:
    """Let the first of each group stand for the others: a few statements, however many groups."""
    known.update((first.id, joined(first, others)) for first, *others in groups)
    pairs = [(other.id, first.id) for first, *others in groups for other in others]
    values = {"gone": [gone for gone, _ in pairs], "kept": [kept for _, kept in pairs]}
    firsts = [group[0].id for group in groups]
    connection.execute(text(_MOVE_USE), values)
    connection.execute(text(_MOVE_QUESTIONS), values)
    connection.execute(text(_REWRITE), {"ids": firsts, "rows": [json.dumps(known[each]) for each in firsts]})
    connection.execute(text(_REMOVE), values)
    return tuple(Taken(first.id, tuple(other.id for other in others)) for first, *others in groups)


def _write(model: Model, parents: Sequence[Fact]) -> str | None:
    """The model's statement for a cluster, or None where it has none; a bad answer is none."""
    try:
        written = model.answer(summary(parents), Summary).text
    except BadAnswer:
        return ""
    return None if written is None else storable(" ".join(written.split()))


def _problem(written: str, parents: Sequence[Fact]) -> str | None:
    """Why a summary is not believed."""
    told = [fact.text for fact in parents]
    if not written:
        return "no usable answer"
    if len(written) > min(MAX_SUMMARY, sum(map(len, told))):
        return "longer than what it sums up"
    if invented(written, told) or new_words(written, told):
        return "it adds something"
    if lost(written, told):
        return "it loses something"
    return "it holds a secret" if holds_secret(written) else None


def _told(metadata: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    """What a memory says and how long, whatever a merge of this run added to it."""
    if metadata is None:
        return None
    return tuple(metadata.get(key) for key in ("data", "hash", "updated_at", "expiration_date", "kind"))


def _moment(now: datetime | None) -> datetime:
    if not isinstance(now, datetime | None):
        raise InvalidInput("now is a datetime.")
    moment = now or datetime.now(UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


# Unit vectors are worked out once for each memory and stay in memory; the join then only multiplies.
_CLOSE_PAIRS = """
select set_config('work_mem', '64MB', true);
with mine as materialized (
  select kept.id, chosen.bulk_edit, l2_normalize(kept.vec) as unit
  from unnest(%(ids)s::text[], %(shelves)s::text[]) as chosen (id, shelf)
  join vecs.memories kept on kept.id = chosen.id)
select a.id as one, b.id as other, -(a.unit <#> b.unit) as score
from mine a join mine b on a.bulk_edit = b.bulk_edit and a.id < b.id and a.unit <#> b.unit <= -(%(close)s::float8)
order by score desc, one, other limit 50000
"""
_LOCK = "select id, metadata from vecs.memories where id = any(:ids) order by id for update"
_REMOVE = "delete from vecs.memories where id = any(cast(:gone as text[]))"
_REWRITE = """
update vecs.memories kept set metadata = joined.row
from unnest(cast(:ids as text[]), cast(:rows as jsonb[])) as joined (id, row) where kept.id = joined.id
"""
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
_MOVE_QUESTIONS = """
update app.questions asked set memory_id = moved.kept
from unnest(cast(:gone as text[]), cast(:kept as text[])) as moved (gone, kept)
where asked.memory_id = moved.gone and asked.answer is null
"""


NEAR_DUPLICATE = 0.90  # the cosine from which on the same wording is the same memory


class Survey:
    """Looks through all of one user's memories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memories(self, user_id: str, *, as_said: bool = False) -> list[Kept]:
        """All of them in one read, expired ones among them; messages kept as said only where they are asked for."""
        values = {"user_id": user_id, "as_said": as_said}
        return [Kept(**row) for row in self._database.read_as(user_id, _MINE, values)]

    def duplicates(self, user_id: str, living: Sequence[Kept]) -> list[list[Fact]]:
        """Memories that make the same statement and whose vectors agree, the one to keep first."""
        groups = same_statements(living)
        pairs = [(group[0].id, other.id) for group in groups for other in group[1:]]
        if not pairs:
            return []
        values = {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs], "near": NEAR_DUPLICATE}
        near = {row["other"] for row in self._database.read_as(user_id, _NEAR, values)}
        agreed = [[group[0], *(other for other in group[1:] if other.id in near)] for group in groups]
        return [group for group in agreed if len(group) > 1]


_MINE = """
select kept.id, kept.metadata, coalesce(recalled, 0) as recalled, coalesce(confirmed, 0) as confirmed,
  used.confirmed_at as repeated_at,
  exists (select from app.questions asked where asked.memory_id = kept.id and asked.answer is null) as asked
from vecs.memories kept left join app.memory_use used on used.user_id = %(user_id)s and used.memory_id = kept.id
where kept.metadata -> 'user_id' = to_jsonb(%(user_id)s::text) and (%(as_said)s or not kept.metadata ? 'role')
order by kept.id
"""
_NEAR = """
select other from unnest(%(ones)s::text[], %(others)s::text[]) as pair (one, other)
join vecs.memories a on a.id = one join vecs.memories b on b.id = other
where 1 - (a.vec <=> b.vec) >= %(near)s
"""
