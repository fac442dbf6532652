"""Indexes for tests: real ones in a folder, and one that is a dictionary, which a test may make fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.index import outbox
from memory.index.feeder import Feeder

__all__ = ["InMemory", "attached"]


class InMemory:
    """An exact index in a dictionary. `before` is called before each call, with its name, and may raise."""

    name, seconds = "dictionary", 30.0

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Sequence[float]] = {}
        self.asked: list[int] = []
        self.before: Callable[[str], Any] = lambda call: None

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        self.before("put")
        self.kept.update({(user, each): vector for each, vector in vectors.items()})

    def remove(self, user: str, ids: Sequence[str]) -> None:
        self.before("remove")
        for each in ids:
            self.kept.pop((user, each), None)

    def nearest(self, user: str, vector: Sequence[float], k: int) -> Sequence[tuple[str, float]]:
        self.before("nearest")
        self.asked.append(k)
        own = [(name, _dot(vector, known)) for (owner, name), known in self.kept.items() if owner == user]
        return sorted(own, key=lambda found: -found[1])[:k]

    def ids(self) -> Iterator[tuple[str, str]]:
        return iter(list(self.kept))

    def clear(self, dimensions: int) -> None:
        self.before("clear")
        self.kept.clear()

    def close(self) -> None:
        """Nothing is open."""


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture
def index() -> InMemory:
    return InMemory()


@pytest.fixture
def indexed(database: Database, embedder: BundledEmbedder, index: InMemory) -> Iterator[Memory]:
    """A memory with an index that is attached."""
    with attached(database, embedder, index) as memory:
        yield memory


def attached(database: Database, embedder: BundledEmbedder, index: Any) -> Memory:
    """Return a memory with this index, which is attached and empty."""
    outbox.attach(database, index.name)
    memory = Memory(database, embedder, None, index=index)
    feeder_of(memory).feed()
    return memory


def feeder_of(memory: Memory) -> Feeder:
    assert memory.index is not None
    return memory.index


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "index"
