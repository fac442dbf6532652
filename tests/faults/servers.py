"""A PostgreSQL server to be broken, and the faults that break it: each is a real one, and ends with its block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from sqlalchemy import make_url

from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, gone_within, postmaster, socket_folder
from tests.chat.conftest import until
from tests.model_answers import PATIENCE

__all__ = [
    "FAULTS",
    "RAISED",
    "SENTENCES",
    "Fault",
    "connected",
    "killed",
    "restarted",
    "socket_of",
    "through",
]

Fault = Callable[[Postgres], Any]
APP = "keepsake"  # as the app's connections call themselves
# What every page says during a fault.
SENTENCES = {
    "killed": "The database cannot be reached at the moment. Try again in a few minutes.",
    "shutting down": "The database is being started or stopped: try again in a moment.",
    "out of connections": "The database has no free connection left: try again in a moment.",
    "full": "The database's disk is full, so this was not saved. It works again once whoever runs it has made room.",
    "read-only": "The database takes no changes at the moment, so this was not saved. Try again in a few minutes.",
}
# What is raised to a program, whose log whoever runs it reads.
RAISED = SENTENCES | {"killed": "Nothing answers at the database address"}


@contextmanager
def connected(server: Postgres) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of the administrator, outside any transaction."""
    with closing(psycopg2.connect(_plain(server.admin_url))) as connection:
        connection.autocommit = True
        yield connection.cursor()


@contextmanager
def killed(server: Postgres) -> Iterator[None]:
    """Every process of the server is killed with 9, and it is started again at the end."""
    found = postmaster(server.cluster)
    assert found is not None
    processes = [found.process, *found.process.children(recursive=True)]
    for each in processes:  # the postmaster first, so that it starts none again
        with suppress(psutil.NoSuchProcess):
            each.kill()
    assert gone_within(PATIENCE, processes)
    try:
        yield
    finally:
        server.start()


@contextmanager
def restarted(server: Postgres) -> Iterator[None]:
    """The server was stopped and started again, which ended every connection."""
    server.stop()
    assert not server.running()
    server.start()
    yield


@contextmanager
def shutting_down(server: Postgres) -> Iterator[None]:
    """The server was told to end and waits for somebody's session; it takes no new connections, and then starts."""
    found = postmaster(server.cluster)
    assert found is not None
    with connected(server) as cursor:
        found.process.terminate()
        until(lambda: _refused(server, "the database system is shutting down"))
        _end_the_apps_connections(cursor)
        try:
            yield
        finally:
            cursor.connection.close()
            assert gone_within(PATIENCE, [found.process])
            server.start()


@contextmanager
def full(server: Postgres) -> Iterator[None]:
    """Nothing more can be stored: the server refuses each row with the error that it has for a full disk.

    A trigger raises it. To fill a disk really takes a file system of one's own, which only root may mount.
    """
    words = 'could not extend file "base/5/16384": No space left on device'
    with connected(server) as cursor:
        cursor.execute(
            "create schema faults; create function faults.full_disk() returns trigger language plpgsql as"
            f" $$ begin raise exception using errcode = '53100', message = '{words}',"
            " hint = 'Check free disk space.'; end $$; grant usage on schema faults to public"
        )
        cursor.execute(
            "select format('create trigger full_disk before insert or update on %s for each statement"
            " execute function faults.full_disk()', oid::regclass) from pg_class"
            " where relkind = 'r' and relnamespace in ('app'::regnamespace, 'vecs'::regnamespace,"
            " 'app_shared'::regnamespace)"
        )
        cursor.execute(";".join(row[0] for row in cursor.fetchall()))
        try:
            yield
        finally:
            cursor.execute("set client_min_messages = warning; drop schema faults cascade")


@contextmanager
def read_only(server: Postgres) -> Iterator[None]:
    """Every transaction of the app is read-only, as Supabase makes it when the disk is nearly full."""
    with connected(server) as cursor:
        cursor.execute("alter role keepsake_app set default_transaction_read_only = on")
        _end_the_apps_connections(cursor)
        try:
            yield
        finally:
            cursor.execute("alter role keepsake_app reset default_transaction_read_only")


@contextmanager
def out_of_connections(server: Postgres) -> Iterator[None]:
    """Others hold every connection that the server gives out."""
    with connected(server) as cursor, ExitStack() as held:

        def all_taken() -> bool:
            _end_the_apps_connections(cursor)
            with suppress(psycopg2.OperationalError):
                while True:
                    other = psycopg2.connect(_plain(server.app_url), application_name="somebody else")
                    held.callback(other.close)
            cursor.execute("select count(*) from pg_stat_activity where application_name = %s", (APP,))
            return cursor.fetchone() == (0,)

        until(all_taken)
        yield


FAULTS: dict[str, Fault] = {
    "killed": killed,
    "shutting down": shutting_down,
    "full": full,
    "read-only": read_only,
    "out of connections": out_of_connections,
}


def _refused(server: Postgres, words: str) -> bool:
    """Whether the server refuses a new connection with these words."""
    try:
        psycopg2.connect(_plain(server.admin_url)).close()
    except psycopg2.OperationalError as error:
        return words in str(error)
    return False


def _end_the_apps_connections(cursor: Any) -> None:
    cursor.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = %s", (APP,))


def socket_of(server: Postgres) -> Path:
    """The socket on which a server listens."""
    return socket_folder(server.cluster) / SOCKET


def through(port: int) -> dict[str, str]:
    """The app's settings for a database behind a relay or a pooler that listens on this port."""
    address = f"@127.0.0.1:{port}/postgres"
    return {
        "DATABASE_URL": f"postgresql://keepsake_app{address}",
        "DATABASE_ADMIN_URL": f"postgresql://postgres{address}",
    }


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
