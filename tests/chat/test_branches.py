"""Versions of messages and replies: which are shown, which the model sees, and replies without certain memories."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.reply import AnswerOptions, answer
from chat.tree import Message, line
from chat.turn import ChatServices, say
from memory import Memory
from memory.errors import ModelError, NotFound
from tests.chat.conftest import chats_of
from tests.model_answers import Fault, Reply
from tests.model_server import ModelServer

BEES = "I keep bees in Utrecht."


def _ask(chat: ChatServices, words: str, conversation_id: str | None = None) -> Message:
    asked = chat.conversations.say("ann", conversation_id, words)
    _answer(chat, asked)
    return asked


def _answer(chat: ChatServices, asked: Message, without: tuple[str, ...] = ()) -> None:
    with closing(answer(chat, asked, AnswerOptions(without))) as pieces:
        list(pieces)


def _all(chat: ChatServices, asked: Message) -> list[Message]:
    return chat.conversations.messages("ann", asked.conversation_id)


def _shown(chat: ChatServices, asked: Message) -> list[str]:
    return [each.content for each in chat.conversations.threads.open("ann", asked.conversation_id).messages]


def _edit(chat: ChatServices, old: Message, words: str) -> Message:
    asked = say(chat, "ann", old.conversation_id, words, instead_of=old.id)
    _answer(chat, asked)
    return asked


# -- versions of a message -------------------------------------------------------------------------


def test_another_reply_begins_a_branch_and_the_first_stays_a_version(
    chat: ChatServices, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("First."), Reply("Onwards."), Reply("Second."))
    asked = _ask(chat, "Hello there")
    _ask(chat, "And then?", asked.conversation_id)
    _answer(chat, asked)
    thread = chat.conversations.threads.open("ann", asked.conversation_id)
    assert [each.content for each in thread.messages] == ["Hello there", "Second."]
    assert [each.content for each in thread.before(thread.messages[1])] == ["First."]
    assert len(_all(chat, asked)) == 5
    first, _ = thread.versions(thread.messages[1].id)
    chat.conversations.threads.choose("ann", asked.conversation_id, first)
    assert _shown(chat, asked) == ["Hello there", "First.", "And then?", "Onwards."]


def test_an_edited_message_is_another_version_and_each_has_its_own_branch(
    chat: ChatServices, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Of Delft."), Reply("More of Delft."), Reply("Of Utrecht."), Reply("More of Utrecht."))
    old = _ask(chat, "Tell me of Delft")
    _ask(chat, "More", old.conversation_id)
    new = _edit(chat, old, "Tell me of Utrecht")
    assert new.parent_id is None
    assert _shown(chat, old) == ["Tell me of Utrecht", "Of Utrecht."]
    assert "Delft" not in str(model_server.chats[-1].body)
    _ask(chat, "More", old.conversation_id)
    assert _shown(chat, old) == ["Tell me of Utrecht", "Of Utrecht.", "More", "More of Utrecht."]
    assert "Delft" not in str(model_server.chats[-1].body)
    chat.conversations.threads.choose("ann", old.conversation_id, old.id)
    assert _shown(chat, old) == ["Tell me of Delft", "Of Delft.", "More", "More of Delft."]


def test_an_earlier_version_of_a_message_is_not_recalled_in_its_chat(
    chat: ChatServices, worker: Worker, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Zanzibar is warm."))
    old = _ask(chat, "How warm is Zanzibar in spring?")
    assert worker.remember_next()
    _edit(chat, old, "How warm is it in spring?")
    assert "Zanzibar" not in str(model_server.chats[-1].body)


def test_of_a_waiting_turn_that_was_edited_only_the_new_version_is_remembered(
    chat: ChatServices, worker: Worker, memory: Memory
) -> None:
    old = _ask(chat, "I keep bees in Delft.")
    _edit(chat, old, BEES)
    while worker.remember_next():
        pass
    assert [each["memory"] for each in memory.get_all(user_id="ann")["results"]] == [BEES]
    found = chat.conversations.message("ann", old.id)
    assert found is not None
    assert found.remembering == "none"


def test_what_was_learned_from_an_earlier_version_is_still_shown_under_it(chat: ChatServices, worker: Worker) -> None:
    old = _ask(chat, BEES)
    assert worker.remember_next()
    _edit(chat, old, "I keep bees in Delft.")
    found = chat.conversations.message("ann", old.id)
    assert found is not None
    assert found.receipt["remembered"]["events"]


def test_nothing_is_learned_again_from_another_reply(chat: ChatServices, worker: Worker, memory: Memory) -> None:
    asked = _ask(chat, BEES)
    assert worker.remember_next()
    _answer(chat, asked)
    assert not worker.remember_next()
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_a_message_said_before_the_reply_came_keeps_its_place_in_the_line(conversations: Conversations) -> None:
    first = conversations.say("ann", None, "First")
    second = conversations.say("ann", first.conversation_id, "Second")
    conversations.reply(second, "To the second", "complete", {})
    conversations.reply(first, "To the first", "complete", {})
    thread = conversations.threads.open("ann", first.conversation_id)
    assert [each.content for each in thread.messages] == ["First", "To the first", "Second", "To the second"]
    third = conversations.say("ann", first.conversation_id, "Third", seen=thread.messages[1].id)
    assert third.parent_id == thread.tip


def test_a_message_follows_on_the_branch_that_the_person_saw(conversations: Conversations) -> None:
    old = conversations.say("ann", None, "Old")
    reply = conversations.reply(old, "To the old", "complete", {})
    conversations.say("ann", old.conversation_id, "New", instead_of=old.id)
    assert conversations.say("ann", old.conversation_id, "On", seen=reply.id).parent_id == reply.id
    thread = conversations.threads.open("ann", old.conversation_id)
    assert [each.content for each in thread.messages] == ["Old", "To the old", "On"]


def test_only_the_persons_messages_in_this_chat_can_be_edited(conversations: Conversations) -> None:
    asked = conversations.say("ann", None, "Here")
    reply = conversations.reply(asked, "Reply", "complete", {})
    other = conversations.say("ann", None, "Elsewhere")
    for wrong in (reply.id, other.id, "nothing"):
        with pytest.raises(NotFound):
            conversations.say("ann", asked.conversation_id, "New", instead_of=wrong)
    with pytest.raises(NotFound):
        conversations.threads.choose("ann", asked.conversation_id, other.id)


def test_words_sent_twice_by_a_double_click_are_one_message_and_a_repeat_is_two(chat: ChatServices) -> None:
    first = say(chat, "ann", None, "Tea, please")
    assert say(chat, "ann", None, "Tea, please").id == first.id
    assert say(chat, "ann", first.conversation_id, "Tea, please").id == first.id
    assert say(chat, "ann", first.conversation_id, "Coffee, please").id != first.id
    _answer(chat, first)
    assert say(chat, "ann", first.conversation_id, "Tea, please").id != first.id
    assert len(chats_of(chat.conversations).recent("ann")) == 1


# -- the line, in short notation ------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    id: str
    parent_id: str | None
    role: str


def _drawn(*notation: str) -> list[Drawn]:
    """`b<a` is a message of the person that follows a; `B<a` is one of the assistant."""
    pairs = [each.partition("<") for each in notation]
    return [Drawn(each, parent or None, "user" if each.islower() else "assistant") for each, _, parent in pairs]


@pytest.mark.parametrize(
    ("notation", "head", "shown"),
    [
        ("", None, ""),
        ("a", None, "a"),
        ("a A<a b<A B<b", None, "a A b B"),
        ("a A<a b<A B<b", "gone", "a A b B"),
        ("a A<a Z<a", None, "a Z"),
        ("a A<a Z<a", "A", "a A"),
        # Two messages before the first reply, whichever reply comes first; and what was said after them, long ago.
        ("a b<a A<a B<b", None, "a A b B"),
        ("a b<a B<b A<a", None, "a A b B"),
        ("a b<a A<a c<A C<c", None, "a A b c C"),
        ("a b<a A<a B<b c<B C<c", None, "a A b B c C"),
        ("a b<a B<b A<a c<A", None, "a A b B c"),
        # Branches: at the first message, further down, and back.
        ("a A<a b<A B<b z Z<z", None, "z Z"),
        ("a A<a b<A B<b z Z<z", "a", "a A b B"),
        ("a A<a b<A B<b y<A Y<y", "b", "a A b B"),
        ("a A<a b<A B<b X<a", "X", "a X"),
        ("a A<a b<A B<b X<a x<X", "A", "a A b B"),
        # What hangs on a message that is gone, or on a later one, begins a line.
        ("b<nothing B<b", None, "b B"),
        ("a<b b", "a", "a"),
        ("A<nothing", None, "A"),
    ],
)
def test_the_line_leads_through_the_head_to_the_newest_message_below(
    notation: str, head: str | None, shown: str
) -> None:
    assert [each.id for each in line(_drawn(*notation.split()), head)] == shown.split()


@given(st.lists(st.tuples(st.booleans(), st.integers(-1, 20)), max_size=20), st.integers(0, 20))
def test_in_any_tree_the_line_has_the_head_and_no_message_twice(messages: list[tuple[bool, int]], head: int) -> None:
    nodes = [
        Drawn(str(number), str(parent) if parent >= 0 else None, "user" if says else "assistant")
        for number, (says, parent) in enumerate(messages)
    ]
    steps = line(nodes, str(head))
    ids = [each.id for each in steps]
    assert len(ids) == len(set(ids))
    assert all(each.id in each.versions for each in steps)
    if head < len(nodes):
        assert str(head) in ids
    assert bool(ids) == bool(nodes)


# -- what the model gets ------------------------------------------------------------------------


def test_the_model_gets_only_the_replies_that_are_shown(chat: ChatServices, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("A dull answer."), Reply("A bright answer."), Reply("Yes."))
    asked = _ask(chat, "Hello there")
    _answer(chat, asked)
    assert "A dull answer." not in str(model_server.chats[-1].body)
    _ask(chat, "Is it so?", asked.conversation_id)
    prompt = str(model_server.chats[-1].body)
    assert "A bright answer." in prompt
    assert "A dull answer." not in prompt


def test_a_reply_can_leave_out_a_memory_and_the_words_it_came_from(
    chat: ChatServices, worker: Worker, memory: Memory, model_server: ModelServer
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


def test_a_second_reply_does_not_recall_the_first(
    chat: ChatServices, worker: Worker, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Your bees fly over Zanzibar."))
    asked = _ask(chat, BEES)
    assert worker.remember_next()
    _answer(chat, asked)
    assert "Zanzibar" not in str(model_server.chats[-1].body)


def test_a_second_reply_that_fails_leaves_the_first(chat: ChatServices, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("First."), Fault(401))
    asked = _ask(chat, "Hello there")
    with pytest.raises(ModelError):
        _answer(chat, asked)
    assert _shown(chat, asked) == ["Hello there", "First."]


def test_one_message_is_read_as_it_is_now_and_only_by_its_owner(chat: ChatServices, worker: Worker) -> None:
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
