"""In a browser: a stopped reply goes on, another model is chosen beside the box, and one more answers again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Reply, Slow
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def _chooses(person: Visitor, opens: str, name: str) -> None:
    """Open a list of models, see it whole, and choose one."""
    person.rests()
    person.page.get_by_role("button", name=opens, exact=True).last.click()
    radio = person.page.get_by_role("radio", name=name)
    expect(radio).to_be_attached()
    person.rests()
    label = person.page.get_by_test_id("stPopoverBody").locator("label").filter(has_text=name)
    expect(label).to_be_in_viewport(ratio=1)
    label.click()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_stopped_reply_goes_on_and_other_models_answer_next_and_again(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit, width: int
) -> None:
    person = visit(keepsake_with_model, width=width, signed_in=f"olga-{width}@example.com")
    slow = Slow(["Delft has ", "many ca", "never said"])
    model_server.enqueue_replies(slow)
    person.says("Tell me of Delft")
    slow.gate.let(2)
    person.sees("many ca")
    person.stops()
    person.sees("Stopped.")
    slow.gate.open()
    model_server.enqueue_replies(Reply("canals and a church."))
    person.rests()
    person.presses("Continue")
    person.sees("Delft has many canals and a church.")
    person.does_not_see("Stopped.")
    person.page.reload()
    person.sees("Delft has many canals and a church.")
    expect(person.replies()).to_have_count(2)

    _chooses(person, "scripted", "large")
    chosen = person.page.get_by_role("button", name="large", exact=True)
    expect(chosen).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(person.page.get_by_test_id("stPopoverBody")).to_have_count(0)
    person.says("And of Gouda?")
    person.sees("You said: And of Gouda?")
    person.rests()
    person.replies().last.hover()
    _chooses(person, "Answer with another model", "scripted")
    person.sees("Answered by scripted")
    person.sees("2 / 2")
    assert [each.body["model"] for each in model_server.chats if each.streams] == [
        *("scripted", "scripted", "large", "scripted")
    ]
    expect(chosen).to_be_visible()  # the person's choice is as it was
