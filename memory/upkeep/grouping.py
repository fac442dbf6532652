"""Groups memories that say the same or are about one thing, proposes deletions, and builds merged metadata.

Pure functions of the memories. tidy.py asks the database and the model, and writes.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..facts import ALWAYS, CORE_KEYS, Fact, content_hash
from ..language.words import wording

__all__ = [
    "MemoryWithUse",
    "Pruning",
    "clusters",
    "joined",
    "numbered",
    "prunable",
    "read_moment",
    "replacement",
    "same_statements",
    "summary_group",
]

MIN_CLUSTER, MAX_CLUSTER = 3, 10
PRUNE_AFTER = timedelta(days=180)
MAX_PROPOSALS = 100
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Memories that differ in one of these are about different times, speakers or agents.
_SETTING = ("happened_at", "expiration_date", "agent_id", "actor_id", "app_id")
# These say where a memory's own words come from, so they are not copied from another memory.
_ORIGIN = ("quote", "quotes", "message_id", "run_id", "source", "merged_from", "summary_of", "text_lemmatized")
_GRAPH_KEYS = ("entities", "relations")


@dataclass(frozen=True)
class MemoryWithUse:
    """A memory with how often it was used."""

    id: str
    metadata: Mapping[str, Any]
    recalled: int = 0
    confirmed: int = 0
    asked: bool = False  # whether a question about it is open
    repeated_at: datetime | None = None  # when it was last said again

    @property
    def fact(self) -> Fact:
        """The memory without its use."""
        return Fact(self.id, self.metadata)

    def expired(self, now: datetime) -> bool:
        """Return whether its expiration date has passed; a value that is no date never expires."""
        day = self.metadata.get("expiration_date")
        return isinstance(day, str) and bool(_DATE.match(day)) and day[:10] < f"{now:%Y-%m-%d}"

    def touched_at(self) -> datetime | None:
        """Return when it was last written or confirmed; dates that cannot be read do not count."""
        written = (read_moment(self.metadata.get(key)) for key in ("created_at", "updated_at", "confirmed_at"))
        return max((moment for moment in (*written, self.repeated_at) if moment), default=None)

    def untouched(self, now: datetime) -> datetime | None:
        """Return when it was last touched if that is long ago.

        None for instructions, for what is always included and for what the person wrote.
        """
        in_use = self.recalled or self.confirmed or self.fact.kind == "instruction" or self.fact.always_included
        if in_use or self.metadata.get("source") == "person":
            return None
        touched = self.touched_at()
        return touched if touched and now - touched >= PRUNE_AFTER else None


@dataclass(frozen=True)
class Pruning:
    """A memory that could be deleted, and why; only the person deletes it."""

    memory_id: str
    text: str
    reason: str


def same_statements(memories: Iterable[MemoryWithUse]) -> list[list[Fact]]:
    """Group memories with the same wording; in each group the best sourced comes first, then the oldest."""
    alike: dict[tuple[str, ...], list[MemoryWithUse]] = defaultdict(list)
    for memory in memories:
        language = memory.metadata.get("language")
        words = wording(memory.fact.text, language if isinstance(language, str) else None)
        if words:
            alike[words].append(memory)
    return [group for several in alike.values() if len(several) > 1 for group in _by_setting(several)]


def _by_setting(several: Sequence[MemoryWithUse]) -> list[list[Fact]]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for memory in several:
        groups[_setting(memory)].append(memory.fact)
    return [sorted(group, key=_rank) for group in groups.values() if len(group) > 1]


def summary_group(memory: MemoryWithUse) -> str | None:
    """Return a key that memories to be summed up together share; None if this one must stay unchanged."""
    of = memory.metadata
    fixed = (
        memory.asked
        or memory.fact.always_included
        or memory.fact.kind in ("instruction", "event")
        or of.get("source") in ("person", "tidy")
    )
    if fixed or of.get("happened_at") or of.get("expiration_date"):
        return None
    return json.dumps([memory.fact.kind, of.get("language"), _setting(memory)])


def clusters(pairs: Sequence[tuple[str, str, float]]) -> list[list[str]]:
    """Group close memories around those with the most neighbours; each memory is in one group at most."""
    near: dict[str, dict[str, float]] = defaultdict(dict)
    for one, other, score in pairs:
        near[one][other] = near[other][one] = score
    free = set(near)
    groups = []
    for centre in sorted(near, key=lambda each: (-len(near[each]), each)):
        around = sorted((near[centre][each], each) for each in near[centre] if each in free)
        if centre in free and len(around) >= MIN_CLUSTER - 1:
            groups.append(sorted([centre, *(each for _, each in around[::-1][: MAX_CLUSTER - 1])]))
            free -= set(groups[-1])
    return groups


def joined(kept: Fact, others: Sequence[Fact]) -> dict[str, Any]:
    """Return the metadata of a memory that others are merged into: its own, completed from theirs."""
    metadata = dict(kept.metadata)
    for other in others:
        for key, value in other.metadata.items():
            if key not in CORE_KEYS and key not in _ORIGIN:
                metadata.setdefault(key, value)
    merged = [*_listed(kept, "merged_from")]
    for other in others:
        merged += [other.id, *_listed(other, "merged_from")]
    return metadata | _together([kept, *others]) | {"merged_from": merged}


def replacement(parents: Sequence[Fact], statement: str, now: datetime) -> dict[str, Any]:
    """Return the metadata of one statement that replaces its parents."""
    first = parents[0].metadata
    moment = now.isoformat()
    row = {"data": statement, "user_id": first["user_id"], "hash": content_hash(statement)}
    row |= {"created_at": moment, "updated_at": moment, "source": "tidy", "kind": parents[0].kind}
    told = max((each.told_at for each in parents if isinstance(each.told_at, str)), default=None)
    row |= {"told_at": told} if told else {}
    row |= {key: first[key] for key in ("language", *_SETTING) if key in first}
    return row | _together(parents) | {"summary_of": [fact.id for fact in parents]}


def prunable(memories: Iterable[MemoryWithUse], now: datetime) -> list[Pruning]:
    """Propose to delete what is old and was never recalled or confirmed, the oldest first."""
    proposals = []
    for memory in memories:
        touched = memory.untouched(now)
        if touched is None:
            continue
        reason = f"not written, recalled or confirmed since {touched:%Y-%m-%d}"
        proposals.append((touched, Pruning(memory.id, memory.fact.text, reason)))
    return [
        proposal for _, proposal in sorted(proposals, key=lambda pair: (pair[0], pair[1].memory_id))[:MAX_PROPOSALS]
    ]


def _setting(memory: MemoryWithUse) -> str:
    return json.dumps([memory.metadata.get(key) for key in _SETTING], sort_keys=True)


def _rank(fact: Fact) -> tuple[int, str, str]:
    """Sort what the person wrote before what has a quote, and both before the rest; then by age."""
    source = 0 if fact.metadata.get("source") == "person" else 1 if fact.quote else 2
    return source, str(fact.created_at or "9999"), fact.id


def _together(facts: Sequence[Fact]) -> dict[str, Any]:
    """Combine the quotes, entities, relations, confirmations and marks of memories."""
    together: dict[str, Any] = {key: _distinct(facts, key) for key in _GRAPH_KEYS}
    together["quotes"] = list(
        dict.fromkeys(quote for fact in facts for quote in (fact.quote, *_listed(fact, "quotes")) if quote)
    )
    confirmed = [each for fact in facts if isinstance(each := fact.metadata.get("confirmed_at"), str)]
    together["confirmed_at"] = max(confirmed, default=None)
    together[ALWAYS] = any(fact.always_included for fact in facts)
    return {key: value for key, value in together.items() if value}


def _distinct(facts: Sequence[Fact], key: str) -> list[Any]:
    values: list[Any] = []
    for fact in facts:
        values += [each for each in _listed(fact, key) if each not in values]
    return values


def _listed(fact: Fact, key: str) -> list[Any]:
    value = fact.metadata.get(key)
    return value if isinstance(value, list) else []


def read_moment(moment: Any) -> datetime | None:
    """Read a time as it is written in a row; None if it cannot be read."""
    try:
        read = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def numbered(facts: Sequence[Fact]) -> str:
    """Write memories for a prompt: numbered, with their dates, between marks."""
    lines = (f"[{number}] {_date_of(fact)}{' '.join(fact.text.split())}" for number, fact in enumerate(facts, 1))
    return "<memories>\n" + "\n".join(lines) + "\n</memories>"


def _date_of(fact: Fact) -> str:
    moment = fact.metadata.get("happened_at") or fact.created_at
    return f"({moment[:10]}) " if isinstance(moment, str) else ""
