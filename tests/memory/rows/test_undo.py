"""History, undo and "as of": every version and who made it, and exact restoration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.errors import InvalidInput, NotFound

pytestmark = pytest.mark.every_version

TEA, COFFEE, REDIS = "I like tea", "I like coffee", "I use Redis"


def _rows(database: Database, user_id: str = "alice") -> list[dict[str, Any]]:
    """Return all rows of memories, with their vectors."""
    return database.read_as(user_id, "select id, metadata, vec::text as vec from vecs.memories order by id")


def _add(memory: Memory, words: str, user_id: str = "alice") -> str:
    return str(memory.add(words, user_id=user_id)["results"][0]["id"])


def _last(memory: Memory) -> int:
    return int(memory.changes(user_id="alice", limit=1)[0]["id"])


def test_the_history_of_a_memory_has_every_version_with_its_author_and_reason(memory: Memory) -> None:
    kept = _add(memory, TEA)
    memory.update(kept, COFFEE, user_id="alice")
    memory.delete(kept, user_id="alice")
    told = [
        (each["event"], each["actor"], each["old_memory"], each["new_memory"])
        for each in memory.history(kept, user_id="alice")
    ]
    assert told == [("ADD", "rules", None, TEA), ("UPDATE", "person", TEA, COFFEE), ("DELETE", "person", COFFEE, None)]


@pytest.mark.parametrize("change", ["add", "update", "delete"])
def test_an_undo_restores_exactly_what_was_and_can_be_undone(memory: Memory, database: Database, change: str) -> None:
    kept = _add(memory, TEA) if change != "add" else ""
    before = _rows(database)
    if change == "add":
        _add(memory, TEA)
    elif change == "update":
        memory.update(kept, COFFEE, user_id="alice")
    else:
        memory.delete(kept, user_id="alice")
    after = _rows(database)
    memory.undo(_last(memory), user_id="alice")
    assert _rows(database) == before
    memory.undo(_last(memory), user_id="alice")
    assert _rows(database) == after


def test_an_undo_is_recorded_as_done_by_the_person(memory: Memory) -> None:
    kept = _add(memory, TEA)
    added = _last(memory)
    memory.undo(added, user_id="alice")
    undone = memory.history(kept, user_id="alice")[-1]
    assert (undone["event"], undone["actor"], undone["undoes"]) == ("DELETE", "person", added)


def test_a_change_cannot_be_undone_after_a_later_change(memory: Memory) -> None:
    kept = _add(memory, TEA)
    added = _last(memory)
    memory.update(kept, COFFEE, user_id="alice")
    with pytest.raises(InvalidInput, match="undo the later change first"):
        memory.undo(added, user_id="alice")
    assert [each["memory"] for each in memory.get_all(user_id="alice")["results"]] == [COFFEE]


def test_an_undo_does_not_make_a_duplicate(memory: Memory, database: Database) -> None:
    kept = _add(memory, TEA)
    memory.delete(kept, user_id="alice")
    removed = _last(memory)
    _add(memory, TEA)
    before = _rows(database)
    with pytest.raises(InvalidInput, match="says the same by now"):
        memory.undo(removed, user_id="alice")
    assert _rows(database) == before


def test_another_users_history_cannot_be_read(memory: Memory, database: Database) -> None:
    kept = _add(memory, TEA, "bob")
    theirs = int(memory.changes(user_id="bob")[0]["id"])
    assert memory.history(kept, user_id="alice") == []
    assert memory.changes(user_id="alice") == []
    with pytest.raises(NotFound, match="no such change"):
        memory.undo(theirs, user_id="alice")
    assert memory.get_all(user_id="alice", as_of=datetime.now(UTC))["results"] == []
    assert len(_rows(database, "bob")) == 1


@pytest.mark.parametrize("event", [0, -1, 10**12, "no such run"])
def test_an_unknown_change_cannot_be_undone(memory: Memory, event: int | str) -> None:
    with pytest.raises(NotFound, match="no such change"):
        memory.undo(event, user_id="alice")


def test_memories_can_be_read_as_of_a_day(memory: Memory) -> None:
    moments = []
    kept = _add(memory, TEA)
    moments.append(datetime.now(UTC))
    memory.update(kept, COFFEE, user_id="alice")
    moments.append(datetime.now(UTC))
    memory.delete(kept, user_id="alice")
    _add(memory, REDIS)
    moments.append(datetime.now(UTC))
    known = [
        [each["memory"] for each in memory.get_all(user_id="alice", as_of=moment)["results"]]
        for moment in (moments[0] - timedelta(days=1), *moments)
    ]
    assert known == [[], [TEA], [COFFEE], [REDIS]]


def test_a_person_who_writes_with_psql_is_in_the_history_too(memory: Memory, database: Database) -> None:
    kept = _add(memory, TEA)
    with database.as_user("alice") as connection:
        connection.execute(text("delete from vecs.memories"))
    assert memory.history(kept, user_id="alice")[-1]["actor"] == "outside"


def test_a_search_writes_no_history(memory: Memory) -> None:
    _add(memory, TEA)
    memory.search("tea", user_id="alice")
    memory.get_all(user_id="alice")
    assert len(memory.changes(user_id="alice")) == 1


WORDS = ("I like tea", "I like coffee", "I use Redis", "I live in Porto")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["add", "update", "delete"]), st.integers(0, 3)), min_size=1, max_size=6))
def test_undoing_all_changes_from_the_latest_restores_every_earlier_state(
    memory: Memory, database: Database, changes: list[tuple[str, int]]
) -> None:
    memory.delete_all(user_id="alice")
    states, events = [_rows(database)], []
    for action, number in changes:
        known = memory.get_all(user_id="alice")["results"]
        try:
            if action == "add":
                memory.add(WORDS[number], user_id="alice")
            elif known and action == "update":
                memory.update(known[number % len(known)]["id"], WORDS[number], user_id="alice")
            elif known:
                memory.delete(known[number % len(known)]["id"], user_id="alice")
        except InvalidInput:
            continue
        if _rows(database) != states[-1]:
            states.append(_rows(database))
            events.append(_last(memory))
    for event, state in zip(reversed(events), reversed(states[:-1]), strict=True):
        memory.undo(event, user_id="alice")
        assert _rows(database) == state
