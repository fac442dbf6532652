"""Any input of `add` is stored readable or refused with a sentence, never stored in part."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from memory import Memory, Said
from memory.database import Database
from memory.errors import InvalidInput

HELLO = {"role": "user", "content": "hello there"}


def _add(memory: Memory, messages: Any, **more: Any) -> list[str]:
    memory.add(messages, user_id="alice", infer=False, **more)
    return [each["memory"] for each in memory.get_all(user_id="alice", limit=1000)["results"]]


def _only(memory: Memory) -> dict[str, Any]:
    [found] = memory.get_all(user_id="alice")["results"]
    return dict(found)


@pytest.mark.parametrize(
    "messages", ["hello there", HELLO, [HELLO], (HELLO,), Said("user", "hello there"), [Said("user", " hello there\n")]]
)
def test_text_one_message_and_a_list_are_all_accepted(memory: Memory, messages: Any) -> None:
    assert _add(memory, messages) == ["hello there"]


def test_messages_are_kept_as_said_with_their_roles_but_no_system_message(memory: Memory, database: Database) -> None:
    turns = [HELLO, {"role": "assistant", "content": "hi!"}, {"role": "system", "content": "be kind"}]
    events = memory.add(turns, user_id="alice", infer=False)["results"]
    assert [(each["memory"], each["event"]) for each in events] == [
        ("hello there", "ADD"),
        ("hi!", "ADD"),
    ]
    roles = database.read_as(
        "alice", "select metadata ->> 'role' as role, metadata ->> 'data' as data from vecs.memories"
    )
    assert {(row["role"], row["data"]) for row in roles} == {
        ("user", "hello there"),
        ("assistant", "hi!"),
    }


def test_messages_kept_as_said_may_repeat(memory: Memory) -> None:
    assert _add(memory, [HELLO, HELLO]) == ["hello there"] * 2


def test_a_message_kept_as_said_is_recorded_as_the_persons(memory: Memory, database: Database) -> None:
    _add(memory, HELLO)
    assert database.read_as("alice", "select action, actor from app.memory_history") == [
        {"action": "add", "actor": "person"}
    ]


def test_own_keys_a_time_a_run_and_an_expiry_date_are_kept(memory: Memory) -> None:
    said_at = datetime(2024, 2, 29, 12, tzinfo=UTC)
    _add(memory, HELLO, metadata={"dia_id": "D1:1", "n": {"deep": [1, None]}}, at=said_at, run_id="r", expires=date.max)
    found = _only(memory)
    assert found["metadata"] == {
        "dia_id": "D1:1",
        "n": {"deep": [1, None]},
        "run_id": "r",
        "role": "user",
        "expiration_date": "9999-12-31",
    }
    assert found["created_at"] == "2024-02-29T12:00:00+00:00"


def test_an_expiry_date_with_a_time_is_a_day(memory: Memory) -> None:
    _add(memory, HELLO, expires=datetime(2999, 1, 2, 3, 4, tzinfo=UTC))
    assert _only(memory)["metadata"]["expiration_date"] == "2999-01-02"


def test_a_time_without_a_zone_is_taken_for_utc(memory: Memory) -> None:
    _add(memory, Said("user", "hello there", datetime(2024, 2, 29, 12)))
    assert _only(memory)["created_at"] == "2024-02-29T12:00:00+00:00"


@pytest.mark.parametrize("key", ["data", "user_id", "hash", "created_at", "updated_at", "role"])
def test_a_key_of_the_memory_layer_cannot_be_overwritten(untouched: Memory, key: str) -> None:
    with pytest.raises(InvalidInput, match=key):
        _add(untouched, HELLO, metadata={key: "bob"})
    assert untouched.get_all(user_id="alice") == {"results": []}


@pytest.mark.parametrize(
    "messages",
    [
        *(None, 5, b"bytes", {}, [], (), [None], [5], [[]], ["hello"], object(), {1: 2}),
        *("", " \n", {"role": "user"}, {"content": "x"}, {"role": "user", "content": ""}),
        *({"role": "robot", "content": "x"}, {"role": ["user"], "content": "x"}, {"role": "user", "content": 5}),
        *({"role": "user", "content": {"text": "x"}}, [HELLO, None], Said("robot", "x")),
    ],
)
@pytest.mark.parametrize("infer", [True, False])
def test_a_value_that_is_no_message_is_refused_and_nothing_is_kept(
    untouched: Memory, messages: Any, infer: bool
) -> None:
    with pytest.raises(InvalidInput):
        untouched.add(messages, user_id="alice", infer=infer)
    assert untouched.get_all(user_id="alice") == {"results": []}


@pytest.mark.parametrize(
    "more",
    [
        *({"metadata": value} for value in ("text", 5, ["a"], {1: 2}, {" a": 1}, {"": 1}, {"k" * 101: 1})),
        *({"metadata": {"k": value}} for value in (object(), {1, 2}, float("nan"), float("inf"), b"x", date.max)),
        *({"metadata": {"k": value}} for value in ("nul\x00", "half \ud800", [{"deep": "\x00"}])),
        {"metadata": {"nul\x00": 1}},
        *({"at": value} for value in ("soon", 1e30, True, "9999-99-99")),
        *({"expires": value} for value in ("soon", 5)),
        {"run_id": 5.5},
    ],
)
def test_details_that_cannot_be_kept_are_refused(untouched: Memory, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        _add(untouched, HELLO, **more)
    assert untouched.get_all(user_id="alice") == {"results": []}


def test_metadata_may_contain_the_text_of_an_escape(memory: Memory) -> None:
    _add(memory, HELLO, metadata={"k": "a literal \\u0000 and \\\\u0000"})
    assert _only(memory)["metadata"]["k"] == "a literal \\u0000 and \\\\u0000"


def test_a_huge_text_is_refused_with_its_size(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match="100,001"):
        _add(memory, "x" * 100_001)
    assert len(_add(memory, "word " * 19_999 + "word")[0]) == 99_999


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("a \ud800 b", "a ? b"),
        ("\u202eשלום עולם", "\u202eשלום עולם"),
        ("👩‍👩‍👧 𝄞 \U0010ffff", "👩‍👩‍👧 𝄞 \U0010ffff"),
        ("100 % of \\ 'quotes' \" %s {} ; --", "100 % of \\ 'quotes' \" %s {} ; --"),
        ("e\u0301\ufeff\u200b", "e\u0301\ufeff\u200b"),
        ("two\r\nlines\ttab", "two\r\nlines\ttab"),
    ],
)
def test_odd_text_is_kept_readable(memory: Memory, words: str, kept: str) -> None:
    assert _add(memory, words) == [kept]
    assert [each["memory"] for each in memory.search(words, user_id="alice")["results"]] == [kept]


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(words=st.text(st.characters(codec=None, categories=None), min_size=1, max_size=80))
def test_every_text_is_kept_or_refused_with_a_sentence(memory: Memory, words: str) -> None:
    try:
        [event] = memory.add(words, user_id="alice", infer=False)["results"]
    except InvalidInput:
        assert not words.strip()
    else:
        found = memory.get(event["id"], user_id="alice")
        assert found is not None
        assert found["memory"] == event["memory"]
        memory.add(words, user_id="bob")


@pytest.mark.parametrize("limit", [0, -1, 1001, "5", 2.5, None])
def test_a_limit_out_of_range_is_refused(untouched: Memory, limit: Any) -> None:
    for call in (untouched.get_all, lambda **more: untouched.search("tea", **more)):
        with pytest.raises(InvalidInput, match="limit"):
            call(user_id="alice", limit=limit)


@pytest.mark.parametrize("query", [None, 5, b"tea", ["tea"]])
def test_a_question_that_is_no_text_is_refused(untouched: Memory, query: Any) -> None:
    with pytest.raises(InvalidInput):
        untouched.search(query, user_id="alice")


@pytest.mark.parametrize("words", ["", "  ", None, 5, "x" * 100_001])
def test_a_memory_cannot_be_changed_to_something_that_is_no_text(memory: Memory, words: Any) -> None:
    [event] = memory.add("I like tea.", user_id="alice")["results"]
    with pytest.raises(InvalidInput):
        memory.update(event["id"], words, user_id="alice")
    assert _only(memory)["memory"] == "I like tea."
