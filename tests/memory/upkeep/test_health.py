"""The health of memories: what is counted, what is listed and why, and merging duplicates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput
from memory.facts import content_hash
from memory.rows.store import Store
from memory.upkeep.grouping import MemoryWithUse
from memory.upkeep.health import Health, ReviewList, examine
from tests.memory.upkeep.test_tidy import Desk

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALICE = "alice"


def _ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


@pytest.fixture
def desk(database: Database, embedder: BundledEmbedder) -> Desk:
    return Desk(database, embedder)


def _aged(desk: Desk, words: str, days: float, **more: object) -> str:
    return desk.keep(words, **{"created_at": _ago(days), "updated_at": _ago(days), **more})


def _recalled(desk: Desk, *ids: str, confirmed: datetime | None = None) -> None:
    with desk.database.as_user(desk.user_id) as connection:
        desk.store.count_use(connection, list(ids), confirmed_at=confirmed)


def _health(memory: Memory) -> Health:
    return memory.health.read(user_id=ALICE, now=NOW)


def _said(finding: ReviewList) -> list[tuple[str, str]]:
    assert finding.count == len(finding.shown)
    return [(each.memory["memory"], each.reason) for each in finding.shown]


@contextmanager
def _trips(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_one: object, _two: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_without_memories_the_health_check_is_empty(memory: Memory) -> None:
    assert _health(memory) == Health(months=(("2026-11", 0),))
    assert _health(memory).well


def test_new_memories_are_well_whether_used_or_not(memory: Memory, desk: Desk) -> None:
    _recalled(desk, _aged(desk, "I keep bees", 3))
    _aged(desk, "I like green tea", 29, kind="preference")
    health = _health(memory)
    assert health.well
    assert (health.total, health.recalled, dict(health.kinds)) == (2, 1, {"fact": 1, "preference": 1})
    assert health.months == (("2026-10", 1), ("2026-11", 1))


def test_months_have_no_gap_and_go_back_two_years_at_most(memory: Memory, desk: Desk) -> None:
    _aged(desk, "I keep bees", 3_000)
    _aged(desk, "I like tea", 100)
    months = _health(memory).months
    assert len(months) == 24
    assert months[0][0] == "2024-12"
    assert sum(count for _, count in months) == 1


def test_duplicates_are_found_and_merged_and_the_merge_can_be_undone(memory: Memory, desk: Desk) -> None:
    first = _aged(desk, "I like tea.", 20)
    _aged(desk, "I really like tea", 10)
    other = [_aged(desk, "I have a red car", 9), _aged(desk, "I have the red car.", 8)]
    health = _health(memory)
    assert health.copies == 2
    assert not health.well
    assert {group[0]["memory"] for group in health.duplicates} == {"I like tea.", "I have a red car"}
    before = desk.rows()
    report = memory.tidy.merge(ALICE, [each["id"] for each in health.duplicates[0]])
    assert len(report.merged) == 1
    assert _health(memory).copies == 1  # the group that was not chosen stands as it was
    memory.undo(report.run, user_id=ALICE)
    assert desk.rows() == before
    assert not memory.tidy.merge(ALICE, [first, other[0], "none"]).changed


def test_merging_needs_ids_and_not_too_many(untouched: Memory) -> None:
    for wrong in ("abc", ["x"] * 1_001):
        with pytest.raises(InvalidInput):
            untouched.tidy.merge(ALICE, wrong)
    for wrong_user in ("", " ", "\n", "a\x00b", 7.5, True):
        with pytest.raises(InvalidInput):
            untouched.health.read(user_id=wrong_user)  # type: ignore[arg-type]


def test_stale_memories_are_listed_with_their_reason_the_oldest_first(memory: Memory, desk: Desk) -> None:
    _aged(desk, "I park in lot 3", 10, expiration_date="2026-11-15")
    _aged(desk, "My flight leaves soon", 80, kind="event", happened_at="2026-10-01")
    _aged(desk, "I married Ana", 10, kind="event", happened_at="2019-05-01")  # over when it was told: a fact
    _aged(desk, "My exam is next week", 10, kind="event", happened_at="2026-11-28")
    _aged(desk, "I once had a canary", 400)
    _aged(desk, "I wrote this myself", 400, source="person")
    _aged(desk, "Answer briefly", 400, kind="instruction")
    stale = _said(_health(memory).stale)
    assert stale == [
        ("I once had a canary", "untouched"),
        ("My flight leaves soon", "past"),
        ("I park in lot 3", "expired"),
    ]
    assert _health(memory).total == 6  # what has expired is not shown anywhere else


def test_unused_and_unconfirmed_differ_and_a_confirmation_ends_both(memory: Memory, desk: Desk) -> None:
    unused, used = _aged(desk, "I sing in a choir", 60), _aged(desk, "I live in Porto", 100)
    again = _aged(desk, "I work at the harbour", 100)
    _recalled(desk, used, again)
    _recalled(desk, again, confirmed=NOW)
    health = _health(memory)
    assert _said(health.unused) == [("I sing in a choir", "unused")]
    assert _said(health.unconfirmed) == [("I live in Porto", "unconfirmed")]
    change = memory.recheck.confirm([unused, used], user_id=ALICE)
    assert change.count == 2
    after = _health(memory)
    assert (after.unused.count, after.unconfirmed.count) == (0, 0)
    memory.undo(change.run, user_id=ALICE)
    assert _health(memory) == health


def test_messages_kept_as_said_are_counted_but_never_listed(memory: Memory) -> None:
    said = [{"role": "user", "content": words} for words in ("I like tea", "I like tea.", "Good morning")]
    memory.add(said, user_id=ALICE, infer=False, at=NOW - timedelta(days=400))
    health = _health(memory)
    assert health.total == 3
    assert health.well


def test_a_long_list_is_counted_completely_and_shown_in_part() -> None:
    old = [
        MemoryWithUse(str(n), {"data": f"Fact {n}", "user_id": ALICE, "hash": "x", "created_at": _ago(40 + n)})
        for n in range(130)
    ]
    health = examine(old, [], NOW)
    assert health.unused.count == 130
    assert len(health.unused.shown) == 100
    assert health.unused.shown[0].memory["id"] == "129"


@pytest.mark.parametrize("written", [None, 7, "soon", "2026", ["2026-01-01"], "2026-99-99", "2026-10-01T10:00:00Z"])
def test_rows_of_other_programs_can_be_examined(written: object) -> None:
    keys = ("created_at", "updated_at", "confirmed_at", "happened_at", "expiration_date", "kind", "source", "language")
    health = examine([MemoryWithUse("x", {"data": written, "user_id": ALICE, **dict.fromkeys(keys, written)})], [], NOW)
    assert health.total + health.stale.count == 1


def test_twenty_thousand_memories_are_read_in_two_trips(memory: Memory, database: Database) -> None:
    numbers = range(20_000)
    rows = [
        {
            "data": f"I have seen bird number {n // 2}" + "." * (n % 2),
            "user_id": ALICE,
            "kind": "fact",
            "quote": "x" * 80,
        }
        | {"hash": content_hash(f"{n}"), "created_at": _ago(n % 300), "updated_at": _ago(n % 300)}
        for n in numbers
    ]
    vectors = [[float(n // 2 % 7 + 1), 1.0, *[0.0] * 254] for n in numbers]
    with database.as_user(ALICE) as connection:
        Store(database, 256).insert(connection, list(zip(rows, vectors, strict=True)))
    began = time.thread_time()  # of this process: a busy machine is slow, not wrong
    with _trips(database) as trips:
        health = _health(memory)
    took = time.thread_time() - began
    assert len(trips) == 2
    assert (health.total, health.copies, len(health.duplicates)) == (20_000, 10_000, 100)
    assert took < 6, took
