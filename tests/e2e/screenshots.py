"""Takes a picture of every page, light and dark, wide and narrow, into docs/pictures/: `make screenshots`.

The whole app on real servers; only the model's words are scripted. It compares nothing: people look.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.keepsake import PROJECT, Keepsake, Visitor
from tests.model_answers import Reply, Request, sensible
from tests.model_server import ModelServer

PICTURES = PROJECT / "docs" / "pictures"
ADDRESS = "dave@example.com"
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
TELLING = (
    "My name is Dave. I run a small bakery in Porto. I use Redis and Supabase for its web shop.",
    "I prefer short answers. My sister Ana is vegetarian, and I am planning her birthday in May.",
)
QUESTION = "What do you know about my stack?"
REPLIES = (
    "Nice to meet you, Dave. A bakery in Porto with its own web shop sounds like a full day.",
    "Short it is. Shall we start with a cake that Ana would like?",
    "Your bakery's web shop runs on **Redis** and **Supabase**. Shall I keep that in mind for the new page?",
)


def main() -> None:
    """Walk through the app once, then look at it in each light and size."""
    if CHROMIUM is None:
        raise SystemExit("No chromium was found: install it to take pictures.")
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    words = iter(REPLIES)

    def reply(request: Request) -> Reply:
        return sensible(request) if request.schema else Reply(next(words))  # type: ignore[return-value]

    with tempfile.TemporaryDirectory(prefix="keepsake-pictures-") as folder, ModelServer() as model:
        model.enqueue(*[reply] * 40)
        settings = {"OPENAI_BASE_URL": model.base_url, "CHAT_MODEL": "gpt-5.4-mini"}
        with Keepsake(Path(folder), settings) as keepsake, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            _tell(browser, keepsake)
            for light in ("light", "dark"):
                for size in SIZES:
                    _take(browser, keepsake, light, size)
            browser.close()


def _visitor(browser: Browser, keepsake: Keepsake, light: str, size: str) -> Visitor:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=light)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(keepsake.address)
    page.get_by_label("Password", exact=True).first.wait_for()
    return Visitor(page)


def _tell(browser: Browser, keepsake: Keepsake) -> None:
    person = _visitor(browser, keepsake, "light", "wide")
    person.sign_up(ADDRESS)
    for number, words in enumerate(TELLING):
        person.says(words)
        person.sees(REPLIES[number][:30])
    person.remembers("My sister Ana is vegetarian")
    person.goes_to("Chat")
    person.starts_a_new_chat()
    person.says(QUESTION)
    person.sees("Shall I keep that in mind")
    person.page.context.close()


def _take(browser: Browser, keepsake: Keepsake, light: str, size: str) -> None:
    person = _visitor(browser, keepsake, light, size)

    def picture(name: str) -> None:
        person.page.wait_for_timeout(700)  # for the eye: until nothing moves any more
        person.page.screenshot(path=PICTURES / f"{name}-{light}-{size}.png")

    picture("welcome")
    person.sign_up(f"{light}-{size}@example.com", before_agreeing=lambda: picture("consent"))
    person.page.context.close()
    person = _visitor(browser, keepsake, light, size)
    person.sign_in(ADDRESS)
    person.sees("What is on your mind?")
    picture("new-chat")
    for page in ("chat", "memories", "health", "account"):
        if size == "narrow":
            person.opens_the_sidebar()
        if page == "chat":
            person.page.get_by_role("button", name=QUESTION).click()
            person.sees("Shall I keep that in mind")
        else:
            person.goes_to(page.capitalize())
        if size == "narrow":
            person.closes_the_sidebar()
        picture(page)
    person.page.context.close()


if __name__ == "__main__":
    main()
