"""The auth server is away, slow, or not what answers: nobody is signed out, and who is signed in goes on talking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from auth.client import AuthClient
from auth.guard import DEVICE, SESSION
from local.stack import LocalStack
from memory.embedded.loopback import free_port
from services import Services
from tests.chat.conftest import until
from tests.faults.conftest import Visit, Visitor
from tests.model_answers import PATIENCE
from tests.pages.conftest import PASSWORD, as_read
from tests.wires import Relay, relaying

BEES = "I keep bees in Utrecht."
WELCOME = "An assistant that remembers you"
SILENT = "The sign-in server is not responding. Try again in a minute."
NO_AUTH_SERVER = "The sign-in server could not be reached. Try again in a minute."
SLOW = 1.0  # seconds that a slow auth server adds to each answer
Break = Callable[[Relay], AbstractContextManager[None]]


class _WebPage(BaseHTTPRequestHandler):
    """What a proxy, a paused project or a captive portal answers to everything."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<!doctype html><title>Welcome to this network</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def _leading_to(relay: Relay, port: int) -> Iterator[None]:
    before, relay.target = relay.target, port
    relay.cut()
    try:
        yield
    finally:
        relay.target = before
        relay.cut()


@contextmanager
def _away(relay: Relay) -> Iterator[None]:
    with _leading_to(relay, free_port()):
        yield


@contextmanager
def _a_web_page(relay: Relay) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _WebPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with _leading_to(relay, server.server_address[1]):
                yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _silent(relay: Relay) -> Iterator[None]:
    over = threading.Event()
    relay.hold = lambda: over.wait(PATIENCE)
    _Impatient.patience = 0.5
    st.cache_resource.clear()
    try:
        yield
    finally:
        relay.hold = lambda: None
        over.set()
        relay.cut()
        _Impatient.patience = PATIENCE
        st.cache_resource.clear()


@contextmanager
def _slow(relay: Relay) -> Iterator[None]:
    """Every request takes a second longer; the app waits longer than that."""
    relay.hold = lambda: time.sleep(SLOW)
    try:
        yield
    finally:
        relay.hold = lambda: None


class _Impatient(AuthClient):
    """The app's client of the auth server, which waits for as long as the test says."""

    patience = PATIENCE

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key, self.patience)


FAULTS: dict[str, tuple[Break, str]] = {
    "away": (_away, SILENT),
    "silent": (_silent, SILENT),
    "a web page": (_a_web_page, NO_AUTH_SERVER),
}


@pytest.fixture
def relay(stack: LocalStack) -> Iterator[Relay]:
    """The address of the auth server."""
    with relaying(urlsplit(stack.settings["SUPABASE_URL"]).port or 0) as leading:
        yield leading


@pytest.fixture
def more_settings(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr("auth.guard.AuthClient", _Impatient)
    return {"SUPABASE_URL": f"http://127.0.0.1:{relay.port}"}


@pytest.mark.parametrize("fault", FAULTS)
def test_who_signs_in_meanwhile_is_told_and_who_is_signed_in_talks_on(
    fault: str, visit: Visit, relay: Relay, auth_client: AuthClient
) -> None:
    ann = visit()
    email = f"{uuid4().hex}@example.com"
    auth_client.sign_up(email, PASSWORD)
    breaks, sentence = FAULTS[fault]
    door = AppTest.from_file("../../app.py", default_timeout=PATIENCE).run()
    with breaks(relay):
        _signs_in(door, email)
        assert sentence in [as_read(each.value) for each in door.error]
        assert SESSION not in door.session_state
        ann.says(BEES)
        until(lambda: ann.memories == [BEES])
    _signs_in(door, email)
    assert not door.error
    assert SESSION in door.session_state


@pytest.mark.parametrize("fault", FAULTS)
def test_whose_session_has_to_be_refreshed_meanwhile_waits_and_is_not_signed_out(
    fault: str, visit: Visit, home: Services, relay: Relay
) -> None:
    ann = visit()
    ann.says(BEES)
    _let_expire(ann, home)
    breaks, sentence = FAULTS[fault]
    with breaks(relay):
        ann.reloads()
        assert sentence in ann.seen
        assert WELCOME not in ann.seen
    ann.presses("Try again")
    assert BEES in ann.seen
    assert ann.messages[0] == (BEES, "complete")


def test_a_slow_auth_server_lets_people_in_and_refreshes_their_sessions(
    visit: Visit, home: Services, relay: Relay, auth_client: AuthClient
) -> None:
    ann = visit()
    ann.says(BEES)
    email = f"{uuid4().hex}@example.com"
    auth_client.sign_up(email, PASSWORD)
    door = AppTest.from_file("../../app.py", default_timeout=PATIENCE).run()
    _let_expire(ann, home)
    with _slow(relay):
        _signs_in(door, email)
        assert not door.error
        assert SESSION in door.session_state
        ann.reloads()
        assert BEES in ann.seen
        assert SILENT not in ann.seen
    assert ann.app.session_state[SESSION].expires_at > time.time()


def _signs_in(door: AppTest, email: str) -> None:
    door.text_input(key="sign_in_email").set_value(email)
    door.text_input(key="sign_in_password").set_value(PASSWORD)
    next(each for each in door.button if each.label == "Sign in").click().run()
    assert not door.exception


def _let_expire(person: Visitor, home: Services) -> None:
    old = replace(person.app.session_state[SESSION], expires_at=0.0)
    home.sessions.save(person.app.session_state[DEVICE], old)
    person.app.session_state[SESSION] = old
