"""Preferences take effect in turns: the model, tone and language, and memory on or off."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import event

from chat.preferences import TONES, Preferences, PreferenceStore, memory_off
from chat.remembering.worker import Worker
from chat.reply import answer
from chat.tree import Message, Switches
from chat.turn import ChatServices
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.errors import ModelUnreachable
from memory.model.catalog import ModelCatalog
from settings import Settings
from tests.chat.conftest import BEES, chats_of, run_turn
from tests.model_answers import Cut, Fault, Item, Reply, Request
from tests.model_server import ModelServer


@pytest.fixture
def chat(chat: ChatServices, database: Database, model_server: ModelServer) -> ChatServices:
    """A chat at an address with two models to choose from."""
    model_server.models = ["large", "scripted"]
    return replace(chat, offers=ModelCatalog(chat.model))


def _set(chat: ChatServices, **wanted: object) -> None:
    PreferenceStore(chat.conversations._database).set("ann", Preferences(**wanted))  # type: ignore[arg-type]


def _turn(chat: ChatServices, words: str = "Where are my bees?") -> Message:
    """Return the saved reply to these words."""
    assert "".join(run_turn(chat, user_id="ann", conversation_id=None, text=words))
    return chat.conversations.messages("ann", chats_of(chat.conversations).recent("ann")[0].id)[-1]


def _models(server: ModelServer) -> list[str]:
    return [request.body["model"] for request in server.chats]


def test_the_model_is_asked_in_the_tone_and_language_and_with_the_words_of_the_person(
    chat: ChatServices, model_server: ModelServer
) -> None:
    _set(chat, tone="patient", language="fr", instructions="Call me Queen Ann.")
    _turn(chat)
    system = model_server.chats[0].said("system")
    assert TONES["patient"] in system
    assert "Answer in French" in system
    assert "<wishes>\nCall me Queen Ann.\n</wishes>" in system
    "".join(run_turn(chat, user_id="bob", conversation_id=None, text="And me?"))
    assert "Queen Ann" not in str(model_server.chats[1].body)


def test_the_chosen_model_replies_and_its_tokens_count(
    chat: ChatServices, model_server: ModelServer, database: Database
) -> None:
    limits = Limits(database, Settings(tokens_per_day=100_000))
    _set(chat, model="large")
    receipt = _turn(replace(chat, limits=limits)).receipt
    assert _models(model_server) == ["large"]
    assert "not_offered" not in receipt
    with database.as_user("ann") as connection:
        counted = connection.exec_driver_sql("select amount from app.counts where what = 'tokens'").scalar_one()
    assert counted == receipt["prompt_tokens"] + receipt["reply_tokens"] > 0


def test_a_model_that_is_no_longer_listed_is_replaced_by_the_deployments_and_the_receipt_says_so(
    chat: ChatServices, model_server: ModelServer
) -> None:
    _set(chat, model="gone")
    receipt = _turn(chat).receipt
    assert _models(model_server) == ["scripted"]
    assert (receipt["model"], receipt["not_offered"]) == ("scripted", "gone")


def test_a_model_that_is_listed_but_refuses_is_replaced_as_well(chat: ChatServices, model_server: ModelServer) -> None:
    _set(chat, model="large")
    model_server.enqueue(Fault(404, message="The model `large` does not exist"), Reply("Here I am."))
    reply = _turn(chat)
    assert _models(model_server) == ["large", "scripted"]
    assert (reply.content, reply.receipt["not_offered"]) == ("Here I am.", "large")


def test_a_replacement_that_is_stopped_half_way_says_what_it_stands_in_for(
    chat: ChatServices, model_server: ModelServer
) -> None:
    _set(chat, model="gone")
    model_server.enqueue(Reply("One two three"))
    with closing(run_turn(chat, user_id="ann", conversation_id=None, text="Count")) as pieces:
        next(pieces)
    [_, reply] = chat.conversations.messages("ann", chats_of(chat.conversations).recent("ann")[0].id)
    assert (reply.status, reply.receipt["not_offered"]) == ("stopped", "gone")


def test_a_chosen_model_that_is_cut_off_is_not_replaced_half_way(chat: ChatServices, model_server: ModelServer) -> None:
    _set(chat, model="large")
    model_server.enqueue(Cut(after_pieces=2, how="tidy"))
    with pytest.raises(ModelUnreachable):
        _turn(chat)
    assert _models(model_server) == ["large"]


def test_without_a_list_of_models_the_chosen_model_is_asked(chat: ChatServices, model_server: ModelServer) -> None:
    model_server.listing = Fault(500)
    _set(chat, model="large")
    assert "not_offered" not in _turn(chat).receipt
    assert _models(model_server) == ["large"]


def test_the_deployers_list_also_applies_to_people_who_chose_before(
    chat: ChatServices, model_server: ModelServer
) -> None:
    _set(chat, model="large")
    _turn(replace(chat, offers=ModelCatalog(chat.model, "small")))
    assert _models(model_server) == ["scripted"]


def test_with_reading_off_nothing_is_recalled_and_the_receipt_says_so(
    chat: ChatServices, model_server: ModelServer, memory: Memory
) -> None:
    memory.add(BEES, user_id="ann")
    _set(chat, reads_memory=False)
    receipt = _turn(chat).receipt
    assert "Utrecht" not in str(model_server.chats[0].body)
    assert receipt["memory_off"]
    assert "memories" not in receipt
    _set(chat)
    assert [each["text"] for each in _turn(chat).receipt["memories"]] == [BEES]
    assert "- I keep bees in Utrecht." in model_server.chats[1].said("system")


def test_with_reading_off_and_no_model_nothing_is_quoted(chat: ChatServices, memory: Memory) -> None:
    memory.add(BEES, user_id="ann")
    _set(chat, reads_memory=False)
    assert "Utrecht" not in _turn(replace(chat, model=None)).content


def test_with_writing_off_no_memory_or_episode_is_kept_not_even_later(chat: ChatServices, memory: Memory) -> None:
    worker = Worker(chat.conversations.queue, memory)
    _set(chat, writes_memory=False)
    _turn(chat, BEES)
    [asked, _] = chat.conversations.messages("ann", chats_of(chat.conversations).recent("ann")[0].id)
    assert asked.remembering == "none"
    _set(chat)
    assert not worker.remember_next()
    assert memory.get_all(user_id="ann")["results"] == []
    assert memory.episodes.count("ann") == 0
    _turn(chat, BEES)
    assert worker.remember_next()
    assert memory.episodes.count("ann") == 2


def test_a_persons_switches_apply_to_nobody_else(chat: ChatServices) -> None:
    _set(chat, writes_memory=False)
    "".join(run_turn(chat, user_id="bob", conversation_id=None, text=BEES))
    assert (chat.conversations.queue.waiting("ann"), chat.conversations.queue.waiting("bob")) == (0, 1)


def test_preferences_are_read_once_in_a_turn_together_with_the_chat(chat: ChatServices, database: Database) -> None:
    _set(chat, model="gone", tone="brief")
    asked = chat.conversations.say("ann", None, "Good morning")
    said: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    "".join(answer(chat, asked))
    event.remove(database.engine, "before_cursor_execute", note)
    [read] = [each for each in said if "tone" in each]
    assert "app.messages" in read


@pytest.mark.parametrize(
    ("person", "this_chat", "off"), [(True, True, None), (True, False, "chat"), (False, True, "settings")]
)
def test_off_for_the_person_is_off_in_every_chat(person: bool, this_chat: bool, off: str | None) -> None:
    assert memory_off(Preferences(reads_memory=person), Switches(reads_memory=this_chat)) == off


def test_preferences_set_during_a_reply_apply_from_the_next_message(
    chat: ChatServices, model_server: ModelServer
) -> None:
    def change(_: Request) -> Item:
        _set(chat, model="large", tone="brief")
        return Reply("Hello")

    model_server.enqueue(change)
    assert _turn(chat).receipt["model"] == "scripted"
    _turn(chat)
    assert _models(model_server) == ["scripted", "large"]
