"""vecs without Keepsake, as mem0 uses it, for comparison: a collection, a metadata filter, an HNSW index."""

from __future__ import annotations

from typing import Any

import vecs
from sqlalchemy import Engine, MetaData, text
from sqlalchemy.orm import sessionmaker

from memory.database import connect

__all__ = ["StockVecs"]


class _StockClient(vecs.Client):  # type: ignore[misc]
    """A vecs client on our engine; its own constructor does not work with this version of SQLAlchemy."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.meta = MetaData(schema="vecs")
        self.Session = sessionmaker(engine)
        self.vector_version = "0.8"


class StockVecs:
    """A collection with a copy of the rows of people up to this one, without our triggers and indexes."""

    def __init__(self, url: str, last_user: str) -> None:
        engine = connect(f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dpublic,extensions")
        self._client = _StockClient(engine)
        with engine.begin() as connection:
            connection.execute(text("drop table if exists vecs.stock"))
            connection.execute(
                text("create table vecs.stock (id varchar primary key, vec vector(384) not null, metadata jsonb)")
            )
            connection.execute(
                text(
                    "insert into vecs.stock select id, vec, metadata from vecs.memories where user_id <= :last"
                    " union all select id, vec, metadata from vecs.episodes where user_id <= :last"
                ),
                {"last": last_user},
            )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze vecs.stock"))
        self._collection = vecs.Collection("stock", 384, self._client)

    def query(self, vector: list[float], user_id: str) -> list[Any]:
        """Return a user's ten nearest rows, as mem0 does."""
        found: list[Any] = self._collection.query(
            data=vector, limit=10, filters={"user_id": {"$eq": user_id}}, include_metadata=True, include_value=True
        )
        return found

    def index(self) -> None:
        """Make the HNSW index that mem0 makes at each start."""
        self._collection.create_index(method=vecs.IndexMethod.hnsw, measure=vecs.IndexMeasure.cosine_distance)
