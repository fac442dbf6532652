"""The settings in a browser: set by keyboard and pointer, kept across a reload, and felt in the next reply."""

from __future__ import annotations

import re
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


def _is_saved(person: Visitor, section: str) -> None:
    expect(person.page.locator(f".st-key-section-{section}").get_by_role("status")).to_have_text("✓ Saved")


def _switch(person: Visitor, label: str) -> Locator:
    return person.page.get_by_role("switch", name=label)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_set_is_kept_across_a_reload_and_felt_in_the_next_reply(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, width: int
) -> None:
    person = visit(keepsake_with_model, width=width, signed_in=f"wanda-{width}@example.com")
    _goes_to(person, "Settings", width)
    _chooses(person, "Language of replies", "Deutsch")
    _is_saved(person, "replies")
    person.page.get_by_role("textbox", name="Your instructions").fill("Call me Queen Wanda")
    _chooses(person, "Timezone", "Asia/Tokyo")
    _is_saved(person, "time")
    _switch(person, "Use memories in replies").press("Space")
    _switch(person, "Learn from chats").press("Space")
    _is_saved(person, "memory")
    person.page.reload()
    expect(person.page.get_by_role("textbox", name="Your instructions")).to_have_value("Call me Queen Wanda")
    expect(_switch(person, "Use memories in replies")).not_to_be_checked()
    expect(_switch(person, "Learn from chats")).not_to_be_checked()
    expect(person.page.get_by_role("combobox", name="Timezone")).to_have_value("Asia/Tokyo")

    before = len(model_server.chats)
    _goes_to(person, "Chat", width)
    person.says("I keep bees in Utrecht")
    person.sees("You said: I keep bees in Utrecht")
    expect(person.replies().last).to_contain_text("Memory off")
    replies = [each for each in model_server.chats[before:] if each.streams and "Utrecht" in each.said("user")]
    assert len(replies) == 1
    assert "Answer in German" in replies[0].said("system")
    assert "Call me Queen Wanda" in replies[0].said("system")
    assert [each for each in model_server.chats[before:] if not each.streams and "Utrecht" in each.said("user")] == []
    person.page.reload()
    expect(person.replies().last).to_contain_text("Memory off")
    person.sees("You said: I keep bees in Utrecht")
    person.rests()
    expect(person.page.get_by_role("button", name=re.compile("^Learned"))).to_have_count(0)


def test_a_shorter_time_is_kept_at_once_where_it_costs_no_chat(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="xaver@example.com")
    person.goes_to("Settings")
    person.sees("Chats are kept until you delete them.")
    _chooses(person, "Keep my chats", "30 days")
    person.sees("permanently deleted 30 days after its last message")
    _is_saved(person, "keeping")
    _chooses(person, "Keep my chats", "Forever")
    person.sees("Chats are kept until you delete them.")
    _is_saved(person, "keeping")
    person.page.reload()
    person.sees("Chats are kept until you delete them.")


def test_what_is_typed_is_saved_without_leaving_the_field(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="walt@example.com")
    person.goes_to("Settings")
    field = person.page.get_by_role("textbox", name="What to remember or ignore")
    field.fill("Never my health")
    _is_saved(person, "memory")
    expect(field).to_be_focused()
    person.does_not_see("Press Ctrl")
    person.page.reload()
    expect(field).to_have_value("Never my health")


def test_what_is_typed_is_saved_if_another_page_is_opened_at_once(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="wim@example.com")
    for number in range(3):
        person.goes_to("Settings")
        field = person.page.get_by_role("textbox", name="Your instructions")
        expect(field).to_have_value(f"Call me Wim the {number}" if number else "")
        field.fill(f"Call me Wim the {number + 1}")
        person.goes_to("Account")
        person.sees("Signed in as")


def test_words_that_are_too_long_say_so_below_their_field(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="wolf@example.com")
    person.goes_to("Settings")
    person.page.get_by_role("textbox", name="Your instructions").fill("x" * 2_001)
    person.sees("Your instructions have 2,001 characters.")
    expect(person.page.locator(".st-key-section-replies").get_by_role("status")).to_have_text("")


def test_what_was_kept_turn_by_turn_is_erased(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="yara@example.com")
    person.says("I live in Porto by the river")
    person.sees("Noted: you live in Porto by the river")  # what rules reply is not kept
    person.remembers("I live in Porto by the river")
    person.goes_to("Settings")
    person.sees("1 past message is stored.")
    person.presses("Delete stored past messages")
    person.presses("Delete them")
    person.sees("0 past messages are stored.")


def _goes_to(person: Visitor, page: str, width: int) -> None:
    if width < 800:
        person.opens_the_sidebar()
    person.goes_to(page)
    if width < 800:
        person.closes_the_sidebar()
