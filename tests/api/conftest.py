"""The API over the app's services, and people with keys."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from pydantic import BaseModel
from starlette.testclient import TestClient

import services
from api import CALLS, make_app
from api.completions import OPENAI_CALLS
from auth.applications import make_application_key
from local.stack import LocalStack
from memory.database import Database
from memory.embedded.loopback import free_port
from memory.facts import Fact, Said, Write
from tests.chat.conftest import until
from tests.local_stack import services_of


@dataclass
class Caller:
    """A person who agreed, with a key, and a program that sends it."""

    home: services.Services
    browser: TestClient
    user_id: str
    key: str

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request with the key; return the answer."""
        sent = {"json": body} if body is not None else {}
        headers = {"authorization": f"Token {self.key}", **more.pop("headers", {})}
        return self.browser.request(method, path, headers=headers, **sent, **more)

    def told(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Return what a request that works is answered with, after comparing it with its description."""
        answer = self.ask(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        if "fields" not in (body or ()):
            form_of(method, path).model_validate(answer.json(), strict=True)
        return answer.json()

    def remembers(self, *said: str) -> list[str]:
        """Let these be remembered, in the library; return the ids."""
        return [
            str(each["id"])
            for words in said
            for each in self.home.memory.add(words, user_id=self.user_id, infer=False)["results"]
        ]

    def texts(self) -> list[str]:
        """What is remembered of the person."""
        return [each["memory"] for each in self.home.memory.get_all(user_id=self.user_id)["results"]]

    def is_asked(self, known: str, new: str) -> None:
        """Let there be a question about which of two statements is right."""
        [id_] = self.remembers(known)
        write = Write("ask", new, "fact", new, id_, None, None, "unsure", Said("user", new), known)
        with self.home.database.as_user(self.user_id) as connection:
            self.home.memory.questions.ask(connection, Fact(id_, {"data": known}), write)

    def with_key(self, key: str) -> Caller:
        """The same program with another key."""
        return Caller(self.home, self.browser, self.user_id, key)

    def another_key(self, name: str = "other", *, can_write: bool = True, days: int = 7) -> str:
        """Make another key of the same person."""
        return self.home.keys.make(self.user_id, name, address="kim@example.com", can_write=can_write, days=days).key


def form_of(method: str, path: str) -> type[BaseModel]:
    """Return the form in which a call is described to answer."""
    wanted = f"{path.partition('?')[0].rstrip('/')}/"
    [found] = [
        call.returns
        for call in (*CALLS, *OPENAI_CALLS)
        if call.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", f"{call.path.rstrip('/')}/"), wanted)
    ]
    return found


@pytest.fixture(scope="module")
def home(stack: LocalStack) -> Iterator[services.Services]:
    """The services of this process, for a whole module: each test has people of its own."""
    with pytest.MonkeyPatch.context() as patch, services_of(stack, patch) as built:
        yield built


@pytest.fixture(scope="module")
def host(home: services.Services) -> Iterator[str]:
    """The address of a running server."""
    with serving(home, log_level="error") as address:
        yield address


@contextmanager
def serving(home: services.Services, **options: Any) -> Iterator[str]:
    """Serve the API, and return its address."""
    port = free_port()
    config = uvicorn.Config(
        make_app(lambda: home), host="127.0.0.1", port=port, lifespan="off", timeout_keep_alive=75, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


NUMBERS = count(1)


@pytest.fixture
def browser(home: services.Services) -> TestClient:
    """Sends requests to the API from an address of its own; what goes wrong is an answer, as over the network."""
    number = next(NUMBERS)
    address = f"10.0.{number // 250}.{number % 250 + 1}"
    return TestClient(make_app(lambda: home), raise_server_exceptions=False, client=(address, 50_000))


Arrives = Callable[..., Caller]


@pytest.fixture
def arrives(home: services.Services, browser: TestClient) -> Arrives:
    """Makes people with a key that may write."""

    def new(*, agreed: bool = True, can_write: bool = True) -> Caller:
        user_id = str(uuid4())
        if agreed:
            home.limits.consents.record_consent(user_id)
        made = home.keys.make(user_id, "laptop", address="kim@example.com", can_write=can_write, days=7)
        return Caller(home, browser, user_id, made.key)

    return new


@pytest.fixture
def kim(arrives: Arrives) -> Caller:
    """Somebody with a key that may write."""
    return arrives()


Registers = Callable[..., Caller]


@pytest.fixture
def registers(home: services.Services, browser: TestClient) -> Registers:
    """Makes applications with a key, which acts for no user until a call names one."""

    def new(name: str = "", *, can_write: bool = True, days: int = 7) -> Caller:
        with closing(Database(home.database.admin_url)) as admin, admin.engine.begin() as connection:
            called = name or f"shop {uuid4()}"
            made = make_application_key(connection, called, can_write=can_write, days=days)
        return Caller(home, browser, "", made.key)

    return new


@pytest.fixture
def shop(registers: Registers) -> Caller:
    """An application with a key that may write."""
    return registers()
