"""A whole Keepsake and a browser to walk it with."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.accounts import cookie_of_new_account
from tests.e2e.keepsake import Keepsake, Visitor
from tests.e2e.windows import Windows
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


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Windows:
    """The windows of the browser, which one walk after the other uses."""
    return Windows(browser)


@pytest.fixture
def visitors(windows: Windows, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Visitor]]:
    """Who visits in a test. Their windows are given back; where it failed, a picture is kept and they are closed."""
    here: list[Visitor] = []
    yield here
    for number, visitor in enumerate(here):
        if not getattr(request.node, "failed", False):
            windows.give_back(visitor)
            continue
        name = re.sub(r"\W+", "-", request.node.name)
        visitor.page.screenshot(path=tmp_path / f"{name}-{number}.png")
        print(f"{visitor.page.url}: {tmp_path / f'{name}-{number}.png'}")
        visitor.page.context.close()


@pytest.fixture
def visit(windows: Windows, visitors: list[Visitor]) -> Callable[..., Visitor]:
    """Somebody at a browser of their own."""

    def open_at(keepsake: Keepsake, path: str = "/", width: int = 1280, signed_in: str | None = None) -> Visitor:
        """Open the app; `signed_in` is the address of a new account, for whom it opens on an empty chat."""
        visitors.append(Visitor(windows.borrow(keepsake.address, width)))
        if signed_in is None:
            visitors[-1].page.goto(keepsake.address + path)
        else:
            _opens_signed_in(visitors[-1], keepsake, signed_in)
        return visitors[-1]

    return open_at


@pytest.fixture
def phone(windows: Windows, visitors: list[Visitor]) -> Callable[[Keepsake, str], Visitor]:
    """Open the app with a new account on a phone, whose screen is touched."""

    def open_at(keepsake: Keepsake, address: str) -> Visitor:
        visitors.append(Visitor(windows.borrow_phone(keepsake.address)))
        _opens_signed_in(visitors[-1], keepsake, address)
        return visitors[-1]

    return open_at


def _opens_signed_in(visitor: Visitor, keepsake: Keepsake, email: str) -> None:
    """Open an empty chat with a new account."""
    name, value = cookie_of_new_account(keepsake, email)
    cookie = {"name": name, "value": value, "url": keepsake.address, "httpOnly": True, "sameSite": "Strict"}
    visitor.page.context.add_cookies([cookie])  # type: ignore[list-item]
    visitor.page.goto(f"{keepsake.address}/chat")
    visitor.sees("What's on your mind?")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]
    return report
