"""Several replies to one message: which is shown, which the model is told, and what a reply can do without."""

from __future__ import annotations

from contextlib import closing

import pytest

from chat.branches import earlier, shown
from chat.conversations import Message
from chat.turn import Chat, answer
from chat.worker import Worker
from errors import ModelError
from memory import Memory
from tests.model_answers import Fault, Reply
from tests.model_server import ModelServer

BEES = "I keep bees in Utrecht."


def _ask(chat: Chat, words: str, conversation_id: str | None = None) -> Message:
    asked = chat.conversations.say("ann", conversation_id, words)
    _answer(chat, asked)
    return asked


def _answer(chat: Chat, asked: Message, without: tuple[str, ...] = ()) -> None:
    with closing(answer(chat, asked, without=without)) as pieces:
        list(pieces)


def _all(chat: Chat, asked: Message) -> list[Message]:
    return chat.conversations.messages("ann", asked.conversation_id)


def test_the_newest_reply_is_shown_where_the_first_stood(chat: Chat, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("First."), Reply("Onwards."), Reply("Second."))
    asked = _ask(chat, "Hello there")
    _ask(chat, "And then?", asked.conversation_id)
    _answer(chat, asked)
    messages = _all(chat, asked)
    assert [each.content for each in shown(messages)] == ["Hello there", "Second.", "And then?", "Onwards."]
    assert [each.content for each in earlier(shown(messages)[1], messages)] == ["First."]
    assert len(messages) == 5


def test_the_model_is_told_only_the_replies_that_are_shown(chat: Chat, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("A dull answer."), Reply("A bright answer."), Reply("Yes."))
    asked = _ask(chat, "Hello there")
    _answer(chat, asked)
    assert "A dull answer." not in str(model_server.chats[-1].body)
    _ask(chat, "Is it so?", asked.conversation_id)
    told = str(model_server.chats[-1].body)
    assert "A bright answer." in told
    assert "A dull answer." not in told


def test_a_reply_does_without_a_memory_and_the_words_it_was_told_in(
    chat: Chat, worker: Worker, memory: Memory, model_server: ModelServer
) -> None:
    _ask(chat, BEES)
    assert worker.remember_next()
    [known] = memory.get_all(user_id="ann")["results"]
    asked = _ask(chat, "Where do I keep my bees?")
    assert "Utrecht" in str(model_server.chats[-1].body)
    _answer(chat, asked, without=(known["id"],))
    assert "Utrecht" not in str(model_server.chats[-1].body)
    last = _all(chat, asked)[-1]
    assert last.receipt["without"] == [known["id"]]
    assert last.receipt["memories"] == []
    assert memory.get(known["id"], user_id="ann")


def test_a_second_answer_is_not_told_the_first_from_memory(
    chat: Chat, worker: Worker, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Your bees fly over Zanzibar."))
    asked = _ask(chat, BEES)
    assert worker.remember_next()
    _answer(chat, asked)
    assert "Zanzibar" not in str(model_server.chats[-1].body)


def test_a_second_answer_that_fails_leaves_the_first(chat: Chat, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("First."), Fault(401))
    asked = _ask(chat, "Hello there")
    with pytest.raises(ModelError):
        _answer(chat, asked)
    assert [each.content for each in shown(_all(chat, asked))] == ["Hello there", "First."]


def test_one_message_is_read_as_it_stands_now_and_nobody_elses(chat: Chat, worker: Worker) -> None:
    asked = _ask(chat, BEES)
    found = chat.conversations.message("ann", asked.id)
    assert found is not None
    assert found.remembering == "waiting"
    assert worker.remember_next()
    found = chat.conversations.message("ann", asked.id)
    assert found is not None
    assert found.remembering == "done"
    assert found.receipt["remembered"]["events"][0]["memory"] == BEES
    assert chat.conversations.message("bob", asked.id) is None
