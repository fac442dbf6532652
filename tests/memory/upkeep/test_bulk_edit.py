"""Many memories at once: pages, several deleted in one run, and an uploaded file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from memory import Memory, Said
from memory.errors import InvalidInput, NotFound
from memory.imports import files

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _fill(memory: Memory, number: int) -> list[str]:
    said = [Said("user", f"message {n}", AT - timedelta(minutes=n)) for n in range(number)]
    return [each["id"] for each in memory.add(said, user_id="alice", infer=False)["results"]]


def test_pages_list_the_newest_first_and_past_the_end_comes_the_last_page(memory: Memory) -> None:
    _fill(memory, 7)
    shown = [memory.bulk_edit.page(user_id="alice", number=number, size=3) for number in (-1, 1, 2, 3, 99)]
    assert [[each["memory"][-1] for each in page.results] for page in shown] == [
        ["0", "1", "2"],
        ["0", "1", "2"],
        ["3", "4", "5"],
        ["6"],
        ["6"],
    ]
    assert {page.total for page in shown} == {7}
    assert memory.bulk_edit.page(user_id="bob").total == 0
    found = memory.bulk_edit.page(user_id="alice", filters={"data": {"$icontains": "MESSAGE 5"}})
    assert [each["memory"] for each in found.results] == ["message 5"]


def test_all_returns_every_memory(memory: Memory) -> None:
    _fill(memory, 1_003)
    assert len(memory.bulk_edit.all(user_id="alice")) == 1_003
    assert memory.bulk_edit.all(user_id="bob") == []


def test_several_are_deleted_as_one_run_whose_undo_can_be_undone(memory: Memory) -> None:
    ids = _fill(memory, 5)
    before = memory.get_all(user_id="alice")
    change = memory.bulk_edit.delete([*ids[:3], ids[0], "gone"], user_id="alice")
    assert change.count == 3
    assert len(memory.get_all(user_id="alice")["results"]) == 2
    memory.undo(change.run, user_id="alice")
    assert memory.get_all(user_id="alice") == before


def test_another_persons_run_cannot_be_undone(memory: Memory) -> None:
    change = memory.bulk_edit.delete(_fill(memory, 2), user_id="alice")
    with pytest.raises(NotFound):
        memory.undo(change.run, user_id="bob")
    assert memory.bulk_edit.delete(_fill(memory, 1), user_id="bob").count == 0


def test_an_export_is_imported_once_and_also_into_another_account(memory: Memory) -> None:
    _fill(memory, 3)
    held = json.dumps({"results": memory.bulk_edit.all(user_id="alice")}).encode()
    first = memory.bulk_edit.import_file(held, "mine.json", user_id="bob")
    assert first.count == 3
    assert memory.bulk_edit.import_file(held, "mine.json", user_id="bob").count == 0
    assert {each["memory"] for each in memory.bulk_edit.all(user_id="bob")} == {f"message {n}" for n in range(3)}
    memory.undo(first.run, user_id="bob")
    assert memory.bulk_edit.all(user_id="bob") == []


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (b"\xff\xfe", "is not JSON in UTF-8: save it in that encoding first"),
        (b"[" * 200_000, "the nesting too deep"),
        (b'{"results": 5}', "holds no list"),
        (b'[{"memory": "x"}, {"memory": ""}]', "Entry 2 .* needs some text"),
        (b'[{"memory": "x", "user_id": "a"}, {"memory": "y", "user_id": "b"}]', "Entry 1 .* another user"),
        (b'[{"memory": "x", "user_id": ["a"]}, {"memory": "y", "user_id": {}}]', "Entry 1 .* another user"),
        (b"[" + b",".join([b"1"] * (files.MAX_ENTRIES + 1)) + b"]", "may hold at most 5,000"),
        (b" " * (files.MAX_BYTES + 1), "larger than 10 MB"),
    ],
)
def test_a_file_with_one_wrong_entry_imports_nothing(untouched: Memory, held: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        untouched.bulk_edit.import_file(held, "mine.json", user_id="alice")


def test_a_file_with_too_many_memories_imports_nothing(untouched: Memory) -> None:
    with pytest.raises(InvalidInput, match="holds 2 memories, but there is room for only 1 more"):
        untouched.bulk_edit.import_file(b'[{"memory": "x"}, {"memory": "y"}]', "mine.json", user_id="alice", room=1)
