"""Somebody with the app's database password makes temporary objects, and calls what runs with its owner's rights."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from memory.database import BIND
from memory.embedded.embedder import BundledEmbedder
from tests.databases import Databases
from tests.walls.attacks_index import attach_resting
from tests.walls.world import ALICE, MALLORY, SECRET, World, administrator

AS_MALLORY = ("authenticated", '{"sub": "mallory", "role": "authenticated"}')
AS_APPLICATION = ("authenticated", '{"application": "0b0e7f6e-3a55-4d2b-9c3e-111111111111", "role": "authenticated"}')
AS_WORKER = ("keepsake_worker", "")
# Every function that runs with its owner's rights, called so that it does its work.
CALLS = {
    "claim_lesson": (AS_WORKER, "select user_id from app.claim_lesson()"),
    "claim_index": (AS_WORKER, "select owner, ids from app.claim_index('dictionary', 9)"),
    "note_index": (AS_WORKER, "select app.note_index('dictionary', 'works', null)"),
    "claim_turn": (AS_WORKER, "select message_id, user_id from app.claim_turn()"),
    "count_across": (AS_WORKER, "select amount from app.count_across('tokens', 'x', 1, 1000000, 60)"),
    "delete_account": (AS_MALLORY, "select app.delete_account()"),
    "find_messages": (AS_MALLORY, "select * from app.find_messages(array['coffee'], array['about coffee'], 5)"),
    "has_migration": (AS_MALLORY, "select app.has_migration('20261120000100')"),
    "retry_remembering": (AS_WORKER, "select app.retry_remembering()"),
    "wake_resting": (AS_WORKER, "select app.wake_resting()"),
    "bring_back_times": (AS_WORKER, "select app.bring_back_times()"),
    "key_of": (AS_WORKER, "select * from app.key_of(sha256('x'))"),
    "queue_figures": (AS_WORKER, "select turns_waiting, imports_waiting from app.queue_figures()"),
    "open_key": (AS_WORKER, "select * from app.open_key(sha256('x'), 1)"),
    "application_of_key": (AS_WORKER, "select * from app.application_of_key(sha256('x'))"),
    "owner_in_application": (
        AS_APPLICATION,
        "select app.owner_in_application(asked, '1') from unnest(array['memory', 'event', 'run', 'question']) asked",
    ),
    "memories_in_application": (
        AS_APPLICATION,
        "select * from app.memories_in_application(array['application:0b0e7f6e-3a55-4d2b-9c3e-111111111111:x'])",
    ),
    "renew_open_replies": (
        AS_WORKER,
        "select stop_wanted from app.renew_open_replies(gen_random_uuid(), array[gen_random_uuid()])",
    ),
    "look_at_open_replies": (AS_WORKER, "select saves from app.look_at_open_replies(array[gen_random_uuid()])"),
    "session_of": (AS_MALLORY, "select * from app.session_of(sha256('x'))"),
    "has_people": (AS_WORKER, "select app.has_people()"),
    "came_first": (AS_MALLORY, "select app.came_first()"),
    "sweep_is_scheduled": (AS_WORKER, "select app.sweep_is_scheduled()"),
    "sweep_chats": (AS_WORKER, "select app.sweep_chats()"),
    "use_invitation": (AS_WORKER, "select app.use_invitation('x', 'y')"),
    "was_invited": (AS_WORKER, "select app.was_invited('x')"),
    "forget_invited": (AS_WORKER, "select app.forget_invited('x')"),
    "erase_mem0_entities": (AS_MALLORY, "select app.erase_mem0_entities()"),
    "count_mem0_entities": (AS_MALLORY, "select app.count_mem0_entities()"),
    "unlink_mem0_entities": (AS_MALLORY, "select app.unlink_mem0_entities(array['linked'])"),
}
# The triggers on vecs.memories run with their owner's rights too.
ADDED = """
insert into vecs.memories (id, vec, metadata)
select 'new', vec, metadata - 'hash' || '{"entities": [["Ana", "my sister"]], "relations": [["me", "knows", "Ana"]]}'
from vecs.memories limit 1 returning id"""
CHANGED = "update vecs.memories set metadata = jsonb_set(metadata, '{data}', '\"I like cocoa.\"') returning id"
DELETED = "select set_config('keepsake.actor', 'person', true); delete from vecs.memories returning id"
TRIGGERS = {
    "take_place": (AS_MALLORY, ADDED),
    "keep_history": (AS_MALLORY, CHANGED),
    "keep_graph": (AS_MALLORY, ADDED),
    "keep_words": (AS_MALLORY, CHANGED),
    "keep_company": (AS_MALLORY, DELETED),
    "hide_episodes": (AS_MALLORY, DELETED),
    "keep_source": (AS_MALLORY, CHANGED),
    "note_for_index": (AS_MALLORY, ADDED),
}
CALLS |= TRIGGERS
MEM0_ENTITIES = """
create table vecs.memories_entities (id varchar primary key, metadata jsonb);
insert into vecs.memories_entities values
  ('hers', '{"user_id": "mallory", "data": "Ana", "linked_memory_ids": ["linked"]}'),
  ('not hers', '{"user_id": "alice", "data": "Ben", "linked_memory_ids": ["linked"]}')
