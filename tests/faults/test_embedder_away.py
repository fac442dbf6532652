"""The embedder is away for a day: people talk on, and everything is remembered once it is back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest

from local.stack import LocalStack
from memory.embedded.loopback import free_port
from memory.embedded.postgres import Postgres
from services import Services
from tests.chat.conftest import until
from tests.faults.conftest import Visit, Visitor
from tests.faults.servers import connected
from tests.wires import Relay, relaying

BEES = "I keep bees in Utrecht."


@pytest.fixture
def relay(stack: LocalStack) -> Iterator[Relay]:
    """The address of the embedder."""
    with relaying(urlsplit(stack.settings["EMBED_BASE_URL"]).port or 0) as leading:
        yield leading


@pytest.fixture
def more_settings(relay: Relay) -> dict[str, str]:
    return {"EMBED_BASE_URL": f"http://127.0.0.1:{relay.port}/v1"}


def test_an_embedder_that_is_away_for_a_day_costs_no_memory(
    visit: Visit, home: Services, relay: Relay, server: Postgres
) -> None:
    ann = visit()
    before, relay.target = relay.target, free_port()
    relay.cut()
    ann.says(BEES)
    assert ann.statuses == ["complete", "complete"]
    for waits in range(1, 4):
        until(partial(_has_waited, server, ann, waits))
        _let_a_day_pass(server)
        home.worker.wake()
    ann.reloads()
    assert "Not remembered yet: " in ann.seen
    assert ann.memories == []
    assert ann.waiting == 1
    relay.target = before
    _let_a_day_pass(server)
    home.worker.wake()
    until(lambda: ann.memories == [BEES] and not ann.waiting)
    ann.reloads()
    assert "Not remembered yet: " not in ann.seen


def _has_waited(server: Postgres, person: Visitor, times: int) -> bool:
    """Whether the person's turn could not be remembered so many times."""
    with connected(server) as cursor:
        cursor.execute("select sum(remember_waits) from app.messages where user_id = %s", (person.user_id,))
        [(waits,)] = cursor.fetchall()
    return bool(waits >= times)


def _let_a_day_pass(server: Postgres) -> None:
    with connected(server) as cursor:
        cursor.execute("update app.messages set remember_after = remember_after - interval '1 day'")
