"""The worker's thread: it is woken for turns, finds others by itself, survives errors, and ends when stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chat.conversations import Conversations
from chat.remembering.queue import TurnQueue
from chat.remembering.worker import Worker
from memory import Memory, Plan, Said
from memory.database import Database
from memory.leases import Leases
from tests.chat.conftest import BEES, Known, Say, Sql, until
from tests.chat.test_queue import pass_time, state
from tests.model_answers import PATIENCE, Gate, Stall, sensible
from tests.model_server import ModelServer


@pytest.fixture
def often(conversations: Conversations, learning: Memory) -> Iterator[Worker]:
    """A worker that looks for turns all the time."""
    made = Worker(conversations.queue, learning, look_seconds=0.05)
    yield made
    made.stop()


@pytest.fixture
def rarely(conversations: Conversations, learning: Memory) -> Iterator[Worker]:
    """A worker that looks for turns only when it is woken."""
    made = Worker(conversations.queue, learning, look_seconds=600)
    yield made
    made.stop()


def test_a_sleeping_thread_is_woken_for_a_turn(rarely: Worker, waiting: Say, known: Known) -> None:
    waiting("I have a dog.", "bob")
    rarely.start()
    until(lambda: known("bob"))
    waiting()
    rarely.wake()
    until(lambda: known() == [BEES])


def test_the_thread_finds_turns_that_it_was_not_woken_for(often: Worker, waiting: Say, known: Known) -> None:
    often.start()
    until(lambda: often.alive)
    waiting()
    until(lambda: known() == [BEES])


def test_a_start_tries_at_once_what_waits_for_a_model_and_nothing_else(
    rarely: Worker, waiting: Say, known: Known, memory: Memory, sql: Sql
) -> None:
    away, own_fault, given_up = waiting(), waiting("I have a dog.", "bob"), waiting("I have a cat.", "cid")
    sql("update app.messages set remember_after = now() + interval '1 hour' where remembering = 'waiting'")
    sql("update app.messages set remember_waits = 9 where id = %s::uuid", away.id)
    sql("update app.messages set remember_attempts = 2 where id = %s::uuid", own_fault.id)
    sql("update app.messages set remembering = 'given up', remember_waits = 9 where id = %s::uuid", given_up.id)
    memory.import_queue.add("dee", [Said("user", "I live in Porto.", message_id="1")], "learn")
    sql("update app.lessons set waits = 9, after = now() + interval '1 hour'")
    rarely.start()
    until(lambda: known() == [BEES] and known("dee") == ["I live in Porto."])
    assert state(sql, own_fault)[:2] == ("waiting", 2)
    assert state(sql, given_up)[0] == "given up"
    assert (known("bob"), known("cid")) == ([], [])


def test_a_bug_in_one_persons_turn_does_not_stop_the_others(
    often: Worker,
    learning: Memory,
    waiting: Say,
    known: Known,
    bugs: list[BaseException | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = learning.turns.plan

    def broken(said: Sequence[Said], *, user_id: str, **options: Any) -> Plan:
        if user_id == "ann":
            raise ValueError("a bug")
        return plan(said, user_id=user_id, **options)

    monkeypatch.setattr(learning.turns, "plan", broken)
    waiting()
    waiting("I have a dog.", "bob")
    often.start()
    until(lambda: known("bob") == ["I have a dog."])
    assert known() == []
    until(lambda: [str(each) for each in bugs] == ["a bug"])


def test_the_thread_survives_when_the_database_is_away(
    often: Worker, waiting: Say, known: Known, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "keepsake.worker")
    sql("alter role keepsake_app nologin")
    try:
        often.start()
        until(lambda: "the queue could not be read" in caplog.text)
    finally:
        sql("alter role keepsake_app login")
    waiting()
    until(lambda: known() == [BEES])


@pytest.fixture
def several(conversations: Conversations, learning: Memory) -> Iterator[Worker]:
    """A worker that remembers turns of three people at once, and looks for them only when it is woken."""
    made = Worker(conversations.queue, learning, look_seconds=600, turns_at_once=3)
    yield made
    made.stop()


def _helpers() -> int:
    return [each.name for each in threading.enumerate()].count("keepsake-worker-help")


def test_turns_of_several_people_are_remembered_at_once_but_not_of_more_than_it_may(
    several: Worker, waiting: Say, known: Known, model_server: ModelServer
) -> None:
    gate, people = Gate(), ("ann", "bob", "cid", "dee")
    model_server.unscripted = lambda request: Stall(gate, then=sensible(request))
    for person in people:
        waiting(user_id=person)
    several.start()
    model_server.wait_for_chats(3)
    assert _helpers() == 2
    gate.open()
    until(lambda: all(known(person) == [BEES] for person in people))
    assert len(model_server.chats) == 4
    until(lambda: not _helpers())  # where nothing waits, one thread looks


def test_a_turn_that_comes_while_another_persons_is_thought_about_does_not_wait_for_it_and_ones_own_does(
    several: Worker, waiting: Say, known: Known, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(lambda request: Stall(gate, then=sensible(request)))
    waiting()
    several.start()
    model_server.wait_for_chats(1)
    until(lambda: not _helpers())
    waiting("I have a dog.")
    waiting("I have a cat.", "bob")
    several.wake()
    until(lambda: known("bob") == ["I have a cat."])
    assert len(model_server.chats) == 2
    gate.open()
    until(lambda: known() == ["I have a dog.", BEES])


def test_each_turn_that_takes_too_long_when_the_worker_stops_is_left_to_the_next_worker(
    several: Worker, waiting: Say, model_server: ModelServer, sql: Sql
) -> None:
    gate = Gate()
    model_server.unscripted = lambda request: Stall(gate, then=sensible(request))
    asked = [waiting(user_id=person) for person in ("ann", "bob")]
    several.start()
    model_server.wait_for_chats(2)
    several.stop(timeout=0.01)
    assert [state(sql, each)[:2] for each in asked] == [("waiting", 0)] * 2
    gate.open()
    until(lambda: not several.alive and not _helpers())


def test_a_stopped_worker_does_not_start_again(worker: Worker) -> None:
    others = set(threading.enumerate())  # of workers that an earlier test has not stopped
    worker.start()
    worker.start()
    assert worker.alive
    assert [each.name for each in set(threading.enumerate()) - others].count("keepsake-worker") == 1
    worker.stop()
    worker.wake()
    assert not worker.alive


def test_stopping_waits_for_the_turn_that_is_being_remembered(
    worker: Worker, waiting: Say, known: Known, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(lambda request: Stall(gate, then=sensible(request)))
    waiting()
    waiting("I have a dog.", "bob")
    worker.start()
    model_server.wait_for_chats(1)
    with ThreadPoolExecutor(1) as stopping:
        stopped = stopping.submit(worker.stop)
        assert not stopped.done()
        gate.open()
        stopped.result(PATIENCE)
    assert not worker.alive
    assert (known("ann"), known("bob")) == ([BEES], [])


def test_a_turn_that_takes_too_long_when_the_worker_stops_is_left_to_the_next_worker_at_once(
    worker: Worker,
    waiting: Say,
    known: Known,
    model_server: ModelServer,
    conversations: Conversations,
    learning: Memory,
    sql: Sql,
) -> None:
    gate = Gate()
    model_server.enqueue(lambda request: Stall(gate, then=sensible(request)))
    asked = waiting()
    worker.start()
    model_server.wait_for_chats(1)
    worker.stop(timeout=0.01)
    assert state(sql, asked)[:2] == ("waiting", 0)
    assert Worker(conversations.queue, learning).remember_next() is True
    gate.open()
    until(lambda: not worker.alive)
    assert known() == [BEES]
    assert len(sql("select from app.memory_history")) == 1


def test_a_lease_is_renewed_for_as_long_as_the_model_thinks(
    database: Database, waiting: Say, known: Known, model_server: ModelServer, learning: Memory, sql: Sql
) -> None:
    gate = Gate()
    model_server.enqueue(lambda request: Stall(gate, then=sensible(request)))
    asked = waiting()
    thinking = Worker(TurnQueue(database, Leases(database, renew_seconds=0.01)), learning)
    thinking.start()
    model_server.wait_for_chats(1)
    for _ in range(6):  # three minutes, half a minute at a time
        pass_time(sql, 30)
        until(lambda: sql("select claimed_until > now() + interval '50 seconds' from app.leases") == [(True,)])
        assert Worker(TurnQueue(database), learning).remember_next() is False
    gate.open()
    until(lambda: state(sql, asked)[0] == "done")
    thinking.stop()
    assert known() == [BEES]


def test_a_worker_that_was_never_started_can_be_stopped(conversations: Conversations, memory: Memory) -> None:
    idle = Worker(conversations.queue, memory)
    idle.stop()
    assert not idle.alive
