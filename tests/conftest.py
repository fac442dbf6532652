"""What tests stand on: one real PostgreSQL for the whole run, and for each test a database of its own."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.migrations import migrate
from tests.scripted import ScriptedModel

pytest_plugins = ["tests.standing", "tests.servers"]

TEMPLATE = "migrated"

# A run that was started in the background ignores Ctrl-C and hanging up, and so would every program that a
# test starts, also where being told to end is what is tested. A handler is not inherited; ignoring is.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


class Databases:
    """Makes databases on the server and takes them away again."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._numbers = count(1)

    def at(self, name: str) -> Database:
        """The database of this name: for the app's own role, and for an administrator."""
        return Database(_address(self._server.app_url, name), _address(self._server.admin_url, name))

    @contextmanager
    def fresh(self, template: str = "template1") -> Iterator[Database]:
        """A new database, which is gone afterwards whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        self.run(f"create database {name} template {template} strategy file_copy")
        database = self.at(name)
        try:
            yield database
        finally:
            database.close()
            self.run(f"drop database if exists {name} with (force)")

    def run(self, sql: str) -> None:
        """One statement as the administrator, outside any transaction."""
        with closing(psycopg2.connect(_plain(self._server.admin_url))) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)


def _address(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server, without any table of ours."""
    # Not pytest's folder: it is kept for three runs, and closed to the server's account by the next run.
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-tests-") as folder,
        Postgres(Path(folder), options={"fsync": "off", "max_connections": "100"}) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Postgres, embedder: BundledEmbedder) -> Databases:
    """The server's databases; one is migrated once and copied for each test."""
    made = Databases(postgres)
    made.run(f"create database {TEMPLATE}")
    template = made.at(TEMPLATE)
    migrate(template, embedder.dimensions, embedder.name)
    template.close()
    return made


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A database of this test's own, up to date, as the app's low-privilege role."""
    with databases.fresh(TEMPLATE) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def untouched(databases: Databases, embedder: BundledEmbedder) -> Iterator[Memory]:
    """A memory for tests of what is refused: nothing may have been kept in it when its module ends."""
    with databases.fresh(TEMPLATE) as fresh:
        yield Memory(fresh, embedder, None)
        with closing(psycopg2.connect(_plain(fresh.admin_url))) as connection, connection.cursor() as cursor:
            cursor.execute("select (select count(*) from vecs.memories), (select count(*) from app.memory_history)")
            assert cursor.fetchone() == (0, 0), "something that was refused was kept"


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[Database]:
    """A database of this test's own, without any of our tables."""
    with databases.fresh() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def embedder() -> BundledEmbedder:
    """Text to vectors, on this machine."""
    return BundledEmbedder()


@pytest.fixture
def memory(database: Database, embedder: BundledEmbedder) -> Memory:
    """A memory without a model: it goes by rules."""
    return Memory(database, embedder, None)


@pytest.fixture
def scripted_model() -> ScriptedModel:
    """A model that says what the test enqueues."""
    return ScriptedModel()
