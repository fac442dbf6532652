"""The first five minutes on one's own machine, without a model and while one is connected, wide and at 390 px."""

from __future__ import annotations

import json
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Fault, Reply, WebPage
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
WIDTHS = (1280, 390)
KEY = "sk-first-minutes-secret"


@pytest.fixture(scope="module")
def own_machine() -> Iterator[Keepsake]:
    """A new Keepsake of this module's own, on which nobody has an account."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-walks-") as folder,
        Keepsake(Path(folder), {"SIGN_IN_ATTEMPTS": "1000"}) as running,
    ):
        yield running


def test_the_first_run_opens_on_creating_an_account_and_the_next_on_signing_in(
    own_machine: Keepsake, visit: Visit
) -> None:
    person = visit(own_machine)
    expect(person.page.get_by_role("tab", name="Create account")).to_have_attribute("aria-selected", "true")
    person.sign_up("owner@example.com")
    expect(person.page.get_by_placeholder("Message Keepsake")).to_be_focused()
    guest = visit(own_machine)
    expect(guest.page.get_by_role("tab", name="Sign in")).to_have_attribute("aria-selected", "true")


def test_a_local_reset_says_where_the_link_is(own_machine: Keepsake, visit: Visit) -> None:
    person = visit(own_machine)
    person.page.get_by_role("tab", name="Sign in").click()
    person.presses("Forgot your password?")
    person.sees("This machine sends no email.")
    person.sees("auth.log")


@pytest.mark.parametrize("width", WIDTHS)
def test_without_a_model_it_acknowledges_answers_and_forgets(width: int, keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, width=width, signed_in=f"minutes{width}@example.com")
    person.sees("No language model is connected.")
    person.says("I live in Ghent.")
    person.sees("Noted: you live in Ghent.")
    _has_learned(person, "I live in Ghent")
    person.says("My sister Ana lives in Porto.")
    person.sees("Noted: your sister Ana lives in Porto.")
    _has_learned(person, "My sister Ana lives in Porto")
    person.says("My birthday is 3 May.")
    person.sees("Noted: your birthday is 3 May.")
    _has_learned(person, "My birthday is 3 May")
    person.says("Where do I live?")
    person.sees("You live in Ghent. You told me today.")
    person.says("Who is Ana?")
    person.sees("Your sister Ana lives in Porto. You told me today.")
    person.says("Write a haiku")
    person.sees("so I can only remember what you tell me and look it up.")
    person.says("Forget my birthday")
    person.sees("Nothing is forgotten until you confirm.")
    person.page.reload()
    person.page.get_by_role("button", name="Forget", exact=True).click()
    person.sees("Forgotten:")
    person.says("What do you know about me?")
    person.sees("What I know about you:")
    expect(person.replies().last).not_to_contain_text("birthday")
    person.presses("Undo")
    expect(person.page.get_by_role("button", name="Forget", exact=True)).to_be_visible()
    box = person.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert box <= 0


def test_the_notice_is_closed_once_and_stays_closed(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="notice@example.com")
    person.sees("No language model is connected.")
    person.presses("Close this notice")
    person.does_not_see("No language model is connected.")
    person.page.reload()
    person.sees("What's on your mind?")
    person.rests()
    person.does_not_see("No language model is connected.")


def test_suggestions_come_from_what_is_remembered(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="starters@example.com")
    expect(person.page.get_by_role("button", name="What can you do?")).to_be_visible()
    person.says("My sister Ana lives in Porto.")
    person.sees("Noted: your sister Ana lives in Porto.")
    _has_learned(person, "My sister Ana lives in Porto")
    person.starts_a_new_chat()
    person.presses("Who is Ana?")
    person.sees("Your sister Ana lives in Porto.")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_owner_connects_a_model_and_removes_it(
    width: int, own_machine: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = _owner(own_machine, visit, width)
    _opens_connecting(person)
    _enters(person, model_server.base_url, KEY)
    person.sees("Models at")
    model_server.enqueue_replies(Reply("Hello from the scripted model."))
    person.presses("Try it")
    person.sees("Hello from the scripted model.")
    person.presses("Connect")
    person.sees("large is connected.")
    kept = own_machine.data / "model.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["api_key"] == KEY
    assert KEY not in person.page.content()
    person.page.goto(f"{own_machine.address}/chat")
    person.sees("What's on your mind?")
    person.does_not_see("No language model is connected.")
    model_server.enqueue_replies(Reply("The capital is Paris."))
    person.says("Capital of France?")
    person.sees("The capital is Paris.")
    asked = next(each for each in model_server.chats if "Capital of France?" in each.said("user"))
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    person.page.goto(f"{own_machine.address}/connect")
    person.presses("Disconnect")
    person.sees("No language model is connected.")
    assert not kept.exists()
    assert KEY not in own_machine.logs
    assert KEY not in own_machine.output


def test_what_is_wrong_with_an_address_is_said(own_machine: Keepsake, model_server: ModelServer, visit: Visit) -> None:
    person = _owner(own_machine, visit)
    _opens_connecting(person)
    for listing, said in (
        (Fault(401), "refused the API key. Check the key."),
        (WebPage(), "Check the address: is it a model?"),
    ):
        model_server.listing = listing
        _enters(person, model_server.base_url, KEY)
        person.sees(said)
    model_server.listing = None
    _enters(person, "http://127.0.0.1:1", KEY)
    person.sees("could not be reached.")
    _enters(person, "ftp://example.com", KEY)
    person.sees("This is not the address of a model")
    assert KEY not in person.page.content()


def test_a_guest_of_the_machine_connects_nothing(own_machine: Keepsake, visit: Visit) -> None:
    guest = visit(own_machine, signed_in="guest@example.com")
    guest.sees("No language model is connected.")
    expect(guest.page.get_by_role("link", name="Connect a model")).to_have_count(0)
    guest.page.goto(f"{own_machine.address}/connect")
    guest.sees("Whoever made the first account")
    expect(guest.page.get_by_label("API key")).to_have_count(0)


def _owner(keepsake: Keepsake, visit: Visit, width: int = 1280) -> Visitor:
    """The person with the first account, signed in; the walk above has made it."""
    person = visit(keepsake, width=width)
    person.sign_in("owner@example.com")
    person.sees("What's on your mind?")
    return person


def _has_learned(person: Visitor, words: str) -> None:
    """Wait for the worker: what comes next is answered or suggested from what is remembered by then."""
    expect(person.page.get_by_role("button", name=f"Learned: {words}")).to_be_visible()


def _opens_connecting(person: Visitor) -> None:
    person.page.get_by_role("link", name="Connect a model").click()
    expect(person.page.get_by_role("heading", name="Language model")).to_be_visible()


def _enters(person: Visitor, address: str, key: str) -> None:
    person.rests()
    person.page.get_by_label("Address", exact=True).fill(address)
    person.page.get_by_label("API key").fill(key)
    person.page.get_by_role("button", name="Find models").click()
