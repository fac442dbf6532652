"""Chats are erased when their retention has ended, whether or not their owner comes back, and no others are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from chat.chats import SWEPT_AT_ONCE, Retention
from chat.conversations import Conversations
from chat.preferences import Preferences, PreferenceStore
from chat.remembering import worker as worker_module
from chat.remembering.worker import Worker
from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import DatabaseUnreachable
from tests.chat.conftest import BEES, Sql, chats_of, until
from tests.walls.world import administrator

Old = Callable[..., str]


@pytest.fixture
def retention(database: Database) -> Retention:
    return Retention(database)


@pytest.fixture
def preferences(database: Database) -> PreferenceStore:
    return PreferenceStore(database)


@pytest.fixture
def chat_of(conversations: Conversations, sql: Sql) -> Old:
    """Make a chat whose last message is so many days old; further columns are set with SQL."""

    def make(user_id: str, days: float, also: str = "archived_at = null") -> str:
        asked = conversations.say(user_id, None, f"{BEES} {days}")
        conversations.reply(asked, "I see.", "complete", {})
        ago = f"now() - interval '{days} days'"
        sql(f"update app.conversations set updated_at = {ago}, {also} where id = %s::uuid", asked.conversation_id)
        return asked.conversation_id

    return make


def _chat_ids(conversations: Conversations, user_id: str) -> set[str]:
    return {each.id for each in chats_of(conversations).recent(user_id)}


def test_chats_older_than_their_owner_keeps_them_are_erased_and_no_others(
    retention: Retention, preferences: PreferenceStore, chat_of: Old, sql: Sql
) -> None:
    preferences.set("ann", Preferences(keep_days=30))
    preferences.set("cleo", Preferences(keep_days=365))
    gone = [chat_of("ann", 31), chat_of("ann", 400)]
    stay = [chat_of("ann", 29), chat_of("ann", 99, "pinned_at = now()"), chat_of("bob", 400), chat_of("cleo", 99)]
    assert retention.count_older("ann", 30) == 2
    assert retention.sweep() == 2
    assert {row[0] for row in sql("select id::text from app.conversations")} == set(stay)
    assert {row[0] for row in sql("select distinct conversation_id::text from app.messages")} == set(stay)
    assert not set(gone) & set(stay)
    assert retention.sweep() == 0


def test_deleted_and_temporary_chats_of_everybody_are_erased_after_a_day(
    retention: Retention, chat_of: Old, sql: Sql
) -> None:
    chat_of("ann", 0, "deleted_at = now() - interval '25 hours'")
    chat_of("bob", 1.1, "temporary = true")
    chat_of("bob", 0, "deleted_at = now() - interval '25 hours', pinned_at = now()")
    stay = {
        chat_of("ann", 9, "deleted_at = now() - interval '23 hours'"),
        chat_of("bob", 0.9, "temporary = true"),
        chat_of("cleo", 9),
    }
    assert retention.sweep() == 3
    assert {row[0] for row in sql("select id::text from app.conversations")} == stay


def test_their_messages_are_erased_and_what_was_learned_stays(
    retention: Retention,
    preferences: PreferenceStore,
    conversations: Conversations,
    memory: Memory,
    chat_of: Old,
    database: Database,
    embedder: BundledEmbedder,
    sql: Sql,
) -> None:
    preferences.set("ann", Preferences(keep_days=30))
    chat = chat_of("ann", 0)
    sql("update app.messages set remember_after = now() where remembering = 'waiting'")
    while Worker(conversations.queue, memory).remember_next():
        pass
    # Another user's rows with the same chat id do not belong to the chat.
    stray = Said("user", BEES, datetime.now(UTC), message_id="m", run_id=chat)
    with database.as_user("bob") as connection:
        memory.episodes.keep(connection, "bob", [stray], embedder.embed([BEES]))
    assert (memory.episodes.count("ann"), memory.episodes.count("bob")) == (2, 1)
    sql("update app.conversations set updated_at = now() - interval '31 days'")
    assert retention.sweep() == 1
    assert (memory.episodes.count("ann"), memory.episodes.count("bob")) == (0, 1)
    assert sql("select count(*) from app.postings p where p.user_id = 'ann' and p.place >= 1000000000") == [(0,)]
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_only_the_persons_own_old_chats_are_counted(retention: Retention, chat_of: Old) -> None:
    chat_of("ann", 100)
    chat_of("bob", 100)
    chat_of("ann", 100, "deleted_at = now()")
    chat_of("ann", 100, "pinned_at = now()")
    assert [retention.count_older("ann", days) for days in (30, 99, 101)] == [1, 1, 0]


def test_a_locked_chat_is_skipped_and_erased_later(
    retention: Retention, preferences: PreferenceStore, chat_of: Old, database: Database
) -> None:
    preferences.set("ann", Preferences(keep_days=7))
    busy, remembered, _ = [chat_of("ann", days) for days in (10, 9, 8)]
    with database.as_user("ann") as connection:
        connection.exec_driver_sql("select 1 from app.conversations where id = %s for no key update", (busy,))
        connection.exec_driver_sql(
            "select 1 from app.messages where conversation_id = %s for no key update", (remembered,)
        )
        assert retention.sweep() == 1
    assert retention.sweep() == 2


def test_a_sweep_erases_a_limited_number_the_oldest_first(
    retention: Retention, preferences: PreferenceStore, chat_of: Old
) -> None:
    preferences.set("ann", Preferences(keep_days=7))
    for days in (20, 30, 40):
        chat_of("ann", days)
    assert retention.sweep(2) == 2
    assert retention.count_older("ann", 19) == 1
    assert [retention.sweep(2), retention.sweep(2)] == [1, 0]


def test_two_sweeps_at_once_do_not_wait_for_each_other(
    retention: Retention, preferences: PreferenceStore, chat_of: Old
) -> None:
    preferences.set("ann", Preferences(keep_days=7))
    for days in range(10, 30):
        chat_of("ann", days)
    gone: list[int] = []
    sweepers = [threading.Thread(target=lambda: gone.append(retention.sweep())) for _ in range(4)]
    for each in sweepers:
        each.start()
    for each in sweepers:
        each.join()
    assert sum(gone) == 20


def test_a_new_message_keeps_an_old_chat(
    retention: Retention, preferences: PreferenceStore, conversations: Conversations, chat_of: Old
) -> None:
    preferences.set("ann", Preferences(keep_days=7))
    chat = chat_of("ann", 8)
    conversations.say("ann", chat, "I am back")
    assert retention.sweep() == 0


# -- the worker ----------------------------------------------------------------------------------


class Counting(Retention):
    """A retention that counts its sweeps and returns scripted numbers."""

    def __init__(self, *answers: int | DatabaseUnreachable) -> None:
        self.answers, self.asked = list(answers), 0

    def sweep(self, most: int = SWEPT_AT_ONCE) -> int:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, DatabaseUnreachable):
            raise answer
        return answer


def test_the_worker_sweeps_now_and_then_and_goes_on_where_there_is_more(
    conversations: Conversations, memory: Memory
) -> None:
    now = [0.0]
    retention = Counting(SWEPT_AT_ONCE, 3)
    worker = Worker(conversations.queue, memory, None, retention, clock=lambda: now[0])
    assert [worker.sweep_if_due() for _ in range(4)] == [SWEPT_AT_ONCE, 3, 0, 0]
    assert retention.asked == 2
    now[0] += worker_module.SWEEP_SECONDS - 1
    worker.sweep_if_due()
    now[0] += 1
    worker.sweep_if_due()
    assert retention.asked == 3


def test_a_sweep_that_fails_is_tried_again_later_and_does_not_hold_up_turns(
    conversations: Conversations, memory: Memory, sql: Sql
) -> None:
    retention = Counting(DatabaseUnreachable("away"))
    worker = Worker(conversations.queue, memory, None, retention, look_seconds=0.05)
    worker.start()
    until(lambda: retention.asked)
    conversations.say("ann", None, BEES)
    sql("update app.messages set remember_after = now()")
    until(lambda: memory.get_all(user_id="ann")["results"])
    worker.stop()
    assert retention.asked == 1


# What of pg_cron the migration uses: it schedules a job under a name, and replaces the one of the same name.
CRON = """
create schema cron;
create table cron.job (
  jobid bigint generated always as identity, jobname text unique, schedule text, command text,
  active boolean default true);
