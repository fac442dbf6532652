"""The worker and imported messages: after the turns, within the limits, and without holding up others."""

from __future__ import annotations

import pytest

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from limits import Limits
from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.model.client import OpenAIModel
from settings import Settings
from tests.chat.conftest import BEES, Known, Say
from tests.chat.test_queue import BuggyTurns


def _brought(*words: str) -> list[Said]:
    return [Said("user", each, message_id=f"chatgpt:{each}", run_id="chatgpt:one") for each in words]


def test_turns_are_remembered_before_imported_messages(
    conversations: Conversations, memory: Memory, waiting: Say, known: Known
) -> None:
    worker = Worker(conversations.queue, memory)
    memory.import_queue.add("ann", _brought("I live in Porto."), "learn")
    waiting()
    assert worker.remember_next()
    assert known() == [BEES.rstrip(".")] or known() == [BEES]
    assert worker.learn_next()
    assert len(known()) == 2
    assert not worker.learn_next()


def test_an_imported_message_that_meets_a_bug_waits_and_holds_up_nobody(
    conversations: Conversations, database: Database, embedder: BundledEmbedder, waiting: Say
) -> None:
    memory = BuggyTurns(database, embedder).memory
    worker = Worker(conversations.queue, memory)
    memory.import_queue.add("ann", _brought("I live in Porto."), "learn")
    with pytest.raises(ZeroDivisionError):
        worker.learn_next()
    assert "unexpected" in (memory.import_queue.progress("ann").problem or "")
    assert not worker.learn_next(), "the turn waits for its next attempt"
    waiting()
    assert worker.remember_next()


def test_learning_from_an_import_waits_for_the_next_share(
    conversations: Conversations, database: Database, embedder: BundledEmbedder, model: OpenAIModel
) -> None:
    limits = Limits(database, Settings(tokens_per_day=100))
    learning = Memory(database, embedder, limits.metered(model))
    worker = Worker(conversations.queue, learning, limits)
    learning.import_queue.add("ann", _brought("I live in Porto."), "learn")
    assert worker.learn_next()
    progress = learning.import_queue.progress("ann")
    assert progress.waiting == 1
    assert "today's limit" in (progress.problem or "")


def test_imported_messages_add_no_memories_beyond_the_limit(
    conversations: Conversations, memory: Memory, database: Database, known: Known
) -> None:
    worker = Worker(conversations.queue, memory, Limits(database, Settings(memories_per_person=1)))
    memory.import_queue.add("ann", _brought("I live in Porto.", "I keep bees in Utrecht."), "learn")
    while worker.learn_next():
        pass
    assert len(known()) == 1
