"""Turns the database driver's errors into ours: sentences that a person can act on, without passwords.

It opens no connection.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2 import errors as postgres_errors
from sqlalchemy import URL, make_url
from sqlalchemy import exc as sqlalchemy_errors

from ..errors import (
    COMMAND,
    AppError,
    DatabaseError,
    DatabaseUnreachable,
    MigrationNeeded,
    NotFound,
    SettingsError,
    VectorsMoved,
)
from ..telemetry.figures import note_error

__all__ = ["READ_ONLY", "address_of", "explain", "explain_migration", "translating"]

log = logging.getLogger("keepsake.database")


def address_of(url: str, setting: str = "DATABASE_URL") -> URL:
    """Return a Postgres address, from this setting, in the form that SQLAlchemy needs for psycopg2."""
    _, _, rest = url.partition("://")
    try:
        return make_url(f"postgresql+psycopg2://{rest}")
    except (sqlalchemy_errors.ArgumentError, ValueError) as error:
        raise SettingsError(
            f"{_capital(setting)} is not a Postgres address (postgresql://user:password@host:5432/postgres); "
            "in the password, write the characters / # ? @ as %2F %23 %3F %40."
        ) from error


@contextmanager
def translating(url: str, setting: str = "DATABASE_URL") -> Iterator[None]:
    """Turn the driver's errors into ours, which name the address's setting; errors that are our bugs pass unchanged."""
    try:
        with _translating(url, setting):
            yield
    except DatabaseError as error:
        note_error(error)
        raise


@contextmanager
def _translating(url: str, setting: str) -> Iterator[None]:
    try:
        yield
    except sqlalchemy_errors.TimeoutError as error:
        raise DatabaseError("Too many requests at once: all database connections are busy. Try again.") from error
    except sqlalchemy_errors.OperationalError as error:
        raise explain(str(error.orig), url, getattr(error.orig, "pgcode", None), setting) from error
    except (sqlalchemy_errors.ProgrammingError, sqlalchemy_errors.DataError) as error:
        translated = _refusal(error.orig, url, setting)
        if translated is None:
            raise
        raise translated from error
    except sqlalchemy_errors.DatabaseError as error:
        code = getattr(error.orig, "pgcode", None)
        if code in _ENDED or code == READ_ONLY:  # the driver calls these internal errors
            raise explain(str(error.orig), url, code, setting) from error
        if code != "KS002":
            raise
        raise VectorsMoved(_MOVED) from error


READ_ONLY = "25006"  # the state of a statement that would change something where nothing may be changed
_ENDED = ("25P03", "25P04")  # states of a connection that the server ended, because its transaction took too long
_MISSING = (
    postgres_errors.UndefinedTable,
    postgres_errors.UndefinedFunction,
    postgres_errors.UndefinedColumn,
    postgres_errors.UndefinedObject,
    postgres_errors.InvalidSchemaName,
)


def _refusal(error: BaseException | None, url: str, setting: str) -> AppError | None:
    """Return our error for a refused statement, or None if the cause is a bug of ours."""
    message = str(error)
    if isinstance(error, postgres_errors.InsufficientPrivilege):
        return _denied(message, _role_of(url))
    no_role = isinstance(error, postgres_errors.InvalidParameterValue) and message.startswith("role ")
    if no_role or isinstance(error, _MISSING):
        return MigrationNeeded(f"The database's tables are missing or old. Run once: {COMMAND}.migrations")
    if re.search(r"expected \d+ dimensions|different vector dimensions", message):
        return VectorsMoved(_MOVED)
    if message.startswith("invalid dsn"):
        return DatabaseError(
            f"{_capital(setting)} holds an option after its ? that PostgreSQL does not know: remove it."
        )
    return None


def _denied(message: str, role: str) -> AppError:
    """Return our error for a statement that this role has no right to."""
    if "row-level security" in message:
        return NotFound("There is no such thing, or it belongs to somebody else.")
    needed = re.search(r'permission denied to set role "(authenticated|keepsake_worker)"', message)
    if needed:
        return DatabaseError(
            f"The role {role} may not become {needed[1]}. As an administrator, run once: "
            f"grant {needed[1]} to {role}; or {COMMAND}.migrations with DATABASE_ADMIN_URL set, which does the same."
        )
    granted = re.search(r'permission denied to grant role "(.+)"|admin option on role "(.+)"', message)
    if granted:
        given = granted[1] or granted[2]
        return DatabaseError(
            f"The role {role} may not grant {given}: from PostgreSQL 16 on this needs ADMIN OPTION on it. As a "
            f"superuser, or as the role that made it, run once: grant {given} to {role} with admin option;"
        )
    return DatabaseError(f"The database role may not do this: {message.splitlines()[0]}.")


def _role_of(url: str) -> str:
    """Return the role that an address signs in as; a pooler's address has the project's name behind it."""
    parts = address_of(url)
    name = parts.username or "of this connection"
    return name.partition(".")[0] if "pooler" in (parts.host or "") else name


def explain_migration(error: BaseException | None, role: str, command: str) -> AppError | None:
    """Return our error for a migration that this role may not apply, or None if that is not why it failed."""
    message = str(error)
    if isinstance(error, postgres_errors.FeatureNotSupported) and "extension" in message:
        return MigrationNeeded("This PostgreSQL has no pgvector: install it on the server, then run this again.")
    if not isinstance(error, postgres_errors.InsufficientPrivilege):
        return None
    if 'extension "vector"' in message:
        return MigrationNeeded(
            f"The role {role} may not create the extension vector. As a superuser, run once in this database: "
            "create extension vector with schema extensions; (on Supabase: Database → Extensions → vector). "
            "Then run this again."
        )
    if "row-level security" not in message and " role " in message:
        return _denied(message, role)
    return MigrationNeeded(
        f"The database's tables are missing or old, and the role {role} may not create them "
        f"({message.splitlines()[0]}). Run once, as the role that owns the database: {command}"
    )


def explain(message: str, url: str, code: str | None = None, setting: str = "DATABASE_URL") -> DatabaseError:
    """Return our error for a connection that failed, without the address's password."""
    parts = address_of(url, setting)
    host = (parts.host or "").rpartition("@")[2] or "the local socket"
    lowered = message.lower()
    direct = host.startswith("db.") and host.endswith(".supabase.co")
    no_route = ("network is unreachable", "cannot assign requested address", "could not translate host name")
    if direct and any(words in lowered for words in no_route):
        return DatabaseUnreachable(
            f"{host} is a direct Supabase address, which is reachable over IPv6 only: use the Session pooler "
            f"address (port 5432) from the project's Connect dialog in {setting}.",
            names=True,
        )
    for words, sentence in _SENTENCES:
        if words in lowered:
            return DatabaseUnreachable(_filled(sentence, host, parts.username, setting), names="{" in sentence)
    if refused := _BY_STATE.get(code or ""):
        log.warning("the database refused a statement: %s", message.splitlines()[0])
        return DatabaseError(refused)
    if code is not None:  # the database answered: a deadlock, a time limit
        return DatabaseError(f"The database could not finish this ({message.splitlines()[0]}). Try again.")
    log.error("the database could not be reached: %s", message)
    return DatabaseUnreachable(f"The database at {host} could not be reached; its answer is in the log.", names=True)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _filled(sentence: str, host: str, user: str | None, setting: str) -> str:
    return sentence.format(host=host, user=user or "this user", setting=setting)


