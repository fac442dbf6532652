"""The look of a chat in a browser: how much fits on a screen, which actions show when, and what stays in reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import stand_still
from tests.model_answers import Reply
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

BOX = '[data-testid="stChatInput"]'
FORMATTED = """# A plan

```python
def bake(flour: int, water: int, starter: int, salt: int = 10, celsius: float = 240.0, minutes: int = 45) -> None: ...
```

| Hour | What is done | By whom | Grams of flour | Grams of water | Remarks |
|---|---|---|---|---|---|
| 06:00 | Feeding | Dave | 100 | 100 | Temperature: room |

That was all."""


def _box(place: Locator) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom edge."""
    box = place.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def _actions(message: Locator) -> Locator:
    return message.locator('[class*="st-key-row-"]')


def test_four_short_turns_fit_on_one_screen_with_ones_own_at_the_right(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, signed_in="calm@example.com")
    page = person.page
    for number in range(4):
        model_server.enqueue_replies(Reply(f"That is answer {number}."))
        person.says("I keep bees in Utrecht" if number == 0 else f"Where do I keep my bees? {number}")
        person.sees(f"That is answer {number}.")
    page.get_by_role("button", name="Learned: I keep bees in Utrecht").wait_for()
    expect(page.get_by_role("button", name="Used 1 memory")).to_have_count(3)
    page.reload()
    person.sees("That is answer 3.")
    stand_still(person)
    assert _box(person.replies().first)[1] >= _box(page.locator(".st-key-chat-bar"))[3] - 1
    assert _box(person.replies().last)[3] <= _box(page.locator(BOX))[1]
    bubbles = page.locator('[class*="st-key-bubble-"]')
    left, _, right, _ = _box(page.locator(BOX))
    for bubble in bubbles.all():
        assert _box(bubble)[0] > (left + right) / 2
        assert _box(bubble)[2] == pytest.approx(right, abs=2)


def test_actions_show_under_the_pointer_and_the_focus(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="quiet@example.com")
    page = person.page
    person.says("I keep bees in Utrecht")
    page.get_by_role("button", name="Learned: I keep bees").wait_for()
    stand_still(person)
    page.mouse.move(5, 5)
    asked, reply = person.replies().first, person.replies().last
    for message in (asked, reply):
        expect(_actions(message)).to_have_css("opacity", "0")
        height = _box(message)[3] - _box(message)[1]
        message.hover()
        expect(_actions(message)).to_have_css("opacity", "1")
        assert _box(message)[3] - _box(message)[1] == height, "the actions take room of their own"
        page.mouse.move(5, 5)
        expect(_actions(message)).to_have_css("opacity", "0")
    names = ("Copy", "Edit message"), ("Copy", "Try again")
    for message, buttons in zip((asked, reply), names, strict=True):
        for name in buttons:
            message.get_by_role("button", name=name).focus()
            expect(_actions(message)).to_have_css("opacity", "1")
            expect(message.get_by_role("button", name=name)).to_be_focused()


def test_actions_always_show_where_there_is_no_pointer(
    keepsake_with_model: Keepsake, phone: Callable[[Keepsake, str], Visitor]
) -> None:
    person = phone(keepsake_with_model, "touch@example.com")
    page = person.page
    person.says("I keep bees in Utrecht")
    page.get_by_role("button", name="Learned: I keep bees").wait_for()
    for message in person.replies().all():
        expect(_actions(message)).to_have_css("opacity", "1")
    # What a finger has to hit.
    stand_still(person)
    for button in page.locator("main button, header button").locator("visible=true").all():
        left, top, right, bottom = _box(button)
        assert min(right - left, bottom - top) >= 43.5, button.evaluate("each => each.outerHTML.slice(0, 300)")


def test_what_was_learned_can_be_read_in_a_narrow_window(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="slim@example.com")
    person.says("I keep bees in Utrecht")
    learned = person.page.get_by_role("button", name="Learned: I keep bees in Utrecht")
    learned.wait_for()
    stand_still(person)
    words = learned.locator("p")
    assert words.evaluate("each => each.scrollWidth <= each.clientWidth + 1"), "its words are cut off"
    assert _box(words)[2] - _box(words)[0] > 150


def test_on_a_phone_a_new_chat_is_one_press_away(
    keepsake_with_model: Keepsake, phone: Callable[[Keepsake, str], Visitor]
) -> None:
    person = phone(keepsake_with_model, "thumb@example.com")
    page = person.page
    person.says("I keep bees in Utrecht")
    page.get_by_role("button", name="Learned: I keep bees").wait_for()
    new = page.get_by_role("button", name="New chat")
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    stand_still(person)
    assert _box(page.get_by_test_id("stExpandSidebarButton"))[0] < 40
    expect(new).to_have_count(1)  # the one in the drawer is out of sight
    assert _box(new)[2] > 350
    new.click()
    person.sees("What's on your mind?")
    expect(person.replies()).to_have_count(0)
    person.opens_the_sidebar()
    expect(new).to_have_count(1)


