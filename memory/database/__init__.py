"""The one way to Postgres: our engine, and transactions that are bound to a user under row-level security.

    with database.as_user(user_id) as connection: ...      several statements, one transaction
    rows = database.read_as(user_id, sql, parameters)       one statement, one round trip
    one, two = database.read_together(user_id, one, two)    several readings, one round trip

Vendor errors become `errors.DatabaseError`s in edge.py. It knows no table: SQL lives with the store that owns
it, and in supabase/migrations/, which migrations.py applies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from psycopg2.extensions import connection as PostgresConnection
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy import exc as sqlalchemy_errors

from ..errors import InvalidInput
from ..plain_text import storable
from .batched_reads import Reading, together
from .errors import address_of, explain, translating

__all__ = ["Database", "Reading", "check_user_id", "connect", "explain", "translating"]

T = TypeVar("T")
MAX_USER_ID = 255
# A link that dies in the middle of a query is noticed within a minute, not within hours.
_NOTICE_SILENCE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
CONNECT_SECONDS = 10
# The schema that holds the vector type differs: `extensions` on Supabase, `public` where vecs made it.
SEARCH_PATH = "public, extensions"
BIND = (
    "select set_config('role', %(asking_role)s, true), set_config('request.jwt.claims', %(asking_claims)s, true), "
    f"set_config('search_path', '{SEARCH_PATH}', true)"
)


NOBODY: Mapping[str, str] = {"asking_role": "keepsake_worker", "asking_claims": ""}


class Database:
    """A small pool of connections, each of which works for one user at a time."""

    def __init__(self, url: str, admin_url: str | None = None, *, pool_size: int = 2, overflow: int = 3) -> None:
        self.url = url
        self.admin_url = admin_url or url
        self.engine = connect(url, pool_size=pool_size, max_overflow=overflow)
        # Which model this app's vectors come from, once it is known: said with each statement, so that an app that
        # missed a change of models is told, at the cost of no trip.
        self.embed_model: str | None = None

    @contextmanager
    def as_user(self, user_id: str) -> Iterator[Connection]:
        """A transaction that can see and touch this user's rows only; commits at the end."""
        with self._bound(self._binding(user_id)) as connection:
            yield connection

    @contextmanager
    def as_worker(self) -> Iterator[Connection]:
        """A transaction that is nobody's: it may claim a turn and count, no more, until `become` binds it to a user."""
        with self._bound(NOBODY) as connection:
            yield connection

    def become(self, connection: Connection, user_id: str) -> None:
        """Bind a transaction of `as_worker` to one user for the rest of its life."""
        connection.exec_driver_sql(BIND, self._binding(user_id))

    def read_as(self, user_id: str, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one statement as this user and read what it gives: role, claims and statement travel in one message.

        Several statements in one message are one implicit transaction, so the binding ends with it.
        Parameters are named in the driver's way: `%(name)s`.
        """
        return self._in_one_message(self._binding(user_id), sql, parameters)

    def read(self, user_id: str, reading: Reading[T]) -> T:
        """What one reading gives."""
        return reading.of(self.read_as(user_id, reading.sql, reading.values))

    def read_together(self, user_id: str, *readings: Reading[Any]) -> list[Any]:
        """What each of several readings gives, in their order, in one round trip."""
        sql, values = together(readings)
        [row] = self.read_as(user_id, sql, values)
        return [each.of(row[f"r{number}"]) for number, each in enumerate(readings)]

    def read_as_worker(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same as nobody, for one of the functions that look across users."""
        return self._in_one_message(NOBODY, sql, parameters)

    def _in_one_message(
        self, binding: Mapping[str, str], sql: str, parameters: Mapping[str, Any] | None
    ) -> list[dict[str, Any]]:
        values = {**(parameters or {}), **binding}
        with translating(self.url):
            for attempt in (1, 2):
                try:
                    return self._read(f"{BIND}; {sql}", values)
                except sqlalchemy_errors.OperationalError as error:
                    if attempt == 2 or not error.connection_invalidated:
                        raise
        raise AssertionError("unreachable")

    def ping(self) -> None:
        """Raise a `DatabaseError` unless the database answers."""
        with translating(self.url), self.engine.connect() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _read(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            raw = cast(PostgresConnection, connection.connection.dbapi_connection)
            # Set on the driver's connection: SQLAlchemy's own isolation level would cost round trips.
            raw.autocommit = True
            try:
                result = connection.exec_driver_sql(sql, values)
                names = tuple(result.keys())
                return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
            finally:
                if not connection.invalidated:
                    raw.autocommit = False

    @contextmanager
    def _bound(self, binding: Mapping[str, str]) -> Iterator[Connection]:
        with translating(self.url), self._begin(binding) as connection:
            yield connection
            connection.commit()

    def _binding(self, user_id: str) -> dict[str, str]:
        check_user_id(user_id)
        claims = {"sub": user_id, "role": "authenticated"}
        claims |= {"embed_model": self.embed_model} if self.embed_model else {}
        return {"asking_role": "authenticated", "asking_claims": json.dumps(claims)}

    def _begin(self, binding: Mapping[str, str]) -> Connection:
        """A connection whose transaction has begun and is bound; a stale pooled one is replaced once."""
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


def connect(url: str, **pool: Any) -> Engine:
    """An engine on psycopg2, whatever flavour of Postgres address was given."""
    pool = {"pool_size": 2, "max_overflow": 3, **pool}
    return create_engine(
        address_of(url),
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "keepsake", **_NOTICE_SILENCE},
        pool_recycle=300,
        pool_timeout=15,
        pool_use_lifo=True,
        # What people wrote does not belong into an error's text, and from there into a log.
        hide_parameters=True,
        **pool,
    )


def check_user_id(user_id: str) -> None:
    """Raise `InvalidInput` for what cannot be somebody's id."""
    if not isinstance(user_id, str) or not user_id.strip():
        raise InvalidInput("A user id is missing: every call says whose data it means.")
    if len(user_id) > MAX_USER_ID or storable(user_id) != user_id:
        raise InvalidInput(f"A user id is text of at most {MAX_USER_ID} characters.")