_MOVED = (
    "The stored vectors come from another embedding model than this app's: they were moved while it ran. Start it "
    "again with EMBED_MODEL set to the new one."
)
_UNKNOWN_TENANT = (
    "The pooler {host} does not know this project: it may be paused (restore it in the Supabase dashboard), "
    "or the user in {setting} does not end in .PROJECT-REF, or the host is not the one of its Connect dialog."
)
_REFUSED = "The database refused the password of {user}: check {setting}."
_NO_ROLE = "The role or the database in {setting} does not exist at {host}: check its name."
_BUSY = "The database has no free connection left: try again in a moment."
_AWAY = "The pooler {host} cannot reach the database behind it, which may be starting or paused: try again in a minute."
_CLOSED = "The database closed the connection: try again."
_BY_STATE = {
    "55P03": "Something else is changing the same data at this moment. Try again in a moment.",
    "53100": "The database's disk is full, so this was not saved. It works again once whoever runs it has made room.",
    READ_ONLY: "The database takes no changes at the moment, so this was not saved. Try again in a few minutes.",
}
_SENTENCES = (
    # What Supabase's pooler and PgBouncer say for themselves stands beside what PostgreSQL says.
    ("password authentication failed", _REFUSED),
    ("sasl authentication failed", _REFUSED),
    (
        "too many authentication errors",
        "The pooler {host} saw too many wrong passwords and refuses all for ten minutes: check {setting}, then wait.",
    ),
    (
        "address not in tenant allow_list",
        "The project's network restrictions keep this app out: allow its address in Supabase, or lift them "
        "(Database → Settings → Network Restrictions).",
    ),
    ("user not found in the database", _NO_ROLE),
    ("tenant or user not found", _UNKNOWN_TENANT),
    ("tenant/user", _UNKNOWN_TENANT),
    ("no tenant identifier", _UNKNOWN_TENANT),
    ('" does not exist', _NO_ROLE),
    ("no such database", _NO_ROLE),
    ("no such user", _NO_ROLE),
    (
        "could not translate host name",
        "The database host {host} is unknown: check {setting}, and whether the project is paused.",
    ),
    (
        "connection refused",
        "Nothing answers at the database address {host}: check {setting} and that it runs.",
    ),
    ("no such file or directory", "The local database is not running: start it with make run, or open a new Memory()."),
    (
        "timeout expired",
        "The database at {host} did not answer in time: it may be paused or unreachable.",
    ),
    ("network is unreachable", "There is no network route to the database at {host}."),
    ("too many clients", _BUSY),
    ("max clients", _BUSY),
    ("max client connections", _BUSY),
    ("max_client_conn", _BUSY),
    ("checkout timeout", _BUSY),
    ("query_wait_timeout", _BUSY),
    ("remaining connection slots", _BUSY),
    ("authentication query failed", _AWAY),
    ("auth_query connection failed", _AWAY),
    ("failed to retrieve database credentials", _AWAY),
    ("unable to establish connection to upstream", _AWAY),
    ("server login has been failing", _AWAY),
    ("server login failed", _AWAY),
    ("server down", _AWAY),
    ("the database system is ", "The database is being started or stopped: try again in a moment."),
    ("server closed the connection", _CLOSED),
    ("terminating connection", _CLOSED),
    ("connection to database closed", _CLOSED),
    ("dbhandler exited", _CLOSED),
    ("pool terminating", _CLOSED),
    # What an encrypted connection ends with if the server is killed or the network is gone.
    ("ssl syscall error", _CLOSED),
    ("ssl connection has been closed", _CLOSED),
    ("could not receive data from server", _CLOSED),
    ("could not send data to server", _CLOSED),
    ("ssl ", "The database at {host} and this app could not agree on encryption: check {setting}."),
)
