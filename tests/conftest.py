"""Fixtures for every test: one real PostgreSQL server for the run, an empty database for each test, an embedder."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from streamlit.components.v2 import manifest_scanner

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from tests.databases import Databases
from tests.scripted import ScriptedModel
from tests.versions.servers import EVERY, hosted_server

pytest_plugins = ["tests.selection", "tests.local_stack", "tests.servers", "tests.replicas"]

# The same examples in each run, so that a test fails because of a change and not by chance, and however long they take:
# on a busy machine each is slow now and then. For new ones: pytest --hypothesis-profile=default.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# A run that was started in the background ignores Ctrl-C and hanging up, and so would every program that a
# test starts, also where being told to end is what is tested. A handler is not inherited; ignoring is.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def installed_components() -> Iterator[None]:
    """Let Streamlit look for components once: it reads every package's metadata, half a second for each `AppTest`."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server, without any table of ours."""
    # Without autovacuum no statistics of an earlier test change the plans of a later one. The others save writing.
    options = {"max_connections": "100", "autovacuum": "off"}
    options |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
    # Not pytest's folder: it is kept for three runs, and closed to the server's account by the next run.
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-tests-") as folder,
        Postgres(Path(folder), options=options) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def embedded_databases(postgres: Postgres, embedder: BundledEmbedder) -> Iterator[Databases]:
    """The embedded server's databases; one is migrated, and the others are copies of it."""
    made = Databases(postgres)
    made.migrate(embedder)
    yield made
    made.close()


@pytest.fixture(scope="session")
def hosted_databases(embedder: BundledEmbedder) -> Iterator[Callable[[str], Databases]]:
    """The databases of a server that is set up as a hosted one, likewise."""
    with ExitStack() as running:

        def start(name: str) -> Databases:
            server = running.enter_context(hosted_server(name))
            made = running.enter_context(closing(Databases(server, server.superuser_url)))
            made.migrate(embedder)
            return made

        yield cache(start)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """The databases of the embedded server, or of the one that a test marked `every_server` is run on now."""
    name: str | None = getattr(request, "param", None)
    if name is None:
        embedded: Databases = request.getfixturevalue("embedded_databases")
        return embedded
    hosted: Databases = request.getfixturevalue("hosted_databases")(name)
    return hosted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a marked test on the embedded server, and on others that are set up as hosted ones."""
    if "databases" not in metafunc.fixturenames:
        return
    on: dict[str, list[str | None]] = {
        "hosted_servers": [*EVERY],
        "every_server": [None, *EVERY],
        "every_version": [None, *EVERY[::2]],
    }
    for mark, names in on.items():
        if metafunc.definition.get_closest_marker(mark):
            metafunc.parametrize(
                "databases", names, indirect=True, scope="session", ids=lambda name: name or "embedded"
            )
            return


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A database with our tables and no row in them, as the app's low-privilege role."""
    with databases.reused() as reused:
        yield reused


@pytest.fixture(scope="module")
def untouched(databases: Databases, embedder: BundledEmbedder) -> Iterator[Memory]:
    """A memory for tests of what is refused: nothing may be kept in it when its module ends."""
    with databases.migrated() as fresh:
        yield Memory(fresh, embedder, None)
        kept = "select (select count(*) from vecs.memories), (select count(*) from app.memory_history)"
        assert databases.ask(fresh, kept) == [(0, 0)], "something that was refused was kept"


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[Database]:
    """A database of this test's own, without any of our tables."""
    with databases.empty() as fresh:
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


@pytest.fixture
def learning(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Memory:
    """A memory that learns through the scripted model."""
    return Memory(database, embedder, scripted_model)
