"""The memory over MCP, through the official SDK's client: over HTTP with a key, and over stdio as editors start it.

Each test of the first part runs over both, in the protocol's present form and in the one with a handshake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from mcp import MCPError

import services
from local.stack import LocalStack
from memory import Memory
from memory.mcp.tools import PROFILE, PROMPTS, TOOLS
from tests.api.conftest import Arrives, Caller
from tests.api.mcp_client import McpClient, over_http, over_stdio

MODES = ("auto", "legacy")
READING = {"search_memories", "list_memories", "explain_memory", "list_changes"}
DISCOVER = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPTED = {"accept": "application/json, text/event-stream"}


@dataclass
class Reached:
    """Somebody's memory, and a client that is connected to it."""

    client: McpClient
    memory: Memory
    user_id: str


@pytest.fixture(scope="module", params=[f"{over} {mode}" for over in ("http", "stdio") for mode in MODES])
def reached(request: pytest.FixtureRequest, home: services.Services, host: str, stack: LocalStack) -> Iterator[Reached]:
    over, mode = request.param.split()
    user_id = str(uuid4())
    home.limits.consents.record_consent(user_id)
    key = home.keys.make(user_id, "desktop", address="kim@example.com", can_write=True, days=7).key
    opened = over_http(host, key, mode) if over == "http" else over_stdio(stack.settings, "--user", user_id, mode=mode)
    with opened as client:
        yield Reached(client, home.memory, user_id)


def test_each_tool_says_what_it_is_for_and_what_it_may_destroy(reached: Reached) -> None:
    tools = reached.client.tools()
    assert tools.keys() == {each.name for each in TOOLS}
    for name, tool in tools.items():
        assert len(tool.description or "") > 60, name
        assert all("description" in each for each in tool.input_schema["properties"].values()), name
        hints = tool.annotations
        assert hints is not None
        assert hints.read_only_hint is (name in READING)
        assert hints.destructive_hint is (name not in READING)
        assert hints.open_world_hint is False
    repeatable = {name for name, each in tools.items() if each.annotations and each.annotations.idempotent_hint}
    assert repeatable == READING | {"update_memory", "delete_memory"}
    assert "never instructions" in reached.client.instructions


def test_what_is_added_is_found_listed_and_explained(reached: Reached) -> None:
    words = "I moved to Ghent in May, and my sister Ana plays the cello."
    results = reached.client.data("add_memories", text=words)["results"]
    added = next(each for each in results if "cello" in each["memory"])
    assert added["event"] == "ADD"
    for tool, asked in (("search_memories", {"query": "What does my sister play?"}), ("list_memories", {})):
        told = reached.client.told(tool, **asked)
        assert added["memory"] in told
        assert added["id"] in told
        assert "never instructions" in told
    explained = reached.client.data("explain_memory", memory_id=added["id"])
    assert explained["quote"] in words
    assert explained["said"]["content"] == words
    assert [each["event"] for each in explained["versions"]] == ["ADD"]
    assert f"“{words}”" in reached.client.told("explain_memory", memory_id=added["id"])


def test_what_is_kept_word_for_word_is_kept_even_if_it_is_about_nobody(reached: Reached) -> None:
    words = "The spare key of the shed hangs behind the mirror."
    nothing = reached.client.told("add_memories", text=words)
    assert "exactly=true" in nothing
    [kept] = reached.client.data("add_memories", text=words, exactly=True)["results"]
    assert kept["memory"] == words


def test_a_memory_is_corrected_deleted_and_brought_back(reached: Reached) -> None:
    [known] = reached.memory.add("I own a red kayak.", user_id=reached.user_id, infer=False)["results"]
    corrected = reached.client.data("update_memory", memory_id=known["id"], text="I own a blue kayak.")
    assert corrected["memory"]["memory"] == "I own a blue kayak."
    deleted = reached.client.data("delete_memory", memory_id=known["id"])
    assert reached.memory.get(known["id"], user_id=reached.user_id) is None
    assert "is deleted" in reached.client.told("explain_memory", memory_id=known["id"])
    [latest] = reached.client.data("list_changes", limit=1)["results"]
    assert (latest["event"], latest["id"]) == ("DELETE", deleted["change"])
    [undone] = reached.client.data("undo_change", change=deleted["change"])["results"]
    [again] = [reached.memory.get(known["id"], user_id=reached.user_id)]
    assert again is not None
    assert again["memory"] == "I own a blue kayak."
    assert undone["undone_by"] > deleted["change"]


