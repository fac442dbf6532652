"""The worker: each turn is remembered once, whatever is killed or fails, and however many workers there are."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from chat.chats import Chats
from chat.conversations import Conversations
from chat.remembering.queue import TurnQueue
from chat.remembering.worker import Worker
from chat.tree import Message
from memory import Memory, Plan, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import BadAnswer
from memory.learn.extract import Instructions
from memory.learn.turns import Turns
from memory.model.client import OpenAIModel
from memory.rows.store import Store
from tests.chat.conftest import BEES, Known, Say, Sql, until
from tests.model_answers import PATIENCE, Gate, Item, Json, Request, Stall, sensible
from tests.model_server import ModelServer

NOTHING: dict[str, list[Any]] = {"operations": []}


def state(sql: Sql, asked: Message) -> tuple[str, int, float]:
    """Return the state of a turn, the number of attempts, and the seconds until the next."""
    [row] = sql(
        "select remembering, remember_attempts, extract(epoch from remember_after - now())::float"
        " from app.messages where id = %s::uuid",
        asked.id,
    )
    return row[0], row[1], row[2]


def rest_after(sql: Sql, asked: Message, attempt: Callable[[], object]) -> tuple[float, float]:
    """Make an attempt; return the least and the most seconds that the turn rests, however long the attempt took."""
    [(before,)] = sql("select clock_timestamp()")
    attempt()
    [(due, after)] = sql("select remember_after, clock_timestamp() from app.messages where id = %s::uuid", asked.id)
    return (due - after).total_seconds(), (due - before).total_seconds()


def rest_on(sql: Sql) -> None:
    """Let whatever rests after a failure rest for an hour more."""
    sql(
        "update app.messages set remember_after = remember_after + interval '1 hour'"
        " where remembering = 'waiting' and remember_attempts + remember_waits > 0"
    )


def wake(sql: Sql) -> None:
    """Let enough time pass that every postponed turn is due, and every lease is over."""
    pass_time(sql, 100_000)


def pass_time(sql: Sql, seconds: float) -> None:
    """Let so much time pass for everything that waits, and for leases."""
    sql(
        "update app.messages set remember_after = remember_after - make_interval(secs => %s)"
        " where remembering = 'waiting'",
        seconds,
    )
    sql("update app.leases set claimed_until = claimed_until - make_interval(secs => %s)", seconds)


def receipt(conversations: Conversations, asked: Message) -> Any:
    messages = conversations.messages(asked.user_id, asked.conversation_id)
    return next(message.receipt for message in messages if message.id == asked.id)


# -- remembered once ----------------------------------------------------------------------------------------


def test_a_turn_is_remembered_once_and_its_record_says_what_was_kept(
    worker: Worker,
    waiting: Say,
    known: Known,
    conversations: Conversations,
    model_server: ModelServer,
) -> None:
    asked = waiting()
    assert worker.remember_next() is True
    assert worker.remember_next() is False
    assert known() == [BEES]
    assert len(model_server.chats) == 1
    record = receipt(conversations, asked)["remembered"]
    assert record["by"] == "model"
    assert [(event["event"], event["memory"]) for event in record["events"]] == [("ADD", BEES)]
    assert conversations.queue.waiting("ann") == 0


def test_the_model_reads_both_sides_of_the_turn(worker: Worker, waiting: Say, model_server: ModelServer) -> None:
    waiting()
    worker.remember_next()
    prompt = model_server.chats[0].said("user")
    assert f"): {BEES}" in prompt
    assert "): I see." in prompt


def test_the_model_is_told_what_the_turn_before_taught_on_the_same_branch(
    worker: Worker, conversations: Conversations, model_server: ModelServer
) -> None:
    first = conversations.say("ann", None, BEES)
    told = conversations.reply(first, "I see.", "complete", {"ms": 1})
    dog = conversations.say("ann", first.conversation_id, "I have a dog.", seen=told.id)
    conversations.reply(dog, "Nice.", "complete", {"ms": 1})
    worker.remember_next()
    worker.remember_next()
    again = conversations.say("ann", first.conversation_id, "Forget what I just said.", instead_of=dog.id)
    conversations.reply(again, "Done.", "complete", {"ms": 1})
    worker.remember_next()
    prompt = model_server.chats[-1].said("user")
    assert f"[1] (learned a turn ago) {BEES}\n[2] I have a dog." in prompt


def test_what_could_not_be_remembered_is_not_learned_after_the_person_asked_to_forget_it(
    worker: Worker, conversations: Conversations, sql: Sql
) -> None:
    first = conversations.say("ann", None, BEES)
    told = conversations.reply(first, "I see.", "complete", {"ms": 1})
    sql("update app.messages set remembering = 'given up' where role = 'user'")
    request = conversations.say("ann", first.conversation_id, "Forget what I just said.", seen=told.id)
    conversations.reply(request, "Done.", "complete", {"ms": 1})
    worker.remember_next()
    assert conversations.queue.retry("ann") == 0


def test_a_repeated_request_means_what_was_said_before_both(
    worker: Worker, conversations: Conversations, memory: Memory, sql: Sql
) -> None:
    first = conversations.say("ann", None, "The lift was full of bees")
    last = conversations.reply(first, "I see.", "complete", {"ms": 1})
    worker.remember_next()
    assert memory.episodes.count("ann") == 2
    for state in ("given up", "waiting"):
        request = conversations.say("ann", first.conversation_id, "Forget what I just said.", seen=last.id)
        last = conversations.reply(request, "Done.", "complete", {"ms": 1})
        sql("update app.messages set remembering = %s where id = cast(%s as uuid)", state, request.id)
    worker.remember_next()
    assert memory.episodes.count("ann") == 0


def test_a_refused_memory_is_noted_with_its_reason(
    worker: Worker, waiting: Say, conversations: Conversations, model_server: ModelServer
) -> None:
    addition: dict[str, Any] = {"action": "add", "target": None, "text": "Is rich", "kind": "fact"}
    addition |= {"quote": "I am rich"}
    addition |= {"happened_at": None, "language": "en", "reason": "", "entities": [], "relations": []}
    model_server.enqueue(Json({"operations": [addition]}))
    asked = waiting()
    worker.remember_next()
    [drop] = receipt(conversations, asked)["remembered"]["dropped"]
    assert drop == {"text": "Is rich", "reason": "you didn't say this in that message"}


def test_a_thank_you_is_remembered_without_a_model_call(
    worker: Worker, waiting: Say, sql: Sql, model_server: ModelServer
) -> None:
    asked = waiting("Thank you so much!")
    assert worker.remember_next()
    assert state(sql, asked)[0] == "done"
    assert model_server.chats == []


class ScriptedTurns(Turns):
    """A memory that learns by rules; tests change what happens meanwhile."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        super().__init__(database, Store(database, embedder.dimensions), embedder, None, Instructions())
        self.memory = Memory(database, embedder, None)
        self.memory.turns = self


