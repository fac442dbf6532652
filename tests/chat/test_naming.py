"""Chats are named by the model after their first complete reply, and keep their first words if that fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chat.chats import Chats
from chat.naming import Namer, cleaned_name
from chat.turn import ChatServices
from limits import Limits
from memory.database import Database
from memory.errors import ModelError
from memory.model import Model
from settings import Settings
from tests.chat.conftest import run_turn, until
from tests.model_answers import Cut, Fault, Gate, Json, Reply, Scripted
from tests.model_server import ModelServer

FIRST = "What shall I plant in March?"


@pytest.fixture
def namer(chats: Chats, model: Model) -> Iterator[Namer]:
    made = Namer(chats, lambda _: model)
    yield made
    made.stop()


@pytest.fixture
def named_chat(chat: ChatServices, namer: Namer) -> ChatServices:
    """A chat that is named after its first reply."""
    return replace(chat, namer=namer)


def _turn(chat: ChatServices, text: str = FIRST, chat_id: str | None = None) -> None:
    list(run_turn(chat, user_id="ann", conversation_id=chat_id, text=text))


def _called(name: str) -> Scripted:
    return Json({"name": name})


def test_a_chat_is_named_after_its_first_complete_reply(
    named_chat: ChatServices, chats: Chats, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Peas, most of all."))
    model_server.enqueue_names(_called("Planting peas in March"))
    _turn(named_chat)
    until(lambda: chats.recent("ann")[0].title == "Planting peas in March")
    [asked] = model_server.names
    assert FIRST in asked.said("user")
    assert "Peas, most of all." in asked.said("user")


def test_a_chat_is_named_once_and_only_after_a_complete_reply(
    named_chat: ChatServices, namer: Namer, chats: Chats, model_server: ModelServer
) -> None:
    model_server.enqueue(Cut())
    with pytest.raises(ModelError):
        _turn(named_chat)
    chat_id = chats.recent("ann")[0].id
    assert model_server.names == []
    for words in ("And now?", "And then?"):
        _turn(named_chat, words, chat_id)
    until(lambda: len(model_server.names) == 1)
    namer.stop(10)
    assert len(model_server.names) == 1


def test_without_a_name_the_first_words_stand(
    named_chat: ChatServices, chats: Chats, model_server: ModelServer
) -> None:
    _turn(named_chat)
    until(lambda: model_server.names)
    assert chats.recent("ann")[0].title == FIRST


@pytest.mark.parametrize(
    "answer",
    [Fault(500), Fault(429), Json({"title": "x"}), Json("no"), Json({"name": 5})],
    ids=lambda each: str(each)[:20],
)
def test_a_failure_is_noted_and_harmless(
    answer: Scripted,
    chats: Chats,
    named_chat: ChatServices,
    model_server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model_server.enqueue_names(answer, _called("Later"))
    with caplog.at_level(logging.WARNING):
        _turn(named_chat)
        until(lambda: "keeps its first words" in caplog.text)
        _turn(named_chat, "Another")
    until(lambda: {each.title for each in chats.recent("ann")} == {"Later", FIRST})
    assert FIRST not in caplog.text


def test_a_name_that_the_person_gave_in_the_meantime_stays(
    named_chat: ChatServices, namer: Namer, chats: Chats, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue_names(lambda _: Json({"name": "Theirs" if gate.wait() else ""}))
    _turn(named_chat)
    until(lambda: model_server.names)
    chats.rename("ann", chats.recent("ann")[0].id, "Mine")
    gate.open()
    namer.stop(10)
    assert [each.title for each in chats.recent("ann")] == ["Mine"]


def test_nobodys_share_is_spent_beyond_its_limit(
    database: Database,
    chat: ChatServices,
    chats: Chats,
    model: Model,
    model_server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = Limits(database, Settings(tokens_per_day=1))
    namer = Namer(chats, lambda user_id: limits.metered(model, user_id))
    _turn(chat)
    namer.add("ann", chats.recent("ann")[0].id, FIRST, "Peas.")
    until(lambda: "keeps its first words" in caplog.text)
    namer.stop(10)
    assert model_server.names == []


def test_two_processes_that_name_a_chat_ask_the_model_once(
    chat: ChatServices, chats: Chats, namer: Namer, model: Model, model_server: ModelServer
) -> None:
    _turn(chat)
    chat_id = chats.recent("ann")[0].id
    gate, other = Gate(), Namer(chats, lambda _: model)
    model_server.enqueue_names(lambda _: Json({"name": "Peas" if gate.wait() else ""}), _called("Beans"))
    namer.add("ann", chat_id, FIRST, "Peas.")
    until(lambda: model_server.names)
    other.add("ann", chat_id, FIRST, "Peas.")
    other.stop(10)
    gate.open()
    until(lambda: chats.recent("ann")[0].title == "Peas")
    assert len(model_server.names) == 1


def test_another_persons_chat_is_not_named(
    chat: ChatServices, chats: Chats, namer: Namer, model_server: ModelServer
) -> None:
    _turn(chat)
    model_server.enqueue_names(_called("Mine now"))
    namer.add("bob", chats.recent("ann")[0].id, "x", "y")
    namer.stop(10)
    assert model_server.names == []
    assert chats.recent("ann")[0].title == FIRST


@pytest.mark.parametrize(
    ("answered", "name"),
    [
        ("Planting peas", "Planting peas"),
        ('"Planting peas."', "Planting peas"),
        ("# Planting\n\npeas\x00", "Planting peas\ufffd"),
        ("one two three four five six seven eight", "one two three four five six…"),
        ("x" * 200, "x" * 59 + "…"),
        ("  \n ", ""),
        ("زراعة البازلاء", "زراعة البازلاء"),
        ("a\u202eb", "a b"),
        ("The password is hunter2", ""),
    ],
)
def test_a_name_is_one_bounded_line_of_plain_text(answered: str, name: str) -> None:
    assert cleaned_name(answered) == name
