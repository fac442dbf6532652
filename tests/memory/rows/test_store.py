"""The table of memories: fast for one user among many, exact, and without duplicates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from memory import Fact, Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import NotFound
from memory.facts import content_hash
from memory.rows.store import Store
from tests.memory.test_migrations import administrator
from tests.model_answers import PATIENCE

CROWD = 3_000  # rows of thirty people
FILL = """
insert into vecs.memories (id, vec, metadata)
select 'crowd ' || n,
       (select array_agg(random() - 0.5) from generate_series(1, 256) where n > 0)::vector,
       jsonb_build_object('data', 'row ' || n, 'user_id', 'user ' || n % 30, 'hash', md5('row ' || n),
                          'created_at', '2026-01-01T00:00:00+00:00')
from generate_series(1, :rows) n
"""


@pytest.fixture
def store(database: Database, embedder: BundledEmbedder) -> Store:
    return Store(database, embedder.dimensions)


@pytest.fixture
def crowd(database: Database) -> Database:
    """Many rows of many people, known to the planner."""
    with administrator(database) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        connection.execute(text(FILL), {"rows": CROWD})
        connection.execute(text("analyze vecs.memories"))
    return database


def _row(user_id: str, words: str, **more: Any) -> dict[str, Any]:
    return {"data": words, "user_id": user_id, "hash": content_hash(words), "created_at": "2026-01-01", **more}


def _insert(database: Database, store: Store, user_id: str, *rows: dict[str, Any]) -> list[str]:
    with database.as_user(user_id) as connection:
        return store.insert(connection, [(row, [0.1] * 256) for row in rows])


def _plan_of(database: Database, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Store], object]) -> str:
    """Return the plan of Postgres for exactly the statement that a call sends."""
    sent: list[Any] = []

    def note(_: Database, *asked: Any) -> list[Any]:
        sent.extend(asked)
        return []

    monkeypatch.setattr(Database, "read_as", note)
    ask(Store(database, 256))
    monkeypatch.undo()
    user_id, sql, values = sent
    before, semicolon, last = sql.rpartition(";")
    [plan] = database.read_as(user_id, f"{before}{semicolon} explain (format json) {last}", values)
    return json.dumps(plan)


def test_finding_the_nearest_goes_by_the_index_on_the_user(crowd: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _plan_of(crowd, monkeypatch, lambda store: store.nearest("user 7", [0.1] * 256, 10))
    assert "memories_by_place" in plan or "memories_by_talk" in plan
    assert "Seq Scan" not in plan


OWN_ROW_EACH = FILL.replace("'user ' || n % 30", "'other ' || n").replace("'crowd ' || n,", "'other ' || n,")
MISLEADING = {
    "an empty table": ("delete from vecs.memories", "vacuum (truncate off, analyze) vecs.memories"),
    "one memory for each person": ("set search_path = public, extensions", OWN_ROW_EACH, "analyze vecs.memories"),
}


@pytest.fixture(params=MISLEADING)
def misleading(request: pytest.FixtureRequest, crowd: Database) -> Database:
    """One person with thousands of memories, in a table of which the planner has noted something else."""
    with closing(Database(crowd.admin_url)) as admin, admin.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.execute(text("delete from vecs.memories"))
        for statement in MISLEADING[request.param]:
            alone.execute(text(statement), {"rows": CROWD})
    with administrator(crowd) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        connection.execute(text(FILL.replace("'user ' || n % 30", "'user 7'")), {"rows": CROWD})
    return crowd


IDS = [f"crowd {number}" for number in range(1, CROWD + 1)]
COMPARISONS: dict[str, Callable[[Store], object]] = {
    "pairs": lambda store: store.close_others("user 7", list(zip(IDS[::2], IDS[1::2], strict=True)), 0.9),
    "groups": lambda store: store.close_pairs("user 7", {each: str(n // 4) for n, each in enumerate(IDS)}, 0.9),
}


@pytest.mark.parametrize("which", COMPARISONS)
def test_comparing_many_memories_does_not_take_each_with_each_whatever_the_planner_believes(
    misleading: Database, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    assert "Nested Loop" not in _plan_of(misleading, monkeypatch, COMPARISONS[which])


def test_the_nearest_are_exact_beside_an_approximate_index_that_mem0_left(crowd: Database, store: Store) -> None:
    with administrator(crowd) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        connection.execute(text("create index ix_vector_hnsw on vecs.memories using hnsw (vec vector_cosine_ops)"))
        connection.execute(text("analyze vecs.memories"))
    question = [0.1 if place % 2 else -0.1 for place in range(256)]
    found = store.nearest("user 7", question, 10)
    exact = crowd.read_as(
        "user 7",
        "select id from (select id, vec from vecs.memories offset 0) mine order by vec <=> %(v)s::vector, id limit 10",
        {"v": str(question)},
    )
    assert [fact.id for fact in found] == [row["id"] for row in exact]
    assert len(found) == 10


def test_every_row_of_a_person_can_be_found(crowd: Database, store: Store) -> None:
    found = store.nearest("user 7", [0.1] * 256, 1000)
    assert len(found) == CROWD // 30
    assert {fact.metadata["user_id"] for fact in found} == {"user 7"}
    assert len(store.all("user 7", 1000)) == CROWD // 30


def test_inserted_rows_get_ids_in_order_and_duplicates_get_none(database: Database, store: Store) -> None:
    rows = [_row("alice", "one"), _row("alice", "two"), _row("alice", "one"), _row("alice", "three")]
    ids = _insert(database, store, "alice", *rows)
    texts = {fact.id: fact.text for fact in store.all("alice", 10)}
    assert [texts[each] for each in ids] == ["one", "two", "three"]


def test_rows_for_somebody_else_cannot_be_inserted(database: Database, store: Store) -> None:
    with pytest.raises(NotFound):
        _insert(database, store, "alice", _row("bob", "one"))
    assert store.all("bob", 10) == []


def test_a_row_cannot_be_given_away(database: Database, store: Store) -> None:
    [kept] = _insert(database, store, "alice", _row("alice", "one"))
    with pytest.raises(NotFound), database.as_user("alice") as connection:
        store.replace(connection, kept, _row("bob", "one"), [0.1] * 256)
    assert [fact.text for fact in store.all("alice", 10)] == ["one"]


def test_no_lock_replacement_or_removal_reaches_another_persons_row(database: Database, store: Store) -> None:
    [theirs] = _insert(database, store, "bob", _row("bob", "one"))
    with database.as_user("alice") as connection:
        assert store.lock(connection, theirs) is None
        assert not store.replace(connection, theirs, _row("alice", "mine now"), [0.2] * 256)
        assert not store.delete(connection, theirs)
    assert store.get("bob", theirs) == Fact(theirs, _row("bob", "one"))


def test_has_text_looks_only_at_the_users_own_memories(database: Database, store: Store) -> None:
    [kept] = _insert(database, store, "alice", _row("alice", "one"))
    with database.as_user("bob") as connection:
        assert not store.has_text(connection, "", content_hash("one"))
    with database.as_user("alice") as connection:
        assert store.has_text(connection, "", content_hash("one"))
        assert not store.has_text(connection, kept, content_hash("one"))


def test_writers_of_one_person_wait_for_each_other_and_others_do_not(database: Database, store: Store) -> None:
    entered = threading.Event()

    def write(user_id: str) -> None:
        with database.as_user(user_id) as connection:
            store.lock_writes(connection, user_id)
            entered.set()

    with ThreadPoolExecutor(2) as threads:
        with database.as_user("alice") as connection:
            store.lock_writes(connection, "alice")
            threads.submit(write, "bob").result(PATIENCE)
            assert entered.is_set()
            entered.clear()
            second = threads.submit(write, "alice")
            assert not entered.wait(0.2)
        second.result(PATIENCE)
    assert entered.is_set()


def test_the_same_words_from_many_tabs_at_once_are_stored_once(database: Database, memory: Memory) -> None:
    together = threading.Barrier(4)

    def say(number: int) -> list[dict[str, Any]]:
        together.wait(PATIENCE)
        return memory.add("I like tea. I live in Lisbon.", user_id="alice")["results"]

    with ThreadPoolExecutor(4) as threads:
        events = [event for result in threads.map(say, range(4)) for event in result]
    assert sorted(event["memory"] for event in events) == ["I like tea.", "I live in Lisbon."]
    assert len(memory.get_all(user_id="alice")["results"]) == 2


def test_even_a_writer_that_takes_no_lock_cannot_make_a_duplicate(database: Database, store: Store) -> None:
    together = threading.Barrier(2)

    def write(number: int) -> list[str]:
        together.wait(PATIENCE)
        return _insert(database, store, "alice", _row("alice", "one"))

    with ThreadPoolExecutor(2) as threads:
        ids = [each for written in threads.map(write, range(2)) for each in written]
    assert len(ids) == 1
    assert len(store.all("alice", 10)) == 1


def _history(database: Database) -> list[dict[str, Any]]:
    return database.read_as("alice", "select action, actor, reason, message_id from app.memory_history order by event")


def test_the_history_says_who_changed_a_memory_why_and_after_which_message(database: Database, store: Store) -> None:
    with database.as_user("alice") as connection:
        store.sign(connection, "model", "they said so", "message 5")
        store.insert(connection, [(_row("alice", "one"), [0.1] * 256)])
    assert _history(database) == [
        {"action": "add", "actor": "model", "reason": "they said so", "message_id": "message 5"}
    ]


def test_a_signature_does_not_outlive_its_transaction(database: Database, store: Store) -> None:
    with database.as_user("alice") as connection:
        store.sign(connection, "model", "they said so", "message 5")
    _insert(database, store, "alice", _row("alice", "one"))
    assert _history(database) == [{"action": "add", "actor": "outside", "reason": None, "message_id": None}]


def test_writing_the_same_values_again_makes_no_history(database: Database, store: Store) -> None:
    [kept] = _insert(database, store, "alice", _row("alice", "one"))
    with database.as_user("alice") as connection:
        assert store.replace(connection, kept, _row("alice", "one"), [0.1] * 256)
    assert [each["action"] for each in _history(database)] == ["add"]


def test_a_write_by_another_program_is_in_the_history(database: Database, store: Store) -> None:
    _insert(database, store, "alice", _row("alice", "one"))
    with administrator(database) as connection:
        connection.execute(text("delete from vecs.memories"))
    assert [each["action"] for each in _history(database)] == ["add", "delete"]


def test_each_person_reads_only_their_own_history(database: Database, store: Store) -> None:
    _insert(database, store, "bob", _row("bob", "one"))
    assert _history(database) == []


def test_the_collection_still_works_through_vecs(database: Database, store: Store) -> None:
    _insert(database, store, "alice", _row("alice", "one"))
    _insert(database, store, "bob", _row("bob", "two"))
    with database.as_user("alice") as connection:
        rows = connection.execute(store.collection(connection).table.select()).all()
    assert [row.metadata["data"] for row in rows] == ["one"]
