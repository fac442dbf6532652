"""The health page in a browser: what is worth a look, mended and then undone; a check pinned, run and seen green."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
OLD = "2024-03-01T12:00:00Z"
KEPT = ("I like green tea.", "I really like green tea", "I live in Porto by the river", "I had a canary")


def _brings(person: Visitor, *memories: str) -> None:
    """Memories of long ago, out of a file."""
    person.goes_to("Memories")
    person.page.get_by_role("tab", name="Files").click()
    held = json.dumps([{"memory": each, "created_at": OLD} for each in memories]).encode()
    given = {"name": "old.json", "mimeType": "application/json", "buffer": held}
    person.page.locator("input[type=file]").set_input_files(files=[given])  # type: ignore[arg-type]
    person.presses("Import")
    person.sees(f"Imported: {len(memories)} memories")


def test_what_is_worth_a_look_is_mended_with_a_click_and_taken_back_with_one(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="wren@example.com")
    person.goes_to("Health")
    person.sees("Nothing to show yet")
    _brings(person, *KEPT)
    person.goes_to("Health")
    person.sees("1 duplicate, 4 out of date")
    picture = person.page.get_by_label("A bar in two parts: 0 of 4 memories were used in a reply, 4 never.")
    expect(picture.first).to_be_visible()

    person.page.get_by_role("tab", name="Needs attention").click()
    person.opens("Duplicates (1)")
    person.presses("Merge 1 group")
    person.sees("Duplicates merged into 1 memory")
    person.sees("Needs attention: 3 out of date")
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.sees("1 duplicate, 4 out of date")

    person.opens("Out of date (4)")
    box = person.page.get_by_role("checkbox", name="Select: I had a canary")
    box.locator("xpath=ancestor::label").click()
    expect(box).to_be_checked()
    person.rests()
    person.presses("Forget")
    person.sees("Forgotten: 1 memory")
    person.sees("3 out of date")
    person.page.reload()
    person.sees("3 out of date")


def test_a_check_is_pinned_to_a_memory_and_seen_green(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, width=390, signed_in="xeno@example.com")
    person.says("I live in Porto by the river")
    person.opens_the_sidebar()
    person.remembers("I live in Porto by the river")
    person.closes_the_sidebar()
    person.presses("Details")
    person.presses("Add a recall check")
    person.page.get_by_label("Question").fill("Where do I live?")
    person.page.get_by_role("button", name="Add", exact=True).click()
    person.sees("Added.")
    person.page.keyboard.press("Escape")
    person.opens_the_sidebar()
    person.goes_to("Health")
    person.closes_the_sidebar()
    person.sees("All good: 1 memory")
    person.page.get_by_role("tab", name="Recall checks").click()
    person.presses("Run all")
    person.sees("1 of 1 passed")
    person.presses("Why")
    person.sees("score")
