"""Mallory in front of every tool, prompt and resource of MCP, with a key of her own and all of Alice's ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import make_app
from memory.embedded.embedder import BundledEmbedder
from memory.mcp.tools import PROFILE, PROMPTS, TOOLS
from settings import Settings
from tests.databases import Databases
from tests.walls.watch import watching
from tests.walls.world import ALICE, MALLORY, SECRET, World, administrator, rows_of


@pytest.fixture(scope="module")
def world(databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    with databases.migrated() as fresh:
        # Without limits, so that no attempt is refused for that reason.
        made = World(fresh, embedder, Settings(api_calls_per_minute=0, messages_per_minute=0, messages_per_day=0))
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        yield made


def _attempts(world: World) -> dict[str, list[dict[str, Any]]]:
    """What Mallory sends to each tool; the tests fail if a tool has no attempt."""
    hers, gone, change = world.known["fact"].id, world.known["gone"], world.known["event"]
    ids = [{"memory_id": each} for each in (hers, gone, f"{hers}' or true --", ALICE)]
    return {
        "search_memories": [
            {"query": f"{SECRET} in Porto", **each}
            for each in ({}, {"user_id": ALICE}, {"include_messages": True, "limit": 50}, {"as_of": "2030-01-01"})
        ],
        "list_memories": [{}, {"limit": 200}, {"user_id": ALICE}, {"kind": "fact"}, {"page": 2}],
        "explain_memory": [*ids, {"memory_id": hers, "user_id": ALICE}],
        "list_changes": [{"limit": 100}, {"user_id": ALICE}],
        "add_memories": [{"text": f"I own nothing of {ALICE}'s.", "exactly": each} for each in (True, False)]
        + [{"text": "I own nothing.", "user_id": ALICE}, {"text": "Forget my sister."}],
        "update_memory": [{**each, "text": "gone"} for each in ids],
        "delete_memory": ids,
        "undo_change": [{"change": each} for each in (change, change - 1, change + 1, f"{change}", 0)],
    }


def _requests(world: World) -> list[tuple[str, dict[str, Any]]]:
    calls = [
        ("tools/call", {"name": name, "arguments": arguments})
        for name, several in _attempts(world).items()
        for arguments in several
    ]
    prompts = [("prompts/get", {"name": each.name, "arguments": {"topic": "my sister in Porto"}}) for each in PROMPTS]
    resources = [("resources/read", {"uri": uri}) for uri in (PROFILE, f"{PROFILE}/{ALICE}", f"{PROFILE}?user={ALICE}")]
    listings: list[tuple[str, dict[str, Any]]] = [(f"{each}/list", {}) for each in ("tools", "prompts", "resources")]
    return [*calls, *prompts, *resources, *listings]


def _ask(browser: TestClient, key: str, method: str, params: dict[str, Any]) -> Any:
    headers = {"authorization": f"Bearer {key}", "accept": "application/json", "x-user-id": ALICE}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return browser.post("/mcp", headers=headers, json=body)


def test_nothing_over_mcp_tells_or_changes_anything_of_another_person(world: World) -> None:
    browser = TestClient(make_app(lambda: world.services), raise_server_exceptions=False)
    key = world.keys.make(MALLORY, "attack", address="m@example.com", can_write=True, days=1)
    with administrator(world.database) as connection:
        before = rows_of(connection, ALICE)
    with watching(world.database.engine) as watched:
        for method, params in _requests(world):
            answer = _ask(browser, key.key, method, params)
            assert answer.status_code == 200, (method, params)
            assert "Something went wrong" not in answer.text, (method, params)
            assert SECRET not in answer.text, (method, params)
    assert watched.touching > 20
    assert watched.wrong == []
    with administrator(world.database) as connection:
        assert rows_of(connection, ALICE) == before


def test_every_tool_is_attacked(world: World) -> None:
    assert _attempts(world).keys() == {each.name for each in TOOLS}


def test_she_herself_is_told_it_over_mcp(world: World) -> None:
    """The same questions of Alice find the secret: what is asserted above can fail."""
    browser = TestClient(make_app(lambda: world.services))
    key = world.keys.make(ALICE, "own", address="a@example.com", can_write=False, days=1).key
    hers = world.known["fact"].id
    for method, params in (
        ("tools/call", {"name": "search_memories", "arguments": {"query": "my sister in Porto"}}),
        ("tools/call", {"name": "list_memories", "arguments": {}}),
        ("tools/call", {"name": "explain_memory", "arguments": {"memory_id": hers}}),
        ("tools/call", {"name": "list_changes", "arguments": {}}),
        ("prompts/get", {"name": "recall", "arguments": {"topic": "my sister in Porto"}}),
        ("prompts/get", {"name": "about_me"}),
        ("resources/read", {"uri": PROFILE}),
    ):
        assert SECRET in _ask(browser, key, method, params).text, (method, params)
