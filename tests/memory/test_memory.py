"""Memory as a library: what each call returns, and that it reaches only the user's own memories."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import md5
from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, MigrationNeeded, NotFound

TEA, REDIS = "I like green tea.", "I use Redis at work."
OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")


def _texts(results: dict[str, Any]) -> list[str]:
    return [each["memory"] for each in results["results"]]


def _keep(memory: Memory, words: str, user_id: str = "alice", **more: Any) -> str:
    """Store one statement; return its id."""
    [event] = memory.add(words, user_id=user_id, **more)["results"]
    return str(event["id"])


def _history(database: Database, user_id: str = "alice") -> list[tuple[str, str, str | None, str | None]]:
    rows = database.read_as(
        user_id,
        "select action, actor, old_metadata ->> 'data' as old, new_metadata ->> 'data' as new"
        " from app.memory_history order by event",
    )
    return [(row["action"], row["actor"], row["old"], row["new"]) for row in rows]


def test_a_statement_is_kept_and_found_again(memory: Memory) -> None:
    assert memory.add(TEA, user_id="alice")["results"][0]["event"] == "ADD"
    memory.add(REDIS, user_id="alice")
    assert _texts(memory.search("Which tea?", user_id="alice", limit=1)) == [TEA]


def test_what_is_kept_has_the_form_of_mem0s_rows(memory: Memory, database: Database) -> None:
    _keep(memory, TEA, run_id="chat-1")
    [row] = database.read_as("alice", "select id, metadata from vecs.memories")
    assert {key: row["metadata"][key] for key in ("data", "user_id", "hash", "run_id")} == {
        "data": TEA,
        "user_id": "alice",
        "hash": md5(TEA.encode(), usedforsecurity=False).hexdigest(),
        "run_id": "chat-1",
    }
    assert OFFSET.fullmatch(row["metadata"]["created_at"])
    assert OFFSET.fullmatch(row["metadata"]["updated_at"])
    assert isinstance(row["id"], str)
    assert not [key for key, value in row["metadata"].items() if isinstance(value, dict | list) or value is None]


def test_a_result_has_mem0s_keys_and_the_rest_as_metadata(memory: Memory) -> None:
    _keep(memory, TEA)
    [found] = memory.search("tea", user_id="alice")["results"]
    assert set(found) == {"id", "memory", "hash", "user_id", "created_at", "updated_at", "score", "metadata"}
    assert found["score"] is not None
    assert 0 < found["score"] <= 1.001
    assert found["metadata"]["quote"] == TEA


def test_the_same_statement_is_kept_once(memory: Memory) -> None:
    _keep(memory, TEA)
    assert memory.add(TEA, user_id="alice")["results"] == []
    assert _texts(memory.get_all(user_id="alice")) == [TEA]


def test_two_users_may_have_the_same_memory(memory: Memory) -> None:
    _keep(memory, TEA, "alice")
    _keep(memory, TEA, "bob")
    assert _texts(memory.get_all(user_id="bob")) == [TEA]


def test_the_nearest_come_first_and_no_more_than_asked_for(memory: Memory) -> None:
    for words in (TEA, REDIS, "I live in Lisbon.", "My sister is called Ana."):
        _keep(memory, words)
    found = memory.search("What is my sister called, and who likes tea?", user_id="alice", limit=2)["results"]
    assert found[0]["memory"] == "My sister is called Ana."
    scores = [each["score"] or 0 for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) == 2


def test_everything_is_listed_with_the_newest_first_whatever_zone_it_was_said_in(memory: Memory) -> None:
    east = timezone(timedelta(hours=9))
    _keep(memory, "I like noon.", at=datetime(2026, 5, 1, 12, tzinfo=UTC))
    _keep(memory, "I like morning.", at=datetime(2026, 5, 1, 19, tzinfo=east))
    _keep(memory, "I like evening.", at=datetime(2026, 5, 1, 20))
    assert _texts(memory.get_all(user_id="alice")) == ["I like evening.", "I like noon.", "I like morning."]
    assert _texts(memory.get_all(user_id="alice", limit=1)) == ["I like evening."]


def test_get_returns_a_memory_by_its_id(memory: Memory) -> None:
    found = memory.get(_keep(memory, TEA), user_id="alice")
    assert found is not None
    assert found["memory"] == TEA


def test_a_changed_memory_has_the_new_words_and_is_found_by_them(memory: Memory) -> None:
    kept = _keep(memory, TEA)
    _keep(memory, REDIS)
    changed = memory.update(kept, "I like black coffee", user_id="alice")
    assert changed["memory"] == "I like black coffee"
    assert changed == memory.get(kept, user_id="alice")
    assert _texts(memory.search("coffee", user_id="alice", limit=1)) == ["I like black coffee"]


def test_a_memory_that_the_person_changed_loses_its_old_quote(memory: Memory) -> None:
    changed = memory.update(_keep(memory, TEA), "I like black coffee", user_id="alice")
    assert "quote" not in changed["metadata"]
    assert changed["metadata"]["source"] == "person"
    assert changed["hash"] == md5(b"I like black coffee", usedforsecurity=False).hexdigest()
    assert (changed["updated_at"] or "") > (changed["created_at"] or "")


def test_a_memory_cannot_be_changed_into_another_one(memory: Memory) -> None:
    _keep(memory, TEA)
    other = _keep(memory, REDIS)
    with pytest.raises(InvalidInput, match="already"):
        memory.update(other, TEA, user_id="alice")
    assert sorted(_texts(memory.get_all(user_id="alice"))) == [TEA, REDIS]


def test_a_memory_may_be_saved_without_a_change(memory: Memory) -> None:
    assert memory.update(_keep(memory, TEA), TEA, user_id="alice")["memory"] == TEA


def test_a_deleted_memory_is_gone_and_deleting_it_again_says_so(memory: Memory) -> None:
    kept = _keep(memory, TEA)
    memory.delete(kept, user_id="alice")
    assert memory.get(kept, user_id="alice") is None
    with pytest.raises(NotFound):
        memory.delete(kept, user_id="alice")


def test_a_deleted_memory_can_be_learned_again(memory: Memory) -> None:
    memory.delete(_keep(memory, TEA), user_id="alice")
    _keep(memory, TEA)
    assert _texts(memory.get_all(user_id="alice")) == [TEA]


def test_every_version_is_in_the_history_with_who_made_it(memory: Memory, database: Database) -> None:
    kept = _keep(memory, TEA)
    memory.update(kept, "I like coffee", user_id="alice")
    memory.delete(kept, user_id="alice")
    assert _history(database) == [
        ("add", "rules", None, TEA),
        ("update", "person", TEA, "I like coffee"),
        ("delete", "person", "I like coffee", None),
    ]


def test_erasing_takes_the_history_too_and_only_mine(memory: Memory, database: Database) -> None:
    memory.update(_keep(memory, TEA), "I like coffee", user_id="alice")
    _keep(memory, REDIS)
    _keep(memory, TEA, "bob")
    assert memory.delete_all(user_id="alice").erased["memories"] == 2
    assert _texts(memory.get_all(user_id="alice")) == []
    assert _history(database, "alice") == []
    assert _texts(memory.get_all(user_id="bob")) == [TEA]
    assert len(_history(database, "bob")) == 1


def test_erasing_an_empty_memory_is_no_error(memory: Memory) -> None:
    assert memory.delete_all(user_id="alice").erased["memories"] == 0


def test_another_users_memory_does_not_exist_for_me(memory: Memory) -> None:
    theirs = _keep(memory, TEA, "bob")
    assert memory.get(theirs, user_id="alice") is None
    with pytest.raises(NotFound):
        memory.update(theirs, "I like nothing", user_id="alice")
    with pytest.raises(NotFound):
        memory.delete(theirs, user_id="alice")
    assert memory.delete_all(user_id="alice").erased["memories"] == 0
    unharmed = memory.get(theirs, user_id="bob")
    assert unharmed is not None
    assert unharmed["memory"] == TEA


def test_an_unknown_id_and_another_users_id_give_the_same_error(memory: Memory) -> None:
    theirs = _keep(memory, TEA, "bob")
    sentences = []
    for memory_id in (theirs, "never existed"):
        with pytest.raises(NotFound) as raised:
            memory.delete(memory_id, user_id="alice")
        sentences.append(str(raised.value))
    assert sentences[0] == sentences[1]


@pytest.mark.parametrize("odd", ["", "nul\x00", "half \ud800", "'; --", 5, None, "x" * 10_000])
def test_an_odd_id_is_treated_as_unknown(untouched: Memory, odd: Any) -> None:
    assert untouched.get(odd, user_id="alice") is None
    with pytest.raises(NotFound):
        untouched.update(odd, "I like tea", user_id="alice")
    with pytest.raises(NotFound):
        untouched.delete(odd, user_id="alice")


EVERY_CALL: dict[str, Callable[[Memory, Any], object]] = {
    "recall": lambda memory, user: memory.recall("tea", user_id=user),
    "search": lambda memory, user: memory.search("tea", user_id=user),
    "search for nothing": lambda memory, user: memory.search("", user_id=user),
    "get": lambda memory, user: memory.get("id", user_id=user),
    "get_all": lambda memory, user: memory.get_all(user_id=user),
    "add": lambda memory, user: memory.add(TEA, user_id=user),
    "add small talk": lambda memory, user: memory.add("thanks", user_id=user),
    "add as said": lambda memory, user: memory.add(TEA, user_id=user, infer=False),
    "plan": lambda memory, user: memory.turns.plan([Said("user", "hi")], user_id=user),
    "update": lambda memory, user: memory.update("id", TEA, user_id=user),
    "delete": lambda memory, user: memory.delete("id", user_id=user),
    "delete_all": lambda memory, user: memory.delete_all(user_id=user),
}


@pytest.mark.parametrize("call", EVERY_CALL.values(), ids=EVERY_CALL)
def test_every_call_needs_a_user(untouched: Memory, call: Callable[[Memory, Any], object]) -> None:
    for nobody in ("", "  ", None, 5.5, "a" * 256):
        with pytest.raises(InvalidInput, match="user id"):
            call(untouched, nobody)


def test_an_empty_question_finds_nothing(memory: Memory) -> None:
    _keep(memory, TEA)
    assert memory.search(" \n", user_id="alice") == {"results": []}


def test_an_expired_memory_is_not_found_and_can_be_learned_again(memory: Memory) -> None:
    memory.add(TEA, user_id="alice", expires=date(2020, 1, 1))
    assert _texts(memory.get_all(user_id="alice")) == []
    assert _texts(memory.search("tea", user_id="alice")) == []
    _keep(memory, TEA)
    assert _texts(memory.get_all(user_id="alice")) == [TEA]


def test_a_memory_that_has_not_expired_is_found(memory: Memory) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    kept = _keep(memory, TEA, expires=tomorrow)
    found = memory.get(kept, user_id="alice")
    assert found is not None
    assert found["metadata"]["expiration_date"] == tomorrow.isoformat()
    assert _texts(memory.get_all(user_id="alice")) == [TEA]


def test_a_database_without_tables_says_what_to_run(empty_database: Database, embedder: BundledEmbedder) -> None:
    with pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        Memory(empty_database, embedder, None).search("tea", user_id="alice")


def test_the_profile_follows_the_memories(memory: Memory) -> None:
    kept = _keep(memory, TEA)
    assert TEA in memory.profile.refresh("alice").text
    memory.delete(kept, user_id="alice")
    assert TEA not in memory.profile.refresh("alice").text
    assert memory.profile.refresh("bob").text == ""
