"""Conversations and messages: each user's own, in order, saved as they were said."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from chat.chats import MAX_TITLE, title_of
from chat.conversations import Conversations
from chat.turn import LONGEST_MESSAGE, ChatServices, checked_words, say
from memory.errors import InvalidInput, NotFound
from tests.chat.conftest import Sql, chats_of

NOWHERE = "5a1c9a9e-3d0f-4a53-9d52-1c6a0f5d8e11"  # an id that no chat has
NO_CHATS = ["", "x", "1", "None", "' or true --", "\x00", NOWHERE + "x", "{" * 40]


# -- the list ------------------------------------------------------------------------------------


def test_a_conversation_is_named_after_its_first_words(conversations: Conversations) -> None:
    conversations.say("ann", None, "  Where is\n  my umbrella? ")
    assert [each.title for each in chats_of(conversations).recent("ann")] == ["Where is my umbrella?"]


def test_an_empty_conversation_is_named_after_its_first_message(conversations: Conversations) -> None:
    opened = conversations.start("ann")
    assert opened.title == ""
    conversations.say("ann", opened.id, "Tea")
    conversations.say("ann", opened.id, "Coffee")
    assert [each.title for each in chats_of(conversations).recent("ann")] == ["Tea"]


def test_the_latest_conversation_stands_first(conversations: Conversations) -> None:
    first, second = (conversations.say("ann", None, words) for words in ("First", "Second"))
    assert [each.title for each in chats_of(conversations).recent("ann")] == ["Second", "First"]
    conversations.say("ann", first.conversation_id, "Again")
    assert [each.title for each in chats_of(conversations).recent("ann")] == ["First", "Second"]
    conversations.reply(second, "Yes?", "complete", {})
    assert [each.title for each in chats_of(conversations).recent("ann", limit=1)] == ["Second"]


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("short", "short"),
        ("x" * MAX_TITLE, "x" * MAX_TITLE),
        ("x" * 200, "x" * (MAX_TITLE - 1) + "…"),
        ("word " * 40, "word " * 10 + "word…"),
        ("line\none\ttwo", "line one two"),
    ],
)
def test_a_title_is_one_line_that_ends_with_a_whole_word(words: str, title: str) -> None:
    assert title_of(words) == title


@given(st.text())
def test_a_title_is_never_too_long(words: str) -> None:
    assert len(title_of(words)) <= MAX_TITLE


# -- messages ------------------------------------------------------------------------------------


def test_messages_come_in_the_order_they_were_said_each_after_the_one_before(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "One")
    replied = conversations.reply(asked, "Two", "complete", {"ms": 3})
    again = conversations.say("ann", asked.conversation_id, "Three")
    messages = conversations.messages("ann", asked.conversation_id)
    assert messages == [asked, replied, again]
    assert [message.parent_id for message in messages] == [None, asked.id, replied.id]
    assert [message.role for message in messages] == ["user", "assistant", "user"]
    assert messages[1].receipt == {"ms": 3}


def test_of_a_thousand_messages_the_latest_are_read_in_order(conversations: Conversations, sql: Sql) -> None:
    asked = conversations.say("ann", None, "0")
    sql(
        "insert into app.messages (conversation_id, user_id, role, content)"
        " select %s::uuid, 'ann', 'user', n::text from generate_series(1, 999) n",
        asked.conversation_id,
    )
    read = conversations.messages("ann", asked.conversation_id)
    assert [message.content for message in read] == [str(number) for number in range(600, 1000)]
    every = conversations.messages("ann", asked.conversation_id, limit=2_000)
    assert [message.content for message in every] == [str(number) for number in range(1000)]


@pytest.mark.parametrize("content", ["", "   ", "\n\t", "\u3000"])
def test_an_empty_message_is_refused(content: str, chat: ChatServices, conversations: Conversations) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        say(chat, "ann", None, content)
    assert chats_of(conversations).recent("ann") == []


def test_a_message_that_is_too_long_is_refused_whole(chat: ChatServices, conversations: Conversations) -> None:
    asked = say(chat, "ann", None, "x" * LONGEST_MESSAGE)
    assert len(asked.content) == LONGEST_MESSAGE
    with pytest.raises(InvalidInput, match=r"32,001 characters\. The limit is 32,000"):
        say(chat, "ann", asked.conversation_id, "x" * (LONGEST_MESSAGE + 1))
    assert conversations.messages("ann", asked.conversation_id) == [asked]


def test_characters_that_a_database_cannot_store_are_replaced_and_the_rest_kept(
    chat: ChatServices, conversations: Conversations
) -> None:
    asked = say(chat, "ann", None, "a\x00b\ud800c")
    replied = conversations.reply(asked, "d\x00e\udfff", "complete", {})
    assert (asked.content, replied.content) == ("a\ufffdb?c", "d\ufffde?")
    assert chats_of(conversations).recent("ann")[0].title == "a\ufffdb?c"


@example_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.text(st.characters(codec=None), min_size=1, max_size=200))
def test_any_text_is_read_back_as_it_was_saved(content: str, chat: ChatServices, conversations: Conversations) -> None:
    try:
        expected = checked_words(content)
    except InvalidInput:
        return
    asked = say(chat, "ann", None, content)
    assert conversations.messages("ann", asked.conversation_id)[0].content == expected


# -- deleting ------------------------------------------------------------------------------------


def test_a_deleted_conversation_takes_its_messages_along_and_no_other(conversations: Conversations, sql: Sql) -> None:
    doomed = conversations.say("ann", None, "Doomed")
    conversations.reply(doomed, "Indeed", "complete", {})
    kept = conversations.say("ann", None, "Kept")
    chats_of(conversations).erase("ann", doomed.conversation_id)
    assert [each.id for each in chats_of(conversations).recent("ann")] == [kept.conversation_id]
    assert conversations.messages("ann", doomed.conversation_id) == []
    assert sql("select content from app.messages") == [("Kept",)]


def test_deleting_twice_says_that_there_is_no_such_chat(conversations: Conversations) -> None:
    opened = conversations.start("ann")
    chats_of(conversations).erase("ann", opened.id)
    with pytest.raises(NotFound, match="no such chat"):
        chats_of(conversations).erase("ann", opened.id)


def test_a_reply_to_a_chat_that_is_gone_says_so(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Hello")
    chats_of(conversations).erase("ann", asked.conversation_id)
    with pytest.raises(NotFound, match="no such chat"):
        conversations.reply(asked, "Hello", "complete", {})
    conversations.end_without_reply(asked)
    assert conversations.queue.waiting("ann") == 0


# -- other people's chats -----------------------------------------------------------------------------


def test_another_persons_conversation_is_not_found(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Mine")
    assert chats_of(conversations).recent("bob") == []
    assert conversations.messages("bob", asked.conversation_id) == []
    with pytest.raises(NotFound):
        conversations.say("bob", asked.conversation_id, "Ours?")
    with pytest.raises(NotFound):
        chats_of(conversations).erase("bob", asked.conversation_id)
    assert [message.content for message in conversations.messages("ann", asked.conversation_id)] == ["Mine"]


def test_no_message_can_follow_another_persons_message(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Mine")
    own = conversations.say("bob", None, "His")
    for forged in (replace(asked, user_id="bob"), replace(own, id=asked.id)):
        with pytest.raises(NotFound):
            conversations.reply(forged, "Hello", "complete", {})
    assert len(conversations.messages("ann", asked.conversation_id)) == 1
    assert len(conversations.messages("bob", own.conversation_id)) == 1


@pytest.mark.parametrize("chat_id", NO_CHATS, ids=repr)
def test_an_invalid_id_is_no_chat(chat_id: str, conversations: Conversations) -> None:
    with pytest.raises(NotFound):
        conversations.messages("ann", chat_id)
    with pytest.raises(NotFound):
        conversations.say("ann", chat_id, "Hello")
    with pytest.raises(NotFound):
        chats_of(conversations).erase("ann", chat_id)


def test_a_chat_that_does_not_exist_cannot_be_written_to(conversations: Conversations) -> None:
    with pytest.raises(NotFound):
        conversations.say("ann", str(uuid4()), "Hello")
    assert conversations.messages("ann", str(uuid4())) == []


@pytest.mark.parametrize("user_id", ["", " ", "x" * 256, "a\x00b"], ids=lambda user_id: repr(user_id)[:12])
def test_an_invalid_user_id_is_refused_for_chats(user_id: str, conversations: Conversations) -> None:
    with pytest.raises(InvalidInput):
        chats_of(conversations).recent(user_id)
    with pytest.raises(InvalidInput):
        conversations.say(user_id, None, "Hello")


# -- the queue -----------------------------------------------------------------------------------


def test_a_turn_may_be_remembered_from_its_reply_on_and_only_once(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Hello")
    assert conversations.queue.claim() is None  # its reply may still come
    conversations.reply(asked, "Hello", "complete", {})
    conversations.end_without_reply(asked)
    assert conversations.queue.waiting("ann") == 1
    assert conversations.queue.waiting("bob") == 0
    assert conversations.queue.claim() is not None
    assert conversations.queue.claim() is None


def test_a_turn_whose_reply_never_came_is_remembered_all_the_same(conversations: Conversations, sql: Sql) -> None:
    asked = conversations.say("ann", None, "Hello")
    sql("update app.messages set remember_after = remember_after - interval '20 seconds'")
    claimed = conversations.queue.claim()
    assert claimed is not None
    assert (claimed.message.id, claimed.reply) == (asked.id, None)


def test_a_reply_that_took_long_is_saved_while_its_turn_is_remembered(conversations: Conversations, sql: Sql) -> None:
    asked = conversations.say("ann", None, "Hello")
    sql("update app.messages set remember_after = now()")
    assert conversations.queue.claim() is not None
    conversations.reply(asked, "Hello at last", "complete", {})
    said, reply = conversations.messages("ann", asked.conversation_id)
    assert (said.id, reply.content) == (asked.id, "Hello at last")


def test_a_second_reply_does_not_queue_a_turn_that_is_remembered(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Hello")
    conversations.end_without_reply(asked)
    turn = conversations.queue.claim()
    assert turn is not None
    assert turn.message.id == asked.id
    assert turn.reply is None
    with conversations.queue.writing(turn) as connection:
        conversations.queue.finish(connection, asked.id, {"events": []})
    conversations.reply(asked, "Hello again", "complete", {})
    assert conversations.queue.waiting("ann") == 0


def test_a_claimed_turn_holds_the_message_and_its_latest_reply(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Hello")
    conversations.reply(asked, "Hel", "failed", {})
    latest = conversations.reply(asked, "Hello", "complete", {})
    claimed = conversations.queue.claim()
    assert claimed is not None
    assert claimed.reply == latest
    assert conversations.queue.waiting("ann") == 1
