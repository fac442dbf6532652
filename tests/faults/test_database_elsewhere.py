"""The database moves to another server, or is far away and slow: what the person sees, and what is there afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from memory.embedded.postgres import Postgres
from tests.chat.conftest import until
from tests.faults.conftest import BEES, NOTED, PORTO, Visit
from tests.faults.servers import killed, socket_of, through
from tests.replicas import replica_of
from tests.wires import Relay, relaying

SLOWER_BY = 0.05  # seconds, before each message to the database; a turn with its page is some fifty of them


@pytest.fixture
def relay(server: Postgres) -> Iterator[Relay]:
    """The address of the database, which may lead to another server later."""
    with relaying(socket_of(server)) as leading:
        yield leading


@pytest.fixture
def database_settings(relay: Relay) -> dict[str, str]:
    return through(relay.port)


def test_when_a_standby_takes_over_it_can_be_read_at_once_and_written_once_it_is_promoted(
    visit: Visit, server: Postgres, relay: Relay
) -> None:
    ann = visit()
    with replica_of(server) as standby:
        ann.says(BEES)
        until(lambda: ann.memories == [BEES] and not ann.waiting)
        standby.catches_up()
        with killed(server):
            relay.target = standby.socket
            ann.says(PORTO)
            assert "The database takes no changes at the moment, so this was not saved." in ann.seen
            assert ann.box == PORTO
            ann.opens("memories")
            assert BEES in ann.seen
            standby.is_promoted()
            ann.opens("chat")
            ann.says(PORTO)
            assert ann.messages == [(each, "complete") for each in (BEES, NOTED[0], PORTO, NOTED[1])]
            until(lambda: ann.memories == [BEES, PORTO] and not ann.waiting)


def test_a_slow_database_makes_everything_slower_and_loses_nothing(visit: Visit, relay: Relay) -> None:
    ann = visit()
    relay.hold = lambda: time.sleep(SLOWER_BY)
    ann.says(BEES)
    assert NOTED[0] in ann.seen
    assert ann.messages == [(BEES, "complete"), (NOTED[0], "complete")]
    until(lambda: ann.memories == [BEES] and not ann.waiting)
