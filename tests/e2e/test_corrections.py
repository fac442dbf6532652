"""In a browser: what was corrected does not return, leads to its own message, keeps its people, and can be undone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import stand_still
from tests.model_answers import Item, Json, Request, sensible
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
HOME, MOVED = "I live in Ljubljana by the river", "Actually I moved to Maribor"
BAKER, CHEF = "My partner Jonas is a baker", "My partner Jonas is a pastry chef"
WHERE = "Where do I live?"


def _learned(*operations: dict[str, object]) -> Callable[[Request], Item]:
    """What the memory model proposes; replies are not scripted."""
    rest: dict[str, object] = {"target": None, "kind": "fact", "happened_at": None, "language": "en"}
    rest |= {"entities": [], "relations": [], "reason": "said so"}

    def played(request: Request) -> Item:
        if "operations" in (request.schema or {}).get("properties", {}):
            return Json({"operations": [{**rest, **each} for each in operations]})
        return sensible(request)

    return played


def _asks_where(person: Visitor) -> str:
    """Ask in a new chat; return the reply, which repeats what the model was given."""
    person.goes_to("Chat")
    person.starts_a_new_chat()
    person.says(WHERE)
    reply = person.replies().last
    expect(reply).to_contain_text(f"You said: {WHERE}")
    return reply.inner_text()


def _opens_details(person: Visitor, words: str) -> None:
    person.goes_to("Memories")
    person.page.get_by_placeholder("Find a memory").fill(words)
    person.page.get_by_placeholder("Find a memory").press("Enter")
    person.sees("1 memory found")
    stand_still(person)
    details = person.page.get_by_role("button", name="Details")
    if details.count():  # otherwise it was left open
        details.first.click()
    person.sees("History")
    stand_still(person)


def test_what_was_corrected_does_not_return_until_it_is_undone(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visit(keepsake_with_model, signed_in="vida@example.com")
    person.says(HOME)
    expect(person.page.get_by_role("button", name=f"Learned: {HOME}")).to_be_visible()
    person.starts_a_new_chat()
    update = {"action": "update", "target": 1, "text": "I live in Maribor", "quote": "I moved to Maribor"}
    monkeypatch.setattr(model_server, "unscripted", _learned(update))
    person.says(MOVED)
    expect(person.page.get_by_role("button", name="Changed: I live in Maribor")).to_be_visible()
    monkeypatch.setattr(model_server, "unscripted", _learned())

    told = _asks_where(person)
    assert "I live in Maribor (told " in told
    assert f"(since corrected: I live in Maribor): “{HOME}”" in told

    # "Sources" and the memory's own button lead to the message that made this version.
    person.page.get_by_role("button", name=re.compile("^Used .*memor")).click()
    person.page.get_by_role("button", name="I live in Maribor").first.click()
    expect(person.replies().first).to_contain_text(MOVED)
    _opens_details(person, "Maribor")
    person.page.get_by_role("button", name="Show in chat").first.click()
    person.page.wait_for_url("**/chat?chat=*&message=*")
    expect(person.replies().first).to_contain_text(MOVED)

    # The history leads to the message of each version, and undoes.
    _opens_details(person, "Maribor")
    person.page.get_by_role("button", name="Show in chat").last.click()
    expect(person.replies().first).to_contain_text(HOME)
    _opens_details(person, "Maribor")
    person.page.get_by_role("button", name="Undo this change").click()
    person.sees("No exact matches")
    told = _asks_where(person)
    assert f"{HOME} (told " in told
    assert "Maribor" not in told.replace(f"(since corrected: {HOME}): “{MOVED}”", "")


def test_an_edit_by_hand_keeps_people_and_the_time_line_its_words(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    jonas = {"entities": [["Jonas", "my partner"]], "relations": [["Jonas", "is partner of", "me"]]}
    person = visit(keepsake_with_model, signed_in="zala@example.com")
    learned = _learned({"action": "add", "text": BAKER, "quote": BAKER, **jonas})
    monkeypatch.setattr(model_server, "unscripted", learned)
    person.says(f"{BAKER}.")
    expect(person.page.get_by_role("button", name=f"Learned: {BAKER}")).to_be_visible()
    monkeypatch.setattr(model_server, "unscripted", _learned())
    _opens_details(person, "Jonas")
    person.page.get_by_label("What it says").fill(CHEF)
    person.presses("Save")
    person.sees(f"Changed: {CHEF}")
    person.page.get_by_role("tab", name="Graph").click()
    person.page.get_by_role("combobox").last.click()
    person.page.get_by_role("option", name="Jonas").click()
    person.sees("What I remember about Jonas")
    person.opens("As a list")
    person.sees("Jonas — is partner of")
    person.page.get_by_role("tab", name="Time line").click()
    person.sees(f"Before: {BAKER}")
    person.sees(f"● {BAKER}")  # on the day on which it was told


def test_what_was_forgotten_is_as_before_and_an_older_line_still_undoes_its_own_change(
    keepsake: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake, signed_in="neza@example.com")
    lines = person.page.get_by_role("button", name=re.compile("^(Learned|Changed): "))
    for number, words in enumerate(("I live in Ghent.", "I live in Antwerp now.", "I live in Porto now."), 1):
        person.says(words)
        expect(lines).to_have_count(number)
        person.rests()
    person.says("Forget what I just said")
    person.sees("As it was before: you live in Antwerp now.")
    expect(lines).to_have_count(4)
    stand_still(person)
    lines.nth(1).click()
    person.page.get_by_role("button", name="Undo").click()
    person.sees("Changed, then undone")
    person.remembers("I live in Ghent.")
