"""The index in Pinecone: the address of one with the metric "cosine" and as many dimensions as the embedding model.

    pinecone:https://memories-abc123.svc.aped-4627-b74a.pinecone.io

What was put there is found some seconds later; until then Postgres compares it, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pinecone import ApiError, NotFoundError, Pinecone, PineconeError, RetryConfig

from .protocol import COLLECTION, point_of

__all__ = ["FAILURES", "PineconeIndex", "open_engine", "refuses"]

SECONDS = 10.0
PAGE = 100  # ids in one request for their metadata, whose address holds them
FAILURES = (PineconeError, OSError)


def refuses(error: Exception) -> bool:
    """Return whether the same request would fail again: this error is about the vectors that were sent."""
    return isinstance(error, ApiError) and error.status_code in (400, 413, 422)


def open_engine(place: str, key: str | None) -> PineconeIndex:
    """Open the index at an address; what fails is tried again by the outbox, so the client tries only once."""
    client = Pinecone(api_key=key or "none", timeout=SECONDS, retry_config=RetryConfig(max_retries=0))
    return PineconeIndex(client.Index(host=place))


class PineconeIndex:
    """One namespace; the metadata of a record says whose it is, and of which memory."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        records = [
            {"id": point_of(user, each), "values": list(vector), "metadata": {"user": user, "memory": each}}
            for each, vector in vectors.items()
        ]
        self._index.upsert(vectors=records, namespace=COLLECTION)

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        with suppress(NotFoundError):  # there is no namespace before something is put into it
            self._index.delete(ids=[point_of(user, each) for each in ids], namespace=COLLECTION)

    def nearest(self, user: str, vector: Sequence[float], k: int) -> list[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        found = self._index.query(
            vector=list(vector),
            top_k=k,
            filter={"user": {"$eq": user}},
            include_metadata=True,
            namespace=COLLECTION,
        )
        return [(str((each.metadata or {}).get("memory")), each.score) for each in found.matches]

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        for page in self._index.list(namespace=COLLECTION, limit=PAGE):
            names = [each.id for each in page.vectors]
            if names:
                for each in self._index.fetch(ids=names, namespace=COLLECTION).vectors.values():
                    metadata = each.metadata or {}
                    yield str(metadata.get("user")), str(metadata.get("memory"))

    def clear(self, dimensions: int) -> None:
        """Remove everything; the index itself was made in Pinecone, with its dimensions."""
        with suppress(NotFoundError):
            self._index.delete(delete_all=True, namespace=COLLECTION)

    def close(self) -> None:
        """Close the connections."""
        self._index.close()
