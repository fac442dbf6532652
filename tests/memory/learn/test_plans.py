"""The cost of a question: one embedding call, one trip, no full table scan; and the index of words stays correct."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, text

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, socket_folder
from memory.errors import InvalidInput, NotFound
from memory.recall.search import PROBES
from memory.rows.store import Store
from tests.databases import Databases
from tests.memory.test_migrations import administrator
from tests.wires import TripCounter, counting

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
       case n when 7 then (:near)::vector
         else (select array_agg(random() - 0.5) from generate_series(1, 256) where n > 0)::vector end,
       jsonb_build_object(
         'data', format('row %s: friend %s keeps a boat in harbour %s', n, n % 97, n % 41),
         'user_id', 'user ' || n % {people}, 'hash', md5('row ' || n), 'created_at', '2026-01-01T00:00:00+00:00',
         'run_id', 'talk ' || n % 200) || {more}
from generate_series(1, {rows}) n
"""
FACTS = """jsonb_build_object(
  'entities', jsonb_build_array(jsonb_build_array('Friend ' || n % 97, 'Mate ' || n % 97)),
  'relations', jsonb_build_array(jsonb_build_array('Friend ' || n % 97, 'knows', 'Friend ' || n % 89)))"""
WORDS_READ = text("select calls from pg_stat_xact_user_functions where funcname = 'plain_words'")
SAID = "jsonb_build_object('role', 'user', 'message_id', 'm' || n, 'turn', 'm' || n)"
SCANS = """
select schemaname || '.' || relname, seq_scan from pg_stat_user_tables
union all select indexrelname, idx_scan from pg_stat_user_indexes
"""
QUESTION = "What does Friend 7 keep in harbour 5?"


