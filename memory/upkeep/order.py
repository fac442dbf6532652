"""Which memories belong together, which of them stays, and what a memory that stands for others says. Pure.

tidy.py asks the database and the model, and writes; here is only what follows from the memories themselves.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..facts import CORE_KEYS, Fact, content_hash
from ..language.words import wording

__all__ = [
    "Kept",
    "Pruning",
    "clusters",
    "joined",
    "prunable",
    "read_moment",
    "replacement",
    "same_statements",
    "shelf",
]

MIN_CLUSTER, MAX_CLUSTER = 3, 10
PRUNE_AFTER = timedelta(days=180)
MAX_PROPOSALS = 100
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Two memories that differ in one of these are about different times, speakers or agents.
_APART = ("happened_at", "expiration_date", "agent_id", "actor_id", "app_id")
# What says where a memory's own words come from; another's does not stand in for it.
_ORIGIN = ("quote", "quotes", "message_id", "run_id", "source", "merged_from", "summary_of", "text_lemmatized")
_DRAWN = ("entities", "relations")


@dataclass(frozen=True)
class Kept:
    """A memory with what is counted beside it."""

    id: str
    metadata: Mapping[str, Any]
    recalled: int = 0
    confirmed: int = 0
    asked: bool = False  # a question about it waits for the person
    repeated_at: datetime | None = None  # when it was last said again

    @property
    def fact(self) -> Fact:
        """The memory itself."""
        return Fact(self.id, self.metadata)

    def expired(self, now: datetime) -> bool:
        """Whether its date has passed; what is no date expires nothing."""
        day = self.metadata.get("expiration_date")
        return isinstance(day, str) and bool(_DATE.match(day)) and day[:10] < f"{now:%Y-%m-%d}"

    def touched_at(self) -> datetime | None:
        """When it was last written or confirmed, as far as that can be read."""
        written = (read_moment(self.metadata.get(key)) for key in ("created_at", "updated_at", "confirmed_at"))
        return max((moment for moment in (*written, self.repeated_at) if moment), default=None)

    def untouched(self, now: datetime) -> datetime | None:
        """Since when it was neither written, recalled nor confirmed, where that is long; nobody's wish or own words."""
        wanted = self.recalled or self.confirmed or self.fact.kind == "instruction"
        if wanted or self.metadata.get("source") == "person":
            return None
        touched = self.touched_at()
        return touched if touched and now - touched >= PRUNE_AFTER else None


@dataclass(frozen=True)
class Pruning:
    """A memory that could go, and why; only the person removes it."""

    memory_id: str
    text: str
    reason: str


def same_statements(memories: Iterable[Kept]) -> list[list[Fact]]:
    """Groups of memories that say one thing in the same words, the best sourced and then the oldest first."""
    alike: dict[tuple[str, ...], list[Kept]] = defaultdict(list)
    for each in memories:
        language = each.metadata.get("language")
        said = wording(each.fact.text, language if isinstance(language, str) else None)
        if said:
            alike[said].append(each)
    # Most stand alone, and need no second look.
    return [group for several in alike.values() if len(several) > 1 for group in _one_setting(several)]


def _one_setting(several: Sequence[Kept]) -> list[list[Fact]]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for each in several:
        groups[_setting(each)].append(each.fact)
    return [sorted(group, key=_rank) for group in groups.values() if len(group) > 1]


def shelf(memory: Kept) -> str | None:
    """What must agree for memories to be summed up together; None for those that stand as they are."""
    of = memory.metadata
    fixed = memory.asked or memory.fact.kind in ("instruction", "event") or of.get("source") in ("person", "tidy")
    if fixed or of.get("happened_at") or of.get("expiration_date"):
        return None
    return json.dumps([memory.fact.kind, of.get("language"), _setting(memory)])


def clusters(pairs: Sequence[tuple[str, str, float]]) -> list[list[str]]:
    """Stars of memories around the one with the most neighbours; each memory is in one at most."""
    near: dict[str, dict[str, float]] = defaultdict(dict)
    for one, other, score in pairs:
        near[one][other] = near[other][one] = score
    free = set(near)
    found = []
    for centre in sorted(near, key=lambda each: (-len(near[each]), each)):
        around = sorted((near[centre][each], each) for each in near[centre] if each in free)
        if centre in free and len(around) >= MIN_CLUSTER - 1:
            found.append(sorted([centre, *(each for _, each in around[::-1][: MAX_CLUSTER - 1])]))
            free -= set(found[-1])
    return found


def joined(kept: Fact, others: Sequence[Fact]) -> dict[str, Any]:
    """The metadata of a memory that takes others in: its own, and of theirs what it lacks."""
    metadata = dict(kept.metadata)
    for other in others:
        for key, value in other.metadata.items():
            if key not in CORE_KEYS and key not in _ORIGIN:
                metadata.setdefault(key, value)
    taken = [*_listed(kept, "merged_from")]
    for other in others:
        taken += [other.id, *_listed(other, "merged_from")]
    return metadata | _together([kept, *others]) | {"merged_from": taken}


def replacement(parents: Sequence[Fact], statement: str, now: datetime) -> dict[str, Any]:
    """The metadata of one statement that stands in its parents' place."""
    first = parents[0].metadata
    moment = now.isoformat()
    row = {"data": statement, "user_id": first["user_id"], "hash": content_hash(statement)}
    row |= {"created_at": moment, "updated_at": moment, "source": "tidy", "kind": parents[0].kind}
    row |= {key: first[key] for key in ("language", *_APART) if key in first}
    return row | _together(parents) | {"summary_of": [fact.id for fact in parents]}


def prunable(memories: Iterable[Kept], now: datetime) -> list[Pruning]:
    """What is old, was never recalled and never confirmed, the oldest first."""
    found = []
    for each in memories:
        touched = each.untouched(now)
        if touched is None:
            continue
        reason = f"not written, recalled or confirmed since {touched:%Y-%m-%d}"
        found.append((touched, Pruning(each.id, each.fact.text, reason)))
    return [proposal for _, proposal in sorted(found, key=lambda pair: (pair[0], pair[1].memory_id))[:MAX_PROPOSALS]]


def _setting(memory: Kept) -> str:
    return json.dumps([memory.metadata.get(key) for key in _APART], sort_keys=True)


def _rank(fact: Fact) -> tuple[int, str, str]:
    """The person's own edit before what has a quote, before the rest; then by age."""
    source = 0 if fact.metadata.get("source") == "person" else 1 if fact.quote else 2
    return source, str(fact.created_at or "9999"), fact.id


def _together(facts: Sequence[Fact]) -> dict[str, Any]:
    """What memories have together: quotes, entities and relations, and the latest confirmation."""
    together: dict[str, Any] = {key: _distinct(facts, key) for key in _DRAWN}
    together["quotes"] = list(
        dict.fromkeys(quote for fact in facts for quote in (fact.quote, *_listed(fact, "quotes")) if quote)
    )
    confirmed = [each for fact in facts if isinstance(each := fact.metadata.get("confirmed_at"), str)]
    together["confirmed_at"] = max(confirmed, default=None)
    return {key: value for key, value in together.items() if value}


def _distinct(facts: Sequence[Fact], key: str) -> list[Any]:
    found: list[Any] = []
    for fact in facts:
        found += [each for each in _listed(fact, key) if each not in found]
    return found


def _listed(fact: Fact, key: str) -> list[Any]:
    value = fact.metadata.get(key)
    return value if isinstance(value, list) else []


def read_moment(moment: Any) -> datetime | None:
    """A time as rows carry it, or nothing."""
    try:
        read = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
