"""What was just said is shown to the model first; where the person asks for it, it is forgotten, or put back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.facts import content_hash
from memory.learn.extract import Operation
from memory.rows.store import Store
from tests.memory.learn.test_remember import answer, operation, texts
from tests.scripted import ScriptedModel


def _said_in(chat: str, words: str, day: int) -> Said:
    return Said("user", words, datetime(2026, 3, day, tzinfo=UTC), f"{chat} {day}", chat)


MOVED = [
    _said_in("office", "I live in Porto now", 2),
    Said("assistant", "Porto is lovely, you live by the Douro.", datetime(2026, 3, 2, tzinfo=UTC), "reply", "office"),
]


def test_what_the_turn_before_taught_is_shown_first_and_marked(learning: Memory, scripted_model: ScriptedModel) -> None:
    for number in range(12):
        words = f"Forget-me-nots number {number} are what I just planted"
        scripted_model.enqueue(answer(operation("add", words, words)))
        learning.add(_said_in("garden", words, number + 1), user_id="alice")
    scripted_model.enqueue(answer(operation("add", "My boss is called Ingrid", "boss is called Ingrid")))
    learning.add(_said_in("office", "My boss is called Ingrid", 20), user_id="alice")
    gone = operation("delete", quote="Forget what I just said", target=1)
    scripted_model.enqueue(answer(gone))
    [event] = learning.add(_said_in("office", "Forget what I just said", 21), user_id="alice")["results"]
    shown = scripted_model.calls[-1][-1].content
    assert "[1] (learned a turn ago) My boss is called Ingrid\n" in shown
    assert shown.count("a turn ago") == 1
    assert (event["event"], event["memory"]) == ("DELETE", "My boss is called Ingrid")


def _forget_what_was_said(chat: str, day: int, words: str = "Forget what I just said") -> Said:
    """The request, right after what was said on the day before."""
    return replace(_said_in(chat, words, day), after=f"{chat} {day - 1}")


@pytest.mark.parametrize("words", ["Forget what I just said", "Please, could you forget what I just told you, please?"])
def test_what_was_just_said_is_not_recalled_though_it_taught_nothing(
    learning: Memory, scripted_model: ScriptedModel, words: str
) -> None:
    scripted_model.enqueue(answer(), answer(), answer())
    learning.add(_said_in("office", "Karl from accounting cried in the lift", 1), user_id="alice")
    learning.add(_said_in("kitchen", "The lift was full again", 1), user_id="alice")
    learning.add(_forget_what_was_said("office", 2, words), user_id="alice")
    found = learning.recall("Who cried in the lift?", user_id="alice")
    assert [each.text for each in found] == ["The lift was full again"]


@pytest.mark.parametrize(
    "words",
    [
        "Forget what I just said about Olaf",
        "I told Olaf to forget what I just said",
        "I am pregnant. Forget what I just said.",
        "Forget what I just said. What is the weather in Rome?",
        "Translate this letter into German.\n\nDear Tom\nForget what I just said.\nBest\nAnn",
        "Translate: Forget what I just said",
        "How do I say “Forget what I just said” in Finnish?",
    ],
)
def test_nothing_is_forgotten_where_the_message_says_anything_else(
    learning: Memory, scripted_model: ScriptedModel, words: str
) -> None:
    scripted_model.enqueue(answer(operation("add", "My boss is Ingrid", "My boss is Ingrid")), answer())
    learning.add(_said_in("office", "My boss is Ingrid, who cried in the lift", 1), user_id="alice")
    learning.add(_forget_what_was_said("office", 2, words), user_id="alice")
    assert texts(learning) == ["My boss is Ingrid"]
    assert any("cried" in each.text for each in learning.recall("Who cried in the lift?", user_id="alice"))


def test_without_a_chat_that_says_what_was_before_nothing_is_forgotten_but_by_the_model(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    scripted_model.enqueue(answer(), answer())
    learning.add(_said_in("office", "Karl from accounting cried in the lift", 1), user_id="alice")
    learning.add(_said_in("office", "Forget what I just said", 2), user_id="alice")
    assert learning.recall("Who cried in the lift?", user_id="alice")


def test_all_that_was_just_said_is_forgotten_although_the_model_deletes_nothing(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    facts = [f"I have a friend called Ingrid{number}" for number in range(15)]
    scripted_model.enqueue(answer(*(operation("add", each, each) for each in facts)), answer())
    learning.add(_said_in("office", ". ".join(facts), 1), user_id="alice")
    assert len(texts(learning)) == 15
    learning.add(_forget_what_was_said("office", 2), user_id="alice")
    assert texts(learning) == []
    assert learning.recall("Who is called Ingrid3?", user_id="alice") == []


@pytest.mark.parametrize(
    "meant",
    [answer(), answer(operation("delete", quote="Forget what I just said", target=1))],
    ids=["nothing", "delete"],
)
def test_what_the_message_before_changed_says_again_what_it_said(
    learning: Memory, scripted_model: ScriptedModel, meant: str
) -> None:
    _moves_to_porto(learning, scripted_model)
    scripted_model.enqueue(meant)
    [event] = learning.add(_forget_what_was_said("office", 3), user_id="alice")["results"]
    assert (event["event"], event["memory"], event["previous_memory"]) == (
        "UPDATE",
        "I live in Ghent",
        "I live in Porto",
    )
    assert texts(learning) == ["I live in Ghent"]
    assert {each.text for each in learning.recall("Where do I live?", user_id="alice")} == {"I live in Ghent"}


def test_what_was_put_back_can_be_changed_back(learning: Memory, scripted_model: ScriptedModel) -> None:
    _moves_to_porto(learning, scripted_model)
    scripted_model.enqueue(answer())
    [event] = learning.add(_forget_what_was_said("office", 3), user_id="alice")["results"]
    latest = learning.history(event["id"], user_id="alice")[-1]
    assert latest["reason"] == "the person asked to forget it"
    learning.undo(latest["id"], user_id="alice")
    assert texts(learning) == ["I live in Porto"]


def test_what_the_person_changed_again_is_not_put_back(learning: Memory, scripted_model: ScriptedModel) -> None:
    _moves_to_porto(learning, scripted_model)
    [kept] = learning.get_all(user_id="alice")["results"]
    scripted_model.enqueue(answer(), answer())  # what the new words mention, and the request
    learning.update(kept["id"], "I live in Lisbon", user_id="alice")
    assert learning.add(_forget_what_was_said("office", 3), user_id="alice")["results"] == []
    assert texts(learning) == ["I live in Lisbon"]


def test_what_was_added_goes_and_what_was_changed_is_put_back_in_one_request(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    moved = operation("update", "I live in Porto", "live in Porto now", target=1)
    _moves_to_porto(learning, scripted_model, moved, operation("add", "I have a dog", "have a dog"))
    assert set(texts(learning)) == {"I live in Porto", "I have a dog"}
    scripted_model.enqueue(answer())
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    assert texts(learning) == ["I live in Ghent"]
    assert {each.text for each in learning.recall("Where do I live, with a dog?", user_id="alice")} == {
        "I live in Ghent"
    }


def test_a_mark_that_the_person_made_since_is_kept_when_the_words_are_put_back(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    _moves_to_porto_marks_it_and_forgets(learning, scripted_model)
    [now] = learning.get_all(user_id="alice")["results"]
    assert (now["memory"], now["always_included"]) == ("I live in Ghent", True)


def test_forgetting_the_chat_afterwards_does_not_bring_back_what_was_forgotten(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    marked = _moves_to_porto_marks_it_and_forgets(learning, scripted_model)
    assert learning.chats.forget("office", user_id="alice", messages=["office 2", "office 3"]).proved
    assert texts(learning) == ["I live in Ghent"]
    assert "Porto" not in str(learning.history(marked, user_id="alice"))


def _moves_to_porto_marks_it_and_forgets(learning: Memory, scripted_model: ScriptedModel) -> str:
    """Mark as always included what the message before changed, ask to forget that message, and return the memory."""
    _moves_to_porto(learning, scripted_model)
    [kept] = learning.get_all(user_id="alice")["results"]
    learning.always.include([kept["id"]], user_id="alice")
    scripted_model.enqueue(answer())
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    return str(kept["id"])


def test_a_confirmation_of_what_is_forgotten_does_not_confirm_what_was_before(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    _moves_to_porto(learning, scripted_model)
    with database.as_user("alice") as connection:
        connection.execute(
            text("update vecs.memories set metadata = metadata || jsonb_build_object('confirmed_at', '2026-11-01')")
        )
    scripted_model.enqueue(answer())
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    [now] = learning.get_all(user_id="alice")["results"]
    assert now["memory"] == "I live in Ghent"
    assert now["metadata"]["confirmed_at"] == "2026-03-01T00:00:00+00:00"


def test_what_another_memory_says_by_now_is_not_put_back(learning: Memory, scripted_model: ScriptedModel) -> None:
    _moves_to_porto(learning, scripted_model)
    scripted_model.enqueue(answer(operation("add", "I live in Ghent", "I live in Ghent")), answer())
    learning.add(_said_in("kitchen", "I live in Ghent", 2), user_id="alice")
    assert learning.add(_forget_what_was_said("office", 3), user_id="alice")["results"] == []
    assert texts(learning) == ["I live in Ghent", "I live in Porto"]


def test_what_the_person_said_again_by_hand_is_not_put_back(learning: Memory, scripted_model: ScriptedModel) -> None:
    _moves_to_porto(learning, scripted_model)
    [kept] = learning.get_all(user_id="alice")["results"]
    for words in ("I live in Lisbon", "I live in Porto"):
        scripted_model.enqueue(answer())
        learning.update(kept["id"], words, user_id="alice")
    scripted_model.enqueue(answer())
    assert learning.add(_forget_what_was_said("office", 3), user_id="alice")["results"] == []
    assert texts(learning) == ["I live in Porto"]


def test_a_reply_that_a_deleted_memory_hides_does_not_return_after_it_was_forgotten(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    scripted_model.enqueue(answer(operation("add", "I like tea", "I like tea")))
    [tea] = learning.add(_said_in("kitchen", "I like tea", 1), user_id="alice")["results"]
    _lives_in_ghent(learning, scripted_model)
    scripted_model.enqueue(answer(operation("update", "I live in Porto", "live in Porto now", target=1)))
    plan = learning.turns.plan(MOVED, user_id="alice")
    with database.as_user("alice") as connection:
        learning.turns.write(connection, plan, used=[tea["id"]])
    learning.delete(tea["id"], user_id="alice")
    scripted_model.enqueue(answer())
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    learning.undo(learning.history(tea["id"], user_id="alice")[-1]["id"], user_id="alice")
    assert learning.episodes.count("alice") == 2  # the tea, and the first home
    assert tea["memory"] in texts(learning)


def test_what_was_merged_with_a_statement_of_another_chat_stays_and_is_no_longer_told_as_said(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    _moves_to_porto(learning, scripted_model)
    twin = {"data": "I live in Porto.", "user_id": "alice", "hash": content_hash("I live in Porto."), "kind": "fact"}
    with database.as_user("alice") as connection:
        Store(database, embedder.dimensions).insert(connection, [(twin, embedder.embed([twin["data"]])[0])])
    scripted_model.enqueue(answer())
    assert learning.tidy.run("alice").merged
    plan = learning.turns.plan([_forget_what_was_said("office", 3)], user_id="alice")
    with database.as_user("alice") as connection:
        learning.turns.write(connection, plan)
        assert learning.turns.forget(connection, plan) == ("some", [])
    assert [text.strip(".") for text in texts(learning)] == ["I live in Porto"]
    assert not any("and have a dog" in each.text for each in learning.recall("Where do I live?", user_id="alice"))


def test_the_reply_to_what_was_changed_is_forgotten_with_it(learning: Memory, scripted_model: ScriptedModel) -> None:
    _lives_in_ghent(learning, scripted_model)
    scripted_model.enqueue(answer(operation("update", "I live in Porto", "live in Porto now", target=1)), answer())
    learning.add(MOVED, user_id="alice")
    assert learning.episodes.count("alice") == 3
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    assert learning.episodes.count("alice") == 1


def _lives_in_ghent(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("add", "I live in Ghent", "I live in Ghent")))
    learning.add(_said_in("home", "I live in Ghent", 1), user_id="alice")


def _moves_to_porto(learning: Memory, scripted_model: ScriptedModel, *operations: Operation) -> None:
    """Tell on two days where one lives, in two chats."""
    _lives_in_ghent(learning, scripted_model)
    changes = operations or (operation("update", "I live in Porto", "live in Porto now", target=1),)
    scripted_model.enqueue(answer(*changes))
    learning.add(_said_in("office", "I live in Porto now and have a dog", 2), user_id="alice")


def test_a_question_that_the_message_before_raised_is_forgotten_with_it(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    scripted_model.enqueue(answer(operation("add", "My birthday is 3 May", "My birthday is 3 May")))
    learning.add(_said_in("home", "My birthday is 3 May", 1), user_id="alice")
    scripted_model.enqueue(answer(operation("ask", "My birthday is 4 May", "birthday is 4 May", target=1)), answer())
    learning.add(_said_in("office", "My birthday is 4 May", 2), user_id="alice")
    assert learning.questions.open("alice")
    learning.add(_forget_what_was_said("office", 3), user_id="alice")
    assert not learning.questions.open("alice")
    assert texts(learning) == ["My birthday is 3 May"]
    assert all("4 May" not in each.text for each in learning.recall("When is my birthday?", user_id="alice"))


def test_what_an_earlier_turn_or_another_chat_taught_is_not_marked(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    scripted_model.enqueue(answer(operation("add", "My boss is called Ingrid", "boss is called Ingrid")), answer())
    learning.add(_said_in("office", "My boss is called Ingrid", 1), user_id="alice")
    learning.add(_said_in("office", "What can I cook for her?", 2), user_id="alice")
    for chat in ("office", "kitchen"):
        scripted_model.enqueue(answer())
        learning.add(_said_in(chat, "Forget what I just said about my boss", 3), user_id="alice")
        shown = scripted_model.calls[-1][-1].content
        assert "[1] My boss is called Ingrid" in shown
        assert "a turn ago" not in shown


def test_the_turn_before_is_the_one_that_the_message_names(learning: Memory, scripted_model: ScriptedModel) -> None:
    for day, name in ((1, "Ingrid"), (2, "Olaf")):
        words = f"My boss is called {name}"
        scripted_model.enqueue(answer(operation("add", words, words)))
        learning.add(_said_in("office", words, day), user_id="alice")
    scripted_model.enqueue(answer())
    learning.add(replace(_said_in("office", "Forget what I just said", 3), after="office 1"), user_id="alice")
    shown = scripted_model.calls[-1][-1].content
    assert "[1] (learned a turn ago) My boss is called Ingrid\n[2] My boss is called Olaf" in shown
