"""Runs the whole app in a folder of its own, as `make run` does, and drives it through a browser as a person would."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

import httpx
import psutil
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import create_engine, text

from memory.database import Database
from memory.embedded.postgres import Postgres
from tests.locks import held_by

PROJECT = Path(__file__).parents[2]
START_SECONDS = 180
PASSWORD = "correct horse battery"
PATIENCE_MS = 90_000  # a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE_MS)
# A turn that failed rests, for longer than anybody waits here.
WORKER_IS_BUSY = """
select exists (
  select from app.messages m
  join app.conversations c on c.id = m.conversation_id and c.deleted_at is null
  left join app.leases l on l.user_id = m.user_id
  where m.remembering = 'waiting' and (m.remember_attempts + m.remember_waits = 0 or l.claimed_until > now())
)"""
# Runs in each page before its own scripts: notes the words of every notice, however soon the notice goes again.
NOTE_NOTICES = """
(() => {
  const notices = window.keepsakeNotices = [];
  const kinds = "[data-testid=stToast], [role=status]";
  const note = (node) => {
    const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
    for (const each of [element?.closest(kinds), ...(element?.querySelectorAll(kinds) ?? [])]) {
      if (each) notices.push(each.textContent);
    }
  };
  new MutationObserver((changes) => changes.forEach((change) => [change.target, ...change.addedNodes].forEach(note)))
    .observe(document, { childList: true, subtree: true, characterData: true });
})()"""
# What is folded opens at once. While it slides, what lies below moves, and a busy machine may press a button and let
# go of something else.
OPEN_AT_ONCE = """
(() => {
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (...how) {
    const animation = animate.apply(this, how);
    if (this.tagName === "DETAILS") animation.finish();
    return animation;
  };
})()"""


class Keepsake:
    """`python -m local`, with its data in a folder that outlives a restart."""

    _command: Sequence[str] = (sys.executable, "-m", "local")

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = dict(environment or {})
        self._port = _port_of_its_own()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self._port}"

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # The small embedder: samples are written with it, and the walks are not about what recall finds.
        told = {"PORT": str(self._port), "DATA_DIR": str(self.data), "OLLAMA_HOST": "127.0.0.1:1"}
        told |= {"EMBED_MODEL": "wordllama-256", "API_PORT": "0"}
        self._output = (self._folder / "output").open("wb")
        self._process = subprocess.Popen(
            self._command,
            cwd=PROJECT,
            env=kept | told | self._environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=90)
        if self._output is not None:
            self._output.close()

    def kill_app(self) -> None:
        """End the process that serves the app as `kill -9` does; the launcher then stops everything else."""
        assert self._process is not None
        self._app().kill()
        self._process.wait(timeout=90)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the process that serves the app, as the launcher made them."""
        return {name: value for name, value in self._app().environ().items() if name not in ("PORT", "DATA_DIR")}

    def _app(self) -> psutil.Process:
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        return next(each for each in children if "streamlit" in each.cmdline())

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.stop(how)
        self.start()

    @contextmanager
    def holds(self, table: str) -> Iterator[Callable[[], bool]]:
        """Let everybody wait who asks for a table; yield a function that says whether anybody does."""
        server = Postgres(self.data)
        with (
            closing(Database(server.app_url, server.admin_url)) as database,
            held_by(database, f"lock table {table} in access exclusive mode") as anybody_waits,
        ):
            yield anybody_waits

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while "Keepsake is at" not in self.output:
            assert self._process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    @property
    def output(self) -> str:
        return (self._folder / "output").read_text()

    @property
    def logs(self) -> str:
        return "\n".join(path.read_text() for path in (self.data / "logs").glob("*.log"))

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path, timeout=60)

    def settles(self) -> None:
        """Wait until the worker has remembered what was said, as far as it can, or for a minute.

        What a walk leaves to be remembered is asked of the model after it, and would get what the next walk scripts.
        """
        engine = create_engine(Postgres(self.data).admin_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as database:
            deadline = time.monotonic() + 60
            while database.scalar(text(WORKER_IS_BUSY)) and time.monotonic() < deadline:
                time.sleep(0.05)
        engine.dispose()


def _port_of_its_own() -> int:
    """Choose a free port that the system gives to nobody else meanwhile: it hands out those from 32768 on by itself."""
    for port in random.sample(range(20_000, 32_000), 100):
        with closing(socket.socket()) as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Visitor:
    """What a person does and sees, in words of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._hears: list[tuple[Any, Any]] = []

    def hears(self, event: Any, note: Any) -> None:
        """Have a function told of something that happens in the page, until the walk ends; see `Page.on`."""
        self.page.on(event, note)
        self._hears.append((event, note))

    def hears_nothing(self) -> None:
        """Have no function told any more."""
        for event, note in self._hears:
            self.page.remove_listener(event, note)
        self._hears.clear()

    def sign_up(self, email: str, before_agreeing: Callable[[], None] = lambda: None) -> None:
        self.begins_account(email)
        before_agreeing()
        self.agrees()
        self.sees("What's on your mind?")

    def begins_account(self, email: str) -> None:
        """Make an account, as far as the question whether what is kept is agreed to."""
        self.page.get_by_role("tab", name="Create account").click()
        self._fill(email, PASSWORD)
        self.page.get_by_role("button", name="Create account").click()
        self.sees("Before you start")

    def arrives(self) -> None:
        """Come in, agreeing where that was not done before."""
        agree = self.page.get_by_role("button", name="I agree")
        greeting = self.page.get_by_text("What's on your mind?")
        expect(agree.or_(greeting).first).to_be_visible()
        if agree.count():
            self.agrees()
        self.sees("What's on your mind?")

    def agrees(self) -> None:
        """Say yes to what is kept, as everybody does once."""
        self.page.get_by_role("button", name="I agree").click()

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.page.get_by_role("tab", name="Sign in").click()
        self._fill(email, password)
        self.page.get_by_role("button", name="Sign in").click()

    def says(self, words: str) -> None:
        """Type and send, once the page rests, as it does by the time one has typed, and no file is on its way."""
        self.tries_to_say(words)
        expect(self.page.get_by_placeholder("Message Keepsake")).to_have_value("")

    def tries_to_say(self, words: str) -> None:
        """Type and send words that are refused, and may be back in the box before anybody sees it empty."""
        box = self.page.get_by_placeholder("Message Keepsake")
        self.rests()
        box.fill(words)
        expect(self.page.get_by_role("button", name="Send message")).to_be_enabled()
        box.press("Enter")

    def rests(self) -> None:
        """Wait until nothing is being drawn."""
        expect(self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible()

    def starts_a_new_chat(self) -> None:
        self.page.get_by_role("button", name="New chat").click()
        self.sees("What's on your mind?")

    def goes_to(self, name: str) -> None:
        """Open a page by its link; on a phone the sidebar has to be opened first, and closes by itself.

        Until it is closed, it takes what is pressed beside it: a finger is wide, and its edge can be dragged.
        """
        covered = self.page.get_by_test_id("stExpandSidebarButton").is_visible()
        if covered:
            self.opens_the_sidebar()
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        self.page.wait_for_url(f"**/{name.lower()}*")
        if covered:
            expect(self.page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")

    def opens_the_sidebar(self) -> None:
        """On a phone the pages are behind a button."""
        self.page.get_by_test_id("stExpandSidebarButton").click()
        self.page.get_by_test_id("stSidebarNav").wait_for()

    def closes_the_sidebar(self) -> None:
        # Pressed by script: on the way to another page the sidebar closes by itself, and the button may be gone.
        press = "(buttons) => buttons.forEach((each) => each.click())"
        self.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").evaluate_all(press)
        expect(self.page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")

    def presses(self, name: str) -> None:
        self.page.get_by_role("button", name=name).last.click()

    def opens(self, words: str) -> None:
        """Open what is folded behind these words, once the page is drawn: a press during that can be lost.

        So can the next one, if what was pressed before is drawn only now.
        """
        self.sees(words)
        self.rests()
        self.page.get_by_text(words, exact=True).click()
        self.rests()

    def opens_chat_menu(self, name: str) -> None:
        """Open the menu of a chat in the list."""
        row = self.page.locator('[class*="st-key-chat-row-"]').filter(has_text=name)
        row.get_by_role("button", name="Chat menu").click()

    def stops(self) -> None:
        """Stop the reply that is being written."""
        stop = self.page.get_by_role("button", name="Stop", exact=True)
        stop.click()
        expect(stop).to_be_hidden()

    def sees(self, words: str) -> None:
        # The same words may stand in the closed list of chats as well.
        expect(self.page.get_by_text(words).locator("visible=true").first).to_be_visible()

    def was_told(self, words: str) -> None:
        """Look for a notice that goes by itself, and may be gone by now; what was told is not found twice."""
        told = "words => window.keepsakeNotices.splice(0).some((each) => each.includes(words))"
        self.page.wait_for_function(told, arg=words)

    def does_not_see(self, words: str) -> None:
        """Look for words that must not be there, once the page is drawn: before, none are."""
        self.rests()
        expect(self.page.get_by_text(words)).to_have_count(0)

    def remembers(self, words: str) -> None:
        """Look at the memories page until it shows this; remembering happens behind the reply."""
        self.goes_to("Memories")
        self.sees("What I remember about you")
        self.rests()
        deadline = time.monotonic() + 90  # a turn that a click ended early is remembered a little later
        # The same words may be the name of a chat, in the list beside the page.
        while not self.page.get_by_test_id("stMain").get_by_text(words).count():
            assert time.monotonic() < deadline, f"not remembered: {words}"
            self.goes_to("Account")
            self.sees("Signed in as")
            self.goes_to("Memories")
            self.sees("What I remember about you")
            self.rests()  # the list follows the heading

    def replies(self) -> Locator:
        return self.page.get_by_test_id("stChatMessage")

    def _fill(self, email: str, password: str) -> None:
        self.page.get_by_label("Email").locator("visible=true").fill(email)
        self.page.get_by_label("Password", exact=True).locator("visible=true").fill(password)