"""
# It says whose rights it was given; without any but the caller's, it changes nothing.
TRAP = """
create function pg_temp.trap() returns pg_catalog.bool language plpgsql as $$ begin
  if current_user not in ('authenticated', 'keepsake_worker') then
    raise exception 'the trap ran as %', current_user;
  end if;
  return true;
end $$;
"""
TYPES = """
select string_agg(format('create domain pg_temp.%I as pg_catalog.%I check (pg_temp.trap())', typname, typname), ';')
from pg_type where typnamespace = 'pg_catalog'::regnamespace and typname in (
  'text', 'varchar', 'name', 'json', 'jsonb', 'jsonpath', 'uuid', 'bytea', 'bool', 'int2', 'int4', 'int8', 'float8',
  'numeric', 'date', 'timestamptz', 'timestamp', 'interval', 'tsquery', 'tsvector', 'daterange', 'regclass', 'regrole',
  'regconfig', 'regprocedure', 'oid')
"""
# Postgres looks for neither among temporary objects; a setting that changed that would be noticed here.
FUNCTIONS_AND_OPERATORS = """
select $functions$
  create function pg_temp.lower(text) returns text language sql as $$ select pg_temp.trap()::text $$;
  create function pg_temp.left(text, int) returns text language sql as $$ select pg_temp.trap()::text $$;
  create function pg_temp.format(text, text) returns text language sql as $$ select pg_temp.trap()::text $$;
  create function pg_temp.format(text, name, name) returns text language sql as $$ select pg_temp.trap()::text $$;
  create function pg_temp.now() returns timestamptz language sql as
    $$ select pg_catalog.now() where pg_temp.trap() $$;
  create function pg_temp.same(text, text) returns bool language sql as $$ select $1 = $2 and pg_temp.trap() $$;
  create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.same)
$functions$
"""
TABLES = """
select string_agg(distinct format('create view pg_temp.%I as select pg_temp.trap() as user_id', relname), ';')
from pg_class join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'v') and (nspname in ('app', 'app_shared', 'vecs', 'supabase_migrations')
  or nspname = 'pg_catalog' and relname in ('pg_class', 'pg_namespace', 'pg_attribute', 'pg_proc', 'pg_roles'))
