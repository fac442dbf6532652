"""Errors of the database: one sentence that a person can act on, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2 import errors as postgres_errors
from sqlalchemy import exc

from memory.database import Database, connections, explain, translating
from memory.embedded.loopback import free_port
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, socket_folder
from memory.errors import AppError, DatabaseError, DatabaseUnreachable, MigrationNeeded, NotFound, SettingsError
from tests.databases import Databases
from tests.wires import counting, refusing, silent

PASSWORD = "hunter2-Geheim"
POOLER = f"postgresql://postgres.ref:{PASSWORD}@aws-1-eu.pooler.supabase.com:5432/postgres"
DIRECT = f"postgresql://postgres:{PASSWORD}@db.abcdefgh.supabase.co:5432/postgres"
AT_POOLER = 'connection to server at "aws-1-eu.pooler.supabase.com" (1.2.3.4), port 5432 failed: '

SENTENCES = [
    (DIRECT, 'could not translate host name "db.abcdefgh.supabase.co" to address: Name or service not known', "IPv6"),
    (DIRECT, 'connection to server at "db.x" (2a05::1), port 5432 failed: Network is unreachable', "Session pooler"),
    (DIRECT, "connection failed: Cannot assign requested address", "Session pooler"),
    (POOLER, 'could not translate host name "aws-1-eu.pooler.supabase.com" to address', "is unknown"),
    (POOLER, AT_POOLER + "FATAL:  Tenant or user not found", "paused"),
    (POOLER, AT_POOLER + "FATAL:  (ENOTFOUND) tenant/user postgres.ref not found", "paused"),
    (POOLER, AT_POOLER + 'FATAL:  password authentication failed for user "postgres"', "password of postgres.ref"),
    (POOLER, AT_POOLER + "Connection refused", "Nothing answers"),
    (POOLER, AT_POOLER + "Connection timed out\n\ttimeout expired", "did not answer in time"),
    (POOLER, AT_POOLER + "Network is unreachable", "no network route"),
    (POOLER, AT_POOLER + "FATAL:  sorry, too many clients already", "no free connection"),
    (POOLER, AT_POOLER + "FATAL:  MaxClientsInSessionMode: max clients reached", "no free connection"),
    (POOLER, AT_POOLER + "FATAL:  remaining connection slots are reserved", "no free connection"),
    (POOLER, AT_POOLER + 'FATAL:  database "nope" does not exist', "does not exist"),
    (POOLER, AT_POOLER + 'FATAL:  role "nobody" does not exist', "does not exist"),
    (POOLER, AT_POOLER + "SSL error: certificate verify failed", "encryption"),
    (POOLER, "server closed the connection unexpectedly", "closed the connection"),
    (POOLER, "SSL SYSCALL error: EOF detected", "closed the connection"),
    (POOLER, "SSL connection has been closed unexpectedly", "closed the connection"),
    (POOLER, "could not receive data from server: Connection timed out", "closed the connection"),
    (POOLER, "could not send data to server: Broken pipe", "closed the connection"),
    (POOLER, AT_POOLER + "FATAL:  the database system is starting up", "started or stopped"),
    (POOLER, AT_POOLER + "FATAL:  the database system is shutting down", "started or stopped"),
    (POOLER, "terminating connection due to administrator command", "closed the connection"),
    (
        "postgresql://app@/postgres?host=/run/x",
        'connection to server on socket "/run/x" failed: No such file',
        "reached",
    ),
]


@pytest.mark.parametrize(("url", "message", "expected"), SENTENCES)
def test_each_kind_of_connection_failure_has_its_sentence(url: str, message: str, expected: str) -> None:
    error = explain(message, url)
    assert isinstance(error, DatabaseUnreachable)
    assert expected in str(error)
    assert PASSWORD not in str(error)
    assert "://" not in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(("url", "message", "_expected"), SENTENCES)
def test_what_people_are_told_of_it_names_no_server_and_no_setting(url: str, message: str, _expected: str) -> None:
    told = explain(message, url).for_person()
    assert "again in a" in told or "try again" in told
    for secret in ("supabase", "127.0.0.1", "DATABASE", "postgres", "/run/x", "user"):
        assert secret not in told


def test_a_wrong_password_is_blamed_on_the_setting_that_has_it() -> None:
    error = explain('password authentication failed for user "postgres"', POOLER, None, "DATABASE_ADMIN_URL")
    assert "check DATABASE_ADMIN_URL" in str(error)


@pytest.mark.parametrize(
    "words",
    ['permission denied to grant role "authenticated"', 'must have admin option on role "authenticated"'],
    ids=["from 16 on", "15"],
)
def test_a_grant_that_was_refused_is_explained_as_each_version_words_it(words: str) -> None:
    refused = _wrapped(exc.ProgrammingError, postgres_errors.InsufficientPrivilege(words))
    with pytest.raises(DatabaseError, match=r"grant authenticated to .* with admin option;"), translating(POOLER):
        raise refused


def test_a_host_whose_name_holds_ssl_is_not_taken_for_an_encryption_problem() -> None:
    error = explain('connection to server at "classless.example" failed: odd', "postgresql://a:b@classless.example/d")
    assert "encryption" not in str(error)


def test_an_unknown_answer_is_noted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert "log" in str(explain("something new", POOLER))
    assert "something new" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("password", ["[YOUR-PASSWORD]", "a[b]c", "per%cent", "a:b", "a%40b%2Fc"])
def test_no_password_hides_the_real_problem(password: str) -> None:
    url = f"postgresql://app:{password}@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(DatabaseUnreachable, match="Nothing answers at the database address 127") as raised:
        Database(url).ping()
    assert password not in str(raised.value)


def test_an_at_sign_in_a_password_does_not_put_the_rest_of_it_into_the_sentence() -> None:
    error = explain("connection refused", "postgresql://app:first@second@127.0.0.1:5432/postgres")
    assert "second" not in str(error)


@pytest.mark.parametrize("url", ["postgresql://app:x@host:port/db", "postgresql://app:a:b/c@host:five/db"])
def test_an_invalid_address_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL is not a Postgres address") as raised:
        Database(url)
    assert "a:b/c" not in str(raised.value)


def test_an_option_that_postgres_does_not_know_is_named_as_the_problem() -> None:
    with pytest.raises(DatabaseError, match="option"):
        Database("postgresql://app:x@127.0.0.1:1/db?pgbouncer=true").ping()


def test_a_refused_connection_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DatabaseUnreachable, match="Nothing answers"):
        Database(f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/postgres").ping()
    assert PASSWORD not in caplog.text


def test_a_direct_address_that_cannot_be_looked_up_points_to_the_session_pooler() -> None:
    # A label this long is refused before any name server is asked.
    with pytest.raises(DatabaseUnreachable, match="Session pooler"):
        Database(f"postgresql://app:x@db.{'a' * 64}.supabase.co:5432/postgres").ping()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Tenant or user not found", "does not know this project"),
        ("(ENOTFOUND) tenant/user postgres.ref not found", "does not know this project"),
        ("(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)", "does not know this"),
        ("(EAUTHQUERY) user not found in the database", "role or the database in DATABASE_URL does not exist"),
        ("no such user", "role or the database in DATABASE_URL does not exist"),
        ("no such database: nope", "role or the database in DATABASE_URL does not exist"),
        ("(ECIRCUITBREAKER) Too many authentication errors", "too many wrong passwords"),
        ("(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}", "network restrictions"),
        ("(EMAXCLIENTSESSION) max clients reached in session mode - limited to pool_size: 15", "no free connection"),
        ("(EMAXCLIENTCONN) max client connections reached, limit: 200", "no free connection"),
        ("(ECHECKOUTTIMEOUT) Pool checkout timeout. Request was dropped after 60000ms", "no free connection"),
        ("no more connections allowed (max_client_conn)", "no free connection"),
        ("query_wait_timeout", "no free connection"),
        ("(EAUTHQUERY) authentication query failed: connection to database not available", "cannot reach the database"),
        ("(ECIRCUITBREAKER) Unable to establish connection to upstream database", "cannot reach the database"),
        (
            "server login has been failing, cached error: connect failed (server_login_retry)",
            "cannot reach the database",
        ),
        ("client_login_timeout (server down)", "cannot reach the database"),
        ("(EDBHANDLEREXITED) DbHandler exited. Check logs for more information", "closed the connection"),
        ("SASL authentication failed", "refused the password of postgres"),
    ],
)
def test_what_a_pooler_says_instead_of_the_database_is_explained(words: str, told: str) -> None:
    with refusing(words) as port, pytest.raises(DatabaseUnreachable, match=told) as raised:
        Database(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres").ping()
    assert PASSWORD not in str(raised.value)


def test_a_server_that_never_answers_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 2)
    with silent() as port, pytest.raises(DatabaseUnreachable, match="did not answer in time"):
        Database(f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/postgres").ping()


@pytest.fixture
def guarded(postgres: Postgres, databases: Databases) -> Iterator[None]:
    """A role that must show a password, on a server that trusts all others."""
    rules = postgres.cluster / "pg_hba.conf"
    trusting = rules.read_text()
    rules.write_text(f"local all guarded scram-sha-256\n{trusting}")
    databases.run(f"create role guarded login password '{PASSWORD}'")
    databases.run("grant authenticated, keepsake_worker to guarded")
    databases.run("select pg_reload_conf()")
    yield
    rules.write_text(trusting)
    databases.run("drop role guarded")
    databases.run("select pg_reload_conf()")


def _guarded_url(port: int, password: str) -> str:
    return f"postgresql://guarded:{quote(password, safe='')}@127.0.0.1:{port}/postgres"


@pytest.mark.usefixtures("guarded")
def test_a_wrong_password_is_reported_without_repeating_it(postgres: Postgres) -> None:
    with counting(socket_folder(postgres.cluster) / SOCKET) as wire:
        right = Database(_guarded_url(wire.port, PASSWORD))
        _until_refused(wire.port)
        right.ping()
        right.close()
        with pytest.raises(DatabaseUnreachable, match="refused the password of guarded") as raised:
            Database(_guarded_url(wire.port, "wrong/@#pass")).ping()
    assert "wrong" not in str(raised.value)


def _until_refused(port: int) -> None:
    """Wait until the server applies its new rules, which takes a moment."""
    for _ in range(500):
        try:
            psycopg2.connect(_guarded_url(port, "certainly wrong")).close()
        except psycopg2.OperationalError:
            return
    pytest.fail("the server trusts everybody")


def test_a_missing_database_or_role_is_reported(postgres: Postgres) -> None:
    for url in (postgres.app_url.replace("/postgres?", "/nope?"), postgres.app_url.replace("keepsake_app@", "nobody@")):
        with pytest.raises(DatabaseUnreachable, match="does not exist"):
            Database(url).ping()


def test_without_a_server_on_this_machine_the_error_says_how_to_start_one() -> None:
    with pytest.raises(DatabaseUnreachable, match="make run"):
        Database("postgresql://app@/postgres?host=/nowhere").ping()


def _wrapped(kind: type[exc.DBAPIError], original: BaseException) -> exc.DBAPIError:
    return kind("select 1", {}, original)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (exc.TimeoutError("QueuePool limit"), DatabaseError),
        (
            _wrapped(exc.OperationalError, psycopg2.OperationalError("server closed the connection")),
            DatabaseUnreachable,
        ),
        (_wrapped(exc.OperationalError, postgres_errors.AdminShutdown("terminating connection")), DatabaseUnreachable),
        (_wrapped(exc.ProgrammingError, postgres_errors.InsufficientPrivilege("row-level security")), NotFound),
        (_wrapped(exc.ProgrammingError, postgres_errors.InsufficientPrivilege("permission denied")), DatabaseError),
        (_wrapped(exc.ProgrammingError, postgres_errors.UndefinedTable('relation "x"')), MigrationNeeded),
        (_wrapped(exc.ProgrammingError, postgres_errors.InvalidSchemaName('schema "app"')), MigrationNeeded),
        (_wrapped(exc.DataError, postgres_errors.InvalidParameterValue('role "authenticated" x')), MigrationNeeded),
        (_wrapped(exc.ProgrammingError, psycopg2.ProgrammingError("invalid dsn: x")), DatabaseError),
    ],
)
def test_each_error_of_the_driver_that_a_person_can_cause_becomes_ours(error: Exception, ours: type[AppError]) -> None:
    with pytest.raises(AppError) as raised, translating(POOLER):
        raise error
    assert type(raised.value) is ours
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("kind", [exc.IntegrityError, exc.DataError, exc.ProgrammingError, exc.InternalError])
def test_a_programming_error_is_not_translated(kind: type[exc.DBAPIError]) -> None:
    with pytest.raises(kind), translating(POOLER):
        raise _wrapped(kind, psycopg2.Error("a mistake in our SQL"))


def test_a_statement_timeout_is_not_reported_as_unreachable(database: Database) -> None:
    with pytest.raises(DatabaseError, match="could not finish") as raised:
        database.read_as("alice", "set local statement_timeout = 20; select pg_sleep(5)")
    assert not isinstance(raised.value, DatabaseUnreachable)


def test_a_database_without_our_tables_asks_for_the_migration(empty_database: Database) -> None:
    with pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        empty_database.read_as("alice", "select * from app.conversations")


def test_what_a_person_wrote_is_not_in_the_text_of_an_error(database: Database) -> None:
    with pytest.raises(exc.DataError) as raised:
        database.read_as("alice", "select %(a)s::text, 1 / 0", {"a": "my dark secret"})
    assert "dark secret" not in str(raised.value)
