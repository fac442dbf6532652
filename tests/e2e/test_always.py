"""In a browser: a memory that the person marks is given with every reply, and says so wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import stand_still

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
NUTS = "I am allergic to walnuts"
UNRELATED = "Which train goes to Bergen?"


def test_what_is_always_included_comes_with_an_unrelated_question_until_it_is_undone(
    keepsake_with_model: Keepsake, visit: Visit, tmp_path: Path
) -> None:
    person = visit(keepsake_with_model, signed_in="ingrid@example.com")
    person.says(NUTS)
    expect(person.page.get_by_role("button", name=f"Learned: {NUTS}")).to_be_visible()
    person.goes_to("Memories")
    person.page.get_by_role("button", name="Details").click()
    stand_still(person)
    person.page.get_by_text("Always include", exact=True).click()
    person.sees(f"Always included: {NUTS}")
    person.sees("Marked as always included by you")
    person.page.get_by_role("tab", name="Files").click()
    with person.page.expect_download() as downloading:
        person.page.get_by_role("button", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "memories.csv")
    header, row = (tmp_path / "memories.csv").read_text(encoding="utf-8-sig").splitlines()
    assert "yes" in row.split(",")
    assert "always_included" in header.split(",")

    assert NUTS in _asks(person)
    person.page.get_by_role("button", name="Used 1 memory").click()
    person.sees("always included")
    person.page.keyboard.press("Escape")  # the open receipt covers the page

    person.goes_to("Memories")
    person.page.wait_for_url("**/memories")
    stand_still(person)
    # Its details were left open.
    person.page.get_by_role("button", name="Undo this change").click()
    person.sees("No longer marked as always included by you")
    assert NUTS not in _asks(person)


def _asks(person: Visitor) -> str:
    """Ask in a new chat; return the reply, which repeats what the model was given."""
    person.goes_to("Chat")
    person.starts_a_new_chat()
    person.says(UNRELATED)
    reply = person.replies().last
    expect(reply).to_contain_text(f"You said: {UNRELATED}")
    return reply.inner_text()
