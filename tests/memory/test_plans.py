"""At scale no question reads a whole table: each finds one person's rows among thirty people's by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database import Database
from local.embedder import BundledEmbedder
from memory import Memory
from tests.conftest import TEMPLATE, Databases
from tests.test_migrations import administrator

CROWD = 3_000  # facts of thirty people, and as much again of what they said
ME = "user 7"
TABLES = {
    f"{schema}.{name}"
    for schema, names in {"vecs": "memories episodes", "app": "postings entity_names relations memory_history"}.items()
    for name in names.split()
}
FILL = """
insert into {table} (id, vec, metadata)
select 'row ' || n,
       (select array_agg(random() - 0.5) from generate_series(1, 256) where n > 0)::vector,
       jsonb_build_object(
         'data', format('row %s: friend %s keeps a boat in harbour %s', n, n % 97, n % 41),
         'user_id', 'user ' || n % 30, 'hash', md5('row ' || n), 'created_at', '2026-01-01T00:00:00+00:00',
         'run_id', 'talk ' || n % 200) || {more}
from generate_series(1, {rows}) n
"""
FACTS = """jsonb_build_object(
  'entities', jsonb_build_array(jsonb_build_array('Friend ' || n % 97, 'Mate ' || n % 97)),
  'relations', jsonb_build_array(jsonb_build_array('Friend ' || n % 97, 'knows', 'Friend ' || n % 89)))"""
SAID = "jsonb_build_object('role', 'user', 'message_id', 'm' || n, 'turn', 'm' || n)"
SCANS = """
select schemaname || '.' || relname, seq_scan from pg_stat_user_tables
union all select indexrelname, idx_scan from pg_stat_user_indexes
"""
QUESTION = "What does Friend 7 keep in harbour 5?"


class Watched:
    """A memory over one connection, and what its reading reads."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        self.database = Database(database.url, database.admin_url, pool_size=1, overflow=0)
        self.memory = Memory(self.database, embedder, None)
        self.before: dict[str, int] = {}

    def begin(self) -> None:
        self.before = self._scans()

    def read(self) -> tuple[set[str], set[str]]:
        """The tables that were read from end to end since it began, and the indexes that were asked."""
        now = self._scans()
        grown = {name for name in now if now[name] > self.before.get(name, 0)}
        return grown & TABLES, {name for name in grown if "." not in name}

    def _scans(self) -> dict[str, int]:
        self.database.read_as(ME, "select pg_stat_force_next_flush()")
        with administrator(self.database) as connection:
            return {row[0]: row[1] for row in connection.execute(text(SCANS))}


@pytest.fixture(scope="module")
def crowd(databases: Databases) -> Iterator[Database]:
    """Many rows of many people, known to the planner."""
    with databases.fresh(TEMPLATE) as database:
        with administrator(database) as connection:
            connection.execute(text("set local search_path = public, extensions"))
            connection.execute(text(FILL.format(table="vecs.memories", more=FACTS, rows=CROWD)))
            connection.execute(text(FILL.format(table="vecs.episodes", more=SAID, rows=CROWD)))
            connection.execute(text("analyze"))
        yield database


@pytest.fixture
def watched(crowd: Database, embedder: BundledEmbedder) -> Iterator[Watched]:
    made = Watched(crowd, embedder)
    with closing(made.database):
        yield made


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"standing": 5},
        {"filters": {"run_id": "talk 7"}},
        {"recipe": "strict"},
        {"limit": 1_000},
        {"without": ["row 7"]},
    ],
    ids=str,
)
def test_a_question_reads_one_persons_rows_and_never_a_whole_table(watched: Watched, more: dict[str, Any]) -> None:
    watched.begin()
    found = watched.memory.recall(QUESTION, user_id=ME, **more)
    whole, indexes = watched.read()
    assert whole == set()
    assert {"memories_by_place", "episodes_by_place", "postings_pkey", "entity_names_by_key"} <= indexes
    assert indexes & {"relations_by_subject", "relations_by_object"}  # with few relations either finds them all
    assert found


