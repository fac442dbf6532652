"""The story the front door is for: tell it once, and it knows; after a restart too, and for nobody else."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from memory.embedded.postgres import Postgres
from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import stand_still
from tests.model_answers import Gate, Reply, Slow
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
PIECES = 100  # of a reply that is being written, a quarter of a second each
# The unfinished reply; other walks may have said something like it in the same database.
SAVED = "select content from app.messages where role = 'assistant' and content like 'Line 0 of the first half.%'"


def test_it_remembers_across_chats_people_and_restarts(keepsake: Keepsake, visit: Visit) -> None:
    dave = visit(keepsake)
    dave.sign_up("dave@example.com")
    dave.says("My name is Dave and I use Redis and Supabase")
    dave.sees("your name is Dave.")
    dave.sees("you use Redis and Supabase.")
    dave.remembers("My name is Dave")
    dave.remembers("I use Redis and Supabase")

    dave.goes_to("Chat")
    dave.starts_a_new_chat()
    dave.says("What do you know about my stack?")
    dave.sees("You use Redis and Supabase")

    erin = visit(keepsake, signed_in="erin@example.com")
    erin.says("My name is Erin and I never use Redis")
    erin.remembers("I never use Redis")
    erin.does_not_see("Dave")

    keepsake.restart()
    again = visit(keepsake, "/nonsense")  # to its first visitor, Streamlit would answer in words of its own
    again.sees("There is no page at this address")
    again.does_not_see("main page")
    again.page.get_by_role("link", name="Go to the start page").click()
    again.sign_in("dave@example.com")
    again.says("What do you know about my stack?")
    again.sees("You use Redis and Supabase")
    again.does_not_see("Erin")


def test_after_a_kill_the_next_start_still_remembers(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="kim@example.com")
    person.says("I live in Lisbon with two cats")
    person.remembers("I live in Lisbon with two cats")
    keepsake.restart(signal.SIGKILL)
    again = visit(keepsake)
    again.sign_in("kim@example.com")
    again.remembers("I live in Lisbon with two cats")


def test_a_reply_survives_the_apps_process_being_killed_and_goes_on_where_it_broke_off(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="ida@example.com")
    half = Slow([f"Line {number} of the first half.\n\n" for number in range(PIECES)])
    model_server.enqueue_replies(half)
    person.says("Tell me of Delft")
    half.gate.let()
    person.sees("Line 0 of the first half.")
    written = _saved_while_it_is_written(keepsake_with_model, half.gate, person)
    keepsake_with_model.kill_app()
    half.gate.open()
    keepsake_with_model.restart()
    model_server.enqueue_replies(Reply("The second half, to the end."))
    person.page.reload()
    person.sees(written)
    person.presses("Continue")
    person.sees("The second half, to the end.")
    expect(person.replies()).to_have_count(2)
    expect(person.replies().last).to_contain_text("Line 0 of the first half.")
    expect(person.page.get_by_role("button", name="Continue")).to_have_count(0)
    person.page.reload()
    person.sees("The second half, to the end.")
    expect(person.replies().last).to_contain_text("Line 0 of the first half.")


def _saved_while_it_is_written(keepsake: Keepsake, gate: Gate, person: Visitor) -> str:
    """Let the model write on until the unfinished reply is in the database; return the last whole line of it."""
    server = Postgres(keepsake.data)
    with create_engine(server.admin_url, isolation_level="AUTOCOMMIT").connect() as database:
        for _ in range(PIECES - 1):
            saved = database.execute(text(SAVED)).scalar()
            if saved:
                return str(saved).strip().splitlines()[-1]
            gate.let()
            person.page.wait_for_timeout(250)
    raise AssertionError("a reply that is being written was never saved")


def test_health_says_that_the_whole_stack_is_well_and_nothing_else(keepsake: Keepsake) -> None:
    answer = keepsake.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "well"}


@pytest.mark.parametrize("path", ["/chat", "/memories", "/account"])
def test_a_page_asked_for_directly_shows_the_way_in_and_nothing_else(
    keepsake: Keepsake, visit: Visit, path: str
) -> None:
    stranger = visit(keepsake, path)
    stranger.sees("An assistant that remembers you")
    stranger.does_not_see("What I remember about you")
    stranger.does_not_see("Signed in as")
    assert stranger.page.get_by_placeholder("Message Keepsake").count() == 0


def test_a_fresh_server_asked_directly_for_a_page_does_not_show_it(keepsake: Keepsake, visit: Visit) -> None:
    # Before anybody came in by the front door, Streamlit would run the page's file by itself.
    keepsake.restart()
    stranger = visit(keepsake, "/memories")
    stranger.sees("An assistant that remembers you")
    stranger.does_not_see("What I remember about you")


def test_an_unknown_address_says_so_and_leads_back(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="noa@example.com")
    for path in ("/Chat", "/chat/nonsense", "/%20"):
        person.page.goto(keepsake.address + path)
        person.sees("There is no page at this address")
        person.does_not_see("main page")
    person.page.get_by_role("link", name="Go to your chats").click()
    person.sees("What's on your mind?")
    visit(keepsake, "/welcome").sees("An assistant that remembers you")


def test_signing_out_leaves_nothing_behind_for_the_next_person(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="lea@example.com")
    person.says("My favourite colour is ultramarine")
    person.remembers("My favourite colour is ultramarine")
    person.goes_to("Account")
    person.presses("Sign out")
    person.sees("An assistant that remembers you")
    person.sign_up("max@example.com")
    person.does_not_see("ultramarine")
    person.goes_to("Memories")
    person.sees("No memories yet")
    person.does_not_see("ultramarine")


def test_wrong_password_unknown_address_and_weak_password_are_told_in_a_sentence(
    keepsake: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake)
    person.sign_in("nobody@example.com", "not the password")
    person.sees("Wrong email address or password.")
    person.page.get_by_role("tab", name="Create account").click()
    person.page.get_by_label("Email").locator("visible=true").fill("weak@example.com")
    person.page.get_by_label("Password", exact=True).locator("visible=true").fill("short")
    person.page.get_by_role("button", name="Create account").click()
    person.sees("Use at least")


def test_memories_can_be_searched_forgotten_and_cleared(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, width=390, signed_in="nora@example.com")
    for fact in ("I play the cello on Sundays", "I work at the harbour", "I love dark chocolate"):
        person.says(fact)
        person.sees(fact)
    person.opens_the_sidebar()
    person.remembers("I love dark chocolate")
    person.closes_the_sidebar()
    person.sees("3 memories")
    person.page.get_by_placeholder("Find a memory").fill("cello")
    person.page.get_by_placeholder("Find a memory").press("Enter")
    forget = person.page.get_by_role("button", name="Forget", exact=True)
    person.sees("1 memory found")
    stand_still(person)  # the rows of the list before go one by one
    forget.click()
    person.sees("No exact matches")
    person.presses("Undo")
    person.sees("1 memory found")
    stand_still(person)
    forget.click()
    person.sees("No exact matches")
    person.page.get_by_placeholder("Find a memory").fill("")
    person.page.get_by_placeholder("Find a memory").press("Enter")
    person.presses("Forget everything")
    person.sees("All 2 memories are permanently deleted")
    person.page.get_by_role("dialog").get_by_role("button", name="Forget everything").click()
    person.sees("2 memories permanently deleted.")
    person.sees("Verified: ")
    person.sees("No memories yet")
