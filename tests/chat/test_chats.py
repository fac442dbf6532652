"""The list of chats: its order, names, and what happens to a deleted chat and its messages."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from chat.chats import MAX_NAME, Chats
from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.tree import Message
from memory import RECIPES, Memory, Said
from memory.database import Database
from memory.errors import InvalidInput, NotFound
from tests.chat.conftest import BEES, Known, Say, Sql
from tests.model_answers import PATIENCE

NOWHERE = "5a1c9a9e-3d0f-4a53-9d52-1c6a0f5d8e11"  # an id that no chat has
NO_CHATS = ["", "x", "1", "' or true --", "\x00", NOWHERE + "x", NOWHERE]
PLAIN = "The umbrella is behind the blue door."


def _titles(chats: Chats, user_id: str = "ann") -> list[str]:
    return [each.title for each in chats.recent(user_id)]


@pytest.fixture
def remembered(conversations: Conversations, memory: Memory) -> Say:
    """Say several things, and have each turn remembered."""

    def say(content: str = PLAIN, chat_id: str | None = None, user_id: str = "ann") -> Message:
        asked = conversations.say(user_id, chat_id, content)
        conversations.reply(asked, f"I see: {content}", "complete", {})
        assert Worker(conversations.queue, memory).remember_next()
        return asked

    return say


def _recalled(memory: Memory, user_id: str = "ann") -> list[str]:
    everything = replace(RECIPES["everything"], share=0.0)  # also what answers worse than another message
    found = memory.recall("Where is the umbrella?", user_id=user_id, recipe=everything)
    return [each.text for each in found if each.source == "episodes"]


# -- the list ------------------------------------------------------------------------------------


def test_pinned_chats_stand_first_and_archived_ones_apart(conversations: Conversations, chats: Chats) -> None:
    first, second, third = (conversations.say("ann", None, each).conversation_id for each in ("1st", "2nd", "3rd"))
    chats.pin("ann", first)
    assert _titles(chats) == ["1st", "3rd", "2nd"]
    assert [each.pinned for each in chats.recent("ann")] == [True, False, False]
    chats.archive("ann", second)
    chats.archive("ann", third)
    assert _titles(chats) == ["1st"]
    assert [each.title for each in chats.archived("ann")] == ["3rd", "2nd"]
    chats.archive("ann", second, archived=False)
    chats.pin("ann", first, pinned=False)
    assert _titles(chats) == ["2nd", "1st"]


def test_a_temporary_chat_is_in_no_list_and_is_not_found(conversations: Conversations, chats: Chats, sql: Sql) -> None:
    conversations.say("ann", None, PLAIN)
    sql("update app.conversations set temporary = true")
    assert (chats.recent("ann"), chats.archived("ann"), chats.deleted("ann")) == ([], [], [])
    assert chats.search("ann", "umbrella") == []


def test_a_name_that_the_person_gave_stays(conversations: Conversations, chats: Chats) -> None:
    asked = conversations.say("ann", None, "First words")
    assert chats.rename("ann", asked.conversation_id, "  Bees\nand\thoney \u202e") == "Bees and honey"
    chats.name("ann", asked.conversation_id, "What the model thinks")
    conversations.say("ann", asked.conversation_id, "More words")
    assert _titles(chats) == ["Bees and honey"]


@pytest.mark.parametrize("name", ["", " \n ", "x" * (MAX_NAME + 1), "\u202e", None, 5], ids=repr)
def test_an_invalid_name_is_refused_and_the_old_one_stays(
    name: str, conversations: Conversations, chats: Chats
) -> None:
    asked = conversations.say("ann", None, "First words")
    with pytest.raises(InvalidInput):
        chats.rename("ann", asked.conversation_id, name)
    assert _titles(chats) == ["First words"]


def test_a_name_keeps_every_script_and_loses_what_cannot_be_stored(conversations: Conversations, chats: Chats) -> None:
    asked = conversations.say("ann", None, "First words")
    assert chats.rename("ann", asked.conversation_id, "نحل \x00\ud800 蜂蜜 می‌خواهم") == "نحل \ufffd? 蜂蜜 می‌خواهم"


@pytest.mark.parametrize("chat_id", NO_CHATS, ids=repr)
def test_nothing_can_be_done_to_a_chat_that_does_not_exist(chat_id: str, chats: Chats) -> None:
    deeds = (chats.pin, chats.archive, chats.delete, chats.restore, chats.erase)
    for deed in deeds:
        with pytest.raises(NotFound):
            deed("ann", chat_id)
    with pytest.raises(NotFound):
        chats.rename("ann", chat_id, "Mine")


# -- deleted and restored -------------------------------------------------------------------


def test_a_deleted_chat_is_gone_everywhere_and_restored_as_it_was(conversations: Conversations, chats: Chats) -> None:
    asked = conversations.say("ann", None, PLAIN)
    chats.rename("ann", asked.conversation_id, "Umbrella")
    chats.delete("ann", asked.conversation_id)
    assert _titles(chats) == []
    assert conversations.messages("ann", asked.conversation_id) == []
    assert chats.search("ann", "umbrella") == []
    assert [each.title for each in chats.deleted("ann")] == ["Umbrella"]
    with pytest.raises(NotFound):
        conversations.say("ann", asked.conversation_id, "Still there?")
    with pytest.raises(NotFound):
        chats.delete("ann", asked.conversation_id)
    chats.restore("ann", asked.conversation_id)
    assert _titles(chats) == ["Umbrella"]
    assert [each.content for each in conversations.messages("ann", asked.conversation_id)] == [PLAIN]
    with pytest.raises(NotFound):
        chats.restore("ann", asked.conversation_id)


def test_a_reply_that_was_being_written_is_saved_in_a_deleted_chat(conversations: Conversations, chats: Chats) -> None:
    asked = conversations.say("ann", None, PLAIN)
    chats.delete("ann", asked.conversation_id)
    conversations.reply(asked, "It is there.", "complete", {})
    chats.restore("ann", asked.conversation_id)
    assert len(conversations.messages("ann", asked.conversation_id)) == 2


def test_turns_of_a_deleted_chat_are_not_remembered_until_it_is_restored(
    waiting: Say, conversations: Conversations, chats: Chats, memory: Memory, known: Known
) -> None:
    worker = Worker(conversations.queue, memory)
    gone = waiting(BEES)
    chats.delete("ann", gone.conversation_id)
    waiting("My sister lives in Rome.")
    assert conversations.queue.waiting("ann") == 1
    assert worker.remember_next()
    assert not worker.remember_next()
    assert not any("bees" in each for each in known())
    chats.restore("ann", gone.conversation_id)
    assert worker.remember_next()
    assert any("bees" in each for each in known())


def test_what_was_said_in_a_deleted_chat_is_not_recalled_until_it_is_restored(
    remembered: Say, chats: Chats, memory: Memory, sql: Sql
) -> None:
    asked = remembered()
    other = remembered("My other umbrella is red.")
    assert len(_recalled(memory)) == 4
    chats.delete("ann", asked.conversation_id)
    assert all("red" in each for each in _recalled(memory))
    assert len(_recalled(memory)) == 2
    chats.restore("ann", asked.conversation_id)
    assert len(_recalled(memory)) == 4
    chats.delete("ann", asked.conversation_id)
    chats.erase("ann", asked.conversation_id)
    assert sql("select distinct metadata ->> 'run_id' from vecs.episodes") == [(other.conversation_id,)]
    assert sql("select count(*) from app.message_words") == [(2,)]


def test_what_was_learned_from_a_deleted_chat_stays(remembered: Say, chats: Chats, known: Known) -> None:
    asked = remembered(BEES)
    chats.delete("ann", asked.conversation_id)
    chats.erase("ann", asked.conversation_id)
    assert any("bees" in each for each in known())


def test_what_a_deleted_memory_hides_stays_hidden_when_the_chat_is_restored(
    remembered: Say, chats: Chats, memory: Memory, sql: Sql
) -> None:
    asked = remembered(BEES)
    [fact] = memory.get_all(user_id="ann")["results"]
    memory.delete(fact["id"], user_id="ann")
    chats.delete("ann", asked.conversation_id)
    chats.restore("ann", asked.conversation_id)
    assert sql("select bool_and(hidden) from vecs.episodes") == [(True,)]


def test_restoring_a_memory_restores_no_words_of_a_deleted_chat(
    remembered: Say, chats: Chats, memory: Memory, sql: Sql
) -> None:
    asked = remembered(BEES)
    [fact] = memory.get_all(user_id="ann")["results"]
    memory.delete(fact["id"], user_id="ann")
    chats.delete("ann", asked.conversation_id)
    memory.undo(memory.history(fact["id"], user_id="ann")[-1]["id"], user_id="ann")
    assert sql("select bool_and(hidden) from vecs.episodes") == [(True,)]
    chats.restore("ann", asked.conversation_id)
    assert sql("select bool_or(hidden) from vecs.episodes") == [(False,)]


def test_a_chat_that_is_deleted_while_it_is_being_remembered_leaves_nothing_to_recall(
    waiting: Say, conversations: Conversations, chats: Chats, memory: Memory, sql: Sql
) -> None:
    asked = waiting(PLAIN)
    turn = conversations.queue.claim()
    assert turn is not None
    words = Said("user", turn.message.content, message_id=turn.message.id, run_id=asked.conversation_id)
    plan = memory.turns.plan([words], user_id="ann")
    with conversations.queue.writing(turn) as connection:
        memory.turns.write(connection, plan)
        deleting = threading.Thread(target=chats.delete, args=("ann", asked.conversation_id))
        deleting.start()
        deleting.join(0.3)  # it waits for what is being written, or is done
    deleting.join(PATIENCE)
    assert not deleting.is_alive()
    assert sql("select count(*) > 0, bool_and(hidden) from vecs.episodes") == [(True, True)]


def test_conversations_of_a_library_user_are_no_chats_and_stay(memory: Memory, sql: Sql) -> None:
    for talk in ("monday", str(uuid4()), "0" * 36):
        memory.add("I keep bees", user_id="ann", run_id=talk)
    assert sql("select bool_or(hidden) from vecs.episodes") == [(False,)]


def test_all_chats_are_erased_at_once(remembered: Say, chats: Chats, database: Database, sql: Sql) -> None:
    for _ in range(3):
        remembered()
    remembered(user_id="bob")
    with database.as_user("ann") as connection:
        assert chats.erase_all(connection) == 3
    assert sql("select distinct metadata ->> 'user_id' from vecs.episodes") == [("bob",)]
    assert sql("select distinct user_id from app.message_words") == [("bob",)]


def test_chats_of_long_ago_are_listed_in_their_order(conversations: Conversations, chats: Chats, sql: Sql) -> None:
    for number in range(3):
        asked = conversations.say("ann", None, f"Talk {number}")
        sql("update app.conversations set updated_at = %s where id = %s::uuid",
            asked.created_at - timedelta(days=number * 40), asked.conversation_id)  # fmt: skip
    assert _titles(chats) == ["Talk 0", "Talk 1", "Talk 2"]