class Reader:
    """A memory over one connection, which counts what is scanned."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        self.database = Database(database.url, database.admin_url, pool_size=1, overflow=0)
        self.memory = Memory(self.database, embedder, None)
        self.before: dict[str, int] = {}

    def begin(self) -> None:
        self.before = self._scans()

    def read(self) -> tuple[set[str], set[str]]:
        """Return the tables that were scanned whole since `begin`, and the indexes that were used."""
        now = self._scans()
        grown = {name for name in now if now[name] > self.before.get(name, 0)}
        return grown & TABLES, {name for name in grown if "." not in name}

    def _scans(self) -> dict[str, int]:
        self.database.read_as(ME, "select pg_stat_force_next_flush()")
        with administrator(self.database) as connection:
            return {row[0]: row[1] for row in connection.execute(text(SCANS))}


@pytest.fixture(scope="module")
def crowd(databases: Databases, embedder: BundledEmbedder) -> Iterator[Database]:
    """Many rows of many people, known to the planner; one of them, "row 7", is what the question asks for."""
    with databases.migrated() as database:
        with administrator(database) as connection:
            for table in ("vecs.memories", "vecs.episodes"):
                fill(connection, embedder, table, rows=CROWD, people=30)
        yield database


def fill(connection: Connection, embedder: BundledEmbedder, table: str, rows: int, people: int) -> None:
    """Write rows of this many people."""
    [near] = embedder.embed([QUESTION])
    filling = FILL.format(table=table, more=FACTS if table == "vecs.memories" else SAID, rows=rows, people=people)
    connection.execute(text("set local search_path = public, extensions"))
    connection.execute(text(filling), {"near": str(near)})
    connection.execute(text("analyze"))


@pytest.fixture
def reader(crowd: Database, embedder: BundledEmbedder) -> Iterator[Reader]:
    made = Reader(crowd, embedder)
    with closing(made.database):
        yield made


# -- no whole table --------------------------------------------------------------------------------


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
def test_a_question_reads_one_persons_rows_and_never_a_whole_table(reader: Reader, more: dict[str, Any]) -> None:
    reader.begin()
    found = reader.memory.recall(QUESTION, user_id=ME, **more)
    whole, indexes = reader.read()
    assert whole == set()
    assert {"memories_by_place", "episodes_by_place", "postings_pkey", "entity_names_by_key"} <= indexes
    assert indexes & {"relations_by_subject", "relations_by_object"}  # with few relations either finds them all
    assert found


@pytest.mark.parametrize(
    "question",
    ["What happened on 1 January 2026?", "boat", "Friend 7", "harbour " * 2_000, "who is the friend of my mate 7?"],
    ids=lambda each: each[:20],
)
def test_no_question_reads_a_whole_table(reader: Reader, question: str) -> None:
    reader.begin()
    reader.memory.recall(question, user_id=ME, standing=5)
    assert reader.read()[0] == set()


def test_what_is_known_near_a_turn_is_read_without_a_whole_table(reader: Reader, embedder: BundledEmbedder) -> None:
    store, [vector] = Store(reader.database, embedder.dimensions), embedder.embed([QUESTION])
    reader.begin()
    assert len(store.known_near(ME, vector, 10, Said("user", QUESTION, run_id="talk 7"))) == 10
    whole, indexes = reader.read()
    assert whole == set()
    assert any(name.startswith("episodes") for name in indexes)


def test_after_many_questions_the_next_one_has_as_good_a_plan(reader: Reader) -> None:
    for number in range(12):
        reader.memory.recall(f"What does Friend {number} keep?", user_id=f"user {number}")
    reader.begin()
    assert reader.memory.recall(QUESTION, user_id=ME)
    assert reader.read()[0] == set()


def test_a_question_about_the_past_reads_one_persons_history(reader: Reader) -> None:
    reader.begin()
    assert reader.memory.recall(QUESTION, user_id=ME, as_of=datetime.now(UTC) + timedelta(minutes=1))
    whole, indexes = reader.read()
    assert whole == set()
    assert "memory_history_of_user" in indexes


@pytest.mark.parametrize("filters", [None, {"run_id": "talk 7"}], ids=str)
def test_listing_everything_reads_one_persons_rows(reader: Reader, filters: dict[str, Any] | None) -> None:
    reader.begin()
    listed = reader.memory.get_all(user_id=ME, limit=1_000, filters=filters)["results"]
    whole, indexes = reader.read()
    assert whole == set()
    assert indexes & {"memories_by_place", "memories_by_talk", "memories_of_user"}
    assert {each["user_id"] for each in listed} == {ME}
    assert len(listed) == CROWD // 30 or filters


def test_listing_everything_as_of_a_moment_reads_one_persons_history(reader: Reader) -> None:
    reader.begin()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert len(reader.memory.get_all(user_id=ME, limit=1_000, as_of=soon)["results"]) == CROWD // 30
    whole, indexes = reader.read()
    assert whole == set()
    assert "memory_history_of_user" in indexes


def test_the_history_is_found_by_its_memory_and_by_its_person(reader: Reader) -> None:
    reader.begin()
    assert [each["event"] for each in reader.memory.history("row 7", user_id=ME)] == ["ADD"]
    assert len(reader.memory.changes(user_id=ME, limit=20)) == 20
    whole, indexes = reader.read()
    assert whole == set()
    assert {"memory_history_of_memory", "memory_history_of_user"} <= indexes


def test_one_memory_is_found_by_its_id(reader: Reader) -> None:
    reader.begin()
    found = reader.memory.get("row 7", user_id=ME)
    assert found is not None
    assert found["id"] == "row 7"
    whole, indexes = reader.read()
    assert whole == set()
    assert indexes & {"memories_pkey", "memories_by_place"}


def test_a_read_of_a_whole_table_would_be_noticed(reader: Reader) -> None:
    reader.begin()
    assert reader.read()[0] == set()
    with reader.database.as_user(ME) as connection:
        connection.execute(text("set local enable_indexscan = off"))
        connection.execute(text("set local enable_indexonlyscan = off"))
        connection.execute(text("set local enable_bitmapscan = off"))
        connection.execute(text("select count(*) from vecs.memories"))
    assert "vecs.memories" in reader.read()[0]


@pytest.mark.parametrize("change", ["delete from {}", 'update {} set metadata = metadata || \'{{"data": "other"}}\''])
def test_the_words_of_many_rows_that_go_are_read_once_each(
    databases: Databases, embedder: BundledEmbedder, change: str
) -> None:
    with databases.migrated() as database, administrator(database) as connection:
        fill(connection, embedder, "vecs.episodes", rows=500, people=1)
        connection.execute(text("set local track_functions = 'all'"))
        changed = connection.execute(text(change.format("vecs.episodes"))).rowcount
        read = connection.scalar(WORDS_READ)
        assert changed == 500
        assert read <= changed * (2 if change.startswith("update") else 1)


# -- one call, one trip ----------------------------------------------------------------------------


class Far:
    """A memory on a slow connection to its database, with an embedder that counts its calls."""

    def __init__(self, database: Database, embedder: BundledEmbedder, wire: TripCounter) -> None:
        self.name, self.dimensions, self._embedder, self._wire = embedder.name, embedder.dimensions, embedder, wire
        self.calls: list[int] = []
        self.memory = Memory(database, self, None)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(len(texts))
        return self._embedder.embed(texts)

    def cost(self, question: str, **more: Any) -> tuple[list[int], int]:
        """Return the embedding calls and the round trips that a question takes."""
        self.calls, before = [], self._wire.round_trips
        assert self.memory.recall(question, user_id="alice", **more)
        return self.calls, self._wire.round_trips - before


@pytest.fixture
def far_away(postgres: Postgres, memory: Memory, database: Database, embedder: BundledEmbedder) -> Iterator[Far]:
    memory.add("My sister Ana lives in Lisbon. I like green tea. Answer in short sentences.", user_id="alice")
    with counting(socket_folder(postgres.cluster) / SOCKET) as wire:
        url = make_url(database.url).set(host="127.0.0.1", port=wire.port, query={})
        with closing(Database(url.render_as_string(hide_password=False), pool_size=1, overflow=0)) as far:
            far.read_as("alice", "select 1")
            yield Far(far, embedder, wire)


def test_a_question_is_one_embedding_call_and_one_round_trip_from_the_first(far_away: Far) -> None:
    assert far_away.cost("Where does Ana live?") == ([1 + len(PROBES)], 1)
    assert far_away.cost("Where does Ana live?") == ([1], 1)
    for more in (
        {"standing": 5},
        {"filters": {"kind": "fact"}},
        {"recipe": "facts"},
        {"limit": 1000},
        {"as_of": "2999-01-01"},
    ):
        assert far_away.cost("Where does my sister Ana live?", **more) == ([1], 1)


def test_a_question_that_names_days_takes_one_trip_more_at_most(far_away: Far) -> None:
    far_away.cost("Where does Ana live?")
    calls, trips = far_away.cost("Did Ana live in Lisbon in March 2026?")
    assert calls == [1]
    assert trips <= 2


# -- the index of words ---------------------------------------------------------------------------

WORDS = "tea Ana café Köln 东京 boat boats running the 7 yesterday чай".split()
TRUE = """
with rows as (
  select user_id, place, metadata from vecs.memories union all select user_id, place, metadata from vecs.episodes)
