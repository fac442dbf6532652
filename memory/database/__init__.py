"""Access to Postgres: the engine, and transactions that are bound to a user under row-level security.

    with database.as_user(user_id) as connection: ...      several statements, one transaction
    rows = database.read_as(user_id, sql, parameters)       one statement, one trip
    one, two = database.read_together(user_id, one, two)    several reads, one trip

errors.py turns the driver's errors into `DatabaseError`s. This package knows no table: each table's SQL is in one
module elsewhere, and migrations.py makes the tables from supabase/migrations/.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from psycopg2.extensions import connection as PostgresConnection
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy import exc as sqlalchemy_errors

from ..errors import DatabaseError, InvalidInput
from ..plain_text import storable
from ..rows.acting import space_for
from .batched_reads import Reading, together
from .errors import address_of, explain, explain_migration, translating
from .roles import USERS, WORKER

__all__ = [
    "Database",
    "FairSemaphore",
    "Reading",
    "check_user_id",
    "connect",
    "explain",
    "explain_migration",
    "translating",
]

T = TypeVar("T")
MAX_USER_ID = 255
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
LOCK_SECONDS = 10  # how long a statement waits for a lock, if something else changes the same rows
# The vector type is in the schema `extensions` on Supabase, and in `public` where vecs created it.
SEARCH_PATH = "public, extensions"
BIND = (
    "select set_config('role', %(asking_role)s, true), set_config('request.jwt.claims', %(asking_claims)s, true), "
    f"set_config('search_path', '{SEARCH_PATH}', true), set_config('lock_timeout', '{LOCK_SECONDS}s', true)"
)


NOBODY: Mapping[str, str] = {"asking_role": WORKER, "asking_claims": ""}


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


class Database:
    """A small pool of connections, each of which serves one user at a time; threads get them in order."""

    def __init__(
        self,
        url: str,
        admin_url: str | None = None,
        *,
        pool_size: int = 2,
        overflow: int = 3,
        pool_seconds: float = POOL_SECONDS,
        setting: str = "DATABASE_URL",
    ) -> None:
        self.url = url
        self.admin_url = admin_url or url
        # The settings that the addresses come from, which error sentences name.
        self.setting = setting
        self.admin_setting = "DATABASE_ADMIN_URL" if admin_url else setting
        self.engine = connect(url, setting, pool_size=pool_size, max_overflow=overflow)
        self.most_connections = pool_size + overflow
        self._line = FairSemaphore(self.most_connections)
        self._pool_seconds = pool_seconds
        # The model of this app's vectors, once it is known. It is sent with each statement, so that the database can
        # refuse an app that missed a change of models, without another trip.
        self.embed_model: str | None = None

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many threads wait for one."""
        return self._line.in_use, self._line.waiting

    @contextmanager
    def as_user(self, user_id: str) -> Iterator[Connection]:
        """Begin a transaction that can read and write only this user's rows; it commits at the end."""
        with self._bound_transaction(self._binding(user_id)) as connection:
            yield connection

    @contextmanager
    def as_worker(self) -> Iterator[Connection]:
        """Begin a transaction without a user, which may only claim turns and count until `become` binds it to one."""
        with self._bound_transaction(NOBODY) as connection:
            yield connection

    def become(self, connection: Connection, user_id: str) -> None:
        """Bind a transaction of `as_worker` to one user until it ends."""
        connection.exec_driver_sql(BIND, self._binding(user_id))

    def read_as(self, user_id: str, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one statement as this user and return its rows, in one trip with role and claims.

        Several statements in one message are one implicit transaction, so the binding ends with it.
        Parameters are named as in the driver: `%(name)s`.
        """
        return self._in_one_message(self._binding(user_id), sql, parameters)

    def read(self, user_id: str, reading: Reading[T]) -> T:
        """Run one reading and return its result."""
        return reading.of(self.read_as(user_id, reading.sql, reading.values))

    def read_together(self, user_id: str, *readings: Reading[Any]) -> list[Any]:
        """Run several readings in one trip and return their results in order."""
        sql, values = together(readings)
        [row] = self.read_as(user_id, sql, values)
        return [each.of(row[f"r{number}"]) for number, each in enumerate(readings)]

    def read_as_worker(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one statement without a user, for one of the functions that work across users."""
        return self._in_one_message(NOBODY, sql, parameters)

    def read_as_application(self, application: str, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one statement for an application and none of its users, which sees the list of these and no memory."""
        claims = json.dumps({"role": "authenticated", "application": application})
        return self._in_one_message({"asking_role": USERS, "asking_claims": claims}, sql, parameters)

    def _in_one_message(
        self, binding: Mapping[str, str], sql: str, parameters: Mapping[str, Any] | None
    ) -> list[dict[str, Any]]:
        values = {**(parameters or {}), **binding}
        with translating(self.url, self.setting):
            for attempt in (1, 2):
                try:
                    return self._read(f"{BIND}; {sql}", values)
                except sqlalchemy_errors.OperationalError as error:
                    if attempt == 2 or not error.connection_invalidated:
                        raise
        raise AssertionError("unreachable")

    def ping(self) -> None:
        """Raise a `DatabaseError` unless the database answers, and lets this app become each role that it needs."""
        with translating(self.url, self.setting), self._in_line(), self.engine.connect() as connection:
            for role in (USERS, WORKER):
                connection.execute(text("select set_config('role', :role, true)"), {"role": role})

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _read(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._in_line(), self.engine.connect() as connection:
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

    @contextmanager
    def _bound_transaction(self, binding: Mapping[str, str]) -> Iterator[Connection]:
        with translating(self.url, self.setting), self._in_line(), self._begin(binding) as connection:
            yield connection
            connection.commit()

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        """Wait until it is this thread's turn to have a connection; raise `DatabaseError` if that takes too long."""
        if not self._line.acquire(self._pool_seconds):
            raise DatabaseError("Too many requests at once: all database connections are busy. Try again.")
        try:
            yield
        finally:
            self._line.release()

    def _binding(self, user_id: str) -> dict[str, str]:
        check_user_id(user_id)
        claims = {"sub": user_id, "role": "authenticated"}
        claims |= {"embed_model": self.embed_model} if self.embed_model else {}
        claims |= {"application": space} if (space := space_for(user_id)) else {}
        return {"asking_role": USERS, "asking_claims": json.dumps(claims)}

    def _begin(self, binding: Mapping[str, str]) -> Connection:
        """Return a connection whose transaction is bound; replace a stale one from the pool once."""
        for attempt in (1, 2):
            connection = self.engine.connect()
            try:
                connection.exec_driver_sql(BIND, binding)
            except sqlalchemy_errors.DBAPIError as error:
                connection.close()
                if attempt == 2 or not error.connection_invalidated:
                    raise
            else:
                return connection
        raise AssertionError("unreachable")


def connect(url: str, setting: str = "DATABASE_URL", **pool: Any) -> Engine:
    """Make an engine on psycopg2 for any form of Postgres address; an error names the setting that it comes from."""
    pool = {"pool_size": 2, "max_overflow": 3, **pool}
    return create_engine(
        address_of(url, setting),
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "keepsake", **_KEEPALIVE},
        pool_recycle=300,
        pool_timeout=15,
        pool_use_lifo=True,
        # Keeps what people wrote out of the texts of errors, and so out of logs.
        hide_parameters=True,
        **pool,
    )


def check_user_id(user_id: str) -> None:
    """Raise `InvalidInput` if this cannot be a user's id."""
    if not isinstance(user_id, str) or not user_id.strip():
        raise InvalidInput("A user id is missing: every call needs one.")
    if len(user_id) > MAX_USER_ID or storable(user_id) != user_id:
        raise InvalidInput(f"A user id is text of at most {MAX_USER_ID} characters.")
