"""Talking with a model behind it: streaming, stopping, failing and trying again, chats apart and deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from memory.embedded.postgres import Postgres
from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Cut, Fault, Reply, Slow
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def test_a_reply_draws_on_memory_in_another_chat_and_shows_which(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="ada@example.com")
    person.says("My name is Ada and I use Redis and Supabase")
    person.remembers("I use Redis and Supabase")
    person.goes_to("Chat")
    person.starts_a_new_chat()
    person.says("What do you know about my stack?")
    expect(person.replies().last).to_contain_text("I use Redis and Supabase")
    person.presses("Used 1 memory")
    receipt = person.page.get_by_test_id("stPopoverBody")
    expect(receipt).to_contain_text("I use Redis and Supabase")
    expect(receipt).to_contain_text("Memory from ")
    expect(receipt).to_contain_text("scripted · ")


def test_a_reply_appears_while_it_is_written_and_a_stop_keeps_what_there_is(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="beatrix@example.com")
    slow = Slow([f"word{number} " for number in range(40)])
    model_server.enqueue_replies(slow)
    person.says("Tell me a long story")
    slow.gate.let(5)
    person.sees("word3")
    person.stops()
    expect(person.page.get_by_role("button", name="Send message")).to_be_visible()
    slow.gate.open()
    person.sees("word3")
    person.sees("Stopped.")
    expect(person.page.get_by_role("button", name="Try again")).to_be_visible()
    # The page is whole after a stop: the list is there, and so is the way to a new chat.
    expect(person.page.get_by_role("button", name="Tell me a long story")).to_be_visible()
    person.starts_a_new_chat()
    person.page.get_by_role("button", name="Tell me a long story").click()
    person.sees("Stopped.")
    expect(person.page.get_by_role("button", name="Try again")).to_be_visible()
    # Its address leads back to it, also by way of the door in another browser.
    person = visit(keepsake_with_model, person.page.url.removeprefix(keepsake_with_model.address))
    person.sign_in("beatrix@example.com")
    person.sees("word3")
    person.sees("Stopped.")
    person.does_not_see("word39")


def test_a_restart_in_the_middle_of_a_reply_keeps_what_was_written(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="bruna@example.com")
    slow = Slow([f"word{number} " for number in range(40)])
    model_server.enqueue_replies(slow)
    person.says("Tell me a long story")
    slow.gate.let(5)
    person.sees("word3")
    keepsake_with_model.restart()
    slow.gate.open()
    person.page.reload()
    person.page.get_by_role("button", name="Tell me a long story").click()
    person.sees("word3")
    person.sees("Stopped.")
    person.does_not_see("word9")


def test_a_failing_model_is_told_in_place_and_nothing_is_lost(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="cleo@example.com")
    model_server.enqueue_replies(Fault(401))
    person.says("I keep bees on the roof")
    person.sees("refused the API key")
    person.sees("I keep bees on the roof")
    _until_read(model_server, "I keep bees on the roof")
    model_server.enqueue_replies(Reply("Bees are good company."))
    person.presses("Try again")
    person.sees("Bees are good company.")
    expect(person.replies()).to_have_count(2)
    person.remembers("I keep bees on the roof")


@pytest.mark.parametrize("apart", [0, 150])
def test_a_double_click_sends_once_and_stops_nothing(
    apart: int, keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in=f"double{apart}@example.com")
    slow = Slow([f"word{number} " for number in range(10)])
    model_server.enqueue_replies(slow)
    person.page.get_by_placeholder("Message Keepsake").fill("Tell me a story")
    person.page.get_by_role("button", name="Send message").dblclick(delay=20) if not apart else _twice(person, apart)
    slow.gate.open()
    person.sees("word9")
    person.does_not_see("Stopped.")
    expect(person.replies()).to_have_count(2)


def _twice(person: Visitor, apart: int) -> None:
    box = person.page.get_by_role("button", name="Send message").bounding_box()
    assert box is not None
    for _ in range(2):
        person.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        person.page.wait_for_timeout(apart)  # as a finger does


def test_a_reply_that_breaks_off_is_kept_and_can_be_asked_for_again(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="dan@example.com")
    model_server.enqueue_replies(Cut(after_pieces=2))
    person.says("Tell me about the sea")
    person.sees("piece 0 piece 1")
    person.sees("Try again")
    _until_read(model_server, "Tell me about the sea")
    model_server.enqueue_replies(Reply("The sea is deep."))
    person.presses("Try again")
    person.sees("The sea is deep.")
    person.presses("Previous version")
    person.sees("piece 0 piece 1")


def test_what_a_person_or_a_model_writes_is_text_and_loads_nothing(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="dorothea@example.com")
    asked: list[str] = []
    person.hears("request", lambda request: asked.append(request.url))
    model_server.enqueue_replies(
        Reply("Look: ![tracker](http://127.0.0.1:9/seen.png) <img src=http://127.0.0.1:9/seen2.png>")
    )
    person.says("<b>bold?</b> ![x](http://127.0.0.1:9/mine.png) *stars* $math$ :red[colour]")
    person.sees("<b>bold?</b> ![x](http://127.0.0.1:9/mine.png) *stars* $math$ :red[colour]")
    person.sees("Look:")
    expect(person.replies()).to_have_count(2)
    assert not [url for url in asked if ":9/" in url]


def test_chats_are_listed_opened_by_link_and_deleted(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="elif@example.com")
    person.says("First subject, the garden")
    person.sees("You said: First subject")
    person.starts_a_new_chat()
    person.says("Second subject, the boat")
    person.sees("You said: Second subject")
    first = person.page.get_by_role("button", name="First subject, the garden")
    first.click()
    person.sees("You said: First subject")
    assert "chat=" in person.page.url
    person.goes_to("Memories")
    person.goes_to("Chat")
    person.sees("You said: First subject")
    person.opens_chat_menu("First subject, the garden")
    person.page.get_by_role("menuitem", name="Delete").click()
    expect(first).to_have_count(0)
    expect(person.page.get_by_role("button", name="Second subject, the boat")).to_be_visible()
    person.presses("Undo")
    expect(first).to_be_visible()


def test_going_back_shows_the_chat_that_the_address_names(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="hana@example.com")
    for subject in ("Alpha", "Beta", "Gamma"):
        person.says(f"{subject} subject, please")
        person.sees(f"You said: {subject}")
        person.starts_a_new_chat()
    for subject in ("Alpha", "Beta", "Gamma"):
        person.page.get_by_role("button", name=f"{subject} subject, please").click()
        person.sees(f"You said: {subject}")
    for subject in ("Beta", "Alpha"):
        person.page.go_back()
        person.sees(f"You said: {subject}")
    person.page.go_forward()
    person.sees("You said: Beta")


def test_a_message_is_saved_whatever_is_clicked_right_after_it(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="ivo@example.com")
    for number in range(6):
        person.says(f"Quick thought number {number}")
        person.page.get_by_role("button", name="New chat").click()
        person.sees("What's on your mind?")
        # Its reply goes on meanwhile: where that keeps the server busy, those milliseconds become more.
        _until_read(model_server, f"Quick thought number {number}")
    for number in range(6):
        expect(person.page.get_by_role("button", name=f"Quick thought number {number}")).to_be_visible()


PRESS_TWO = """() => {
  const box = document.querySelector('[data-testid="stChatInputTextArea"]');
  const enter = {key: 'Enter', code: 'Enter', keyCode: 13, bubbles: true, cancelable: true};
  box.dispatchEvent(new KeyboardEvent('keydown', enter));
  [...document.querySelectorAll('button')].find(each => each.innerText.includes('New chat')).click();
}"""


def test_a_message_is_saved_even_if_something_is_clicked_in_the_same_millisecond(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="iva@example.com")
    box = person.page.get_by_placeholder("Message Keepsake")
    for number in range(6):
        person.rests()
        box.fill(f"Instant thought number {number}")
        expect(person.page.get_by_role("button", name="Send message")).to_be_enabled()
        person.page.evaluate(PRESS_TWO)
        expect(box).to_have_value("")
        person.sees("What's on your mind?")
    person.page.reload()
    for number in range(6):
        expect(person.page.get_by_role("button", name=f"Instant thought number {number}")).to_be_visible()


def test_a_new_chat_is_drawn_after_the_message_before_it_is_saved_however_long_that_takes(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="inge@example.com")
    with person.page.expect_websocket() as connection:
        person.page.reload()
    person.sees("What's on your mind?")
    with _saving_waits(keepsake_with_model) as until_waiting:
        person.says("A thought that is saved slowly")
        until_waiting()
        with connection.value.expect_event("framesent"):
            person.page.get_by_role("button", name="New chat").click()
    expect(person.page.get_by_role("button", name="A thought that is saved slowly")).to_be_visible()
    person.sees("What's on your mind?")
    person.does_not_see("You said: A thought that is saved slowly")


ORDER = ("first", "second", "third", "fourth")


def test_messages_sent_while_the_server_is_held_up_all_arrive_in_their_order(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="ilja@example.com")
    person.says("My first thought")
    person.sees("You said: My first thought")
    with _saving_waits(keepsake_with_model) as until_waiting:
        box = person.page.get_by_placeholder("Message Keepsake")
        for each in ORDER[1:]:
            box.fill(f"My {each} thought")
            box.press("Enter")
            expect(box).to_have_value("")
            until_waiting()
    person.sees("Learned: My fourth thought")
    said = person.page.get_by_role("group", name="Chat message from user")
    expect(said).to_contain_text([f"My {each} thought" for each in ORDER])


@contextmanager
def _saving_waits(keepsake: Keepsake) -> Iterator[Callable[[], None]]:
    """Let nobody save a message until the end of the block; what is handed out waits until somebody tries to."""
    engine = create_engine(Postgres(keepsake.data).admin_url)
    with engine.connect() as holder:
        holder.execute(text("lock table app.messages in exclusive mode"))

        def until_waiting() -> None:
            deadline = time.monotonic() + 45
            while not holder.scalar(text("select exists (select from pg_locks where not granted)")):
                assert time.monotonic() < deadline, "nobody tried to save a message"
                time.sleep(0.02)

        yield until_waiting
    engine.dispose()


def test_a_message_that_is_too_long_is_refused_and_not_lost(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="jo@example.com")
    box = person.page.get_by_placeholder("Message Keepsake")
    person.rests()
    box.fill("The beginning. " + "word " * 8_000)
    box.press("Enter")  # the words come back into the box, sooner or later than one could see it empty
    person.sees("The limit is 32,000: send it in parts.")
    expect(box).to_have_value(re.compile(r"^The beginning. (word ){8000}$"))
    box.fill("The beginning.")
    box.press("Enter")
    person.sees("You said: The beginning.")
    person.does_not_see("The limit is 32,000: send it in parts.")


def test_amounts_of_money_stay_amounts(keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="kayla@example.com")
    model_server.enqueue_replies(Reply("It costs $5 today and $10 tomorrow."))
    person.says("What does the boat cost?")
    person.sees("It costs $5 today and $10 tomorrow.")


def test_a_link_to_somebody_elses_chat_opens_nothing(keepsake_with_model: Keepsake, visit: Visit) -> None:
    owner = visit(keepsake_with_model, signed_in="fay@example.com")
    owner.says("A private matter of mine")
    owner.sees("You said: A private matter")
    link = owner.page.url.removeprefix(keepsake_with_model.address)

    thief = visit(keepsake_with_model, signed_in="gil@example.com")
    address = thief.page.evaluate(
        "link => { history.pushState({}, '', link); dispatchEvent(new PopStateEvent('popstate'));"
        " return location.href }",
        link,
    )
    assert "chat=" in address
    thief.sees("What's on your mind?")
    thief.does_not_see("private matter")
    thief.says("Hello there, my friend")
    thief.sees("You said: Hello there")
    owner.does_not_see("Hello there, my friend")


def _until_read(model_server: ModelServer, words: str) -> None:
    """Wait for the worker's own call about a turn, so that it does not get the next thing scripted for the chat."""
    deadline = time.monotonic() + 60
    while not any(each.schema and words in each.said("user") for each in model_server.chats):
        assert time.monotonic() < deadline, "the turn was not read"
        time.sleep(0.02)
