"""In a browser: files go along with a message, a temporary chat leaves nothing, and what a chat taught is forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.chat.test_attachments import pdf, picture
from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _attaches(person: Visitor, *files: tuple[str, str, bytes]) -> None:
    chosen = [{"name": name, "mimeType": media, "buffer": held} for name, media, held in files]
    person.page.get_by_test_id("stChatInput").locator("input[type=file]").first.set_input_files(chosen)  # type: ignore[arg-type]
    for name, _, _ in files:
        expect(person.page.get_by_test_id("stChatInput").get_by_text(name)).to_be_visible()


def test_a_pdf_and_a_picture_reach_the_model_and_stay_under_the_message(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="rosa@example.com")
    report = ("report.pdf", "application/pdf", pdf("The ferry leaves at nine"))
    _attaches(person, report, ("red.png", "image/png", picture(size=(600, 400))))
    person.says("What do these say?")
    person.sees("You said: What do these say?")
    asked = next(each for each in model_server.chats if each.streams and "What do these say?" in each.said("user"))
    [words, shown] = asked.body["messages"][-1]["content"]
    assert "The ferry leaves at nine" in words["text"]
    assert shown["image_url"]["url"].startswith("data:image/png;base64,")
    person.page.reload()
    expect(person.page.get_by_test_id("stImage").locator("img")).to_be_visible()
    person.presses("report.pdf")
    expect(person.page.get_by_role("dialog")).to_contain_text("The ferry leaves at nine")
    person.page.keyboard.press("Escape")
    _attaches(person, ("notes.txt", "text/plain", b"\x00\x01\x02"))
    person.tries_to_say("And this?")
    person.sees("notes.txt is not a text file.")
    person.sees("Attach them again: notes.txt")


def test_a_temporary_chat_leaves_nothing_and_what_a_chat_taught_is_forgotten(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="sami@example.com")
    person.says("I keep bees in Utrecht")
    expect(person.page.get_by_role("button", name="Learned: I keep bees in Utrecht")).to_be_visible()
    person.starts_a_new_chat()
    person.page.get_by_text("Temporary", exact=True).click()
    person.sees("Erased a day after the last message")
    person.says("Where are my bees? I play the cello.")
    expect(person.replies().last).to_contain_text("You said: Where are my bees?")
    expect(person.replies().last).to_contain_text("Memory off")
    person.starts_a_new_chat()
    expect(person.page.get_by_role("button", name="Where are my bees?")).to_have_count(0)
    person.page.get_by_role("button", name="I keep bees in Utrecht").click()
    person.presses("Forget what I learned in this chat")
    dialog = person.page.get_by_role("dialog")
    expect(dialog).to_contain_text("I keep bees in Utrecht")
    dialog.get_by_role("button", name="Delete permanently").click()
    person.sees("Verified: it is gone.")
    person.goes_to("Memories")
    person.sees("What I remember about you")
    person.does_not_see("cello")
    # Its name is in the list of chats.
    expect(person.page.get_by_test_id("stMain").get_by_text("I keep bees in Utrecht")).to_have_count(0)


def test_a_file_that_cannot_come_along_holds_the_message_until_it_is_taken_away(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="tilda@example.com")
    large = b"a" * 11_000_000
    _attaches(person, ("large.txt", "text/plain", large), ("small.txt", "text/plain", b"The ferry leaves at nine"))
    person.sees("File must be 10.0MB or smaller.")
    box = person.page.get_by_placeholder("Message Keepsake")
    box.fill("When does it leave?")
    box.press("Enter")
    person.page.get_by_role("button", name="Send message").click()
    expect(box).to_have_value("When does it leave?")
    person.page.get_by_role("button", name="Remove large.txt").click()
    person.says("When does it leave?")
    person.sees("You said: When does it leave?")
    expect(person.page.get_by_role("button", name="small.txt")).to_be_visible()
