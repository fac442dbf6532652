"""Who may call: the key decides, and nothing that a body, an address or a header says."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

import services
from api import CALLS
from memory.database import Database
from tests.api.conftest import Arrives, Caller

ADD, SEARCH, LIST = "/v3/memories/add/", "/v3/memories/search/", "/v3/memories/"
SOMEBODY_ELSE = "This key acts for one person only. Leave user_id out, or give that person's own id."


def expire_keys(home: services.Services) -> None:
    with closing(Database(home.database.admin_url)) as admin, admin.engine.begin() as connection:
        connection.execute(text("update app.api_keys set ends_at = now()"))


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_a_key_is_sent_as_token_or_as_bearer(kim: Caller, scheme: str) -> None:
    answer = kim.browser.get("/v1/ping/", headers={"authorization": f"{scheme} {kim.key}"})
    told = answer.json()
    assert (told["status"], told["user_id"], told["can_write"]) == ("ok", kim.user_id, True)
    assert "example.com" not in answer.text  # mem0's clients would send an email address to their telemetry


@pytest.mark.parametrize(
    "header", [None, "", "Token", "Token  ", "Basic a2V5", "Token ks_wrong", "ks_only", "Token ksa_no", "Token é"]
)
def test_without_a_right_key_every_call_is_refused_in_the_same_way(kim: Caller, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    for call in CALLS:
        answer = kim.browser.request(call.method, call.path, headers=headers, content=b"{")  # type: ignore[arg-type]
        assert answer.status_code == 401, call.path
        assert "key" in answer.json()["detail"]
        assert answer.headers["www-authenticate"] == "Token"


def test_a_key_that_was_ended_and_one_that_expired_are_refused_like_a_wrong_one(
    home: services.Services, kim: Caller, arrives: Arrives
) -> None:
    lee = arrives()
    wrong = kim.with_key(f"ks_{'x' * 43}").ask("GET", "/v1/ping/")
    home.keys.end(kim.user_id, home.keys.all(kim.user_id)[0].id)
    expire_keys(home)
    for each in (kim, lee):
        answer = each.ask("GET", "/v1/ping/")
        assert (answer.status_code, answer.json()) == (401, wrong.json())


def test_a_key_that_only_reads_cannot_write_and_nothing_changes(arrives: Arrives, kim: Caller) -> None:
    reader = arrives(can_write=False)
    [known] = reader.remembers("I keep bees.")
    for call in (each for each in CALLS if each.writes):
        path = call.path.format(memory_id=known, question_id=known, kind="user", name=reader.user_id)
        answer = reader.ask(call.method, path, {"messages": "I keep geese."})
        assert (answer.status_code, "can only read" in answer.text) == (403, True), path
    assert reader.texts() == ["I keep bees."]
    assert reader.told("POST", LIST, {})["count"] == 1
    assert not [each.path for each in CALLS if not each.writes and each.method in ("PUT", "DELETE")]


def test_a_body_that_names_somebody_else_is_refused_whether_they_exist_or_not(arrives: Arrives, kim: Caller) -> None:
    lee = arrives()
    lee.remembers("I am allergic to nuts.")
    for who in (lee.user_id, "nobody", str(uuid4()), f"{kim.user_id} "):
        for path, body in (
            (ADD, {"messages": "I keep geese.", "user_id": who}),
            (ADD, {"messages": "I keep geese.", "filters": {"user_id": who}}),
            (SEARCH, {"query": "allergic", "user_id": who}),
            (SEARCH, {"query": "allergic", "filters": {"user_id": who}}),
            (SEARCH, {"query": "allergic", "filters": {"AND": [{"user_id": who}, {"kind": "fact"}]}}),
            (SEARCH, {"query": "allergic", "filters": {"OR": [{"user_id": kim.user_id}, {"user_id": who}]}}),
            (SEARCH, {"query": "allergic", "filters": {"user_id": {"in": [kim.user_id, who]}}}),
            (LIST, {"filters": {"metadata": {"user_id": who}}}),
            (LIST, {"filters": {"user_id": {"eq": who}}}),
        ):
            answer = kim.ask("POST", path, body)
            assert (answer.status_code, answer.json()["detail"]) == (403, SOMEBODY_ELSE), body
        for path in (f"/v1/memories/?user_id={who}", f"/v2/entities/user/{who}/", f"/v1/entities/user/{who}/"):
            assert kim.ask("DELETE", path).status_code == 403
    assert lee.texts() == ["I am allergic to nuts."]
    assert kim.texts() == []


def test_filters_that_cannot_be_told_apart_from_somebody_else_are_refused(kim: Caller) -> None:
    odd: list[dict[str, Any]] = [
        {"user_id": {"ne": kim.user_id}},
        {"user_id": {}},
        {"NOT": [{"user_id": kim.user_id}]},
        {"user_id": {"contains": ""}},
        {"metadata": {"AND": [{"user_id": "x"}]}},
    ]
    for filters in odd:
        assert kim.ask("POST", SEARCH, {"query": "x", "filters": filters}).status_code in (400, 403), filters


@pytest.mark.parametrize(
    "own", [{}, {"user_id": "own"}, {"filters": {"user_id": "own"}}, {"filters": {"user_id": "*"}}]
)
def test_the_persons_own_id_or_none_is_fine(kim: Caller, own: dict[str, Any]) -> None:
    def named(value: Any) -> Any:
        return {each: named(inner) for each, inner in value.items()} if isinstance(value, dict) else mine(value)

    def mine(value: Any) -> Any:
        return kim.user_id if value == "own" else value

    kim.remembers("I keep bees on the roof.")
    found = kim.told("POST", SEARCH, {"query": "bees", **named(own)})["results"]
    assert [each["memory"] for each in found] == ["I keep bees on the roof."]


def test_ids_of_somebody_else_are_answered_like_ids_that_do_not_exist(arrives: Arrives, kim: Caller) -> None:
    lee = arrives()
    [hers] = lee.remembers("I am allergic to nuts.")
    change = lee.told("GET", "/v1/changes/")["results"][0]["id"]
    for method, path, body in (
        ("GET", "/v1/memories/{}/", None),
        ("PUT", "/v1/memories/{}/", {"text": "I am allergic to nothing."}),
        ("DELETE", "/v1/memories/{}/", None),
        ("GET", "/v1/memories/{}/history/", None),
        ("POST", "/v1/feedback/", {"memory_id": "{}", "feedback": "POSITIVE"}),
        ("PUT", "/v1/batch/", {"memories": [{"memory_id": "{}", "text": "x"}]}),
        ("DELETE", "/v1/batch/", {"memories": [{"memory_id": "{}"}]}),
        ("POST", "/v1/questions/{}/", {"answer": "new"}),
    ):
        answers = []
        for each in (hers, str(uuid4())):
            sent = None if body is None else eval(repr(body).replace("{}", each))
            answer = kim.ask(method, path.format(each), sent)
            answers.append((answer.status_code, "run" not in answer.json() and answer.json()))
        assert answers[0] == answers[1], path
    missing = [kim.ask("POST", "/v1/undo/", {"change": each}) for each in (change, 2**62)]
    assert missing[0].json() == missing[1].json()
    assert lee.texts() == ["I am allergic to nuts."]


def test_who_has_not_agreed_is_told_to_and_nothing_is_kept(arrives: Arrives) -> None:
    new = arrives(agreed=False)
    answer = new.ask("POST", ADD, {"messages": "I keep bees."})
    assert (answer.status_code, "agree" in answer.json()["detail"]) == (403, True)
    assert new.texts() == []


def test_wrong_keys_are_slowed_down_and_right_ones_are_not(home: services.Services, kim: Caller) -> None:
    wrong = kim.with_key(f"ks_{'x' * 43}")
    most = 10 * home.settings.sign_in_attempts
    answers = [wrong.ask("GET", "/v1/ping/").status_code for _ in range(most + 2)]
    assert answers == [401] * most + [429] * 2
    assert kim.told("GET", "/v1/ping/")


def test_when_a_key_was_used_is_seen_on_the_account_page(home: services.Services, kim: Caller) -> None:
    assert home.keys.all(kim.user_id)[0].used_at is None
    kim.told("GET", "/v1/ping/")
    assert home.keys.all(kim.user_id)[0].used_at is not None


def test_the_history_names_the_key(kim: Caller) -> None:
    [added] = kim.told("POST", ADD, {"messages": "I live in Ghent."})["results"]
    kim.with_key(kim.another_key("editor")).told("PUT", f"/v1/memories/{added['id']}/", {"text": "I live in Bruges."})
    versions = kim.told("GET", f"/v1/memories/{added['id']}/history/")
    assert [each["actor"] for each in versions] == ["key laptop", "key editor"]


def test_keys_are_in_no_log(kim: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kim.told("GET", "/v1/ping/")
    kim.ask("GET", "/v1/nothing/")
    wrong = kim.with_key(f"ks_{'y' * 43}")
    wrong.ask("POST", ADD, {"messages": "x"})
    kim.ask("POST", ADD, {"messages": 1})
    assert kim.key not in caplog.text
    assert wrong.key not in caplog.text
