"""Access to Postgres: transactions and reads that are bound to a user under row-level security.

    with database.as_user(user_id) as connection: ...      several statements, one transaction
    rows = database.read_as(user_id, sql, parameters)       one statement, one trip
    one, two = database.read_together(user_id, one, two)    several reads, one trip

What is described as a `Reading` may be answered by a replica (replica.py). errors.py turns the driver's errors into
`DatabaseError`s. This package knows no table: each table's SQL is in one module elsewhere, and migrations.py makes the
tables from supabase/migrations/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, text

from ..errors import InvalidInput
from ..plain_text import storable
from ..rows.acting import space_for
from ..telemetry.figures import READS
from .batched_reads import Reading, together
from .connections import POOL_SECONDS, Connections, FairSemaphore, connect
from .errors import explain, explain_migration, translating
from .replica import POSITION, Replica
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
LOCK_SECONDS = 10  # how long a statement waits for a lock, if something else changes the same rows
# The vector type is in the schema `extensions` on Supabase, and in `public` where vecs created it.
SEARCH_PATH = "public, extensions"
BIND = (
    "select set_config('role', %(asking_role)s, true), set_config('request.jwt.claims', %(asking_claims)s, true), "
    f"set_config('search_path', '{SEARCH_PATH}', true), set_config('lock_timeout', '{LOCK_SECONDS}s', true)"
)


NOBODY: Mapping[str, str] = {"asking_role": WORKER, "asking_claims": ""}


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
        read_url: str | None = None,
    ) -> None:
        self.url = url
        self.admin_url = admin_url or url
        # The settings that the addresses come from, which error sentences name.
        self.setting = setting
        self.admin_setting = "DATABASE_ADMIN_URL" if admin_url else setting
        self._connections = Connections(url, setting, pool_size, overflow, pool_seconds)
        self._replica = Replica(read_url, pool_size, overflow, pool_seconds) if read_url else None
        # The model of this app's vectors, once it is known. It is sent with each statement, so that the database can
        # refuse an app that missed a change of models, without another trip.
        self.embed_model: str | None = None

    @property
    def engine(self) -> Engine:
        """The engine, for what is bound to no user, such as migrations."""
        return self._connections.engine

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many threads wait for one."""
        return self._connections.in_use, self._connections.waiting

    @property
    def most_connections(self) -> int:
        """How many connections there may be at once."""
        return self._connections.most

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
        """Run one reading, on the replica if there is one, and return its result."""
        if self._replica is not None:
            [result] = self.read_together(user_id, reading)
            return cast(T, result)
        return reading.of(self.read_as(user_id, reading.sql, reading.values))

    def read_together(self, user_id: str, *readings: Reading[Any]) -> list[Any]:
        """Run several readings in one trip, on the replica if there is one, and return their results in order."""
        sql, values = together(readings)
        row = self._on(self._replica, user_id, sql, values) if self._replica is not None else None
        if row is None:
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
        with translating(self.url, self.setting):
            return self._connections.rows(f"{BIND}; {sql}", {**(parameters or {}), **binding})

    def _on(self, replica: Replica, user_id: str, sql: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row of a joined statement as the replica knows it, or None if the primary has to read."""
        binding = self._binding(user_id)
        row = None
        if replica.answers:
            with translating(self.url, self.setting):
                [primary] = self._connections.rows(POSITION, {})
                row = replica.row(primary["position"], BIND, sql, {**values, **binding})
        READS.add(server="primary" if row is None else "replica")
        return row

    def ping(self) -> None:
        """Raise a `DatabaseError` unless the database answers, and lets this app become each role that it needs."""
        with translating(self.url, self.setting), self._connections.in_line(), self.engine.connect() as connection:
            for role in (USERS, WORKER):
                connection.execute(text("select set_config('role', :role, true)"), {"role": role})

    def close(self) -> None:
        """Close every pooled connection."""
        self._connections.close()
        if self._replica is not None:
            self._replica.close()

    @contextmanager
    def _bound_transaction(self, binding: Mapping[str, str]) -> Iterator[Connection]:
        begun = self._connections
        with translating(self.url, self.setting), begun.in_line(), begun.begin(BIND, binding) as connection:
            yield connection
            connection.commit()

    def _binding(self, user_id: str) -> dict[str, str]:
        check_user_id(user_id)
        claims = {"sub": user_id, "role": "authenticated"}
        claims |= {"embed_model": self.embed_model} if self.embed_model else {}
        claims |= {"application": space} if (space := space_for(user_id)) else {}
        return {"asking_role": USERS, "asking_claims": json.dumps(claims)}


def check_user_id(user_id: str) -> None:
    """Raise `InvalidInput` if this cannot be a user's id."""
    if not isinstance(user_id, str) or not user_id.strip():
        raise InvalidInput("A user id is missing: every call needs one.")
    if len(user_id) > MAX_USER_ID or storable(user_id) != user_id:
        raise InvalidInput(f"A user id is text of at most {MAX_USER_ID} characters, none of which is NUL.")
