"""Counts what this process does, for whoever runs it, and writes the counts in the text form that Prometheus reads.

    TOKENS.add(120, kind="read")
    with RECALL.timed(): ...
    written([Gauge("keepsake_queue_turns", "Turns that wait.", {(): 3.0})])

Labels are words of the source, never of a person; no figure names anybody. Each process has its own figures.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import AppError, LeaseLost
from .tracing import begin

__all__ = [
    "ERRORS",
    "PAGES",
    "READS",
    "RECALL",
    "REPLIES",
    "REQUESTS",
    "TOKENS",
    "TURNS",
    "Counter",
    "Durations",
    "Gauge",
    "Labels",
    "counted_turn",
    "note_error",
    "written",
]

Labels = tuple[str, ...]
MOST_SERIES = 200  # of one figure; a label with more values than the source has would be a mistake
BEYOND = "other"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)


@dataclass(frozen=True)
class Gauge:
    """A figure as it is at this moment: one value for each combination of its labels."""

    name: str
    meaning: str
    values: Mapping[Labels, float]
    labels: Labels = ()

    def lines(self) -> Iterator[str]:
        """Yield the lines of this figure."""
        yield from _heading(self.name, self.meaning, "gauge")
        for values, amount in sorted(self.values.items()):
            yield f"{self.name}{_labelled(self.labels, values)} {amount!r}"


class Counter:
    """A figure that only grows while the process runs."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._lock = threading.Lock()
        self._amounts: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Add to the count of these labels."""
        with self._lock:
            key = _key(self.labels, labels, self._amounts)
            self._amounts[key] = self._amounts.get(key, 0.0) + amount

    def of(self, **labels: str) -> float:
        """Return the count of these labels."""
        with self._lock:
            return self._amounts.get(tuple(labels[name] for name in self.labels), 0.0)

    def lines(self) -> Iterator[str]:
        """Yield the lines of this figure."""
        with self._lock:
            amounts = sorted(self._amounts.items())
        yield from _heading(self.name, self.meaning, "counter")
        for values, amount in amounts:
            yield f"{self.name}{_labelled(self.labels, values)} {amount!r}"


@dataclass
class _Spread:
    """How many durations lie in each span, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total: float = 0.0


class Durations:
    """How long something takes: a histogram in seconds, which also counts how often it is done."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._lock = threading.Lock()
        self._spreads: dict[Labels, _Spread] = {} if labels else {(): _Spread()}

    def add(self, seconds: float, **labels: str) -> None:
        """Add one duration."""
        with self._lock:
            spread = self._spreads.setdefault(_key(self.labels, labels, self._spreads), _Spread())
            spread.counts[bisect_left(SECONDS, seconds)] += 1
            spread.total += seconds

    @contextmanager
    def timed(self, began: float | None = None, **labels: str) -> Iterator[None]:
        """Add the time from now, or from a moment of `time.perf_counter`, until the block ends, however it ends."""
        began = time.perf_counter() if began is None else began
        try:
            yield
        finally:
            self.add(time.perf_counter() - began, **labels)

    def times(self, **labels: str) -> int:
        """Return how many durations these labels have."""
        with self._lock:
            spread = self._spreads.get(tuple(labels[name] for name in self.labels))
            return sum(spread.counts) if spread else 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of this figure."""
        with self._lock:
            spreads = [(values, list(each.counts), each.total) for values, each in sorted(self._spreads.items())]
        yield from _heading(self.name, self.meaning, "histogram")
        for values, counts, total in spreads:
            below = 0
            for limit, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                below += count
                yield f"{self.name}_bucket{_labelled((*self.labels, 'le'), (*values, limit))} {below}"
            yield f"{self.name}_sum{_labelled(self.labels, values)} {total!r}"
            yield f"{self.name}_count{_labelled(self.labels, values)} {below}"


def _key(names: Labels, given: Mapping[str, str], known: Mapping[Labels, object]) -> Labels:
    """Return the labels in order; one that would be too many counts as another."""
    key = tuple(given[name] for name in names)
    return key if key in known or len(known) < MOST_SERIES else (BEYOND,) * len(names)


def _heading(name: str, meaning: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def _labelled(names: Labels, values: Labels) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}" if names else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


REQUESTS = Durations("keepsake_request_seconds", "Requests over HTTP.", "server", "call", "status")
PAGES = Durations("keepsake_page_seconds", "Runs of a page, from a click until it is drawn.", "page")
REPLIES = Durations("keepsake_reply_seconds", "Replies, from the question until they ended.", "status")
TURNS = Durations("keepsake_turn_seconds", "Turns and imported messages that a worker took.", "outcome")
RECALL = Durations("keepsake_recall_seconds", "Searches of the memories, embedding included.")
TOKENS = Counter("keepsake_tokens_total", "Tokens that the models reported, or that were estimated.", "purpose", "kind")
READS = Counter("keepsake_reads_total", "Reads for which there is a replica, by the server that answered.", "server")
ERRORS = Counter("keepsake_errors_total", "Errors, by their kind.", "kind")
_ALL: tuple[Counter | Durations, ...] = (REQUESTS, PAGES, REPLIES, TURNS, RECALL, TOKENS, READS, ERRORS)


def note_error(error: BaseException) -> None:
    """Count an error once, however many blocks it passes through."""
    if not getattr(error, "is_counted", False):
        error.is_counted = True  # type: ignore[attr-defined]
        ERRORS.add(kind=type(error).__name__)


@contextmanager
def counted_turn() -> Iterator[None]:
    """Give a turn or an import that a worker took an id, and count how it ends and how long it took."""
    begin()
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "remembered"
    except LeaseLost:
        outcome = "taken away"
        raise
    except AppError:
        outcome = "postponed"
        raise
    finally:
        TURNS.add(time.perf_counter() - began, outcome=outcome)


def written(gauges: Iterable[Gauge] = ()) -> str:
    """Return all figures of this process, and these gauges, as Prometheus reads them."""
    figures: list[Counter | Durations | Gauge] = [*_ALL, *gauges]
    return "\n".join(line for figure in figures for line in figure.lines()) + "\n"
