"""Many rows at once: embedded and written in batches, each batch a transaction of its own.

What fails in the middle leaves the batches before it kept, and says so by its error. Doing the same again is safe
where rows carry a key of their own: the row's id is drawn from the key, the user and what it says, so that a row that
is there already is left as it is. It decides nothing about what is worth keeping, and reads no file.
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
    """A memory to be, without its vector. `key` is whatever its source knows it by."""

    metadata: Mapping[str, Any]
    key: str | None = None

    def id(self, user_id: str) -> str:
        """The same for the same row of the same source, however often it comes."""
        if self.key is None:
            return str(uuid.uuid4())
        named = (user_id, self.key, str(self.metadata.get("run_id", "")), str(self.metadata["data"]))
        # Lengths before the parts: "ab" + "c" is not "a" + "bc".
        return str(uuid.uuid5(NAMESPACE, "".join(f"{len(each)}:{each}" for each in named)))


class Bulk:
    """Keeps many rows of one user."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    def keep(
        self,
        rows: Sequence[Row],
        user_id: str,
        actor: str,
        told: Callable[[int], object] | None = None,
        run: str | None = None,
    ) -> list[tuple[str, Row]]:
        """Write those that are not there yet, and return them with their ids; `told` hears how many were looked at.

        `run` names all of it in the history.
        """
        kept: list[tuple[str, Row]] = []
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            kept += self._keep_batch({row.id(user_id): row for row in batch}, user_id, actor, run)
            if told:
                told(len(batch))
        return kept

    def _keep_batch(self, named: Mapping[str, Row], user_id: str, actor: str, run: str | None) -> list[tuple[str, Row]]:
        # Outside of the transaction: an embedder may take its time, and nobody should wait for it.
        vectors = self._embedder.embed([embedded(row.metadata) for row in named.values()])
        rows = [(row.metadata, vector) for row, vector in zip(named.values(), vectors, strict=True)]
        with self._database.as_user(user_id) as connection:
            self._store.sign(connection, actor, run=run)
            new = self._store.insert(connection, rows, list(named))
        return [(each, named[each]) for each in new]
