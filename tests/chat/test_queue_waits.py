"""The worker: what fails is tried again, for as long as it takes or until it is given up."""

from __future__ import annotations

from typing import Any

import pytest

from chat.conversations import Conversations
from chat.remembering.queue import Stuck, TurnQueue
from chat.remembering.worker import Worker
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import ModelUnreachable
from tests.chat.conftest import BEES, Known, Say, Sql
from tests.chat.test_queue import pass_time, receipt, rest_after, rest_on, state, wake
from tests.model_answers import CutOff, Fault, HangUp, Item, Reply, WebPage, sensible
from tests.model_server import ModelServer
from tests.scripted import ScriptedModel

# Seconds that a turn rests after each failure.
RESTS = (5, 30, 120, 600, 1_800, 3_600)


@pytest.mark.parametrize(
    ("item", "words", "counted"),
    [
        (Fault(500), "is having problems", 0),
        (Fault(401), "refused the API key", 0),
        (WebPage(), "an answer that cannot be used", 0),
        (CutOff('{"oper'), "was cut off", 1),
        (Reply("Nothing to note."), "does not have the requested form", 1),
    ],
    ids=repr,
)
def test_a_turn_that_fails_is_postponed_and_says_why_until_it_succeeds(
    item: Item,
    words: str,
    counted: int,
    worker: Worker,
    waiting: Say,
    known: Known,
    conversations: Conversations,
    model_server: ModelServer,
    sql: Sql,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = waiting()
    # After an unusable answer the model is asked once more; only then is the turn postponed.
    model_server.enqueue(item, *[item] * counted)
    least, most = rest_after(sql, asked, worker.remember_next)
    assert least <= RESTS[0] <= most
    assert state(sql, asked)[:2] == ("waiting", counted)
    rest_on(sql)
    assert words in receipt(conversations, asked)["not_remembered"]
    assert words in caplog.text
    assert BEES not in caplog.text
    assert worker.remember_next() is False
    wake(sql)
    assert worker.remember_next() is True
    assert known() == [BEES]
    assert "not_remembered" not in receipt(conversations, asked)
    assert receipt(conversations, asked)["remembered"]["events"]


def test_each_wait_is_longer_and_after_the_last_attempt_the_turn_is_given_up(
    worker: Worker, waiting: Say, conversations: Conversations, model_server: ModelServer, sql: Sql
) -> None:
    asked = waiting()
    model_server.enqueue(*[Reply("Nothing to note.")] * 2 * len(RESTS))
    rests = []
    for attempt in range(1, len(RESTS) + 1):
        rests.append(rest_after(sql, asked, worker.remember_next))
        mark, attempts, _ = state(sql, asked)
        assert attempts == attempt
        wake(sql)
    assert mark == "given up"
    assert [least <= rest <= most for rest, (least, most) in zip(RESTS, rests, strict=True)] == [True] * len(RESTS)
    assert worker.remember_next() is False
    assert "the requested form" in receipt(conversations, asked)["not_remembered"]


@pytest.mark.parametrize(
    "item",
    [
        Fault(400, message="This model's maximum context length is 8192 tokens."),
        Fault(413),
        Fault(422, message="prompt: string too long"),
    ],
    ids=repr,
)
def test_a_turn_that_the_model_refuses_for_what_is_in_it_is_given_up_and_not_paid_for_without_end(
    item: Item, worker: Worker, waiting: Say, known: Known, model_server: ModelServer, sql: Sql
) -> None:
    asked = waiting()
    waiting("I have a dog.", "bob")
    model_server.unscripted = lambda request: item if BEES in request.said("user") else sensible(request)
    for _ in range(2 * len(RESTS)):
        while worker.remember_next():
            pass
        wake(sql)
    assert state(sql, asked)[0] == "given up"
    assert sum(BEES in each.said("user") for each in model_server.chats) == len(RESTS)
    assert known("bob") == ["I have a dog."]


@pytest.mark.parametrize(
    "item",
    [
        Fault(400, message="API key not valid. Please pass a valid API key."),
        Fault(400, message="x is not a valid model ID"),
        Fault(400, message="Billing hard limit has been reached"),
        Fault(404),
        Fault(429),
    ],
    ids=repr,
)
def test_a_refusal_that_is_not_about_the_turn_is_waited_for(
    item: Item, worker: Worker, waiting: Say, known: Known, model_server: ModelServer, sql: Sql
) -> None:
    asked = waiting()
    model_server.enqueue(*[item] * 2 * len(RESTS))
    for _ in range(2 * len(RESTS)):
        worker.remember_next()
        assert state(sql, asked)[:2] == ("waiting", 0)
        wake(sql)
    assert worker.remember_next() is True
    assert known() == [BEES]


def test_a_turn_that_was_given_up_is_counted_and_can_be_tried_again(
    worker: Worker, waiting: Say, known: Known, conversations: Conversations, model_server: ModelServer, sql: Sql
) -> None:
    asked = waiting()
    model_server.enqueue(*[Reply("Nothing to note.")] * 2 * len(RESTS))
    for _ in RESTS:
        worker.remember_next()
        wake(sql)
    stuck = conversations.queue.stuck("ann")
    assert (stuck.waiting, stuck.given_up) == (0, 1)
    assert "the requested form" in (stuck.problem or "")
    assert conversations.queue.stuck("bob") == Stuck()
    assert conversations.queue.retry("bob") == 0
    assert conversations.queue.retry("ann") == 1
    assert worker.remember_next() is True
    assert known() == [BEES]
    assert state(sql, asked)[0] == "done"
    assert conversations.queue.stuck("ann") == Stuck()


def test_a_deployer_lets_everybodys_failed_turns_be_tried_again(
    waiting: Say, conversations: Conversations, sql: Sql
) -> None:
    for user_id in ("ann", "bob", "cid"):
        waiting(BEES, user_id)
    sql(
        "update app.messages set remembering = 'given up', receipt = '{\"not_remembered\": \"away\"}'"
        " where remembering = 'waiting' and user_id <> 'cid'"
    )
    assert conversations.queue.retry_all() == 2
    assert sql("select distinct remembering from app.messages where role = 'user'") == [("waiting",)]


@pytest.mark.parametrize("item", [Fault(401), HangUp(), WebPage()], ids=repr)
def test_a_model_that_is_away_for_a_week_costs_no_memory(
    item: Item, worker: Worker, waiting: Say, known: Known, model_server: ModelServer, sql: Sql
) -> None:
    first, second = waiting(), waiting("I have a dog.", "bob")
    model_server.unscripted = lambda _: item
    longest = 0.0
    for _ in range(21):  # eight hours each
        worker.remember_next()
        worker.remember_next()
        longest = max(longest, state(sql, first)[2])
        pass_time(sql, 8 * 3_600)
    assert 3_500 < longest <= 3_600
    model_server.unscripted = sensible
    while worker.remember_next():
        pass
    assert (known("ann"), known("bob")) == ([BEES], ["I have a dog."])
    assert (state(sql, first)[0], state(sql, second)[0]) == ("done", "done")


def test_three_hours_of_a_silent_model_are_waited_for_and_the_embedder_too(
    worker: Worker, waiting: Say, known: Known, database: Database, embedder: BundledEmbedder, sql: Sql
) -> None:
    class Silent(ScriptedModel):
        def answer(self, messages: Any, schema: Any, usage: Any = None) -> Any:
            pass_time(sql, 180)  # no heartbeat comes in between: the lease is over when the time-out comes
            raise ModelUnreachable("scripted did not answer in time.")

    asked = waiting()
    silent = Worker(TurnQueue(database), Memory(database, embedder, Silent()))
    for _ in range(60):
        silent.remember_next()
        assert state(sql, asked)[:2] == ("waiting", 0)
        pass_time(sql, 180)
    wake(sql)
    assert worker.remember_next() is True
    assert known() == [BEES]


def test_a_turn_that_ends_the_process_each_time_is_given_up_and_was_not_paid_for_without_end(
    conversations: Conversations, waiting: Say, sql: Sql, worker: Worker, model_server: ModelServer
) -> None:
    asked = waiting()
    for _ in RESTS:
        assert conversations.queue.claim() is not None  # and the process ends
        wake(sql)
    assert worker.remember_next() is False
    assert state(sql, asked)[0] == "given up"
    assert "the app ended" in receipt(conversations, asked)["not_remembered"]
    assert model_server.chats == []


@pytest.mark.parametrize(("said", "rest"), [(300, 300), (0.05, RESTS[0]), ("inf", 86_400)])
def test_a_busy_model_is_left_alone_for_as_long_as_it_asks(
    said: float | str,
    rest: float,
    worker: Worker,
    waiting: Say,
    model_server: ModelServer,
    sql: Sql,
) -> None:
    asked = waiting()
    model_server.enqueue(Fault(429, retry_after=said))
    least, most = rest_after(sql, asked, worker.remember_next)
    assert least <= rest <= most
    assert len(model_server.chats) == 1


def test_a_postponed_turn_does_not_hold_up_others(
    worker: Worker, waiting: Say, known: Known, model_server: ModelServer, sql: Sql
) -> None:
    waiting()
    waiting("I have a dog.", "bob")
    model_server.enqueue(Fault(500))
    assert worker.remember_next() is True
    rest_on(sql)
    assert [worker.remember_next() for _ in range(2)] == [True, False]
    assert (known("ann"), known("bob")) == ([], ["I have a dog."])


def test_a_worker_that_missed_a_change_of_the_embedding_model_leaves_the_turn_to_the_next(
    worker: Worker, waiting: Say, known: Known, database: Database, sql: Sql
) -> None:
    asked = waiting()
    database.embed_model = "an older one"
    worker.remember_next()
    assert state(sql, asked)[:2] == ("waiting", 0)
    database.embed_model = None
    assert known() == []
    wake(sql)
    assert worker.remember_next()
    assert state(sql, asked)[0] == "done"
    assert known() == [BEES]
