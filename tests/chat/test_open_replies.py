"""Replies across processes: followed, stopped and continued from another one, and each written once.

Two `Replies` with a connection to the database of their own each know as little of each other as two processes do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from chat.conversations import Conversations
from chat.open_replies import REPLIES_AT_ONCE, TOO_MANY, OpenReplies, ReplyWatch
from chat.reply import FollowedReply, Replies
from chat.tree import Message
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database
from memory.model.client import OpenAIModel
from tests.chat.conftest import Sql, until
from tests.model_answers import Gate, Reply, Slow
from tests.model_server import ModelServer

Process = Callable[[], ChatServices]


@pytest.fixture
def process(database: Database, memory: Memory, model: OpenAIModel) -> Iterator[Process]:
    """Make the chat services of one more process, which saves what it writes at once and looks often."""
    with ExitStack() as opened:

        def made() -> ChatServices:
            own = opened.enter_context(closing(Database(database.url)))
            chat = ChatServices(Conversations(own), memory, model, lambda: None)
            return replace(chat, saving_seconds=0.0, renewing_seconds=0.03)

        yield made


@pytest.fixture
def first(process: Process) -> Iterator[Replies]:
    with closing(Replies(process())) as replies:
        yield replies


@pytest.fixture
def second(process: Process) -> Iterator[Replies]:
    with closing(Replies(process())) as replies:
        yield replies


def _said(replies: Replies, words: str = "Tell me of Delft", chat_id: str | None = None) -> Message:
    """Say something in a process, which begins to answer."""
    asked = say(replies.chat, "ann", chat_id, words, answered=True)
    replies.begin(asked)
    return asked


def _elsewhere(replies: Replies, asked: Message) -> FollowedReply | None:
    return replies.elsewhere(replies.chat.conversations.threads.open("ann", asked.conversation_id))


def _followed(replies: Replies, asked: Message) -> FollowedReply:
    """The reply as another process sees it, once it does: who writes notes it in a thread of its own."""
    until(lambda: _elsewhere(replies, asked))
    found = _elsewhere(replies, asked)
    assert found is not None
    return found


def _replies_in(replies: Replies, asked: Message) -> list[tuple[str, str]]:
    messages = replies.chat.conversations.messages("ann", asked.conversation_id)
    return [(each.content, each.status) for each in messages if each.role == "assistant"]


def _until_shown(pieces: Iterator[str], words: str) -> str:
    """Follow a reply until these words are shown."""
    shown = ""
    while words not in shown:
        shown += next(pieces)
    return shown


def _none_is_open(sql: Sql) -> None:
    until(lambda: sql("select 1 from app.open_replies") == [])


def test_a_reply_grows_in_another_process_and_ends_there_as_well(
    first: Replies, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One two ", "three four ", "five"], gate))
    asked = _said(first)
    elsewhere = _followed(second, asked)
    pieces = elsewhere.follow()
    gate.let(1)
    assert _until_shown(pieces, "One") == "One "  # "two" may be half a word
    gate.let(1)
    assert _until_shown(pieces, "three") == "two three "
    gate.open()
    list(pieces)
    assert (elsewhere.has_words, elsewhere.written) == (True, "One two three four five")
    assert elsewhere.saved is not None
    assert elsewhere.saved.status == "complete"
    assert _elsewhere(second, asked) is None
    _none_is_open(sql)


def test_a_reply_is_stopped_from_another_process_although_the_model_is_silent(
    first: Replies, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One two ", "three"], gate))
    asked = _said(first)
    elsewhere = _followed(second, asked)
    pieces = elsewhere.follow()
    gate.let(1)
    _until_shown(pieces, "One")
    second.stop("ann", asked.conversation_id)
    list(pieces)
    assert elsewhere.written == "One two "
    assert _replies_in(second, asked) == [("One two ", "stopped")]
    assert first.task_for("ann", asked.conversation_id) is None
    _none_is_open(sql)
    gate.open()


def test_a_reply_stopped_before_its_first_word_leaves_the_message_to_be_answered_again(
    first: Replies, second: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["late"], gate), Reply("Now."))
    asked = _said(first)
    elsewhere = _followed(second, asked)
    model_server.wait_for_chats(1)
    second.stop("ann", asked.conversation_id)
    list(elsewhere.follow())
    assert (elsewhere.has_words, elsewhere.saved) == (False, None)
    second.begin(asked)
    until(lambda: _replies_in(second, asked) == [("Now.", "complete")])
    gate.open()


def test_while_its_writer_lives_no_other_process_answers_the_same_message(
    first: Replies, second: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["Here."], gate))
    asked = _said(first)
    second.begin(asked)
    assert second.task_for("ann", asked.conversation_id) is None
    assert second.problem_with("ann", asked.id) is None
    gate.open()
    until(lambda: _replies_in(second, asked) == [("Here.", "complete")])
    assert len(model_server.chats) == 1


def _half_a_reply_of_a_dead_process(process: Process) -> tuple[Message, Message]:
    """What a process leaves that was killed while it wrote: nobody renews its reply any more."""
    dead = process()
    asked = say(dead, "ann", None, "Tell me of Delft", answered=True)
    half = dead.conversations.reply(asked, "Delft has can", "stopped", {}, unfinished=True)
    return asked, half


def test_what_a_killed_process_wrote_goes_on_in_another_once_it_counts_as_dead(
    process: Process, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    asked, half = _half_a_reply_of_a_dead_process(process)
    followed = _followed(second, asked)
    pieces = followed.follow()
    assert _until_shown(pieces, "Delft") == "Delft has "
    sql("update app.open_replies set open_until = clock_timestamp()")  # as time does
    list(pieces)
    assert followed.written == "Delft has can"
    assert _elsewhere(second, asked) is None  # "Continue" is offered
    model_server.enqueue(Reply("canals."))
    second.begin(asked, earlier=half)
    until(lambda: _replies_in(second, asked) == [("Delft has canals.", "complete")])
    _none_is_open(sql)


def test_a_reply_that_goes_on_elsewhere_is_followed_in_its_own_place(
    first: Replies, second: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    asked = say(first.chat, "ann", None, "Tell me of Delft")
    half = first.chat.conversations.reply(asked, "Delft has can", "stopped", {})
    model_server.enqueue(Slow(["canals and ", "bridges."], gate))
    first.begin(asked, earlier=half)
    followed = _followed(second, asked)
    pieces = followed.follow()
    gate.let(1)
    assert _until_shown(pieces, "canals") == "Delft has canals "
    gate.open()
    list(pieces)
    assert followed.saved is not None
    assert (followed.saved.id, followed.written) == (half.id, "Delft has canals and bridges.")


def test_another_answer_is_followed_elsewhere_without_the_words_of_the_first(
    first: Replies, second: Replies, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Reply("The first answer."), Slow(["Another ", "one."], gate))
    asked = _said(first)
    until(lambda: first.task_for("ann", asked.conversation_id) is None)
    first.begin(asked)
    followed = _followed(second, asked)
    pieces = followed.follow()
    assert next(pieces) == ""
    gate.open()
    list(pieces)
    assert followed.written == "Another one."


def test_a_message_said_in_another_process_ends_the_reply_that_is_being_written(
    first: Replies, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One two ", "three"], gate), Reply("Utrecht has a tower."))
    asked = _said(first)
    gate.let(1)
    until(lambda: _replies_in(first, asked) == [("One two ", "stopped")])
    next_one = _said(second, "And Utrecht?", asked.conversation_id)
    _none_is_open(sql)
    until(lambda: first.task_for("ann", asked.conversation_id) is None)
    gate.open()
    line = second.chat.conversations.threads.open("ann", asked.conversation_id).messages
    told = [(each.content, each.status) for each in line]
    assert told == [
        ("Tell me of Delft", "complete"),
        ("One two ", "stopped"),
        ("And Utrecht?", "complete"),
        ("Utrecht has a tower.", "complete"),
    ]
    assert next_one.parent_id in {each.id for each in line}


def test_what_is_said_at_once_in_two_processes_is_kept_in_one_line(
    first: Replies, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    model_server.enqueue(Reply("Hello."))
    asked = _said(first, "Good morning")
    _none_is_open(sql)
    together = threading.Barrier(2)

    def speak(replies: Replies, words: str) -> None:
        together.wait()
        _said(replies, words, asked.conversation_id)

    threads = [threading.Thread(target=speak, args=each) for each in ((first, "One"), (second, "Two"))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    _none_is_open(sql)
    until(lambda: not any(each.task_for("ann", asked.conversation_id) for each in (first, second)))
    line = first.chat.conversations.threads.open("ann", asked.conversation_id).messages
    said = [each.content for each in line if each.role == "user"]
    assert sorted(said) == ["Good morning", "One", "Two"]
    last = [each for each in line if each.role == "user"][-1]
    assert [each.status for each in line if each.parent_id == last.id and each.role == "assistant"] == ["complete"]


def test_the_replies_of_a_person_are_counted_over_all_processes(
    process: Process, second: Replies, model_server: ModelServer, sql: Sql
) -> None:
    elsewhere = process()
    for number in range(REPLIES_AT_ONCE):
        say(elsewhere, "ann", None, f"Question {number}", answered=True)
    asked = _said(second, "One more")
    assert second.problem_with("ann", asked.id) == TOO_MANY
    assert model_server.chats == []
    sql("update app.open_replies set open_until = clock_timestamp()")  # those processes died
    second.begin(asked)
    until(lambda: len(_replies_in(second, asked)) == 1)
    assert second.problem_with("ann", asked.id) is None


class CountingOpenReplies(OpenReplies):
    """Notes what is asked of the database, and by which thread."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.looks: list[tuple[str, int]] = []
        self.reads = 0

    def look(self, conversation_ids: Collection[str]) -> dict[str, tuple[str, int]]:
        """Note a look at several chats."""
        self.looks.append((threading.current_thread().name, len(conversation_ids)))
        return super().look(conversation_ids)

    def words(self, asked: Message) -> Message | None:
        """Note that words were read."""
        self.reads += 1
        return super().words(asked)


