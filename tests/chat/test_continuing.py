"""A reply that broke off goes on where it stopped, as one reply; what is written so far outlives the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from chat.answering.partial_reply import broke_off, can_continue, joined
from chat.reply import Replies
from chat.tree import Message
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database
from memory.errors import ModelError, NotFound
from tests.chat.conftest import Sql, chats_of, until
from tests.model_answers import Cut, CutOff, Fault, Gate, Item, Reply, Slow
from tests.model_server import ModelServer


@pytest.fixture
def replies(chat: ChatServices) -> Iterator[Replies]:
    with closing(Replies(chat)) as running:
        yield running


def _messages(chat: ChatServices, asked: Message) -> list[Message]:
    return chat.conversations.messages(asked.user_id, asked.conversation_id)


def _written(replies: Replies, asked: Message, earlier: Message | None = None) -> None:
    replies.begin(asked, earlier=earlier)
    until(lambda: replies.task_for(asked.user_id, asked.conversation_id) is None)


def _stopped(chat: ChatServices, replies: Replies, model_server: ModelServer, pieces: list[str]) -> list[Message]:
    """Say something, and stop its reply after these pieces."""
    gate = Gate()
    model_server.enqueue(Slow([*pieces, "never said"], gate))
    asked = say(chat, "ann", None, "Tell me of Delft")
    replies.begin(asked)
    task = replies.task_for("ann", asked.conversation_id)
    assert task is not None
    gate.let(len(pieces))
    until(lambda: task.written == "".join(pieces))
    replies.stop("ann", asked.conversation_id)
    gate.open()
    return _messages(chat, asked)


def _continued(
    chat: ChatServices, replies: Replies, model_server: ModelServer, rest: Item
) -> tuple[Message, list[Message]]:
    """Stop a reply after "Delft has many ca", and have it go on with the rest; return it as it was, and the chat."""
    asked, part = _stopped(chat, replies, model_server, ["Delft has ", "many ca"])
    model_server.enqueue(rest)
    _written(replies, asked, part)
    return part, _messages(chat, asked)


def test_a_stopped_reply_goes_on_where_it_stopped_as_one_reply(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    part, [_, whole] = _continued(chat, replies, model_server, Reply("canals and a new church."))
    assert (whole.id, whole.content, whole.status) == (
        part.id,
        "Delft has many canals and a new church.",
        "complete",
    )
    [*_, told, begun, last] = model_server.chats[-1].body["messages"]
    assert (told["content"], begun) == ("Tell me of Delft", {"role": "assistant", "content": "Delft has many "})
    assert (last["role"], "broke off" in last["content"]) == ("user", True)
    assert not can_continue(whole)


@pytest.mark.parametrize(
    ("first", "status"), [(CutOff("One, two, thr"), "complete"), (Cut(after_pieces=2), "failed")], ids=["long", "dead"]
)
def test_a_reply_that_was_too_long_or_lost_its_model_goes_on(
    first: Item, status: str, chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    model_server.enqueue(first, Reply("and the rest"))
    asked = say(chat, "ann", None, "Count")
    _written(replies, asked)
    part = _messages(chat, asked)[1]
    assert (part.status, can_continue(part)) == (status, True)
    _written(replies, asked, part)
    [_, whole] = _messages(chat, asked)
    assert whole.content.endswith(" and the rest")
    assert (whole.status, can_continue(whole), "cut_off" in whole.receipt) == ("complete", False, False)


def test_a_reply_can_be_stopped_and_go_on_several_times(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    asked, part = _stopped(chat, replies, model_server, ["One ", "two "])
    model_server.enqueue(CutOff("two three fou"), Reply("four five"))
    for _ in range(2):
        _written(replies, asked, part)
        part = _messages(chat, asked)[1]
    assert part.content == "One two three four five"


def test_its_receipt_tells_what_both_parts_used_and_cost(
    chat: ChatServices, replies: Replies, model_server: ModelServer, memory: Memory
) -> None:
    [kept] = memory.add("I lived in Delft as a child.", user_id="ann")["results"]
    model_server.enqueue(CutOff("One two"), Reply("two three"))
    asked = say(chat, "ann", None, "Tell me of Delft")
    _written(replies, asked)
    part = _messages(chat, asked)[1]
    memory.add("I work in Delft.", user_id="ann")
    _written(replies, asked, part)
    whole = _messages(chat, asked)[1].receipt
    assert kept["id"] in [each["id"] for each in whole["memories"]]
    assert len({each["id"] for each in whole["memories"]}) == len(whole["memories"]) == 2
    assert whole["reply_tokens"] > part.receipt["reply_tokens"] > 0
    assert whole["first_ms"] == part.receipt["first_ms"]


@pytest.mark.parametrize("trouble", [Fault(500), Reply("")], ids=["refused", "nothing"])
def test_when_nothing_comes_the_reply_stays_as_it_was(
    trouble: Item, chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    part, [asked, now] = _continued(chat, replies, model_server, trouble)
    assert now == part
    assert replies.problem_with("ann", asked.id)


def test_without_a_model_a_reply_cannot_go_on_and_says_so(
    chat: ChatServices, replies: Replies, model_server: ModelServer, memory: Memory
) -> None:
    asked, part = _stopped(chat, replies, model_server, ["Delft has ", "many ca"])
    with closing(Replies(ChatServices(chat.conversations, memory, None, lambda: None))) as without:
        _written(without, asked, part)
        assert "No language model" in (without.problem_with("ann", asked.id) or "")
    assert _messages(chat, asked)[1] == part


def test_a_reply_that_was_changed_or_erased_elsewhere_is_not_written_over(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    asked, part = _stopped(chat, replies, model_server, ["Delft has ", "many ca"])
    chat.conversations.reply(asked, "Delft has many bicycles.", "complete", {}, before=part)
    with pytest.raises(NotFound, match="changed in the meantime"):
        chat.conversations.reply(asked, "Delft has many canals.", "complete", {}, before=part)
    _written(replies, asked, part)
    assert "changed" in (replies.problem_with("ann", asked.id) or "")
    assert _messages(chat, asked)[1].content == "Delft has many bicycles."
    with pytest.raises(NotFound):
        chat.conversations.reply(asked, "Not what I said", "complete", {}, before=_messages(chat, asked)[0])


def test_what_was_erased_meanwhile_is_not_quoted_by_the_receipt(
    chat: ChatServices, replies: Replies, model_server: ModelServer, memory: Memory, database: Database
) -> None:
    memory.add("I lived in Delft as a child.", user_id="ann")
    gate = Gate()
    model_server.enqueue(CutOff("One two"), Slow(["two ", "three"], gate))
    asked = say(chat, "ann", None, "Tell me of Delft")
    _written(replies, asked)
    part = _messages(chat, asked)[1]
    assert part.receipt["memories"]
    replies.begin(asked, earlier=part)
    model_server.wait_for_chats(2)
    with database.as_user("ann") as connection:
        chat.conversations.queue.leases.note_erasing(connection)
    gate.open()
    until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    assert "memories" not in _messages(chat, asked)[1].receipt


def test_other_tabs_notice_that_a_reply_went_on(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    asked, part = _stopped(chat, replies, model_server, ["Delft has ", "many ca"])
    before = chat.conversations.threads.stamp("ann", asked.conversation_id)
    model_server.enqueue(Reply("canals."))
    _written(replies, asked, part)
    assert chat.conversations.threads.stamp("ann", asked.conversation_id) != before


def test_the_whole_reply_is_found_by_its_last_words(
    chat: ChatServices, replies: Replies, model_server: ModelServer
) -> None:
    _, [asked, _] = _continued(chat, replies, model_server, Reply("canals and a prinsenhof."))
    assert [each.chat_id for each in chats_of(chat.conversations).search("ann", "prinsenhof")] == [
        asked.conversation_id
    ]


# -- a process that is killed ---------------------------------------------------------------------


@pytest.fixture
def eager(chat: ChatServices) -> ChatServices:
    """A chat whose replies are saved after each piece."""
    return replace(chat, saving_seconds=0.0)


def test_a_reply_is_saved_while_it_is_written_so_that_it_can_go_on_after_a_kill(
    eager: ChatServices, model_server: ModelServer, sql: Sql
) -> None:
    with closing(Replies(eager)) as replies:
        gate = Gate()
        model_server.enqueue(Slow(["Delft ", "has ", "many"], gate))
        asked = say(eager, "ann", None, "Tell me of Delft")
        replies.begin(asked)
        for written in ("Delft ", "Delft has "):
            gate.let()
            until(lambda: [each.content for each in _messages(eager, asked)[1:]] == [written])  # noqa: B023
        part = _messages(eager, asked)[1]
        assert (part.status, can_continue(part)) == ("stopped", True)
        assert sql("select remember_after > now() from app.messages where id = %s::uuid", asked.id) == [(True,)]
        gate.open()
        until(lambda: replies.task_for("ann", asked.conversation_id) is None)
        assert [(each.id, each.content, each.status) for each in _messages(eager, asked)[1:]] == [
            (part.id, "Delft has many", "complete")
        ]
        assert sql("select remember_after > now() from app.messages where id = %s::uuid", asked.id) == [(False,)]


def test_a_reply_that_cannot_be_saved_while_it_is_written_is_saved_at_its_end(
    eager: ChatServices, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = type(eager.conversations).reply

    def once_away(*arguments: object, unfinished: bool = False, **named: object) -> Message:
        if unfinished:
            raise ModelError("The database is away.")
        return reply(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(eager.conversations), "reply", once_away)
    model_server.enqueue(Reply("Delft has canals."))
    asked = say(eager, "ann", None, "Tell me of Delft")
    with closing(Replies(eager)) as replies:
        _written(replies, asked)
    assert [each.content for each in _messages(eager, asked)[1:]] == ["Delft has canals."]


# -- joining --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Delft has many ca", "Delft has many "),
        ("Delft has canals.", "Delft has "),
        ("One line\nTwo", "One line\n"),
        ("x = 1\n", "x = "),
        ("Delft", ""),
        ("", ""),
        ("代尔夫特有许多运河" * 6, "代尔夫特有许多运河" * 6),
    ],
)
def test_the_last_word_is_written_again_since_it_may_be_half_a_word(written: str, kept: str) -> None:
    assert broke_off(written) == kept


@pytest.mark.parametrize(
    ("before", "pieces", "whole"),
    [
        ("Delft has many ", ["canals."], "Delft has many canals."),
        ("Delft has many ", [" canals."], "Delft has many canals."),
        ("Delft has many ", ["has ", "many ", "canals."], "Delft has many canals."),
        ("Delft has many ", ["Delft has", " many canals."], "Delft has many canals."),
        ("Delft has many ", ["many a canal"], "Delft has many many a canal"),
        ("Delft has many ", [], "Delft has many "),
        ("Delft has many ", ["has many"], "Delft has many "),
        ("```python\nx = ", ["```python\n", "1\n```"], "```python\nx = 1\n```"),
        ("```python\nx = 1\n```\nAnd ", ["```sh\nls\n```"], "```python\nx = 1\n```\nAnd ```sh\nls\n```"),
        ("代尔夫特" * 20, ["有", "运河"], "代尔夫特" * 20 + "有运河"),
        ("One. ", ["\n\nTwo."], "One. \n\nTwo."),
    ],
)
def test_the_parts_are_joined_without_what_the_model_says_twice(before: str, pieces: list[str], whole: str) -> None:
    assert before + "".join(joined(before, pieces)) == whole


def test_words_that_repeat_nothing_come_at_once() -> None:
    told: list[str] = []

    def pieces() -> Iterator[str]:
        for each in ("canals ", "and ", "bridges"):
            told.append(each)
            yield each

    assert next(joined("Delft has many ", pieces())) == "canals "
    assert told == ["canals "]
