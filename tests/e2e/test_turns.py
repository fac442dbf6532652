"""Under a turn, in a browser: what was learned appears by itself, contradictions are settled, answers are had again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Item, Json, Reply, Request, Stall, sensible
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def test_what_was_learned_appears_by_itself_and_is_set_right_and_taken_back(
    keepsake_with_model: Keepsake, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="lena@example.com")
    person.says("I keep bees in Utrecht")
    person.presses("Learned: I keep bees in Utrecht")
    person.page.get_by_role("button", name="Edit", exact=True).click()
    person.page.get_by_label("What is true").fill("I keep bees in Delft")
    person.presses("Save")
    person.sees("Learned, then changed by you")
    person.sees("I keep bees in Delft")
    person.presses("Undo")  # the edit; what was learned stands, and can go still
    person.does_not_see("I keep bees in Delft")
    person.does_not_see("Learned, then")
    person.presses("Undo")
    person.sees("Learned, then forgotten")
    person.presses("Restore")
    person.does_not_see("Learned, then")
    person.remembers("I keep bees in Utrecht")


def test_looking_ends_when_there_is_nothing_left_to_wait_for_and_closes_nothing(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visit(keepsake_with_model, signed_in="mira@example.com")
    held = Stall(then=Json({"operations": []}))
    model_server.enqueue_replies(Reply("A fine instrument."))
    monkeypatch.setattr(model_server, "unscripted", _when_reading("cello", held))
    person.says("I play the cello")
    person.sees("A fine instrument.")
    looking = person.page.locator(".st-key-script-learned")
    expect(looking).to_have_count(1)
    person.page.get_by_role("button", name="Chat menu").click()
    person.page.get_by_role("menuitem", name="Export").click()
    expect(person.page.get_by_role("dialog")).to_be_visible()
    held.gate.open()
    expect(looking).to_have_count(0)
    expect(person.page.get_by_role("dialog")).to_be_visible()


def test_a_contradiction_is_settled_above_the_box(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visit(keepsake_with_model, signed_in="nils@example.com")
    person.says("I live in Bergen by the sea")
    person.presses("Learned: I live in Bergen by the sea")
    unsure = _when_reading("I live in Oslo by the fjord", Json({"operations": [_question()]}))
    monkeypatch.setattr(model_server, "unscripted", unsure)
    person.says("I live in Oslo by the fjord")
    person.sees("Which is right?")
    person.presses("The new one")
    person.does_not_see("Which is right?")
    person.remembers("I live in Oslo by the fjord")
    # It is still the name of the chat, in the list beside the page.
    expect(person.page.get_by_test_id("stMain").get_by_text("I live in Bergen by the sea")).to_have_count(0)


def test_an_answer_is_had_again_and_without_a_memory(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="olga@example.com")
    person.says("I use Redis and Supabase")
    expect(person.page.get_by_role("button", name="Learned: I use Redis")).to_be_visible()
    person.opens_the_sidebar()
    person.starts_a_new_chat()  # on a phone the list makes way by itself
    person.says("What do you know about my stack?")
    expect(person.replies().last).to_contain_text("I remember: I use Redis and Supabase")
    person.presses("Used 1 memory")
    person.page.get_by_test_id("stCheckbox").get_by_text("I use Redis and Supabase").click()
    person.presses("Answer without unticked memories")
    expect(person.replies().last).to_contain_text("I do not remember anything about you yet")
    expect(person.replies()).to_have_count(2)
    model_server.enqueue_replies(Reply("A third way to put it."))
    person.presses("Try again")
    person.sees("A third way to put it.")
    person.page.reload()
    person.sees("A third way to put it.")
    person.presses("Previous version")
    person.sees("2 / 3")
    person.presses("Previous version")
    person.sees("1 / 3")
    expect(person.replies().last).to_contain_text("I remember: I use Redis and Supabase")


def _when_reading(words: str, item: Item) -> Callable[[Request], Item]:
    """What the model says when it reads a turn with these words; everything else is answered sensibly."""

    def answer(request: Request) -> Item:
        latest = request.said("user").rpartition("<turn>")[2]
        return item if request.schema and words in latest else sensible(request)

    return answer


def _question() -> dict[str, object]:
    words = "I live in Oslo by the fjord"
    told: dict[str, object] = {"action": "ask", "target": 1, "text": words, "kind": "fact", "quote": words}
    told |= {"happened_at": None, "language": "en", "entities": [], "relations": [], "reason": "unclear"}
    return told
