"""Re-embedding: replaces every vector by one of another embedding model while the app goes on with the old ones.

New vectors are collected beside the old ones in batches; one short transaction at the end swaps them. A run that was
interrupted, even by a kill, breaks nothing, and the next run continues it. Old vectors in the history are emptied; an
undo embeds again. It runs as the administrator for all users, and shows no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy import exc as sqlalchemy_errors

from ..database import SEARCH_PATH, Database, connect, translating
from ..embed import Embedder
from ..errors import COMMAND, DatabaseError, MigrationNeeded
from ..migrations import made_for
from ..rows.vectors import vector_text

__all__ = ["Moved", "reembed"]

BATCH = 200
HISTORY_BATCH = 2_000
FEW = 100  # rows that may still be embedded while the tables are locked
MAX_SWAPS = 20
LOCK = 0x52454D42  # an advisory lock, held by the process that re-embeds
LOCK_SECONDS = 5  # how long to wait for a table lock; the app waits behind it
AS_ADMIN = f"DATABASE_ADMIN_URL=postgresql://… {COMMAND} reembed"
OnBatch = Callable[[int], object]


@dataclass(frozen=True)
class Moved:
    """The result of re-embedding."""

    from_model: str
    to_model: str
    rows: int


def reembed(database: Database, embedder: Embedder, on_start: Callable[[int], OnBatch] | None = None) -> Moved:
    """Move all rows to this embedder. `on_start` gets their number and returns a function to call after each batch."""
    present = made_for(database)
    if present is None:
        raise MigrationNeeded("There are no vectors yet: the first start creates the tables for the configured model.")
    engine = connect(database.admin_url, database.admin_setting, pool_size=2, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), _only_process(engine):
            return _Move(engine, embedder, present[1]).run(on_start)
    finally:
        engine.dispose()


@contextmanager
def _only_process(engine: Engine) -> Iterator[None]:
    """Hold the lock that lets one process re-embed at a time; it ends with the connection, even after a kill.

    The lock belongs to a transaction that stays open: a pooler in transaction mode (Supabase's port 6543) would give
    the connection, with a lock of its session, to somebody else. The transaction holds no row and no snapshot.
    """
    with engine.connect() as connection:
        connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
        if not connection.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}):
            raise DatabaseError("Another process is already re-embedding: wait until it is done.")
        yield


class _Move:
    """One run of re-embedding."""

    def __init__(self, engine: Engine, embedder: Embedder, from_model: str) -> None:
        self._engine = engine
        self._embedder = embedder
        self._from = from_model
        self._rows = 0
        self._on_batch: OnBatch = lambda _: None

    def run(self, on_start: Callable[[int], OnBatch] | None = None) -> Moved:
        """Collect the new vectors, empty the history, and swap; do nothing if this model is already in use."""
        if self._from == self._embedder.name:
            with self._transaction(LOCK_SECONDS) as connection:
                connection.execute(text("select app.give_up_reembedding()"))
            return Moved(self._from, self._from, 0)
        missing = self._begin()
        if on_start:
            self._on_batch = on_start(missing)
        while self._collect() > FEW:
            pass
        emptied = self._empty_history()
        for _ in range(MAX_SWAPS):
            if self._swap(emptied):
                return Moved(self._from, self._embedder.name, self._rows)
            self._collect()
        raise DatabaseError("The tables were too busy to finish. Nothing is lost: run it again at a quieter time.")

    def _begin(self) -> int:
        target = {"dimension": self._embedder.dimensions, "model": self._embedder.name}
        with self._transaction(LOCK_SECONDS) as connection:
            return connection.scalar(text("select app.begin_reembedding(:dimension, :model)"), target) or 0

    def _collect(self) -> int:
        """Embed the rows without a new vector, once through all tables; return how many got one."""
        with self._transaction() as connection:
            tables = list(connection.scalars(text("select app.tables_with_vectors()")))
        return sum(self._collect_table(table) for table in tables)

    def _collect_table(self, table: str) -> int:
        after, kept = "", 0
        while True:
            with self._transaction() as connection:
                rows = _rows_to_embed(connection, table, after, BATCH)
            if not rows:
                return kept
            vectors = self._embed(rows)
            with self._transaction() as connection:
                kept += self._store_vectors(connection, table, rows, vectors)
            after = rows[-1][0]

    def _embed(self, rows: Sequence[tuple[str, str]]) -> list[list[float]]:
        return self._embedder.embed([said for _, said in rows])

    def _store_vectors(
        self, connection: Connection, table: str, rows: Sequence[tuple[str, str]], vectors: Sequence[Sequence[float]]
    ) -> int:
        values = {
            "table": table,
            "ids": [row_id for row_id, _ in rows],
            "texts": [said for _, said in rows],
            "vectors": [vector_text(vector) for vector in vectors],
        }
        kept = connection.scalar(text(_STORE_VECTORS), values) or 0
        self._rows += kept
        self._on_batch(kept)
        return kept

    def _empty_history(self) -> int:
        last = 0
        while True:
            with self._transaction() as connection:
                values = {"last": last, "wanted": HISTORY_BATCH}
                up_to = connection.scalar(text("select app.empty_history_vectors(:last, :wanted)"), values)
            if up_to is None:
                return last
            last = up_to

    def _swap(self, emptied: int) -> bool:
        """Swap the vectors while nobody else reads or writes; return False if that cannot be done quickly."""
        try:
            with self._transaction(LOCK_SECONDS) as connection:
                connection.execute(text("select app.lock_vectors()"))
                for table in list(connection.scalars(text("select app.tables_with_vectors()"))):
                    rows = _rows_to_embed(connection, table, "", FEW + 1)
                    if len(rows) > FEW:
                        return False
                    if rows:
                        self._store_vectors(connection, table, rows, self._embed(rows))
                connection.execute(text("select app.swap_vectors(:emptied)"), {"emptied": emptied})
        except sqlalchemy_errors.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in ("55P03", "40P01"):  # lock timeout or deadlock
                raise
            return False
        return True

    @contextmanager
    def _transaction(self, lock_seconds: int = 0) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    text("select set_config('search_path', :path, true), set_config('lock_timeout', :wait, true)"),
                    {"path": SEARCH_PATH, "wait": f"{lock_seconds}s"},
                )
                yield connection
        except sqlalchemy_errors.ProgrammingError as error:
            if getattr(error.orig, "pgcode", None) == "42501":  # insufficient privilege
                raise MigrationNeeded(
                    f"This role may not change the tables. Run it as the administrator: {AS_ADMIN}"
                ) from error
            raise


_STORE_VECTORS = (
    "select app.keep_next_vectors(:table, cast(:ids as text[]), cast(:texts as text[]), cast(:vectors as text[]))"
)


def _rows_to_embed(connection: Connection, table: str, after: str, wanted: int) -> list[tuple[str, str]]:
    """Return rows that have no new vector, with the text to embed."""
    rows = connection.execute(
        text("select id, said from app.without_next_vector(:table, :after, :wanted)"),
        {"table": table, "after": after, "wanted": wanted},
    )
    return [(row.id, row.said) for row in rows]
