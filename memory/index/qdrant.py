"""The index in Qdrant: a server, or a folder that one process uses at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from .protocol import COLLECTION, point_of

__all__ = ["FAILURES", "QdrantIndex", "open_engine", "refuses"]

SECONDS = 10  # for a request that feeds it
PAGE = 1_000
# In a folder, Qdrant is Python: it raises RuntimeError if another process has it, ValueError for what it cannot take.
FAILURES = (ApiException, OSError, RuntimeError, ValueError)


def refuses(error: Exception) -> bool:
    """Return whether the same request would fail again: this error is about the vectors that were sent."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code in (400, 413, 422)
    return isinstance(error, ValueError) and "not found" not in str(error)


def open_engine(place: str, key: str | None) -> QdrantIndex:
    """Open the server at an address, or a folder."""
    if place.startswith(("http://", "https://")):
        client = QdrantClient(url=place, api_key=key, timeout=SECONDS, check_compatibility=False)
        return QdrantIndex(client, is_server=True)
    return QdrantIndex(QdrantClient(path=place), is_server=False)


class QdrantIndex:
    """One collection; the payload of a point says whose it is, and of which memory."""

    def __init__(self, client: QdrantClient, *, is_server: bool, page: int = PAGE) -> None:
        self._client, self._is_server, self._page = client, is_server, page
        self._using = threading.Lock()  # a folder's client is not made for threads

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        points = [
            models.PointStruct(id=point_of(user, name), vector=list(vector), payload={"user": user, "memory": name})
            for name, vector in vectors.items()
        ]
        with self._using:
            self._client.upsert(COLLECTION, points, wait=True)

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        with self._using:
            self._client.delete(COLLECTION, [point_of(user, each) for each in ids], wait=True)

    def nearest(self, user: str, vector: Sequence[float], k: int) -> list[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        own = models.Filter(must=[models.FieldCondition(key="user", match=models.MatchValue(value=user))])
        with self._using:
            found = self._client.query_points(
                COLLECTION, query=list(vector), query_filter=own, limit=k, with_payload=["memory"]
            )
        return [(str((each.payload or {}).get("memory")), each.score) for each in found.points]

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        after = None
        while True:
            with self._using:
                points, after = self._client.scroll(COLLECTION, limit=self._page, offset=after, with_payload=True)
            for each in points:
                payload = each.payload or {}
                yield str(payload.get("user")), str(payload.get("memory"))
            if after is None:
                return

    def clear(self, dimensions: int) -> None:
        """Remove everything, and get ready for vectors of so many numbers."""
        with self._using:
            self._client.delete_collection(COLLECTION)
            size = models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
            self._client.create_collection(COLLECTION, vectors_config=size)
            if self._is_server:  # a folder has no indexes of payloads
                kept_together = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
                self._client.create_payload_index(COLLECTION, "user", field_schema=kept_together)

    def close(self) -> None:
        """Close what is open."""
        with self._using:
            self._client.close()
