"""The memories page in a browser: opening one, saying it better, finding its chat, and forgetting several."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _told(keepsake: Keepsake, visit: Visit, name: str, width: int, *facts: str) -> Visitor:
    """Somebody who has told these, at the memories page."""
    person = visit(keepsake, width=width)
    person.sign_up(f"{name}@example.com")
    for fact in facts:
        person.says(fact)
        person.sees(fact)
    if width < 800:
        person.opens_the_sidebar()
    for fact in facts:
        person.remembers(fact)
    if width < 800:
        person.closes_the_sidebar()
    return person


@pytest.mark.parametrize("width", [1280, 390])
def test_a_memory_is_opened_reworded_taken_back_and_leads_to_its_chat(
    keepsake: Keepsake, visit: Visit, width: int
) -> None:
    person = _told(keepsake, visit, f"opal-{width}", width, "I live in Porto by the river")
    person.presses("Details")
    person.sees("Kept by plain rules")
    person.page.get_by_label("What it says").fill("I live in Lisbon")
    person.presses("Save")
    person.sees("Changed: I live in Lisbon")
    person.sees("Changed by you")
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.sees("taking a change back")
    expect(person.page.get_by_label("What it says")).to_have_value("I live in Porto by the river")
    person.presses("Open the chat")
    person.page.wait_for_url("**/chat?chat=*")
    expect(person.replies().first).to_contain_text("I live in Porto by the river")


def test_several_are_ticked_and_forgotten_and_one_press_brings_them_back(keepsake: Keepsake, visit: Visit) -> None:
    facts = ("I play the cello on Sundays", "I work at the harbour", "I love dark chocolate")
    person = _told(keepsake, visit, "quin", 390, *facts)
    person.page.get_by_text("Select several").click()
    person.page.get_by_role("checkbox", name="I work at the harbour").locator("..").click()
    person.page.get_by_role("checkbox", name="I love dark chocolate").locator("..").click()
    person.presses("Forget 2 memories")
    person.sees("Forgotten: 2 memories")
    person.sees("1 memory")
    person.does_not_see("I work at the harbour")
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.sees("I work at the harbour")
    person.sees("I love dark chocolate")


def test_a_filter_leaves_out_what_does_not_fit(keepsake: Keepsake, visit: Visit) -> None:
    person = _told(keepsake, visit, "rosa", 1280, "I live in Porto by the river")
    person.page.get_by_role("button", name="Filter").click()
    person.page.get_by_role("button", name="Goal", exact=True).click()
    person.sees("None of them fits the filter")
    person.presses("Show all kinds and dates")
    person.sees("I live in Porto by the river")