"""


@pytest.fixture(scope="module")
def world(databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    with databases.migrated() as fresh:
        made = World(fresh, embedder)
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        attach_resting(made)
        with administrator(fresh) as connection:
            connection.execute(text("update app.messages set remember_after = now() where remembering = 'waiting'"))
            connection.execute(text("update app.lessons set after = now() where user_id = 'mallory'"))
            old = "update app.conversations set deleted_at = now() - interval '2 days' where user_id = 'alice'"
            connection.execute(text(old))
            connection.execute(text(MEM0_ENTITIES))
        yield made


def _answer(connection: Connection, sql: str) -> str:
    try:
        return repr(connection.exec_driver_sql(sql).all())
    except sqlalchemy_errors.DBAPIError as error:
        return str(error.orig).splitlines()[0]


def _shadows(world: World, listed: str) -> str:
    with administrator(world.database) as connection:
        return str(connection.scalar(text(listed)))


def test_every_function_with_its_owners_rights_is_attacked(world: World) -> None:
    schemas = "pronamespace::regnamespace::text in ('app', 'app_shared', 'vecs')"
    definers = f"select proname from pg_proc where prosecdef and {schemas}"
    with administrator(world.database) as connection:
        assert set(connection.scalars(text(definers))) == set(CALLS)


@pytest.mark.parametrize("listed", [TYPES, FUNCTIONS_AND_OPERATORS, TABLES], ids=["types", "functions", "tables"])
@pytest.mark.parametrize("function", CALLS)
def test_a_temporary_object_is_not_used_with_the_owners_rights(world: World, function: str, listed: str) -> None:
    (role, claims), call = CALLS[function]
    answers = []
    for shadows in ("", f"{TRAP} {_shadows(world, listed)}"):
        with world.database.engine.connect() as connection:
            connection.exec_driver_sql(BIND, {"asking_role": role, "asking_claims": claims})
            if shadows:
                connection.exec_driver_sql(shadows.replace("%", "%%"))
            answers.append(_answer(connection, call))
    assert answers[0].startswith("[")
    assert answers[1] == answers[0]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_with_its_owners_rights_can_be_put_on_no_other_table(world: World, trigger: str) -> None:
    """On a table of her own it would write whatever rows she likes, for anybody."""
    made = "create temporary table mine (id text, vec text, metadata jsonb)"
    attach = f"create trigger mine after insert on mine for each row execute function app.{trigger}()"
    with world.database.engine.connect() as connection:
        connection.exec_driver_sql(BIND, {"asking_role": AS_MALLORY[0], "asking_claims": AS_MALLORY[1]})
        connection.exec_driver_sql(made)
        assert _answer(connection, attach) == f"permission denied for function app.{trigger}"


def test_what_mem0_noted_is_erased_for_the_person_who_asks_only(world: World) -> None:
    with world.database.as_user(MALLORY) as connection:
        connection.execute(text("select app.unlink_mem0_entities(array['linked'])"))
        connection.execute(text("select app.erase_mem0_entities()"))
    with administrator(world.database) as connection:
        left = connection.execute(text("select id, metadata ->> 'linked_memory_ids' from vecs.memories_entities")).all()
    assert left == [("not hers", '["linked"]')]


PATH = "search_path=pg_catalog, pg_temp"
INLINED = "its body is written into the queries that use it, which a setting would prevent; it names no bare type"
VECTORS = "it names pgvector's type or operator, which is in the schema extensions or public; only its owner calls it"
RECALL = "it uses pgvector's operator, which is in the schema extensions or public; it runs with its caller's rights"
READ_ONCE = "its body is in SQL's own form, which is read when the function is made"
# A function without a path of its own runs with its caller's, so within a function that has one it has that one.
WITHOUT_PATH = {
    "asking": READ_ONCE,
    "lexemes": INLINED,
    "owner": INLINED,
    "plain_words": INLINED,
    "searched": INLINED,
    "spoken_words": INLINED,
    "begin_reembedding": VECTORS,
    "ensure_collection": VECTORS,
    "ensure_recall": VECTORS,
    "keep_next_vectors": VECTORS,
    "recall": RECALL,
    "recall_as_of": RECALL,
    "recall_near": RECALL,
}
FUNCTIONS = """
select proname as name, prosecdef as definer, prosrc as body,
  (select setting from unnest(proconfig) setting where setting like 'search_path=%') as path,
  has_function_privilege('authenticated', oid, 'execute') or has_function_privilege('keepsake_worker', oid, 'execute')
    or has_function_privilege('keepsake_app', oid, 'execute') as callable
from pg_proc where pronamespace::regnamespace::text in ('app', 'app_shared', 'vecs') order by 1
"""


def test_every_function_searches_temporary_objects_last(world: World) -> None:
    with administrator(world.database) as connection:
        functions = connection.execute(text(FUNCTIONS).execution_options(no_parameters=True)).all()
    wrong = [each.name for each in functions if each.path != PATH and (each.path or each.name not in WITHOUT_PATH)]
    assert not wrong, f"these functions need `set search_path = pg_catalog, pg_temp`: {wrong}"
    without = {each.name: each for each in functions if each.path is None}
    assert not [name for name, each in without.items() if each.definer]
    assert not [name for name, each in without.items() if WITHOUT_PATH[name] == VECTORS and each.callable]
    assert not [name for name, each in without.items() if WITHOUT_PATH[name] == READ_ONCE and each.body]
    inlined = [each for name, each in without.items() if WITHOUT_PATH[name] == INLINED]
    assert not [each.name for each in inlined if re.search(r"::(?!pg_catalog\.)|\bcast\b", each.body)]


def test_the_app_works_where_nobody_may_make_temporary_objects(databases: Databases, embedder: BundledEmbedder) -> None:
    with databases.migrated() as fresh:
        databases.run(f"revoke temporary on database {fresh.engine.url.database} from public")
        made = World(fresh, embedder)
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        assert SECRET in repr(made.memory.search(SECRET, user_id=ALICE))
        assert made.sessions.delete_account(MALLORY)
        with made.database.as_user(ALICE) as connection:
            assert "permission denied" in _answer(connection, "create temporary table mine (x int)")
