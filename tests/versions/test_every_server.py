"""What people do with their memories, and what must not happen, on every version of PostgreSQL and through PgBouncer.

The administrator is no superuser there, and in transaction mode everybody shares one connection of PgBouncer's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import make_url, text

from auth.session import Sessions
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import AppError, DatabaseUnreachable
from memory.migrations import files, migrate, pending
from tests.databases import Databases
from tests.walls.attacks import ATTACKS
from tests.walls.attacks_index import attach_resting
from tests.walls.watch import watching
from tests.walls.world import ALICE, MALLORY, SECRET, World, administrator, rows_of

pytestmark = pytest.mark.every_server

ALTERED = "select max(xmin::text::bigint), count(*) from {}"
CATALOGS = ("pg_class", "pg_proc", "pg_policy", "pg_trigger", "pg_constraint")


@pytest.fixture
def world(databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    with databases.migrated() as fresh:
        made = World(fresh, embedder)
        made.settle_in(ALICE, SECRET)
        made.settle_in(MALLORY, "coffee")
        yield made


def test_everything_is_migrated_and_a_second_run_changes_nothing(
    databases: Databases, database: Database, embedder: BundledEmbedder
) -> None:
    def state() -> list[object]:
        asked = [*CATALOGS, "supabase_migrations.schema_migrations"]
        return [databases.ask(database, ALTERED.format(each)) for each in asked]

    before = state()
    assert pending(database) == ()
    assert migrate(database, embedder.dimensions, embedder.name).applied == ()
    assert state() == before
    assert len(files()) == databases.ask(database, "select count(*) from supabase_migrations.schema_migrations")[0][0]


@pytest.mark.hosted_servers
def test_a_wrong_password_is_named_as_the_problem(database: Database) -> None:
    address = make_url(database.url).set(password="wrong/@#pass")
    with pytest.raises(DatabaseUnreachable, match="refused the password of keepsake_app: check DATABASE_URL") as raised:
        Database(address.render_as_string(hide_password=False)).ping()
    assert "wrong" not in str(raised.value)


def test_memories_are_learned_found_corrected_undone_and_deleted(memory: Memory) -> None:
    for each in ("I live in Porto.", "My dentist is Dr. Silva.", "I was in Lisbon on 2026-05-02."):
        memory.add(each, user_id="ann", metadata={"source": "diary"})
    memory.add("I live in Oslo.", user_id="bob")

    def found(question: str, **filters: object) -> list[str]:
        return [each["memory"] for each in memory.search(question, user_id="ann", filters=filters or None)["results"]]

    assert found("Where do I live?")[0] == "I live in Porto."
    assert found("Where do I live?", source="diary")[0] == "I live in Porto."
    assert found("Where do I live?", source="elsewhere") == []
    assert found("Where do I live?", created_at={"gte": "2020-01-01T00:00:00Z"})[0] == "I live in Porto."
    assert found("Where do I live?", created_at={"lt": "2020-01-01"}) == []
    [home] = [each for each in memory.get_all(user_id="ann")["results"] if "Porto" in each["memory"]]
    memory.update(home["id"], "I live in Faro.", user_id="ann")
    assert found("Where do I live?")[0] == "I live in Faro."
    memory.undo(memory.changes(user_id="ann", limit=1)[0]["id"], user_id="ann")
    assert found("Where do I live?")[0] == "I live in Porto."
    memory.delete(home["id"], user_id="ann")
    assert "I live in Porto." not in found("Where do I live?")
    memory.delete_all(user_id="ann")
    assert memory.get_all(user_id="ann")["results"] == []
    assert [each["memory"] for each in memory.get_all(user_id="bob")["results"]] == ["I live in Oslo."]


def test_a_chat_and_an_account_are_deleted_with_everything_of_them(world: World) -> None:
    with administrator(world.database) as connection:
        hers = rows_of(connection, ALICE)
    said = world.conversations.say(MALLORY, None, "I keep bees")
    assert world.services.forget_chat(MALLORY, said.conversation_id).proved
    assert world.services.delete_account(MALLORY).proved
    with administrator(world.database) as connection:
        left = rows_of(connection, MALLORY)
        assert rows_of(connection, ALICE) == hers
    # What an index outside of Postgres is yet to be told to remove: ids without words.
    assert {name for name, rows in left.items() if rows} <= {"app.index_outbox"}


def test_a_sign_in_in_the_same_database_is_deleted_with_the_account(databases: Databases, database: Database) -> None:
    who, [(sign_ins,)] = str(uuid4()), databases.ask(database, "select to_regclass('auth.users')::text")
    if sign_ins:  # as on Supabase, where these tables are not the administrator's own
        with administrator(database) as connection:
            connection.execute(text("insert into auth.users (id) values (cast(:who as uuid))"), {"who": who})
    assert Sessions(database).delete_account(who) == ({"sign_in": 1} if sign_ins else {})
    if sign_ins:
        assert databases.ask(database, f"select count(*) from auth.users where id = '{who}'") == [(0,)]


def test_no_attack_gets_through(world: World) -> None:
    attach_resting(world)
    with administrator(world.database) as connection:
        before = rows_of(connection, ALICE)
    told: list[tuple[str, str]] = []
    with watching(world.database.engine) as watched:
        for name, attacks in ATTACKS.items():
            for attack in attacks:
                try:
                    taken = attack(world)
                    told.append((name, repr([taken, getattr(taken, "__dict__", None)])))
                except (AppError, sqlalchemy_errors.DBAPIError) as refused:
                    told.append((name, str(refused)))
    assert [name for name, words in told if SECRET.lower() in words.lower()] == []
    assert watched.wrong == []
    assert watched.touching > 200
    with administrator(world.database) as connection:
        assert rows_of(connection, ALICE) == before
    assert SECRET in repr(world.memory.search(SECRET, user_id=ALICE))


WHO = "select current_user::text, session_user::text, coalesce(current_setting('request.jwt.claims', true), '')"


def test_people_who_share_a_connection_see_nothing_of_each_other(database: Database, embedder: BundledEmbedder) -> None:
    people = [f"person-{number}" for number in range(6)]
    shared = Memory(database, embedder, None)
    for each in people:
        shared.add(f"I live in Town{each}x", user_id=each, infer=False)

    def visit(number: int) -> None:
        chance = random.Random(number)
        for _ in range(20):
            who = chance.choice(people)
            seen = repr(shared.search("Where do I live?", user_id=who)) + repr(shared.get_all(user_id=who))
            assert [each for each in people if f"Town{each}x" in seen] == [who]
            with pytest.raises(sqlalchemy_errors.DBAPIError), database.as_user(who) as connection:
                connection.exec_driver_sql("select 1 / 0")
            with database.engine.connect() as connection:
                assert connection.exec_driver_sql(WHO).one() == ("keepsake_app", "keepsake_app", "")

    with ThreadPoolExecutor(4) as threads:
        for visited in [threads.submit(visit, number) for number in range(4)]:
            visited.result()
