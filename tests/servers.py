"""The model servers as fixtures: a scripted one for each test, a real llama.cpp for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from memory.model import client as model_client
from tests import llama
from tests.model_server import ModelServer


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection that a test's models open is closed after it, and not whenever they are collected."""
    opened: list[openai.OpenAI] = []
    make = model_client._client

    def making(*arguments: Any, **options: Any) -> openai.OpenAI:
        opened.append(make(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(model_client, "_client", making)
    yield
    for client in opened:
        client.close()


@pytest.fixture
def model_server(clients: None) -> Iterator[ModelServer]:
    """A model server that does what the test enqueues."""
    with ModelServer(dimensions=256) as server:
        yield server


@pytest.fixture(scope="session")
def llama_url() -> Iterator[str]:
    """The address of a real model that chats."""
    with llama.running() as url:
        yield url


@pytest.fixture(scope="session")
def llama_embeddings_url() -> Iterator[str]:
    """The address of a real model that gives vectors."""
    with llama.running("--embeddings") as url:
        yield url