class WatchedTurns(ScriptedTurns):
    """A memory that records whose turns are planned, and how many are planned at the same time."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        super().__init__(database, embedder)
        self.together = threading.Barrier(2, timeout=PATIENCE)
        self.seen: Counter[str | None] = Counter()
        self.busy: Counter[str] = Counter()
        self.crowded: list[str] = []
        self._first = threading.local()

    def plan(
        self, said: Sequence[Said], *, user_id: str, learn: bool = True, scope: Mapping[str, str] | None = None
    ) -> Plan:
        self.busy[user_id] += 1
        if self.busy[user_id] > 1:
            self.crowded.append(user_id)
        if not hasattr(self._first, "over"):
            self._first.over = True
            self.together.wait()  # so that both really work at the same time
        self.seen[said[0].message_id] += 1
        try:
            return super().plan(said, user_id=user_id)
        finally:
            self.busy[user_id] -= 1


def test_two_workers_share_the_turns_each_once_and_one_at_a_time_for_each_person(
    conversations: Conversations, database: Database, embedder: BundledEmbedder, waiting: Say
) -> None:
    users = ("ann", "bob", "cid", "dee", "eve")
    asked = [waiting(f"I own a boat called Boat{number}.", user_id) for number in range(6) for user_id in users]
    watched = WatchedTurns(database, embedder)

    def work(_: int) -> int:
        own = Worker(conversations.queue, watched.memory)
        return sum(1 for _ in iter(own.remember_next, False))

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(work, range(2)))
    assert sum(done) == len(asked)
    assert min(done) > 0
    assert watched.seen == Counter(message.id for message in asked)
    assert watched.crowded == []
    for user_id in users:
        assert len(watched.memory.get_all(user_id=user_id)["results"]) == 6


def test_while_one_turn_of_a_person_is_remembered_the_next_waits_and_others_do_not(
    worker: Worker,
    conversations: Conversations,
    learning: Memory,
    waiting: Say,
    known: Known,
    model_server: ModelServer,
) -> None:
    gate = Gate()
    model_server.enqueue(Stall(gate, then=Json(NOTHING)))
    waiting()
    waiting("I have a cat.")
    worker.start()
    model_server.wait_for_chats(1)
    second = Worker(conversations.queue, learning)
    assert second.remember_next() is False
    waiting("I have a dog.", "bob")
    assert second.remember_next() is True
    assert known("bob") == ["I have a dog."]
    gate.open()
    until(lambda: known() == ["I have a cat."])


def test_a_person_can_talk_on_while_an_unanswered_message_is_remembered(
    worker: Worker, conversations: Conversations, model_server: ModelServer, sql: Sql
) -> None:
    gate = Gate()
    model_server.enqueue(Stall(gate, then=Json(NOTHING)))
    asked = conversations.say("ann", None, BEES)
    conversations.end_without_reply(asked)
    worker.start()
    model_server.wait_for_chats(1)
    talking = threading.Thread(target=conversations.say, args=("ann", asked.conversation_id, "Are you there?"))
    talking.start()
    talking.join(PATIENCE / 2)  # the model thinks longer than that
    in_time = not talking.is_alive()
    gate.open()
    talking.join()
    assert in_time


# -- killed half-way -----------------------------------------------------------------------------


def test_a_turn_whose_worker_is_killed_still_waits_and_is_remembered_once_by_the_next(
    worker: Worker,
    waiting: Say,
    known: Known,
    database: Database,
    model_server: ModelServer,
    sql: Sql,
) -> None:
    asked = waiting()
    model_server.enqueue(Stall())
    command = [sys.executable, "-m", "tests.chat.lone_worker", database.url, model_server.base_url]
    with subprocess.Popen(command) as process:
        try:
            model_server.wait_for_chats(1)
        finally:
            process.kill()
    assert state(sql, asked)[:2] == ("waiting", 1)  # the attempt was counted before the model was asked
    assert worker.remember_next() is False
    pass_time(sql, 61)  # then the lease of the killed worker is over
    assert worker.remember_next() is True
    assert known() == [BEES]
    assert worker.remember_next() is False
    assert state(sql, asked)[0] == "done"


OF_THE_APP = "from pg_stat_activity where usename = 'keepsake_app' and datname = current_database()"


def test_while_the_model_thinks_no_transaction_is_open_and_connections_may_break(
    worker: Worker,
    waiting: Say,
    known: Known,
    model_server: ModelServer,
    sql: Sql,
) -> None:
    open_transactions: list[Any] = []

    def kill(request: Request) -> Item:
        open_transactions.extend(sql(f"select query {OF_THE_APP} and state <> 'idle'"))
        sql(f"select pg_terminate_backend(pid) {OF_THE_APP}")
        return sensible(request)

    waiting()
    model_server.enqueue(kill)
    assert worker.remember_next() is True
    assert open_transactions == []
    assert known() == [BEES]


def test_one_connection_is_enough_for_the_worker(
    database: Database, embedder: BundledEmbedder, model: OpenAIModel, waiting: Say, known: Known
) -> None:
    waiting()
    with closing(Database(database.url, pool_size=1, overflow=0)) as single:
        assert Worker(TurnQueue(single), Memory(single, embedder, model)).remember_next()
    assert known() == [BEES]


def test_a_database_that_goes_away_while_the_model_thinks_costs_no_attempt(
    worker: Worker, waiting: Say, known: Known, model_server: ModelServer, sql: Sql
) -> None:
    def shut(request: Request) -> Item:
        sql("alter role keepsake_app nologin")
        sql(f"select pg_terminate_backend(pid) {OF_THE_APP}")
        return sensible(request)

    asked = waiting()
    model_server.enqueue(shut)
    try:
        worker.remember_next()
    finally:
        sql("alter role keepsake_app login")
    assert state(sql, asked)[:2] == ("waiting", 1)
    assert worker.remember_next() is False  # it first notes what became of the turn
    assert state(sql, asked)[:2] == ("waiting", 0)
    wake(sql)
    assert worker.remember_next() is True
    assert known() == [BEES]


def test_a_chat_that_is_deleted_while_the_model_thinks_is_not_learned_from_until_it_is_restored(
    worker: Worker, waiting: Say, known: Known, chats: Chats, model_server: ModelServer, sql: Sql
) -> None:
    asked = waiting()

    def delete(request: Request) -> Item:
        chats.delete("ann", asked.conversation_id)
        return sensible(request)

    model_server.enqueue(delete)
    assert worker.remember_next() is True
    assert known() == []
    assert worker.remember_next() is False
    assert state(sql, asked)[:2] == ("waiting", 0)
    chats.restore("ann", asked.conversation_id)
    assert worker.remember_next() is True
    assert known() == [BEES]


# -- what fails half-way ---------------------------------------------------------------------------


class HalfWrittenTurns(ScriptedTurns):
    """A memory that fails after writing its first plan."""

    def __init__(self, database: Database, embedder: BundledEmbedder, breaking: Callable[[Connection], None]) -> None:
        super().__init__(database, embedder)
        self._breaking = breaking

    def write(
        self,
        connection: Connection,
        plan: Plan,
        used: Collection[str] = (),
        metadata: Mapping[str, Any] | None = None,
        scope: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        super().write(connection, plan, used, metadata)
        self._breaking(connection)
        return []


def _give_up(_: Connection) -> None:
    raise BadAnswer("It makes no sense after all.")


def _break_the_transaction(connection: Connection) -> None:
    connection.exec_driver_sql("select 1 / 0")


@pytest.mark.parametrize("breaking", [_give_up, _break_the_transaction])
def test_a_turn_that_fails_half_way_leaves_only_a_note_that_it_failed(
    breaking: Callable[[Connection], None],
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    waiting: Say,
    known: Known,
    sql: Sql,
) -> None:
    asked = waiting()
    with suppress(DataError):
        Worker(conversations.queue, HalfWrittenTurns(database, embedder, breaking).memory).remember_next()
    assert known() == []
    assert state(sql, asked)[:2] == ("waiting", 1)
    assert sql("select count(*) from app.memory_history") == [(0,)]


# -- bugs ----------------------------------------------------------------------------------------


class BuggyTurns(ScriptedTurns):
    """A memory whose first plan raises a bug."""

    shown = False

    def plan(
        self, said: Sequence[Said], *, user_id: str, learn: bool = True, scope: Mapping[str, str] | None = None
    ) -> Plan:
        if not self.shown:
            self.shown = True
            raise ZeroDivisionError("a bug")
        return super().plan(said, user_id=user_id)


def test_a_bug_postpones_the_turn_and_is_logged(
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    waiting: Say,
    known: Known,
    sql: Sql,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = waiting()
    buggy = Worker(conversations.queue, BuggyTurns(database, embedder).memory)
    with pytest.raises(ZeroDivisionError):
        buggy.remember_next()
    assert state(sql, asked)[:2] == ("waiting", 1)
    assert "unexpected" in receipt(conversations, asked)["not_remembered"]
    assert "ZeroDivisionError" in caplog.text
    assert asked.id in caplog.text
    wake(sql)
    assert buggy.remember_next() is True
    assert known() == [BEES]


def test_a_worker_that_a_bug_ended_works_again_when_it_is_woken(
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    waiting: Say,
    known: Known,
    bugs: list[BaseException | None],
) -> None:
    waiting()
    buggy = Worker(conversations.queue, BuggyTurns(database, embedder).memory)
    buggy.start()
    until(lambda: not buggy.alive)
    waiting("I have a dog.", "bob")
    buggy.wake()
    until(lambda: known("bob") == ["I have a dog."])
    buggy.stop()
    until(lambda: [str(each) for each in bugs] == ["a bug"])