create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
  insert into cron.job (jobname, schedule, command) values ($1, $2, $3)
  on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command returning jobid $$;
"""


def test_where_pg_cron_is_the_database_erases_chats_without_any_app(
    database: Database, retention: Retention, chat_of: Old, sql: Sql
) -> None:
    gone, stays = chat_of("ann", 3, "deleted_at = now() - interval '2 days'"), chat_of("ann", 3)
    with administrator(database) as connection:
        connection.exec_driver_sql(CRON)
        for _ in range(2):
            assert connection.scalar(text("select app.ensure_sweep()"))
        [job] = connection.execute(text("select schedule, command from cron.job")).all()
        assert job.schedule == "*/15 * * * *"
        connection.exec_driver_sql(job.command)
        assert list(connection.scalars(text("select id::text from app.conversations"))) == [stays] != [gone]
    assert retention.on_time()


def test_a_job_that_was_switched_off_is_not_relied_on(database: Database, retention: Retention) -> None:
    with administrator(database) as connection:
        connection.exec_driver_sql(CRON)
        connection.exec_driver_sql("select app.ensure_sweep(); update cron.job set active = false")
    assert not retention.on_time()


def test_without_pg_cron_or_the_right_to_use_it_nothing_is_scheduled_and_nothing_fails(
    database: Database, retention: Retention
) -> None:
    with administrator(database) as connection:
        assert connection.scalar(text("select app.ensure_sweep()")) is False
        refusing = "raise insufficient_privilege using message = 'permission denied for schema cron'"
        connection.exec_driver_sql(
            "create schema cron; create function cron.schedule(text, text, text) returns bigint language plpgsql"
            f" as $$ begin {refusing}; end $$"
        )
        assert connection.scalar(text("select app.ensure_sweep()")) is False
    assert not retention.on_time()


def test_a_running_worker_erases_chats_of_absent_people(
    conversations: Conversations, memory: Memory, retention: Retention, preferences: PreferenceStore, chat_of: Old
) -> None:
    preferences.set("ann", Preferences(keep_days=7))
    chat_of("ann", 8)
    worker = Worker(conversations.queue, memory, None, retention)
    worker.start()
    until(lambda: not _chat_ids(conversations, "ann"))
    worker.stop()
