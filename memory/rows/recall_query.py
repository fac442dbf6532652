"""The statement of a search: a question as the database needs it, and what is made of the rows that answer it.

The functions that it calls (`app.recall` and others) are in supabase/migrations/. It neither ranks nor reads anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ..database.batched_reads import Reading
from ..facts import Correction, Fact, Removal
from ..filters import Filter
from ..recall.rank import Candidate
from .vectors import vector_text

__all__ = ["RecallQuery", "Recalled"]

_CANDIDATE = "source, id, metadata, meaning, relative, words, covered, dated, linked, of_words, strangers, held"
_CHANNELS = (
    "app.recall(%(vector)s::vector, %(text)s, %(names)s, %(grams)s::text[], %(days)s::daterange[],"
    " %(zone)s, %(path)s, %(variables)s::jsonb, %(sources)s::text[], %(weights)s::jsonb, %(wanted)s)"
)
_NEAR = (
    "app.recall_near(%(vector)s::vector, %(text)s, %(names)s, %(grams)s::text[], %(days)s::daterange[],"
    " %(zone)s, %(sources)s::text[], %(weights)s::jsonb, %(wanted)s, %(index)s, %(nearest)s::text[])"
)
_AS_OF = (
    "app.recall_as_of(%(vector)s::vector, %(text)s, %(names)s, %(as_of)s, %(days)s::daterange[],"
    " %(zone)s, %(path)s, %(variables)s::jsonb, %(weights)s::jsonb, %(wanted)s)"
)
_NOTHING_FOUND = "null, null, null, null, null, null, null, null, null"
_STANDING = f" union all select 'standing', id, metadata, {_NOTHING_FOUND} from app.standing(%(standing)s, %(newest)s)"
# What no longer stands of what was found: by the turns of messages, by memories, and by those that replies were given.
_SUPERSEDED = (
    f" union all select 'superseded', memory_id, to_jsonb(superseded), {_NOTHING_FOUND} from app.superseded("
    "array(select coalesce(metadata ->> 'turn', metadata ->> 'message_id') from found"
    "  where source = 'episodes' or metadata ? 'role'),"
    " array(select id::text from found where source = 'memories' union all"
    "  select jsonb_array_elements_text(metadata -> 'merged_from') from found"
    "  where source = 'memories' and jsonb_typeof(metadata -> 'merged_from') = 'array' union all"
    "  select jsonb_array_elements_text(metadata -> 'used') from found"
    "  where source = 'episodes' and jsonb_typeof(metadata -> 'used') = 'array')) superseded"
)
MOST_REMOVED = 200  # deleted statements, the last ones, with which messages are compared
_REMOVED = (
    f" union all select 'removed', null, to_jsonb(removed), {_NOTHING_FOUND}"
    f" from app.removed_statements({MOST_REMOVED}) removed"
)


@dataclass(frozen=True)
class RecallQuery:
    """A question as the database needs it."""

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
    zone: str = "UTC"  # in which a day begins and ends
    as_of: datetime | None = None
    standing: int = 0
    newest: bool = False  # whether the newest memories count as standing ones
    # The name of an index, and the ids that it found nearest: only these, and what it may not know yet, are compared.
    nearest: tuple[str, Sequence[str]] | None = None

    def reading(self) -> Reading[Recalled]:
        """Describe the search as a read."""
        return Reading(self.statement(), recalled, self.values())

    def statement(self) -> str:
        """Return what every channel finds, what of it no longer stands, and the standing memories, as one statement."""
        now = _CHANNELS if self.nearest is None else _NEAR
        channels, superseded = (now, _SUPERSEDED) if self.as_of is None else (_AS_OF, "")
        removed = _REMOVED if self.as_of is None and "episodes" in self.sources else ""
        found = f"with found as materialized (select {_CANDIDATE} from {channels}) select * from found"
        return f"{found}{superseded}{removed}{_STANDING if self.standing else ''}"

    def values(self) -> dict[str, Any]:
        """Return the parameters of the statement."""
        index, nearest = self.nearest or (None, None)
        return {
            "vector": vector_text(self.vector),
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
            "newest": self.newest,
            "index": index,
            "nearest": list(nearest) if nearest is not None else None,
        }


@dataclass(frozen=True)
class Recalled:
    """What the database found for a question: not ranked yet."""

    candidates: Sequence[Candidate]
    standing: Sequence[Fact]
    corrections: Sequence[Correction]
    removed: Sequence[Removal]


def recalled(rows: Sequence[Mapping[str, Any]]) -> Recalled:
    """Return what the rows of the statement are."""
    by_source: dict[str, list[Mapping[str, Any]]] = {"standing": [], "superseded": [], "removed": [], "": []}
    for row in rows:
        by_source.get(row["source"], by_source[""]).append(row)
    return Recalled(
        [Candidate(**row) for row in by_source[""]],
        [Fact(row["id"], row["metadata"]) for row in by_source["standing"]],
        [Correction(**row["metadata"]) for row in by_source["superseded"]],
        [Removal(**row["metadata"]) for row in by_source["removed"]],
    )
