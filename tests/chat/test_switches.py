"""The switches of a chat: nothing recalled, nothing learned; and forgetting a chat."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from auth.session import Sessions
from chat.chats import Chats, Retention
from chat.conversations import Conversations
from chat.export import Exports
from chat.preferences import Preferences, PreferenceStore
from chat.remembering.worker import Worker
from chat.reply import Replies, answer
from chat.tree import Message, Switches
from chat.turn import ChatServices, say
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.errors import NotFound
from memory.model.catalog import ModelCatalog
from services import Services
from settings import Settings
from tests.chat.conftest import BEES, Known, Sql, chats_of
from tests.model_server import ModelServer

QUESTION = "Where are my bees?"
OFF, TEMPORARY = Switches(False, False), Switches(temporary=True)


def _turn(
    chat: ChatServices, words: str, switches: Switches | None = None, conversation_id: str | None = None
) -> Message:
    asked = say(chat, "ann", conversation_id, words, switches=switches)
    list(answer(chat, asked))
    return chat.conversations.messages("ann", asked.conversation_id)[-1]


def _everything_remembered(chat: ChatServices, memory: Memory, sql: Sql) -> None:
    sql("update app.messages set remember_after = now() where remembering = 'waiting'")
    worker = Worker(chat.conversations.queue, memory)
    while worker.remember_next():
        pass


@pytest.mark.parametrize("switches", [Switches(reads_memory=False), OFF, TEMPORARY])
def test_with_reading_off_nothing_is_recalled_and_the_receipt_says_so(
    chat: ChatServices, memory: Memory, model_server: ModelServer, switches: Switches
) -> None:
    memory.add(BEES, user_id="ann")
    reply = _turn(chat, QUESTION, switches)
    assert "Utrecht" not in str(model_server.chats[-1].body)
    assert "memory is off in this chat" in model_server.chats[-1].said("system")
    assert reply.receipt["memory_off"] is True
    assert "memories" not in reply.receipt


@pytest.mark.parametrize("switches", [Switches(writes_memory=False), OFF, TEMPORARY])
def test_with_writing_off_nothing_reaches_memory_or_episodes(
    chat: ChatServices, memory: Memory, sql: Sql, known: Known, switches: Switches
) -> None:
    _turn(chat, BEES, switches)
    assert chat.conversations.queue.waiting("ann") == 0
    _everything_remembered(chat, memory, sql)
    assert known() == []
    assert memory.episodes.count("ann") == 0


def test_what_was_said_while_writing_was_off_stays_out_when_it_is_switched_on(
    chat: ChatServices, memory: Memory, sql: Sql, known: Known
) -> None:
    first = _turn(chat, BEES, OFF)
    chat.conversations.switches.set("ann", first.conversation_id, Switches())
    _turn(chat, "I play the cello on Sundays.", conversation_id=first.conversation_id)
    _everything_remembered(chat, memory, sql)
    assert known() == ["I play the cello on Sundays."]
    assert memory.episodes.count("ann") == 2


def test_a_switch_applies_from_the_next_message(chat: ChatServices, memory: Memory, sql: Sql, known: Known) -> None:
    first = _turn(chat, BEES)
    chat.conversations.switches.set("ann", first.conversation_id, OFF)
    reply = _turn(chat, "I play the cello on Sundays.", conversation_id=first.conversation_id)
    assert reply.receipt["memory_off"]
    _everything_remembered(chat, memory, sql)
    assert known() == [BEES]


def test_a_temporary_chat_is_in_no_list_and_can_be_talked_in(chat: ChatServices, conversations: Conversations) -> None:
    first = _turn(chat, "Hello", TEMPORARY)
    assert chats_of(conversations).recent("ann") == []
    assert len(conversations.messages("ann", first.conversation_id)) == 2
    assert conversations.switches.of("ann", first.conversation_id).temporary


@pytest.mark.parametrize("nobodys", ["", "x", "6f6b3f0e-6a3c-4d2b-9b65-3f6d0a2b7c11", "\x00"])
def test_a_chat_that_does_not_exist_has_no_switches(conversations: Conversations, nobodys: str) -> None:
    with pytest.raises(NotFound):
        conversations.switches.of("ann", nobodys)
    with pytest.raises(NotFound):
        conversations.switches.set("ann", nobodys, OFF)


def test_what_is_off_for_the_person_is_off_in_every_chat(
    chat: ChatServices, memory: Memory, sql: Sql, known: Known, database: Database
) -> None:
    store = PreferenceStore(database)
    store.set("ann", Preferences(reads_memory=False, writes_memory=False))
    reply = _turn(chat, BEES, Switches())
    assert reply.receipt["memory_off"]
    _everything_remembered(chat, memory, sql)
    assert known() == []


def test_without_a_model_a_chat_without_memory_says_so(conversations: Conversations, memory: Memory) -> None:
    memory.add(BEES, user_id="ann")
    reply = _turn(ChatServices(conversations, memory, None, lambda: None), QUESTION, TEMPORARY)
    assert "Memory is off in this chat" in reply.content


# -- forgetting a chat ---------------------------------------------------------------


@pytest.fixture
def home(chat: ChatServices, memory: Memory, database: Database) -> Services:
    settings = Settings()
    limits = Limits(database, settings)
    worker = Worker(chat.conversations.queue, memory, limits)
    return Services(
        settings=settings,
        database=database,
        sessions=Sessions(database),
        memory=memory,
        conversations=chat.conversations,
        chats=Chats(database),
        exports=Exports(database),
        chat=chat,
        replies=Replies(chat),
        worker=worker,
        limits=limits,
        preferences=PreferenceStore(database),
        offers=ModelCatalog(chat.model),
        retention=Retention(database),
        opened=ExitStack(),
    )


def test_forgetting_a_chat_erases_its_memories_and_their_quotes_in_receipts(
    chat: ChatServices, memory: Memory, sql: Sql, known: Known, home: Services
) -> None:
    taught = _turn(chat, BEES)
    _turn(chat, "I play the cello on Sundays.")
    _everything_remembered(chat, memory, sql)
    quoting = _turn(chat, QUESTION)
    assert "Utrecht" in str(quoting.receipt)
    receipt = home.forget_chat("ann", taught.conversation_id)
    assert receipt.proved
    assert known() == ["I play the cello on Sundays."]
    [(kept,)] = sql("select string_agg(receipt::text, ' ') from app.messages")
    assert "Utrecht" not in kept
    assert "cello" in kept
    assert "Utrecht" not in _turn(chat, QUESTION).content
    assert len(chat.conversations.messages("ann", taught.conversation_id)) == 2


def test_forgetting_a_chat_withdraws_its_waiting_turns(
    chat: ChatServices, memory: Memory, sql: Sql, known: Known, home: Services
) -> None:
    taught = _turn(chat, BEES)
    home.forget_chat("ann", taught.conversation_id)
    _everything_remembered(chat, memory, sql)
    assert known() == []


def test_the_effect_of_forgetting_a_chat_can_be_read_first(
    chat: ChatServices, memory: Memory, sql: Sql, home: Services
) -> None:
    taught = _turn(chat, BEES)
    _everything_remembered(chat, memory, sql)
    [lesson] = home.learned_from("ann", taught.conversation_id).memories
    assert (lesson.text, lesson.outcome) == (BEES, "erased")
    with pytest.raises(NotFound):
        home.learned_from("bob", taught.conversation_id)
    with pytest.raises(NotFound):
        home.forget_chat("bob", taught.conversation_id)
