"""A turn within limits: a refusal says why, and nothing that was saved is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.conversations import Conversations
from chat.remembering.worker import FULL, Worker
from chat.reply import answer
from chat.turn import ChatServices, say
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, LimitReached
from memory.learn.extract import MAX_PART
from memory.model.client import OpenAIModel
from settings import Settings
from tests.chat.conftest import BEES, Known, Say, Sql, chats_of, run_turn
from tests.chat.test_queue import pass_time, state
from tests.model_answers import Item, Json, Request
from tests.model_server import ModelServer


def _limited(chat: ChatServices, database: Database, **wanted: int) -> ChatServices:
    return replace(chat, limits=Limits(database, Settings(**wanted)))  # type: ignore[arg-type]


def test_a_message_past_the_limit_is_refused_and_nothing_is_saved(chat: ChatServices, database: Database) -> None:
    limited = _limited(chat, database, messages_per_minute=1)
    first = say(limited, "ann", None, "Hello")
    with pytest.raises(LimitReached, match="Try again in a minute"):
        say(limited, "ann", first.conversation_id, "Hello again")
    assert [each.content for each in chat.conversations.messages("ann", first.conversation_id)] == ["Hello"]


def test_an_empty_message_uses_up_nothing(chat: ChatServices, database: Database) -> None:
    limited = _limited(chat, database, messages_per_day=1)
    with pytest.raises(InvalidInput):
        say(limited, "ann", None, " \n ")
    say(limited, "ann", None, "Hello")


def test_when_the_share_is_used_up_the_words_are_kept_and_will_be_remembered(
    chat: ChatServices, database: Database, conversations: Conversations
) -> None:
    limited = _limited(chat, database, tokens_per_day=1)
    with pytest.raises(LimitReached, match="Your message is saved"):
        list(run_turn(limited, user_id="ann", conversation_id=None, text="I keep bees"))
    [there] = chats_of(conversations).recent("ann")
    [asked] = conversations.messages("ann", there.id)
    assert asked.content == "I keep bees"
    assert conversations.queue.waiting("ann") == 1
    more = _limited(chat, database, tokens_per_day=0)
    assert "".join(answer(more, asked))


def test_a_full_memory_takes_nothing_new_says_so_and_goes_on(
    conversations: Conversations, memory: Memory, database: Database, waiting: Say, known: Known
) -> None:
    worker = Worker(conversations.queue, memory, Limits(database, Settings(memories_per_person=1)))
    waiting("I keep bees in Utrecht.")
    asked = waiting("I play the cello on Sundays.")
    while worker.remember_next():
        pass
    assert len(known()) == 1
    [kept] = [each for each in conversations.messages("ann", asked.conversation_id) if each.id == asked.id]
    assert kept.receipt["remembered"]["events"] == []
    assert {each["reason"] for each in kept.receipt["remembered"]["dropped"]} == {FULL}
    assert conversations.queue.waiting("ann") == 0


def test_who_used_up_their_share_of_remembering_waits_until_tomorrow_and_others_do_not(
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    model: OpenAIModel,
    waiting: Say,
    known: Known,
    sql: Sql,
) -> None:
    limits = Limits(database, Settings(memory_tokens_per_day=1_300))  # enough for one turn
    worker = Worker(conversations.queue, Memory(database, embedder, limits.metered(model)), limits)
    waiting()
    second = waiting("I play the cello on Sundays.")
    waiting("I have a dog.", "bob")
    while worker.remember_next():
        pass
    assert (known("ann"), known("bob")) == ([BEES], ["I have a dog."])
    mark, attempts, rest = state(sql, second)
    assert (mark, attempts) == ("waiting", 0)
    assert 80_000 < rest <= 86_400
    assert "limit for remembering" in (conversations.queue.stuck("ann").problem or "")
    sql("update app.counts set ends_at = now()")
    pass_time(sql, 86_400)
    assert worker.remember_next()
    assert known("ann") == [BEES, "I play the cello on Sundays."]


def test_people_are_served_in_turn_however_much_one_of_them_says(
    worker: Worker, waiting: Say, model_server: ModelServer
) -> None:
    for number in range(4):
        waiting(f"I own a boat called Boat{number}.")
    waiting("I have a dog.", "bob")
    waiting("I have a cat.", "cid")
    while worker.remember_next():
        pass
    told = [next(word for word in ("Boat", "dog", "cat") if word in each.said("user")) for each in model_server.chats]
    assert told == ["Boat", "dog", "cat", "Boat", "Boat", "Boat"]


def test_a_very_long_message_is_read_in_parts_and_nothing_of_it_is_left_out(
    worker: Worker, conversations: Conversations, known: Known, model_server: ModelServer
) -> None:
    padding = "The weather was grey again, and there was nothing to report. " * 600
    words = f"I keep bees in Utrecht. {padding[:31_900]}. I play the cello."
    asked = conversations.say("ann", None, words)
    conversations.reply(asked, "I see.", "complete", {})

    def read(request: Request) -> Item:
        asked_now = request.said("user")
        found = [each for each in ("I keep bees in Utrecht.", "I play the cello.") if each in asked_now]
        return Json({"operations": [addition(each) for each in found]})

    model_server.unscripted = read
    assert worker.remember_next()
    assert len(model_server.chats) == 6
    assert max(len(each.said("user")) for each in model_server.chats) < MAX_PART + 1_500
    assert known() == ["I keep bees in Utrecht.", "I play the cello."]


def test_a_message_that_takes_more_than_the_share_of_a_day_is_read_to_its_end_once(
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    model: OpenAIModel,
    model_server: ModelServer,
    waiting: Say,
    sql: Sql,
) -> None:
    limits = Limits(database, Settings(memory_tokens_per_day=5_000))  # enough for two of six parts
    worker = Worker(conversations.queue, Memory(database, embedder, limits.metered(model)), limits)
    asked = waiting("The weather was grey again, and there was nothing to report. " * 520)
    later = waiting("I play the cello on Sundays.")
    assert worker.remember_next()
    assert state(sql, asked)[0] == "done"
    assert len(model_server.chats) == 6
    assert worker.remember_next()
    assert state(sql, later)[:2] == ("waiting", 0)
    assert "limit for remembering" in (conversations.queue.stuck("ann").problem or "")
    assert len(model_server.chats) == 6


def test_a_turn_that_no_share_is_large_enough_for_is_given_up_without_a_call(
    conversations: Conversations,
    database: Database,
    embedder: BundledEmbedder,
    model: OpenAIModel,
    model_server: ModelServer,
    waiting: Say,
    sql: Sql,
) -> None:
    limits = Limits(database, Settings(memory_tokens_per_day=100))
    worker = Worker(conversations.queue, Memory(database, embedder, limits.metered(model)), limits)
    asked = waiting()
    for _ in range(6):
        assert worker.remember_next()
        pass_time(sql, 4_000)
    assert state(sql, asked)[0] == "given up"
    assert "more than a day's limit" in (conversations.queue.stuck("ann").problem or "")
    assert model_server.chats == []


def addition(words: str) -> dict[str, Any]:
    """Return what a model answers to add a statement."""
    return {"action": "add", "target": None, "text": words, "kind": "fact", "quote": words.rstrip(".")} | {
        "happened_at": None, "language": "en", "reason": "", "entities": [], "relations": []
    }  # fmt: skip
