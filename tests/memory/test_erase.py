"""Erasing: everything of one person goes, and the receipt shows that it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.erase import Receipt
from memory.errors import ModelUnreachable
from tests.memory.learn.test_remember import answer, operation
from tests.scripted import ScriptedModel

pytestmark = pytest.mark.every_version

OWN_TABLES = ("memory_history", "memory_use", "questions", "profiles", "relations", "entity_names")


@pytest.fixture
def full(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Memory:
    """A memory that holds something of every kind about two people."""
    memory = Memory(database, embedder, scripted_model)
    for user_id in ("alice", "bob"):
        ana = operation(
            "add",
            "My sister Ana lives in Porto",
            "My sister Ana lives in Porto",
            entities=[["Ana", "my sister"]],
            relations=[["Ana", "is sister of", "me"]],
        )
        scripted_model.enqueue(answer(ana))
        memory.add("My sister Ana lives in Porto", user_id=user_id)
        scripted_model.enqueue(answer(operation("ask", "Ana lives in Faro", "Ana lives in Faro", target=1)))
        memory.add("Ana lives in Faro", user_id=user_id)
        [kept] = memory.get_all(user_id=user_id)["results"]
        with database.as_user(user_id) as connection:
            memory.turns.count_recalled(connection, [kept["id"]])
            connection.execute(text("insert into app.profiles (lines) values ('[]')"))
    return memory


def _rows(database: Database, user_id: str) -> dict[str, int]:
    counted = {}
    for table in ("vecs.memories", *(f"app.{name}" for name in OWN_TABLES)):
        counted[table] = database.read_as(user_id, f"select count(*) as rows from {table}")[0]["rows"]
    return counted


def test_erasing_takes_everything_of_one_user_and_nothing_of_another(full: Memory, database: Database) -> None:
    before = _rows(database, "bob")
    assert all(_rows(database, "alice").values())
    full.delete_all(user_id="alice")
    assert not any(_rows(database, "alice").values())
    assert _rows(database, "bob") == before


def test_the_receipt_counts_what_was_erased_and_looks_for_it(full: Memory) -> None:
    receipt = full.delete_all(user_id="alice")
    assert receipt.erased["memories"] == 1
    assert all(receipt.erased[table] for table in OWN_TABLES)
    assert (receipt.looked_for, receipt.found_again) == (1, 0)
    assert receipt.proved


class EmbedderAway(BundledEmbedder):
    """The same vectors, until the model is away."""

    away = False

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.away:
            raise ModelUnreachable("The embedding model does not answer.")
        return super().embed(texts)


def test_erasing_ends_with_a_receipt_also_while_the_embedder_is_away(database: Database) -> None:
    embedder = EmbedderAway()
    memory = Memory(database, embedder, None)
    memory.add("I keep bees in Utrecht.", user_id="alice", run_id="chat-1")
    memory.add("I have a cat.", user_id="alice")
    embedder.away = True
    forgotten = memory.chats.forget("chat-1", user_id="alice")
    assert (forgotten.searched, forgotten.looked_for, forgotten.proved) == (False, 0, True)
    receipt = memory.delete_all(user_id="alice")
    assert receipt.erased["memories"] == 1
    assert (receipt.searched, receipt.looked_for, receipt.proved) == (False, 0, True)
    assert memory.get_all(user_id="alice")["results"] == []


def test_a_receipt_is_not_proved_if_something_is_left() -> None:
    now: Any = None
    assert not Receipt("alice", {}, now, 1, found_again=1).proved
    assert not Receipt("alice", {}, now, 1, 0, rows_left={"memory_history": 3}).proved


def test_erased_memories_cannot_be_restored_or_found(full: Memory) -> None:
    [kept] = full.get_all(user_id="alice")["results"]
    event = full.changes(user_id="alice")[0]["id"]
    full.delete_all(user_id="alice")
    assert full.history(kept["id"], user_id="alice") == []
    assert full.questions.open("alice") == []
    with pytest.raises(Exception, match="no such change"):
        full.undo(event, user_id="alice")
