"""/metrics and the ids of requests: who may read the figures, what is in them, and whom they do not name."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

import services
from local.stack import LocalStack
from memory.errors import DatabaseUnreachable
from memory.facade import Memory
from memory.telemetry.figures import ERRORS
from monitoring.logs import JsonLines
from monitoring.metrics import QUEUE_SECONDS, MetricsRoute
from tests.api.conftest import Caller
from tests.local_stack import services_of
from tests.monitoring.test_figures import read
from tests.walls.watch import watching

TOKEN = "t" * 32
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def home(stack: LocalStack) -> Iterator[services.Services]:
    with pytest.MonkeyPatch.context() as patch, services_of(stack, patch, METRICS_TOKEN=TOKEN) as built:
        yield built


@contextmanager
def lines_of_json() -> Iterator[io.StringIO]:
    """What the process logs meanwhile, as with LOG_FORMAT=json."""
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    try:
        yield written
    finally:
        root.removeHandler(handler)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Token {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer é"]
)
def test_nobody_reads_the_figures_without_the_token(browser: TestClient, header: str) -> None:
    refused = browser.get("/metrics", headers={b"authorization": header.encode()})
    assert (refused.status_code, refused.text) == (401, "Wrong token.")


def test_a_personal_key_does_not_read_the_figures(kim: Caller) -> None:
    headers = {"authorization": f"Bearer {kim.key}"}
    assert kim.browser.get("/metrics", headers=headers).status_code == 401


def test_the_figures_count_what_a_person_does_and_do_not_name_them(browser: TestClient, kim: Caller) -> None:
    before = read(browser.get("/metrics", headers=BEARER).text)
    kim.told("POST", "/v3/memories/add/", {"messages": "I keep bees in Utrecht.", "infer": False})
    [id_] = [each["id"] for each in kim.told("POST", "/v3/memories/search/", {"query": "Who keeps bees?"})["results"]]
    kim.told("GET", f"/v1/memories/{id_}/")
    kim.ask("GET", "/nowhere/my-therapist")
    answer = browser.get("/metrics", headers=BEARER)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    after = read(answer.text)
    counted = (
        "keepsake_request_seconds_count",
        (("call", "POST /v3/memories/search"), ("server", "api"), ("status", "200")),
    )
    assert after[counted] == before.get(counted, 0) + 1
    assert after["keepsake_recall_seconds_count", ()] > before["keepsake_recall_seconds_count", ()]
    assert after["keepsake_database_up", ()] == 1
    assert after["keepsake_database_connections", (("state", "allowed"),)] == kim.home.database.most_connections
    assert ("keepsake_queue", (("kind", "turns"), ("state", "waiting"))) in after
    for personal in (kim.user_id, kim.key, id_, "bees", "Utrecht", "kim@", "therapist", "laptop"):
        assert personal not in answer.text


def test_the_queue_is_asked_once_for_everybody_in_some_seconds(home: services.Services) -> None:
    now = [0.0]
    route = MetricsRoute(lambda: home, lambda: TOKEN, clock=lambda: now[0])
    with watching(home.database.engine) as seen, TestClient(_only(route)) as browser:
        for _ in range(3):
            assert browser.get("/", headers=BEARER).status_code == 200
        assert seen.statements == 1
        now[0] += QUEUE_SECONDS
        assert browser.get("/", headers=BEARER).status_code == 200
        assert (seen.statements, seen.wrong) == (2, [])


def test_without_a_token_in_the_settings_there_are_no_figures(home: services.Services) -> None:
    with TestClient(_only(MetricsRoute(lambda: home, lambda: None))) as browser:
        for headers in ({}, BEARER, {"authorization": "Bearer "}):
            assert browser.get("/", headers=headers).status_code == 404


def test_the_figures_of_the_process_can_be_read_while_the_database_is_away() -> None:
    def away() -> services.Services:
        raise DatabaseUnreachable("It does not answer.")

    with TestClient(_only(MetricsRoute(away, lambda: TOKEN))) as browser:
        samples = read(browser.get("/", headers=BEARER).text)
    assert samples["keepsake_database_up", ()] == 0
    assert "keepsake_queue" not in {name for name, _ in samples}


def test_an_answer_has_an_id_of_its_own_whatever_the_caller_sends(kim: Caller) -> None:
    answers = [kim.ask("GET", "/v1/ping/", headers={"x-request-id": "mine"}) for _ in range(2)]
    ids = {each.headers["x-request-id"] for each in answers}
    assert len(ids) == 2
    assert "mine" not in ids
    assert kim.browser.get("/v1/ping/").headers["x-request-id"]


def test_a_bug_is_answered_with_the_id_under_which_the_log_has_it_without_words(
    kim: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: Any, **__: Any) -> None:
        raise RuntimeError("my therapist is Dr. Moll")

    monkeypatch.setattr(Memory, "search", bug)
    before = ERRORS.of(kind="RuntimeError")
    with lines_of_json() as written:
        answer = kim.ask("POST", "/v3/memories/search/", {"query": "my therapist"})
    assert answer.status_code == 500
    id_ = answer.headers["x-request-id"]
    assert answer.json()["detail"].endswith(f"under {id_}.")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(each["message"].partition(" after")[0], each["request"]) for each in lines] == [
        ("POST /v3/memories/search was answered with 500", id_)
    ]
    assert "therapist" not in written.getvalue()
    assert ERRORS.of(kind="RuntimeError") == before + 1


def _only(route: MetricsRoute) -> Any:
    """An app with nothing but this route."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route("/", route.answer)])
