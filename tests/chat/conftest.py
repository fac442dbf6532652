"""Fixtures for tests of the chat: services on a real database, a scripted model, and SQL as the administrator."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from chat.chats import Chats
from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.reply import answer
from chat.tree import Message
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database, connect
from memory.embedded.embedder import BundledEmbedder
from memory.model.client import OpenAIModel
from tests.model_answers import PATIENCE
from tests.model_server import ModelServer

Sql = Callable[..., list[tuple[Any, ...]]]
Say = Callable[..., Message]
Known = Callable[..., list[str]]

BEES = "I keep bees in Utrecht."


def run_turn(chat: ChatServices, *, user_id: str, conversation_id: str | None, text: str) -> Generator[str, None, None]:
    """Save a message, and yield the reply to it piece by piece."""
    yield from answer(chat, say(chat, user_id, conversation_id, text))


@pytest.fixture
def conversations(database: Database) -> Conversations:
    return Conversations(database)


@pytest.fixture
def chats(database: Database) -> Chats:
    return Chats(database)


@pytest.fixture
def model(model_server: ModelServer) -> OpenAIModel:
    """A model at the scripted server, without retries."""
    return OpenAIModel("scripted", "sk-test", model_server.base_url, retries=0)


@pytest.fixture
def chat(conversations: Conversations, memory: Memory, model: OpenAIModel) -> ChatServices:
    """A chat with a scripted model; memories are learned by rules."""
    return ChatServices(conversations, memory, model, lambda: None)


@pytest.fixture
def sql(database: Database) -> Iterator[Sql]:
    """Run one statement as the administrator, who sees everybody's rows."""
    engine = connect(database.admin_url, pool_size=1)

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement, values or None)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield run
    engine.dispose()


@pytest.fixture
def learning(database: Database, embedder: BundledEmbedder, model: OpenAIModel) -> Memory:
    """A memory that learns with the scripted model."""
    return Memory(database, embedder, model)


@pytest.fixture
def worker(conversations: Conversations, learning: Memory) -> Iterator[Worker]:
    made = Worker(conversations.queue, learning)
    yield made
    made.stop()


@pytest.fixture
def waiting(conversations: Conversations) -> Say:
    """Say something, and leave the turn in the queue."""

    def say(content: str = BEES, user_id: str = "ann") -> Message:
        asked = conversations.say(user_id, None, content)
        conversations.reply(asked, "I see.", "complete", {"ms": 1})
        return asked

    return say


@pytest.fixture
def known(memory: Memory) -> Known:
    """Return the texts of the memories of a user."""
    return lambda user_id="ann": sorted(each["memory"] for each in memory.get_all(user_id=user_id)["results"])


@pytest.fixture
def bugs(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """The bugs that ended threads. pytest would report each when it comes to it, perhaps in another test."""
    found: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda ended: found.append(ended.exc_value))
    return found


def until(happened: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.01)


def chats_of(conversations: Conversations) -> Chats:
    """Return the list of chats on the same database."""
    return Chats(conversations._database)
