"""The worker's thread: it hears of turns, finds those it was not told of, outlives trouble, and ends when told."""

from __future__ import annotations

import logging
import threading

import pytest

from chat import queue as worker_module
from chat.conversations import Conversations
from chat.queue import Worker
from memory import Memory
from tests.chat.conftest import BEES, Known, Say, Sql, until
from tests.model_answers import Gate, Stall, sensible
from tests.model_server import ModelServer


class Listening(threading.Event):
    """An event that tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.asleep.set()
        return super().wait(timeout)


def test_a_sleeping_thread_wakes_when_it_is_told_of_a_turn(
    worker: Worker, waiting: Say, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 600)
    worker._woken = woken = Listening()
    worker.start()
    assert woken.asleep.wait(15)
    waiting()
    worker.tell()
    until(lambda: known() == [BEES])


def test_the_thread_finds_turns_that_nobody_told_it_of(
    worker: Worker, waiting: Say, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 0.05)
    worker.start()
    until(lambda: worker.alive)
    waiting()
    until(lambda: known() == [BEES])


def test_the_thread_survives_when_the_database_is_away(
    worker: Worker,
    waiting: Say,
    known: Known,
    sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 0.05)
    caplog.set_level(logging.WARNING, "keepsake.worker")
    sql("alter role keepsake_app nologin")
    try:
        worker.start()
        until(lambda: "the queue could not be read" in caplog.text)
    finally:
        sql("alter role keepsake_app login")
    waiting()
    until(lambda: known() == [BEES])


def test_a_stopped_worker_does_not_start_again(worker: Worker) -> None:
    worker.start()
    thread = worker._thread
    assert thread is not None
    assert thread.is_alive()
    worker.start()
    assert worker._thread is thread
    worker.stop()
    worker.tell()
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
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    until(worker._ended.is_set)
    gate.open()
    stopping.join()
    assert not worker.alive
    assert (known("ann"), known("bob")) == ([BEES], [])


def test_a_worker_that_never_began_can_be_stopped(conversations: Conversations, memory: Memory) -> None:
    idle = Worker(conversations.queue, memory)
    idle.stop()
    assert not idle.alive
