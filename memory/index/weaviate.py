"""The index in Weaviate, version 1.27 or newer: its HTTP address, and the port of its gRPC if that is not 50051.

weaviate:http://localhost:8080       weaviate:https://HOST?grpc=443
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import weaviate
from httpx import HTTPError
from weaviate.classes.config import Configure, DataType, Property, Tokenization, VectorDistances
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateBaseError, WeaviateInsertManyAllFailedError

from .protocol import point_of

__all__ = ["FAILURES", "WeaviateIndex", "open_engine", "refuses"]

COLLECTION = "KeepsakeMemories"  # Weaviate wants a capital letter
GRPC_PORT = 50051
TIMEOUT = Timeout(init=5, query=5, insert=20)
FAILURES = (WeaviateBaseError, HTTPError, OSError, ValueError)


def refuses(error: Exception) -> bool:
    """Return whether the same request would fail again: this error is about the vectors that were sent."""
    return isinstance(error, _NotTaken | WeaviateInsertManyAllFailedError) or (
        isinstance(error, UnexpectedStatusCodeError) and error.status_code in (400, 413, 422)
    )


class _NotTaken(WeaviateBaseError):  # type: ignore[misc]
    """Some of the objects of a batch were refused."""


def open_engine(place: str, key: str | None) -> WeaviateIndex:
    """Connect to the server at an address."""
    address = urlsplit(place)
    encrypted, host = address.scheme == "https", address.hostname or ""
    port = address.port or (443 if encrypted else 80)
    client = weaviate.connect_to_custom(
        http_host=host,
        http_port=port,
        http_secure=encrypted,
        grpc_host=host,
        grpc_port=int(parse_qs(address.query).get("grpc", [str(GRPC_PORT)])[0]),
        grpc_secure=encrypted,
        auth_credentials=Auth.api_key(key) if key else None,
        additional_config=AdditionalConfig(timeout=TIMEOUT),
        skip_init_checks=True,
    )
    return WeaviateIndex(client)


class WeaviateIndex:
    """One collection; the properties of an object say whose it is, and of which memory."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        objects = [
            DataObject({"owner": user, "memory": each}, uuid=point_of(user, each), vector=list(vector))
            for each, vector in vectors.items()
        ]
        told = self._client.collections.use(COLLECTION).data.insert_many(objects)
        if told.has_errors:
            raise _NotTaken(f"{len(told.errors)} objects were refused")

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        named = Filter.by_id().contains_any([point_of(user, each) for each in ids])
        self._client.collections.use(COLLECTION).data.delete_many(where=named)

    def nearest(self, user: str, vector: Sequence[float], k: int) -> list[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        found = self._client.collections.use(COLLECTION).query.near_vector(
            near_vector=list(vector),
            limit=k,
            filters=Filter.by_property("owner").equal(user),
            return_properties=["memory"],
            return_metadata=MetadataQuery(distance=True),
        )
        return [(str(each.properties["memory"]), 1 - (each.metadata.distance or 0.0)) for each in found.objects]

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        for each in self._client.collections.use(COLLECTION).iterator(return_properties=["owner", "memory"]):
            yield str(each.properties["owner"]), str(each.properties["memory"])

    def clear(self, dimensions: int) -> None:
        """Remove everything, and get ready for vectors of so many numbers."""
        self._client.collections.delete(COLLECTION)
        text = {"data_type": DataType.TEXT, "tokenization": Tokenization.FIELD}
        self._client.collections.create(
            COLLECTION,
            properties=[Property(name="owner", **text), Property(name="memory", **text)],
            vector_config=Configure.Vectors.self_provided(
                vector_index_config=Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE)
            ),
        )

    def close(self) -> None:
        """Close what is open."""
        self._client.close()