select user_id, lexeme, place, least(tf, 32767) from rows, app.lexemes(app.searched(metadata)) where place is not null
"""
KEPT = "select user_id, lexeme, place, tf from app.postings"
PLACES = "select count(*) - count(distinct (user_id, place)) from vecs.{} where place is not null"
GIVEN_AWAY = 'update vecs.memories set metadata = metadata || \'{"user_id": "carol"}\' where id = :id'


def _change_something(memory: Memory, database: Database, dice: random.Random) -> None:
    whose = dice.choice(["alice", "bob"])
    words = " ".join(dice.choices(WORDS, k=dice.randint(1, 6)))
    known = [each["id"] for each in memory.get_all(user_id=whose)["results"]] or [""]
    talk, at = dice.choice(["a", "b", None]), datetime(2026, 1, dice.randint(1, 28), tzinfo=UTC)
    turn = [Said("user", f"I like {words}.", at, run_id=talk), Said("assistant", words, at, run_id=talk)]
    match dice.randrange(8):
        case 0 | 1:
            memory.add(turn, user_id=whose)
        case 2:
            memory.add(turn * dice.randint(1, 9), user_id=whose, infer=False)
        case 3:
            memory.update(dice.choice(known), f"{words} {dice.random()}", user_id=whose)
        case 4:
            memory.delete(dice.choice(known), user_id=whose)
        case 5:
            memory.undo(dice.choice(memory.changes(user_id=whose) or [{"id": 0}])["id"], user_id=whose)
        case 6:
            memory.episodes.erase_all(whose, talk)
        case 7:
            with administrator(database) as connection:
                connection.execute(text(GIVEN_AWAY), {"id": dice.choice(known)})


@pytest.mark.parametrize("seed", range(4))
def test_the_index_of_words_matches_the_rows_after_every_change(memory: Memory, database: Database, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        with suppress(NotFound, InvalidInput):
            _change_something(memory, database, dice)
    with administrator(database) as connection:
        true, kept = [sorted(map(tuple, connection.execute(text(each)))) for each in (TRUE, KEPT)]
        assert [connection.scalar(text(PLACES.format(each))) for each in ("memories", "episodes")] == [0, 0]
    assert len(true) > 100
    assert kept == true
