"""What an index of vectors does, whatever engine keeps it, and the names under which it knows users and memories.

An index is asked for the memories nearest to a vector and answers with ids. It is no store: it gets no words, and what
it says is believed only as far as Postgres, read as the user, has a row of that id. It knows nobody by name: the name
of a user is a digest of the id. This module imports no engine.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

__all__ = ["COLLECTION", "Engine", "VectorIndex", "point_of", "user_key"]

COLLECTION = "keepsake_memories"
_POINTS = uuid.UUID("5d0c1a3e-6b0e-4f57-9d0f-3a3f0f6f2a77")


class Engine(Protocol):
    """Keeps vectors of users by the ids of their memories. `user` is always a `user_key`.

    Each call may be repeated: putting replaces, and removing what is not there does nothing.
    """

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""

    def nearest(self, user: str, vector: Sequence[float], k: int) -> Sequence[tuple[str, float]]:
        """Return the ids of at most `k` memories of this user, nearest first, with their scores."""

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps, in any order."""

    def clear(self, dimensions: int) -> None:
        """Remove everything, and get ready for vectors of so many numbers."""

    def close(self) -> None:
        """Close what is open."""


class VectorIndex(Engine, Protocol):
    """An engine that a memory can use: which one it is, and how long a search may wait for it.

    It raises `IndexFailed` if it cannot do its work now, and `IndexRefused` if it will not take these vectors.
    """

    name: str
    seconds: float


def user_key(user_id: str) -> str:
    """Return the name under which an index knows a user."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def point_of(user: str, memory_id: str) -> str:
    """Return the id under which engines that want UUIDs keep a memory of a user."""
    return str(uuid.uuid5(_POINTS, f"{user} {memory_id}"))
