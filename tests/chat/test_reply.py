"""Replies that are written whether anybody watches or not: followed from several places, stopped, failed, ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chat.conversations import Conversations, Message
from chat.reply import AT_ONCE, Underway, Writing
from chat.turn import Chat, say
from memory import Memory
from memory.errors import AppError, ModelError, NotFound
from memory.model import OpenAIModel
from tests.chat.conftest import until
from tests.model_answers import Cut, Fault, Gate, Reply, Slow, Stall
from tests.model_server import ModelServer


@pytest.fixture
def underway(chat: Chat) -> Iterator[Underway]:
    with closing(Underway(chat)) as those:
        yield those


def _said(chat: Chat, words: str = "Tell me of Delft", user_id: str = "ann") -> Message:
    return say(chat, user_id, None, words)


def _begun(underway: Underway, asked: Message) -> Writing:
    underway.begin(asked)
    writing = underway.of(asked.user_id, asked.conversation_id)
    assert writing is not None
    return writing


def _replies(chat: Chat, asked: Message) -> list[tuple[str, str]]:
    messages = chat.conversations.messages(asked.user_id, asked.conversation_id)
    return [(each.content, each.status) for each in messages if each.role == "assistant"]


def _first_words(watched: Iterator[str]) -> str:
    """Wait until there are some."""
    return next(piece for piece in watched if piece)


def _over(underway: Underway, asked: Message) -> None:
    until(lambda: underway.of(asked.user_id, asked.conversation_id) is None)


def test_a_reply_nobody_watches_is_written_and_saved(chat: Chat, underway: Underway, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("Delft has canals."))
    asked = _said(chat)
    underway.begin(asked)
    _over(underway, asked)
    assert _replies(chat, asked) == [("Delft has canals.", "complete")]


def test_whoever_comes_later_is_told_all_there_is_and_then_the_rest(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two, ", "three"], gate))
    writing = _begun(underway, asked := _said(chat))
    gate.let(2)
    first = writing.follow()
    early = _first_words(first)
    late = writing.follow()
    assert early.startswith("One, ")
    gate.open()
    assert early + "".join(first) == "".join(late) == "One, two, three"
    assert _replies(chat, asked) == [("One, two, three", "complete")]


def test_whoever_leaves_ends_nothing(chat: Chat, underway: Underway, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate))
    writing = _begun(underway, asked := _said(chat))
    gate.let(1)
    watched = writing.follow()
    _first_words(watched)
    watched.close()  # type: ignore[attr-defined]
    gate.open()
    _over(underway, asked)
    assert _replies(chat, asked) == [("One, two", "complete")]


def test_who_watches_can_be_called_away_while_the_model_says_nothing(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["late"], gate))
    writing = _begun(underway, _said(chat))
    assert next(writing.follow(patience=0.01)) == ""
    gate.open()
    assert "".join(writing.follow()) == "late"


def test_a_stop_keeps_what_there_is_although_the_model_says_nothing_more(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two, ", "three"], gate))
    writing = _begun(underway, asked := _said(chat))
    gate.let(2)
    told = ""
    for piece in writing.follow():
        told += piece
        if told == "One, two, ":
            underway.stop("ann", asked.conversation_id)
    assert _replies(chat, asked) == [("One, two, ", "stopped")]
    assert underway.of("ann", asked.conversation_id) is None
    gate.open()  # what comes now comes too late
    until(lambda: not underway._threads)
    assert _replies(chat, asked) == [("One, two, ", "stopped")]
    assert underway.why_not("ann", asked.id) is None


def test_a_stop_before_the_first_word_leaves_the_message_to_be_asked_again_and_remembered(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["late"], gate), Reply("Now."))
    asked = _said(chat, "I keep bees in Utrecht")
    underway.begin(asked)
    model_server.wait_for_chats(1)
    underway.stop("ann", asked.conversation_id)
    assert _replies(chat, asked) == []
    assert [each.remembering for each in chat.conversations.messages("ann", asked.conversation_id)] == ["waiting"]
    again = _begun(underway, asked)
    assert "".join(again.follow()) == "Now."
    gate.open()
    until(lambda: not underway._threads)
    assert _replies(chat, asked) == [("Now.", "complete")]


@pytest.mark.parametrize("trouble", [Fault(401), Cut(after_pieces=2)], ids=["refused", "cut"])
def test_what_went_wrong_is_told_to_who_watches_and_to_who_comes_later(
    trouble: Any, chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(lambda _: (gate.wait(), trouble)[1], Reply("Better now."))
    writing = _begun(underway, asked := _said(chat))
    gate.open()
    with pytest.raises(ModelError) as told:
        list(writing.follow())
    assert underway.why_not("ann", asked.id) == str(told.value)
    assert underway.why_not("bob", asked.id) is None
    underway.begin(asked)
    assert underway.why_not("ann", asked.id) is None
    _over(underway, asked)
    assert _replies(chat, asked)[-1] == ("Better now.", "complete")


def test_a_message_is_answered_once_however_often_it_is_asked_for_meanwhile(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One"], gate))
    writing = _begun(underway, asked := _said(chat))
    assert _begun(underway, asked) is writing
    gate.open()
    _over(underway, asked)
    assert len(model_server.chats) == 1


def test_one_person_has_so_many_at_once_and_is_told_so_and_nobody_else_waits(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(*[Slow(["One"], gate) for _ in range(AT_ONCE)])
    for number in range(AT_ONCE):
        underway.begin(_said(chat, f"Question {number}"))
    model_server.wait_for_chats(AT_ONCE)
    over = _said(chat, "One too many")
    underway.begin(over)
    assert underway.of("ann", over.conversation_id) is None
    assert "already" in str(underway.why_not("ann", over.id))
    bobs = _said(chat, "And me?", "bob")
    underway.begin(bobs)
    _over(underway, bobs)
    assert len(_replies(chat, bobs)) == 1
    gate.open()
    until(lambda: not underway._threads)
    underway.begin(over)
    _over(underway, over)
    assert len(_replies(chat, over)) == 1


def test_nobody_follows_or_stops_what_is_written_for_somebody_else(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["Between us"], gate))
    asked = _said(chat)
    underway.begin(asked)
    assert underway.of("bob", asked.conversation_id) is None
    underway.stop("bob", asked.conversation_id)
    underway.stop_all("bob")
    gate.open()
    _over(underway, asked)
    assert _replies(chat, asked) == [("Between us", "complete")]


def test_all_that_is_written_for_one_person_ends_at_once(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gates = Gate(), Gate()
    model_server.enqueue(*[Slow(["One, ", "two"], gate) for gate in gates])
    several = [_said(chat, f"Question {number}") for number in range(2)]
    for asked, gate in zip(several, gates, strict=True):
        writing = _begun(underway, asked)
        gate.let(1)
        _first_words(writing.follow())
    underway.stop_all("ann")
    assert [_replies(chat, each) for each in several] == [[("One, ", "stopped")]] * 2
    for gate in gates:
        gate.open()


def test_when_the_house_closes_what_there_is_of_a_reply_is_kept(chat: Chat, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate))
    underway = Underway(chat)
    writing = _begun(underway, asked := _said(chat))
    gate.let(1)
    _first_words(writing.follow())
    underway.close(patience=0.1)
    assert _replies(chat, asked) == [("One, ", "stopped")]
    gate.open()


def test_a_chat_that_goes_while_its_reply_is_written_takes_the_reply_along(
    chat: Chat, underway: Underway, model_server: ModelServer, chats: Any
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One"], gate))
    writing = _begun(underway, asked := _said(chat))
    chats.delete_for_good("ann", asked.conversation_id)
    gate.open()
    with pytest.raises(NotFound):
        list(writing.follow())
    assert chat.conversations.messages("ann", asked.conversation_id) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_the_reply_with_a_sentence_and_not_for_ever(
    chat: Chat, underway: Underway, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = threading.Event()

    def broken(*_: object, **__: object) -> Any:
        met.wait(10)
        raise ZeroDivisionError

    monkeypatch.setattr("chat.reply.answer", broken)
    writing = _begun(underway, asked := _said(chat))
    met.set()
    with pytest.raises(AppError, match="unexpected"):
        list(writing.follow())
    assert "unexpected" in str(underway.why_not("ann", asked.id))


def test_a_stop_lets_go_of_who_watches_although_the_model_says_nothing(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    model_server.enqueue(Stall())
    writing = _begun(underway, asked := _said(chat))
    underway.stop("ann", asked.conversation_id)
    assert "".join(writing.follow()) == ""


def test_saying_more_ends_what_is_written_in_this_chat_and_the_next_reply_knows_of_it(
    chat: Chat, underway: Underway, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One, ", "two"], gate), Reply("Three."))
    writing = _begun(underway, asked := _said(chat, "Count"))
    gate.let(1)
    _first_words(writing.follow())
    more = say(chat, "ann", asked.conversation_id, "Start with three", seen=asked.id)
    underway.begin(more)
    _over(underway, more)
    gate.open()
    drawn = chat.conversations.threads.open("ann", asked.conversation_id).messages
    assert [each.content for each in drawn] == ["Count", "One, ", "Start with three", "Three."]
    asked_last = model_server.chats[-1].body["messages"]
    assert [each["content"] for each in asked_last if each["role"] == "assistant"] == ["One, "]


def test_after_a_stop_nothing_more_is_asked_of_the_model(
    conversations: Conversations, memory: Memory, model_server: ModelServer
) -> None:
    silent = Stall()  # until it hangs up, upon which a client tries again
    model_server.enqueue(silent)
    patient = OpenAIModel("scripted", "sk-test", model_server.base_url, retries=2)
    with closing(Underway(Chat(conversations, memory, patient, lambda: None))) as underway:
        asked = conversations.say("ann", None, "Tell me of Delft")
        underway.begin(asked)
        model_server.wait_for_chats(1)
        underway.stop("ann", asked.conversation_id)
        silent.gate.open()
        until(lambda: not underway._threads)
    assert len(model_server.chats) == 1
