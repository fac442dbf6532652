"""The auth client against the real auth server; faults it cannot make come from a scripted one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest

from auth.client import AuthClient
from auth.errors import (
    AddressTaken,
    AuthUnreachable,
    SessionEnded,
    SignInError,
    TooManyAttempts,
    UnconfirmedEmail,
    WeakPassword,
    WrongCredentials,
)
from auth.person import Session
from local.stack import LocalStack
from memory.embedded.loopback import free_port
from memory.errors import AppError, InvalidInput, SettingsError

PASSWORD = "correct horse battery"
Answers = Callable[[int, Any], AuthClient]
Clients = Callable[[], AuthClient]


@pytest.fixture
def clients(stack: LocalStack) -> Iterator[Callable[[], AuthClient]]:
    """A client for each browser, hung up afterwards."""
    with ExitStack() as open_clients:

        def make() -> AuthClient:
            made = AuthClient(stack.settings["SUPABASE_URL"], stack.settings["SUPABASE_KEY"])
            return open_clients.enter_context(closing(made))

        yield make


@pytest.fixture
def client(clients: Callable[[], AuthClient]) -> AuthClient:
    return clients()


def _address() -> str:
    return f"{uuid4().hex}@example.com"


@pytest.fixture
def answering() -> Iterator[Answers]:
    """A sign-in server that gives one answer to everything."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []
    clients: list[AuthClient] = []

    def serve(status: int, body: Any) -> AuthClient:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        clients.append(AuthClient(f"http://127.0.0.1:{server.server_address[1]}", "sb_publishable_test"))
        return clients[-1]

    yield serve
    for client in clients:
        client.close()
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_person_who_signed_up_can_sign_in_and_is_the_same_user(clients: Clients) -> None:
    address = _address()
    made = clients().sign_up(address, PASSWORD)
    again = clients().sign_in(address, PASSWORD)
    assert made is not None
    assert again.user_id == made.user_id
    assert again.email == address


def test_unknown_address_and_wrong_password_get_the_same_answer(clients: Clients) -> None:
    address = _address()
    clients().sign_up(address, PASSWORD)
    with pytest.raises(WrongCredentials) as wrong_password:
        clients().sign_in(address, "not the password")
    with pytest.raises(WrongCredentials) as unknown:
        clients().sign_in(_address(), PASSWORD)
    assert str(wrong_password.value) == str(unknown.value) == "Wrong email address or password."


def test_a_weak_password_is_refused_with_what_to_do(client: AuthClient) -> None:
    with pytest.raises(WeakPassword, match="at least 8 characters"):
        client.sign_up(_address(), "short")


def test_tokens_are_refreshed_and_an_old_refresh_token_ends_the_session(client: AuthClient) -> None:
    first = client.sign_up(_address(), PASSWORD)
    assert first is not None
    fresh = client.refresh(first)
    assert fresh.refresh_token != first.refresh_token
    assert not fresh.expires_soon
    client.sign_out(fresh)
    with pytest.raises(SessionEnded, match=r"(?i)sign in again"):
        client.refresh(fresh)


def test_two_clients_do_not_share_a_session(clients: Clients) -> None:
    one, other = clients(), clients()
    first = one.sign_up(_address(), PASSWORD)
    second = other.sign_up(_address(), PASSWORD)
    assert first is not None
    assert second is not None
    one.sign_out(first)
    assert other.refresh(second).user_id == second.user_id != first.user_id


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", PASSWORD),
        ("not an address", PASSWORD),
        ("a b@example.com", PASSWORD),
        (f"{'a' * 300}@example.com", PASSWORD),
        ("kim@example.com", ""),
        ("kim@example.com", "x" * 73),
        ("kim@example.com", "with\x00nul"),
    ],
)
def test_what_cannot_be_an_account_is_refused_before_it_is_sent(email: str, password: str) -> None:
    nowhere = AuthClient(f"http://127.0.0.1:{free_port()}", "sb_publishable_test")
    with closing(nowhere), pytest.raises(InvalidInput):
        nowhere.sign_in(email, password)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "invalid_credentials", WrongCredentials),
        (400, "email_not_confirmed", UnconfirmedEmail),
        (422, "user_already_exists", AddressTaken),
        (422, "signup_disabled", SignInError),
        (422, "weak_password", WeakPassword),
        (403, "session_not_found", SessionEnded),
        (429, "over_request_rate_limit", TooManyAttempts),
        (500, "unexpected_failure", AuthUnreachable),
        (503, "hook_timeout", AuthUnreachable),
        (418, "something_new", SignInError),
    ],
)
def test_each_refusal_of_the_server_becomes_a_sentence(
    answering: Answers, status: int, code: str, expected: type[AppError]
) -> None:
    body = {"error_code": code, "msg": "internal words", "code": status, "weak_password": {"reasons": ["length"]}}
    client = answering(status, body)
    with pytest.raises(expected) as raised:
        client.sign_in("kim@example.com", PASSWORD)
    assert type(raised.value) is expected
    assert "internal words" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_weak_password_is_refused_with_the_servers_reason(answering: Answers) -> None:
    client = answering(422, {"code": 422, "msg": "weak", "weak_password": {"reasons": ["pwned"]}})
    with pytest.raises(WeakPassword, match="data leak"):
        client.sign_up("kim@example.com", PASSWORD)


def test_sign_up_that_needs_a_confirmation_gives_no_session(answering: Answers) -> None:
    user = {"id": str(uuid4()), "aud": "authenticated", "email": "kim@example.com", "app_metadata": {}}
    user |= {"user_metadata": {}, "created_at": "2026-01-01T00:00:00Z", "confirmation_sent_at": "2026-01-01T00:00:00Z"}
    assert answering(200, user).sign_up("kim@example.com", PASSWORD) is None


@pytest.mark.parametrize("body", [b"<!doctype html><h1>Not found</h1>", b"", b"[1, 2"])
@pytest.mark.parametrize("status", [200, 404, 502])
def test_an_address_without_a_sign_in_server_is_explained(answering: Answers, status: int, body: bytes) -> None:
    with pytest.raises((AuthUnreachable, WrongCredentials)) as raised:
        answering(status, body).sign_in("kim@example.com", PASSWORD)
    assert str(raised.value).endswith(".")


def test_a_server_that_cannot_be_reached_is_explained() -> None:
    away = AuthClient(f"http://127.0.0.1:{free_port()}", "sb_publishable_test")
    with closing(away), pytest.raises(AuthUnreachable, match="is not responding"):
        away.sign_in("kim@example.com", PASSWORD)


def test_an_invalid_address_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="SUPABASE_URL"):
        AuthClient("not an address", "sb_publishable_test")


def test_tokens_are_not_in_a_sessions_repr() -> None:
    session = Session("u", "kim@example.com", 0.0, "access-secret", "refresh-secret")
    assert "secret" not in repr(session)
    assert session.expires_soon
