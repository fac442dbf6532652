"""The index in Chroma: a server, or a folder. Chroma embeds nothing here: it gets the vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import chromadb
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError
from httpx import HTTPError

from .protocol import COLLECTION, point_of

__all__ = ["FAILURES", "ChromaIndex", "open_engine", "refuses"]

PAGE = 1_000
FAILURES = (ChromaError, HTTPError, OSError, RuntimeError, ValueError)


def refuses(error: Exception) -> bool:
    """Return whether the same request would fail again: this error is about the vectors that were sent."""
    if isinstance(error, ChromaError):
        return error.code() in (400, 413, 422)
    return False


def open_engine(place: str, key: str | None) -> ChromaIndex:
    """Open the server at an address, or a folder."""
    quiet = Settings(anonymized_telemetry=False)
    if not place.startswith(("http://", "https://")):
        return ChromaIndex(chromadb.PersistentClient(path=place, settings=quiet))
    address = urlsplit(place)
    encrypted = address.scheme == "https"
    port = address.port or (443 if encrypted else 80)
    headers = {"x-chroma-token": key} if key else None
    client = chromadb.HttpClient(address.hostname or "", port, ssl=encrypted, headers=headers, settings=quiet)
    return ChromaIndex(client)


class ChromaIndex:
    """One collection; the metadata of a record says whose it is, and of which memory."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._opened: Any = None

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        self._collection().upsert(
            ids=[point_of(user, each) for each in vectors],
            embeddings=[list(each) for each in vectors.values()],
            metadatas=[{"user": user, "memory": each} for each in vectors],
        )

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        self._collection().delete(ids=[point_of(user, each) for each in ids])

    def nearest(self, user: str, vector: Sequence[float], k: int) -> list[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        found = self._collection().query(
            query_embeddings=[list(vector)], n_results=k, where={"user": user}, include=["metadatas", "distances"]
        )
        [records], [distances] = found["metadatas"], found["distances"]
        return [(str(each["memory"]), 1 - far) for each, far in zip(records, distances, strict=True)]

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        start = 0
        while records := self._collection().get(limit=PAGE, offset=start, include=["metadatas"])["metadatas"]:
            yield from ((str(each["user"]), str(each["memory"])) for each in records)
            start += len(records)

    def clear(self, dimensions: int) -> None:
        """Remove everything, and get ready for vectors of so many numbers."""
        with suppress(NotFoundError):
            self._client.delete_collection(COLLECTION)
        self._opened = None
        self._collection()

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def _collection(self) -> Any:
        if self._opened is None:
            cosine = {"hnsw": {"space": "cosine"}}
            self._opened = self._client.get_or_create_collection(
                COLLECTION, embedding_function=None, configuration=cosine
            )
        return self._opened
