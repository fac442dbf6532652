"""Whoever gets hold of the app's own connection: with nobody bound, with Mallory bound, and as the worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy import exc as sqlalchemy_errors

from chat.conversations import clear_quotes, clear_receipts
from memory.database import BIND, Database
from memory.embedded.embedder import BundledEmbedder
from tests.databases import Databases
from tests.walls.world import ALICE, MALLORY, SECRET, TABLES, World, administrator, rows_of

BOUND = {
    "the login role": None,
    "authenticated without a claim": ("authenticated", ""),
    "authenticated as Mallory": ("authenticated", '{"sub": "mallory", "role": "authenticated"}'),
    "authenticated as nobody": ("authenticated", '{"role": "service_role"}'),
    "authenticated as null": ("authenticated", '{"sub": null}'),
    "authenticated as a list": ("authenticated", '{"sub": ["alice"]}'),
    "the worker": ("keepsake_worker", ""),
    "the worker with Alice's claim": ("keepsake_worker", '{"sub": "alice"}'),
}
ESCALATIONS = [
    "set role postgres",
    "set role service_role",
    "set session authorization postgres",
    "reset session authorization; set role postgres",
    "alter table app.messages no force row level security",
    "alter table app.messages disable row level security",
    "drop policy own_messages on app.messages",
    "create policy mine on app.messages using (true)",
    "set row_security = off; select content from app.messages",
    "create function app.mine() returns text language sql security definer as $$ select 'x' $$",
    "create table app.mine (x text)",
    "create table public.mine (x text)",
    "create or replace function app.asking() returns text language sql as $$ select 'alice' $$",
    "alter function app.claim_turn() owner to current_user",
    "grant authenticated to public",
    "alter role current_user bypassrls",
    "truncate app.messages",
    "copy app.messages to program 'cat'",
    "copy (select 1) to '/tmp/keepsake-attack'",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "select * from pg_authid",
    "select app.ensure_collection(256, 'x')",
    "select app.ensure_sweep()",
    "select * from app_shared.counts",
    "select * from app_shared.invitations",
    "insert into app_shared.invitations (code, ends_at) values ('x', now() + interval '1 day')",
    "select * from auth.users",
    "do $$ begin perform set_config('role', 'postgres', false); end $$",
    "set local role postgres",
    "set session_replication_role = replica",
    "create schema mine",
    "create role mine",
    "grant keepsake_worker to public",
    "alter default privileges for role postgres grant all on tables to public",
    "alter default privileges in schema app grant all on tables to public; create table app.mine (x text)",
    "create trigger mine before insert on app.messages for each row execute function app.keep_history()",
    "create rule mine as on insert to app.messages do also select 1",
    "create event trigger mine on ddl_command_end execute function app.keep_history()",
    "create cast (jsonb as text) without function",
    "create operator app.=== (leftarg = text, rightarg = text, function = pg_catalog.texteq)",
    "create type app.mine as (x text)",
    "create domain vecs.vector as text",
    "alter type extensions.vector rename to mine",
    "alter extension vector set schema public",
    "create language plpgsql",
    "create function pg_temp.mine() returns int language internal as 'int4in'",
    "create publication mine for all tables",
    "create server mine foreign data wrapper postgres_fdw",
    "alter system set log_statement = 'all'",
    "alter database postgres set search_path = pg_temp",
    "alter role postgres set search_path = pg_temp",
    "alter function app.asking() set search_path = pg_temp",
    "load '/tmp/mine.so'",
    "select lo_export(0, '/tmp/keepsake-attack')",
    "select pg_ls_dir('/')",
    "select pg_reload_conf()",
    "copy app.messages from program 'true'",
]


@pytest.fixture(scope="module")
def world(databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    with databases.migrated() as fresh:
        made = World(fresh, embedder)
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        yield made


def _tables(world: World) -> list[tuple[str, str]]:
    with administrator(world.database) as connection:
        return [(name, owner) for name, owner in connection.execute(text(TABLES))]


def _begin(database: Database, bound: tuple[str, str] | None) -> Connection:
    connection = database.engine.connect()
    if bound is not None:
        connection.exec_driver_sql(BIND, {"asking_role": bound[0], "asking_claims": bound[1]})
    return connection


def _taken(world: World, bound: tuple[str, str] | None, sql: str, *, commit: bool = False) -> str:
    """What a statement gives, or how it is refused."""
    with _begin(world.database, bound) as connection:
        try:
            result = connection.exec_driver_sql(sql)
            given = repr(result.all()) if result.returns_rows else f"{result.rowcount} rows"
        except sqlalchemy_errors.DBAPIError as error:
            return f"refused: {str(error.orig).splitlines()[0]}"
        if commit:
            connection.commit()
        return given


@pytest.mark.every_server
@pytest.mark.parametrize("who", BOUND)
def test_no_reading_gives_anything_of_alices(world: World, who: str) -> None:
    for table, owner in _tables(world):
        for condition in ("true", f"{owner} = 'alice'", f"{owner} = 'alice' or true"):
            given = _taken(world, BOUND[who], f"select t.* from {table} t where {condition}")
            assert SECRET.lower() not in given.lower(), (table, condition)
            assert "alice" not in given, (table, condition)


@pytest.mark.every_server
@pytest.mark.parametrize("who", BOUND)
def test_no_writing_changes_anything_of_alices(world: World, who: str) -> None:
    with administrator(world.database) as connection:
        before = rows_of(connection, ALICE)
    for table, owner in _tables(world):
        own = "user_id" if owner == "user_id" else "metadata"
        mine = "'mallory'" if own == "user_id" else 'metadata || \'{"user_id": "mallory"}\''
        hers = "'alice'" if own == "user_id" else 'metadata || \'{"user_id": "alice"}\''
        for sql in (
            f"delete from {table}",
            f"delete from {table} where {owner} = 'alice'",
            f"update {table} set {own} = {mine} where {owner} = 'alice'",
            f"update {table} set {own} = {hers}",
            f"insert into {table} select * from {table}",
        ):
            if "delete" in sql and who == "authenticated as Mallory" and "where" not in sql:
                continue  # her own
            _taken(world, BOUND[who], sql, commit=True)
    with administrator(world.database) as connection:
        assert rows_of(connection, ALICE) == before


@pytest.mark.every_version
@pytest.mark.parametrize("who", ["the login role", "authenticated as Mallory", "the worker"])
@pytest.mark.parametrize("sql", ESCALATIONS)
def test_no_step_leads_higher(world: World, who: str, sql: str) -> None:
    given = _taken(world, BOUND[who], sql)
    assert given.startswith("refused") or given == "[]", given
    assert SECRET not in given


@pytest.mark.every_server
@pytest.mark.parametrize(
    "call",
    [
        "select * from app.claim_turn()",
        "select * from app.claim_lesson()",
        "select * from app.count_across('tokens', 'x', 1, 1, 1)",
        "select app.use_invitation('x', 'y')",
        "select app.was_invited('x')",
        "select app.forget_invited('x')",
        "select app.sweep_chats()",
        "select app.sweep_is_scheduled()",
        "select app.has_people()",
        "select app.retry_remembering()",
        "select app.wake_resting()",
        "select app.bring_back_times()",
        "select * from app.key_of('\\x00')",
        "select * from app.queue_figures()",
        "select * from app.open_key('\\x00', 0)",
        "select * from app.application_of_key('\\x00')",
    ],
)
def test_what_looks_across_people_is_for_nobody_who_is_somebody(world: World, call: str) -> None:
    assert _taken(world, BOUND["authenticated as Mallory"], call).startswith("refused: permission denied")
    assert _taken(world, BOUND["the login role"], call).startswith("refused: permission denied")


@pytest.mark.every_version
def test_erasing_takes_only_ones_own_rows_even_where_no_policy_binds(
    databases: Databases, embedder: BundledEmbedder
) -> None:
    with databases.migrated() as fresh:
        world = World(fresh, embedder)
        world.settle_in(ALICE, SECRET)
        world.settle_in(MALLORY, "coffee")
        with administrator(fresh) as connection:
            before = rows_of(connection, ALICE)
            bind = text("select set_config('request.jwt.claims', :claims, true)")
            connection.execute(bind, {"claims": '{"sub": "mallory"}'})
            world.questions.erase(connection, [world.known["asked"].id], [world.known["fact"].id])
            clear_quotes(connection, [world.known["fact"].id], [SECRET])
            clear_receipts(connection)
            world.erasure.erase(connection, MALLORY)
            world.history.erase(connection)
            world.history.erase_since(connection, world.known["fact"].id, 0)
            world.chats.erase_all(connection)
            assert rows_of(connection, ALICE) == before
            assert not any(rows_of(connection, MALLORY)[f"vecs.{each}"] for each in ("memories", "episodes"))
            assert not rows_of(connection, MALLORY)["app.conversations"]


@pytest.mark.every_version
def test_what_the_worker_may_call_gives_no_word_of_anybody(world: World) -> None:
    world.conversations.say(ALICE, None, f"{SECRET} once more")
    with administrator(world.database) as connection:
        connection.execute(text("update app.messages set remember_after = now() where remembering = 'waiting'"))
        connection.execute(text("update app.leases set claimed_until = now()"))
    claimed = _taken(world, BOUND["the worker"], "select * from app.claim_turn()")
    assert "alice" in claimed
    assert SECRET not in claimed


@pytest.mark.every_version
def test_the_login_role_is_as_the_readme_makes_it(world: World) -> None:
    """No right of its own, and only the two roles to become."""
    with administrator(world.database) as connection:
        role = text("select rolinherit, rolbypassrls, rolsuper, rolcreaterole from pg_roles where rolname = :name")
        name = world.database.engine.url.username
        assert connection.execute(role, {"name": name}).one() == (False, False, False, False)
        members = text("select roleid::regrole::text from pg_auth_members where member = to_regrole(:name) order by 1")
        assert list(connection.scalars(members, {"name": name})) == ["authenticated", "keepsake_worker"]
        owned = text("select count(*) from pg_class where relowner = to_regrole(:name)")
        assert connection.scalar(owned, {"name": name}) == 0


@pytest.mark.every_version
def test_the_sql_of_the_readme_makes_a_role_that_can_work_and_no_more(world: World, databases: Databases) -> None:
    deploy = (Path(__file__).parents[2] / "README.md").read_text().partition("## Deploy")[2]
    [written] = re.findall(r"```sql\n(.*?)```", deploy, re.DOTALL)
    name = "keepsake_as_written"
    for statement in filter(str.strip, written.replace("keepsake_app", name).split(";")):
        databases.run(statement)
    databases.run(f"grant keepsake_worker to {name}")
    [password] = re.findall(r"password '(.*?)'", written)
    url = make_url(world.database.url).set(username=name, password=password).render_as_string(hide_password=False)
    try:
        with closing(Database(url)) as app:
            made = World(app, world.embedder)
            assert SECRET in repr(made.memory.search(SECRET, user_id=ALICE))
            assert SECRET not in repr(made.memory.search(SECRET, user_id=MALLORY))
            assert _taken(made, None, "select content from app.messages").startswith("refused: permission denied")
    finally:
        databases.run(f"drop role {name}")
