"""The memories page in a browser: opening one, saying it better, finding its chat, and forgetting several."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import WebSocket, expect

from tests.chat.conftest import until
from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import stand_still

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _told(keepsake: Keepsake, visit: Visit, name: str, width: int, *facts: str) -> Visitor:
    """Somebody who has told these, at the memories page."""
    person = visit(keepsake, width=width, signed_in=f"{name}@example.com")
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
    person.sees("Added by simple rules")
    stand_still(person)  # the form is the same from now on
    person.page.get_by_label("What it says").fill("I live in Lisbon")
    person.presses("Save")
    person.sees("Changed: I live in Lisbon")
    person.sees("Changed by you")
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.sees("undoing a change")
    expect(person.page.get_by_label("What it says")).to_have_value("I live in Porto by the river")
    person.presses("Show in chat")
    person.page.wait_for_url("**/chat?chat=*&message=*")
    expect(person.replies().first).to_contain_text("I live in Porto by the river")
    person.rests()
    person.page.go_back()  # one step, not two
    person.sees("What I remember about you")


@pytest.mark.parametrize("press", ["Save", "Always include"])
def test_a_change_is_kept_though_another_page_is_opened_before_it_is_carried_out(
    keepsake: Keepsake, visit: Visit, press: str
) -> None:
    person = _told(keepsake, visit, f"hasty-{press[:4]}", 1280, "I live in Porto")
    opened: list[WebSocket] = []
    person.hears("websocket", lambda socket: opened.append(socket))
    person.page.reload()
    person.presses("Details")
    person.sees("Added by simple rules")
    stand_still(person)
    with keepsake.holds("vecs.memories") as anybody_waits:
        if press == "Save":
            person.page.get_by_label("What it says").fill("I live in Lisbon")
            person.presses(press)
        else:
            person.page.get_by_text(press, exact=True).click()
        until(anybody_waits)  # for the list, which is drawn before the form
        with opened[-1].expect_event("framesent"):
            person.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Account").click()
    person.sees("Signed in as")
    person.goes_to("Memories")
    person.sees("I live in Lisbon" if press == "Save" else "Marked as always included by you")


def test_several_are_ticked_and_forgotten_and_one_press_brings_them_back(keepsake: Keepsake, visit: Visit) -> None:
    facts = ("I play the cello on Sundays", "I work at the harbour", "I love dark chocolate")
    person = _told(keepsake, visit, "quin", 390, *facts)
    person.page.get_by_text("Select several").click()
    person.page.get_by_role("checkbox", name="I work at the harbour").locator("xpath=ancestor::label").click()
    person.page.get_by_role("checkbox", name="I love dark chocolate").locator("xpath=ancestor::label").click()
    person.presses("Forget 2 memories")
    person.sees("Forgotten: 2 memories")
    person.sees("1 memory")
    person.does_not_see("I work at the harbour")
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.sees("3 memories")
    # Each stands there twice: to the eye, and as the name of its box.
    expect(person.page.get_by_text("I work at the harbour").locator("visible=true")).to_have_count(1)


def test_a_filter_leaves_out_what_does_not_fit(keepsake: Keepsake, visit: Visit) -> None:
    person = _told(keepsake, visit, "rosa", 1280, "I live in Porto by the river")
    person.page.get_by_role("button", name="Filter").click()
    person.page.get_by_role("button", name="Goal", exact=True).click()
    person.sees("No memories match the filter")
    person.presses("Clear filter")
    person.sees("I live in Porto by the river")


def test_memories_are_taken_along_as_json_and_csv_and_brought_in_elsewhere(keepsake: Keepsake, visit: Visit) -> None:
    person = _told(keepsake, visit, "sol", 1280, "I live in Porto by the river")
    person.page.get_by_role("tab", name="Files").click()
    held: dict[str, bytes] = {}
    for kind in ("JSON", "CSV"):
        with person.page.expect_download() as downloading:
            person.page.get_by_role("button", name=f"Export as {kind}").click()
        held[kind] = downloading.value.path().read_bytes()
    [exported] = json.loads(held["JSON"])["results"]
    assert exported["memory"] == "I live in Porto by the river"
    assert exported["metadata"]["quote"]
    assert "I live in Porto by the river,fact," in held["CSV"].decode("utf-8-sig")

    other = visit(keepsake, signed_in="tom@example.com")
    other.goes_to("Memories")
    other.page.get_by_role("tab", name="Files").click()
    given = {"name": "memories.json", "mimeType": "application/json", "buffer": held["JSON"]}
    other.page.locator("input[type=file]").set_input_files(files=[given])  # type: ignore[arg-type]
    other.presses("Import")
    other.sees("Imported: 1 memory from memories.json")
    other.page.get_by_role("tab", name="Memories").click()
    other.sees("I live in Porto by the river")


def test_a_line_of_the_profile_is_kept_across_a_reload(keepsake: Keepsake, visit: Visit) -> None:
    person = _told(keepsake, visit, "uma", 390, "I live in Porto by the river")
    person.page.get_by_role("tab", name="Profile").click()
    person.sees("About you")
    person.page.get_by_label("Add a line").fill("Call me Uma")
    person.presses("Add")
    person.sees("Call me Uma")
    person.page.reload()
    person.page.get_by_role("tab", name="Profile").click()
    person.sees("Call me Uma")


def _forgets_far_down(person: Visitor) -> None:
    """Forget the thirteenth of twenty, and undo it where the eye is; the next bin does not slide under the pointer."""
    person.rests()
    bins = person.page.get_by_role("button", name="Forget", exact=True)
    expect(bins).to_have_count(20)
    bins.nth(12).scroll_into_view_if_needed()
    next_bin = person.page.locator("[class*=st-key-icon-forget-]").nth(13)
    before = next_bin.bounding_box()
    name = next_bin.get_attribute("class")
    bins.nth(12).click()
    person.sees("Forgotten: Fact 08 of mine")
    person.rests()
    undo = person.page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_in_viewport(ratio=1)
    after = person.page.locator("[class*=st-key-icon-forget-]").nth(12)
    assert after.get_attribute("class") == name
    now = after.bounding_box()
    assert before is not None
    assert now is not None
    assert abs(now["y"] - before["y"]) < before["height"] / 2
    undo.click()
    expect(bins).to_have_count(20)
    person.sees("Fact 08 of mine")


def test_pages_are_turned_and_a_page_that_is_gone_leads_to_the_last(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, width=390, signed_in="vera@example.com")
    person.opens_the_sidebar()
    person.goes_to("Memories")
    person.closes_the_sidebar()
    person.page.get_by_role("tab", name="Files").click()
    many = [{"memory": f"Fact {n:02} of mine", "created_at": f"2026-03-01T12:{n:02}:00Z"} for n in range(21)]
    given = {"name": "m.json", "mimeType": "application/json", "buffer": json.dumps(many).encode()}
    person.page.locator("input[type=file]").set_input_files(files=[given])  # type: ignore[arg-type]
    person.presses("Import")
    person.sees("Imported: 21 memories")
    person.page.get_by_role("tab", name="Memories").click()
    person.sees("Fact 20 of mine")
    person.does_not_see("Fact 00 of mine")
    _forgets_far_down(person)
    person.page.get_by_test_id("stPagination").get_by_role("button", name="2").click()
    person.sees("Fact 00 of mine")
    person.does_not_see("Fact 20 of mine")
    forget = person.page.get_by_role("button", name="Forget", exact=True)
    expect(forget).to_have_count(1)  # the old page's rows go a moment after the new one's come
    forget.click()
    person.sees("20 memories")
    person.sees("Fact 20 of mine")
