"""What stands now comes with what was corrected, also after merges; what was deleted does not come back elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.facts import Removal
from memory.language.slots import says_in_other_words
from memory.language.words import repeats
from memory.recall.rank import Candidate, without_removed
from tests.memory.learn.test_remember import answer, operation
from tests.memory.recall.test_corrections import (
    ALL,
    DAY,
    FIRST,
    NEW,
    OLD,
    correct_by_model,
    lives,
    told,
    turn,
    undo_last,
)
from tests.memory.upkeep.test_tidy import Desk
from tests.scripted import ScriptedModel

BAKERY = "Which yellow bakery is my dentist by?"


@pytest.fixture
def learning(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Memory:
    """A memory that was told where alice lives, in a message that tells more."""
    learning = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", OLD, OLD)))
    learning.add(turn(FIRST, 1), user_id="alice")
    return learning


# -- the memory that stands comes first ---------------------------------------------------------------


def test_a_question_that_shares_words_with_the_corrected_message_alone_gets_the_memory_above_it(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    correct_by_model(learning, scripted_model)
    found = learning.recall(BAKERY, user_id="alice")
    texts = [each.text for each in found]
    assert FIRST in texts
    assert NEW in texts[: texts.index(FIRST)]
    stands = found[texts.index(NEW)]
    passage = found[texts.index(FIRST)]
    assert (stands.score or 0) >= (passage.score or 0)
    assert stands.parts is not None
    assert sum(part for name, part in stands.parts.items() if name != "cosine") == pytest.approx(stands.score, abs=1e-3)
    first_only = learning.recall(BAKERY, user_id="alice", limit=1)
    assert [each.text for each in first_only] == [NEW]


def test_it_stays_above_when_a_reranker_prefers_the_message(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    correct_by_model(learning, scripted_model)

    class PrefersTheMessage:
        def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
            return [float(FIRST in each) for each in texts]

    other = Memory(database, embedder, scripted_model, reranker=PrefersTheMessage())
    texts = [each.text for each in other.recall(BAKERY, user_id="alice")]
    assert texts.index(NEW) < texts.index(FIRST)


def test_neither_a_filter_nor_what_is_left_out_is_widened_by_it(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    correct_by_model(learning, scripted_model)
    said: dict[str, Any] = {"role": "user"}
    assert NEW not in [each.text for each in learning.recall(BAKERY, user_id="alice", filters=said, recipe=ALL)]
    left_out = learning.recall(BAKERY, user_id="alice", without=[lives(learning)], recipe=ALL)
    assert NEW not in [each.text for each in left_out]


def test_an_undo_takes_it_away_again(learning: Memory, scripted_model: ScriptedModel) -> None:
    correct_by_model(learning, scripted_model)
    undo_last(learning)
    found = [each.text for each in learning.recall(BAKERY, user_id="alice", limit=1)]
    assert found == [FIRST]


# -- merges --------------------------------------------------------------------------------------------


def merge(memory: Memory, desk: Desk, words: str, **more: Any) -> str:
    """Keep the same statement a second time, better sourced, and have both merged."""
    second = desk.keep(words, source="person", **more)
    [merged] = memory.tidy.run("alice").merged
    assert merged.memory_id == second
    return second


def test_a_merge_after_a_correction_keeps_the_new_words_in_the_note_until_both_are_undone(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    correct_by_model(learning, scripted_model)
    desk = Desk(database, embedder)
    corrected = lives(learning)
    merged = merge(learning, desk, f"{NEW}.")
    assert told(learning)[FIRST] == f"since corrected: {NEW}."
    run = learning.history(corrected, user_id="alice")[-1]["run"]
    learning.undo(run, user_id="alice")
    assert told(learning)[FIRST] == f"since corrected: {NEW}"
    learning.delete(corrected, user_id="alice")
    assert FIRST not in told(learning)
    assert learning.get(merged, user_id="alice") is not None


def test_a_chain_of_merges_is_followed_to_the_memory_that_stands_and_its_later_words(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    correct_by_model(learning, scripted_model)
    desk = Desk(database, embedder)
    merge(learning, desk, f"{NEW}.", created_at="2026-11-20T12:00:00+00:00")
    last = merge(learning, desk, f"{NEW}!", created_at="2026-11-19T12:00:00+00:00")
    assert told(learning)[FIRST] == f"since corrected: {NEW}!"
    scripted_model.enqueue(answer())
    learning.update(last, "I live in Celje", user_id="alice")
    assert told(learning)[FIRST] == "since corrected: I live in Celje"


def test_a_merged_memory_that_is_deleted_by_the_person_leaves_nothing_to_stand(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    correct_by_model(learning, scripted_model)
    merged = merge(learning, Desk(database, embedder), f"{NEW}.")
    learning.delete(merged, user_id="alice")
    assert set(told(learning).values()) <= {"no longer true"}


def test_merges_that_name_each_other_in_a_circle_end(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    correct_by_model(learning, scripted_model)
    kept = lives(learning)
    with database.as_user("alice") as connection:
        connection.exec_driver_sql("select set_config('keepsake.actor', 'tidy', true)")
        for each, other in ((kept, "x"), ("x", kept)):
            row = json.dumps({"data": each, "user_id": "alice", "hash": each, "kind": "fact", "merged_from": [other]})
            insert = "insert into vecs.memories (id, vec, metadata) select :id, vec, cast(:row as jsonb)"
            connection.execute(text("delete from vecs.memories"))
            connection.execute(text(f"{insert} from vecs.episodes limit 1"), {"id": each, "row": row})
        connection.execute(text("delete from vecs.memories"))
    assert told(learning)[FIRST] == "no longer true"


# -- what was deleted ------------------------------------------------------------------------------------

REPEATED = "As I said, I live in Ljubljana. Can you find me a good dentist?"


def say_again(memory: Memory, model: ScriptedModel, words: str = REPEATED, number: int = 2) -> None:
    model.enqueue(answer())
    memory.add(turn(words, number), user_id="alice")


def test_a_deleted_statement_does_not_come_back_in_another_message_until_an_undo(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    say_again(learning, scripted_model)
    assert REPEATED in told(learning)
    learning.delete(lives(learning), user_id="alice")
    assert told(learning) == {}
    assert learning.search("Where do I live?", user_id="alice")["results"] == []
    undo_last(learning)
    assert told(learning).keys() == {FIRST, REPEATED}


def test_what_says_something_else_or_was_said_after_the_deletion_is_found(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    others = [
        "My sister does not live in Ljubljana.",
        "Where in Ljubljana would a dentist live?",
        "I live for music, and my favourite band comes from Ljubljana.",
    ]
    for number, words in enumerate(others, 2):
        say_again(learning, scripted_model, words, number)
    learning.delete(lives(learning), user_id="alice")
    assert told(learning).keys() == set(others)
    later = "I live in Ljubljana again."
    scripted_model.enqueue(answer())
    learning.add([Said("user", later, DAY + timedelta(days=3650), "m9", "chat 9")], user_id="alice")
    assert later in told(learning)


def test_what_another_memory_still_says_is_found(learning: Memory, scripted_model: ScriptedModel, desk: Desk) -> None:
    say_again(learning, scripted_model)
    deleted = lives(learning)
    desk.keep(f"{OLD}!")
    learning.delete(deleted, user_id="alice")
    assert REPEATED in told(learning)


def test_nobody_elses_deletion_concerns_what_i_said(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer())
    learning.add(turn(REPEATED, 1), user_id="bob")
    learning.delete(lives(learning), user_id="alice")
    assert [each.text for each in learning.recall("Where do I live?", user_id="bob")] == [REPEATED]


@pytest.fixture
def desk(database: Database, embedder: BundledEmbedder) -> Desk:
    return Desk(database, embedder)


def test_a_passage_beside_it_is_shown_without_the_one_that_says_it_again() -> None:
    removed = [Removal("I am allergic to walnuts", None, (DAY + timedelta(days=1)).isoformat())]
    row = {"data": "My bread is dark.", "role": "user", "created_at": DAY.isoformat()}
    beside = {**row, "around": {"before": "I'm allergic to walnuts.\n\n", "after": "It needs an hour."}}
    [left] = without_removed([Candidate("episodes", "e", beside, 0.5, 1, 0, 0, 0, 0, 1, 0, 1)], removed)
    assert left.metadata["around"] == {"after": "It needs an hour."}


@pytest.mark.parametrize(
    ("statement", "said", "again"),
    [
        ("I live in Porto", "Well, I live in Porto now.", True),
        ("I live in Porto", "In Porto I live.", True),
        ("I live in Porto", "I live in the old town of Porto", False),
        ("I live in Porto", "I don't live in Porto", False),
        ("I don't eat meat", "I don't eat meat, you know.", True),
        ("I don't eat meat", "I eat meat", False),
        ("I live in Porto", "Do I live in Porto?", False),
        ("I live in Porto", "I live alone. Porto is far.", False),
        ("I have two cats", "I have two cats and a dog.", True),
        ("I have two cats", "I have three cats", False),
        ("Ich wohne in Köln", "Wie gesagt, ich wohne in Köln.", True),
        ("I swim", "I swim.", True),
        ("I swim", "I swim with my sister.", False),
        ("", "I swim.", False),
    ],
)
def test_only_the_same_statement_repeats_one(statement: str, said: str, again: bool) -> None:
    assert repeats(statement, said) is again


@pytest.mark.parametrize(
    ("statement", "said", "again"),
    [
        ("I hate coriander", "oh well, i cant stand coriander lol", True),
        ("I live in Porto.", "Hi! I'm based in Porto.", True),
        ("Ich mag keinen Fisch", "Ich hasse Fisch.", True),
        ("I hate coriander", "I can't stand coriander seeds", False),
        ("I'm vegan", "I've gone vegan, and I'm allergic to penicillin.", False),
        ("I live in Porto", "We moved to Porto. My mother has cancer.", False),
        ("I live in Porto", 'My brother wrote: "We moved to Porto."', False),
        ("I hate coriander", "I love coriander", False),
        ("I hate coriander", "My sister hates coriander", False),
        ("I live in Porto and I work at Fiat", "I work at Fiat", False),
    ],
)
def test_a_slot_with_the_same_value_says_it_in_other_words(statement: str, said: str, again: bool) -> None:
    assert says_in_other_words(statement, said) is again


def test_a_message_that_said_in_other_words_what_was_deleted_is_left_out(database: Database) -> None:
    memory = Memory(database)
    memory.add([Said("user", "ugh, i cant stand coriander lol", DAY, "m1", "chat 1")], user_id="alice")
    memory.add([Said("user", "I hate coriander.", DAY, "m2", "chat 2")], user_id="alice")
    question = "What about coriander?"
    assert "ugh, i cant stand coriander lol" in [each.text for each in memory.recall(question, user_id="alice")]
    for each in memory.get_all(user_id="alice")["results"]:
        memory.delete(each["id"], user_id="alice")
    assert memory.recall(question, user_id="alice") == []
