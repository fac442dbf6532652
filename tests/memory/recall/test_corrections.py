"""What was corrected does not come back as if it still stood: by whomever, in whatever way, and until it is undone."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from memory import Fact, Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.facts import Correction
from memory.imports.queue import ImportQueue
from memory.learn.questions import Choice
from memory.recall.rank import Candidate, Recipe, with_corrections
from tests.memory.learn.test_remember import answer, operation
from tests.memory.mem0 import Mem0
from tests.scripted import ScriptedModel

pytestmark = pytest.mark.every_version

DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
OLD, NEW = "I live in Ljubljana", "I live in Maribor"
FIRST = "I live in Ljubljana. My dentist is the one by the yellow bakery."
SECOND = "Actually I moved: I live in Maribor now."
ASKED = "Where do I live?"
ALL = Recipe("all", ("memories", "episodes"), threshold=0.0, share=0.0)


def turn(words: str, number: int, reply: str = "") -> list[Said]:
    at = DAY + timedelta(days=number)
    said = [Said("user", words, at, f"m{number}", f"chat {number}")]
    return said + ([Said("assistant", reply, at, f"r{number}", f"chat {number}")] if reply else [])


@pytest.fixture
def learning(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Memory:
    """A memory that was told where alice lives."""
    learning = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", OLD, OLD)))
    learning.add(turn(FIRST, 1, "Ljubljana is a fine place to live."), user_id="alice")
    return learning


def lives(memory: Memory) -> str:
    [kept] = memory.get_all(user_id="alice")["results"]
    return kept["id"]


def told(memory: Memory, question: str = ASKED) -> dict[str, str]:
    """What was said, as it is found, with what is noted about each; also what is only a little like the question."""
    found = memory.recall(question, user_id="alice", recipe=ALL)
    return {each.text: each.corrected for each in found if each.source == "episodes"}


def undo_last(memory: Memory) -> None:
    memory.undo(memory.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")


def old_value_stands(memory: Memory, question: str = ASKED) -> list[Fact]:
    """What names the old value without a word that it was corrected."""
    found = memory.recall(question, user_id="alice")
    return [each for each in found if "Ljubljana" in each.text and not each.corrected]


def correct_by_model(memory: Memory, model: ScriptedModel) -> None:
    model.enqueue(answer(operation("update", NEW, "I live in Maribor now", target=1)))
    memory.add(turn(SECOND, 2), user_id="alice")


# -- every way to correct --------------------------------------------------------------------------


def test_a_passage_that_the_model_corrected_says_so_until_an_undo(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    assert told(learning)[FIRST] == ""
    correct_by_model(learning, scripted_model)
    found = told(learning)
    assert found[FIRST] == f"since corrected: {NEW}"
    assert found[SECOND] == ""
    assert old_value_stands(learning) == []
    undo_last(learning)
    found = told(learning)
    assert found[FIRST] == ""
    assert found[SECOND] == f"since corrected: {OLD}"
    undo_last(learning)
    assert told(learning)[FIRST] == f"since corrected: {NEW}"


def test_other_details_of_a_corrected_passage_are_still_found(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    assert FIRST in told(learning, "Which bakery is my dentist by?")


def test_rules_correct_too(memory: Memory) -> None:
    memory.add(turn(FIRST, 1), user_id="alice")
    memory.add(turn("I moved to Maribor.", 2), user_id="alice")
    assert "I moved to Maribor." in [each["memory"] for each in memory.get_all(user_id="alice")["results"]]
    assert told(memory)[FIRST] == "since corrected: I moved to Maribor."


def test_an_edit_by_hand_corrects_what_was_said(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(), answer())  # for the names in the new words
    learning.update(lives(learning), NEW, user_id="alice")
    assert told(learning)[FIRST] == f"since corrected: {NEW}"
    learning.update(lives(learning), "I live in Celje", user_id="alice")
    assert told(learning)[FIRST] == "since corrected: I live in Celje"
    undo_last(learning)
    assert told(learning)[FIRST] == f"since corrected: {NEW}"


def ask(memory: Memory, model: ScriptedModel, choice: Choice) -> None:
    model.enqueue(answer(operation("ask", NEW, "I live in Maribor now", target=1)))
    memory.add(turn(SECOND, 2), user_id="alice")
    [question] = memory.questions.open("alice")
    memory.questions.answer(question.id, choice, user_id="alice")


@pytest.mark.parametrize(
    ("choice", "first", "second"),
    [
        ("new", f"since corrected: {NEW}", ""),
        ("old", "", f"since corrected: {OLD}"),
        ("both", "", ""),
    ],
)
def test_what_the_person_decided_against_is_told_as_corrected(
    learning: Memory, scripted_model: ScriptedModel, choice: Choice, first: str, second: str
) -> None:
    ask(learning, scripted_model, choice)
    assert told(learning) == {FIRST: first, SECOND: second}


def test_what_is_neither_way_comes_back_in_no_form(learning: Memory, scripted_model: ScriptedModel) -> None:
    ask(learning, scripted_model, "neither")
    assert told(learning) == {SECOND: "no longer true"}
    undo_last(learning)
    assert told(learning) == {FIRST: "", SECOND: f"since corrected: {OLD}"}


def test_an_imported_message_corrects_what_was_said(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    queue: ImportQueue = learning.import_queue
    queue.add("alice", [Said("user", SECOND, DAY + timedelta(days=2), "chatgpt:9", "chatgpt:8")], "learn")
    batch = queue.claim()
    assert batch is not None
    scripted_model.enqueue(answer(operation("update", NEW, "I live in Maribor now", target=1)))
    plan = learning.turns.plan(batch.said, user_id="alice")
    with queue.writing(batch) as connection:
        learning.turns.write(connection, plan)
        queue.done(connection, batch)
    assert told(learning)[FIRST] == f"since corrected: {NEW}"


def change_with_mem0(database: Database, embedder: BundledEmbedder, memory_id: str, words: str) -> None:
    """Do what mem0's `update` does: the whole row with new words and a new time."""
    [row] = database.read_as("alice", "select metadata from vecs.memories where id = %(id)s", {"id": memory_id})
    now = datetime.now(UTC).isoformat()
    mem0 = Mem0(database, embedder)
    mem0.write([{"id": memory_id, "metadata": {**row["metadata"], "data": words, "hash": "h", "updated_at": now}}])


