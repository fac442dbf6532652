"""A thread in a browser: versions of a message, copying, what is typed and not sent, and two tabs of one person."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Reply, Slow
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _box(person: Visitor) -> Locator:
    return person.page.get_by_placeholder("Message Keepsake")


def test_a_message_is_said_otherwise_and_the_branch_that_was_chosen_is_there_after_a_reload(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="petra@example.com")
    person.says("Tell me of Delft")
    person.sees("You said: Tell me of Delft")
    person.says("What else?")
    person.sees("You said: What else?")
    person.rests()
    person.page.get_by_role("button", name="Edit message").first.click()
    words = person.page.get_by_label("Your words")
    expect(words).to_be_focused()
    words.fill("Tell me of Utrecht")
    person.page.get_by_role("button", name="Send", exact=True).click()
    person.sees("You said: Tell me of Utrecht")
    person.does_not_see("You said: What else?")
    person.sees("2 / 2")
    person.rests()
    person.presses("Previous version")
    person.sees("You said: What else?")
    person.page.reload()
    person.sees("You said: What else?")
    person.sees("1 / 2")
    person.does_not_see("You said: Tell me of Utrecht")


def test_a_message_is_copied_as_it_was_written_and_found_good_or_not(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="quirin@example.com")
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    model_server.enqueue_replies(Reply("Delft has **canals**."))
    person.says("Tell me of *Delft*")
    person.sees("Delft has canals.")
    person.rests()
    copies = person.page.get_by_role("button", name="Copy", exact=True)
    for copy, words in ((copies.last, "Delft has **canals**."), (copies.first, "Tell me of *Delft*")):
        copy.focus()
        person.page.keyboard.press("Enter")
        person.was_told("Copied")
        assert person.page.evaluate("navigator.clipboard.readText()") == words
    thumb = person.page.get_by_role("radio", name="Thumbs down")
    thumb.click()
    person.presses("Add a reason")
    person.page.get_by_label("Why?").fill("too short")
    person.presses("Save")
    person.sees("“too short”")
    person.page.reload()
    person.sees("“too short”")
    expect(thumb).to_be_checked()
    thumb.click()
    person.does_not_see("“too short”")


def test_what_is_typed_and_not_sent_is_there_again_and_nobody_elses(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="rosalind@example.com")
    person.says("First subject, the garden")
    person.sees("You said: First subject")
    _box(person).fill("half a thought\non two lines")
    person.page.reload()
    expect(_box(person)).to_have_value("half a thought\non two lines")
    person.starts_a_new_chat()
    expect(_box(person)).to_have_value("")
    _box(person).fill("for a new one")
    person.goes_to("Memories")
    person.sees("What I remember about you")
    person.goes_to("Chat")
    expect(_box(person)).to_have_value("for a new one")
    person.page.get_by_role("button", name="First subject, the garden").click()
    person.sees("You said: First subject")
    expect(_box(person)).to_have_value("half a thought\non two lines")
    person.goes_to("Account")
    person.page.get_by_role("button", name="Sign out", exact=True).click()
    person.sees("An assistant that remembers you")
    person.page.wait_for_function(
        "() => !Object.keys(sessionStorage).some((each) => each.startsWith('keepsake-draft'))"
    )
    person.sign_up("sven@example.com")
    expect(_box(person)).to_have_value("")


def test_what_is_typed_right_after_a_press_is_meant_for_the_chat_that_opens_and_goes_when_it_is_sent(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="tara@example.com")
    person.says("First subject, the garden")
    person.sees("You said: First subject")
    _box(person).fill("half a thought")
    # Typed right after the press, maybe before the other chat is there: it is meant for that one.
    person.page.get_by_role("button", name="New chat").click()
    _box(person).press_sequentially("indeed")
    person.sees("What's on your mind?")
    expect(_box(person)).to_have_value("indeed")
    person.page.go_back()
    person.sees("You said: First subject")
    expect(_box(person)).to_have_value("half a thought")
    person.rests()
    _box(person).press("Enter")
    person.sees("You said: half a thought")
    person.page.reload()
    person.sees("You said: half a thought")
    person.rests()
    expect(_box(person)).to_have_value("")


def test_what_is_said_in_one_tab_appears_in_the_other_and_closes_nothing_there(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="ulla@example.com")
    person.says("A matter for two tabs")
    person.sees("You said: A matter")
    page = person.page.context.new_page()
    asked: list[object] = []

    def note(frame: object) -> None:
        asked.append(frame)

    page.on("websocket", lambda socket: socket.on("framesent", note))
    page.goto(person.page.url)
    other = Visitor(page)
    other.sees("You said: A matter")
    other.rests()
    page.get_by_role("button", name="Chat menu").click()
    page.get_by_role("menuitem", name="Export").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    person.says("From the first tab")
    person.sees("You said: From the first tab")
    asked.clear()
    deadline = time.monotonic() + 60
    while not asked:  # how it stands; the answer may close nothing
        assert time.monotonic() < deadline, "the other tab never asks for news"
        page.wait_for_timeout(100)
    other.rests()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    _box(other).fill("typed there")
    other.sees("You said: From the first tab")
    expect(_box(other)).to_have_value("typed there")
    expect(person.replies()).to_have_count(4)
    expect(other.replies()).to_have_count(4)


def test_a_reply_goes_on_whatever_is_done_meanwhile_and_in_every_tab(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="verena@example.com")
    slow = Slow([f"word{number} " for number in range(9)])
    model_server.enqueue_replies(slow)
    person.says("Tell me a long story")
    slow.gate.let(2)
    person.sees("word1")
    # Another page and back, and a reload: each time there is what there was, and it goes on.
    person.goes_to("Memories")
    person.sees("What I remember about you")
    slow.gate.let(1)
    person.goes_to("Chat")
    person.sees("word0 word1 word2")
    person.page.wait_for_url("**/chat?chat=*")
    person.page.reload()
    person.sees("word0 word1 word2")
    slow.gate.let(1)
    person.sees("word3")
    page = person.page.context.new_page()
    page.goto(person.page.url)
    other = Visitor(page)
    other.sees("word0 word1 word2 word3")
    expect(other.page.get_by_role("button", name="Try again")).to_have_count(0)
    # What is stopped in one tab is stopped in the other.
    other.stops()
    for each in (person, other):
        each.sees("Stopped.")
        each.does_not_see("word4")
    slow.gate.open()
    person.page.reload()
    person.sees("Stopped.")
    person.does_not_see("word8")


def test_a_reply_is_whole_in_its_chat_although_another_chat_was_opened_meanwhile(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="will@example.com")
    slow = Slow([f"word{number} " for number in range(9)])
    model_server.enqueue_replies(slow)
    person.says("A long story for later")
    slow.gate.let(1)
    person.sees("word0")
    person.opens_the_sidebar()
    person.starts_a_new_chat()
    person.says("Something else meanwhile")
    person.sees("You said: Something else meanwhile")
    slow.gate.open()
    person.page.go_back()
    person.sees("What's on your mind?")
    person.page.go_back()
    person.sees("word7 word8")
    person.does_not_see("Stopped.")


def test_a_reply_stopped_before_its_first_word_can_be_asked_for_again_in_every_tab(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="xenia@example.com")
    slow = Slow(["late"])
    model_server.enqueue_replies(slow)
    person.says("Tell me a long story")
    person.sees("Thinking…")
    page = person.page.context.new_page()
    page.goto(person.page.url)
    other = Visitor(page)
    other.sees("Thinking…")
    other.stops()
    for each in (person, other):
        expect(each.page.get_by_role("button", name="Try again")).to_be_visible()
        each.does_not_see("Thinking…")
    slow.gate.open()


def test_while_an_answer_is_had_again_nothing_of_the_old_one_stands_there(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="yorick@example.com")
    person.says("Tell me of Delft")
    person.sees("You said: Tell me of Delft")
    person.says("And of Gouda?")
    person.sees("You said: And of Gouda?")
    person.rests()
    slow = Slow([f"word{number} " for number in range(4)])
    model_server.enqueue_replies(slow)
    person.page.get_by_role("button", name="Try again").first.click()
    slow.gate.let(1)
    person.sees("word0")
    # One message and the reply that grows: no row to vote in, and nothing of what came after.
    expect(person.replies()).to_have_count(2)
    expect(person.page.get_by_role("radio", name="Thumbs up")).to_have_count(0)
    # What cannot be taken is told at once, and ends nothing.
    _box(person).fill("word " * 7_000)
    _box(person).press("Enter")
    person.sees("The limit is 32,000: send it in parts.")
    expect(person.page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    slow.gate.open()
    person.sees("word3")
    expect(person.page.get_by_role("radio", name="Thumbs up")).to_have_count(1)
    person.sees("2 / 2")


def test_going_back_from_a_new_chat_leads_to_before_it_and_forward_to_its_reply(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="zelda@example.com")
    slow = Slow([f"word{number} " for number in range(4)])
    model_server.enqueue_replies(slow)
    person.says("Tell me a story")
    slow.gate.let(1)
    person.sees("word0")
    person.page.go_back()
    person.sees("What's on your mind?")
    person.page.go_forward()
    person.sees("word0")
    expect(person.page.get_by_text("word0")).to_have_count(1)
    slow.gate.open()
    person.sees("word3")
    person.goes_to("Memories")
    person.sees("What I remember about you")
    person.goes_to("Chat")
    person.sees("word3")
    # A press right away, as the address is being named: it is the same chat.
    person.page.get_by_role("radio", name="Thumbs up").click()
    person.rests()
    person.sees("word3")
