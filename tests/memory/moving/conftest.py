"""The stores that mem0 and LangChain filled, and the command that brings what is in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from memory import __main__ as command
from memory.database import Database
from tests.databases import Databases

STORES = Path(__file__).parent / "stores"
ALL_ROWS = "select id, metadata from vecs.memories"


class Bring(Protocol):
    """Runs the command and returns what it prints."""

    def __call__(self, store: str, place: object, *options: str) -> str: ...


@pytest.fixture
def bring(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bring:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("DATABASE_ADMIN_URL", database.admin_url)
    monkeypatch.setenv("EMBED_MODEL", "wordllama-256")

    def run(store: str, place: object, *options: str) -> str:
        capsys.readouterr()
        command.main(["import", "--from", store, str(place), *options])
        return capsys.readouterr().out

    return run


Rows = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def rows(database: Database, databases: Databases) -> Rows:
    """All memories of everybody, by id."""
    return lambda: {each[0]: each[1] for each in databases.ask(database, ALL_ROWS)}
