"""Text that would like to be more than text: in a message, a reply, a memory and a chat's name."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Dialog, expect

from tests.e2e.keepsake import PASSWORD, Keepsake, Visitor
from tests.model_answers import Reply
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

ELSEWHERE = "http://evil.example"
HOSTILE = (
    f"![a]({ELSEWHERE}/1.png) ![b][ref] <img src={ELSEWHERE}/2.png onerror=alert(1)> "
    f"<script>alert(2)</script> <iframe src={ELSEWHERE}/3></iframe> [press](javascript:alert(4)) "
    f"<link rel=prefetch href={ELSEWHERE}/5> <svg onload=alert(6)> <style>@import '{ELSEWHERE}/7'</style> "
    f"| ![c]({ELSEWHERE}/8.png) |\n|---|\n\n[ref]: {ELSEWHERE}/9.png\n"
)
# Without a full stop in it, so that the scripted model takes it for one sentence, and a memory.
MINE = "I like <img src=//evil/10 onerror=alert(11)> and [press](javascript:alert(12)) very much"


def test_it_is_shown_and_nothing_of_it_is_loaded_or_run(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model)
    asked: set[str] = set()
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    person.hears("request", lambda request: asked.add(urlsplit(request.url).netloc))
    person.hears("dialog", note)
    person.sign_up("mallory@example.com")
    model_server.enqueue_replies(Reply(HOSTILE + " That was all."))
    person.says(MINE)
    person.sees("That was all.")
    person.remembers("very much")
    expect(person.page.locator("img[src*=evil], iframe[src*=evil], a[href^=javascript]")).to_have_count(0)
    person.goes_to("Chat")
    person.sees("That was all.")
    expect(person.page.locator("img[src*=evil], iframe[src*=evil], a[href^=javascript]")).to_have_count(0)
    assert ran == []
    assert {host for host in asked if host} == {urlsplit(keepsake_with_model.address).netloc}
    # The log knows neither what was said, nor a password, nor a key.
    for word in ("very much", PASSWORD, "not-a-real-key", "mallory@example.com"):
        assert word not in keepsake_with_model.logs


def test_the_app_answers_with_its_walls_up(keepsake: Keepsake) -> None:
    for path in ("/", "/health", "/chat", "/nowhere", "/_stcore/health"):
        answer = keepsake.get(path)
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx.post(keepsake.address + "/health", headers={"Origin": ELSEWHERE}, timeout=60).status_code == 403
    assert httpx.get(keepsake.address + "/health", headers={"Host": "evil.example"}, timeout=60).status_code == 400
    assert "openapi" not in keepsake.get("/_stcore/agent/interact").text
