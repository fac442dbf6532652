"""PgBouncer goes wrong between the app and its database: what the page says, and that nothing is lost.

Each test runs in both of its modes. The server behind it is well all the while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import psycopg2
import pytest
from sqlalchemy import make_url

from memory.embedded.loopback import free_port
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import socket_folder
from memory.errors import DatabaseError
from services import Services
from tests.chat.conftest import until
from tests.faults.conftest import ADDRESSES, Visit, Visitor
from tests.versions.servers import Pooler
from tests.versions.servers import pooler as pooler_before

AWAY = "The database cannot be reached at the moment. Try again in a few minutes."
BUSY = "The database has no free connection left: try again in a moment."
# What PgBouncer says to somebody who waited in vain is lost with the connection that it closes.
CLOSED = "The database closed the connection: try again."
CLIENTS, CONNECTIONS = 20, 8
CONFIGURATION = """
listen_addr = 127.0.0.1
auth_type = trust
pool_mode = {mode}
max_client_conn = {clients}
default_pool_size = {connections}
query_wait_timeout = 0.2
"""
BEES, PORTO = "I keep bees in Utrecht.", "I live in Porto by the river."
NOTED = ["Noted: you keep bees in Utrecht.", "Noted: you live in Porto by the river."]

Fault = Callable[[Pooler], AbstractContextManager[None]]


@pytest.fixture(params=["session", "transaction"])
def pooler(request: pytest.FixtureRequest, server: Postgres) -> Iterator[Pooler]:
    """PgBouncer before the server, with few connections to give."""
    how = CONFIGURATION.format(mode=request.param, clients=CLIENTS, connections=CONNECTIONS)
    users = {str(make_url(url).username) for url in (server.app_url, server.admin_url)}
    with pooler_before(server.cluster, socket_folder(server.cluster), how, users, free_port()) as running:
        yield running


@pytest.fixture
def database_settings(pooler: Pooler) -> dict[str, str]:
    """Where the app finds its database: at the pooler."""
    address = f"@127.0.0.1:{pooler.port}/postgres"
    return {
        "DATABASE_URL": f"postgresql://keepsake_app{address}",
        "DATABASE_ADMIN_URL": f"postgresql://postgres{address}",
    }


@contextmanager
def gone(pooler: Pooler) -> Iterator[None]:
    """Nothing listens where the pooler was."""
    pooler.stop()
    yield
    pooler.start()


@contextmanager
def full(pooler: Pooler) -> Iterator[None]:
    """Others hold every connection that the pooler takes from clients."""
    with _held_by_others(pooler, begin=False):
        yield


@contextmanager
def all_in_use(pooler: Pooler) -> Iterator[None]:
    """Others use every connection that the pooler has to the server: it lets clients in, and they wait in vain."""
    with _held_by_others(pooler, begin=True):
        yield


@contextmanager
def _held_by_others(pooler: Pooler, begin: bool) -> Iterator[None]:
    _restart(pooler)
    with ExitStack() as held:
        with suppress(psycopg2.OperationalError):
            for _ in range(CLIENTS):
                other = psycopg2.connect(host="127.0.0.1", port=pooler.port, user="keepsake_app", dbname="postgres")
                held.callback(other.close)
                if begin:
                    other.cursor().execute("select 1")  # in a transaction, which stays open
        yield


def _restart(pooler: Pooler) -> None:
    pooler.stop()
    pooler.start()


@pytest.fixture
def ann(visit: Visit) -> Visitor:
    """A person with a chat of one turn and the memory of it."""
    person = visit()
    person.says(BEES)
    until(lambda: person.memories == [BEES])
    return person


@pytest.mark.parametrize(
    ("fault", "sentence", "raised"),
    [(gone, AWAY, "Nothing answers at the database address"), (full, BUSY, BUSY), (all_in_use, CLOSED, CLOSED)],
)
def test_a_message_that_cannot_be_saved_is_given_back_with_a_sentence(
    fault: Fault, sentence: str, raised: str, pooler: Pooler, ann: Visitor, home: Services
) -> None:
    with fault(pooler):
        ann.says(PORTO)
        assert sentence in ann.seen
        given_back = ann.box
        for address in ADDRESSES:
            ann.opens(address)
            assert sentence in ann.seen
        with pytest.raises(DatabaseError, match=raised):
            home.memory.add(PORTO, user_id=ann.user_id, infer=False)
    ann.opens("chat")
    assert (given_back or ann.box) == PORTO
    assert ann.memories == [BEES]
    _goes_on(ann)


def test_a_restart_between_two_messages_is_not_noticed(pooler: Pooler, ann: Visitor) -> None:
    _restart(pooler)
    _goes_on(ann)


def _goes_on(person: Visitor) -> None:
    """The next message is saved once, answered and remembered."""
    person.says(PORTO)
    assert person.messages == [(each, "complete") for each in (BEES, NOTED[0], PORTO, NOTED[1])]
    until(lambda: person.memories == [BEES, PORTO])
    until(lambda: person.waiting == 0)
