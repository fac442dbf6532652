"""Connecting a model in the app: who may, where, and what becomes of it; never on a hosted app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

import services as services_module
from chat.reply import answer
from chat.turn import say
from local.stack import LocalStack
from memory.database import connect
from memory.errors import InvalidInput, ModelError, ModelRefused, ModelUnreachable, NotAModel
from memory.model import PromptMessage
from memory.model.connection import Connection, save_connection
from services import Services, services
from tests.local_stack import fresh_process
from tests.model_answers import Fault, Reply, WebPage
from tests.model_server import ModelServer

KEY = "sk-connected-secret"
OWNER, GUEST = "owner", "guest"


@pytest.fixture
def machine(home: Services, stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services as on a person's own machine: owner came first, guest second."""
    engine = connect(stack.postgres.admin_url, pool_size=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from app.consents")
        connection.exec_driver_sql("delete from app.sessions")
    engine.dispose()
    monkeypatch.setenv("DATA_DIR", str(stack.folder.root))
    with fresh_process():
        yield services()
        (stack.folder.root / "model.json").unlink(missing_ok=True)


def agree(app: Services) -> None:
    for each in (OWNER, GUEST):
        app.limits.consents.record_consent(each)


def reply_of(app: Services, words: str) -> str:
    return "".join(answer(app.chat, say(app.chat, f"{OWNER}-{uuid4().hex}", None, words)))


def test_nobody_connects_a_model_on_a_hosted_app(
    home: Services, model_server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_connection(tmp_path, Connection("scripted", model_server.base_url, KEY))
    (tmp_path / "keys.json").write_text(json.dumps({"publishable_key": "sb_publishable_of_another_machine"}))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with fresh_process():
        app = services()
        agree(app)
        assert not app.settings.local
        assert not app.settings.has_model
        assert not app.is_first_run()
        assert not app.may_connect(OWNER)
        with pytest.raises(InvalidInput, match="first account"):
            app.connect(OWNER, Connection("other", model_server.base_url))
        with pytest.raises(InvalidInput, match="first account"):
            app.model_at(OWNER, Connection("other", model_server.base_url))
    assert model_server.requests == []
    assert "scripted" in (tmp_path / "model.json").read_text()


@pytest.mark.parametrize("url", ["https://abc.supabase.co", "http://10.0.0.7:8000", "http://127.0.0.1.example.com"])
def test_an_auth_server_elsewhere_is_never_local(machine: Services, url: str) -> None:
    assert machine.settings.local
    assert not replace(machine.settings, supabase_url=url).local


def test_only_the_first_account_connects_a_model(machine: Services) -> None:
    assert machine.is_first_run()
    agree(machine)
    assert not machine.is_first_run()
    assert machine.may_connect(OWNER)
    assert not machine.may_connect(GUEST)
    assert not machine.may_connect("nobody")
    machine.limits.consents.record_consent(OWNER)  # agreeing again, to other words, changes nothing
    assert machine.may_connect(OWNER)
    with pytest.raises(InvalidInput, match="first account"):
        machine.connect(GUEST, Connection("x", "http://127.0.0.1:1/v1"))


def test_a_connected_model_replies_at_once_and_after_a_restart_until_it_is_removed(
    machine: Services, model_server: ModelServer
) -> None:
    agree(machine)
    assert "No language model" in reply_of(machine, "Write a haiku")
    machine.connect(OWNER, Connection("scripted", model_server.base_url, KEY))
    model_server.enqueue_replies(Reply("An old silent pond."))
    assert reply_of(services(), "Write a haiku") == "An old silent pond."
    assert model_server.chats[-1].headers["authorization"] == f"Bearer {KEY}"
    with fresh_process():
        assert (services().settings.chat_model, services().settings.openai_base_url) == (
            "scripted",
            model_server.base_url,
        )
        services().connect(OWNER, None)
        assert "No language model" in reply_of(services(), "Write a haiku")


def test_a_model_in_the_settings_comes_first(
    machine: Services, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(machine)
    machine.connect(OWNER, Connection("connected", model_server.base_url, KEY))
    monkeypatch.setenv("OPENAI_BASE_URL", model_server.base_url)
    monkeypatch.setenv("CHAT_MODEL", "from-settings")
    with fresh_process():
        assert services().settings.chat_model == "from-settings"
        assert not services().connectable
        monkeypatch.setenv("OPENAI_API_KEY", "found-on-this-machine")
    with fresh_process():  # an Ollama that the launcher found is nobody's choice
        assert services().settings.chat_model == "connected"
        assert services().connectable


@pytest.mark.parametrize(
    ("listing", "error", "said"),
    [
        (Fault(401), ModelRefused, "Check the key."),
        (WebPage(), NotAModel, "Check the address"),
        (Fault(500), ModelUnreachable, "having problems"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_the_page(
    machine: Services, model_server: ModelServer, listing: Fault, error: type[ModelError], said: str
) -> None:
    agree(machine)
    model_server.listing = listing
    with pytest.raises(error) as raised:
        machine.model_at(OWNER, Connection("there", model_server.base_url, KEY)).listed()
    assert said in raised.value.for_deployer()
    assert KEY not in raised.value.for_deployer()


def test_a_model_is_tried_with_a_streamed_sentence(machine: Services, model_server: ModelServer) -> None:
    agree(machine)
    model_server.enqueue_replies(Reply("Hello there."))
    model = machine.model_at(OWNER, Connection("scripted", model_server.base_url, KEY))
    assert list(model.stream([PromptMessage("user", "Say hello")])) == ["Hello ", "there."]


def test_the_key_is_in_no_log_and_no_export(
    machine: Services, model_server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    agree(machine)
    caplog.set_level("DEBUG", logger="keepsake")
    machine.connect(OWNER, Connection("scripted", model_server.base_url, KEY))
    model_server.enqueue_replies(Fault(401), Fault(401))
    app = services_module.services()
    with pytest.raises(ModelRefused):
        reply_of(app, "Hello")
    assert KEY not in caplog.text
    assert KEY not in repr(app.settings)
