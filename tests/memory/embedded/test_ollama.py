from __future__ import annotations

import socket
from typing import Any

import pytest

from memory.embedded.loopback import free_port
from memory.embedded.ollama import TIMEOUT, Ollama, find_ollama
from tests.local.conftest import Serve
from tests.model_answers import PATIENCE


def test_the_first_chat_model_is_found(ollama: Serve) -> None:
    address = ollama(
        {
            "models": [
                {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
                {"name": "all-minilm:l6", "details": {"family": "bert", "families": ["bert"]}},
                {"name": "qwen3:4b", "details": {"family": "qwen3", "families": None}},
                {"name": "llama3.2:latest", "details": {}},
            ]
        }
    )
    assert find_ollama(address, PATIENCE) == Ollama(f"http://{address}/v1", "qwen3:4b")
    assert find_ollama(f"http://{address}/", PATIENCE) == Ollama(f"http://{address}/v1", "qwen3:4b")


def test_a_server_on_all_addresses_is_asked_on_this_machine(ollama: Serve) -> None:
    port = ollama({"models": [{"name": "m"}]}).split(":")[1]
    for given in (f"0.0.0.0:{port}", f":{port}", f"http://0.0.0.0:{port}"):
        assert find_ollama(given, PATIENCE) == Ollama(f"http://127.0.0.1:{port}/v1", "m")


@pytest.mark.parametrize(
    "tags",
    [
        {"models": []},
        {"models": None},
        {},
        [],
        b"<html>",
        {"models": [{}]},
        {"models": ["x"]},
        {"models": [{"name": "bge-m3"}]},
    ],
)
def test_an_ollama_without_a_chat_model_is_not_used(ollama: Serve, tags: Any) -> None:
    assert find_ollama(ollama(tags)) is None


def test_without_a_server_none_is_found() -> None:
    assert find_ollama(f"127.0.0.1:{free_port()}") is None


@pytest.mark.parametrize("nonsense", ["http://[", "127.0.0.1:99999999", "ftp://127.0.0.1", "a b c"])
def test_an_invalid_address_finds_none(nonsense: str) -> None:
    assert find_ollama(nonsense) is None


def test_a_silent_server_is_not_waited_for_without_end() -> None:
    assert TIMEOUT <= 2
    with socket.create_server(("127.0.0.1", 0)) as silent:  # which would keep whoever has no limit for ever
        assert find_ollama(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.05) is None
