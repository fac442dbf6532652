"""Handles many memories at once: pages of them, deleting several together, importing a file, and marking several.

Each change is one run in the history, so `Memory.undo(run)` reverses it as a whole. This module draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from .. import arguments
from ..database import Database, Reading
from ..embed import Embedder
from ..errors import InvalidInput
from ..facts import ALWAYS, Result
from ..imports import files
from ..recall.rank import with_room
from ..recall.search import REPLY_STANDING
from ..rows.bulk import Bulk
from ..rows.history import Entry, Timeline
from ..rows.store import Store
from ..rows.store import page_reading as facts_reading

__all__ = ["Always", "BulkEdit", "Change", "MemoryPage", "page_reading"]


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
    always_included: int = 0  # of imported memories, how many brought the mark along


def page_reading(
    *, user_id: str, number: int = 1, size: int = 25, filters: Mapping[str, Any] | None = None
) -> Reading[MemoryPage]:
    """Read one page of memories, together with other readings or alone; past the end, the last page."""
    owner, conditions = arguments.scoped(user_id, filters)
    facts = facts_reading(owner, max(1, number), arguments.limited(size), conditions)

    def made(rows: Sequence[dict[str, Any]]) -> MemoryPage:
        found, total = facts.make(rows)
        return MemoryPage([fact.result() for fact in found], total)

    return Reading(facts.sql, made, facts.values)


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
        kept = self._bulk.keep(rows, user_id, "import", run=run)
        return Change(run, len(kept), sum(row.metadata.get(ALWAYS) is True for _, row in kept))


class Always:
    """Marks memories of one user as always included, so that every reply is given them, whatever is asked.

    A mark is a key of the memory's metadata and a change like any other. Only the person sets it; the database keeps it
    as it is where anybody else writes.
    """

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def include(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Mark memories as always included, as one change; those that are marked or deleted are left out."""
        return self._mark(memory_ids, user_id, True, "marked as always included")

    def exclude(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Take the mark off memories, as one change; those without it are left out."""
        return self._mark(memory_ids, user_id, False, "no longer always included")

    def without_room(self, *, user_id: str) -> list[str]:
        """Return the ids of marked memories that there is no room for: replies get them only where they fit."""
        standing = self._store.standing(arguments.asking(user_id), arguments.MAX_LIMIT)
        wishes, others = ([each for each in standing if (each.kind == "instruction") == wish] for wish in (True, False))
        given = with_room([*wishes[:REPLY_STANDING], *others[:REPLY_STANDING]])
        return [each.id for each in standing if each.always_included and each not in given]

    def _mark(self, memory_ids: Sequence[str], user_id: str, included: bool, reason: str) -> Change:
        owner = arguments.asking(user_id)
        if isinstance(memory_ids, str) or len(memory_ids) > arguments.MAX_LIMIT:
            raise InvalidInput(
                f"At most {arguments.MAX_LIMIT:,} memories can be marked at once; give a list of their ids."
            )
        run = f"always-{uuid4()}"
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            self._store.sign(connection, "person", reason, run=run)
            ids = list(dict.fromkeys(each for each in memory_ids if arguments.could_be_id(each)))
            return Change(run, self._store.mark(connection, ids, included))
