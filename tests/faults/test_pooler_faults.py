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
from services import Services
from tests.faults.conftest import Visitor, gives_back, goes_on
from tests.faults.servers import RAISED, SENTENCES, through
from tests.versions.servers import Pooler, running_pooler

AWAY, BUSY = SENTENCES["killed"], SENTENCES["out of connections"]
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

Fault = Callable[[Pooler], AbstractContextManager[None]]


@pytest.fixture(params=["session", "transaction"])
def pooler(request: pytest.FixtureRequest, server: Postgres) -> Iterator[Pooler]:
    """PgBouncer before the server, with few connections to give."""
    how = CONFIGURATION.format(mode=request.param, clients=CLIENTS, connections=CONNECTIONS)
    users = {str(make_url(url).username) for url in (server.app_url, server.admin_url)}
    with running_pooler(server.cluster, how, users, free_port()) as running:
        yield running


@pytest.fixture
def database_settings(pooler: Pooler) -> dict[str, str]:
    """Where the app finds its database: at the pooler."""
    return through(pooler.port)


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


@pytest.mark.parametrize(
    ("fault", "sentence", "raised"),
    [(gone, AWAY, RAISED["killed"]), (full, BUSY, BUSY), (all_in_use, CLOSED, CLOSED)],
)
def test_a_message_that_cannot_be_saved_is_given_back_with_a_sentence(
    fault: Fault, sentence: str, raised: str, pooler: Pooler, ann: Visitor, home: Services
) -> None:
    gives_back(ann, home, fault(pooler), sentence, raised)


def test_a_restart_between_two_messages_is_not_noticed(pooler: Pooler, ann: Visitor) -> None:
    _restart(pooler)
    goes_on(ann)
