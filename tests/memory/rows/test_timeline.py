"""The time line: memories by the day they are about, with earlier texts, page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from tests.memory.learn.test_remember import answer, operation
from tests.memory.mem0 import Mem0
from tests.scripted import ScriptedModel


def _keep(memory: Memory, words: str, day: int = 1, **metadata: Any) -> str:
    at = datetime(2026, 3, day, 12, tzinfo=UTC)
    [kept] = memory.add(Said("user", words, at), user_id="ann", infer=False, metadata=metadata)["results"]
    return str(kept["id"])


def _texts(memory: Memory, **asked: Any) -> list[str]:
    return [each.fact.text for each in memory.bulk_edit.along_time(user_id="ann", **asked)[0]]


def test_an_event_is_listed_on_its_day_and_other_memories_on_the_day_they_were_said(memory: Memory) -> None:
    _keep(memory, "I was in Rome", 3, happened_at="2025-12-24", kind="event")
    _keep(memory, "I like tea", 2, kind="preference")
    entries, total = memory.bulk_edit.along_time(user_id="ann")
    assert [(each.fact.text, each.day[:10], each.happened) for each in entries] == [
        ("I like tea", "2026-03-02", False),
        ("I was in Rome", "2025-12-24", True),
    ]
    assert total == 2


def test_a_change_shows_the_earlier_text_unless_it_was_undone(memory: Memory) -> None:
    kept = _keep(memory, "I live in Porto")
    memory.update(kept, "I live in Lisbon", user_id="ann")
    memory.update(kept, "I live in Braga", user_id="ann")
    changes = [(each.before, each.after) for each in memory.bulk_edit.along_time(user_id="ann")[0] if each.before]
    assert changes == [("I live in Lisbon", "I live in Braga"), ("I live in Porto", "I live in Lisbon")]
    memory.undo(memory.history(kept, user_id="ann")[-1]["id"], user_id="ann")
    changes = [(each.before, each.after) for each in memory.bulk_edit.along_time(user_id="ann")[0] if each.before]
    assert changes == [("I live in Porto", "I live in Lisbon")]


def test_a_deleted_memory_and_its_changes_are_not_listed(memory: Memory) -> None:
    kept = _keep(memory, "I live in Porto")
    memory.update(kept, "I live in Lisbon", user_id="ann")
    memory.delete(kept, user_id="ann")
    assert memory.bulk_edit.along_time(user_id="ann") == ([], 0)


def test_kinds_are_chosen_and_rows_without_one_count_as_facts(memory: Memory) -> None:
    _keep(memory, "I like tea", kind="preference")
    _keep(memory, "I keep bees")
    assert _texts(memory, kinds=["preference"]) == ["I like tea"]
    assert _texts(memory, kinds=["fact"]) == ["I keep bees"]
    assert len(_texts(memory, kinds=["x' or true --"])) == 2


def test_pages_list_every_entry_once_and_past_the_end_comes_the_last_page(memory: Memory) -> None:
    for number in range(1, 8):
        _keep(memory, f"Fact {number}", number)
    pages = [_texts(memory, number=number, size=3) for number in (1, 2, 3)]
    assert [len(each) for each in pages] == [3, 3, 1]
    assert [told for page in pages for told in page] == [f"Fact {number}" for number in range(7, 0, -1)]
    assert _texts(memory, number=99, size=3) == pages[2]
    assert _texts(memory, number=-5, size=3) == pages[0]


@pytest.mark.parametrize(("about", "day"), [("2019-05", "2019-05-01"), ("2019", "2019-01-01")])
def test_an_event_of_a_month_or_a_year_is_listed_on_its_first_day(memory: Memory, about: str, day: str) -> None:
    _keep(memory, "I married in Rome", 2, happened_at=about, kind="event")
    [entry] = memory.bulk_edit.along_time(user_id="ann")[0]
    assert (entry.day, entry.happened) == (day, True)


@pytest.mark.parametrize("odd", ["last spring", 5, ["2026"], {"a": 1}, "", None, "99999-99-99"])
def test_an_invalid_date_counts_as_none(memory: Memory, odd: Any) -> None:
    _keep(memory, "I keep bees", 2, happened_at=odd)
    [entry] = memory.bulk_edit.along_time(user_id="ann")[0]
    assert entry.day.startswith("2026-03-02")
    assert not entry.happened


def test_each_person_has_their_own_time_line(memory: Memory) -> None:
    _keep(memory, "I keep bees")
    assert memory.bulk_edit.along_time(user_id="ben") == ([], 0)


# -- the words of the day --------------------------------------------------------------------------


def _entries(memory: Memory) -> list[tuple[str, str]]:
    return [(each.words, each.day[:10]) for each in memory.bulk_edit.along_time(user_id="ann")[0]]


def _now() -> str:
    return datetime.now(UTC).date().isoformat()


def test_an_old_entry_keeps_the_words_of_its_day(memory: Memory) -> None:
    kept = _keep(memory, "I live in Porto")
    memory.update(kept, "I live in Lisbon", user_id="ann")
    assert _entries(memory) == [("I live in Lisbon", _now()), ("I live in Porto", "2026-03-01")]
    changed = memory.history(kept, user_id="ann")[-1]["id"]
    memory.undo(changed, user_id="ann")
    assert _entries(memory) == [("I live in Porto", "2026-03-01")]
    memory.undo(memory.history(kept, user_id="ann")[-1]["id"], user_id="ann")
    assert _entries(memory) == [("I live in Lisbon", _now()), ("I live in Porto", "2026-03-01")]


def test_the_words_of_the_day_are_shown_where_mem0_made_the_change(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    kept = _keep(memory, "I live in Porto")
    before = datetime.now(UTC)
    [row] = database.read_as("ann", "select metadata from vecs.memories")
    changed = {**row["metadata"], "data": "I live in Lisbon", "updated_at": "2026-04-02T10:00:00+00:00"}
    Mem0(database, embedder).write([{"id": kept, "metadata": changed}])
    assert _entries(memory) == [("I live in Lisbon", "2026-04-02"), ("I live in Porto", "2026-03-01")]
    for day, words in ((before, "I live in Porto"), (datetime.now(UTC), "I live in Lisbon")):
        assert [each["memory"] for each in memory.get_all(user_id="ann", as_of=day)["results"]] == [words]
        assert [each.text for each in memory.recall("Where do I live?", user_id="ann", as_of=day)] == [words]


def test_a_change_by_a_program_that_sets_no_time_stands_on_the_day_it_was_made(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    kept = _keep(memory, "I live in Porto")
    [row] = database.read_as("ann", "select metadata from vecs.memories")
    Mem0(database, embedder).write([{"id": kept, "metadata": {**row["metadata"], "data": "I live in Lisbon"}}])
    assert _entries(memory) == [("I live in Lisbon", _now()), ("I live in Porto", "2026-03-01")]


def test_words_that_mem0_changed_before_the_takeover_stand_on_the_day_of_that_change(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    times = {"created_at": "2024-01-01T10:00:00+00:00", "updated_at": "2025-06-01T10:00:00+00:00"}
    row = {"data": "I live in Faro", "hash": "h", "user_id": "ann", **times}
    Mem0(database, embedder).write([{"id": "theirs", "metadata": row}])
    assert _entries(memory) == [("I live in Faro", "2025-06-01")]


def test_a_memory_that_is_about_a_day_by_now_was_told_without_one(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    model, learning = scripted_model, Memory(database, embedder, scripted_model)
    told, moved = "I live in Porto", "I moved to Lisbon"
    model.enqueue(answer(operation("add", told, told)))
    learning.add(told, user_id="ann", at=datetime(2026, 3, 1, tzinfo=UTC))
    model.enqueue(answer(operation("update", moved, moved, target=1, happened_at="2026-02-20")))
    learning.add(moved, user_id="ann", at=datetime(2026, 3, 5, tzinfo=UTC))
    assert _entries(learning) == [(moved, "2026-03-05"), (told, "2026-03-01"), (moved, "2026-02-20")]
