"""The health of one person's memories: how many there are of each kind, and which of them deserve a look.

It needs at most two trips to the database, however many memories there are; the rest is computed from them. It changes
nothing; `Tidy.merge` merges duplicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from .. import arguments
from ..facts import Fact, Result
from ..rows.store import Store
from .grouping import MemoryWithUse, read_moment
from .tidy import Survey

__all__ = ["Health", "HealthCheck", "ReviewItem", "ReviewList", "examine"]

Reason = Literal["expired", "past", "untouched", "unused", "unconfirmed"]
# A new memory gets time to be used, and time to be said again, before it is listed.
UNUSED_AFTER, UNCONFIRMED_AFTER = timedelta(days=30), timedelta(days=90)
PAST_AFTER = timedelta(days=30)  # after the day of something that was still ahead when it was kept
MOST_SHOWN, MOST_MONTHS = 100, 24


@dataclass(frozen=True)
class ReviewItem:
    """A memory that deserves a look, why, and since when."""

    memory: Result
    reason: Reason
    since: datetime


@dataclass(frozen=True)
class ReviewList:
    """The memories of one sort that deserve a look: their number, and the oldest of them."""

    count: int = 0
    shown: tuple[ReviewItem, ...] = ()


@dataclass(frozen=True)
class Health:
    """The result of a health check. Expired memories are counted under `stale` only."""

    total: int = 0
    recalled: int = 0  # given to a reply at least once
    kinds: Mapping[str, int] = field(default_factory=dict)
    months: tuple[tuple[str, int], ...] = ()  # such as ("2026-11", 3); every month up to this one
    copies: int = 0  # memories that say the same as another
    duplicates: tuple[tuple[Result, ...], ...] = ()  # groups; the first memory of each is the one to keep
    stale: ReviewList = ReviewList()
    unused: ReviewList = ReviewList()  # never recalled
    unconfirmed: ReviewList = ReviewList()  # recalled, but never said again

    @property
    def well(self) -> bool:
        """True if nothing needs the person's attention; unconfirmed memories may wait."""
        return not (self.copies or self.stale.count or self.unused.count)


class HealthCheck:
    """Examines one user's memories."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._survey = Survey(store)

    def read(self, *, user_id: str, now: datetime | None = None) -> Health:
        """Examine the memories as they are now."""
        owner = arguments.asking(user_id)
        moment = now or datetime.now(UTC)
        memories = self._survey.memories(owner, as_said=True)
        groups = self._survey.duplicates(owner, list(_statements(_current(memories, moment))))
        return examine(memories, groups, moment)

    def use(self, *, user_id: str) -> dict[str, dict[str, Any]]:
        """Return how often each memory was recalled and confirmed, and when last."""
        return self._store.use(arguments.asking(user_id))


def examine(memories: Sequence[MemoryWithUse], groups: Sequence[Sequence[Fact]], now: datetime) -> Health:
    """Compute the health of these memories, among which these groups say the same."""
    current = list(_current(memories, now))
    stale = _listed(_statements(memories), now, _stale)
    stale_ids = {memory.id for memory, _, _ in stale}
    rest = [each for each in _statements(current) if each.id not in stale_ids]
    return Health(
        total=len(current),
        recalled=sum(each.recalled > 0 for each in current),
        kinds=dict(Counter(each.fact.kind for each in current).most_common()),
        months=_months(current, now),
        copies=sum(len(group) - 1 for group in groups),
        duplicates=tuple(tuple(fact.result() for fact in group) for group in groups[:MOST_SHOWN]),
        stale=_review_list(stale),
        unused=_review_list(_listed(rest, now, _unused)),
        unconfirmed=_review_list(_listed(rest, now, _unconfirmed)),
    )


_ReasonSince = tuple[Reason, datetime]


def _stale(memory: MemoryWithUse, now: datetime) -> _ReasonSince | None:
    """Return why a memory is out of date: it has expired, its day is past, or it was long not touched."""
    if memory.expired(now):
        return "expired", _day(memory.metadata.get("expiration_date")) or now
    day = _day(memory.metadata.get("happened_at"))
    # A wedding that was past when it was told stays a fact; a flight that was ahead then is out of date now.
    if day is not None and day < now - PAST_AFTER and (kept := memory.touched_at()) and kept < day:
        return "past", day
    touched = memory.untouched(now)
    return ("untouched", touched) if touched else None


def _unused(memory: MemoryWithUse, now: datetime) -> _ReasonSince | None:
    if memory.recalled or memory.confirmed or memory.fact.kind == "instruction" or memory.fact.always_included:
        return None
    touched = memory.touched_at()
    return ("unused", touched) if touched and now - touched >= UNUSED_AFTER else None


def _unconfirmed(memory: MemoryWithUse, now: datetime) -> _ReasonSince | None:
    """Return why a memory needs confirming: replies use it, and the person has not said it again."""
    if not memory.recalled or memory.confirmed:
        return None
    touched = memory.touched_at()
    return ("unconfirmed", touched) if touched and now - touched >= UNCONFIRMED_AFTER else None


def _listed(
    memories: Iterable[MemoryWithUse], now: datetime, why: Callable[[MemoryWithUse, datetime], _ReasonSince | None]
) -> list[tuple[MemoryWithUse, Reason, datetime]]:
    return [(each, *reason) for each in memories if (reason := why(each, now))]


def _review_list(entries: Sequence[tuple[MemoryWithUse, Reason, datetime]]) -> ReviewList:
    first = sorted(entries, key=lambda each: (each[2], each[0].id))[:MOST_SHOWN]
    return ReviewList(
        len(entries), tuple(ReviewItem(memory.fact.result(), reason, since) for memory, reason, since in first)
    )


def _current(memories: Iterable[MemoryWithUse], now: datetime) -> Iterator[MemoryWithUse]:
    return (each for each in memories if not each.expired(now))


def _statements(memories: Iterable[MemoryWithUse]) -> Iterator[MemoryWithUse]:
    """Leave out messages that are kept as they were said: they are a record, which is not tidied."""
    return (each for each in memories if "role" not in each.metadata)


def _months(memories: Iterable[MemoryWithUse], now: datetime) -> tuple[tuple[str, int], ...]:
    kept = [read_moment(each.metadata.get("created_at")) for each in memories]
    counted = Counter(each.year * 12 + each.month - 1 for each in kept if each)
    last = now.year * 12 + now.month - 1
    first = max(min(counted, default=last), last - MOST_MONTHS + 1)
    return tuple((f"{month // 12:04}-{month % 12 + 1:02}", counted[month]) for month in range(first, last + 1))


def _day(written: Any) -> datetime | None:
    """Return the beginning of the day that a row names; a year or a month alone is no day."""
    try:
        day = date.fromisoformat(str(written)[:10])
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
