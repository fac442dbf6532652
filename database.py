"""The one way to Postgres: our engine, and transactions that are bound to a user under row-level security.

    with database.as_user(user_id) as connection: ...      several statements, one transaction
    rows = database.read_as(user_id, sql, parameters)       one statement, one round trip

Vendor errors become `errors.DatabaseError`s here. It knows no table: SQL lives with the store that owns
it, and in supabase/migrations/, which migrations.py applies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from psycopg2 import errors as postgres_errors
from psycopg2.extensions import connection as PostgresConnection
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy import exc as sqlalchemy_errors

from errors import AppError, DatabaseError, DatabaseUnreachable, InvalidInput, NotFound

__all__ = ["Database", "connect", "explain", "translating"]

MAX_USER_ID = 255
# The schema that holds the vector type differs: `extensions` on Supabase, `public` where vecs made it.
SEARCH_PATH = "public, extensions"
BIND = (
    "select set_config('role', %(role)s, true), set_config('request.jwt.claims', %(claims)s, true), "
    f"set_config('search_path', '{SEARCH_PATH}', true)"
)


class Database:
    """A small pool of connections, each of which works for one user at a time."""

    def __init__(self, url: str, admin_url: str | None = None, *, pool_size: int = 2, overflow: int = 3) -> None:
        self.url = url
        self.admin_url = admin_url or url
        self.engine = connect(url, pool_size=pool_size, max_overflow=overflow)

    @contextmanager
    def as_user(self, user_id: str) -> Iterator[Connection]:
        """A transaction that can see and touch this user's rows only; commits at the end."""
        with self._bound("authenticated", user_id) as connection:
            yield connection

    @contextmanager
    def as_worker(self) -> Iterator[Connection]:
        """A transaction that may claim a turn and nothing else, until `become` binds it to a user."""
        with self._bound("keepsake_worker", None) as connection:
            yield connection

    def become(self, connection: Connection, user_id: str) -> None:
        """Bind a transaction of `as_worker` to one user for the rest of its life."""
        connection.exec_driver_sql(BIND, _binding("authenticated", user_id))

    def read_as(self, user_id: str, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one reading statement as this user: role, claims and statement travel in one message.

        Several statements in one message are one implicit transaction, so the binding ends with it.
        Parameters are named in the driver's way: `%(name)s`.
        """
        values = {**(parameters or {}), **_binding("authenticated", user_id)}
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
                return [dict(row) for row in result.mappings()]
            finally:
                if not connection.invalidated:
                    raw.autocommit = False

    @contextmanager
    def _bound(self, role: str, user_id: str | None) -> Iterator[Connection]:
        binding = _binding(role, user_id)
        with translating(self.url), self._begin(binding) as connection:
            yield connection
            connection.commit()

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
    _, _, rest = url.partition("://")
    arguments = {"connect_timeout": 10, "application_name": "keepsake"}
    pool = {"pool_size": 2, "max_overflow": 3, **pool}
    return create_engine(
        f"postgresql+psycopg2://{rest}",
        connect_args=arguments,
        pool_recycle=300,
        pool_timeout=15,
        pool_use_lifo=True,
        **pool,
    )


def _binding(role: str, user_id: str | None) -> dict[str, str]:
    if role == "keepsake_worker":
        return {"role": role, "claims": ""}
    if not isinstance(user_id, str) or not user_id.strip():
        raise InvalidInput("A user id is missing: every call says whose data it means.")
    if len(user_id) > MAX_USER_ID or "\x00" in user_id:
        raise InvalidInput(f"A user id is text of at most {MAX_USER_ID} characters.")
    return {"role": role, "claims": json.dumps({"sub": user_id, "role": role})}


@contextmanager
def translating(url: str) -> Iterator[None]:
    """Turn the driver's errors into ours; what is a bug of ours stays what it is."""
    try:
        yield
    except sqlalchemy_errors.TimeoutError as error:
        raise DatabaseError("Too many requests at once: all database connections are busy. Try again.") from error
    except sqlalchemy_errors.OperationalError as error:
        raise explain(str(error.orig), url) from error
    except sqlalchemy_errors.ProgrammingError as error:
        if isinstance(error.orig, postgres_errors.InsufficientPrivilege):
            raise _refused(str(error.orig)) from error
        raise


def _refused(message: str) -> AppError:
    if "row-level security" in message:
        return NotFound("There is no such thing, or it belongs to somebody else.")
    return DatabaseError(f"The database role may not do this: {message.splitlines()[0]}.")


def explain(message: str, url: str) -> DatabaseError:
    """The sentence for a connection that failed, without the address's password."""
    parts = urlsplit(url)
    host = parts.hostname or "the local socket"
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
            return DatabaseUnreachable(sentence.format(host=host, user=parts.username))
    if "row-level security" in lowered:
        return DatabaseError("The database refused a row that belongs to somebody else.")
    return DatabaseUnreachable(f"The database at {host} could not be reached; its answer is in the log.")


_SENTENCES = (
    ("password authentication failed", "The database refused the password of {user}: check DATABASE_URL."),
    (
        "tenant or user not found",
        "The pooler {host} does not know this project: it may be paused (restore it in the Supabase dashboard), "
        "or the user in DATABASE_URL is not postgres.PROJECT-REF, or the region differs.",
    ),
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
        "The database at {host} did not answer in 10 seconds: it may be paused or unreachable.",
    ),
    ("network is unreachable", "There is no network route to the database at {host}."),
    ("too many clients", "The database has no free connection left: try again in a moment."),
    ("max clients", "The database has no free connection left: try again in a moment."),
    ("remaining connection slots", "The database has no free connection left: try again in a moment."),
    ("server closed the connection", "The database closed the connection: try again."),
    ("terminating connection", "The database closed the connection: try again."),
    ("ssl", "The database at {host} and this app could not agree on encryption: check DATABASE_URL."),
)
