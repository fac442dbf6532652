"""Every place of the app can be used by everybody: axe finds nothing serious, in either light, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.views import PLACES, SIZES, Place, arrive, come, live, stand_still
from tests.model_answers import sensible
from tests.model_server import ModelServer

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]
# Each light once, and each size.
LOOKS = (("light", "wide"), ("dark", "narrow"))
GRAVE = {"serious", "critical"}
AXE = Axe()
People = Callable[[str, str, str], Visitor]


@pytest.fixture(scope="module")
def people(
    browser: Browser, shared_keepsake_with_model: Keepsake, shared_model_server: ModelServer
) -> Iterator[People]:
    """Return who looks, each in a browser of their own, opened when they are first asked for."""
    here: dict[tuple[str, str, str], Visitor] = {}
    shared_model_server.start_over()
    live(browser, shared_keepsake_with_model, shared_model_server)

    def person(who: str, light: str, size: str) -> Visitor:
        key = (who, light, size)
        if key not in here:
            here[key] = come(browser, shared_keepsake_with_model, light, size)
            arrive(here[key], who, f"{light}-{size}")
        return here[key]

    yield person
    for each in here.values():
        each.page.context.close()
    shared_model_server.unscripted = sensible


@pytest.mark.parametrize(("light", "size"), LOOKS)
@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
def test_axe_finds_nothing_serious(people: People, place: Place, light: str, size: str) -> None:
    person = people(place.who, light, size)
    place.go(person)
    stand_still(person)
    assert _grave(person) == []
    assert _too_wide(person) == []


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


def _too_wide(person: Visitor) -> list[str]:
    """What sticks out at the side of the screen."""
    out: list[str] = person.page.evaluate(
        """() => [...document.querySelectorAll("main *, [role=dialog] *")]
          .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
          .filter((each) => getComputedStyle(each).position !== "absolute" && !each.closest("[class*=st-key-script-]"))
          .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
          .map((each) => each.outerHTML.slice(0, 200))"""
    )
    return out


def test_every_size_is_looked_at() -> None:
    assert {size for _, size in LOOKS} == set(SIZES)
