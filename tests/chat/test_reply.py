"""Replies in threads: followed from several tabs, stopped, failed, and saved when the process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chat.conversations import Conversations
from chat.reply import REPLIES_AT_ONCE, Replies, ReplyTask
from chat.tree import Message
from chat.turn import ChatServices, say
from memory import Memory
from memory.errors import AppError, ModelError, NotFound
from memory.model.client import OpenAIModel
from tests.chat.conftest import until
from tests.model_answers import PATIENCE, Cut, Fault, Gate, Reply, Slow, Stall
from tests.model_server import ModelServer


@pytest.fixture
def replies(chat: ChatServices) -> Iterator[Replies]:
    with closing(Replies(chat)) as running:
        yield running


def _said(chat: ChatServices, words: str = "Tell me of Delft", user_id: str = "ann") -> Message:
    return say(chat, user_id, None, words)


def _begun(replies: Replies, asked: Message) -> ReplyTask:
    replies.begin(asked)
    task = replies.task_for(asked.user_id, asked.conversation_id)
    assert task is not None
    return task


def _replies(chat: ChatServices, asked: Message) -> list[tuple[str, str]]:
    messages = chat.conversations.messages(asked.user_id, asked.conversation_id)
    return [(each.content, each.status) for each in messages if each.role == "assistant"]


def _first_words(watched: Iterator[str]) -> str:
    """Return the first words, as soon as there are any."""
    return next(piece for piece in watched if piece)


def _wait_for_threads() -> None:
    until(lambda: not [each for each in threading.enumerate() if each.name == "keepsake-reply"])


def _over(replies: Replies, asked: Message) -> None:
    until(lambda: replies.task_for(asked.user_id, asked.conversation_id) is None)


def test_a_reply_nobody_watches_is_written_and_saved(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Delft has canals."))
    asked = _said(chat)
    replies.begin(asked)
    _over(replies, asked)
    assert _replies(chat, asked) == [("Delft has canals.", "complete")]


def test_a_late_follower_gets_the_text_so_far_and_then_the_rest(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two, ", "three"], gate))
    task = _begun(replies, asked := _said(chat))
    gate.let(2)
    first = task.follow()
    early = _first_words(first)
    late = task.follow()
    assert early.startswith("One, ")
    gate.open()
    assert early + "".join(first) == "".join(late) == "One, two, three"
    assert _replies(chat, asked) == [("One, two, three", "complete")]


def test_a_quick_reply_is_passed_on_ten_times_a_second_at_most(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    words = [f"word{number} " for number in range(300)]
    model_server.enqueue(Slow(words, gate := Gate()))
    task = _begun(replies, _said(chat))
    gate.open()
    began = time.monotonic()
    pieces = [each for each in task.follow() if each]
    assert "".join(pieces) == "".join(words)
    assert len(pieces) <= 2 + (time.monotonic() - began) / 0.1  # the first one and the end need not wait


def test_leaving_does_not_stop_the_reply(chat: ChatServices, replies: Replies, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate))
    task = _begun(replies, asked := _said(chat))
    gate.let(1)
    watched = task.follow()
    _first_words(watched)
    watched.close()  # type: ignore[attr-defined]
    gate.open()
    _over(replies, asked)
    assert _replies(chat, asked) == [("One, two", "complete")]


def test_a_follower_can_do_something_else_while_the_model_says_nothing(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["late"], gate))
    task = _begun(replies, _said(chat))
    assert next(task.follow(patience=0.01)) == ""
    gate.open()
    assert "".join(task.follow()) == "late"


def test_a_stop_saves_the_text_so_far_although_the_model_is_silent(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two, ", "three"], gate))
    task = _begun(replies, asked := _said(chat))
    gate.let(2)
    seen = ""
    for piece in task.follow():
        seen += piece
        if seen == "One, two, ":
            replies.stop("ann", asked.conversation_id)
    assert _replies(chat, asked) == [("One, two, ", "stopped")]
    assert replies.task_for("ann", asked.conversation_id) is None
    gate.open()  # what comes now comes too late
    _wait_for_threads()
    assert _replies(chat, asked) == [("One, two, ", "stopped")]
    assert replies.problem_with("ann", asked.id) is None


def test_a_message_stopped_before_the_first_word_of_its_reply_can_be_answered_again(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["late"], gate), Reply("Now."))
    asked = _said(chat, "I keep bees in Utrecht")
    replies.begin(asked)
    model_server.wait_for_chats(1)
    replies.stop("ann", asked.conversation_id)
    assert _replies(chat, asked) == []
    assert [each.remembering for each in chat.conversations.messages("ann", asked.conversation_id)] == ["waiting"]
    again = _begun(replies, asked)
    assert "".join(again.follow()) == "Now."
    gate.open()
    _wait_for_threads()
    assert _replies(chat, asked) == [("Now.", "complete")]


@pytest.mark.parametrize("trouble", [Fault(401), Cut(after_pieces=2)], ids=["refused", "cut"])
def test_an_error_is_reported_to_followers_and_to_later_callers(
    trouble: Any, chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(lambda _: (gate.wait(), trouble)[1], Reply("Better now."))
    task = _begun(replies, asked := _said(chat))
    gate.open()
    with pytest.raises(ModelError) as raised:
        list(task.follow())
    assert replies.problem_with("ann", asked.id) == str(raised.value)
    assert replies.problem_with("bob", asked.id) is None
    replies.begin(asked)
    assert replies.problem_with("ann", asked.id) is None
    _over(replies, asked)
    assert _replies(chat, asked)[-1] == ("Better now.", "complete")


def test_a_message_is_answered_once_however_often_it_is_asked_for_meanwhile(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One"], gate))
    task = _begun(replies, asked := _said(chat))
    assert _begun(replies, asked) is task
    gate.open()
    _over(replies, asked)
    assert len(model_server.chats) == 1


def test_replies_of_one_person_at_a_time_are_limited_and_nobody_else_waits(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(*[Slow(["One"], gate) for _ in range(REPLIES_AT_ONCE)])
    for number in range(REPLIES_AT_ONCE):
        replies.begin(_said(chat, f"Question {number}"))
    model_server.wait_for_chats(REPLIES_AT_ONCE)
    over = _said(chat, "One too many")
    replies.begin(over)
    assert replies.task_for("ann", over.conversation_id) is None
    assert "already" in str(replies.problem_with("ann", over.id))
    bobs = _said(chat, "And me?", "bob")
    replies.begin(bobs)
    _over(replies, bobs)
    assert len(_replies(chat, bobs)) == 1
    gate.open()
    _wait_for_threads()
    replies.begin(over)
    _over(replies, over)
    assert len(_replies(chat, over)) == 1


def test_nobody_can_follow_or_stop_another_persons_reply(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["Between us"], gate))
    asked = _said(chat)
    replies.begin(asked)
    assert replies.task_for("bob", asked.conversation_id) is None
    replies.stop("bob", asked.conversation_id)
    replies.stop_all("bob")
    gate.open()
    _over(replies, asked)
    assert _replies(chat, asked) == [("Between us", "complete")]


def test_all_replies_to_one_person_can_be_stopped_at_once(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gates = Gate(), Gate()
    model_server.enqueue(*[Slow(["One, ", "two"], gate) for gate in gates])
    several = [_said(chat, f"Question {number}") for number in range(2)]
    for asked, gate in zip(several, gates, strict=True):
        task = _begun(replies, asked)
        gate.let(1)
        _first_words(task.follow())
    replies.stop_all("ann")
    assert [_replies(chat, each) for each in several] == [[("One, ", "stopped")]] * 2
    for gate in gates:
        gate.open()


def test_closing_saves_every_reply_as_far_as_it_is_written(chat: ChatServices, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate))
    replies = Replies(chat)
    task = _begun(replies, asked := _said(chat))
    gate.let(1)
    _first_words(task.follow())
    replies.close(patience=0.1)
    assert _replies(chat, asked) == [("One, ", "stopped")]
    gate.open()


def test_a_reply_to_a_chat_that_is_erased_meanwhile_is_not_saved(
    chat: ChatServices, replies: Replies, model_server: ModelServer, chats: Any
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One"], gate))
    task = _begun(replies, asked := _said(chat))
    chats.erase("ann", asked.conversation_id)
    gate.open()
    with pytest.raises(NotFound):
        list(task.follow())
    assert chat.conversations.messages("ann", asked.conversation_id) == []


def test_a_bug_ends_the_reply_with_a_sentence_and_the_next_one_can_begin(
    chat: ChatServices, replies: Replies, bugs: list[BaseException | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    met = threading.Event()

    def broken(*_: object, **__: object) -> Any:
        met.wait(PATIENCE)
        raise ZeroDivisionError

    monkeypatch.setattr("chat.reply.answer", broken)
    task = _begun(replies, asked := _said(chat))
    met.set()
    with pytest.raises(AppError, match="unexpected"):
        list(task.follow())
    assert "unexpected" in str(replies.problem_with("ann", asked.id))
    until(lambda: [type(each) for each in bugs] == [ZeroDivisionError])


def test_a_stop_ends_following_although_the_model_says_nothing(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    model_server.enqueue(Stall())
    task = _begun(replies, asked := _said(chat))
    replies.stop("ann", asked.conversation_id)
    assert "".join(task.follow()) == ""


def test_another_message_stops_the_reply_in_its_chat_and_the_next_reply_sees_it(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate), Reply("Three."))
    task = _begun(replies, asked := _said(chat, "Count"))
    gate.let(1)
    _first_words(task.follow())
    more = say(chat, "ann", asked.conversation_id, "Start with three", seen=asked.id)
    replies.begin(more)
    _over(replies, more)
    gate.open()
    drawn = chat.conversations.threads.open("ann", asked.conversation_id).messages
    assert [each.content for each in drawn] == ["Count", "One, ", "Start with three", "Three."]
    asked_last = model_server.chats[-1].body["messages"]
    assert [each["content"] for each in asked_last if each["role"] == "assistant"] == ["One, "]


def test_after_a_stop_the_model_gets_no_further_request(
    conversations: Conversations, memory: Memory, model_server: ModelServer
) -> None:
    silent = Stall()  # until it hangs up, upon which a client tries again
    model_server.enqueue(silent)
    patient = OpenAIModel("scripted", "sk-test", model_server.base_url, retries=2)
    with closing(Replies(ChatServices(conversations, memory, patient, lambda: None))) as replies:
        asked = conversations.say("ann", None, "Tell me of Delft")
        replies.begin(asked)
        model_server.wait_for_chats(1)
        replies.stop("ann", asked.conversation_id)
        silent.gate.open()
        _wait_for_threads()
    assert len(model_server.chats) == 1


def test_no_reply_is_begun_once_the_replies_are_closed(replies: Replies, chat: ChatServices) -> None:
    replies.close()
    asked = _said(chat)
    replies.begin(asked)
    assert replies.task_for("ann", asked.conversation_id) is None
    assert "just being restarted" in (replies.problem_with("ann", asked.id) or "")
