"""Mallory in front of every call of the API, with a key of her own and all of Alice's ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from api import CALLS, make_app
from api.calls import Call
from memory.embedded.embedder import BundledEmbedder
from settings import Settings
from tests.databases import Databases
from tests.walls.watch import watching
from tests.walls.world import ALICE, MALLORY, SECRET, World, administrator, rows_of


@pytest.fixture(scope="module")
def world(databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    with databases.migrated() as fresh:
        # Without limits, so that no attempt is refused for that reason.
        without = Settings(api_calls_per_minute=0, messages_per_minute=0, messages_per_day=0)
        made = World(fresh, embedder, without)
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        yield made


def _bodies(world: World) -> list[dict[str, Any]]:
    """What Mallory sends to every call that takes a body; most fit only one."""
    hers = world.known["fact"].id
    named: list[dict[str, Any]] = [
        {},
        {"user_id": ALICE},
        {"filters": {"user_id": ALICE}},
        {"filters": {"$or": [{"user_id": ALICE}, {"kind": "fact"}]}},
        {"filters": {"metadata": {"user_id": ALICE}}},
        {"filters": {"kind": "fact"}},
        {"as_of": "2030-01-01"},
    ]
    asking = [{"query": SECRET, **each} for each in named] + [{"query": SECRET, "episodes": True, "top_k": 1_000}]
    adding = [{"messages": "I own nothing.", **each} for each in named]
    adding += [{"messages": "I own nothing.", "metadata": {"user_id": ALICE}}]
    batch = [{"memories": [{"memory_id": hers, "text": "gone"}]}, {"memories": [{"memory_id": hers}]}]
    changing = [{"text": "gone"}, {"memory_id": hers, "feedback": "POSITIVE"}, {"answer": "new"}]
    undoing = [{"change": world.known["event"]}, {"change": f"{world.known['event']}"}]
    return [*named, *asking, *adding, *batch, *changing, *undoing]


def _addresses(world: World, call: Call) -> list[str]:
    ids = {"memory_id": world.known["fact"].id, "question_id": world.known["question"], "kind": "user", "name": ALICE}
    gone = ids | {"memory_id": world.known["gone"], "kind": "run", "name": world.known["asked"].conversation_id}
    paths = dict.fromkeys([call.path.format(**ids), call.path.format(**gone)])
    queries = ("", f"?user_id={ALICE}", f"?filters={{'user_id':'{ALICE}'}}") if call.method == "DELETE" else ("",)
    return [f"{path}{query}" for path in paths for query in queries]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_no_call_tells_or_changes_anything_of_another_person(world: World, call: Call) -> None:
    browser = TestClient(make_app(lambda: world.services), raise_server_exceptions=False)
    key = world.keys.make(MALLORY, "attack", address="m@example.com", can_write=True, days=1)
    with administrator(world.database) as connection:
        before = rows_of(connection, ALICE)
    headers = {"authorization": f"Token {key.key}", "mem0-user-id": ALICE, "x-user-id": ALICE}
    with watching(world.database.engine) as watched:
        for address in _addresses(world, call):
            for body in _bodies(world) if call.body else [None]:
                answer = browser.request(call.method, address, headers=headers, json=body)
                assert answer.status_code != 500, (address, body)
                assert SECRET not in answer.text, (address, body)
                assert ALICE not in answer.text, (address, body)
    assert watched.wrong == []
    world.keys.end(MALLORY, key.id)
    with administrator(world.database) as connection:
        assert rows_of(connection, ALICE) == before


def test_every_address_is_attacked_or_shows_nothing_of_anybody(world: World) -> None:
    paths = {call.path.replace("{name}", "{name:path}") for call in CALLS}
    here = {path for each in paths for path in (each, each.removesuffix("/"))}
    elsewhere = {"/mcp", "/v1/chat/completions", "/v1/models"}  # test_mcp.py, test_completions.py
    descriptions = {"/openapi.json", "/docs", "/"}
    figures = {"/metrics"}  # tests/api/test_metrics.py
    addresses = {route.path for route in make_app(lambda: world.services).routes if isinstance(route, Route)}
    assert addresses == here | elsewhere | descriptions | figures


def test_she_herself_is_told_it(world: World) -> None:
    """The same question as Alice finds the secret: what is asserted above can fail."""
    browser = TestClient(make_app(lambda: world.services))
    key = world.keys.make(ALICE, "own", address="a@example.com", can_write=False, days=1)
    headers = {"authorization": f"Token {key.key}"}
    assert SECRET in browser.post("/v3/memories/search/", headers=headers, json={"query": SECRET}).text
    assert SECRET in browser.get("/v1/changes/", headers=headers).text
    assert SECRET in browser.get("/v1/receipts/", headers=headers).text
