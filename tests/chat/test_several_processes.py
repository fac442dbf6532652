"""Three processes on one database, killed at random: what was saved is there, remembered once, and nothing is stuck."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.reply import Replies
from chat.turn import ChatServices
from memory.database import Database
from tests.chat.conftest import Sql, until
from tests.chat.lone_process import STUCK
from tests.chat.test_queue import wake
from tests.model_server import ModelServer

USERS = ("ann", "ben", "cleo")
LIVES = 2  # of each of the three; the last one ends by itself


class Slot:
    """One of the processes: when it is killed, another takes its place."""

    def __init__(self, number: int, command: Callable[[int, bool], list[str]]) -> None:
        self._number, self._command = number, command
        self.said: list[str] = []
        self.ends: list[int] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for life in range(LIVES):
            command = self._command(10 * self._number + life, life < LIVES - 1)
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=600)
            self.said += [line.removeprefix("said ") for line in done.stdout.splitlines()]
            self.ends.append(done.returncode)


def test_three_processes_killed_at_random_lose_nothing_and_remember_each_turn_once(
    conversations: Conversations,
    database: Database,
    model_server: ModelServer,
    worker: Worker,
    chat: ChatServices,
    sql: Sql,
) -> None:
    chats = {user: conversations.start(user, "Bees").id for user in USERS}
    places = [f"{user}:{chat_id}" for user, chat_id in chats.items()]

    def command(seed: int, deadly: bool) -> list[str]:
        told = [database.url, model_server.base_url, str(seed), str(int(deadly)), *places]
        return [sys.executable, "-m", "tests.chat.lone_process", *told]

    slots = [Slot(number, command) for number in range(3)]
    for slot in slots:
        slot.thread.join()
    ends = [end for slot in slots for end in slot.ends]
    assert -signal.SIGKILL in ends
    assert STUCK not in ends
    _remember_the_rest(worker, sql)
    _every_message_is_there_once(sql, [each for slot in slots for each in slot.said])
    _each_turn_is_remembered_once(sql)
    _nothing_is_stuck(chat, chats, sql)


def _remember_the_rest(worker: Worker, sql: Sql) -> None:
    """Remember what killed processes left, once their leases have ended."""
    while sql("select 1 from app.messages where remembering = 'waiting'"):
        wake(sql)
        while worker.remember_next():
            pass


def _every_message_is_there_once(sql: Sql, said: list[str]) -> None:
    rows = sql("select id::text, content from app.messages where role = 'user'")
    assert set(said) <= {row[0] for row in rows}
    assert len({row[1] for row in rows}) == len(rows) >= len(said) > 0


def _each_turn_is_remembered_once(sql: Sql) -> None:
    turns = sql("select user_id, content, remembering from app.messages where role = 'user'")
    assert {state for _, _, state in turns} == {"done"}
    memories = sql("select metadata ->> 'user_id', metadata ->> 'data' from vecs.memories")
    assert sorted(memories) == sorted((user, words) for user, words, _ in turns)
    assert len(sql("select 1 from app.memory_history")) == len(turns)
    episodes = sql("select metadata ->> 'data' from vecs.episodes where metadata ->> 'data' like 'I keep bees%%'")
    assert len(episodes) == len(turns)


def _nothing_is_stuck(chat: ChatServices, chats: dict[str, str], sql: Sql) -> None:
    """Each chat can be continued, once the writers that were killed count as dead."""
    sql("update app.open_replies set open_until = clock_timestamp()")
    with closing(Replies(chat)) as replies:
        for user, chat_id in chats.items():
            line = chat.conversations.threads.open(user, chat_id)
            assert line.open_reply is None
            asked = line.last_asked
            if asked is None:
                continue
            replies.begin(asked)
            until(lambda place=(user, chat_id): replies.task_for(*place) is None, seconds=60)  # type: ignore[misc]
            assert chat.conversations.threads.open(user, chat_id).messages[-1].status == "complete"
    assert sql("select 1 from app.open_replies where open_until > clock_timestamp()") == []
