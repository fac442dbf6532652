"""Two hundred people at once on a few threads and fewer connections: what each reads is what each said."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing

import pytest

from chat.conversations import Conversations
from chat.reply import answer
from chat.turn import ChatServices, say
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from settings import Settings
from tests.chat.conftest import chats_of
from tests.walls.watch import watching

PEOPLE, THREADS = 200, 16
MARK = re.compile(r"Town\d{3}x")

pytestmark = pytest.mark.long


def _session(chat: ChatServices, number: int, seen: list[tuple[str, str]]) -> Iterator[None]:
    """One person's visit, in steps between which anybody else's may come."""
    who, town = f"person-{number}", f"Town{number:03}x"

    def note(*read: object) -> None:
        seen.extend((town, each) for each in MARK.findall(repr(read)))

    asked = say(chat, who, None, f"I live in {town}.")
    yield
    note("".join(answer(chat, asked)))
    yield
    [kept] = chat.memory.add(f"I live in {town}.", user_id=who)["results"]
    yield
    note(chat.memory.search("Where do I live?", user_id=who))
    yield
    note(chats_of(chat.conversations).recent(who), chat.conversations.messages(who, asked.conversation_id))
    yield
    chat.memory.update(kept["id"], f"I live in {town} since May.", user_id=who)
    yield
    note(chat.memory.history(kept["id"], user_id=who), chat.memory.changes(user_id=who))
    yield
    again = say(chat, who, asked.conversation_id, "Where do I live?")
    note("".join(answer(chat, again)), chat.memory.get_all(user_id=who))
    yield
    chat.memory.delete(kept["id"], user_id=who)
    assert chat.memory.get_all(user_id=who)["results"] == []


def _interleave(sessions: list[Iterator[None]]) -> int:
    """Take the next step of whichever session comes, as many at once as there are threads; how many there were."""
    chance, steps = random.Random(7), 0
    waiting, running = deque(sessions), dict[Future[bool], Iterator[None]]()
    with ThreadPoolExecutor(THREADS) as threads:
        while waiting or running:
            chance.shuffle(waiting)
            while waiting and len(running) < THREADS:
                session = waiting.popleft()
                running[threads.submit(_step, session)] = session
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                session = running.pop(done)
                steps += 1
                if done.result():
                    waiting.append(session)
    return steps


def _step(session: Iterator[None]) -> bool:
    return next(session, StopIteration) is not StopIteration


@pytest.fixture
def few_connections(database: Database) -> Iterator[Database]:
    """As many connections as the app has, all kept open, so that each serves one person after another."""
    with closing(Database(database.url, database.admin_url, pool_size=5, overflow=0)) as kept:
        yield kept


def test_nobody_reads_what_another_said(few_connections: Database, embedder: BundledEmbedder) -> None:
    seen: list[tuple[str, str]] = []
    limits, memory = Limits(few_connections, Settings()), Memory(few_connections, embedder, None)
    # Nobody learns here, so no reply waits for it.
    chat = ChatServices(Conversations(few_connections), memory, None, lambda: None, limits, noting_seconds=0)
    with watching(few_connections.engine) as watched:
        steps = _interleave([_session(chat, number, seen) for number in range(PEOPLE)])
    assert steps == PEOPLE * 9
    assert {own for own, _ in seen} == {f"Town{number:03}x" for number in range(PEOPLE)}
    assert [(own, read) for own, read in seen if own != read] == []
    assert watched.wrong == []
    assert watched.touching > PEOPLE * 20
