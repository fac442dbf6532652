"""Re-embedding: nothing is lost, the app goes on, and a kill at any step breaks nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from memory import Memory, Said
from memory.__main__ import main
from memory.database import Database, connect
from memory.embedded.embedder import BundledEmbedder
from memory.errors import DatabaseError, MigrationNeeded, SettingsError, VectorsMoved
from memory.imports.reembed import BATCH, reembed
from memory.migrations import migrate
from tests.chat.conftest import until
from tests.local.conftest import PROJECT
from tests.locks import held_by
from tests.memory.test_migrations import MODEL, SIZE, administrator
from tests.model_answers import Item, Request, Stall, Vectors
from tests.model_server import ModelServer


class Letters:
    """Another embedding model, which counts letters; a test may have it do something first."""

    def __init__(self, dimensions: int = 26, name: str = "letters") -> None:
        self.name, self.dimensions = name, dimensions
        self.embedded: Counter[str] = Counter()
        self.first: Callable[[int], object] = lambda call: None
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls += 1
        self.first(self.calls)
        self.embedded.update(texts)
        return [self.of(each) for each in texts]

    def of(self, said: str) -> list[float]:
        return [0.5 + said.lower().count(chr(97 + number % 26)) for number in range(self.dimensions)]


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def app(database: Database, embedder: BundledEmbedder) -> Memory:
    """An app that was started with the old model, with some memories of two people."""
    migrate(database, SIZE, MODEL)
    memory = Memory(database, embedder, None)
    memory.add("I like tea. I live in Porto.", user_id="alice")
    memory.add("I keep bees.", user_id="bob")
    memory.add([Said("user", "hello there", name="Ben")], user_id="bob", infer=False)
    return memory


def _wrong(database: Database, embedder: Letters) -> list[str]:
    """Return the rows whose vector is not that of their text."""
    rows = (
        "select id, vec::text as vec, app.searched(metadata) as said from vecs.memories"
        " union all select id, vec::text, app.searched(metadata) from vecs.episodes"
    )
    with administrator(database) as connection:
        found = connection.execute(text(rows)).all()
    assert found
    return [row.said for row in found if json.loads(row.vec) != embedder.of(row.said)]


def _versions(database: Database) -> int:
    with administrator(database) as connection:
        return connection.scalar(text("select count(*) from app.memory_history")) or 0


def _left_over(database: Database) -> int:
    """Return vectors of the old model in the history, and columns and triggers of a re-embedding."""
    asked = (
        "select (select count(*) from app.memory_history where old_vec is not null or new_vec is not null)"
        " + (select count(*) from pg_attribute where attname = 'vec_next' and not attisdropped)"
        " + (select count(*) from pg_trigger where tgname = 'forget_next_vector')"
        " + (select count(*) from app.reembedding)"
    )
    with administrator(database) as connection:
        return connection.scalar(text(asked)) or 0


def _texts(memory: Memory, user_id: str = "alice") -> list[str]:
    return sorted(each["memory"] for each in memory.get_all(user_id=user_id)["results"])


def test_vectors_stay_inside_their_rows_before_and_after(app: Memory, database: Database) -> None:
    def stored() -> set[str]:
        with administrator(database) as connection:
            storage = (
                "select a.attstorage::text from pg_attribute a where a.attname = 'vec' and not a.attisdropped"
                " and a.attrelid in ('vecs.memories'::regclass, 'vecs.episodes'::regclass)"
            )
            return set(connection.scalars(text(storage)))

    assert stored() == {"m"}, "main: pgvector's own storage would move them out of rows over two kilobytes"
    reembed(database, Letters(26))
    assert stored() == {"m"}


@pytest.mark.parametrize("dimensions", [26, SIZE])
def test_every_row_of_every_user_is_re_embedded_and_nothing_else_changes(
    app: Memory, database: Database, dimensions: int
) -> None:
    before, model = _versions(database), Letters(dimensions)
    moved = reembed(database, model)
    assert (moved.from_model, moved.to_model, moved.rows) == (MODEL, "letters", 6)
    assert _wrong(database, model) == []
    assert (_versions(database), _left_over(database)) == (before, 0)
    again = Database(database.url, database.admin_url)
    migrate(again, dimensions, "letters")
    memory = Memory(again, model, None)
    assert _texts(memory) == ["I like tea.", "I live in Porto."]
    assert memory.search("I keep bees.", user_id="bob", limit=1)["results"][0]["memory"] == "I keep bees."
    memory.add("I use Redis.", user_id="alice")
    assert _wrong(database, model) == []
    again.close()


def test_the_lock_is_that_of_an_open_transaction_which_a_pooler_leaves_to_its_process(
    app: Memory, database: Database, letters: Letters
) -> None:
    holders: list[tuple[str, bool]] = []

    def look(_: int) -> None:
        asked = (
            "select state, backend_xmin is null from pg_stat_activity join pg_locks using (pid)"
            " where locktype = 'advisory' and datname = current_database() and granted"
        )
        with administrator(database) as connection:
            holders.extend((state, free) for state, free in connection.execute(text(asked)))

    letters.first = look
    reembed(database, letters)
    assert set(holders) == {("idle in transaction", True)}


@pytest.mark.parametrize("dimensions", [26, SIZE])
def test_an_app_with_the_old_model_gets_an_error(app: Memory, database: Database, dimensions: int) -> None:
    [kept, _] = app.get_all(user_id="alice")["results"]
    reembed(database, Letters(dimensions))
    for use in (
        lambda: app.search("tea", user_id="alice"),
        lambda: app.add("I use Redis.", user_id="alice"),
        lambda: app.add("I use Redis.", user_id="alice", infer=False),
        lambda: app.update(kept["id"], "I like coffee.", user_id="alice"),
    ):
        with pytest.raises(VectorsMoved, match="EMBED_MODEL"):
            use()
    assert _wrong(database, Letters(dimensions)) == []


def test_an_app_that_sends_no_model_is_stopped_by_the_vector_size(
    app: Memory, database: Database, embedder: BundledEmbedder, letters: Letters
) -> None:
    reembed(database, letters)
    with closing(Database(database.url)) as silent:
        unaware = Memory(silent, embedder, None)
        with pytest.raises(VectorsMoved):
            unaware.search("tea", user_id="alice")
        with pytest.raises(VectorsMoved):
            unaware.add("hello", user_id="alice", infer=False)


def test_a_start_with_another_model_names_the_command(app: Memory, database: Database) -> None:
    for dimensions in (26, SIZE):
        with pytest.raises(SettingsError, match="python -m memory reembed"):
            migrate(Database(database.url, database.admin_url), dimensions, "letters")


def test_rows_written_meanwhile_are_re_embedded_too(app: Memory, database: Database, letters: Letters) -> None:
    app.add([Said("user", f"message {n}") for n in range(2 * BATCH)], user_id="carol", infer=False)
    tea, porto = sorted(app.get_all(user_id="alice")["results"], key=lambda each: each["memory"])

    def write(call: int) -> None:
        assert _moving(database)
        app.add(f"Note {call} of mine.", user_id="alice", infer=False)
        if call == 1:
            app.update(tea["id"], "I like coffee.", user_id="alice")
        elif call == 2:
            app.update(tea["id"], "I like cocoa.", user_id="alice")
            app.delete(porto["id"], user_id="alice")
        elif call == 3:
            app.undo(app.history(porto["id"], user_id="alice")[-1]["id"], user_id="alice")

    letters.first = lambda call: write(call) if call <= 3 else None
    reembed(database, letters)
    assert _wrong(database, letters) == []
    with closing(Database(database.url)) as fresh:
        kept = _texts(Memory(fresh, letters, None))
    assert kept[:2] == ["I like cocoa.", "I live in Porto."]
    assert {f"Note {call} of mine." for call in (1, 2, 3)} <= set(kept)


def test_the_app_searches_on_the_old_vectors_until_the_end(app: Memory, database: Database, letters: Letters) -> None:
    found = []
    letters.first = lambda _: found.append(app.search("I like tea.", user_id="alice", limit=1)["results"][0]["memory"])
    reembed(database, letters)
    assert found == ["I like tea."] * letters.calls


def test_earlier_changes_can_be_undone_after_re_embedding(app: Memory, database: Database, letters: Letters) -> None:
    tea, porto = sorted(app.get_all(user_id="alice")["results"], key=lambda each: each["memory"])
    app.update(tea["id"], "I like coffee.", user_id="alice")
    app.delete(porto["id"], user_id="alice")
    reembed(database, letters)
    with closing(Database(database.url)) as fresh:
        memory = Memory(fresh, letters, None)
        for memory_id in (tea["id"], porto["id"]):
            memory.undo(memory.history(memory_id, user_id="alice")[-1]["id"], user_id="alice")
        assert _texts(memory) == ["I like tea.", "I live in Porto."]
        again = memory.changes(user_id="alice", limit=1)[0]
        memory.undo(again["id"], user_id="alice")
        assert _texts(memory) == ["I like tea."]
    assert _wrong(database, letters) == []


def test_memories_as_of_an_earlier_day_can_be_read_after_re_embedding(
    app: Memory, database: Database, letters: Letters
) -> None:
    then = datetime.now(UTC)
    tea = app.search("I like tea.", user_id="alice", limit=1)["results"][0]
    app.update(tea["id"], "I like coffee.", user_id="alice")
    reembed(database, letters)
    with closing(Database(database.url)) as fresh:
        memory = Memory(fresh, letters, None)
        assert _texts(memory) == ["I like coffee.", "I live in Porto."]
        assert "I like tea." in [fact.text for fact in memory.recall("tea", user_id="alice", as_of=then)]
        known = memory.get_all(user_id="alice", as_of=then)["results"]
    assert sorted(each["memory"] for each in known) == ["I like tea.", "I live in Porto."]


def test_only_one_process_can_re_embed_at_a_time(app: Memory, database: Database, letters: Letters) -> None:
    second: list[str] = []

    def try_another(_: int) -> None:
        with pytest.raises(DatabaseError) as refused:
            reembed(database, Letters(30, "others"))
        second.append(str(refused.value))

    letters.first = try_another
    reembed(database, letters)
    assert second
    assert set(second) == {"Another process is already re-embedding: wait until it is done."}
    assert _wrong(database, letters) == []


class Broken(Exception):
    """The embedder went away."""


def _break(_: int) -> None:
    raise Broken


def test_re_embedding_for_a_third_model_drops_the_vectors_for_the_second(
    app: Memory, database: Database, letters: Letters
) -> None:
    app.add([Said("user", f"message {n}") for n in range(BATCH)], user_id="alice", infer=False)
    letters.first = lambda call: _break(call) if call == 2 else None
    with pytest.raises(Broken):
        reembed(database, letters)
    third = Letters(26, "others")
    assert reembed(database, third).rows == BATCH + 6
    assert _left_over(database) == 0


def test_giving_up_leaves_no_new_vectors(
    app: Memory, database: Database, embedder: BundledEmbedder, letters: Letters
) -> None:
    letters.first = _break
    with pytest.raises(Broken):
        reembed(database, letters)
    assert app.search("I like tea.", user_id="alice", limit=1)["results"][0]["memory"] == "I like tea."
    moved = reembed(database, embedder)
    assert (moved.from_model, moved.to_model, moved.rows) == (MODEL, MODEL, 0)
    with administrator(database) as connection:
        assert not connection.scalar(text("select app.has_next_vectors('memories')"))


def test_a_role_without_the_rights_is_told_the_command(app: Memory, database: Database, letters: Letters) -> None:
    with closing(Database(database.url)) as app_only, pytest.raises(MigrationNeeded, match="DATABASE_ADMIN_URL"):
        reembed(app_only, letters)


def test_without_tables_there_is_nothing_to_re_embed(empty_database: Database, letters: Letters) -> None:
    with pytest.raises(MigrationNeeded, match="no vectors yet"):
        reembed(empty_database, letters)


# -- killed at each step -----------------------------------------------------------------------------------

Holding = Callable[[ModelServer, Database], "_Reached"]
_Reached = Iterator[Callable[[], bool]]


def _vectors(_: Request) -> Item:
    return Vectors(64)


def _first_call(server: ModelServer, _: Database) -> _Reached:
    server.enqueue_vectors(Stall())
    yield lambda: len(server.requests) == 1


def _later_call(server: ModelServer, _: Database) -> _Reached:
    server.enqueue_vectors(*[_vectors] * 5, Stall())
    yield lambda: len(server.requests) == 6


def _locked(database: Database, lock: str) -> _Reached:
    with held_by(database, lock) as waits:
        yield waits


def _emptying_the_history(_: ModelServer, database: Database) -> _Reached:
    yield from _locked(database, "lock table app.memory_history in share mode")


def _before_it_begins(_: ModelServer, database: Database) -> _Reached:
    yield from _locked(database, "lock table vecs.memories in row exclusive mode")


def _before_the_swap(server: ModelServer, database: Database) -> _Reached:
    engine = connect(database.admin_url, pool_size=2)

    def lock_and_answer(_: Request) -> Item:
        holding.exec_driver_sql("lock table vecs.memories in row exclusive mode")
        return Vectors(64)

    try:
        with engine.connect() as holding, engine.connect() as looking:
            server.enqueue_vectors(lock_and_answer)
            yield lambda: bool(looking.exec_driver_sql("select count(*) from pg_locks where not granted").scalar())
    finally:
        engine.dispose()


def _inside_the_swap(_: ModelServer, database: Database) -> _Reached:
    yield from _locked(database, "lock table app.collections in share mode")


STEPS: list[Holding] = [
    _before_it_begins,
    _first_call,
    _later_call,
    _emptying_the_history,
    _before_the_swap,
    _inside_the_swap,
]


def _command(database: Database, server: ModelServer, folder: Path) -> tuple[list[str], dict[str, str]]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"}
    environment |= {"DATABASE_URL": database.url, "DATABASE_ADMIN_URL": database.admin_url}
    environment |= {"EMBED_MODEL": "e", "EMBED_BASE_URL": server.base_url, "EMBED_DIMENSIONS": "64"}
    return [sys.executable, "-m", "memory", "reembed"], environment


@pytest.mark.parametrize("holding", STEPS, ids=lambda step: step.__name__.strip("_"))
def test_a_run_killed_at_any_step_breaks_nothing_and_can_be_continued(
    app: Memory,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    holding: Holding,
) -> None:
    app.add([Said("user", f"message {n}") for n in range(2 * BATCH)], user_id="carol", infer=False)
    with ModelServer(dimensions=64) as server:
        command, environment = _command(database, server, tmp_path)
        with contextmanager(holding)(server, database) as reached:
            with subprocess.Popen(command, env=environment, cwd=tmp_path) as process:
                try:
                    until(reached, seconds=120)
                finally:
                    process.kill()
            asked = sum(len(each.body["input"]) for each in server.requests)
        assert app.search("I like tea.", user_id="alice", limit=1)["results"][0]["memory"] == "I like tea."
        app.add("I use Redis.", user_id="alice")
        server.requests.clear()
        until(lambda: not _moving(database))
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"from {MODEL} to e" in ended.stdout
        asked_again = sum(len(each.body["input"]) for each in server.requests)
        # At most the batch that was under way is embedded twice.
        assert asked + asked_again <= 2 * BATCH + 7 + BATCH
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        main(["reembed"])  # here, since starting Python once more takes seconds
        assert capsys.readouterr().out == "All vectors come from e already.\n"
    assert _left_over(database) == 0


def _moving(database: Database) -> bool:
    """Whether the killed one's connections are still seen."""
    others = "select count(*) from pg_locks where locktype = 'advisory' and objid = 1380273474"
    with administrator(database) as connection:
        return bool(connection.scalar(text(others)))


def test_locked_rows_are_waited_for_and_not_embedded_repeatedly(
    app: Memory, database: Database, letters: Letters
) -> None:
    app.add([Said("user", f"message {n}") for n in range(BATCH)], user_id="carol", infer=False)
    engine = connect(database.admin_url, pool_size=2)
    with ThreadPoolExecutor(1) as threads, engine.connect() as holding, engine.connect() as looking:

        def let_go_when_waited_for() -> None:
            until(lambda: looking.exec_driver_sql("select count(*) from pg_locks where not granted").scalar(), 30)
            holding.rollback()

        def hold(call: int) -> None:
            if call == 1:
                holding.exec_driver_sql("select from vecs.memories for update")
                threads.submit(let_go_when_waited_for)

        letters.first = hold
        reembed(database, letters)
    engine.dispose()
    assert _wrong(database, letters) == []
    assert max(times for said, times in letters.embedded.items() if said.startswith("message")) <= 2