def test_an_earlier_day_is_asked_for_and_messages_are_searched_only_if_asked(reached: Reached) -> None:
    words = "My dentist Dr Okapi said that the blue toothbrush is the better one."
    reached.client.data("add_memories", text=words)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    asked = {"query": "Which toothbrush did Dr Okapi mean?"}
    assert "said by the person" in reached.client.told("search_memories", **asked, include_messages=True)
    assert "said by" not in reached.client.told("search_memories", **asked)
    assert "Nothing is remembered" in reached.client.told("search_memories", **asked, as_of=yesterday)


def test_what_is_wrong_with_a_call_is_said_in_a_sentence(reached: Reached) -> None:
    client, gone = reached.client, str(uuid4())
    assert client.refused("search_memories", query="x", user_id="ann") == "search_memories takes no 'user_id'."
    assert client.refused("search_memories").startswith("'query': Field required")
    assert client.refused("search_memories", query="x", limit=0).startswith("'limit'")
    assert "ISO text" in client.refused("search_memories", query="x", as_of="someday")
    for tool, more in (("explain_memory", {}), ("update_memory", {"text": "I own a bus."}), ("delete_memory", {})):
        assert client.refused(tool, memory_id=gone, **more) == "There is no such memory."
    assert "no such" in client.refused("undo_change", change=2**62)
    with pytest.raises(MCPError, match="There is no tool 'erase_everything' here"):
        client.call("erase_everything")


def test_the_profile_is_a_resource(reached: Reached) -> None:
    reached.client.data("add_memories", text="I work as a beekeeper.")
    assert reached.client.resources() == [PROFILE]
    assert "beekeeper" in reached.client.read(PROFILE)
    with pytest.raises(MCPError, match="There is only the resource"):
        reached.client.read("keepsake://everything")


def test_prompts_bring_what_is_remembered_into_a_conversation(reached: Reached) -> None:
    reached.client.data("add_memories", text="I play the oboe on Thursdays.")
    assert reached.client.prompts().keys() == {each.name for each in PROMPTS}
    assert "oboe" in reached.client.prompt("recall", {"topic": "my oboe"})
    assert "oboe" in reached.client.prompt("about_me")
    assert "add_memories" in reached.client.prompt("remember")
    with pytest.raises(MCPError, match="topic is missing"):
        reached.client.prompt("recall")
    with pytest.raises(MCPError, match="There is no prompt 'nothing' here"):
        reached.client.prompt("nothing")


def test_docs_mcp_lists_every_tool_and_its_settings_can_be_copied() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|.*\| (yes)?", page, re.MULTILINE) == sorted(
        [(each.name, "yes" if each.writes else "") for each in TOOLS], key=lambda each: each[1]
    )
    for block in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        assert json.loads(block)


# -- over HTTP: the same walls, limits and consent as at the other calls


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_only_reads_is_offered_no_tool_that_writes(host: str, arrives: Arrives, mode: str) -> None:
    reader = arrives(can_write=False)
    [known] = reader.remembers("I keep bees.")
    with over_http(host, reader.key, mode) as client:
        assert client.tools().keys() == READING
        assert "bees" in client.told("list_memories")
        for tool, asked in (
            ("add_memories", {"text": "I keep geese."}),
            ("update_memory", {"memory_id": known, "text": "I keep geese."}),
            ("delete_memory", {"memory_id": known}),
            ("undo_change", {"change": 1}),
        ):
            with pytest.raises(MCPError, match="can only read"):
                client.call(tool, **asked)
    assert reader.texts() == ["I keep bees."]


def test_the_history_names_the_key_also_over_mcp(host: str, kim: Caller) -> None:
    with over_http(host, kim.another_key("desktop"), "auto") as client:
        [added, *_] = client.data("add_memories", text="I live in Ghent.")["results"]
        client.data("update_memory", memory_id=added["id"], text="I live in Bruges.")
    versions = kim.told("GET", f"/v1/memories/{added['id']}/history/")
    assert [each["actor"] for each in versions] == ["key desktop", "key desktop"]


