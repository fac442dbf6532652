"""The outbox of the index: which memories changed since the index was told of them (`app.index_outbox`).

Triggers fill it in the transaction of each change, while an index is attached (`app.index_attached`). A row says that
a memory changed, and not how: one that is there is put, one that is gone is removed. Whoever sends claims rows of one
user with a token; a claim that ended while it was used is put into the outbox again. Attaching needs the administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from ..database import SEARCH_PATH, Database, connect, translating
from ..errors import COMMAND, MigrationNeeded
from ..rows.store import Store, everybodys_ids
from .protocol import user_key

__all__ = [
    "AttachedIndex",
    "Changed",
    "IndexState",
    "Sending",
    "attach",
    "attached",
    "compared",
    "detach",
    "fed_index",
]

ROWS_PER_CLAIM = 100
IndexState = Literal["failed", "works", "emptied", "filled", "waits"]


@dataclass(frozen=True)
class Changed:
    """Some changed memories of one user: the vectors of those that are there, and the ids of those that are gone."""

    user_id: str
    token: str
    seqs: Mapping[str, int]  # by id
    vectors: Mapping[str, Sequence[float]]

    @property
    def gone(self) -> list[str]:
        """The ids of those that are to be removed."""
        return [each for each in self.seqs if each not in self.vectors]


@dataclass(frozen=True)
class AttachedIndex:
    """Which index the database feeds, and how that goes."""

    name: str
    emptied: bool
    filling: bool
    waits: int
    after: datetime
    problem: str | None
    waiting: int


class Sending:
    """Claims changed memories, and notes what became of them."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def claim(self, name: str) -> Changed | None:
        """Claim some changed memories of anybody for this index; None if none waits, or the index rests."""
        with self._database.as_worker() as connection:
            row = connection.execute(_CLAIM, {"name": name, "most": ROWS_PER_CLAIM}).first()
            if row is None:
                return None
            self._database.become(connection, row.owner)
            vectors = self._store.vectors_of(connection, row.ids)
            return Changed(row.owner, row.token, dict(zip(row.ids, row.seqs, strict=True)), vectors)

    def finish(self, changed: Changed) -> None:
        """Note that the index knows these now; what was claimed by somebody else meanwhile is sent again."""
        values = {"ids": list(changed.seqs), "seqs": list(changed.seqs.values()), "token": changed.token}
        with self._database.as_user(changed.user_id) as connection:
            noted = set(connection.scalars(_FINISH, values))
            connection.execute(_DROP, {"ids": changed.gone})
        if lost := sorted(changed.seqs.keys() - noted):
            with self._database.as_user(changed.user_id) as connection:
                connection.execute(_NOTE_AGAIN, {"ids": lost})

    def release(self, changed: Changed, *, tried: bool) -> None:
        """End a claim; if it counts as `tried`, the memories rest, for longer each time."""
        with self._database.as_user(changed.user_id) as connection:
            connection.execute(_REST if tried else _HAND_BACK, {"token": changed.token})

    def note(self, name: str, state: IndexState, problem: str | None = None) -> bool:
        """Note how it is with an index; return whether the caller is to empty it."""
        values = {"name": name, "state": state, "problem": problem}
        [row] = self._database.read_as_worker(_NOTE, values)
        return bool(row["answer"])


def attach(database: Database, name: str) -> int:
    """Attach an index, which is to be emptied and fed with everything; return how many memories that are.

    If this was begun before, and something still waits, it goes on.
    """
    known = attached(database)
    if known is not None and known.name == name and known.filling and known.waiting:
        return known.waiting
    with _administering(database) as connection:
        return int(connection.scalar(text("select app.attach_index(:name)"), {"name": name}) or 0)


def detach(database: Database) -> None:
    """Take the index away: changes are noted no more, and what waits is forgotten."""
    with _administering(database) as connection:
        connection.execute(text("select app.detach_index()"))


def attached(database: Database) -> AttachedIndex | None:
    """Return the index that is attached."""
    with _administering(database) as connection:
        row = connection.execute(_ATTACHED).mappings().first()
    return AttachedIndex(**row) if row else None


def fed_index(database: Database) -> str | None:
    """Return the name of the index that is attached, which the app's own role may read."""
    with database.as_user(str(uuid4())) as connection:  # nobody: the name is no person's
        name: str | None = connection.scalar(text("select name from app.index_attached"))
    return name


def compared(database: Database, kept: Iterable[tuple[str, str]]) -> tuple[int, int, int]:
    """Compare what an index keeps with what there is: how many agree, are missing there, and are too many there.

    What waits in the outbox counts as neither missing nor too many.
    """
    found = set(kept)
    with _administering(database) as connection:
        known = {(user_key(owner), each) for owner, each in everybodys_ids(connection)}
        waiting = {(user_key(row.owner), row.id) for row in connection.execute(_WAITING_ROWS)}
    return len(known & found), len(known - found - waiting), len(found - known - waiting)


@contextmanager
def _administering(database: Database) -> Iterator[Connection]:
    admin = connect(database.admin_url, database.admin_setting, pool_size=1, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), _told_who_may(), admin.begin() as connection:
            connection.execute(text("select set_config('search_path', :path, true)"), {"path": SEARCH_PATH})
            yield connection
    finally:
        admin.dispose()


@contextmanager
def _told_who_may() -> Iterator[None]:
    try:
        yield
    except sqlalchemy_errors.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != "42501":  # insufficient privilege
            raise
        raise MigrationNeeded(
            "This role may not attach an index. As the administrator: "
            f"DATABASE_ADMIN_URL=postgresql://… {COMMAND} index --rebuild"
        ) from error


_CLAIM = text("select owner, ids, seqs, token::text from app.claim_index(:name, :most)")
_NOTE = "select app.note_index(%(name)s, %(state)s, %(problem)s) as answer"
# Rows that somebody is changing are left out: they are sent again anyway.
_FINISH = text(
    "update app.index_outbox o set fed_at = case when o.seq = sent.seq then clock_timestamp() end,"
    " after = clock_timestamp(), attempts = 0, token = null, claimed_until = null"
    " from unnest(cast(:ids as text[]), cast(:seqs as bigint[])) sent (id, seq)"
    " where o.owner = app.asking() and o.id = sent.id and o.id in ("
    "   select held.id from app.index_outbox held where held.owner = app.asking()"
    "   and held.token = cast(:token as uuid) order by held.id for update skip locked)"
    " returning o.id"
)
_DROP = text(
    "delete from app.index_outbox where owner = app.asking() and id = any(cast(:ids as text[])) and fed_at is not null"
)
_NOTE_AGAIN = text(
    "insert into app.index_outbox (owner, id) select app.asking(), id from unnest(cast(:ids as text[])) lost (id)"
    " order by id on conflict (owner, id) do update"
    " set seq = nextval('app.index_seq'), fed_at = null, attempts = 0, after = now()"
)
_REST = text(
    "update app.index_outbox set token = null, claimed_until = null"
    " where owner = app.asking() and token = cast(:token as uuid)"
)
_HAND_BACK = text(
    "update app.index_outbox set token = null, claimed_until = null, attempts = greatest(0, attempts - 1),"
    " after = clock_timestamp() where owner = app.asking() and token = cast(:token as uuid)"
)
_ATTACHED = text(
    "select name, emptied, filling, waits, after, problem,"
    " (select count(*) from app.index_outbox where fed_at is null) as waiting from app.index_attached"
)
_WAITING_ROWS = text("select owner, id from app.index_outbox where fed_at is null")
