"""Takes a picture of every place, light and dark, wide and narrow, into docs/pictures/: `make screenshots`.

The whole app on real servers; only the model's words are scripted. Which places there are is in views.py. It
compares nothing: people look. A place that cannot be reached is named at the end; the others are taken all the same.
`python -m tests.e2e.screenshots chat account` takes those whose names begin so.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, sync_playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.keepsake import PROJECT, Keepsake, Visitor
from tests.e2e.sample_chats import MODEL
from tests.e2e.views import LIGHTS, PLACES, SIZES, Place, arrive, come, live, stand_still
from tests.model_server import ModelServer
from tests.selection import CHROMIUM

PICTURES = PROJECT / "docs" / "pictures"


def main(*names: str) -> None:
    """Fill the app once, then look at it in each light and size."""
    if CHROMIUM is None:
        raise SystemExit("No chromium was found: install it to take pictures.")
    places = [place for place in PLACES if not names or place.name.startswith(names)]
    PICTURES.mkdir(parents=True, exist_ok=True)
    if not names:
        for old in PICTURES.glob("*.png"):
            old.unlink()
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="keepsake-pictures-") as folder, ModelServer() as model:
        settings = {"OPENAI_BASE_URL": model.base_url, "CHAT_MODEL": MODEL}
        with Keepsake(Path(folder), settings) as keepsake, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            live(browser, keepsake, model)
            for light in LIGHTS:
                for size in SIZES:
                    missed += _take(browser, keepsake, places, light, size)
            browser.close()
    if missed:
        raise SystemExit("Not reached:\n" + "\n".join(missed))


def _take(browser: Browser, keepsake: Keepsake, places: list[Place], light: str, size: str) -> list[str]:
    missed, people = [], dict[str, Visitor]()
    for place in places:
        name = f"{place.name}-{light}-{size}"
        try:
            if place.who not in people:
                people[place.who] = come(browser, keepsake, light, size)
                arrive(people[place.who], place.who, f"{light}-{size}")
            person = people[place.who]
            place.go(person)
            stand_still(person)
            _keep(person.page.screenshot(), PICTURES / f"{name}.png")
        except (Error, AssertionError) as error:  # a person looks: one that is missed shall not cost the others
            missed.append(f"{name}: {str(error).splitlines()[0]}")
    for person in people.values():
        person.page.context.close()
    return missed


def _keep(taken: bytes, path: Path) -> None:
    """In the colours that are in it, which is a third of the size: the app has few, and nobody sees the difference."""
    Image.open(BytesIO(taken)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
