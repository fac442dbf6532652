"""No key is in any log at any level, by whatever way it is sent, whether it is right, wrong, ended or misplaced."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

import httpx
import pytest

import services
from tests.api.conftest import Caller, serving

TOOL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_memories", "arguments": {}}}
ASKED = {"model": "keepsake", "messages": [{"role": "user", "content": "Hello."}]}
WAYS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/v1/ping/", None),
    ("POST", "/v3/memories/search/", {"query": "bees", "user_id": "alice"}),
    ("POST", "/v3/memories/add/", {"messages": "I keep bees.", "infer": False, "user_id": "alice"}),
    ("GET", "/v1/memories/nothing/", None),
    ("DELETE", "/v1/memories/", None),
    ("GET", "/v1/changes/", None),
    ("POST", "/v1/undo/", {"change": "no number"}),
    ("POST", "/v1/chat/completions", ASKED),
    ("POST", "/v1/chat/completions", {**ASKED, "stream": True}),
    ("GET", "/v1/models", None),
    ("POST", "/mcp", TOOL),
    ("GET", "/nowhere", None),
)


@pytest.fixture
def chatty(home: services.Services) -> Iterator[str]:
    """The address of a server that logs everything, requests included, where the test's own logs are."""
    with serving(home, log_level="debug", log_config=None) as address:
        yield address


def test_no_key_is_in_any_log(chatty: str, kim: Caller, shop: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ended = kim.home.keys.make(kim.user_id, "ended", address="kim@example.com", can_write=True, days=1)
    kim.home.keys.end(kim.user_id, ended.id)
    wrong = [f"{begin}{secrets.token_urlsafe(32)}" for begin in ("ks_", "ksa_", "")]
    keys = [kim.key, shop.key, ended.key, *wrong]
    statuses = set()
    with httpx.Client(base_url=chatty, timeout=60) as browser:
        for key in keys:
            for method, path, body in WAYS:
                scheme = "Bearer" if path in ("/mcp", "/v1/chat/completions", "/v1/models") else "Token"
                headers = {"authorization": f"{scheme} {key}", "keepsake-user": "alice", "accept": "application/json"}
                statuses.add(browser.request(method, path, headers=headers, json=body).status_code)
        for scheme in ("Basic", "token", ""):  # schemes that are none
            statuses.add(browser.get("/v1/ping/", headers={"authorization": f"{scheme} {kim.key}".strip()}).status_code)
    assert {200, 401, 404} <= statuses
    assert 500 not in statuses
    written = [f"{each.getMessage()} {each.exc_text or ''} {vars(each)}" for each in caplog.records]
    assert any("/v1/ping/" in each for each in written), "requests are logged here, so the test can fail"
    for key in keys:
        assert not [each for each in written if key in each or key[-20:] in each]
