"""How one person's memories are: how many there are and of what, and what of them is worth a look.

Two messages to the database at most, however many memories there are; the rest is worked out from them. It changes
nothing by itself: `merge` does what the person has been shown, other wishes are shelf.py's and confirming.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from .. import arguments
from ..database import Database
from ..facts import Fact, Result
from ..rows.store import Store
from .order import Kept, read_moment
from .tidy import Survey

__all__ = ["Health", "HealthCheck", "ReviewItem", "ReviewList", "examined"]

Reason = Literal["expired", "past", "untouched", "unused", "unconfirmed"]
# A memory has time to be of use before it counts as unused, and time to be said again.
UNUSED_AFTER, UNCONFIRMED_AFTER = timedelta(days=30), timedelta(days=90)
PAST_AFTER = timedelta(days=30)  # since what lay ahead when it was kept
MOST_SHOWN, MOST_MONTHS = 100, 24


@dataclass(frozen=True)
class ReviewItem:
    """A memory that is worth a look, why, and since when that is so."""

    memory: Result
    reason: Reason
    since: datetime


@dataclass(frozen=True)
class ReviewList:
    """All memories of one sort that are worth a look: how many, and the first of them, the oldest first."""

    count: int = 0
    shown: tuple[ReviewItem, ...] = ()


@dataclass(frozen=True)
class Health:
    """What the look at somebody's memories brought; what has expired is counted under `stale` only."""

    total: int = 0
    recalled: int = 0  # given to a reply at least once
    kinds: Mapping[str, int] = field(default_factory=dict)
    months: tuple[tuple[str, int], ...] = ()  # "2026-11" and what was kept in it, up to this one without a gap
    copies: int = 0  # that say the same as another
    duplicates: tuple[tuple[Result, ...], ...] = ()  # groups, of each the one to keep first
    stale: ReviewList = ReviewList()
    unused: ReviewList = ReviewList()  # never recalled
    unconfirmed: ReviewList = ReviewList()  # recalled, and never said again

    @property
    def well(self) -> bool:
        """Whether there is nothing that should be seen to; what is merely unconfirmed may wait."""
        return not (self.copies or self.stale.count or self.unused.count)


class HealthCheck:
    """Looks how one user's memories are."""

    def __init__(self, database: Database, store: Store) -> None:
        self._survey = Survey(database)
        self._store = store

    def read(self, *, user_id: str, now: datetime | None = None) -> Health:
        """How they are, at this moment."""
        whose = arguments.asking(user_id)
        moment = now or datetime.now(UTC)
        memories = self._survey.memories(whose, as_said=True)
        groups = self._survey.duplicates(whose, list(_statements(_living(memories, moment))))
        return examined(memories, groups, moment)

    def use(self, *, user_id: str) -> dict[str, dict[str, Any]]:
        """Return how often each memory was recalled and confirmed, and when last."""
        return self._store.use(arguments.asking(user_id))


def examined(memories: Sequence[Kept], groups: Sequence[Sequence[Fact]], now: datetime) -> Health:
    """What these memories, and the groups among them that say the same, come to."""
    living = list(_living(memories, now))
    statements = [*_statements(living)]
    stale = _each(_statements(memories), now, _stale)
    seen = {memory.id for memory, _, _ in stale}
    rest = [each for each in statements if each.id not in seen]
    return Health(
        total=len(living),
        recalled=sum(each.recalled > 0 for each in living),
        kinds=dict(Counter(each.fact.kind for each in living).most_common()),
        months=_months(living, now),
        copies=sum(len(group) - 1 for group in groups),
        duplicates=tuple(tuple(fact.result() for fact in group) for group in groups[:MOST_SHOWN]),
        stale=_finding(stale),
        unused=_finding(_each(rest, now, _unused)),
        unconfirmed=_finding(_each(rest, now, _unconfirmed)),
    )


_Why = tuple[Reason, datetime]


def _stale(memory: Kept, now: datetime) -> _Why | None:
    """It has expired; what lay ahead is over; or nobody wrote, recalled or confirmed it for long."""
    if memory.expired(now):
        return "expired", _day(memory.metadata.get("expiration_date")) or now
    day = _day(memory.metadata.get("happened_at"))
    # A wedding that was over when it was told of is a fact for good; a flight that was ahead is none any more.
    if day is not None and day < now - PAST_AFTER and (kept := memory.touched_at()) and kept < day:
        return "past", day
    touched = memory.untouched(now)
    return ("untouched", touched) if touched else None


def _unused(memory: Kept, now: datetime) -> _Why | None:
    if memory.recalled or memory.confirmed or memory.fact.kind == "instruction":
        return None
    touched = memory.touched_at()
    return ("unused", touched) if touched and now - touched >= UNUSED_AFTER else None


def _unconfirmed(memory: Kept, now: datetime) -> _Why | None:
    """Replies rest on it, and the person has not said it since it was kept."""
    if not memory.recalled or memory.confirmed:
        return None
    touched = memory.touched_at()
    return ("unconfirmed", touched) if touched and now - touched >= UNCONFIRMED_AFTER else None


def _each(
    memories: Iterable[Kept], now: datetime, why: Callable[[Kept, datetime], _Why | None]
) -> list[tuple[Kept, Reason, datetime]]:
    return [(each, *found) for each in memories if (found := why(each, now))]


def _finding(found: Sequence[tuple[Kept, Reason, datetime]]) -> ReviewList:
    first = sorted(found, key=lambda each: (each[2], each[0].id))[:MOST_SHOWN]
    return ReviewList(
        len(found), tuple(ReviewItem(memory.fact.result(), reason, since) for memory, reason, since in first)
    )


def _living(memories: Iterable[Kept], now: datetime) -> Iterator[Kept]:
    return (each for each in memories if not each.expired(now))


def _statements(memories: Iterable[Kept]) -> Iterator[Kept]:
    """Without the messages that are kept as they were said: they are a record, and not to be put in order."""
    return (each for each in memories if "role" not in each.metadata)


def _months(memories: Iterable[Kept], now: datetime) -> tuple[tuple[str, int], ...]:
    kept = [read_moment(each.metadata.get("created_at")) for each in memories]
    counted = Counter(each.year * 12 + each.month - 1 for each in kept if each)
    last = now.year * 12 + now.month - 1
    first = max(min(counted, default=last), last - MOST_MONTHS + 1)
    return tuple((f"{month // 12:04}-{month % 12 + 1:02}", counted[month]) for month in range(first, last + 1))


def _day(written: Any) -> datetime | None:
    """The day that a row names, at its beginning; a year or a month alone is none."""
    try:
        day = date.fromisoformat(str(written)[:10])
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
