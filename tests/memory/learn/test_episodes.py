"""Episodes: messages are kept beside the memories unless they must not be; deleting a memory hides its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from memory import RECIPES, Memory, Person, Said, episode_id
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import NotFound
from tests.memory.learn.test_remember import answer, operation
from tests.memory.test_migrations import administrator
from tests.scripted import ScriptedModel

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
LIVES = "I live in Lisbon. My dentist moved to the corner by the bakery."
REPLY = "Then the dentist by the bakery is a short walk."
ASKED = "Where is my dentist?"


def said(words: str, message_id: str | None = "m1", run_id: str = "talk", role: str = "user", **more: Any) -> Said:
    return Said(role, words, AT, message_id, run_id, **more)


def tell(memory: Memory, words: str = LIVES, reply: str = REPLY, number: str = "1", **more: Any) -> list[str]:
    """Say a turn and learn from it; return the ids of the memories that were made."""
    turn = [said(words, "m" + number, **more), said(reply, "r" + number, role="assistant", **more)]
    return [each["id"] for each in memory.add(turn, user_id="alice")["results"] if each["event"] == "ADD"]


def episodes(memory: Memory, question: str = ASKED, user_id: str = "alice", **more: Any) -> list[str]:
    found = memory.recall(question, user_id=user_id, **more)
    return [each.text for each in found if each.source == "episodes"]


def kept(database: Database, user_id: str = "alice") -> list[dict[str, Any]]:
    return database.read_as(user_id, "select id, metadata, hidden from vecs.episodes order by place")


def hidden(database: Database) -> dict[str, bool]:
    return {row["metadata"]["message_id"]: row["hidden"] for row in kept(database)}


def undo_latest(memory: Memory) -> None:
    memory.undo(memory.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")


# -- kept and found ------------------------------------------------------------------------------


def test_a_detail_that_no_memory_kept_is_found_as_it_was_said_with_its_day_and_speaker(memory: Memory) -> None:
    memory.add([said(LIVES, name="Dave")], user_id="alice")
    [turn] = [each for each in memory.recall(ASKED, user_id="alice") if each.source == "episodes"]
    assert turn.text == LIVES
    assert turn.created_at == "2026-03-04T12:00:00+00:00"
    assert {key: turn.metadata[key] for key in ("role", "actor_id", "run_id", "message_id", "turn")} == {
        "role": "user",
        "actor_id": "Dave",
        "run_id": "talk",
        "message_id": "m1",
        "turn": "m1",
    }


def test_episodes_and_memories_come_in_one_list(memory: Memory) -> None:
    tell(memory)
    found = memory.recall("Where do I live?", user_id="alice")
    assert {each.source for each in found} == {"memories", "episodes"}
    assert {each.source for each in memory.recall("Where do I live?", user_id="alice", recipe="facts")} == {"memories"}


def test_a_reply_is_found_with_the_role_assistant(memory: Memory) -> None:
    tell(memory, "Any tip for the weekend trip we spoke of?", "Take the yellow funicular to the lookout.")
    [first, *_] = memory.recall("Which funicular was it?", user_id="alice")
    assert (first.text, first.metadata["role"]) == ("Take the yellow funicular to the lookout.", "assistant")


@pytest.mark.parametrize("words", ["thanks!", "Hi", "ok, great", "danke", "👍", "42"])
def test_small_talk_is_not_kept(memory: Memory, database: Database, words: str) -> None:
    tell(memory, words, "You are welcome.")
    assert kept(database) == []


SECRETS = """My password is hunter2, and the cat is fine.|Use the key sk-proj-abcdef1234567890abcd for the printer.
Mein Passwort ist Geheim99, sag es niemandem.|Mi contraseña es gatito22 desde ayer.
Mon mot de passe est chaton22 depuis hier.
Pay with 4111 1111 1111 1111 at the market.|My IBAN is DE89 3704 0044 0532 0130 00 at that bank.
The pin code is 4711 at the door."""
UNSAID = """Don't remember this, but I live in Lisbon.|Please forget that I have a dentist.
Off the record: I hate my boss.
Vergiss, dass ich in Köln wohne.|Merk dir nicht, dass ich in Köln wohne.|Oublie que j'habite à Lyon.
Ne retiens pas que j'habite à Lyon.|Olvida que vivo en Madrid.|No recuerdes que vivo en Madrid, por favor."""


