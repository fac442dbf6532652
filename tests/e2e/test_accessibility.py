"""Every place of the app can be used by everybody: axe finds nothing serious, in either light, wide and narrow.

A place is drawn once, light and wide, and then made dark and narrow as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, TimeoutError, expect

from tests.e2e import navigation
from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import PLACES, SIZES, Place, arrive, come, live, stand_still
from tests.model_answers import sensible
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]
# Each light once, and each size, with the colour that lies behind everything.
LOOKS = {("light", "wide"): "rgb(253, 250, 245)", ("dark", "narrow"): "rgb(28, 24, 22)"}
FIRST = ("light", "wide")
# What stands in the sidebar, which closes when the screen becomes narrow, and the way back to it.
IN_THE_SIDEBAR = {
    "chat-menu": navigation.chat_menu_again,
    "chat-search": navigation.sidebar_again,
    "chat-archived": navigation.sidebar_again,
}
GRAVE = {"serious", "critical"}
AXE = Axe()
People = Callable[[str], Visitor]


@pytest.fixture(scope="module")
def people(
    browser: Browser, shared_keepsake_with_model: Keepsake, shared_model_server: ModelServer
) -> Iterator[People]:
    """Return who looks, each in a browser of their own, opened when they are first asked for."""
    here: dict[str, Visitor] = {}
    shared_model_server.start_over()
    live(browser, shared_keepsake_with_model, shared_model_server)

    def person(who: str) -> Visitor:
        if who not in here:
            here[who] = come(browser, shared_keepsake_with_model)
            arrive(here[who], who, "looks")
        return here[who]

    yield person
    for each in here.values():
        each.page.context.close()
    shared_model_server.unscripted = sensible


@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
def test_axe_finds_nothing_serious(people: People, place: Place) -> None:
    person = people(place.who)
    found: list[str] = []
    for light, size in LOOKS:
        _look(person, light, size)
        if (light, size) == FIRST:
            place.go(person)
        elif place.name in IN_THE_SIDEBAR:
            IN_THE_SIDEBAR[place.name](person)
        stand_still(person)
        found += [f"{light}, {size}: {problem}" for problem in (*_grave(person), *_too_wide(person))]
    assert found == []


def _look(person: Visitor, light: str, size: str) -> None:
    """Make the page light or dark, wide or narrow, and wait until it is."""
    width, height = SIZES[size]
    person.page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
    person.page.set_viewport_size({"width": width, "height": height})
    expect(person.page.locator(".stApp")).to_have_css("background-color", LOOKS[light, size])
    sidebar = person.page.get_by_test_id("stSidebar")
    if sidebar.count():
        expect(sidebar).to_have_attribute("data-collapsed", str(size == "narrow").lower())


def test_every_page_is_looked_at() -> None:
    pages = {path.stem for path in (PROJECT / "pages").glob("[!_]*.py")}
    assert pages == {place.page for place in PLACES}, "give the new page a place in tests/e2e/views.py"


def _grave(person: Visitor) -> list[str]:
    found: list[dict[str, Any]] = AXE.run(person.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


TOO_WIDE = """() => [...document.querySelectorAll("main *, [role=dialog] *")]
  .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((each) => getComputedStyle(each).position !== "absolute" && !each.closest("[class*=st-key-script-]"))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 200))"""
SETTLED_MS = 10_000  # by when what follows the size of the screen by script has done so


def _too_wide(person: Visitor) -> list[str]:
    """What sticks out at the side of the screen, and stays so."""
    with suppress(TimeoutError):
        person.page.wait_for_function(f"() => ({TOO_WIDE})().length === 0", timeout=SETTLED_MS)
    out: list[str] = person.page.evaluate(TOO_WIDE)
    return out


def test_every_size_is_looked_at() -> None:
    assert {size for _, size in LOOKS} == set(SIZES)
