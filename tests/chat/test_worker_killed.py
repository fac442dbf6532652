"""A worker killed at any step: the turn still waits, nothing is half written, and the next worker remembers it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from chat.remembering.worker import Worker
from memory.database import Database
from tests.chat.conftest import BEES, Known, Say, Sql, until
from tests.chat.test_queue import state, wake
from tests.locks import held_by
from tests.model_answers import Item, Request, Stall, Vectors
from tests.model_server import ModelServer

# Every step is held by something: a server that stalls, or a lock in the database.
Holding = Callable[[ModelServer, Database], AbstractContextManager[Callable[[], bool]]]


@contextmanager
def _first_embedding(server: ModelServer, _: Database) -> Iterator[Callable[[], bool]]:
    server.enqueue_vectors(Stall())
    yield lambda: len(server.requests) == 1


@contextmanager
def _model_call(server: ModelServer, _: Database) -> Iterator[Callable[[], bool]]:
    server.enqueue(Stall())
    yield lambda: len(server.chats) == 1


@contextmanager
def _second_embedding(server: ModelServer, _: Database) -> Iterator[Callable[[], bool]]:
    def vectors(_: Request) -> Item:
        return Vectors(256)

    server.enqueue_vectors(vectors, Stall())
    yield lambda: len(server.requests) == 3


def _before_writing(_: ModelServer, database: Database) -> AbstractContextManager[Callable[[], bool]]:
    return held_by(database, "select pg_advisory_xact_lock(hashtextextended('keepsake.write:ann', 0))")


def _while_writing(_: ModelServer, database: Database) -> AbstractContextManager[Callable[[], bool]]:
    return held_by(database, "lock table app.memory_history in share mode")


def _between_writing_and_noting(_: ModelServer, database: Database) -> AbstractContextManager[Callable[[], bool]]:
    return held_by(database, "lock table app.memory_use in share mode")


STEPS: list[Holding] = [
    _first_embedding,
    _model_call,
    _second_embedding,
    _before_writing,
    _while_writing,
    _between_writing_and_noting,
]


@pytest.mark.parametrize("holding", STEPS, ids=lambda step: step.__name__.strip("_"))
def test_a_worker_killed_at_any_step_leaves_the_turn_to_be_remembered_once(
    worker: Worker,
    waiting: Say,
    known: Known,
    database: Database,
    model_server: ModelServer,
    sql: Sql,
    holding: Holding,
) -> None:
    asked = waiting()
    sql('update app.messages set receipt = \'{"memories": [{"id": "x"}]}\' where role = \'assistant\'')
    command = [sys.executable, "-m", "tests.chat.lone_worker", database.url, model_server.base_url]
    with holding(model_server, database) as reached:
        with subprocess.Popen(command) as process:
            try:
                until(reached)
            finally:
                process.kill()
        assert state(sql, asked)[:2] == ("waiting", 1)  # the attempt is counted before anything is asked
        assert known() == []
    wake(sql)  # the lease of the killed worker ends
    until(worker.remember_next)
    assert known() == [BEES]
    assert worker.remember_next() is False
    assert state(sql, asked)[0] == "done"
    assert len(sql("select from app.memory_history")) == 1
