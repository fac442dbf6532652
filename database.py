"""The one way to Postgres: our engine, and transactions that are bound to a user under row-level security.

    with database.as_user(user_id) as connection: ...      several statements, one transaction
    rows = database.read_as(user_id, sql, parameters)       one statement, one round trip

Vendor errors become `errors.DatabaseError`s here. It knows no table: SQL lives with the store that owns
it, and in supabase/migrations/, which migrations.py applies.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from psycopg2 import errors as postgres_errors
from psycopg2.extensions import connection as PostgresConnection
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy import exc as sqlalchemy_errors

from errors import (
    AppError,
    DatabaseError,
    DatabaseUnreachable,
    InvalidInput,
    MigrationNeeded,
    NotFound,
    SettingsError,
    VectorsMoved,
)
from plaintext import storable

__all__ = ["Database", "check_user_id", "connect", "explain", "translating"]

log = logging.getLogger("keepsake.database")
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
        _address(url),
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


def _address(url: str) -> URL:
    _, _, rest = url.partition("://")
    try:
        return make_url(f"postgresql+psycopg2://{rest}")
    except (sqlalchemy_errors.ArgumentError, ValueError) as error:
        raise SettingsError(
            "DATABASE_URL is not a Postgres address (postgresql://user:password@host:5432/postgres); "
            "signs like / # ? @ in the password are written as %2F %23 %3F %40."
        ) from error


@contextmanager
def translating(url: str) -> Iterator[None]:
    """Turn the driver's errors into ours; what is a bug of ours stays what it is."""
    try:
        yield
    except sqlalchemy_errors.TimeoutError as error:
        raise DatabaseError("Too many requests at once: all database connections are busy. Try again.") from error
    except sqlalchemy_errors.OperationalError as error:
        raise explain(str(error.orig), url, getattr(error.orig, "pgcode", None)) from error
    except (sqlalchemy_errors.ProgrammingError, sqlalchemy_errors.DataError) as error:
        translated = _refused(error.orig)
        if translated is None:
            raise
        raise translated from error
    except sqlalchemy_errors.DatabaseError as error:
        if getattr(error.orig, "pgcode", None) != "KS002":
            raise
        raise VectorsMoved(_MOVED) from error


_MISSING = (
    postgres_errors.UndefinedTable,
    postgres_errors.UndefinedFunction,
    postgres_errors.UndefinedColumn,
    postgres_errors.UndefinedObject,
    postgres_errors.InvalidSchemaName,
)


def _refused(error: BaseException | None) -> AppError | None:
    """The sentence for a statement that was not accepted, where the cause is not a bug of ours."""
    message = str(error)
    if isinstance(error, postgres_errors.InsufficientPrivilege):
        if "row-level security" in message:
            return NotFound("There is no such thing, or it belongs to somebody else.")
        return DatabaseError(f"The database role may not do this: {message.splitlines()[0]}.")
    no_role = isinstance(error, postgres_errors.InvalidParameterValue) and message.startswith("role ")
    if no_role or isinstance(error, _MISSING):
        return MigrationNeeded("The database's tables are missing or old. Run once: python -m migrations")
    if re.search(r"expected \d+ dimensions|different vector dimensions", message):
        return VectorsMoved(_MOVED)
    if message.startswith("invalid dsn"):
        return DatabaseError("DATABASE_URL holds an option after its ? that PostgreSQL does not know: remove it.")
    return None


def explain(message: str, url: str, code: str | None = None) -> DatabaseError:
    """The sentence for a connection that failed, without the address's password."""
    parts = _address(url)
    host = (parts.host or "").rpartition("@")[2] or "the local socket"
    lowered = message.lower()
    direct = host.startswith("db.") and host.endswith(".supabase.co")
    no_route = ("network is unreachable", "cannot assign requested address", "could not translate host name")
    if direct and any(words in lowered for words in no_route):
        return DatabaseUnreachable(
            f"{host} is a direct Supabase address, which is reachable over IPv6 only: use the Session pooler "
            "address (port 5432) from the project's Connect dialog in DATABASE_URL."
        )
    for words, sentence in _SENTENCES:
        if words in lowered:
            return DatabaseUnreachable(sentence.format(host=host, user=parts.username or "this user"))
    if code is not None:  # it did answer: a deadlock, a time limit, a full disk
        return DatabaseError(f"The database could not finish this ({message.splitlines()[0]}). Try again.")
    log.error("the database could not be reached: %s", message)
    return DatabaseUnreachable(f"The database at {host} could not be reached; its answer is in the log.")


_MOVED = (
    "The stored vectors come from another embedding model than this app's: they were moved while it ran. Start it "
    "again with EMBED_MODEL set to the new one."
)
_UNKNOWN_TENANT = (
    "The pooler {host} does not know this project: it may be paused (restore it in the Supabase dashboard), "
    "or the user in DATABASE_URL does not end in .PROJECT-REF, or the host is not the one of its Connect dialog."
)
_SENTENCES = (
    ("password authentication failed", "The database refused the password of {user}: check DATABASE_URL."),
    ("tenant or user not found", _UNKNOWN_TENANT),
    ("tenant/user", _UNKNOWN_TENANT),
    ('" does not exist', "The role or the database in DATABASE_URL does not exist at {host}: check its name."),
    (
        "could not translate host name",
        "The database host {host} is unknown: check DATABASE_URL, and whether the project is paused.",
    ),
    (
        "connection refused",
        "Nothing answers at the database address {host}: check DATABASE_URL and that it runs.",
    ),
    ("no such file or directory", "The local database is not running: start it with make run."),
    (
        "timeout expired",
        "The database at {host} did not answer in time: it may be paused or unreachable.",
    ),
    ("network is unreachable", "There is no network route to the database at {host}."),
    ("too many clients", "The database has no free connection left: try again in a moment."),
    ("max clients", "The database has no free connection left: try again in a moment."),
    ("remaining connection slots", "The database has no free connection left: try again in a moment."),
    ("server closed the connection", "The database closed the connection: try again."),
    ("terminating connection", "The database closed the connection: try again."),
    ("ssl ", "The database at {host} and this app could not agree on encryption: check DATABASE_URL."),
)
