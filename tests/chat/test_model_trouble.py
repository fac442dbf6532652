"""Whatever goes wrong with the model: an error sentence, a partial reply that is saved, and another try."""

from __future__ import annotations

from contextlib import closing

import pytest

from chat.reply import answer
from chat.turn import ChatServices, say
from memory.errors import ModelError
from tests.model_answers import Cut, CutOff, Fault, HangUp, Item, Raw, Reply, WebPage
from tests.model_server import ModelServer

NOTHING_CAME = [Fault(429, retry_after=5), Fault(401), Fault(500), HangUp(), WebPage(), Raw("{}")]


def _answered(chat: ChatServices, said: str = "Tell me of the sea") -> tuple[str, str]:
    """Take a turn that goes wrong; return the error sentence and the chat."""
    asked = say(chat, "ann", None, said)
    with pytest.raises(ModelError) as raised, closing(answer(chat, asked)) as pieces:
        list(pieces)
    return str(raised.value), asked.conversation_id


def _contents(chat: ChatServices, conversation_id: str) -> list[tuple[str, str]]:
    thread = chat.conversations.threads.open("ann", conversation_id)
    return [(each.content, each.status) for each in thread.messages]


@pytest.mark.parametrize("wrong", NOTHING_CAME, ids=lambda each: type(each).__name__)
def test_without_a_reply_the_words_stay_and_another_try_answers_them(
    chat: ChatServices, model_server: ModelServer, wrong: Item
) -> None:
    model_server.enqueue(wrong, Reply("The sea is deep."))
    problem, chat_id = _answered(chat)
    assert problem.endswith((".", "again"))
    assert _contents(chat, chat_id) == [("Tell me of the sea", "complete")]
    asked = chat.conversations.threads.open("ann", chat_id).messages[0]
    list(answer(chat, asked))
    assert _contents(chat, chat_id)[1:] == [("The sea is deep.", "complete")]


@pytest.mark.parametrize("how", ["reset", "close", "tidy"])
def test_a_reply_that_broke_off_stays_as_a_version_beside_the_complete_one(
    chat: ChatServices, model_server: ModelServer, how: str
) -> None:
    model_server.enqueue(Cut(after_pieces=2, how=how), Reply("The sea is deep."))
    _, chat_id = _answered(chat)
    [asked, broken] = chat.conversations.threads.open("ann", chat_id).messages
    assert (broken.content, broken.status) == ("piece 0 piece 1 ", "failed")
    list(answer(chat, asked))
    thread = chat.conversations.threads.open("ann", chat_id)
    assert [each.content for each in thread.messages] == ["Tell me of the sea", "The sea is deep."]
    assert [each.id for each in thread.before(thread.messages[1])] == [broken.id]


def test_a_reply_that_reached_its_length_says_so(chat: ChatServices, model_server: ModelServer) -> None:
    model_server.enqueue(CutOff("The sea is"))
    asked = say(chat, "ann", None, "Tell me of the sea")
    list(answer(chat, asked))
    [_, reply] = chat.conversations.threads.open("ann", asked.conversation_id).messages
    assert (reply.status, reply.receipt["cut_off"]) == ("complete", True)