@pytest.mark.parametrize("words", SECRETS.replace("\n", "|").split("|"))
def test_a_message_with_a_secret_is_not_kept_whoever_says_it(memory: Memory, database: Database, words: str) -> None:
    tell(memory, words, "I never repeat that.")
    tell(memory, "Can you repeat what I just said to you?", words, number="2")
    assert words not in [row["metadata"]["data"] for row in kept(database)]
    assert len(kept(database)) == 2


@pytest.mark.parametrize("words", UNSAID.replace("\n", "|").split("|"))
def test_a_turn_that_asks_to_be_forgotten_is_not_kept_nor_the_reply(
    memory: Memory, database: Database, words: str
) -> None:
    tell(memory, words, f"Fine. You said: {words}")
    assert kept(database) == []


def test_what_the_system_says_is_not_kept(memory: Memory, database: Database) -> None:
    memory.add([said("Answer in rhymes.", "s1", role="system"), said(LIVES)], user_id="alice")
    assert [row["metadata"]["role"] for row in kept(database)] == ["user"]


def test_a_message_that_deletes_a_memory_is_not_kept_and_hides_the_memorys_turn(
    memory: Memory, database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    learning = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", "Has a dentist by the bakery", "my dentist moved to the corner")))
    tell(learning)
    scripted_model.enqueue(answer(operation("delete", "", "There is no dentist by the bakery", target=1)))
    tell(learning, "There is no dentist by the bakery after all.", "I see.", "2")
    assert memory.get_all(user_id="alice")["results"] == []
    assert hidden(database) == {"m1": True, "r1": True}


def test_the_same_message_twice_is_kept_once(memory: Memory, database: Database) -> None:
    tell(memory)
    tell(memory)
    assert [row["id"] for row in kept(database)] == [episode_id("alice", each) for each in ("m1", "r1")]
    memory.add([said(LIVES)], user_id="bob")
    assert memory.episodes.count("bob") == 1


FILLER = "And then the story of the move went on, with boxes and a van and neighbours who helped. "
LONG = f"{FILLER * 30}\n\n{LIVES}\n\n{FILLER * 30}".strip()


def test_a_long_message_is_kept_whole_and_found_by_any_of_its_passages(memory: Memory, database: Database) -> None:
    tell(memory, LONG)
    rows = [row["metadata"] for row in kept(database) if row["metadata"]["message_id"] == "m1"]
    assert len(rows) > 5
    assert "".join(row["data"] for row in rows) == LONG
    assert [row["part"] for row in rows] == list(range(1, len(rows) + 1))
    assert memory.episodes.count("alice") == 2, "a message counts once, however many passages it has"
    [found] = [each for each in episodes(memory) if "dentist" in each]
    assert LIVES in found
    assert len(found) < len(LONG) / 2


def test_a_passage_comes_with_its_neighbours_as_far_as_the_budget_allows(memory: Memory) -> None:
    tell(memory, LONG)
    narrow, wide = (episodes(memory, recipe=replace(RECIPES["everything"], budget=budget))[0] for budget in (60, 2_000))
    assert LIVES in narrow
    assert narrow in wide
    assert len(wide) > len(narrow) + 500


def test_a_long_message_takes_one_place_and_names_itself(memory: Memory) -> None:
    said_often = "\n\n".join(f"My dentist by the bakery has chair number {n}. {FILLER * 5}" for n in range(12))
    tell(memory, said_often, number="1")
    tell(memory, LIVES, number="2")
    found = [each for each in memory.recall(ASKED, user_id="alice") if each.source == "episodes"]
    named = [each.metadata["message_id"] for each in found if each.metadata["role"] == "user"]
    assert sorted(named) == ["m1", "m2"]


def test_the_messages_of_the_chat_at_hand_are_left_out_with_all_their_passages(memory: Memory) -> None:
    tell(memory, LONG)
    assert episodes(memory, without={episode_id("alice", "m1"), episode_id("alice", "r1")}) == []


def test_forgetting_erases_every_passage_and_counts_messages(memory: Memory, database: Database) -> None:
    tell(memory, LONG)
    assert memory.chats.learned("talk", user_id="alice").kept == 2
    receipt = memory.chats.forget("talk", user_id="alice")
    assert receipt.erased["episodes"] == 2
    assert kept(database) == []


def test_a_message_that_is_kept_already_is_not_kept_in_passages_beside_it(memory: Memory, database: Database) -> None:
    tell(memory, LONG)
    with database.as_user("alice") as connection:
        connection.execute(text("delete from vecs.episodes where metadata ->> 'part' <> '1'"))
    tell(memory, LONG)
    assert [row["metadata"]["message_id"] for row in kept(database)] == ["m1", "r1"]


# -- switched off --------------------------------------------------------------------------------


def test_switched_off_nothing_is_kept_and_what_was_kept_is_not_searched(memory: Memory, database: Database) -> None:
    tell(memory)
    memory.people.set("alice", Person(episodes=False))
    tell(memory, "My plumber parks the blue van behind the church.", "Noted.", "2")
    assert memory.episodes.count("alice") == 2
    assert episodes(memory) == []
    assert [each.source for each in memory.recall("Where do I live?", user_id="alice")] == ["memories"]
    memory.people.set("alice", Person())
    assert LIVES in episodes(memory)


def test_switching_episodes_off_concerns_one_user_only(memory: Memory) -> None:
    memory.people.set("bob", Person(episodes=False))
    tell(memory)
    assert LIVES in episodes(memory)


# -- removed memories ----------------------------------------------------------------------------


def test_a_deleted_memory_hides_its_turn_and_undo_shows_it_again(memory: Memory) -> None:
    [lives] = tell(memory)
    tell(memory, "My plumber parks the blue van behind the church.", "Noted.", "2")
    memory.delete(lives, user_id="alice")
    assert not {LIVES, REPLY} & set(episodes(memory))
    assert episodes(memory, "Where does my plumber park?")
    undo_latest(memory)
    assert LIVES in episodes(memory)


def test_replies_that_were_given_a_deleted_memory_are_hidden_too(memory: Memory, database: Database) -> None:
    [lives] = tell(memory)
    later = [said("Which bakery is close to my home then?", "m2"), said("In Lisbon, many.", "r2", role="assistant")]
    with database.as_user("alice") as connection:
        memory.turns.write(connection, memory.turns.plan(later, user_id="alice"), used=[lives])
    memory.delete(lives, user_id="alice")
    assert hidden(database) == {"m1": True, "r1": True, "m2": False, "r2": True}
    undo_latest(memory)
    assert set(hidden(database).values()) == {False}


def test_a_turn_stays_hidden_while_one_of_its_memories_is_deleted(memory: Memory, database: Database) -> None:
    both = tell(memory, "I live in Lisbon. I like green tea.", "Lovely.")
    assert len(both) == 2
    for each in both:
        memory.delete(each, user_id="alice")
    undo_latest(memory)
    assert set(hidden(database).values()) == {True}


def test_taking_back_the_learning_of_a_memory_hides_its_turn(memory: Memory, database: Database) -> None:
    tell(memory)
    undo_latest(memory)
    assert hidden(database) == {"m1": True, "r1": True}


def test_a_deleted_memory_hides_messages_without_ids_too(memory: Memory) -> None:
    [event] = memory.add("I live in Lisbon, near the old tram depot.", user_id="alice")["results"]
    memory.delete(event["id"], user_id="alice")
    assert memory.recall("Where do I live?", user_id="alice") == []


def test_what_expires_or_is_tidied_away_hides_nothing(memory: Memory, database: Database) -> None:
    tell(memory)
    with administrator(database) as connection:
        connection.execute(
            text('update vecs.memories set metadata = metadata || \'{"expiration_date": "2026-01-01"}\'')
        )
    memory.tidy.run("alice")
    assert memory.get_all(user_id="alice")["results"] == []
    assert set(hidden(database).values()) == {False}
    assert LIVES in episodes(memory)


# -- erased --------------------------------------------------------------------------------------


def test_delete_all_erases_episodes_and_the_receipt_counts_them(memory: Memory, database: Database) -> None:
    [lives] = tell(memory)
    memory.delete(lives, user_id="alice")
    memory.add([said(LIVES)], user_id="bob")
    receipt = memory.delete_all(user_id="alice")
    assert receipt.erased["episodes"] == 2
    assert receipt.rows_left["episodes"] == 0
    assert receipt.proved
    assert (kept(database), len(kept(database, "bob"))) == ([], 1)
    assert database.read_as("alice", "select lexeme from app.postings") == []


def test_the_episodes_of_one_chat_can_be_erased_or_all(memory: Memory) -> None:
    tell(memory)
    tell(memory, "My plumber parks the blue van behind the church.", "Noted.", "2", run_id="other talk")
    memory.add([said(LIVES)], user_id="bob")
    assert memory.episodes.erase_all("alice", "talk") == 2
    assert LIVES not in episodes(memory)
    assert episodes(memory, "Where does my plumber park?")
    assert memory.episodes.erase_all("alice", "no such talk") == 0
    assert memory.episodes.erase_all("alice") == 2
    assert (memory.episodes.count("alice"), memory.episodes.count("bob")) == (0, 1)


# -- walls ---------------------------------------------------------------------------------------

FORGED = "insert into vecs.episodes (id, vec, metadata) select 'x', vec, '{\"user_id\": \"alice\"}' from vecs.episodes"


def test_nobody_else_finds_sees_changes_hides_or_erases_them(memory: Memory, database: Database) -> None:
    [lives] = tell(memory)
    assert memory.recall(ASKED, user_id="bob") == []
    with pytest.raises(NotFound):
        memory.delete(lives, user_id="bob")
    with database.as_user("bob") as connection:
        for statement in ("update vecs.episodes set hidden = true", "delete from vecs.episodes"):
            assert connection.execute(text(statement)).rowcount == 0
        assert connection.execute(text("select * from vecs.episodes")).all() == []
    assert set(hidden(database).values()) == {False}


def test_nobody_can_write_them_for_somebody_else(memory: Memory, database: Database) -> None:
    memory.add([said(LIVES)], user_id="bob")
    with pytest.raises(NotFound), database.as_user("bob") as connection:
        connection.execute(text(FORGED))
    assert kept(database) == []


def test_another_users_deleted_memory_hides_nothing_of_mine(memory: Memory, database: Database) -> None:
    tell(memory)
    forged = memory.add([said("I live in Lisbon too, near a dentist.")], user_id="bob")["results"]
    memory.delete(forged[0]["id"], user_id="bob")
    assert set(hidden(database).values()) == {False}
    assert [row["hidden"] for row in kept(database, "bob")] == [True]


# -- the worker ----------------------------------------------------------------------------------


def test_the_worker_keeps_a_turn_once_with_the_memories_that_were_used(memory: Memory, database: Database) -> None:
    talks = Conversations(database)
    asked = talks.say("alice", None, LIVES)
    talks.reply(asked, REPLY, "complete", {"memories": [{"id": "fact 7"}]})
    worker = Worker(talks.queue, memory)
    assert (worker.remember_next(), worker.remember_next()) == (True, False)
    [mine, reply] = kept(database)
    assert (mine["id"], mine["metadata"]["run_id"]) == (episode_id("alice", asked.id), asked.conversation_id)
    assert reply["metadata"]["used"] == ["fact 7"]
    assert reply["metadata"]["turn"] == asked.id
    assert "used" not in mine["metadata"]
