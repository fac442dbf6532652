"""mem0 with its Supabase store, as far as it writes to the database. Its own rows are in `mem0_rows.json`."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import md5
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, text

from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from tests.memory.test_migrations import SIZE

__all__ = ["MEMORIES", "SEARCH_PATH", "WRITTEN", "Mem0"]

WRITTEN = json.loads((Path(__file__).parent / "mem0_rows.json").read_text())
MEMORIES: list[dict[str, Any]] = WRITTEN["memories"]
SEARCH_PATH = "set local search_path = public, extensions"


class Mem0:
    """mem0 with its Supabase store, as a role of the database."""

    def __init__(self, database: Database, embedder: BundledEmbedder, role: str | None = None) -> None:
        url = make_url(database.admin_url)
        self.url = url.set(username=role or url.username).render_as_string(hide_password=False)
        self.database, self._embedder = database, embedder

    def make_tables(self, collection: str = "memories") -> None:
        """Do what mem0 does where its tables are missing, also after its `reset`."""
        with closing(Database(self.url)) as own, own.engine.begin() as connection:
            for statement in ("create schema if not exists vecs", "create schema if not exists extensions"):
                connection.execute(text(statement))
            connection.execute(text("create extension if not exists vector schema extensions"))
            connection.execute(text(SEARCH_PATH))
            for name in (collection, f"{collection}_entities"):
                connection.execute(
                    text(
                        f"create table vecs.{name} (id varchar primary key, vec vector({SIZE}) not null,"
                        " metadata jsonb not null default '{}'::jsonb)"
                    )
                )

    def fill(self, collection: str = "memories") -> None:
        """Write the rows of the file."""
        self.make_tables(collection)
        self.write(MEMORIES, collection)
        self.write(WRITTEN["entities"], f"{collection}_entities")

    def write(self, rows: list[dict[str, Any]], collection: str = "memories") -> None:
        vectors = self._embedder.embed([row["metadata"]["data"] for row in rows])
        with closing(Database(self.url)) as own, own.engine.begin() as connection:
            connection.execute(text(SEARCH_PATH))
            for row, vector in zip(rows, vectors, strict=True):
                connection.execute(
                    text(
                        f"insert into vecs.{collection} (id, vec, metadata)"
                        " values (:id, cast(:vec as vector), :metadata)"
                        " on conflict (id) do update set vec = excluded.vec, metadata = excluded.metadata"
                    ),
                    {"id": row["id"], "vec": str(vector), "metadata": json.dumps(row["metadata"])},
                )

    def add(self, row_id: str, data: str, **scope: str) -> None:
        digest = md5(data.encode(), usedforsecurity=False).hexdigest()
        times = dict.fromkeys(("created_at", "updated_at"), "2026-11-21T22:00:00+00:00")
        self.write([{"id": row_id, "metadata": {"data": data, "hash": digest, **times, **scope}}])

    def reset(self) -> None:
        with closing(Database(self.url)) as own, own.engine.begin() as connection:
            connection.execute(text("drop table vecs.memories, vecs.memories_entities"))
        self.make_tables()
