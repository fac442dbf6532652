"""The chats beside the page in a real browser: named, searched, put in order by keyboard; and on a phone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Json
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def test_chats_are_named_found_renamed_by_keyboard_and_taken_along(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="chaya@example.com")
    model_server.enqueue_names(Json({"name": "Moving the hives"}))
    person.says("How do I help my sister in Évora with her bees?")
    person.sees("You said: How do I help")
    person.starts_a_new_chat()
    person.says("Something about tea")
    person.sees("You said: Something about tea")
    named = person.page.get_by_role("button", name="Moving the hives")
    expect(named).to_be_visible()  # drawn with the run that came after
    search = person.page.get_by_label("Search chats")
    search.fill("bees evora")
    search.press("Enter")
    expect(person.page.get_by_role("strong").filter(has_text="Évora").first).to_be_visible()
    found = person.page.locator('[class*="st-key-found-"]')  # the list may still stand there for a moment
    found.get_by_role("button", name="Moving the hives").first.click()
    person.page.wait_for_url("**message=**")
    person.sees("You said: How do I help")
    person.presses("End the search")
    menu = person.page.get_by_role("button", name="Chat menu").last
    menu.focus()
    menu.press("Enter")
    person.page.get_by_role("menuitem", name="Rename").press("Enter")
    name = person.page.get_by_label("The chat's name")
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
    person.sees("What is on your mind?")
    expect(opens).to_be_visible()
    person.opens_the_sidebar()
    person.page.get_by_role("button", name="A chat about a boat").click()
    person.sees("You said: A chat about a boat")
    expect(opens).to_be_visible()
