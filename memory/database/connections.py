"""Connections to one Postgres server: the engine, its pool, and the line in which threads wait for a connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from psycopg2.extensions import connection as PostgresConnection
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy import exc as sqlalchemy_errors

from ..errors import DatabaseError
from .errors import READ_ONLY, address_of

__all__ = ["POOL_SECONDS", "Connections", "FairSemaphore", "connect"]

# A connection that breaks during a query is noticed within a minute, not only after hours.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
CONNECT_SECONDS = 10
POOL_SECONDS = 15.0  # how long a thread waits for a connection


class FairSemaphore:
    """Permits, given out first come, first served.

    The pool of connections by itself is not fair: a thread that comes just when a connection is returned may take it
    before one that has been waiting, which then goes to the end of the line.
    """

    def __init__(self, permits: int) -> None:
        self._permits = self._free = permits
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def in_use(self) -> int:
        """How many permits are given out."""
        return self._permits - self._free

    @property
    def waiting(self) -> int:
        """How many threads wait for one."""
        return len(self._line)

    def acquire(self, timeout: float) -> bool:
        """Take a permit; return False if none was free for so many seconds."""
        with self._lock:
            if self._free and not self._line:
                self._free -= 1
                return True
            called = threading.Event()
            self._line.append(called)
        if called.wait(timeout):
            return True
        with self._lock:
            if called.is_set():  # at the last moment
                return True
            self._line.remove(called)
            return False

    def release(self) -> None:
        """Give a permit back; it goes to the thread that has waited longest."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1


class Connections:
    """A small pool of connections to one server; threads get them in order."""

    def __init__(
        self, url: str, setting: str, pool_size: int = 2, overflow: int = 3, pool_seconds: float = POOL_SECONDS
    ) -> None:
        self.engine = connect(url, setting, pool_size=pool_size, max_overflow=overflow)
        self.most = pool_size + overflow
        self._line = FairSemaphore(self.most)
        self._pool_seconds = pool_seconds

    @property
    def in_use(self) -> int:
        """How many connections are in use."""
        return self._line.in_use

    @property
    def waiting(self) -> int:
        """How many threads wait for one."""
        return self._line.waiting

    @contextmanager
    def in_line(self) -> Iterator[None]:
        """Wait until it is this thread's turn to have a connection; raise `DatabaseError` if that takes too long."""
        if not self._line.acquire(self._pool_seconds):
            raise DatabaseError("Too many requests at once: all database connections are busy. Try again.")
        try:
            yield
        finally:
            self._line.release()

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run statements as one message and return the rows of the last; replace a stale connection once."""
        for attempt in (1, 2):
            try:
                return self._rows(sql, values)
            except sqlalchemy_errors.DBAPIError as error:
                if attempt == 2 or not error.connection_invalidated:
                    raise
        raise AssertionError("unreachable")

    def begin(self, sql: str, values: Mapping[str, Any]) -> Connection:
        """Return a connection whose transaction begins with this statement; replace a stale one once."""
        for attempt in (1, 2):
            connection = self.engine.connect()
            try:
                connection.exec_driver_sql(sql, values)
            except sqlalchemy_errors.DBAPIError as error:
                connection.close()
                if attempt == 2 or not error.connection_invalidated:
                    raise
            else:
                return connection
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _rows(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self.in_line(), self.engine.connect() as connection:
            raw = cast(PostgresConnection, connection.connection.dbapi_connection)
            # Set on the driver's connection, because SQLAlchemy's isolation level would cost trips.
            raw.autocommit = True
            try:
                result = connection.exec_driver_sql(sql, values)
                names = tuple(result.keys())
                return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
            finally:
                if not connection.invalidated:
                    raw.autocommit = False


def connect(url: str, setting: str = "DATABASE_URL", **pool: Any) -> Engine:
    """Make an engine on psycopg2 for any form of Postgres address; an error names the setting that it comes from."""
    pool = {"pool_size": 2, "max_overflow": 3, **pool}
    engine = create_engine(
        address_of(url, setting),
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "keepsake", **_KEEPALIVE},
        pool_recycle=300,
        pool_timeout=15,
        pool_use_lifo=True,
        # Keeps what people wrote out of the texts of errors, and so out of logs.
        hide_parameters=True,
        # Nothing here is an hstore, and asking for its type costs three trips of each process.
        use_native_hstore=False,
        **pool,
    )
    event.listen(engine, "handle_error", _leave_read_only_server)
    return engine


def _leave_read_only_server(failed: ExceptionContext) -> None:
    """Connect anew after a change was refused as read-only: another server may have taken over at the same address."""
    if getattr(failed.original_exception, "pgcode", None) == READ_ONLY:
        failed.is_disconnect = True