def test_on_a_phone_the_sidebar_closes_after_a_choice_and_no_keyboard_comes_up_unasked(
    keepsake_with_model: Keepsake, phone: Callable[[Keepsake, str], Visitor]
) -> None:
    person = phone(keepsake_with_model, "drawer@example.com")
    page = person.page
    box, sidebar = page.get_by_placeholder("Message Keepsake"), page.get_by_test_id("stSidebar")
    person.rests()
    expect(box).not_to_be_focused()
    person.says("I keep bees in Utrecht")
    person.sees("You said: I keep bees")
    links, chat = page.get_by_test_id("stSidebarNav"), page.get_by_role("button", name="I keep bees", exact=False)
    for choice in (
        links.get_by_role("link", name="Chat"),  # nothing of the page lies over it
        links.get_by_role("link", name="Memories"),
        sidebar.locator('[class*="st-key-open-"] button'),
        sidebar.get_by_role("button", name="New chat"),
    ):
        person.opens_the_sidebar()
        choice.tap()
        expect(sidebar).to_have_attribute("data-collapsed", "true")
        person.rests()
    expect(chat).to_have_count(0)
    person.sees("What's on your mind?")
    person.opens_the_sidebar()
    page.touchscreen.tap(370, 300)  # the page beside it
    expect(sidebar).to_have_attribute("data-collapsed", "true")
    person.goes_to("Memories")
    person.sees("What I remember about you")
    page.get_by_role("button", name="New chat").tap()
    person.sees("What's on your mind?")
    person.rests()
    expect(box).not_to_be_focused()


def test_on_a_phone_settings_are_large_enough_for_a_finger(
    keepsake_with_model: Keepsake, phone: Callable[[Keepsake, str], Visitor]
) -> None:
    person = phone(keepsake_with_model, "finger@example.com")
    for name, sees in (("Settings", "Tone"), ("Account", "Expires after")):
        person.goes_to(name)
        if name == "Account":
            person.opens("New key")
        person.sees(sees)
        stand_still(person)
        lists = person.page.locator(".stSelectbox").locator("visible=true")
        assert lists.count()
        for each in lists.locator("input, button").all():
            assert each.evaluate("each => each.getBoundingClientRect().height") >= 43.5


def test_memorys_switches_stay_in_reach_and_a_temporary_chat_is_one_press(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="reach@example.com")
    page = person.page
    page.get_by_text("Temporary", exact=True).click()
    person.sees("Erased a day after the last message")
    model_server.enqueue_replies(Reply("Line.\n\n" * 60))
    person.says("Tell me at length")
    expect(person.replies().last).to_contain_text("Memory off")
    stand_still(person)
    person.replies().last.get_by_role("button", name="Memory off").scroll_into_view_if_needed()
    assert _box(person.replies().first)[1] < 0
    expect(page.get_by_role("switch", name="Temporary").or_(page.get_by_label("Temporary")).first).to_be_checked()
    for name in ("Memory off", "Temporary"):
        place = page.locator(".st-key-chat-bar").get_by_text(name, exact=True)
        expect(place).to_be_in_viewport()
    # Pressed where it stands: nothing lies on top of it.
    page.locator(".st-key-chat-bar").get_by_text("Temporary", exact=True).click()
    expect(page.get_by_text("Erased a day after the last message")).to_have_count(0)


def test_headings_are_small_code_has_its_language_and_code_and_tables_scroll(
    keepsake_with_model: Keepsake, model_server: ModelServer, visit: Visit
) -> None:
    person = visit(keepsake_with_model, width=390, signed_in="format@example.com")
    page = person.page
    model_server.enqueue_replies(Reply(FORMATTED))
    person.says("Give me a plan")
    person.sees("That was all.")
    stand_still(person)
    reply = person.replies().last
    size = reply.get_by_role("heading", name="A plan").evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
    assert 16 <= size <= 24
    code = reply.locator(".stCode")
    expect(code).to_have_attribute("data-language", "python")
    assert "python" in code.evaluate("each => getComputedStyle(each, '::before').content")
    expect(code.locator("code")).to_have_css("white-space", "pre")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code.get_by_role("button", name="Copy code").click()
    person.was_told("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("def bake(flour: int")
    for place in (code.locator("pre"), reply.locator("table")):
        assert place.evaluate("each => each.scrollWidth > each.clientWidth + 20")
        assert _box(place)[2] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_long_paste_of_ones_own_is_folded(keepsake_with_model: Keepsake, visit: Visit) -> None:
    person = visit(keepsake_with_model, signed_in="paste@example.com")
    page = person.page
    person.says("\n".join(f"Line {number} of what was pasted" for number in range(80)))
    expect(person.replies()).to_have_count(2)
    for label, tall in (("Show all", True), ("Show less", False), ("Show all", True)):
        _has_height(page, '[class*="st-key-bubble-"]', tall=not tall)
        page.get_by_role("button", name=label).click()
        _has_height(page, '[class*="st-key-bubble-"]', tall=tall)


def _has_height(page: Page, selector: str, *, tall: bool) -> None:
    """Wait until this is taller than a screen, or lower than a third of one."""
    height = "selector => document.querySelector(selector)?.getBoundingClientRect().height"
    page.wait_for_function(f"{height} > 860" if tall else f"{height} < 290", arg=selector)
