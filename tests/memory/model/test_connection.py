"""The model that is connected in the app: its file, its address, and the programs that are found on this machine."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from memory.errors import InvalidInput, SettingsError
from memory.model.connection import (
    LOCAL_SERVERS,
    Connection,
    address_of,
    find_local_servers,
    read_connection,
    remove_connection,
    save_connection,
)
from tests.model_answers import Fault, WebPage
from tests.model_server import ModelServer

KEPT = Connection("llama3.2", "http://localhost:11434/v1", "sk-kept-secret")


def test_a_connection_is_kept_for_its_owner_alone_and_removed_again(tmp_path: Path) -> None:
    assert read_connection(tmp_path) is None
    save_connection(tmp_path, Connection("other"))
    save_connection(tmp_path, KEPT)
    assert read_connection(tmp_path) == KEPT
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    remove_connection(tmp_path)
    remove_connection(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_in_no_representation() -> None:
    assert "secret" not in repr(KEPT)


@pytest.mark.parametrize(
    "damaged", ["", "[]", "{}", '{"model": 1}', '{"model": "x", "base_url": "file:///etc/passwd"}']
)
def test_a_damaged_file_is_named(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "model.json").write_text(damaged)
    with pytest.raises(SettingsError, match=r"model\.json cannot be read"):
        read_connection(tmp_path)


@pytest.mark.parametrize(
    "refused", [Connection(""), Connection("x", "ftp://host"), Connection("x", None, "a\nb"), Connection("x" * 3_000)]
)
def test_what_is_no_connection_is_not_kept(tmp_path: Path, refused: Connection) -> None:
    with pytest.raises(InvalidInput):
        save_connection(tmp_path, refused)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", None),
        ("localhost:1234", "http://localhost:1234/v1"),
        ("http://localhost:11434/", "http://localhost:11434/v1"),
        (" https://example.com/api/v1/ ", "https://example.com/api/v1"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_may_be_typed_in_short(typed: str, address: str | None) -> None:
    assert address_of(typed) == address


@pytest.mark.parametrize(
    "typed", ["ftp://host", "file:///etc/passwd", "http://", "http://[", "http://a:b", "http://me:pw@host", "two words"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match="not the address of a model"):
        address_of(typed)


def test_running_programs_are_found_with_their_models_for_chats(model_server: ModelServer) -> None:
    model_server.models = ["qwen3", "nomic-embed-text", "llama3.2"]
    [found] = find_local_servers({"Ollama": model_server.base_url, "LM Studio": "http://127.0.0.1:1/v1"})
    assert (found.name, found.base_url, found.models) == ("Ollama", model_server.base_url, ("llama3.2", "qwen3"))


def test_what_answers_with_something_else_is_not_found(model_server: ModelServer) -> None:
    for listing in (WebPage(), Fault(500)):
        model_server.listing = listing
        assert find_local_servers({"LM Studio": model_server.base_url}) == []


def test_only_fixed_addresses_of_this_machine_are_looked_at() -> None:
    assert {each.split(":")[1] for each in LOCAL_SERVERS.values()} == {"//127.0.0.1"}


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    save_connection(tmp_path, KEPT)
    assert json.loads((tmp_path / "model.json").read_text())["model"] == "llama3.2"
