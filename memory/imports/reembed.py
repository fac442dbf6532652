"""Re-embedding: replaces every vector by one of another embedding model while the app goes on with the old ones.

New vectors are collected beside the old ones in batches; one short transaction at the end swaps them. A run that was
interrupted, even by a kill, breaks nothing, and the next run continues it. Old vectors in the history are emptied; an
undo embeds again. Long messages that an earlier version kept in one row are cut into passages in short transactions:
before the new vectors are collected, so that nothing is embedded twice, or by themselves where the model stays. It runs
as the administrator for all users, and shows no rows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text
from sqlalchemy import exc as sqlalchemy_errors

from ..database import SEARCH_PATH, Database, connect, translating
from ..embed import Embedder
from ..errors import COMMAND, DatabaseError, MigrationNeeded
from ..learn.episodes import (
    cut_next,
    long_messages,
    next_to_cut,
    said_in,
    set_vectors,
    with_vectors_of_their_messages,
)
from ..migrations import made_for
from ..rows.vectors import vector_text

__all__ = ["Moved", "Work", "reembed"]

BATCH = 200
HISTORY_BATCH = 2_000
FEW = 100  # rows that may still be embedded while the tables are locked
MAX_SWAPS = 20
MAX_ROUNDS = 20  # through the chats that somebody else was writing to
LOCK = 0x52454D42  # an advisory lock, held by the process that re-embeds
LOCK_SECONDS = 5  # how long to wait for a table lock; the app waits behind it
AS_ADMIN = f"DATABASE_ADMIN_URL=postgresql://… {COMMAND} reembed"
PAUSE = 0.5  # seconds before the next round
BUSY = "The tables were too busy to finish. Nothing is lost: run it again at a quieter time."
OnBatch = Callable[[int], object]
Chat = tuple[str, str]  # a user and a run


@dataclass(frozen=True)
class Work:
    """What is about to be done. `seconds` is measured with the first batch."""

    texts: int  # to be embedded
    seconds: float
    messages: int = 0  # that are cut


OnStart = Callable[[Work], OnBatch]


@dataclass(frozen=True)
class Moved:
    """The result of re-embedding."""

    from_model: str
    to_model: str
    rows: int
    cut: int = 0  # long messages


def reembed(database: Database, embedder: Embedder, on_start: OnStart | None = None) -> Moved:
    """Move all rows to this embedder, and cut long messages into passages.

    `on_start` is told of the work once the first batch is embedded, and returns a function to call with the number of
    texts of each batch.
    """
    present = made_for(database)
    if present is None:
        raise MigrationNeeded("There are no vectors yet: the first start creates the tables for the configured model.")
    engine = connect(database.admin_url, database.admin_setting, pool_size=2, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), _only_process(engine):
            moved = _Move(engine, embedder, present[1], on_start).run()
            # Without a move this cuts everything; after one, what an app of an earlier version wrote meanwhile.
            return replace(moved, cut=moved.cut + _Cut(engine, embedder, on_start).run())
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


class _Measured:
    """Embeds texts, and tells how long all of them will take once it has embedded the first ones."""

    def __init__(self, embedder: Embedder, on_start: OnStart | None) -> None:
        self._embedder = embedder
        self._on_start = on_start
        self._on_batch: OnBatch = lambda _: None
        self.work = Work(0, 0)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        began = time.monotonic()
        vectors = self._embedder.embed(texts)
        if self._on_start and texts:
            seconds = (time.monotonic() - began) / len(texts) * self.work.texts
            self._on_batch = self._on_start(replace(self.work, seconds=seconds))
            self._on_start = None
        return vectors

    def done(self, texts: int) -> None:
        """Report that this many texts are dealt with."""
        self._on_batch(texts)


class _Move:
    """One run of re-embedding."""

    def __init__(self, engine: Engine, embedder: Embedder, from_model: str, on_start: OnStart | None) -> None:
        self._engine = engine
        self._embedder = embedder
        self._measured = _Measured(embedder, on_start)
        self._from = from_model
        self._rows = 0

    def run(self) -> Moved:
        """Collect the new vectors, empty the history, and swap; do nothing if this model is already in use."""
        if self._from == self._embedder.name:
            self._give_up()
            return Moved(self._from, self._from, 0)
        self._begin()
        cut = _Cut(self._engine, None, None).run()
        self._measured.work = Work(self._begin(), 0)
        while self._collect() > FEW:
            pass
        emptied = self._empty_history()
        for _ in range(MAX_SWAPS):
            if self._swap(emptied):
                return Moved(self._from, self._embedder.name, self._rows, cut)
            self._collect()
        raise DatabaseError(BUSY)

    def _give_up(self) -> None:
        """Drop the new vectors of a move that was begun, and embed what it cut."""
        with _transaction(self._engine, LOCK_SECONDS) as connection:
            begun = connection.scalar(text("select app.has_next_vectors('episodes')"))
            ids = with_vectors_of_their_messages(connection) if begun else []
        self._measured.work = Work(len(ids), 0)
        for start in range(0, len(ids), BATCH):
            with _transaction(self._engine) as connection:
                said = said_in(connection, ids[start : start + BATCH])
            vectors = self._measured.embed(list(said.values()))
            with _transaction(self._engine, LOCK_SECONDS) as connection:
                set_vectors(connection, dict(zip(said, vectors, strict=True)))
            self._measured.done(len(said))
        with _transaction(self._engine, LOCK_SECONDS) as connection:
            connection.execute(text("select app.give_up_reembedding()"))

    def _begin(self) -> int:
        target = {"dimension": self._embedder.dimensions, "model": self._embedder.name}
        with _transaction(self._engine, LOCK_SECONDS) as connection:
            return connection.scalar(text("select app.begin_reembedding(:dimension, :model)"), target) or 0

    def _collect(self) -> int:
        """Embed the rows without a new vector, once through all tables; return how many got one."""
        with _transaction(self._engine) as connection:
            tables = list(connection.scalars(text("select app.tables_with_vectors()")))
        return sum(self._collect_table(table) for table in tables)

    def _collect_table(self, table: str) -> int:
        after, kept = "", 0
        while True:
            with _transaction(self._engine) as connection:
                rows = _rows_to_embed(connection, table, after, BATCH)
            if not rows:
                return kept
            vectors = self._embed(rows)
            with _transaction(self._engine) as connection:
                kept += self._store_vectors(connection, table, rows, vectors)
            after = rows[-1][0]

    def _embed(self, rows: Sequence[tuple[str, str]]) -> list[list[float]]:
        return self._measured.embed([said for _, said in rows])

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
        self._measured.done(kept)
        return kept

    def _empty_history(self) -> int:
        last = 0
        while True:
            with _transaction(self._engine) as connection:
                values = {"last": last, "wanted": HISTORY_BATCH}
                up_to = connection.scalar(text("select app.empty_history_vectors(:last, :wanted)"), values)
            if up_to is None:
                return last
            last = up_to

    def _swap(self, emptied: int) -> bool:
        """Swap the vectors while nobody else reads or writes; return False if that cannot be done quickly."""
        try:
            with _transaction(self._engine, LOCK_SECONDS) as connection:
                connection.execute(text("select app.lock_vectors()"))
                for table in list(connection.scalars(text("select app.tables_with_vectors()"))):
                    rows = _rows_to_embed(connection, table, "", FEW + 1)
                    if len(rows) > FEW:
                        return False
                    if rows:
                        self._store_vectors(connection, table, rows, self._embed(rows))
                connection.execute(text("select app.swap_vectors(:emptied)"), {"emptied": emptied})
        except sqlalchemy_errors.OperationalError as error:
            if not _was_locked(error):
                raise
            return False
        return True


class _Cut:
    """Cuts the long messages that an earlier version kept in one row into passages.

    A chat of many messages is cut in several transactions; between them every message is whole. The passages are
    embedded outside of any transaction; without an embedder they take over the vector of their message. If somebody
    writes to the chat meanwhile, it is done again later.
    """

    def __init__(self, engine: Engine, embedder: Embedder | None, on_start: OnStart | None) -> None:
        self._engine = engine
        self._measured = _Measured(embedder, on_start) if embedder else None
        self._vectors: dict[str, list[float]] = {}  # of texts that could not be written yet
        self._cut = 0

    def run(self) -> int:
        """Cut all long messages; return how many."""
        messages: Counter[Chat] = Counter()
        texts = 0
        with _transaction(self._engine) as connection:
            _check_sees_all(connection)
            for each in long_messages(connection):
                messages[each.user_id, each.run_id] += 1
                texts += len(each.texts)
        if self._measured:
            self._measured.work = Work(texts, 0, messages.total())
        waiting = sorted(messages)
        for _ in range(MAX_ROUNDS):
            waiting = [chat for chat in waiting if not self._cut_chat(chat)]
            if not waiting:
                return self._cut
            time.sleep(PAUSE)
        raise DatabaseError(BUSY)

    def _cut_chat(self, chat: Chat) -> bool:
        """Cut the long messages of a chat; return False if somebody else was writing to it."""
        while True:
            with _transaction(self._engine) as connection:
                rows = next_to_cut(connection, chat)
            if not rows:
                return True
            texts = [each for several in rows.values() for each in several]
            self._embed(texts)
            try:
                with _transaction(self._engine, LOCK_SECONDS) as connection:
                    cut = cut_next(connection, chat, self._vectors if self._measured else None)
            except sqlalchemy_errors.OperationalError as error:
                if not _was_locked(error):
                    raise
                return False
            if cut is None:
                return False
            self._cut += cut
            self._vectors = {said: vector for said, vector in self._vectors.items() if said not in texts}

    def _embed(self, texts: Sequence[str]) -> None:
        measured = self._measured
        if measured is None:
            return
        missing = [each for each in texts if each not in self._vectors]
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            self._vectors |= zip(batch, measured.embed(batch), strict=True)
            measured.done(len(batch))


def _check_sees_all(connection: Connection) -> None:
    """Raise `MigrationNeeded` if policies bind this role: it would find nothing to do."""
    asked = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
    if not connection.scalar(text(asked)):
        raise _not_allowed()


@contextmanager
def _transaction(engine: Engine, lock_seconds: int = 0) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            connection.execute(
                text("select set_config('search_path', :path, true), set_config('lock_timeout', :wait, true)"),
                {"path": SEARCH_PATH, "wait": f"{lock_seconds}s"},
            )
            yield connection
    except sqlalchemy_errors.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) == "42501":  # insufficient privilege
            raise _not_allowed() from error
        raise


def _not_allowed() -> MigrationNeeded:
    return MigrationNeeded(f"This role may not change the tables. Run it as the administrator: {AS_ADMIN}")


def _was_locked(error: sqlalchemy_errors.OperationalError) -> bool:
    return getattr(error.orig, "pgcode", None) in ("55P03", "40P01")  # lock timeout or deadlock


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
