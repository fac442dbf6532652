"""The index of vectors outside of Postgres, if there is one: what MEMORY_INDEX names, opened when it is used.

    index = index_at("qdrant:http://localhost:6333")       nothing is connected yet

Each engine has a module of its own, which is imported with the first call. To add one, write a module like qdrant.py
and name it in ENGINES and PLACES. Here the engines' errors become `IndexFailed` and `IndexRefused`. What is asked of an
index is in asking.py, and what it is fed with in feeder.py.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

from ..errors import IndexFailed, IndexRefused, SettingsError
from ..settings import MemorySettings

__all__ = ["ENGINES", "EngineAt", "configured_index", "index_at"]

T = TypeVar("T")
# The package that each engine needs, and what pip installs it with.
ENGINES = {
    "chroma": ("chromadb", "'keepsake[index-chroma]'"),
    "faiss": ("faiss", "'keepsake[index-faiss]'"),
    "pinecone": ("pinecone", "'keepsake[index-pinecone]'"),
    "qdrant": ("qdrant_client", "'keepsake[index-qdrant]'"),
    "weaviate": ("weaviate", "weaviate-client"),
}
PLACES = "chroma:, faiss: or qdrant: and a folder, or chroma:, pinecone:, qdrant: or weaviate: and an address"


def index_at(place: str, *, key: str | None = None, seconds: float = 0.3) -> EngineAt:
    """Return the index at a place such as `qdrant:FOLDER`; raise `SettingsError` if it cannot be used here."""
    kind, _, rest = place.partition(":")
    remote = rest.startswith(("http://", "https://"))
    fits = {"faiss": not remote, "pinecone": remote, "weaviate": remote}
    if kind not in ENGINES or not rest or not fits.get(kind, True):
        raise SettingsError(f"MEMORY_INDEX must be {PLACES}, such as qdrant:http://localhost:6333.")
    package, installed_with = ENGINES[kind]
    if find_spec(package) is None:
        raise SettingsError(f"MEMORY_INDEX names {kind}, whose package is missing: pip install {installed_with}.")
    return EngineAt(kind, rest, key, seconds)


def configured_index(wanted: MemorySettings) -> EngineAt | None:
    """Return the index that the settings name, if they do."""
    if wanted.memory_index is None:
        return None
    seconds = wanted.memory_index_milliseconds / 1_000
    return index_at(wanted.memory_index, key=wanted.memory_index_key, seconds=seconds)


class EngineAt:
    """An engine at a place, opened with the first call. Calls may come from several threads."""

    def __init__(self, kind: str, place: str, key: str | None, seconds: float) -> None:
        # The database keeps this name, so it tells neither the address nor the folder.
        self.name = f"{kind} {hashlib.sha256(place.encode()).hexdigest()[:16]}"
        self.seconds = seconds
        self._kind, self._place, self._key = kind, place, key
        self._opening = threading.Lock()
        self._opened: Any = None

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        self._ask(lambda engine: engine.put(user, vectors))

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        self._ask(lambda engine: engine.remove(user, ids))

    def nearest(self, user: str, vector: Sequence[float], k: int) -> Sequence[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        found: Sequence[tuple[str, float]] = self._ask(lambda engine: engine.nearest(user, vector, k))
        return found

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        return iter(self._ask(lambda engine: list(engine.ids())))

    def clear(self, dimensions: int) -> None:
        """Remove everything."""
        self._ask(lambda engine: engine.clear(dimensions))

    def close(self) -> None:
        """Close the engine, if it was opened."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _ask(self, act: Callable[[Any], T]) -> T:
        module = importlib.import_module(f".{self._kind}", __package__)
        try:
            return act(self._engine(module))
        except module.FAILURES as error:
            # Only the kind of error: its text may hold an address, or a key.
            what = f"The index of vectors in {self._kind.capitalize()} "
            if module.refuses(error):
                raise IndexRefused(f"{what}does not take this: {type(error).__name__}.") from error
            raise IndexFailed(f"{what}cannot be used at the moment: {type(error).__name__}.") from error

    def _engine(self, module: Any) -> Any:
        with self._opening:
            if self._opened is None:
                self._opened = module.open_engine(self._place, self._key)
            return self._opened
