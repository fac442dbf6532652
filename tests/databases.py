"""Gives tests their databases on one PostgreSQL server: new ones, and one that is emptied and used again.

Copying the migrated template costs a tenth of a second, and there are a thousand tests. Most leave the tables as
they were; then deleting the rows is enough. A test that changed the schema gets its database replaced.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any, Protocol

import psycopg2
from sqlalchemy import make_url

from memory.database import Database
from memory.embed import Embedder
from memory.migrations import migrate

__all__ = ["TEMPLATE", "Databases", "Server"]

TEMPLATE = "migrated"

# Everything that a migration could have made or changed, and the rows that migrations write.
_SCHEMA = """
select md5(concat_ws(' ',
  (select concat(count(*), max(xmin::text::bigint)) from pg_class where relpersistence <> 't'),
  (select concat(count(*), max(xmin::text::bigint)) from pg_attribute),
  (select concat(count(*), max(xmin::text::bigint)) from pg_attrdef),
  (select concat(count(*), max(xmin::text::bigint)) from pg_constraint),
  (select concat(count(*), max(xmin::text::bigint)) from pg_namespace),
  (select concat(count(*), max(xmin::text::bigint)) from pg_policy),
  (select concat(count(*), max(xmin::text::bigint)) from pg_proc),
  (select concat(count(*), max(xmin::text::bigint)) from pg_trigger),
  (select concat(count(*), max(xmin::text::bigint)) from pg_default_acl),
  (select concat(count(*), max(xmin::text::bigint)) from pg_db_role_setting),
  (select string_agg(collections::text, ',' order by collections::text) from app.collections),
  (select string_agg(version, ',' order by version) from supabase_migrations.schema_migrations)
))
"""
_TABLES = """
select format('%I.%I', nspname, relname) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p') and nspname in ('app', 'app_shared', 'vecs')
  and format('%I.%I', nspname, relname) <> 'app.collections'
"""
_END_OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""


class Server(Protocol):
    """The addresses of a server: for the app, and for its administrator."""

    @property
    def app_url(self) -> str: ...

    @property
    def admin_url(self) -> str: ...


class Databases:
    """Makes databases on the server and drops them again; as its superuser, if the administrator is none."""

    def __init__(self, server: Server, superuser_url: str | None = None) -> None:
        self._server = server
        self._superuser_url = superuser_url or server.admin_url
        self._administrator = make_url(server.admin_url).username
        self._numbers = count(1)
        self._reused: _Reused | None = None

    def at(self, name: str) -> Database:
        """Return the database of this name, with the app's own role and an administrator's."""
        return Database(_address(self._server.app_url, name), _address(self._server.admin_url, name))

    @contextmanager
    def empty(self) -> Iterator[Database]:
        """Make a database without any of our tables, and drop it afterwards, whoever is still connected."""
        with self._copy("template1") as database:
            yield database

    @contextmanager
    def migrated(self) -> Iterator[Database]:
        """Make a database with our tables, and drop it afterwards."""
        with self._copy(TEMPLATE) as database:
            yield database

    @contextmanager
    def reused(self) -> Iterator[Database]:
        """Lend the database that tests use one after the other; it has our tables, and no row in them."""
        if self._reused is None:
            name = self._create(TEMPLATE)
            self._reused = _Reused(name, _address(self._superuser_url, name))
        database = self.at(self._reused.name)
        try:
            yield database
        finally:
            database.close()
            if not self._reused.empty():
                self._drop(self._reused.name)
                self._reused = None

    def migrate(self, embedder: Embedder) -> None:
        """Make the template, of which the others are copies, as its administrator does it."""
        self.run(f"create database {TEMPLATE} owner {self._administrator}")
        with closing(self.at(TEMPLATE)) as template:
            migrate(template, embedder.dimensions, embedder.name)
        # A pooler keeps its own, and what is in use cannot be copied.
        self.run(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{TEMPLATE}'")

    def run(self, sql: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with closing(psycopg2.connect(_plain(self._superuser_url))) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)

    def ask(self, database: Database, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds, as the administrator of this database."""
        with closing(psycopg2.connect(_plain(database.admin_url))) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def close(self) -> None:
        """Close what is kept open between tests."""
        if self._reused is not None:
            self._reused.close()

    @contextmanager
    def _copy(self, template: str) -> Iterator[Database]:
        name = self._create(template)
        database = self.at(name)
        try:
            yield database
        finally:
            database.close()
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.run(f"create database {name} template {template} strategy file_copy owner {self._administrator}")
        return name

    def _drop(self, name: str) -> None:
        self.run(f"drop database if exists {name} with (force)")


class _Reused:
    """A migrated database, and an administrator's connection to it."""

    def __init__(self, name: str, admin_url: str) -> None:
        self.name = name
        self._connection = psycopg2.connect(_plain(admin_url))
        self._connection.autocommit = True
        self._schema = self._ask(_SCHEMA)
        self._tables = [table for (table,) in self._ask(_TABLES)]

    def empty(self) -> bool:
        """Delete every row. Return False, and close the connection, if the database cannot be used again."""
        try:
            self._end_the_others()
            if self._ask(_SCHEMA) != self._schema:
                self.close()
                return False
            filled = self._ask(
                " union all ".join(f"select '{each}' where exists (select from {each})" for each in self._tables)
            )
            if filled:
                self._delete([table for (table,) in filled])
        except psycopg2.Error:  # the test dropped the database, or ended every connection to it
            self.close()
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    def _end_the_others(self) -> None:
        """End every other connection. Told to wait, the server looks only ten times a second whether one has ended."""
        deadline = time.monotonic() + 5
        while self._ask(_END_OTHERS) and time.monotonic() < deadline:
            time.sleep(0.001)

    def _delete(self, tables: list[str]) -> None:
        deletes = ";".join(f"delete from {table}" for table in tables)
        with self._connection.cursor() as cursor:
            # Replicas run no triggers and check no foreign keys.
            cursor.execute(f"set session_replication_role = replica; {deletes}; reset session_replication_role")
            cursor.execute(f"vacuum {', '.join(tables)}")

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


def _address(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
