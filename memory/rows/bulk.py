"""Writes many memories at once: embeds and inserts them in batches, each batch in its own transaction.

If a batch fails, the batches before it stay. Repeating the whole is safe for rows with a key: a row's id is derived
from the key, the user and the text, so a row that exists already is left as it is. This module does not decide what
is worth keeping, and reads no files.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..database import Database
from ..embed import Embedder
from ..facts import embedded
from .store import Store

__all__ = ["BATCH", "Bulk", "Row"]

BATCH = 500
NAMESPACE = uuid.UUID("6f0dbd0e-6c1f-4b52-9d2b-5a9a2d3f7c11")


@dataclass(frozen=True)
class Row:
    """A memory that is to be written, without its vector. `key` identifies it in its source."""

    metadata: Mapping[str, Any]
    key: str | None = None

    def id(self, user_id: str) -> str:
        """Return the row's id: always the same for the same key, user and text."""
        if self.key is None:
            return str(uuid.uuid4())
        parts = (user_id, self.key, str(self.metadata.get("run_id", "")), str(self.metadata["data"]))
        # Each part is preceded by its length, so that "ab" + "c" differs from "a" + "bc".
        return str(uuid.uuid5(NAMESPACE, "".join(f"{len(each)}:{each}" for each in parts)))


class Bulk:
    """Writes many memories of one user."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    def keep(
        self,
        rows: Sequence[Row],
        user_id: str,
        actor: str,
        on_batch: Callable[[int], object] | None = None,
        run: str | None = None,
    ) -> list[tuple[str, Row]]:
        """Write the rows that do not exist yet; return them with their ids.

        `on_batch` is called with the size of each finished batch. `run` marks all of them in the history.
        """
        kept: list[tuple[str, Row]] = []
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            kept += self._keep_batch({row.id(user_id): row for row in batch}, user_id, actor, run)
            if on_batch:
                on_batch(len(batch))
        return kept

    def _keep_batch(self, by_id: Mapping[str, Row], user_id: str, actor: str, run: str | None) -> list[tuple[str, Row]]:
        # Before the transaction begins: embedding may take long, and no other writer should wait for it.
        vectors = self._embedder.embed([embedded(row.metadata) for row in by_id.values()])
        rows = [(row.metadata, vector) for row, vector in zip(by_id.values(), vectors, strict=True)]
        with self._database.as_user(user_id) as connection:
            self._store.sign(connection, actor, run=run)
            new = self._store.insert(connection, rows, list(by_id))
        return [(each, by_id[each]) for each in new]
