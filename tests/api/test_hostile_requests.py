"""Huge, odd and wrong requests: each gets a sentence, and none is answered with 500."""

from __future__ import annotations

from typing import Any

import pytest

from api import CALLS
from api.calls import MAX_BODY
from tests.api.conftest import Caller

ADD, SEARCH, LIST = "/v3/memories/add/", "/v3/memories/search/", "/v3/memories/"
ODD: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"\x00",
    b'{"messages": NaN}',
    b'{"query": 1e999}',
    b"[" * 50_000,
    b'{"filters": ' + b'{"AND": [' * 5_000 + b"]}" * 5_000 + b"}",
    b'{"metadata": ' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b', "messages": "I keep bees."}',
    b'{"change": ' + b"9" * 5_000 + b"}",
    b'{"change": 99999999999999999999}',
    b'{"\\ud800": 1}',
    b'{"query": "\\ud800\\u0000"}',
    b'{"query": "x", "filters": {"\\ud800": "\\ud800"}}',
    b'{"query": "x", "filters": {"data": {"$gt": 1e400}}}',
    b'{"messages": "\\ud800 I keep bees", "infer": false}',
    b'{"messages": [{"role": "user"}]}',
    b'{"messages": [{"role": "root", "content": "x"}]}',
    b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
    b'{"messages": [1]}',
    b'{"messages": []}',
    b'{"messages": "x", "timestamp": 99999999999999999}',
    b'{"messages": "x", "expiration_date": "tomorrow"}',
    b'{"messages": "x", "run_id": "\\u0000"}',
    b'{"messages": "x", "metadata": {"a b": 1}}',
    b'{"query": "x", "top_k": 0}',
    b'{"query": "x", "top_k": 1e300}',
    b'{"query": "x", "as_of": "yesterday"}',
    b'{"page": -1}',
    b'{"memories": [{}]}',
    b'{"memories": []}',
    b'{"answer": "maybe"}',
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_no_body_is_answered_with_an_error_of_the_server(kim: Caller, body: bytes) -> None:
    [known] = kim.remembers("I keep bees.")
    for call in CALLS:
        if call.body is None or "erase" in call.summary:
            continue
        path = call.path.format(memory_id=known, question_id=known, kind="agent", name="x")
        answer = kim.ask(call.method, path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code < 500 or answer.status_code == 501, (path, answer.text)
        if answer.status_code != 200:
            assert answer.json()["detail"].endswith("."), answer.text


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_no_body_with_an_applications_key_is_answered_with_an_error_of_the_server(shop: Caller, body: bytes) -> None:
    for sent in (
        body,
        body.replace(b"{", b'{"user_id": "alice", ', 1),
        body.replace(b"{", b'{"agent_id": "cook", ', 1),
    ):
        for call in (each for each in CALLS if each.body is not None):
            path = call.path.format(memory_id="x", question_id="x")
            answer = shop.ask(call.method, path, content=sent, headers={"content-type": "application/json"})
            assert answer.status_code < 500 or answer.status_code == 501, (path, answer.text)
            if answer.status_code != 200:
                assert answer.json()["detail"].endswith("."), answer.text


@pytest.mark.parametrize("part", ["%00", "%ff", "x" * 5_000, "..", "%2F", "'%20or%20true%20--", "%F0%9F%90%9D"])
def test_no_id_in_an_address_is_answered_with_an_error_of_the_server(kim: Caller, shop: Caller, part: str) -> None:
    for call in (each for each in CALLS if "{" in each.path):
        for kind in (part, "user"):
            path = call.path.format(memory_id=part, question_id=part, kind=kind, name=part)
            for program in (kim, shop):
                answer = program.ask(call.method, path, {"text": "x"} if call.method == "PUT" else None)
                assert answer.status_code in (200, 400, 403, 404, 405, 501), (path, answer.text)


@pytest.mark.parametrize(
    "query",
    ["page=x", "page=0", "page_size=1001", "page=99999999999", "limit=-1", "limit=1e9", "other=1", "page=1&page="],
)
def test_no_query_is_answered_with_an_error_of_the_server(kim: Caller, query: str) -> None:
    for call in (each for each in CALLS if each.query is not None):
        answer = kim.ask(call.method, f"{call.path.format(memory_id='x')}?{query}", {} if call.body else None)
        assert answer.status_code in (200, 400, 404), (call.path, answer.text)


def test_a_body_that_is_too_long_is_refused_before_it_is_read_to_its_end(kim: Caller) -> None:
    answer = kim.ask("POST", ADD, content=b" " * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()["detail"]) == (413, "A body has at most 1,000,000 bytes.")


def test_a_message_that_is_too_long_is_refused_as_in_the_app(kim: Caller) -> None:
    answer = kim.ask("POST", ADD, {"messages": "x" * 40_000})
    assert answer.status_code == 400
    assert "40,000 characters" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"query": "x", "colour": "red"}, "colour"),
        ({"query": "x", "reference_date": "2026-01-01"}, "reference_date"),
        ({"query": "x", "categories": ["food"]}, "categories"),
        ({"query": "x", "show_expired": True}, "show_expired"),
        ({"query": "x", "filters": {"categories": {"in": ["food"]}}}, "categories"),
        ({}, "query"),
    ],
)
def test_what_is_not_offered_is_named_and_never_ignored(kim: Caller, body: dict[str, Any], word: str) -> None:
    answer = kim.ask("POST", SEARCH, body)
    assert answer.status_code in (400, 501)
    assert word in answer.json()["detail"]


def test_an_unknown_address_or_method_gets_a_sentence(kim: Caller) -> None:
    assert kim.ask("GET", "/v9/everything/").status_code == 404
    assert kim.ask("PATCH", "/v1/ping/").status_code == 405
    assert "/docs" in kim.ask("GET", "/v9/everything/").json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/exports/"),
        ("POST", "/v1/summary/"),
        ("GET", "/v2/entities/user/kim/profile/"),
        ("GET", "/v2/profiles/settings/"),
        ("GET", "/api/v1/orgs/organizations/1/projects/2/"),
        ("POST", "/api/v1/webhooks/projects/1/"),
    ],
)
def test_the_rest_of_mem0s_calls_is_answered_with_not_here(kim: Caller, method: str, path: str) -> None:
    answer = kim.ask(method, path, {})
    assert (answer.status_code, "Keepsake does not have" in answer.json()["detail"]) == (501, True)


def test_so_many_calls_a_minute_and_messages_a_minute(kim: Caller) -> None:
    answers = [kim.ask("POST", ADD, {"messages": f"I own {number} bees.", "infer": False}) for number in range(21)]
    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert answers[-1].headers["retry-after"].isdecimal()
    assert kim.told("GET", "/v1/ping/")


def test_a_bug_is_answered_without_telling_anything(kim: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(kim.home.memory, "get_all", broken)
    answer = kim.ask("POST", LIST, {"as_of": "2026-01-01"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
