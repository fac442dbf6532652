"""A second look in a reply that is stopped, goes on, or is written again, by another model too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from chat.reply import AnswerOptions, Replies, answer
from chat.tree import Message
from chat.turn import ChatServices, say
from tests.chat.conftest import until
from tests.chat.test_second_look import QUESTION, ask, chat, known, looked
from tests.model_answers import Fault, Gate, Reply, Slow, Stall
from tests.model_server import ModelServer

__all__ = ["chat", "known"]


@pytest.fixture
def replies(chat: ChatServices) -> Iterator[Replies]:
    with closing(Replies(chat)) as running:
        yield running


def _over(replies: Replies, asked: Message) -> None:
    until(lambda: replies.task_for(asked.user_id, asked.conversation_id) is None)


def test_a_stop_during_a_search_saves_what_was_said_and_asks_the_model_no_more(
    chat: ChatServices, replies: Replies, known: list[str], model_server: ModelServer
) -> None:
    silent = Stall(then=Reply("Too late."))
    model_server.enqueue(looked(before="Let me look."), silent)
    asked = say(chat, "ann", None, QUESTION)
    replies.begin(asked)
    model_server.wait_for_chats(2)
    replies.stop("ann", asked.conversation_id)
    [_, reply] = chat.conversations.messages("ann", asked.conversation_id)
    assert (reply.content, reply.status) == ("Let me look.", "stopped")
    assert reply.receipt["looked_again"]
    silent.gate.open()
    assert len(model_server.chats) == 2
    assert replies.problem_with("ann", asked.id) is None


def test_the_reply_is_shown_as_it_is_written_before_and_after_a_search(
    chat: ChatServices, replies: Replies, known: list[str], model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(looked(before="Let me look."), Slow(["He lives ", "in Maastricht."], gate))
    asked = say(chat, "ann", None, QUESTION)
    replies.begin(asked)
    task = replies.task_for("ann", asked.conversation_id)
    assert task is not None
    gate.let()
    until(lambda: task.written == "Let me look.\n\nHe lives ")
    gate.open()
    _over(replies, asked)
    [_, reply] = chat.conversations.messages("ann", asked.conversation_id)
    assert reply.content == "Let me look.\n\nHe lives in Maastricht."


def test_a_reply_that_goes_on_may_search_and_its_receipt_tells_both_parts(
    chat: ChatServices, replies: Replies, known: list[str], model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(looked('{"query": "parrot"}'), Slow(["He lives in ", "never said"], gate))
    asked = say(chat, "ann", None, QUESTION)
    replies.begin(asked)
    task = replies.task_for("ann", asked.conversation_id)
    assert task is not None
    gate.let()
    until(lambda: task.written == "He lives in ")
    replies.stop("ann", asked.conversation_id)
    gate.open()
    [_, part] = chat.conversations.messages("ann", asked.conversation_id)
    model_server.enqueue(looked(), Reply("in Maastricht."))
    replies.begin(asked, earlier=part)
    _over(replies, asked)
    [_, whole] = chat.conversations.messages("ann", asked.conversation_id)
    assert (whole.content, whole.status) == ("He lives in Maastricht.", "complete")
    assert [each["query"] for each in whole.receipt["looked_again"]] == ["parrot", "where Tom lives"]


def test_an_answer_that_is_asked_for_again_may_search_again(
    chat: ChatServices, known: list[str], model_server: ModelServer
) -> None:
    model_server.enqueue(looked(), Reply("One."), looked(), Reply("Two."))
    asked = say(chat, "ann", None, QUESTION)
    assert ["".join(answer(chat, asked)) for _ in range(2)] == ["One.", "Two."]
    versions = [each for each in chat.conversations.messages("ann", asked.conversation_id) if each.role == "assistant"]
    assert [len(each.receipt["looked_again"]) for each in versions] == [1, 1]


def test_a_chosen_model_that_is_gone_is_replaced_by_the_default_one_which_may_search(
    chat: ChatServices, known: list[str], model_server: ModelServer
) -> None:
    model_server.models = ["large", "scripted"]
    model_server.enqueue(Fault(404), looked(), Reply("In Maastricht."))
    reply = ask(chat, options=AnswerOptions(model="large"))
    assert reply.content == "In Maastricht."
    assert reply.receipt["not_offered"] == "large"
