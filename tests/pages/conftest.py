"""What the tests of pages share: the app as Streamlit runs it, against the real database and auth server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.client import AuthClient
from auth.guard import SESSION
from memory.facts import content_hash
from tests.local_stack import fresh_process
from tests.model_server import ModelServer

PASSWORD = "correct horse battery"
OpenApp = Callable[..., AppTest]


@pytest.fixture
def auth_client(home: services.Services) -> Iterator[AuthClient]:
    """A client of the auth server besides the app's own."""
    with closing(AuthClient(home.settings.supabase_url or "", home.settings.supabase_key or "")) as client:
        yield client


@pytest.fixture
def open_app(auth_client: AuthClient) -> OpenApp:
    """Opens the app as a new person, signed in or not, who has agreed to the consent page or not."""

    def open_page(page: str = "", *, signed_in: bool = True, agreed: bool = True) -> AppTest:
        app = AppTest.from_file("../../app.py", default_timeout=30)
        if signed_in:
            session = auth_client.sign_up(f"{uuid4().hex}@example.com", PASSWORD)
            assert session is not None
            app.session_state[SESSION] = session
            if agreed:
                services.services().limits.consents.record_consent(session.user_id)
        app.run()
        return app.switch_page(page).run() if page else app

    return open_page


@pytest.fixture
def with_models(
    home: services.Services, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[services.Services]:
    """The services at an address that offers two models for chats beside the app's own."""
    model_server.models = ["large", "small", "text-embedding-3-small"]
    named = {"OPENAI_BASE_URL": model_server.base_url, "OPENAI_API_KEY": "sk-test", "CHAT_MODEL": "scripted"}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    with fresh_process():
        yield services.services()


def words(app: AppTest) -> str:
    """The words on a page."""
    notices = [as_read(each.value) for each in [*app.error, *app.warning]]
    return "\n".join([*(str(each.value) for each in [*app.title, *app.markdown, *app.caption]), *notices])


def as_read(escaped: object) -> str:
    """A text as a person reads it, who does not see what keeps it from being Markdown."""
    return str(escaped).replace("\\", "")


def opens_receipt(app: AppTest, reply_id: str) -> AppTest:
    """Open the receipt of a reply."""
    app.run()
    app.session_state[f"receipt-{reply_id}"] = True
    return app.run()


def user_of(app: AppTest) -> str:
    """The id of the person who is signed in."""
    return str(app.session_state[SESSION].user_id)


def press(app: AppTest, label: str, number: int = 0) -> AppTest:
    """Press the button with this label, or the one of several."""
    [each for each in app.button if each.label == label][number].click().run()
    assert not app.exception
    return app


def memory_texts(home: services.Services, app: AppTest) -> list[str]:
    """What is remembered about the person who is signed in."""
    return [each["memory"] for each in home.memory.get_all(user_id=user_of(app))["results"]]


def insert_memory(
    home: services.Services, app: AppTest, said: str, days: float = 0, recalled: int = 0, **more: str
) -> str:
    """Insert a memory that is this many days old and was recalled so often; returns its id."""
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    row = {"data": said, "user_id": user_of(app), "hash": content_hash(said), "kind": "fact", **more}
    [vector] = home.memory._embedder.embed([said])
    with home.database.as_user(user_of(app)) as connection:
        [new] = home.memory._store.insert(connection, [({**row, "created_at": at, "updated_at": at}, vector)])
        for _ in range(recalled):
            home.memory.turns.count_recalled(connection, [new])
    return new


@contextmanager
def statements_of(home: services.Services, user_id: str) -> Iterator[list[str]]:
    """The statements that the database is asked for this person; background work asks for nobody."""
    seen: list[str] = []
    dialect = home.database.engine.dialect
    execute = dialect.do_execute

    def note(cursor: Any, statement: str, values: Any, context: Any = None) -> None:
        if user_id in str(values):
            seen.append(statement)
        execute(cursor, statement, values, context)

    # Not an event: adding and removing one while the worker executes a statement makes that statement fail.
    with patch.object(dialect, "do_execute", note):
        yield seen
