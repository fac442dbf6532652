"""What Keepsake's own calls answer, what was known on a day, and the description of all calls."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from api import CALLS
from api.completions import OPENAI_CALLS
from tests.api.conftest import Caller

PROJECT = Path(__file__).parents[2]
DESCRIBED = (*CALLS, *OPENAI_CALLS)


def test_a_change_is_listed_and_undone(kim: Caller) -> None:
    [known] = kim.remembers("I own a boat.")
    kim.told("DELETE", f"/v1/memories/{known}/")
    [deleted, _] = kim.told("GET", "/v1/changes/")["results"]
    assert (deleted["event"], deleted["actor"]) == ("DELETE", "key laptop")
    assert len(kim.told("GET", "/v1/changes/?limit=1")["results"]) == 1
    kim.told("POST", "/v1/undo/", {"change": deleted["id"]})
    assert kim.texts() == ["I own a boat."]


def test_several_deleted_at_once_are_undone_at_once(kim: Caller) -> None:
    ids = kim.remembers("I own a boat.", "I own a bus.")
    run = kim.told("DELETE", "/v1/batch/", {"memories": [{"memory_id": each} for each in ids]})["run"]
    assert kim.texts() == []
    kim.told("POST", "/v1/undo/", {"change": run})
    assert len(kim.texts()) == 2


def test_what_was_known_on_a_day_is_listed_and_searched(kim: Caller) -> None:
    [known] = kim.remembers("I own a red bicycle.")
    before = datetime.now(UTC).isoformat()
    kim.told("PUT", f"/v1/memories/{known}/", {"text": "I own a blue bicycle."})
    for path, body in (("/v3/memories/", {}), ("/v3/memories/search/", {"query": "bicycle"})):
        now, then = (kim.told("POST", path, body | more)["results"] for more in ({}, {"as_of": before}))
        assert [each["memory"] for each in now] == ["I own a blue bicycle."]
        assert [each["memory"] for each in then] == ["I own a red bicycle."]


def test_a_question_is_listed_and_answered(kim: Caller) -> None:
    kim.is_asked("I live in Porto.", "I live in Rome.")
    [asked] = kim.told("GET", "/v1/questions/")["results"]
    assert (asked["old"], asked["new"]) == ("I live in Porto.", "I live in Rome.")
    kim.told("POST", f"/v1/questions/{asked['id']}/", {"answer": "new"})
    assert kim.texts() == ["I live in Rome."]
    assert kim.told("GET", "/v1/questions/")["results"] == []


def test_receipts_are_those_of_the_latest_replies_and_go_with_their_chat(kim: Caller) -> None:
    asked = kim.home.conversations.say(kim.user_id, None, "Where do I live?")
    kim.home.conversations.reply(asked, "In Porto.", "complete", {"memories": [{"text": "I live in Porto"}]})
    [receipt] = kim.told("GET", "/v1/receipts/")["results"]
    assert receipt["chat_id"] == asked.conversation_id
    assert receipt["receipt"]["memories"] == [{"text": "I live in Porto"}]
    kim.home.chats.delete(kim.user_id, asked.conversation_id)
    assert kim.told("GET", "/v1/receipts/")["results"] == []


def test_the_profile_is_written_from_what_is_known(kim: Caller) -> None:
    kim.told("POST", "/v3/memories/add/", {"messages": "I live in Ghent."})
    page = kim.told("GET", "/v1/profile/")
    assert "Ghent" in page["text"]
    assert [each["kind"] for each in page["lines"]] == ["fact"]


def test_every_call_works_without_the_last_slash(kim: Caller) -> None:
    assert kim.told("GET", "/v1/ping") == kim.told("GET", "/v1/ping/")


def test_metadata_cannot_claim_an_agent_or_a_user(kim: Caller) -> None:
    for name in ("user_id", "agent_id", "app_id", "run_id"):
        answer = kim.ask("POST", "/v3/memories/add/", {"messages": "I own a boat.", "metadata": {name: "x"}})
        assert (answer.status_code, name in answer.json()["detail"]) == (400, True)
    assert kim.texts() == []


def test_the_description_has_every_call_and_its_page_loads_nothing(kim: Caller) -> None:
    described = kim.browser.get("/openapi.json").json()
    assert {(path, method.upper()) for path, each in described["paths"].items() for method in each} == {
        (each.path, each.method) for each in DESCRIBED
    }
    names = [each["operationId"] for path in described["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described)))
    assert references <= described["components"]["schemas"].keys()
    page = kim.browser.get("/docs")
    assert all(path in page.text for path in described["paths"])
    assert "http" not in page.text
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_the_description_is_printed_by_a_command() -> None:
    command = [sys.executable, "-m", "api", "--openapi"]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert set(json.loads(printed)["paths"]) == {each.path for each in DESCRIBED}


def test_docs_api_lists_every_call() -> None:
    page = (PROJECT / "docs" / "api.md").read_text("utf-8")
    assert [each.path for each in DESCRIBED if f"`{each.method} {each.path}`" not in page] == []