def test_a_question_to_the_facts_alone_leaves_what_was_said_alone(watched: Watched) -> None:
    watched.begin()
    assert watched.memory.recall(QUESTION, user_id=ME, recipe="facts")
    whole, indexes = watched.read()
    assert whole == set()
    assert "memories_by_place" in indexes


@pytest.mark.parametrize(
    "question",
    ["What happened on 1 January 2026?", "boat", "Friend 7", "harbour " * 2_000, "who is the friend of my mate 7?"],
    ids=lambda each: each[:20],
)
def test_whatever_is_asked_no_whole_table_is_read(watched: Watched, question: str) -> None:
    watched.begin()
    watched.memory.recall(question, user_id=ME, standing=5)
    assert watched.read()[0] == set()


def test_a_question_after_many_others_is_planned_no_worse(watched: Watched) -> None:
    for number in range(12):
        watched.memory.recall(f"What does Friend {number} keep?", user_id=f"user {number}")
    watched.begin()
    assert watched.memory.recall(QUESTION, user_id=ME)
    assert watched.read()[0] == set()


def test_a_question_about_the_past_reads_one_persons_history(watched: Watched) -> None:
    watched.begin()
    assert watched.memory.recall(QUESTION, user_id=ME, as_of=datetime.now(UTC) + timedelta(minutes=1))
    whole, indexes = watched.read()
    assert whole == set()
    assert "memory_history_of_user" in indexes


@pytest.mark.parametrize("filters", [None, {"run_id": "talk 7"}], ids=str)
def test_listing_everything_reads_one_persons_rows(watched: Watched, filters: dict[str, Any] | None) -> None:
    watched.begin()
    listed = watched.memory.get_all(user_id=ME, limit=1_000, filters=filters)["results"]
    whole, indexes = watched.read()
    assert whole == set()
    assert indexes & {"memories_by_place", "memories_by_talk", "memories_of_user"}
    assert {each["user_id"] for each in listed} == {ME}
    assert len(listed) == CROWD // 30 or filters


def test_listing_everything_as_of_a_moment_reads_one_persons_history(watched: Watched) -> None:
    watched.begin()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert len(watched.memory.get_all(user_id=ME, limit=1_000, as_of=soon)["results"]) == CROWD // 30
    whole, indexes = watched.read()
    assert whole == set()
    assert "memory_history_of_user" in indexes


def test_the_history_of_a_memory_is_found_by_its_id(watched: Watched) -> None:
    watched.begin()
    assert [each["event"] for each in watched.memory.history("row 7", user_id=ME)] == ["ADD"]
    whole, indexes = watched.read()
    assert whole == set()
    assert "memory_history_of_memory" in indexes


def test_the_latest_changes_are_found_by_their_person(watched: Watched) -> None:
    watched.begin()
    assert len(watched.memory.changes(user_id=ME, limit=20)) == 20
    whole, indexes = watched.read()
    assert whole == set()
    assert "memory_history_of_user" in indexes


def test_one_memory_is_found_by_its_id(watched: Watched) -> None:
    watched.begin()
    found = watched.memory.get("row 7", user_id=ME)
    assert found is not None
    assert found["id"] == "row 7"
    whole, indexes = watched.read()
    assert whole == set()
    assert indexes & {"memories_pkey", "memories_by_place"}


def test_the_watch_sees_a_table_that_is_read_from_end_to_end(watched: Watched) -> None:
    watched.begin()
    assert watched.read()[0] == set()
    with watched.database.as_user(ME) as connection:
        connection.execute(text("set local enable_indexscan = off"))
        connection.execute(text("set local enable_indexonlyscan = off"))
        connection.execute(text("set local enable_bitmapscan = off"))
        connection.execute(text("select count(*) from vecs.memories"))
    assert "vecs.memories" in watched.read()[0]
