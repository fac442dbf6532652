"""Rechecks: each memory is asked about once, a person once a week, and one question at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, NotFound
from memory.facts import Write
from memory.upkeep.recheck import LONG_PAUSE, OLD, PAUSE, Answer
from tests.memory.upkeep.test_tidy import Desk

NOW = datetime.now(UTC)
ALICE = "alice"
DAY = timedelta(days=1)


@pytest.fixture
def desk(database: Database, embedder: BundledEmbedder) -> Desk:
    return Desk(database, embedder)


def _old(desk: Desk, words: str, recalled: int = 1, days: float = 200, **more: Any) -> str:
    at = (NOW - timedelta(days=days)).isoformat()
    kept = desk.keep(words, **{"created_at": at, "updated_at": at, **more})
    with desk.database.as_user(desk.user_id) as connection:
        for _ in range(recalled):
            desk.store.count_use(connection, [kept])
    return kept


def _asked(memory: Memory, later: timedelta = timedelta(), user_id: str = ALICE) -> str | None:
    due = memory.recheck.due(user_id=user_id, now=NOW + later)
    return due["memory"] if due else None


def test_the_old_memory_that_is_recalled_most_is_asked_about(memory: Memory, desk: Desk) -> None:
    _old(desk, "I live in Porto", recalled=2)
    _old(desk, "I prefer short answers", recalled=5, kind="preference")
    assert _asked(memory) == "I prefer short answers"


@pytest.mark.parametrize(
    "more",
    [
        {"recalled": 0},
        {"days": OLD.days - 1},
        {"kind": "event"},
        {"role": "user"},
        {"confirmed_at": (NOW - DAY).isoformat()},
        {"updated_at": (NOW - DAY).isoformat()},
        {"expiration_date": "2020-01-01"},
    ],
)
def test_new_unused_past_and_confirmed_memories_are_not_asked_about(
    memory: Memory, desk: Desk, more: dict[str, Any]
) -> None:
    _old(desk, "I live in Porto", **more)
    assert _asked(memory) is None


def test_a_memory_that_was_said_again_lately_is_not_asked_about(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    with desk.database.as_user(ALICE) as connection:
        desk.store.count_use(connection, [kept], confirmed_at=NOW)
    assert _asked(memory) is None


def test_a_question_is_shown_for_a_day_and_the_next_comes_after_a_week(memory: Memory, desk: Desk) -> None:
    _old(desk, "I live in Porto", recalled=2)
    _old(desk, "I keep bees", recalled=1)
    assert _asked(memory) == "I live in Porto"
    assert _asked(memory, DAY / 2) == "I live in Porto"  # after a reload
    assert _asked(memory, DAY * 2) is None
    assert _asked(memory, PAUSE - DAY) is None
    assert _asked(memory, PAUSE + DAY) == "I keep bees"
    assert _asked(memory, 5 * PAUSE) is None  # each of them once


def test_two_tabs_at_once_ask_about_one_memory(memory: Memory, desk: Desk) -> None:
    for number in range(5):
        _old(desk, f"I own boat number {number}")
    with ThreadPoolExecutor(4) as tabs:
        asked = list(tabs.map(lambda _: _asked(memory), range(8)))
    assert len({each for each in asked if each}) == 1
    assert desk.database.read_as(ALICE, "select count(*) as n from app.confirmations") == [{"n": 1}]


def test_nothing_is_asked_while_a_question_about_a_contradiction_is_open(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    said = Said("user", "I live in Faro", NOW)
    write = Write("ask", "I live in Faro", "fact", "x", kept, None, None, "unsure", said, "I live in Porto")
    with desk.database.as_user(ALICE) as connection:
        memory.questions.ask(connection, desk.get(kept), write)
    assert _asked(memory) is None
    [question] = memory.questions.open(ALICE)
    memory.questions.answer(question.id, "neither", user_id=ALICE)
    _old(desk, "I keep bees")
    assert _asked(memory) == "I keep bees"


def test_still_true_makes_a_version_that_recall_prefers_and_that_can_be_undone(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    before = desk.rows()
    _asked(memory)
    change = memory.recheck.answer(kept, "true", user_id=ALICE)
    assert change.count == 1
    [found] = memory.search("Where do I live?", user_id=ALICE, explain=True)["results"]
    assert found["parts"]["confirmed"] > 0
    assert memory.history(kept, user_id=ALICE)[-1]["reason"] == "still true"
    memory.undo(change.run, user_id=ALICE)
    assert desk.rows() == before


def test_not_any_more_deletes_the_memory_and_can_be_undone(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    _asked(memory)
    change = memory.recheck.answer(kept, "gone", user_id=ALICE)
    assert memory.get(kept, user_id=ALICE) is None
    memory.undo(change.run, user_id=ALICE)
    assert memory.get(kept, user_id=ALICE) is not None


def test_dont_ask_causes_a_long_pause_and_changes_no_memory(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto", recalled=2)
    _old(desk, "I keep bees")
    _asked(memory)
    before = desk.rows()
    assert memory.recheck.answer(kept, "never", user_id=ALICE).count == 0
    assert desk.rows() == before
    assert _asked(memory, 2 * PAUSE) is None
    assert _asked(memory, LONG_PAUSE + DAY) == "I keep bees"


def test_an_answer_counts_once_and_only_to_a_question(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    strange: list[Any] = [kept, "none", "a\x00b", "", None, 7]
    for each in strange:
        with pytest.raises(NotFound):
            memory.recheck.answer(each, "gone", user_id=ALICE)
    _asked(memory)
    with pytest.raises(InvalidInput):
        memory.recheck.answer(kept, "maybe", user_id=ALICE)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        memory.recheck.answer(kept, "gone", user_id="bob")
    memory.recheck.answer(kept, "changed", user_id=ALICE)
    answers: list[Answer] = ["true", "gone"]
    for answer in answers:
        with pytest.raises(NotFound):
            memory.recheck.answer(kept, answer, user_id=ALICE)
    assert memory.get(kept, user_id=ALICE) is not None


def test_memories_are_confirmed_by_the_library(memory: Memory, desk: Desk) -> None:
    kept = _old(desk, "I live in Porto")
    memory.recheck.confirm([kept], user_id=ALICE)
    found = memory.get(kept, user_id=ALICE)
    assert found is not None
    assert found["metadata"]["confirmed_at"] > (found["created_at"] or "")
    for wrong in ("none", "a\x00b"):
        assert memory.recheck.confirm([wrong], user_id=ALICE).count == 0
    assert memory.recheck.confirm([kept], user_id="bob").count == 0
    many: list[Any] = ["abc", ["x"] * 1_001]
    for each in many:
        with pytest.raises(InvalidInput):
            memory.recheck.confirm(each, user_id=ALICE)


def test_recorded_questions_are_erased_with_everything(memory: Memory, desk: Desk) -> None:
    _old(desk, "I live in Porto")
    _asked(memory)
    assert memory.delete_all(user_id=ALICE).erased["confirmations"] == 1
    assert desk.database.read_as(ALICE, "select memory_id from app.confirmations") == []
