"""A whole Keepsake and a browser to walk it with."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.accounts import cookie_of_new_account
from tests.e2e.keepsake import NOTE_NOTICES, OPEN_AT_ONCE, PATIENCE_MS, Keepsake, Visitor
from tests.model_server import ModelServer
from tests.selection import CHROMIUM

# All people of a run sign in from one network address.
UNLIMITED = {"SIGN_IN_ATTEMPTS": "1000"}
# Nothing but the page under test: no look-ups of the browser's own.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the whole run."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def shared_model_server() -> Iterator[ModelServer]:
    """A scripted model at an address, for the whole run."""
    with ModelServer() as server:
        # From the start: the app keeps the list of models for minutes.
        server.models = ["large", "scripted"]
        yield server


@pytest.fixture
def model_server(shared_model_server: ModelServer) -> ModelServer:
    """The scripted model, which knows nothing of earlier tests."""
    shared_model_server.start_over()
    return shared_model_server


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder outside pytest's own, which the next run of pytest closes to the database server's account."""
    with tempfile.TemporaryDirectory(prefix="keepsake-walks-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def keepsake() -> Iterator[Keepsake]:
    """The whole stack without a model, for the whole run: each test makes accounts of its own."""
    with _folder() as folder, Keepsake(folder, UNLIMITED) as running:
        yield running


@pytest.fixture(scope="session")
def shared_keepsake_with_model(shared_model_server: ModelServer) -> Iterator[Keepsake]:
    """The whole stack with the scripted model, for the whole run: each test makes accounts of its own."""
    address = {"OPENAI_BASE_URL": shared_model_server.base_url, "OPENAI_API_KEY": "not-a-real-key"}
    with _folder() as folder, Keepsake(folder, UNLIMITED | address | {"CHAT_MODEL": "scripted"}) as running:
        yield running


@pytest.fixture
def keepsake_with_model(shared_keepsake_with_model: Keepsake, shared_model_server: ModelServer) -> Keepsake:
    """The stack with the scripted model, which knows nothing of earlier tests, and is not asked about them any more."""
    shared_model_server.open_gates()
    shared_keepsake_with_model.settles()
    shared_model_server.start_over()
    return shared_keepsake_with_model


def _patient(context: BrowserContext) -> BrowserContext:
    """Let all pages of a browser window wait long, open at once, and note what is told for a moment only."""
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(NOTE_NOTICES)
    context.add_init_script(OPEN_AT_ONCE)
    return context


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Visitor]]:
    """Somebody at a browser of their own; a picture is kept of the page a test failed on."""
    pages: list[Page] = []

    def open_at(keepsake: Keepsake, path: str = "/", width: int = 1280, signed_in: str | None = None) -> Visitor:
        """Open the app; `signed_in` is the address of a new account, for whom it opens on an empty chat."""
        page = _patient(browser.new_context(viewport={"width": width, "height": 860})).new_page()
        pages.append(page)
        if signed_in is None:
            page.goto(keepsake.address + path)
            return Visitor(page)
        name, value = cookie_of_new_account(keepsake, signed_in)
        cookie = {"name": name, "value": value, "url": keepsake.address, "httpOnly": True, "sameSite": "Strict"}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(f"{keepsake.address}/chat")
        visitor = Visitor(page)
        visitor.sees("What's on your mind?")
        return visitor

    yield open_at
    for number, page in enumerate(pages):
        if getattr(request.node, "failed", False):
            name = re.sub(r"\W+", "-", request.node.name)
            page.screenshot(path=tmp_path / f"{name}-{number}.png")
            print(f"{page.url}: {tmp_path / f'{name}-{number}.png'}")
        page.context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Callable[[Keepsake, str], Visitor]]:
    """Open the app with a new account on a phone, whose screen is touched."""
    pages: list[Page] = []

    def open_at(keepsake: Keepsake, address: str) -> Visitor:
        size = {"width": 390, "height": 844}
        context = browser.new_context(viewport=size, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
        name, value = cookie_of_new_account(keepsake, address)
        context.add_cookies([{"name": name, "value": value, "url": keepsake.address}])
        pages.append(_patient(context).new_page())
        pages[-1].goto(f"{keepsake.address}/chat")
        visitor = Visitor(pages[-1])
        visitor.sees("What's on your mind?")
        return visitor

    yield open_at
    for page in pages:
        page.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]
    return report
