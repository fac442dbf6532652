"""A long chat that is read one part at a time, ratings, and the stamp that changes with the chat."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import make_url

from chat.conversations import Conversations
from chat.preferences import preferences_reading
from chat.reply import answer
from chat.tree import MAX_WHY, MESSAGES_DRAWN, MOST, PROMPT_MESSAGES, STEP, Message, Thread
from chat.turn import ChatServices
from memory.database import Database
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, socket_folder
from memory.errors import AppError, InvalidInput, NotFound
from tests.chat.conftest import Sql, chats_of
from tests.model_server import ModelServer
from tests.wires import counting


@pytest.fixture
def long(conversations: Conversations, sql: Sql) -> Message:
    """Make a chat of a thousand messages, and return the first."""
    first = conversations.say("ann", None, "said 0")
    sql(
        "with recursive line as ("
        " select 0 as n, %s::uuid as id, null::uuid as parent union all"
        " select n + 1, gen_random_uuid(), id from line where n < 999)"
        " insert into app.messages (id, parent_id, conversation_id, user_id, role, content, receipt)"
        " select id, parent, %s::uuid, 'ann', case n %% 2 when 0 then 'user' else 'assistant' end, 'said ' || n,"
        " jsonb_build_object('n', n) from line where n > 0 order by n",
        first.id,
        first.conversation_id,
    )
    sql("update app.conversations set head_id = null where id = %s::uuid", first.conversation_id)
    return first


def _numbers(thread: Thread) -> list[int]:
    return [int(each.content.removeprefix("said ")) for each in thread.messages]


def test_of_a_thousand_messages_the_latest_are_read_and_the_rest_a_part_at_a_time(
    conversations: Conversations, long: Message
) -> None:
    threads, chat = conversations.threads, long.conversation_id
    end = threads.open("ann", chat)
    assert _numbers(end) == list(range(960, 1000))
    assert (end.earlier, end.later) == (960, 0)
    assert end.tip == end.messages[-1].id
    back = threads.open("ann", chat, first=end.steps[end.earlier - MESSAGES_DRAWN].id)
    assert _numbers(back) == list(range(920, 1000))
    far = threads.open("ann", chat, first=long.id)
    assert _numbers(far) == list(range(MOST))
    assert (far.earlier, far.later) == (0, 1000 - MOST)
    assert far.last_asked is None


def test_a_message_is_read_with_the_messages_around_it(conversations: Conversations, long: Message) -> None:
    end = conversations.threads.open("ann", long.conversation_id)
    wanted = end.steps[505].id
    thread = conversations.threads.open("ann", long.conversation_id, show=wanted)
    assert thread.find(wanted)
    assert _numbers(thread)[0] == 480
    for gone in ("nothing", "' or true --", long.conversation_id):
        assert conversations.threads.open("ann", long.conversation_id, show=gone) == end


def test_the_first_drawn_message_stays_while_others_come(conversations: Conversations, long: Message) -> None:
    first = conversations.threads.open("ann", long.conversation_id).messages[0]
    for number in range(STEP - 1):
        conversations.say("ann", long.conversation_id, f"said {1000 + number}")
    thread = conversations.threads.open("ann", long.conversation_id)
    assert thread.messages[0] == first
    assert len(thread.messages) == MESSAGES_DRAWN + STEP - 1


def test_a_long_chat_is_read_in_one_trip_with_as_much_as_its_prompt_needs(
    postgres: Postgres, database: Database, chat: ChatServices, long: Message, model_server: ModelServer
) -> None:
    asked = chat.conversations.say("ann", long.conversation_id, "said 1000")
    with counting(socket_folder(postgres.cluster) / SOCKET) as wire:
        url = make_url(database.url).set(host="127.0.0.1", port=wire.port, query={})
        with closing(Database(url.render_as_string(hide_password=False), pool_size=1, overflow=0)) as far:
            far.read_as("ann", "select 1")
            before = wire.round_trips
            Conversations(far).threads.open("ann", long.conversation_id)
            assert wire.round_trips - before == 1
            history, _ = Conversations(far).threads.history(asked, preferences_reading())
            assert wire.round_trips - before == 2
    assert history.messages[-1] == asked
    assert len(history.messages) > PROMPT_MESSAGES
    list(answer(chat, asked))
    prompt = str(model_server.chats[-1].body)
    assert "said 999" in prompt
    assert "said 900" in prompt


def test_another_reply_far_back_sees_only_the_messages_before_it(
    chat: ChatServices, long: Message, model_server: ModelServer
) -> None:
    thread = chat.conversations.threads.open("ann", long.conversation_id, first=long.id)
    asked = thread.messages[100]
    list(answer(chat, asked))
    prompt = str(model_server.chats[-1].body)
    assert "said 99" in prompt
    assert "said 101" not in prompt
    shown = chat.conversations.threads.open("ann", long.conversation_id)
    assert len(shown.steps) == 102


def test_a_rating_is_saved_and_can_be_taken_back(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Hello")
    reply = conversations.reply(asked, "Hi.", "complete", {})
    threads = conversations.threads
    threads.rate("ann", reply.id, -1, " too short\x00 ")
    found = conversations.message("ann", reply.id)
    assert found is not None
    assert (found.feedback, found.feedback_why) == (-1, "too short\ufffd")
    threads.rate("ann", reply.id, 1, "x" * (MAX_WHY + 5))
    threads.rate("ann", reply.id, None, "no longer said")
    found = conversations.message("ann", reply.id)
    assert found is not None
    assert (found.feedback, found.feedback_why) == (None, "")
    with pytest.raises(InvalidInput):
        threads.rate("ann", reply.id, 2)
    for wrong, who in ((asked.id, "ann"), (reply.id, "bob"), ("x", "ann")):
        with pytest.raises(NotFound):
            threads.rate(who, wrong, 1)


def test_the_stamp_changes_with_messages_and_chosen_versions_and_nothing_else(conversations: Conversations) -> None:
    def stamp() -> str:
        return conversations.threads.stamp("ann", asked.conversation_id)

    asked = conversations.say("ann", None, "Hello")
    first = stamp()
    reply = conversations.reply(asked, "Hi.", "complete", {})
    second = stamp()
    assert second != first
    assert second == conversations.threads.open("ann", asked.conversation_id).stamp
    conversations.threads.rate("ann", reply.id, 1)
    assert stamp() == second
    conversations.threads.choose("ann", asked.conversation_id, asked.id)
    assert stamp() != second
    chats_of(conversations).delete("ann", asked.conversation_id)
    assert stamp() == ""


def test_another_persons_chat_is_not_read(conversations: Conversations, long: Message) -> None:
    assert conversations.threads.open("bob", long.conversation_id) == Thread()
    assert conversations.threads.stamp("bob", long.conversation_id) == ""
    with pytest.raises(AppError):
        conversations.threads.choose("bob", long.conversation_id, long.id)
