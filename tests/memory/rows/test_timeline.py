"""The time line: memories by the day they are about, with earlier texts, page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memory import Memory, Said


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


@pytest.mark.parametrize("odd", ["last spring", 5, ["2026"], {"a": 1}, "", None, "99999-99-99"])
def test_an_invalid_date_counts_as_none(memory: Memory, odd: Any) -> None:
    _keep(memory, "I keep bees", 2, happened_at=odd)
    [entry] = memory.bulk_edit.along_time(user_id="ann")[0]
    assert entry.day.startswith("2026-03-02")
    assert not entry.happened


def test_each_person_has_their_own_time_line(memory: Memory) -> None:
    _keep(memory, "I keep bees")
    assert memory.bulk_edit.along_time(user_id="ben") == ([], 0)
