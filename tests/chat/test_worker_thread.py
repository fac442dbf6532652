"""The worker's thread: it is woken for turns, finds others by itself, survives errors, and ends when stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from chat.conversations import Conversations
from chat.queue import Worker
from memory import Memory
from tests.chat.conftest import BEES, Known, Say, Sql, until
from tests.model_answers import Gate, Stall, sensible
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


def test_a_stopped_worker_does_not_start_again(worker: Worker) -> None:
    worker.start()
    worker.start()
    assert worker.alive
    assert [each.name for each in threading.enumerate()].count("keepsake-worker") == 1
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
    worker.stop(timeout=0.01)  # it is still remembering the turn
    gate.open()
    worker.stop()
    assert not worker.alive
    assert (known("ann"), known("bob")) == ([BEES], [])


def test_a_worker_that_was_never_started_can_be_stopped(conversations: Conversations, memory: Memory) -> None:
    idle = Worker(conversations.queue, memory)
    idle.stop()
    assert not idle.alive