def test_with_an_applications_key_a_header_names_the_user(host: str, shop: Caller) -> None:
    def client_of(name: str | None) -> dict[str, str]:
        return {} if name is None else {"keepsake-user": quote(name)}

    for name, words in (("alice", "I live in Ghent."), ("Žofie", "I live in Rome.")):
        with over_http(host, shop.key, "auto", client_of(name)) as client:
            client.data("add_memories", text=words)
            assert words[10:-1] in client.told("list_memories")
            assert len(client.data("list_memories")["results"]) == 1
    users = {each["name"]: each["total_memories"] for each in shop.told("GET", "/v1/entities/")["results"]}
    assert users == {"alice": 1, "Žofie": 1}
    for header in ({}, {"keepsake-user": "*"}, {"keepsake-user": " "}, {"keepsake-user": "x" * 300}):
        answer = shop.ask("POST", "/mcp", DISCOVER, headers={**ACCEPTED, **header})
        assert (answer.status_code, "user" in answer.json()["detail"]) == (400, True), header


def test_a_persons_key_takes_no_other_user_by_a_header(kim: Caller) -> None:
    for name, status in ((kim.user_id, 200), (str(uuid4()), 403), ("alice", 403)):
        answer = kim.ask("POST", "/mcp", DISCOVER, headers={**ACCEPTED, "keepsake-user": name})
        assert answer.status_code == status, name


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic a2V5", "Bearer ks_wrong", "Token é"])
def test_without_a_right_key_mcp_is_refused_before_the_body_is_read(kim: Caller, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    answer = kim.browser.post("/mcp", headers=headers, content=b"{")  # type: ignore[arg-type]
    assert (answer.status_code, "key" in answer.json()["detail"]) == (401, True)


def test_a_key_that_ends_while_a_client_is_connected_reaches_nothing_more(host: str, kim: Caller) -> None:
    with over_http(host, kim.key, "legacy") as client:
        client.told("list_memories")
        kim.home.keys.end(kim.user_id, kim.home.keys.all(kim.user_id)[0].id)
        with pytest.raises(MCPError):
            client.told("list_memories")


def test_who_has_not_agreed_reaches_nothing_over_mcp(arrives: Arrives) -> None:
    new = arrives(agreed=False)
    answer = new.ask("POST", "/mcp", DISCOVER, headers=ACCEPTED)
    assert (answer.status_code, "agree" in answer.json()["detail"]) == (403, True)


def test_only_posted_messages_of_a_bounded_length_are_answered(kim: Caller) -> None:
    assert [kim.ask(method, "/mcp").status_code for method in ("GET", "DELETE", "PUT")] == [405] * 3
    assert kim.ask("POST", "/mcp", DISCOVER, headers=ACCEPTED).status_code == 200
    assert kim.ask("POST", "/mcp", DISCOVER | {"pad": "x" * 1_000_001}, headers=ACCEPTED).status_code == 413
    for body in (b"{", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"jsonrpc": "2.0"}'):
        answer = kim.ask("POST", "/mcp", headers={**ACCEPTED, "content-type": "application/json"}, content=body)
        assert answer.status_code == 400, body[:20]


def test_messages_that_an_mcp_client_adds_count_against_the_persons_limits(
    home: services.Services, kim: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = "I keep bees. " * (home.settings.message_characters // 13 + 1)
    called = DISCOVER | {"method": "tools/call", "params": {"name": "add_memories", "arguments": {"text": longest}}}
    told = kim.ask("POST", "/mcp", called, headers=ACCEPTED).json()["result"]
    assert (told["isError"], "The limit is" in told["content"][0]["text"]) == (True, True)
    assert kim.texts() == []


def test_what_a_bug_says_is_in_the_log_and_not_in_the_answer(
    kim: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_arguments: object) -> None:
        raise ZeroDivisionError("where the secret is")

    monkeypatch.setattr(kim.home.memory, "changes", broken)
    called = DISCOVER | {"method": "tools/call", "params": {"name": "list_changes", "arguments": {}}}
    answer = kim.ask("POST", "/mcp", called, headers=ACCEPTED)
    assert "Something went wrong" in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    assert "where the secret is" in caplog.text


def test_keys_and_memories_are_in_no_log_of_mcp(kim: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    kim.remembers("I hide it in the Zanzibarium.")
    called = DISCOVER | {"method": "tools/call", "params": {"name": "list_memories", "arguments": {}}}
    assert "Zanzibarium" in kim.ask("POST", "/mcp", called, headers=ACCEPTED).text
    assert kim.key not in caplog.text
    ours = [each for each in caplog.records if each.name.startswith(("keepsake", "mcp"))]
    assert "Zanzibarium" not in "".join(each.getMessage() for each in ours)
