"""The settings in a browser: set by keyboard and pointer, kept across a reload, and felt in the next reply."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _chooses(person: Visitor, label: str, choice: str) -> None:
    """By keyboard alone, as in any box that can be searched."""
    box = person.page.get_by_role("combobox", name=label)
    box.focus()
    box.press("ArrowDown")
    person.page.keyboard.type(choice)
    expect(person.page.get_by_role("option").first).to_contain_text(choice)
    box.press("Enter")
    expect(person.page.get_by_role("listbox")).to_have_count(0)


def _save(person: Visitor, what: str) -> None:
    button = person.page.locator(f".st-key-save-{what}").get_by_role("button", name="Save")
    saved = person.page.locator(f".st-key-settings-{what}").get_by_text("Saved.")
    expect(saved).to_be_hidden()  # what an earlier press left goes with the run after it
    button.focus()
    button.press("Enter")
    expect(saved).to_be_visible()


def _switch(person: Visitor, label: str) -> Locator:
    return person.page.get_by_role("switch", name=label)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_set_is_kept_across_a_reload_and_felt_in_the_next_reply(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, width: int
) -> None:
    person = visit(keepsake_with_model, width=width, signed_in=f"wanda-{width}@example.com")
    _goes_to(person, "Settings", width)
    _chooses(person, "Model", "large")
    _chooses(person, "Language of replies", "Deutsch")
    person.page.get_by_role("textbox", name="Your own instructions").fill("Call me Queen Wanda")
    _save(person, "replies")
    _chooses(person, "Timezone", "Asia/Tokyo")
    _save(person, "time")
    _switch(person, "Use what I remember").press("Space")
    _switch(person, "Remember what you say").press("Space")
    _save(person, "memory")
    person.page.reload()
    expect(person.page.get_by_role("textbox", name="Your own instructions")).to_have_value("Call me Queen Wanda")
    expect(_switch(person, "Use what I remember")).not_to_be_checked()
    expect(_switch(person, "Remember what you say")).not_to_be_checked()
    expect(person.page.get_by_role("combobox", name="Timezone")).to_have_value("Asia/Tokyo")

    before = len(model_server.chats)
    _goes_to(person, "Chat", width)
    person.says("I keep bees in Utrecht")
    person.sees("memory off")
    replies = [each for each in model_server.chats[before:] if each.streams]
    assert [each.body["model"] for each in replies] == ["large"]
    assert "Answer in German" in replies[0].said("system")
    assert "Call me Queen Wanda" in replies[0].said("system")
    assert [each for each in model_server.chats[before:] if not each.streams] == []
    person.page.reload()
    person.sees("memory off")
    person.does_not_see("Learned")


def test_a_shorter_time_is_kept_at_once_where_it_costs_no_chat(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="xaver@example.com")
    person.goes_to("Settings")
    person.sees("Chats stay until you delete them.")
    _chooses(person, "Keep my chats", "30 days")
    person.sees("nothing was said in a chat for 30 days")
    _save(person, "keeping")
    _chooses(person, "Keep my chats", "For ever")
    person.sees("Chats stay until you delete them.")
    _save(person, "keeping")
    person.page.reload()
    person.sees("Chats stay until you delete them.")


def test_what_was_kept_turn_by_turn_is_erased(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="yara@example.com")
    person.says("I live in Porto by the river")
    person.sees("No language model is connected")  # the whole turn is kept: both its messages
    person.remembers("I live in Porto by the river")
    person.goes_to("Settings")
    person.sees("2 messages are kept turn by turn.")
    person.presses("Erase what was kept turn by turn")
    person.presses("Erase it")
    person.sees("0 messages are kept turn by turn.")


def _goes_to(person: Visitor, page: str, width: int) -> None:
    if width < 800:
        person.opens_the_sidebar()
    person.goes_to(page)
    if width < 800:
        person.closes_the_sidebar()
