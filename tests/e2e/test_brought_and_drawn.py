"""In a browser: what was said to ChatGPT is brought in as a zip, and the graph is a picture to press on."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import cos, sin
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.memory.imports.test_chatgpt import PORTO, zipped
from ui.memories.graph import OTHERS

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
FAMILY = [
    {
        "memory": "My sister Ana lives in Braga",
        "metadata": {
            "entities": [["Ana", "my sister"], ["Braga"]],
            "relations": [["Ana", "is sister of", "me"], ["Ana", "lives in", "Braga"]],
        },
    },
    {
        "memory": "Rex is Ana's dog",
        "metadata": {"entities": [["Rex"], ["Ana"]], "relations": [["Rex", "belongs to", "Ana"]]},
    },
]


def _at(keepsake: Keepsake, visit: Visit, name: str, width: int, tab: str) -> Visitor:
    person = visit(keepsake, width=width, signed_in=f"{name}@example.com")
    if width < 800:
        person.opens_the_sidebar()
    person.goes_to("Memories")
    if width < 800:
        person.closes_the_sidebar()
    person.page.get_by_role("tab", name=tab).click()
    return person


def _give(person: Visitor, name: str, kind: str, held: bytes) -> None:
    given: Any = {"name": name, "mimeType": kind, "buffer": held}
    person.page.locator("input[type=file]").set_input_files(files=[given])
    expect(person.page.get_by_role("button", name="Import")).to_be_enabled()
    person.presses("Import")


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_said_to_chatgpt_is_told_then_learned_with_its_day(
    keepsake: Keepsake, visit: Visit, width: int
) -> None:
    person = _at(keepsake, visit, f"zoe-{width}", width, "Files")
    held = zipped(("chat.html", b"<html>"), ("conversations.json", json.dumps([PORTO]).encode())).getvalue()
    _give(person, "export.zip", "application/zip", held)
    person.sees("I found 2 messages from you in one chat.")
    person.presses("Learn from them")
    person.was_told("All messages have been read.")
    person.page.get_by_role("tab", name="Time line").click()
    person.sees("March 2023")
    person.sees("I live in Porto by the river")


# Whether the picture has a dot of this colour at this place by now: it is drawn after its room is on the page.
IS_DRAWN = """([x, y, ...colour]) => {
  const canvas = document.querySelector("canvas");
  const scale = canvas.width / canvas.getBoundingClientRect().width;
  const found = canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data;
  return colour.every((each, place) => Math.abs(each - found[place]) < 4);
}"""
# Whether the script that keeps touches from the picture is there: it comes after the page is drawn.
IS_GUARDED = """(canvas) => {
  let heard = false;
  const listen = () => { heard = true; };
  canvas.addEventListener("touchend", listen);
  canvas.dispatchEvent(new TouchEvent("touchend", { bubbles: true }));
  canvas.removeEventListener("touchend", listen);
  return !heard;
}"""


def _press_whoever_is_beside(page: Page) -> None:
    """Press the second of two in the picture, which stands at its right (`rings` in ui/memories/graph.py)."""
    canvas = page.locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    across, down = box["width"] * 0.72, box["height"] * 0.83
    stretched = min(across / cos(0.4), down / sin(0.4))
    x = box["width"] * 0.14 + (across + stretched * cos(0.4)) / 2
    y = box["height"] * 0.07 + (down + stretched * sin(0.4)) / 2
    page.wait_for_function(IS_DRAWN, arg=[x, y, *(int(OTHERS[place : place + 2], 16) for place in (1, 3, 5))])
    canvas.click(position={"x": x, "y": y})


@pytest.mark.parametrize("width", [1280, 390])
def test_somebody_is_pressed_or_chosen_and_what_is_around_them_is_shown(
    keepsake: Keepsake, visit: Visit, width: int
) -> None:
    person = _at(keepsake, visit, f"yves-{width}", width, "Files")
    trouble: list[str] = []
    person.hears("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    _give(person, "family.json", "application/json", json.dumps(FAMILY).encode())
    person.sees("Imported: 2 memories")
    person.page.get_by_role("tab", name="Graph").click()
    expect(person.page.locator("canvas").first).to_be_visible()
    person.page.get_by_role("combobox", name="Around").fill("Braga")
    person.page.get_by_role("option", name="Braga").click()
    person.sees("What I remember about Braga")
    person.opens("As a list")
    person.sees("Ana — lives in — Braga")
    person.does_not_see("Rex — belongs to — Ana")
    _press_whoever_is_beside(person.page)
    person.sees("What I remember about Ana")
    person.sees("Also called my sister")
    person.page.get_by_text("Two steps").click()
    person.sees("Rex — belongs to — Ana")
    person.page.get_by_role("button", name="Details").first.click()
    person.sees("History")
    assert [each for each in trouble if "Content Security Policy" in each] == []


def test_on_a_phone_a_finger_scrolls_past_the_graph(
    keepsake: Keepsake, phone: Callable[[Keepsake, str], Visitor]
) -> None:
    person = phone(keepsake, "thumb-on-graph@example.com")
    page = person.page
    person.goes_to("Memories")
    page.get_by_role("tab", name="Files").tap()
    _give(person, "family.json", "application/json", json.dumps(FAMILY).encode())
    person.sees("Imported: 2 memories")
    page.get_by_role("tab", name="Graph").tap()
    picture = page.locator("canvas").first
    picture.scroll_into_view_if_needed()
    person.rests()
    page.wait_for_function(IS_GUARDED, arg=picture.element_handle())
    box = picture.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for up in range(10, 110, 10):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - up}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    moved = "([picture, before]) => picture.getBoundingClientRect().top < before - 40"
    page.wait_for_function(moved, arg=[picture.element_handle(), box["y"]])
