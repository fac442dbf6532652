"""A turn within limits: a refusal says why, and nothing that was saved is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chat.conversations import Conversations
from chat.queue import FULL, Worker
from chat.reply import answer
from chat.turn import ChatServices, say
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.errors import InvalidInput, LimitReached
from settings import Settings
from tests.chat.conftest import Known, Say, chats_of, run_turn


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
    with pytest.raises(LimitReached, match="your words are kept"):
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