def test_what_mem0_changed_is_told_as_corrected_too(
    learning: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    change_with_mem0(database, embedder, lives(learning), NEW)
    assert told(learning)[FIRST] == f"since corrected: {NEW}"
    undo_last(learning)
    assert told(learning)[FIRST] == ""


def test_a_memory_that_mem0_deletes_hides_its_turn(
    learning: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    with closing(Database(database.admin_url)) as own, own.engine.begin() as connection:
        connection.exec_driver_sql("delete from vecs.memories")
    assert told(learning) == {}
    undo_last(learning)
    assert FIRST in told(learning)


# -- what a correction concerns --------------------------------------------------------------------


def test_the_library_tells_it_in_the_text_that_callers_read(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    found = [each["memory"] for each in learning.search(ASKED, user_id="alice")["results"]]
    assert found[0] == NEW
    assert f"{FIRST} (said on 2026-03-05, since corrected: {NEW})" in found


def test_the_memory_comes_before_the_passage_that_it_corrects(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    found = [each.text for each in learning.recall(ASKED, user_id="alice")]
    assert found.index(NEW) < found.index(FIRST)


def test_the_same_said_again_is_corrected_as_well(learning: Memory, scripted_model: ScriptedModel) -> None:
    again = "As I live in Ljubljana, the sea is not far for a weekend."
    scripted_model.enqueue(answer(operation("add", OLD, OLD)))
    learning.add(turn(again, 2), user_id="alice")
    scripted_model.enqueue(answer(operation("update", NEW, "I live in Maribor now", target=1)))
    learning.add(turn(SECOND, 3), user_id="alice")
    assert told(learning)[again] == f"since corrected: {NEW}"


def test_what_is_said_after_the_correction_is_told_as_it_is(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    later = "When I live in Ljubljana again one day, I want a balcony."
    scripted_model.enqueue(answer())
    learning.add(turn(later, 3), user_id="alice")
    assert told(learning)[later] == ""


def test_a_reply_that_was_given_the_old_words_does_not_come_back(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    memory_id = lives(learning)
    reply = "Since you live in Ljubljana, take the train to Bled."
    scripted_model.enqueue(answer())
    with database.as_user("alice") as connection:
        plan = learning.turns.plan(turn("Where should we hike this weekend?", 2, reply), user_id="alice")
        learning.turns.write(connection, plan, used=[memory_id])
    scripted_model.enqueue(answer(operation("update", NEW, "I live in Maribor now", target=1)))
    learning.add(turn(SECOND, 3), user_id="alice")
    for question in (ASKED, "Which train to Bled?", "What about Ljubljana?"):
        assert old_value_stands(learning, question) == []


def test_more_detail_is_no_correction(learning: Memory) -> None:
    learning.update(lives(learning), "I live in Ljubljana, in the old town", user_id="alice")
    assert told(learning)[FIRST] == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("I like tea", "I don't like tea"),
        ("I have a cat", "I have two cats"),
        ("I have two cats", "I have three cats"),
        ("I work in Porto", "I work in Portland"),
        ("Ich wohne in Köln", "Ich wohne in Bonn"),
    ],
)
def test_a_small_difference_may_be_a_correction(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel, before: str, after: str
) -> None:
    memory = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", before, before)))
    memory.add(turn(before + ".", 1), user_id="alice")
    scripted_model.enqueue(answer(operation("update", after, after, target=1)))
    memory.add(turn(after + ".", 2), user_id="alice")
    found = memory.recall(before, user_id="alice")
    assert {each.corrected for each in found if before in each.text} == {f"since corrected: {after}"}
    assert {each.corrected for each in found if after in each.text} <= {""}


def test_a_deleted_memory_hides_the_turns_of_all_its_versions(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    learning.delete(lives(learning), user_id="alice")
    assert told(learning) == {}
    undo_last(learning)
    assert told(learning) == {FIRST: f"since corrected: {NEW}", SECOND: ""}


def test_a_corrected_memory_that_expires_is_no_longer_true(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    correct_by_model(learning, scripted_model)
    with database.as_user("alice") as connection:
        connection.exec_driver_sql("select set_config('keepsake.actor', 'tidy', true)")
        connection.exec_driver_sql("delete from vecs.memories")
    assert told(learning)[FIRST] == "no longer true"


def test_two_writers_at_once_leave_no_old_value(
    learning: Memory, database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    memory_id = lives(learning)
    scripted_model.enqueue(answer())
    by_hand = Thread(target=learning.update, args=(memory_id, NEW), kwargs={"user_id": "alice"})
    by_mem0 = Thread(target=change_with_mem0, args=(database, embedder, memory_id, "I live in Celje"))
    for writer in (by_hand, by_mem0):
        writer.start()
    for writer in (by_hand, by_mem0):
        writer.join()
    [now] = learning.get_all(user_id="alice")["results"]
    assert now["memory"] in (NEW, "I live in Celje")
    assert told(learning)[FIRST] == f"since corrected: {now['memory']}"
    for change in learning.changes(user_id="alice", limit=2):
        learning.undo(change["id"], user_id="alice")
    assert told(learning)[FIRST] == ""


def test_nobody_elses_correction_concerns_what_i_said(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("add", OLD, OLD)))
    learning.add(turn(FIRST, 1), user_id="bob")
    correct_by_model(learning, scripted_model)
    found = learning.recall(ASKED, user_id="bob")
    assert [each.corrected for each in found] == ["" for _ in found]
    assert FIRST in [each.text for each in found]


def test_recall_is_still_one_trip(
    learning: Memory, scripted_model: ScriptedModel, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct_by_model(learning, scripted_model)
    trips, read_as = [], database.read_as

    def counted(*asked: Any) -> Any:
        trips.append(asked)
        return read_as(*asked)

    monkeypatch.setattr(database, "read_as", counted)
    assert told(learning)[FIRST]
    assert len(trips) == 1


def test_a_passage_is_shown_with_its_neighbours_so_their_corrections_concern_it() -> None:
    over = Correction("1", OLD, OLD, "m1", NEW, DAY.isoformat())
    row = {"data": "My dentist is the one by the bakery.", "role": "user", "turn": "m1", "message_id": "m1"}
    alone, beside = ({**row, "around": {"before": text}} for text in ("I like tea.", f"{OLD}."))
    assert [bool(each.corrections) for each in with_corrections([_candidate(alone), _candidate(beside)], [over])] == [
        False,
        True,
    ]


def _candidate(metadata: dict[str, Any]) -> Candidate:
    return Candidate("episodes", "e", metadata, 0.5, 1, 0, 0, 0, 0, 1, 0, 1)
