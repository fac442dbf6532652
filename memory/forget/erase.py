"""Erasing for good: rows, history, graph, questions, profile and counts, with a receipt that asks again.

Removing one memory, which can be undone, is not here. Messages belong to the chat; whoever keeps them
erases them and adds their count to the receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from ..database import Database
from ..embed import Embedder
from ..rows.store import Store

__all__ = ["Eraser", "Receipt"]

# What belongs to a person besides the memories themselves, which go first and take the graph and the words with them.
TABLES = (
    *("postings", "memory_history", "memory_use", "questions", "profiles", "relations", "entity_names"),
    *("lessons", "recall_checks", "confirmations"),
)
MAX_ASKED_AGAIN = 200


@dataclass(frozen=True)
class Receipt:
    """What was removed, and what was found when it was looked for afterwards."""

    user_id: str
    removed: dict[str, int]
    erased_at: datetime
    asked_again: int = 0
    found_again: int = 0
    rows_left: dict[str, int] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        """Whether nothing of it is left."""
        return self.found_again == 0 and not any(self.rows_left.values())


class Eraser:
    """Takes away everything of one user, and looks for it afterwards."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    def erase(self, connection: Connection, user_id: str) -> tuple[dict[str, int], list[str]]:
        """Remove all of it inside a transaction of the caller; returns the counts and some of the texts."""
        # First of all: whoever reads a lesson holds it, and then waits for the lock that is taken next.
        lessons = connection.execute(text("delete from app.lessons")).rowcount
        self._store.one_at_a_time(connection, user_id)
        texts = list(connection.scalars(text(_TEXTS), {"limit": MAX_ASKED_AGAIN}))
        counted = {table: _count(connection, table) for table in TABLES}
        removed = {"memories": connection.execute(text("delete from vecs.memories")).rowcount}
        removed |= {"episodes": connection.execute(text("delete from vecs.episodes")).rowcount}
        for table in TABLES:
            connection.execute(text(f"delete from app.{table}"))
        return removed | counted | {"lessons": lessons}, texts

    def prove(self, user_id: str, removed: dict[str, int], texts: Sequence[str]) -> Receipt:
        """Look for what was removed, by its words and by counting, once the transaction has ended."""
        vectors = self._embedder.embed(list(texts)) if texts else []
        found = sum(bool(self._store.nearest(user_id, vector, 1)) for vector in vectors)
        with self._database.as_user(user_id) as connection:
            left = {table: _count(connection, table) for table in TABLES}
            left |= {table: _count(connection, table, "vecs") for table in ("memories", "episodes")}
        return Receipt(user_id, removed, datetime.now(UTC), len(texts), found, left)


_TEXTS = "select metadata ->> 'data' from vecs.memories where metadata ->> 'data' <> '' order by id limit :limit"


def _count(connection: Connection, table: str, schema: str = "app") -> int:
    return connection.scalar(text(f"select count(*) from {schema}.{table}")) or 0
