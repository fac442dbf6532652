"""A table that mem0 filled is taken over with its rows, and nothing in it is lost."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import md5
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import SettingsError
from memory.migrations import migrate
from tests.memory.test_migrations import MODEL, SIZE, administrator

HISTORY = "select memory_id, action, actor, reason, old_metadata ->> 'data' as text from app.memory_history"


class Mem0:
    """Writes as mem0 does: its own table, flat metadata, an approximate index, nothing unique."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        self.database = database
        self._embedder = embedder
        with administrator(database) as connection:
            for schema in ("extensions", "vecs"):
                connection.execute(text(f"create schema {schema}"))
            connection.execute(text("create extension vector schema extensions"))
            connection.execute(text("set local search_path = public, extensions"))
            connection.execute(
                text(
                    f"create table vecs.memories (id varchar primary key, vec vector({SIZE}) not null,"
                    " metadata jsonb not null default '{}'::jsonb)"
                )
            )
            connection.execute(
                text(
                    "create index ix_vector_cosine_ops_hnsw_m16_efc64_abcdefg on vecs.memories"
                    " using hnsw (vec vector_cosine_ops) with (m = 16, ef_construction = 64)"
                )
            )

    def add(self, row_id: str, data: str, *, day: int = 1, **metadata: Any) -> None:
        moment = f"2026-01-{day:02}T09:00:00.123456-07:00"
        flat = {"data": data, "hash": md5(data.encode(), usedforsecurity=False).hexdigest()}
        flat |= {"created_at": moment, "updated_at": moment, **metadata}
        [vector] = self._embedder.embed([data])
        with administrator(self.database) as connection:
            connection.execute(text("set local search_path = public, extensions"))
            connection.execute(
                text("insert into vecs.memories (id, vec, metadata) values (:id, cast(:vec as vector), :metadata)"),
                {"id": row_id, "vec": str(vector), "metadata": json.dumps(flat)},
            )


@pytest.fixture
def mem0(empty_database: Database, embedder: BundledEmbedder) -> Mem0:
    """A table as mem0 left it: two users, duplicates, messages kept as said, rows of nobody."""
    table = Mem0(empty_database, embedder)
    table.add("late", "Loves Redis", day=3, user_id="dave")
    table.add("early", "Loves Redis", day=1, user_id="dave", run_id="first")
    table.add("same day", "Loves Redis", day=3, user_id="dave")
    table.add("other", "Lives in Lisbon", day=2, user_id="dave", category="home")
    table.add("of ana", "Loves Redis", day=2, user_id="ana")
    table.add("said", "Loves Redis", day=2, user_id="dave", role="user", actor_id="dave")
    table.add("said again", "Loves Redis", day=2, user_id="dave", role="user", actor_id="dave")
    table.add("of an agent", "Loves Redis", agent_id="helper")
    return table


def _ids(memory: Memory, user_id: str) -> set[str]:
    return {each["id"] for each in memory.get_all(user_id=user_id)["results"]}


@pytest.fixture
def taken_over(mem0: Mem0, embedder: BundledEmbedder) -> Memory:
    migrate(mem0.database, SIZE, MODEL)
    return Memory(mem0.database, embedder, None)


def test_each_user_finds_their_own_rows_and_the_oldest_of_each_duplicate_in_a_scope_stays(taken_over: Memory) -> None:
    assert _ids(taken_over, "dave") == {"early", "late", "other", "said", "said again"}
    assert _ids(taken_over, "ana") == {"of ana"}


def test_duplicates_go_to_their_owners_history(mem0: Mem0, taken_over: Memory) -> None:
    gone = mem0.database.read_as("dave", HISTORY + " where action = 'delete'")
    assert {row["memory_id"] for row in gone} == {"same day"}
    assert {(row["action"], row["actor"], row["text"]) for row in gone} == {("delete", "import", "Loves Redis")}
    assert all("duplicate" in row["reason"] for row in gone)
    assert mem0.database.read_as("ana", HISTORY + " where action = 'delete'") == []


def test_a_row_of_mem0_reads_like_one_of_ours(taken_over: Memory) -> None:
    found = taken_over.get("other", user_id="dave")
    assert found == {
        "id": "other",
        "memory": "Lives in Lisbon",
        "hash": md5(b"Lives in Lisbon", usedforsecurity=False).hexdigest(),
        "user_id": "dave",
        "created_at": "2026-01-02T09:00:00.123456-07:00",
        "updated_at": "2026-01-02T09:00:00.123456-07:00",
        "score": None,
        "metadata": {"category": "home"},
    }


def test_a_row_of_mem0_is_found_by_its_meaning(taken_over: Memory) -> None:
    assert taken_over.search("Where is home? Lisbon?", user_id="dave", limit=1)["results"][0]["id"] == "other"


def test_a_row_of_mem0_can_be_changed_and_keeps_its_other_keys(taken_over: Memory) -> None:
    changed = taken_over.update("other", "Lives in Porto", user_id="dave")
    assert (changed["memory"], changed["metadata"]["category"]) == ("Lives in Porto", "home")


def test_a_memory_from_mem0_is_not_learned_twice(taken_over: Memory) -> None:
    taken_over.add("I love Redis.", user_id="dave")
    again = taken_over.add("I love Redis.", user_id="dave")
    assert again["results"] == []


def test_rows_without_a_user_stay_and_are_shown_to_nobody(mem0: Mem0, taken_over: Memory) -> None:
    with administrator(mem0.database) as connection:
        kept = connection.scalar(text("select count(*) from vecs.memories where id = 'of an agent'"))
    assert kept == 1
    for user in ("dave", "ana", "helper"):
        assert taken_over.get("of an agent", user_id=user) is None


def test_later_writes_of_mem0_are_in_the_history(mem0: Mem0, taken_over: Memory) -> None:
    mem0.add("new", "Has a parrot", day=9, user_id="ana")
    assert "new" in _ids(taken_over, "ana")
    last = mem0.database.read_as("ana", HISTORY + " where memory_id = 'new'")
    assert [(row["action"], row["actor"]) for row in last] == [("add", "outside")]


def test_taking_over_again_changes_nothing(mem0: Mem0, taken_over: Memory) -> None:
    before = _ids(taken_over, "dave")
    migrate(mem0.database, SIZE, MODEL)
    assert _ids(taken_over, "dave") == before


def test_a_table_with_vectors_of_another_size_is_refused_and_left_alone(mem0: Mem0) -> None:
    with pytest.raises(SettingsError, match="EMBED_MODEL") as raised:
        migrate(mem0.database, 384, "other-model")
    assert "256" in str(raised.value)
    assert "384" in str(raised.value)
    with administrator(mem0.database) as connection:
        assert connection.scalar(text("select count(*) from vecs.memories")) == 8


def test_an_app_without_an_administrator_cannot_take_a_table_over(mem0: Mem0) -> None:
    with closing(Database(mem0.database.url)) as app, pytest.raises(Exception, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL)
