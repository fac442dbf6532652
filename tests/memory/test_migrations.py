"""Migrations: each is applied once, by whichever process is first; a role without the rights gets a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors as postgres_errors
from sqlalchemy import Connection, make_url, text

from memory import Memory, migrations
from memory.database import Database, explain_migration
from memory.embedded.embedder import BundledEmbedder
from memory.errors import DatabaseError, MigrationNeeded, SettingsError
from memory.imports.reembed import reembed
from memory.migrations import files, migrate
from tests.databases import Databases

PROJECT = Path(__file__).parents[2]
MODEL, SIZE = "wordllama-256", 256
VERSIONS = text("select version from supabase_migrations.schema_migrations order by version")

# Every object a migration could touch, with the transaction that last did.
OBJECTS = """
select 'relation', oid::bigint, relname::text, xmin::text from pg_class where relnamespace >= 16384
union all select 'policy', oid, polname, xmin::text from pg_policy
union all select 'trigger', oid, tgname, xmin::text from pg_trigger
union all select 'function', oid, proname, xmin::text from pg_proc where oid >= 16384
union all select 'schema', oid, nspname, xmin::text from pg_namespace where oid >= 16384
union all select 'applied', 0, version, xmin::text from supabase_migrations.schema_migrations
union all select 'collection', 0, name, xmin::text from app.collections
order by 1, 2, 3
"""


@contextmanager
def administrator(database: Database) -> Iterator[Connection]:
    with closing(Database(database.admin_url)) as admin, admin.engine.begin() as connection:
        yield connection


def _versions(database: Database) -> list[str]:
    with administrator(database) as connection:
        return list(connection.scalars(VERSIONS))


def _objects(database: Database) -> list[Any]:
    with administrator(database) as connection:
        return list(connection.execute(text(OBJECTS)).all())


def _without_admin(database: Database) -> Database:
    return Database(database.url)


def _usable(database: Database, embedder: BundledEmbedder) -> bool:
    memory = Memory(database, embedder, None)
    memory.add("I like tea.", user_id="alice")
    return [each["memory"] for each in memory.search("tea", user_id="alice")["results"]] == ["I like tea."]


def test_an_empty_database_becomes_usable(empty_database: Database, embedder: BundledEmbedder) -> None:
    migrate(empty_database, SIZE, MODEL)
    assert _versions(empty_database) == [each.version for each in files()]
    assert _usable(empty_database, embedder)


def test_the_files_are_numbered_in_the_order_of_their_names() -> None:
    versions = [each.version for each in files()]
    assert versions == sorted(set(versions))
    assert all(len(version) == 14 and version.isdecimal() for version in versions)


def test_a_second_run_changes_nothing(database: Database) -> None:
    before = _objects(database)
    migrate(database, SIZE, MODEL)
    assert _objects(database) == before


def test_an_app_without_an_administrator_starts_when_everything_is_in_place(database: Database) -> None:
    with closing(_without_admin(database)) as app:
        migrate(app, SIZE, MODEL)


def test_an_app_without_an_administrator_is_told_the_command(empty_database: Database) -> None:
    with closing(_without_admin(empty_database)) as app, pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL)


def test_a_missing_migration_is_noticed_by_an_app_that_may_not_apply_it(database: Database) -> None:
    with administrator(database) as connection:
        connection.execute(text("delete from supabase_migrations.schema_migrations where version = :last"), _last())
    with closing(_without_admin(database)) as app, pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL)


def _last() -> dict[str, str]:
    return {"last": files()[-1].version}


def test_only_what_is_missing_is_applied(empty_database: Database, tmp_path: Path) -> None:
    migrate(empty_database, SIZE, MODEL)
    applied = _versions(empty_database)
    for each in files():
        (tmp_path / f"{each.version}_{each.name}.sql").write_text(each.sql)
    (tmp_path / "20990101000000_later.sql").write_text("create table app.later (percent text default '100 %');")
    migrate(empty_database, SIZE, MODEL, tmp_path)
    assert _versions(empty_database) == [*applied, "20990101000000"]


def test_a_migration_with_a_lower_number_that_is_added_later_is_applied_too(
    empty_database: Database, tmp_path: Path
) -> None:
    for each in files():
        (tmp_path / f"{each.version}_{each.name}.sql").write_text(each.sql)
    migrate(empty_database, SIZE, MODEL, tmp_path)
    (tmp_path / "20261120000150_between.sql").write_text("create table app.between ();")
    with closing(_without_admin(empty_database)) as app, pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL, tmp_path)
    migrate(empty_database, SIZE, MODEL, tmp_path)
    assert "20261120000150" in _versions(empty_database)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: Database, tmp_path: Path) -> None:
    (tmp_path / "20200101000000_good.sql").write_text("create schema app; create table app.half ();")
    (tmp_path / "20200102000000_bad.sql").write_text("select 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty_database, SIZE, MODEL, tmp_path)
    with administrator(empty_database) as connection:
        assert connection.scalar(text("select to_regnamespace('app')")) is None


STARTER = """
import sys
from memory.database import Database, explain_migration
from memory.migrations import migrate
database = Database(sys.argv[1], sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
migrate(database, 256, "wordllama-256")
"""


def test_eight_processes_that_start_at_once_all_succeed_and_apply_each_file_once(empty_database: Database) -> None:
    command = [sys.executable, "-c", STARTER, empty_database.url, empty_database.admin_url]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    started = [subprocess.Popen(command, cwd=PROJECT, text=True, **pipes) for _ in range(8)]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in started:
            _tell(each)
        for each in started:
            _, problem = each.communicate(timeout=60)
            assert (each.returncode, problem) == (0, "")
    finally:
        for each in started:
            each.kill()
            each.communicate()
    assert _versions(empty_database) == [each.version for each in files()]


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _db_push(database: Database) -> None:
    """Do what `supabase db push` does: make its table, then apply and record each file."""
    with administrator(database) as connection:
        cursor = connection.connection.cursor()
        cursor.execute("create schema supabase_migrations")
        cursor.execute("create table supabase_migrations.schema_migrations (version text not null primary key)")
        for column in ("statements text[]", "name text", "created_by text", "idempotency_key text unique"):
            cursor.execute(f"alter table supabase_migrations.schema_migrations add column {column}")
        cursor.execute("set search_path = public, extensions")
        for each in files():
            cursor.execute(each.sql)
            cursor.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (each.version, each.name, ["as the command line splits them"]),
            )


def test_after_supabase_db_push_only_the_collection_is_left_to_make(
    empty_database: Database, embedder: BundledEmbedder
) -> None:
    _db_push(empty_database)
    migrate(empty_database, SIZE, MODEL)
    with administrator(empty_database) as connection:
        kept = connection.scalars(text("select distinct statements[1] from supabase_migrations.schema_migrations"))
        assert kept.all() == ["as the command line splits them"]
    assert _usable(empty_database, embedder)


def test_after_supabase_db_push_an_app_that_may_not_make_the_collection_is_told(empty_database: Database) -> None:
    _db_push(empty_database)
    with closing(_without_admin(empty_database)) as app, pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL)


@pytest.mark.parametrize(("size", "model"), [(384, "other-model"), (384, MODEL)])
def test_vectors_of_another_size_are_refused_with_both_sizes(database: Database, size: int, model: str) -> None:
    with pytest.raises(SettingsError, match="256") as raised:
        migrate(database, size, model)
    assert "384" in str(raised.value)
    assert "EMBED_MODEL" in str(raised.value)


def test_vectors_of_another_model_are_refused_with_both_names(database: Database) -> None:
    with pytest.raises(SettingsError, match=MODEL) as raised:
        migrate(database, SIZE, "other-model")
    assert "other-model" in str(raised.value)


def _as_admin(database: Database, role: str) -> Database:
    url = make_url(database.admin_url).set(username=role).render_as_string(hide_password=False)
    return Database(database.url, url)


@pytest.fixture
def hosted(databases: Databases, empty_database: Database) -> Iterator[Database]:
    """A database as Supabase provides it: its administrator is no superuser."""
    databases.run("create role hosted_admin login createrole bypassrls noinherit")
    # Roles belong to the whole server, where another test may have made this one first.
    databases.run("grant keepsake_worker, authenticated to hosted_admin with admin option")
    databases.run(f"alter database {make_url(empty_database.url).database} owner to hosted_admin")
    hosted = _as_admin(empty_database, "hosted_admin")
    yield hosted
    hosted.close()
    databases.run(f"drop database {make_url(empty_database.url).database} with (force)")
    databases.run("drop owned by hosted_admin cascade")
    databases.run("drop role hosted_admin")


def test_a_hosted_administrator_need_not_be_superuser(
    hosted: Database, empty_database: Database, embedder: BundledEmbedder
) -> None:
    with administrator(
        empty_database
    ) as connection:  # Supabase lets its administrator do this, stock Postgres does not
        connection.execute(text("create schema extensions authorization hosted_admin"))
        connection.execute(text("create extension vector schema extensions"))
    migrate(hosted, SIZE, MODEL)
    assert _usable(hosted, embedder)
    with hosted.as_worker() as connection:
        assert connection.execute(text("select * from app.claim_turn()")).all() == []


def test_a_hosted_administrator_may_move_the_vectors_unless_policies_bind_it(
    hosted: Database, empty_database: Database, databases: Databases, embedder: BundledEmbedder
) -> None:
    with administrator(empty_database) as connection:
        connection.execute(text("create schema extensions authorization hosted_admin"))
        connection.execute(text("create extension vector schema extensions"))
    migrate(hosted, SIZE, MODEL)
    Memory(hosted, embedder, None).add("I like tea.", user_id="alice")
    other = BundledEmbedder()
    other.name = "other"
    databases.run("alter role hosted_admin nobypassrls")
    with pytest.raises(MigrationNeeded, match="DATABASE_ADMIN_URL"):
        reembed(hosted, other)
    databases.run("alter role hosted_admin bypassrls")
    assert reembed(hosted, other).rows == 2  # the memory, and what was said
    assert migrations.made_for(hosted) == (SIZE, "other")


def test_an_administrator_who_may_not_add_the_vector_type_is_told_who_may(hosted: Database) -> None:
    with pytest.raises(MigrationNeeded, match="hosted_admin may not create the extension vector") as raised:
        migrate(hosted, SIZE, MODEL)
    assert "create extension vector with schema extensions;" in str(raised.value)
    assert "memory.migrations" not in str(raised.value)  # the command that has just failed


def test_a_server_without_pgvector_is_named_as_the_problem() -> None:
    class NotThere(postgres_errors.FeatureNotSupported):
        def __str__(self) -> str:
            return 'extension "vector" is not available'

    assert "has no pgvector" in str(explain_migration(NotThere(), "postgres", "python"))


@pytest.fixture
def late(databases: Databases, database: Database) -> Iterator[Database]:
    """The database as a role of the app sees it that was made after the tables."""
    databases.run("create role late_app login noinherit nobypassrls")
    url = make_url(database.url).set(username="late_app").render_as_string(hide_password=False)
    late = Database(url, database.admin_url)
    yield late
    late.close()
    databases.run("drop role late_app")


def test_a_role_made_after_the_tables_is_told_the_grant_that_is_missing(late: Database, databases: Databases) -> None:
    with pytest.raises(DatabaseError, match="grant authenticated to late_app;"):
        late.ping()
    databases.run("grant authenticated to late_app")
    with pytest.raises(DatabaseError, match="grant keepsake_worker to late_app;"):
        late.ping()
    databases.run("grant keepsake_worker to late_app")
    late.ping()


def test_every_run_of_the_command_grants_what_is_missing(late: Database, embedder: BundledEmbedder) -> None:
    addresses = {"DATABASE_ADMIN_URL": late.admin_url, "DATABASE_URL": late.url}
    outcome = command(**addresses, EMBED_MODEL=MODEL, EMBED_DIMENSIONS=str(SIZE), OPENAI_API_KEY="sk-none")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "grant keepsake_worker to late_app" in outcome.stdout
    late.ping()
    assert _usable(late, embedder)


def test_an_administrator_without_the_admin_option_is_told_that_it_is_missing(
    late: Database, databases: Databases
) -> None:
    databases.run("create role half_admin login createrole bypassrls noinherit")
    try:
        admin = make_url(late.admin_url).set(username="half_admin").render_as_string(hide_password=False)
        addresses = {"DATABASE_ADMIN_URL": admin, "DATABASE_URL": late.url}
        databases.run("grant authenticated to half_admin")
        outcome = command(**addresses, EMBED_MODEL=MODEL, EMBED_DIMENSIONS=str(SIZE), OPENAI_API_KEY="sk-none")
        assert outcome.returncode == 1
        assert "half_admin may not grant" in outcome.stderr
        assert "to half_admin with admin option;" in outcome.stderr
    finally:
        databases.run("drop role half_admin")


def test_a_wrong_administrators_address_is_blamed_on_its_own_setting(empty_database: Database) -> None:
    nobody = make_url(empty_database.admin_url).set(username="nobody_here").render_as_string(hide_password=False)
    with (
        closing(Database(empty_database.url, nobody)) as app,
        pytest.raises(DatabaseError, match="in DATABASE_ADMIN_URL does not exist"),
    ):
        migrate(app, SIZE, MODEL)
    with closing(Database(nobody, setting="DATABASE_ADMIN_URL")) as app, pytest.raises(DatabaseError) as raised:
        app.ping()
    assert "DATABASE_ADMIN_URL" in str(raised.value)
    outcome = command(DATABASE_ADMIN_URL=nobody, DATABASE_URL=empty_database.url, OPENAI_API_KEY="sk-none")
    assert "in DATABASE_ADMIN_URL does not exist" in outcome.stderr


def test_an_apps_address_that_is_none_is_named_by_the_command(database: Database) -> None:
    addresses = {"DATABASE_ADMIN_URL": database.admin_url, "DATABASE_URL": "postgresql://app:x@host:port/postgres"}
    outcome = command(**addresses, EMBED_MODEL=MODEL, EMBED_DIMENSIONS=str(SIZE), OPENAI_API_KEY="sk-none")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("DATABASE_URL is not a Postgres address")


def test_an_administrator_whom_policies_bind_is_refused(hosted: Database, databases: Databases) -> None:
    databases.run("alter role hosted_admin nobypassrls")
    with pytest.raises(MigrationNeeded, match="bypasses row-level security"):
        migrate(hosted, SIZE, MODEL)


@pytest.mark.parametrize("schema", ["extensions", "public"])
def test_the_vector_type_may_be_in_either_schema(
    empty_database: Database, embedder: BundledEmbedder, schema: str
) -> None:
    with administrator(empty_database) as connection:
        connection.execute(text(f"create schema if not exists {schema}"))
        connection.execute(text(f"create extension vector schema {schema}"))
    migrate(empty_database, SIZE, MODEL)
    assert _usable(empty_database, embedder)


# Tables without a user's data; every other one must be walled, so a new table fails until it is.
WITHOUT_USERS = {"app.collections", "app.reembedding"}


def test_every_table_with_a_users_data_has_row_level_security_on_and_forced(database: Database) -> None:
    listed = """
        select n.nspname || '.' || c.relname, c.relrowsecurity and c.relforcerowsecurity,
               exists (select from pg_policy p where p.polrelid = c.oid)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('app', 'vecs') and c.relkind in ('r', 'p', 'f', 'm')
    """
    with administrator(database) as connection:
        walls = {name: (walled, policy) for name, walled, policy in connection.execute(text(listed))}
    assert {"app.conversations", "app.messages", "app.memory_history", "vecs.memories"} <= walls.keys()
    assert {name for name, wall in walls.items() if wall != (True, True)} == WITHOUT_USERS


def test_what_is_nobodys_can_be_entered_by_no_role_of_the_app(database: Database) -> None:
    """Counts across people, invitations, applications: no right on schema or table, and no policy to let one in."""
    rights = """
        select has_schema_privilege(role, 'app_shared', 'usage, create'),
               has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate, references, trigger'),
               c.relrowsecurity and c.relforcerowsecurity,
               exists (select from pg_policy p where p.polrelid = c.oid)
        from pg_class c, unnest(array['public', 'anon', 'authenticated', 'keepsake_worker', 'keepsake_app']) role
        where c.relnamespace = 'app_shared'::regnamespace and c.relkind = 'r'
    """
    with administrator(database) as connection:
        found = connection.execute(text(rights)).all()
    assert len(found) == 20
    assert set(found) == {(False, False, True, False)}


def test_no_view_looks_past_the_walls(database: Database) -> None:
    views = "select count(*) from pg_views where schemaname in ('app', 'vecs')"
    with administrator(database) as connection:
        assert connection.scalar(text(views)) == 0


# Each runs as its owner, who sees all users: it must return ids, one's own row, a count or a yes, and nothing more.
LOOKS_ACROSS_USERS = {"claim_turn", "claim_lesson", "has_migration", "session_of", "delete_account"}
LOOKS_ACROSS_USERS |= {
    "retry_remembering",
    "wake_resting",
    "bring_back_times",
    "count_across",
    "use_invitation",
    "was_invited",
    "forget_invited",
    "sweep_chats",
    "sweep_is_scheduled",
    "has_people",
    "came_first",
    "find_messages",
    "key_of",
    "queue_figures",
    "open_key",
    "application_of_key",
    "owner_in_application",
    "memories_in_application",
    "renew_open_replies",
    "look_at_open_replies",
    "claim_index",
    "note_index",
}
# Each reaches a table of mem0's, for the user who asks.
LOOKS_ACROSS_USERS |= {"erase_mem0_entities", "count_mem0_entities", "unlink_mem0_entities"}
# Triggers, which nobody can call: they write only what belongs to the row that changed.
OWN_TRIGGERS = {
    "take_place",
    "keep_history",
    "keep_graph",
    "keep_company",
    "keep_words",
    "hide_episodes",
    "keep_source",
    "note_for_index",
}


def test_only_the_functions_that_the_page_on_security_names_run_with_their_owners_rights(database: Database) -> None:
    definers = (
        "select proname from pg_proc where prosecdef and pronamespace in ('app'::regnamespace, 'vecs'::regnamespace)"
    )
    with administrator(database) as connection:
        assert set(connection.scalars(text(definers))) == LOOKS_ACROSS_USERS | OWN_TRIGGERS
    page = (PROJECT / "docs" / "security.md").read_text()
    assert {name for name in LOOKS_ACROSS_USERS | OWN_TRIGGERS if f"`{name}`" not in page} == set()


def command(module: str = "memory.migrations", *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this project with these settings alone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_brings_a_database_up_to_date(empty_database: Database) -> None:
    outcome = command(DATABASE_ADMIN_URL=empty_database.admin_url, OPENAI_API_KEY="sk-none")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "up to date" in outcome.stdout
    assert _versions(empty_database) == [each.version for each in files()]


def test_the_short_command_does_the_same(empty_database: Database) -> None:
    outcome = command("migrations", DATABASE_ADMIN_URL=empty_database.admin_url, OPENAI_API_KEY="sk-none")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert _versions(empty_database) == [each.version for each in files()]


@pytest.mark.parametrize("environment", [{}, {"DATABASE_ADMIN_URL": "postgresql://app@/postgres?host=/nowhere"}])
@pytest.mark.slow
def test_the_command_says_in_one_sentence_what_is_wrong(environment: dict[str, str]) -> None:
    outcome = command(OPENAI_API_KEY="sk-none", **environment)
    assert outcome.returncode == 1
    assert len(outcome.stderr.strip().splitlines()) == 1
