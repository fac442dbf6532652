"""Two processes that serve one app: a person's tabs lead to either, and replies are followed across them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from auth.cookies import cookie_name
from tests.e2e.hosted import Beside
from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Reply, Slow
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
WORDS = [f"word{number} " for number in range(40)]


@pytest.fixture
def beside(keepsake_with_model: Keepsake) -> Iterator[Beside]:
    """A second process of the app, which ends with the test."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-beside-") as folder,
        Beside(Path(folder), keepsake_with_model) as running,
    ):
        yield running


def _tab(person: Visitor, of: Keepsake, path: str) -> Visitor:
    """Open a tab of the same browser at another process, which on this machine looks for a cookie of its port's name.

    Behind a host's load balancer both have one address, and so one cookie.
    """
    context, name = person.page.context, cookie_name(of.address)
    [kept] = [each for each in context.cookies() if each.get("value") and each.get("httpOnly")]
    context.add_cookies([{"name": name, "value": str(kept.get("value")), "url": of.address}])
    page = context.new_page()
    page.goto(of.address + path)
    return Visitor(page)


def test_a_reply_grows_in_the_other_process_and_is_stopped_there(
    keepsake_with_model: Keepsake, beside: Beside, model_server: ModelServer, visit: Visit
) -> None:
    here = visit(keepsake_with_model, signed_in="nia@example.com")
    slow = Slow(WORDS)
    model_server.enqueue_replies(slow)
    here.says("Tell me a long story")
    slow.gate.let(5)
    here.sees("word3")
    there = _tab(here, beside, here.page.url.removeprefix(keepsake_with_model.address))
    there.sees("word3")
    slow.gate.let(5)
    there.sees("word8")
    there.stops()
    there.sees("Stopped.")
    here.sees("Stopped.")
    slow.gate.open()
    there.does_not_see("word39")
    there.says("And now?")
    there.sees("You said: And now?")
    here.sees("You said: And now?")


def test_a_process_that_is_stopped_in_the_middle_of_a_reply_leaves_it_to_the_other(
    keepsake_with_model: Keepsake, beside: Beside, model_server: ModelServer, visit: Visit
) -> None:
    here = visit(keepsake_with_model, signed_in="oda@example.com")
    there = _tab(here, beside, "/chat")
    there.sees("What's on your mind?")
    slow = Slow(WORDS)
    model_server.enqueue_replies(slow, Reply("and they lived on."))
    there.says("Tell me a long story")
    slow.gate.let(5)
    there.sees("word3")
    here.page.goto(keepsake_with_model.address + there.page.url.removeprefix(beside.address))
    here.sees("word3")
    beside.stop()
    slow.gate.open()
    expect(here.page.get_by_role("button", name="Continue")).to_be_visible()
    here.presses("Continue")
    here.sees("and they lived on.")
    here.sees("word3")
