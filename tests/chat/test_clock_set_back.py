"""The database's clock is set back: what waits is not held up by as much, and who works loses nothing.

Setting the clock of a server needs its machine; here every time that lies ahead is moved further, which is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chat.conversations import Conversations
from chat.remembering.queue import TurnQueue
from chat.remembering.worker import Worker
from memory import Memory, Said
from memory.database import Database
from tests.chat.conftest import BEES, Known, Say, Sql, until

PORTO = "I live in Porto."
AN_HOUR = "interval '1 hour'"


@pytest.fixture
def queue(conversations: Conversations) -> TurnQueue:
    return conversations.queue


@pytest.fixture
def rules_worker(queue: TurnQueue, memory: Memory) -> Iterator[Worker]:
    """A worker that learns by rules, and has run for longer than a start takes."""
    made = Worker(queue, memory, look_seconds=0.05)
    yield made
    made.stop()


def _set_back(sql: Sql) -> None:
    """Set the clock back by an hour, as the tables see it."""
    sql(f"update app.leases set claimed_until = claimed_until + {AN_HOUR}")
    sql(f"update app.messages set remember_after = remember_after + {AN_HOUR}")
    sql(f"update app.lessons set after = after + {AN_HOUR}")
    sql(f"update app.open_replies set open_until = open_until + {AN_HOUR}")


def _left(sql: Sql, what: str, table: str) -> timedelta:
    [[left]] = sql(f"select {what} - clock_timestamp() from {table}")
    assert isinstance(left, timedelta)
    return left


def test_turns_and_imported_messages_that_waited_are_remembered_within_a_minute(
    rules_worker: Worker, waiting: Say, known: Known, memory: Memory, sql: Sql
) -> None:
    waiting()
    memory.import_queue.add("dee", [Said("user", PORTO, message_id="1")], "learn")
    _set_back(sql)
    assert not rules_worker.remember_next()
    assert not rules_worker.learn_next()
    rules_worker.start()
    until(lambda: known() == [BEES] and known("dee") == [PORTO])


def test_the_lease_of_a_worker_that_was_killed_ends_a_minute_later_at_most(
    queue: TurnQueue, waiting: Say, sql: Sql
) -> None:
    waiting()
    assert queue.claim() is not None
    _set_back(sql)
    assert _left(sql, "claimed_until", "app.leases") > timedelta(minutes=30)
    assert queue.bring_back_times() > 0
    assert _left(sql, "claimed_until", "app.leases") <= timedelta(seconds=60)


def test_a_worker_that_lives_keeps_its_lease_and_notes_what_it_learned(
    queue: TurnQueue, waiting: Say, sql: Sql, known: Known, memory: Memory
) -> None:
    waiting()
    turn = queue.claim()
    assert turn is not None
    _set_back(sql)
    queue.bring_back_times()
    assert queue.leases.renew(turn.lease)
    assert queue.claim() is None
    with queue.writing(turn) as connection:
        queue.finish(connection, turn.message.id, {})
    assert queue.waiting("ann") == 0


def test_a_reply_whose_process_died_can_be_continued_soon(conversations: Conversations, sql: Sql) -> None:
    asked = conversations.say("ann", None, "Tell me of Delft")
    sql(
        "insert into app.open_replies (conversation_id, user_id, message_id, writer, open_until)"
        f" values (%s::uuid, 'ann', %s::uuid, gen_random_uuid(), clock_timestamp() + {AN_HOUR})",
        asked.conversation_id,
        asked.id,
    )
    conversations.queue.bring_back_times()
    assert _left(sql, "open_until", "app.open_replies") <= timedelta(seconds=20)


def test_where_no_clock_was_set_back_nothing_is_moved(
    queue: TurnQueue, waiting: Say, memory: Memory, database: Database, sql: Sql
) -> None:
    waiting()
    waiting("I have a dog.", "bob")
    memory.import_queue.add("dee", [Said("user", PORTO, message_id="1")], "learn")
    turn = queue.claim()
    assert turn is not None
    queue.postpone(turn, "The model is away.", passing=True, at_least=80_000)
    assert queue.claim() is not None
    assert queue.bring_back_times() == 0
    assert _left(sql, "max(remember_after)", "app.messages") > timedelta(hours=22)
