""" "Which is right?": a contradiction that the model is unsure of waits for the person, whose answer is carried out."""

from __future__ import annotations

import pytest

from memory import Memory, Question
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, NotFound
from memory.learn.questions import Choice
from tests.memory.learn.test_remember import answer, operation
from tests.scripted import ScriptedModel

OLD, NEW = "I live in Porto", "I live in Lisbon"


@pytest.fixture
def unsure(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Memory:
    """A memory with one open question of alice's."""
    memory = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", OLD, OLD)), answer(operation("ask", NEW, NEW, target=1)))
    memory.add(OLD, user_id="alice")
    memory.add(NEW, user_id="alice")
    return memory


def _texts(memory: Memory) -> list[str]:
    return sorted(each["memory"] for each in memory.get_all(user_id="alice")["results"])


def _open(memory: Memory) -> Question:
    [question] = memory.questions.open("alice")
    return question


def test_an_unsure_contradiction_changes_nothing_and_waits(unsure: Memory) -> None:
    question = _open(unsure)
    assert (question.known, question.text) == (OLD, NEW)
    assert _texts(unsure) == [OLD]


def test_the_same_question_is_not_put_twice(unsure: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("ask", NEW, NEW, target=1)))
    unsure.add(NEW, user_id="alice")
    assert len(unsure.questions.open("alice")) == 1


@pytest.mark.parametrize(("choice", "left"), [("new", [NEW]), ("old", [OLD]), ("both", [NEW, OLD]), ("neither", [])])
def test_an_answer_is_carried_out_and_closes_the_question(unsure: Memory, choice: Choice, left: list[str]) -> None:
    unsure.questions.answer(_open(unsure).id, choice, user_id="alice")
    assert _texts(unsure) == left
    assert unsure.questions.open("alice") == []


def test_an_answer_keeps_the_quote_and_can_be_undone(unsure: Memory) -> None:
    unsure.questions.answer(_open(unsure).id, "new", user_id="alice")
    [kept] = unsure.get_all(user_id="alice")["results"]
    assert kept["metadata"]["quote"] == NEW
    unsure.undo(unsure.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")
    assert _texts(unsure) == [OLD]


def test_a_question_is_answered_once(unsure: Memory) -> None:
    question = _open(unsure)
    unsure.questions.answer(question.id, "old", user_id="alice")
    with pytest.raises(NotFound):
        unsure.questions.answer(question.id, "new", user_id="alice")
    assert _texts(unsure) == [OLD]


def test_another_users_question_cannot_be_answered(unsure: Memory) -> None:
    question = _open(unsure)
    assert unsure.questions.open("bob") == []
    with pytest.raises(NotFound):
        unsure.questions.answer(question.id, "new", user_id="bob")
    assert _texts(unsure) == [OLD]


@pytest.mark.parametrize("wrong", ["", "not an id", "0" * 36])
def test_an_unknown_question_is_not_found(unsure: Memory, wrong: str) -> None:
    with pytest.raises(NotFound):
        unsure.questions.answer(wrong, "new", user_id="alice")


def test_an_invalid_answer_is_refused(unsure: Memory) -> None:
    with pytest.raises(InvalidInput, match="new, old, both, neither"):
        unsure.questions.answer(_open(unsure).id, "maybe", user_id="alice")  # type: ignore[arg-type]


def test_deleting_a_memory_closes_its_question(unsure: Memory) -> None:
    unsure.delete(_open(unsure).memory_id, user_id="alice")
    assert unsure.questions.open("alice") == []
