"""The chats beside the page in a real browser: named, searched, put in order by keyboard; and on a phone."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import PATIENCE, Item, Json, Request, Slow, sensible
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _names_the_chat_about_bees(model_server: ModelServer) -> threading.Event:
    """Name this chat, and no other, whichever is asked about first; the event says that it was asked about."""
    asked = threading.Event()

    def name_of(request: Request) -> Item:
        if "bees" not in str(request.body["messages"]):
            return sensible(request)
        asked.set()
        return Json({"name": "Moving the hives"})

    model_server.enqueue_names(*[name_of] * 10)
    return asked


def test_chats_are_named_found_renamed_by_keyboard_and_taken_along(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="chaya@example.com")
    asked = _names_the_chat_about_bees(model_server)
    person.says("How do I help my sister in Évora with her bees?")
    person.sees("You said: How do I help")
    assert asked.wait(PATIENCE)
    person.starts_a_new_chat()
    person.says("Something about tea")
    person.sees("You said: Something about tea")
    named = person.page.get_by_role("button", name="Moving the hives")
    person.goes_to("Memories")
    person.sees("What I remember about you")
    expect(named).to_be_visible()  # the list is on every page
    search = person.page.get_by_label("Search chats")
    search.press_sequentially("bees evora")  # it answers while one types
    expect(person.page.get_by_role("strong").filter(has_text="Évora")).to_have_count(1)
    expect(search).to_be_focused()
    found = person.page.locator('[class*="st-key-found-"]')
    found.get_by_role("button", name="Moving the hives").click()
    person.sees("You said: How do I help")
    expect(found).to_have_count(1)  # the search stays
    person.page.go_back()
    person.sees("What I remember about you")
    person.presses("Clear search")
    row = person.page.locator('[class*="st-key-chat-row-"]').filter(has_text="Moving the hives")
    row.get_by_role("button", name="Chat menu").press("Enter")
    person.page.get_by_role("menuitem", name="Rename").press("Enter")
    name = person.page.get_by_label("Chat name")
    expect(name).to_be_focused()
    person.page.keyboard.type("Bees")  # in place of what stood there, which is chosen
    person.page.keyboard.press("Enter")
    expect(person.page.get_by_role("button", name="Bees", exact=True)).to_be_visible()
    person.presses("Export all chats")
    with person.page.expect_download() as taken:
        person.page.get_by_role("button", name="JSON", exact=True).click()
    with zipfile.ZipFile(taken.value.path()) as files:
        told = [json.loads(files.read(each)) for each in files.namelist()]
    assert sorted(each["title"] for each in told) == ["Bees", "Something about tea"]


def test_on_a_phone_the_list_makes_way_for_the_chat_that_was_chosen(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="paula@example.com")
    person.says("A chat about a boat")
    person.sees("You said: A chat about a boat")
    opens = person.page.get_by_test_id("stExpandSidebarButton")
    expect(opens).to_be_visible()
    person.opens_the_sidebar()
    person.presses("New chat")
    person.sees("What's on your mind?")
    expect(opens).to_be_visible()
    person.opens_the_sidebar()
    person.page.get_by_role("button", name="A chat about a boat").click()
    person.sees("You said: A chat about a boat")
    expect(opens).to_be_visible()


def test_shortcuts_that_people_know_work_and_are_listed(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="kit@example.com")
    page, box = person.page, person.page.get_by_placeholder("Message Keepsake")
    listed = page.get_by_role("dialog", name="Keyboard shortcuts")
    person.presses("Keyboard shortcuts")
    expect(listed).to_contain_text("Search chats")
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    slow = Slow([f"word{number} " for number in range(40)])
    model_server.enqueue_replies(slow)
    person.says("Tell me a long story")
    slow.gate.let(5)
    person.sees("word3")
    page.keyboard.press("Escape")  # the box has the focus, and is empty
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    slow.gate.open()
    person.sees("Stopped.")
    person.rests()
    box.press("?")
    expect(box).to_have_value("?")  # it is a letter for whoever types
    expect(listed).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search chats")).to_be_focused()
    page.keyboard.press("Control+/")
    expect(listed).to_be_visible()
    page.keyboard.press("Control+Shift+O")  # not while the list is open
    listed.get_by_role("button", name="Close").click()
    expect(listed).to_have_count(0)
    person.goes_to("Memories")
    person.sees("What I remember about you")
    page.get_by_placeholder("Find a memory").fill("river")
    expect(page.get_by_text("Press Enter").locator("visible=true")).to_have_count(0)
    page.keyboard.press("Control+Shift+O")
    person.sees("What's on your mind?")
    expect(box).to_be_focused()
    page.get_by_text("What's on your mind?").click()
    page.keyboard.press("Shift+?")
    expect(listed).to_be_visible()
