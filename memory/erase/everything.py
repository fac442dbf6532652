"""Erases all that the memory layer holds about a user, and looks for it afterwards; the receipt says what it found.

Deleting one memory, which can be undone, is not here. Messages belong to the app, which erases them itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from ..database import Database
from ..embed import Embedder
from ..rows.store import Store

__all__ = ["Erasure", "Receipt"]

# What there is of a user besides memories and episodes, which are erased first, with their graph and their words.
TABLES = (
    *("postings", "memory_history", "memory_use", "questions", "profiles", "relations", "entity_names"),
    *("lessons", "recall_checks", "confirmations"),
)
MAX_LOOKED_FOR = 200


@dataclass(frozen=True)
class Receipt:
    """How much was erased, by table, and what was found when it was looked for afterwards."""

    user_id: str
    erased: dict[str, int]
    erased_at: datetime
    looked_for: int = 0
    found_again: int = 0
    rows_left: dict[str, int] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        """Whether nothing is left."""
        return self.found_again == 0 and not any(self.rows_left.values())


class Erasure:
    """Erases everything of one user, and looks for it afterwards."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    def erase(self, connection: Connection, user_id: str) -> tuple[dict[str, int], list[str]]:
        """Erase inside the caller's transaction, bound to the user; return the counts and some of the texts."""
        # First of all: whoever reads from the import queue holds its rows, and then waits for the lock taken next.
        queued = connection.execute(text("delete from app.lessons")).rowcount
        self._store.lock_writes(connection, user_id)
        texts = list(connection.scalars(text(_TEXTS), {"limit": MAX_LOOKED_FOR}))
        counted = {table: _count(connection, table) for table in TABLES}
        erased = {"memories": connection.execute(text("delete from vecs.memories")).rowcount}
        erased |= {"episodes": connection.execute(text("delete from vecs.episodes")).rowcount}
        for table in TABLES:
            connection.execute(text(f"delete from app.{table}"))
        return erased | counted | {"lessons": queued}, texts

    def prove(self, user_id: str, erased: dict[str, int], texts: Sequence[str]) -> Receipt:
        """After the transaction, look for what was erased: search for its words, and count the rows that are left."""
        vectors = self._embedder.embed(list(texts)) if texts else []
        found = sum(bool(self._store.nearest(user_id, vector, 1)) for vector in vectors)
        with self._database.as_user(user_id) as connection:
            left = {table: _count(connection, table) for table in TABLES}
            left |= {table: _count(connection, table, "vecs") for table in ("memories", "episodes")}
        return Receipt(user_id, erased, datetime.now(UTC), len(texts), found, left)


_TEXTS = "select metadata ->> 'data' from vecs.memories where metadata ->> 'data' <> '' order by id limit :limit"


def _count(connection: Connection, table: str, schema: str = "app") -> int:
    return connection.scalar(text(f"select count(*) from {schema}.{table}")) or 0
