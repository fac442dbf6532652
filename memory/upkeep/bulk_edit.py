"""Handles many memories at once: pages of memories, deleting several together, and importing a file.

Each change is one run in the history, so `Memory.undo(run)` reverses it as a whole. This module draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from .. import arguments
from ..database import Database
from ..embed import Embedder
from ..errors import InvalidInput
from ..facts import Result
from ..imports import files
from ..rows.bulk import Bulk
from ..rows.history import Entry, Timeline
from ..rows.store import Store

__all__ = ["BulkEdit", "Change", "MemoryPage"]


@dataclass(frozen=True)
class MemoryPage:
    """One page of memories, the newest first, and how many there are altogether."""

    results: list[Result]
    total: int


@dataclass(frozen=True)
class Change:
    """A change of `count` memories, which can be undone with `run`."""

    run: str
    count: int


class BulkEdit:
    """Reads and changes many memories of one user at once."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._bulk = Bulk(database, store, embedder)
        self._timeline = Timeline(database)

    def page(
        self, *, user_id: str, number: int = 1, size: int = 25, filters: Mapping[str, Any] | None = None
    ) -> MemoryPage:
        """Return one page of memories in one read; past the end, the last page."""
        owner, conditions = arguments.scoped(user_id, filters)
        facts, total = self._store.page(owner, max(1, number), arguments.limited(size), conditions)
        return MemoryPage([fact.result() for fact in facts], total)

    def along_time(
        self, *, user_id: str, number: int = 1, size: int = 30, kinds: Sequence[str] = ()
    ) -> tuple[list[Entry], int]:
        """Return one page of the time line, the newest day first, and how many entries there are."""
        owner, _ = arguments.scoped(user_id, None)
        return self._timeline.page(owner, number, arguments.limited(size), kinds)

    def all(self, *, user_id: str) -> list[Result]:
        """Return all memories, the newest first, however many there are."""
        owner, _ = arguments.scoped(user_id, None)
        results: dict[str, Result] = {}
        for number in range(1, 1_000):
            page = self.page(user_id=owner, number=number, size=arguments.MAX_LIMIT)
            results |= {each["id"]: each for each in page.results}
            if number * arguments.MAX_LIMIT >= page.total:
                break
        return list(results.values())

    def delete(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Delete several memories as one change; deleted ones are left out."""
        if len(memory_ids) > arguments.MAX_LIMIT:
            raise InvalidInput(f"At most {arguments.MAX_LIMIT:,} memories can be deleted at once.")
        run = f"delete-{uuid4()}"
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            self._store.sign(connection, "person", run=run)
            deleted = sum(self._store.delete(connection, each) for each in dict.fromkeys(memory_ids))
        return Change(run, deleted)

    def import_file(self, content: bytes, name: str, *, user_id: str, room: int | None = None) -> Change:
        """Import an uploaded file: check all of it first, then write what is not known yet."""
        rows = files.uploaded(content, name, user_id)
        if room is not None and len(rows) > room:
            raise InvalidInput(f"{name} holds {len(rows):,} memories, but there is room for only {room:,} more.")
        run = f"import-{uuid4()}"
        return Change(run, len(self._bulk.keep(rows, user_id, "import", run=run)))
