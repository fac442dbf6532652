"""Moving every vector to another embedding model, while whoever uses the memories goes on with the old ones.

New vectors are gathered beside the old ones, in batches; one short transaction at the end puts them in place. Ended
at any point, even by a kill, nothing is broken and the next run goes on where this one was. Old vectors in the
history are emptied, and an undo embeds anew. It runs as the administrator, for all users, and shows nobody a row.
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
FEW = 100  # so many may still be embedded while everybody waits
MAX_SWAPS = 20
LOCK = 0x52454D42  # held by the one who moves, for as long as the connection lives
LOCK_SECONDS = 5  # how long the app may have to wait behind us for a table
AS_ADMIN = f"DATABASE_ADMIN_URL=postgresql://… {COMMAND} reembed"
Told = Callable[[int], object]


@dataclass(frozen=True)
class Moved:
    """What was done."""

    from_model: str
    to_model: str
    rows: int


def reembed(database: Database, embedder: Embedder, telling: Callable[[int], Told] | None = None) -> Moved:
    """Move all rows to this embedder; `telling` is given their number, and hears of each batch."""
    made = made_for(database)
    if made is None:
        raise MigrationNeeded("There are no vectors yet: the first start makes the tables for the configured model.")
    engine = connect(database.admin_url, pool_size=2, max_overflow=0)
    try:
        with translating(database.admin_url), _alone(engine):
            return _Move(engine, embedder, made[1]).run(telling)
    finally:
        engine.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nobody else moves vectors meanwhile. The lock is the connection's: it ends with us, however we end."""
    with engine.connect() as connection:
        if not connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
            raise DatabaseError("Somebody is moving the vectors already: wait until that is done.")
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})


class _Move:
    """One run."""

    def __init__(self, engine: Engine, embedder: Embedder, from_model: str) -> None:
        self._engine = engine
        self._embedder = embedder
        self._from = from_model
        self._rows = 0
        self._told: Told = lambda _: None

    def run(self, telling: Callable[[int], Told] | None = None) -> Moved:
        """Gather, empty the history, and swap; there is nothing to do where this model is in place."""
        if self._from == self._embedder.name:
            with self._transaction(LOCK_SECONDS) as connection:
                connection.execute(text("select app.give_up_reembedding()"))
            return Moved(self._from, self._from, 0)
        missing = self._begin()
        if telling:
            self._told = telling(missing)
        while self._gather() > FEW:
            pass
        emptied = self._empty_history()
        for _ in range(MAX_SWAPS):
            if self._swap(emptied):
                return Moved(self._from, self._embedder.name, self._rows)
            self._gather()
        raise DatabaseError("The tables were too busy to finish. Nothing is lost: run it again at a quieter time.")

    def _begin(self) -> int:
        target = {"dimension": self._embedder.dimensions, "model": self._embedder.name}
        with self._transaction(LOCK_SECONDS) as connection:
            return connection.scalar(text("select app.begin_reembedding(:dimension, :model)"), target) or 0

    def _gather(self) -> int:
        """Embed what has no new vector, once through all tables; how many have one now."""
        with self._transaction() as connection:
            tables = list(connection.scalars(text("select app.tables_with_vectors()")))
        return sum(self._gather_table(table) for table in tables)

    def _gather_table(self, table: str) -> int:
        after, kept = "", 0
        while True:
            with self._transaction() as connection:
                rows = _without(connection, table, after, BATCH)
            if not rows:
                return kept
            vectors = self._embed(rows)
            with self._transaction() as connection:
                kept += self._keep(connection, table, rows, vectors)
            after = rows[-1][0]

    def _embed(self, rows: Sequence[tuple[str, str]]) -> list[list[float]]:
        return self._embedder.embed([said for _, said in rows])

    def _keep(
        self, connection: Connection, table: str, rows: Sequence[tuple[str, str]], vectors: Sequence[Sequence[float]]
    ) -> int:
        values = {
            "table": table,
            "ids": [row_id for row_id, _ in rows],
            "texts": [said for _, said in rows],
            "vectors": [vector_text(vector) for vector in vectors],
        }
        kept = connection.scalar(text(_KEEP), values) or 0
        self._rows += kept
        self._told(kept)
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
        """Put the new vectors in place while nobody else reads or writes; False if that cannot be done quickly."""
        try:
            with self._transaction(LOCK_SECONDS) as connection:
                connection.execute(text("select app.lock_vectors()"))
                for table in list(connection.scalars(text("select app.tables_with_vectors()"))):
                    rows = _without(connection, table, "", FEW + 1)
                    if len(rows) > FEW:
                        return False
                    if rows:
                        self._keep(connection, table, rows, self._embed(rows))
                connection.execute(text("select app.swap_vectors(:emptied)"), {"emptied": emptied})
        except sqlalchemy_errors.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in ("55P03", "40P01"):  # no lock in time, or a deadlock
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
                    f"This role may not change the tables. Run it as one that may: {AS_ADMIN}"
                ) from error
            raise


_KEEP = "select app.keep_next_vectors(:table, cast(:ids as text[]), cast(:texts as text[]), cast(:vectors as text[]))"


def _without(connection: Connection, table: str, after: str, wanted: int) -> list[tuple[str, str]]:
    """Rows that have no new vector, with what is to be embedded."""
    rows = connection.execute(
        text("select id, said from app.without_next_vector(:table, :after, :wanted)"),
        {"table": table, "after": after, "wanted": wanted},
    )
    return [(row.id, row.said) for row in rows]