def test_all_pages_of_a_process_look_together_and_read_only_what_grew(process: Process, database: Database) -> None:
    asked, _ = _half_a_reply_of_a_dead_process(process)
    counting = CountingOpenReplies(database)
    watch = ReplyWatch(counting, 0.01)
    with ExitStack() as pages:
        followed = [pages.enter_context(watch.following(asked)) for _ in range(10)]
        until(lambda: followed[0].saves == 1)
        told = [watch.words(each) for each in followed]
        assert [each.content for each in told if each] == ["Delft has can"] * 10
        looked = len(counting.looks)
        until(lambda: len(counting.looks) > looked + 3)
    assert set(counting.looks) == {("keepsake-watching", 1)}
    assert counting.reads == 1
    until(lambda: not [each for each in threading.enumerate() if each.name == "keepsake-watching"])


def test_a_process_whose_replies_are_short_asks_nothing_about_others(
    process: Process, model_server: ModelServer, sql: Sql, database: Database
) -> None:
    chat = process()
    counting = CountingOpenReplies(database)
    chat.conversations.open_replies = counting
    model_server.enqueue(Reply("Delft has canals."))
    with closing(Replies(chat)) as replies:
        _said(replies)
        _none_is_open(sql)
    assert (counting.looks, counting.reads) == ([], 0)
