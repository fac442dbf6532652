"""What only a browser shows of the look: the way through by keyboard alone, the lights, and right-to-left text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.keepsake import PASSWORD, Keepsake, Visitor
from ui.browser import bundle

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

# What has the focus: its name, and whether anybody sees that it has it; boxes show it at their edge.
FOCUSED = """() => {
  const here = document.activeElement;
  const seen = (each, depth) => {
    if (!each || depth > 4) return false;
    const style = getComputedStyle(each);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return outlined || seen(each.parentElement, depth + 1);
  };
  const words = here.matches("a, button, summary, [role]") ? here.innerText : "";
  const name = here.getAttribute("aria-label") || here.labels?.[0]?.innerText || words || here.placeholder || "";
  return { name: name.trim(), tag: here.tagName, seen: here === document.body || seen(here, 0) };
}"""


def _tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until this has the focus; wherever the focus comes by, it is seen."""
    passed = []
    for _ in range(60):
        page.keyboard.press(key)
        here: dict[str, Any] = page.evaluate(FOCUSED)
        assert here["seen"], f"the focus is on {here['tag']} {here['name']!r}, and nobody sees it"
        if name in here["name"]:
            return
        passed.append(here["name"])
    raise AssertionError(f"the keyboard does not reach {name!r}: {passed}")


def test_everything_is_done_with_the_keyboard_alone(keepsake: Keepsake, visit: Visit) -> None:
    visit(keepsake, signed_in="kay@example.com")
    person = visit(keepsake)
    page = person.page
    page.get_by_label("Password", exact=True).first.wait_for()
    _tab_to(page, "Email")
    page.keyboard.type("kay@example.com")
    _tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    person.sees("What's on your mind?")
    person.rests()
    _tab_to(page, "Message Keepsake")
    page.keyboard.type("I live in Porto by the river")
    page.keyboard.press("Enter")
    # Not only the words: a button above the chat has "learned" in its name.
    page.get_by_role("button", name="Learned: I live in Porto by the river").wait_for()
    person.rests()
    _tab_to(page, "New chat", "Shift+Tab")
    page.keyboard.press("Enter")
    person.sees("What's on your mind?")
    expect(page.get_by_placeholder("Message Keepsake")).to_be_focused()  # after New chat one writes
    page.keyboard.type("Where do I live by the river?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Used 1 memory").last).to_be_visible()
    person.rests()
    _tab_to(page, "Used 1 memory", "Shift+Tab")
    page.keyboard.press("Enter")
    person.sees("Answer without unticked memories")
    page.keyboard.press("Escape")
    person.does_not_see("Answer without unticked memories")
    _tab_to(page, "Memories", "Shift+Tab")
    page.keyboard.press("Enter")
    # The same words are the name of a chat, in the list beside the page.
    page.get_by_test_id("stMain").get_by_text("I live in Porto by the river").wait_for()
    person.rests()
    _tab_to(page, "Forget")
    page.keyboard.press("Enter")
    person.sees("Forgotten: I live in Porto by the river")


def _background(page: Page) -> str:
    return str(page.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"))


def test_the_light_that_was_chosen_stays_on_every_page(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="lux@example.com")
    page = person.page
    light = _background(page)
    person.goes_to("Settings")
    expect(page.get_by_role("radio", name="System")).to_be_checked()
    page.get_by_text("Dark", exact=True).click()
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    expect(page.locator(".stApp")).to_have_css("background-color", "rgb(28, 24, 22)")
    person.goes_to("Account")
    person.sees("Signed in as lux@example.com")
    person.goes_to("Memories")
    page.reload()
    person.sees("What I remember about you")
    assert _background(page) == "rgb(28, 24, 22)"
    person.goes_to("Health")
    person.sees("Memory health")
    page.reload()
    person.sees("Memory health")
    assert _background(page) == "rgb(28, 24, 22)"
    person.goes_to("Settings")
    page.get_by_text("System", exact=True).click()
    expect(page.locator(".stApp")).to_have_css("background-color", light)


def _right_to_left(words: Locator, width: str = "") -> bool:
    """Whether a line begins at the right side of its box, which is given this width."""
    gaps: list[float] = words.evaluate(
        """(each, width) => {
          each.style.width = width;
          const range = document.createRange();
          range.selectNodeContents(each);
          const line = range.getClientRects()[0], box = each.getBoundingClientRect();
          return [line.left - box.left, box.right - line.right];
        }""",
        width,
    )
    return gaps[1] <= 1 <= gaps[0]


def test_arabic_reads_from_the_right_wherever_it_stands(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="rima@example.com")
    page = person.page
    said = "أعيش في القاهرة"
    person.says(said)
    page.get_by_role("button", name=said).wait_for()
    person.rests()
    words = page.get_by_test_id("stChatMessage").get_by_text(said).first
    assert _right_to_left(words, "20rem")  # a bubble is as wide as its words: no gap on either side
    assert _right_to_left(page.get_by_role("button", name=said).locator("p"))
    person.goes_to("Memories")
    page.get_by_role("tab", name="Profile").click()
    page.get_by_label("Add a line").fill(said)
    expect(page.get_by_label("Add a line")).to_have_css("unicode-bidi", "plaintext")
    page.get_by_role("button", name="Add", exact=True).click()
    line = page.get_by_test_id("stMarkdown").get_by_text(said)
    line.wait_for()
    assert _right_to_left(line)


def test_bullets_stand_where_the_words_of_their_list_begin(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<div class='stMarkdown'><ul><li>\u05e9\u05dc\u05d5\u05dd</li></ul></div><div id='later'></div>")
    page.add_script_tag(content=bundle("reply_text.js").replace("export default", "").replace("export ", ""))
    later = "<div class='stMarkdown'><ol><li>\u0645\u0631\u062d\u0628\u0627</li></ol><ul><li>Hello</li></ul></div>"
    page.evaluate("later => { document.querySelector('#later').outerHTML = later }", later)
    for number, direction in enumerate(("rtl", "rtl", "ltr")):
        expect(page.locator("ul, ol").nth(number)).to_have_css("direction", direction)
    page.close()
