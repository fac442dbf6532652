"""Many memories at once: a page of them, several removed together, and all of them out of and into a file.

Each that changes something is one run in the history, so that `Memory.undo(run)` takes all of it back. It says
nothing about what is worth keeping, and draws nothing.
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
    """Some of the memories, the newest first, and how many there are of them altogether."""

    results: list[Result]
    total: int


@dataclass(frozen=True)
class Change:
    """What was done to how many memories; `run` takes it back."""

    run: str
    count: int


class BulkEdit:
    """One user's memories, many at a time."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._bulk = Bulk(database, store, embedder)
        self._timeline = Timeline(database)

    def page(
        self, *, user_id: str, number: int = 1, size: int = 25, filters: Mapping[str, Any] | None = None
    ) -> MemoryPage:
        """One page of what is remembered, in one read; past the end it is the last one."""
        whose, conditions = arguments.scoped(user_id, filters)
        facts, total = self._store.page(whose, max(1, number), arguments.limited(size), conditions)
        return MemoryPage([fact.result() for fact in facts], total)

    def along_time(
        self, *, user_id: str, number: int = 1, size: int = 30, kinds: Sequence[str] = ()
    ) -> tuple[list[Entry], int]:
        """One page of what is remembered by the day it is about, the newest first, and how many entries there are."""
        whose, _ = arguments.scoped(user_id, None)
        return self._timeline.page(whose, number, arguments.limited(size), kinds)

    def all(self, *, user_id: str) -> list[Result]:
        """Everything remembered, the newest first, however much it is."""
        whose, _ = arguments.scoped(user_id, None)
        kept: dict[str, Result] = {}
        for number in range(1, 1_000):
            page = self.page(user_id=whose, number=number, size=arguments.MAX_LIMIT)
            kept |= {each["id"]: each for each in page.results}
            if number * arguments.MAX_LIMIT >= page.total:
                break
        return list(kept.values())

    def delete(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Delete several memories as one run; those that are gone already are left out."""
        if len(memory_ids) > arguments.MAX_LIMIT:
            raise InvalidInput(f"At most {arguments.MAX_LIMIT:,} memories are deleted at once.")
        run = f"delete-{uuid4()}"
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            self._store.sign(connection, "person", run=run)
            gone = sum(self._store.delete(connection, each) for each in dict.fromkeys(memory_ids))
        return Change(run, gone)

    def import_file(self, held: bytes, name: str, *, user_id: str, room: int | None = None) -> Change:
        """Keep what an uploaded file holds; all of it is checked first, and what is known already is left as it is."""
        rows = files.uploaded(held, name, user_id)
        if room is not None and len(rows) > room:
            raise InvalidInput(f"{name} holds {len(rows):,} memories, and there is room for {room:,} more.")
        run = f"import-{uuid4()}"
        return Change(run, len(self._bulk.keep(rows, user_id, "import", run=run)))
