"""A table that mem0 2.2.1 wrote is taken over: nothing is lost, and what is done is said and can be undone.

`mem0_rows.json` holds the rows, and says how they were made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy import exc as sqlalchemy_errors

from auth.applications import Applications, application_user, make_application_key
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.embedder_server import EmbedderServer
from memory.errors import InvalidInput, MigrationNeeded, SettingsError
from memory.migrations import migrate
from memory.takeover import Takeover, Wanted, find_collection, give
from tests.databases import Databases
from tests.memory.mem0 import MEMORIES, SEARCH_PATH, WRITTEN, Mem0
from tests.memory.test_migrations import MODEL, SIZE, administrator, command

PEOPLE = ("alice", "bob", "carol")


@pytest.fixture
def mem0(empty_database: Database, embedder: BundledEmbedder) -> Mem0:
    return Mem0(empty_database, embedder)


@pytest.fixture
def memory(mem0: Mem0, embedder: BundledEmbedder) -> Iterator[Memory]:
    """The table of the file, taken over."""
    mem0.fill()
    migrate(mem0.database, SIZE, MODEL)
    with Memory(mem0.database, embedder, None) as opened:
        yield opened


def _take_over(mem0: Mem0, embedder: BundledEmbedder, **wanted: Any) -> Takeover:
    done = migrate(mem0.database, SIZE, MODEL, wanted=Wanted(embed=embedder.embed, asked=True, **wanted)).takeover
    assert done is not None
    return done


def _ids(mem0: Mem0, user_id: str) -> set[str]:
    """Everything of a user that is in the table, expired memories too."""
    return {row["id"] for row in mem0.database.read_as(user_id, "select id from vecs.memories")}


def _written(user_id: str | None) -> set[str]:
    return {row["id"] for row in MEMORIES if row["metadata"].get("user_id") == user_id}


def _rows(connection: Connection) -> list[Any]:
    return list(connection.execute(text("select id, metadata, vec::text from vecs.memories order by id")).all())


[MERGED] = sorted(
    row["id"]
    for row in MEMORIES
    if row["metadata"]["data"] == "I eat fish." and row["metadata"]["updated_at"] > row["metadata"]["created_at"]
)


# -- nothing of another scope is lost ------------------------------------------------------------------


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.usefixtures("memory")
def test_every_memory_of_every_scope_is_kept_but_for_the_exact_duplicate(mem0: Mem0, person: str) -> None:
    assert _ids(mem0, person) == _written(person) - {MERGED}


def test_the_same_words_of_an_agent_and_of_two_runs_are_each_found(memory: Memory) -> None:
    alice = [row for row in memory.get_all(user_id="alice")["results"] if row["memory"] == "My name is Alice."]
    assert {row["metadata"].get("agent_id") for row in alice} == {None, "food"}
    bob = [row for row in memory.get_all(user_id="bob")["results"] if row["memory"] == "My name is Bob."]
    assert {row["metadata"].get("run_id") for row in bob} == {None, "run-1", "run-2"}


def test_a_takeover_counts_what_it_found_and_merged(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill()
    done = _take_over(mem0, embedder)
    counts = dict(done.counts)
    run = counts.pop("run")
    assert counts == {
        "rows": 30,
        "people": 3,
        "without_person": 4,
        "agents": ["helper"],
        "runs": ["run-9"],
        "as_said": 14,
        "expired": 2,
        "in_other_scopes": 2,
        "merged": 1,
        "lost": 0,
        "known": False,
    }
    said = "\n".join(done.lines())
    for part in (
        "rows: 30; people: 3",
        "merged into the oldest of them: 1",
        run,
        "without a person: 4",
        '--agent "helper"',
    ):
        assert part in said
    assert "whose vectors agree: 5" in said


def test_a_command_to_copy_runs_nothing_that_a_name_says(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.make_tables()
    mem0.add("of an agent", "I like tea.", agent_id="$(touch made)")
    assert "give --agent '$(touch made)' --user ID" in "\n".join(_take_over(mem0, embedder).lines())


def test_a_merged_duplicate_comes_back_with_an_undo(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill()
    run = _take_over(mem0, embedder).counts["run"]
    with Memory(mem0.database, embedder, None) as memory:
        memory.undo(run, user_id="carol")
        assert _ids(mem0, "carol") == _written("carol")


def test_copies_that_expire_on_different_days_are_not_duplicates(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.make_tables()
    mem0.add("over", "Is in Rome", user_id="dave", expiration_date="2020-01-01")
    mem0.add("valid", "Is in Rome", user_id="dave")
    migrate(mem0.database, SIZE, MODEL)
    with Memory(mem0.database, embedder, None) as memory:
        assert [row["id"] for row in memory.get_all(user_id="dave")["results"]] == ["valid"]


@pytest.mark.usefixtures("memory")
def test_mem0_can_go_on_writing_the_same_words_in_any_scope(mem0: Mem0) -> None:
    mem0.add("new agent", "My name is Alice.", user_id="alice", agent_id="sport")
    mem0.add("new run", "My name is Alice.", user_id="alice", run_id="run-7")
    mem0.add("once more", "My name is Alice.", user_id="alice", agent_id="food")
    assert {"new agent", "new run", "once more"} <= _ids(mem0, "alice")


def test_one_statement_is_learned_once_for_a_person_in_two_chats(memory: Memory) -> None:
    for chat in ("chat-1", "chat-2"):
        memory.add("I play the trumpet.", user_id="dora", run_id=chat)
    assert len(memory.get_all(user_id="dora")["results"]) == 1


@pytest.mark.usefixtures("memory")
def test_two_writers_cannot_store_one_statement_twice_in_two_chats(mem0: Mem0) -> None:
    """Also where neither sees the other's row: the index refuses it."""
    own = {"data": "x", "hash": "h", "user_id": "dora", "kind": "fact"}
    rows = [{"id": chat, "metadata": {**own, "run_id": chat}} for chat in ("chat-1", "chat-2")]
    mem0.write(rows[:1])
    with pytest.raises(sqlalchemy_errors.IntegrityError, match="memories_once"):
        mem0.write(rows[1:])


def test_what_mem0_knows_of_a_person_is_not_stored_again(mem0: Mem0, memory: Memory) -> None:
    before = _ids(mem0, "carol")
    memory.add("My teacher is Maria Rossi.", user_id="carol")
    assert _ids(mem0, "carol") == before


# -- a dry run, the command ------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_happen_and_changes_nothing(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill()
    with administrator(mem0.database) as connection:
        before = _rows(connection)
    planned = migrate(mem0.database, SIZE, MODEL, wanted=Wanted(embed=embedder.embed, asked=True, dry_run=True))
    with administrator(mem0.database) as connection:
        assert _rows(connection) == before
        assert connection.scalar(text("select to_regnamespace('app')")) is None
    done = migrate(mem0.database, SIZE, MODEL, wanted=Wanted(embed=embedder.embed, asked=True))
    assert planned.takeover is not None
    assert done.takeover is not None
    assert planned.applied == done.applied
    assert planned.takeover.counts == {**done.takeover.counts, "run": None}
    assert "an undo takes it back" in "\n".join(planned.lines())


def test_the_command_says_what_it_would_do_and_then_what_it_did(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill("mem0")
    with EmbedderServer(0, embedder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = {"DATABASE_ADMIN_URL": mem0.database.admin_url, "EMBED_MODEL": MODEL}
        settings |= {"EMBED_BASE_URL": server.base_url, "EMBED_API_KEY": "none"}
        planned = command("migrations", "--dry-run", **settings).stdout
        done = command("migrations", **settings).stdout
        again = command("migrations", **settings).stdout
        server.shutdown()
    assert planned.startswith("Nothing was changed.")
    for each in ("rows: 30; people: 3", "merged into the oldest of them: 1", "without a person: 4", "vectors agree: 5"):
        assert each in planned
        assert each in done
    assert again == "The database is up to date.\n"


# -- databases that were taken over before ---------------------------------------------------------------


def test_a_database_with_the_index_of_before_is_moved_and_what_it_merged_can_be_undone(
    database: Database, embedder: BundledEmbedder
) -> None:
    mem0 = Mem0(database, embedder)
    with administrator(database) as connection:
        connection.execute(text("drop index vecs.memories_once"))
        connection.execute(
            text(
                "create unique index memories_once on vecs.memories ((metadata -> 'user_id'), (metadata -> 'hash'))"
                " where not metadata ? 'role'"
            )
        )
        connection.execute(
            text(
                "delete from supabase_migrations.schema_migrations"
                " where version in ('20261121000200', '20261122000102')"
            )
        )
        for function in (
            *("ensure_collection(int, text, boolean)", "adopt_collection(text)", "sample_vectors(text, int)"),
            *("begin_history(text)", "merge_duplicates(text)", "survey_memories()", "give_memories(text, text, text)"),
            *("erase_mem0_entities()", "count_mem0_entities()", "unlink_mem0_entities(text[])", "once_in(jsonb, text)"),
            *("is_own(jsonb)", "scope_of(jsonb)", "known_since(jsonb)", "changes_of_nobody(text)"),
        ):
            connection.execute(text(f"drop function app.{function}"))
        connection.execute(text("create function app.ensure_collection(int, text) returns void language sql as ''"))
    mem0.add("first", "My name is Bob.", user_id="bob", run_id="run-1")
    mem0.add("second", "My name is Robert.", user_id="bob", run_id="run-2")
    with administrator(database) as connection:
        connection.execute(text("select set_config('keepsake.run', 'old takeover', true)"))
        connection.execute(text("delete from vecs.memories where id = 'second'"))
    migrate(database, SIZE, MODEL)
    with Memory(database, embedder, None) as memory:
        memory.undo("old takeover", user_id="bob")
        assert _ids(mem0, "bob") == {"first", "second"}
    mem0.add("third", "My name is Bob.", user_id="bob", run_id="run-3")


# -- a collection of another name ------------------------------------------------------------------------


def test_mem0s_own_collection_is_found_and_taken_over_by_the_command(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill("mem0")
    done = _take_over(mem0, embedder)
    assert done.collection == "mem0"
    assert "collection_name" in done.lines()[0]
    with Memory(mem0.database, embedder, None) as memory:
        assert _ids(mem0, "alice") == _written("alice")
        assert memory.delete_all(user_id="alice").erased["memories_entities"] == 1


def test_a_start_beside_mem0s_own_collection_makes_no_empty_one_and_names_the_command(mem0: Mem0) -> None:
    mem0.fill("mem0")
    with pytest.raises(MigrationNeeded, match=r"vecs\.mem0.*--dry-run.*--collection memories"):
        migrate(mem0.database, SIZE, MODEL)
    migrate(mem0.database, SIZE, MODEL, wanted=Wanted("memories"))
    with administrator(mem0.database) as connection:
        assert connection.scalar(text("select count(*) from vecs.mem0")) == len(MEMORIES)


def test_a_collection_is_taken_over_after_the_migration_too(mem0: Mem0, embedder: BundledEmbedder) -> None:
    migrate(mem0.database, SIZE, MODEL)
    with Memory(mem0.database, embedder, None) as memory:
        memory.add("I like tea.", user_id="alice")
        mem0.fill("mem0")
        done = _take_over(mem0, embedder, collection="mem0")
        assert done.counts["merged"] == 1
        assert len(_ids(mem0, "alice")) == len(_written("alice")) + 1
        assert _ids(mem0, "carol") == _written("carol") - {MERGED}
        assert memory.search("cello", user_id="carol")["results"][0]["memory"] == "I play the cello."
    with administrator(mem0.database) as connection:
        assert connection.scalar(
            text("select to_regclass('vecs.mem0') is null and to_regclass('vecs.mem0_entities') is null")
        )


def test_a_collection_that_is_not_there_is_named(mem0: Mem0) -> None:
    with pytest.raises(InvalidInput, match=r"no collection vecs\.notes"):
        migrate(mem0.database, SIZE, MODEL, wanted=Wanted("notes"))


@pytest.mark.parametrize("name", ["episodes", "memories_entities"])
def test_a_table_that_holds_no_memories_is_not_taken_over(mem0: Mem0, name: str) -> None:
    migrate(mem0.database, SIZE, MODEL)
    with pytest.raises(InvalidInput, match="no collection of memories"):
        migrate(mem0.database, SIZE, MODEL, wanted=Wanted(name))


# -- vectors of another model ----------------------------------------------------------------------------


class OtherModel(BundledEmbedder):
    """Vectors of the same size that cannot be compared."""

    name = "another-model"

    def embed(self, texts: Any) -> list[list[float]]:
        return [vector[::-1] for vector in super().embed(texts)]


def test_vectors_of_another_model_are_refused_by_name_and_nothing_is_changed(mem0: Mem0) -> None:
    mem0.fill()
    other = OtherModel()
    with pytest.raises(SettingsError, match=r"do not come from another-model.*EMBED_MODEL.*--embedded-with"):
        migrate(mem0.database, SIZE, other.name, wanted=Wanted(embed=other.embed))
    with administrator(mem0.database) as connection:
        assert connection.scalar(text("select to_regnamespace('app')")) is None


def test_a_table_whose_model_is_gone_is_taken_over_under_its_name(mem0: Mem0) -> None:
    mem0.fill()
    migrate(mem0.database, 384, "large", wanted=Wanted(embedded_with="of mem0", asked=True))
    with administrator(mem0.database) as connection:
        stored = connection.execute(text("select dimension, embed_model from app.collections order by name"))
        assert stored.all() == [(SIZE, "of mem0"), (SIZE, "of mem0")]


# -- the past --------------------------------------------------------------------------------------------


def test_words_that_mem0_changed_are_not_shown_for_the_time_before(memory: Memory) -> None:
    [dogs] = [row["metadata"] for row in MEMORIES if "two dogs" in row["metadata"]["data"]]
    changed = datetime.fromisoformat(dogs["updated_at"])
    before = memory.get_all(user_id="bob", as_of=changed - timedelta(milliseconds=1))["results"]
    after = memory.get_all(user_id="bob", as_of=changed)["results"]
    assert dogs["data"] not in {row["memory"] for row in before}
    assert dogs["data"] in {row["memory"] for row in after}


# -- mem0's reset ----------------------------------------------------------------------------------------


def test_a_table_that_mem0_made_anew_is_noticed_mended_and_what_was_in_it_comes_back(
    mem0: Mem0, memory: Memory, embedder: BundledEmbedder
) -> None:
    before = _ids(mem0, "alice")
    mem0.reset()
    with closing(Database(mem0.database.url)) as app, pytest.raises(MigrationNeeded, match=r"-m memory\.migrations"):
        migrate(app, SIZE, MODEL)
    done = _take_over(mem0, embedder)
    assert done.counts["lost"] == len(MEMORIES) - 1
    assert done.of_nobody == len(_written(None)) == 4
    assert "made anew" in done.lines()[0]
    assert any("but for the 4 that belong to no person" in line for line in done.lines())
    assert _ids(mem0, "alice") == set()
    assert memory.get_all(user_id="alice", as_of=datetime.now().astimezone())["results"] == []
    memory.undo(done.counts["run"], user_id="alice")
    assert _ids(mem0, "alice") == before
    assert memory.search("peanuts", user_id="alice")["results"][0]["memory"] == "I am allergic to peanuts."


# -- other roles -----------------------------------------------------------------------------------------


@pytest.fixture
def other_role(databases: Databases, empty_database: Database) -> Iterator[str]:
    databases.run("create role mem0_writer login bypassrls noinherit")
    yield "mem0_writer"
    databases.run(f"drop database {make_url(empty_database.url).database} with (force)")
    databases.run("drop role mem0_writer")


def test_mem0_can_write_as_another_role_that_bypasses_row_level_security(
    mem0: Mem0, memory: Memory, embedder: BundledEmbedder, other_role: str
) -> None:
    with administrator(mem0.database) as connection:
        connection.execute(text(f"grant usage on schema vecs, extensions to {other_role}"))
        connection.execute(text(f"grant select, insert, update, delete on vecs.memories to {other_role}"))
    writer = Mem0(mem0.database, embedder, other_role)
    writer.add("by another role", "Plays chess on Mondays", user_id="alice")
    assert memory.search("chess", user_id="alice")["results"][0]["id"] == "by another role"
    assert [each["event"] for each in memory.history("by another role", user_id="alice")] == ["ADD"]


def test_a_role_that_will_read_nothing_is_named(
    mem0: Mem0, embedder: BundledEmbedder, databases: Databases, other_role: str
) -> None:
    databases.run(f"alter role {other_role} nobypassrls")
    mem0.fill()
    with administrator(mem0.database) as connection:
        connection.execute(text(f"grant usage on schema vecs, extensions to {other_role}"))
        connection.execute(text(f"alter table vecs.memories owner to {other_role}"))
    done = _take_over(mem0, embedder)
    assert done.bound_roles == (other_role,)
    [advice] = [line for line in done.lines() if other_role in line]
    with administrator(mem0.database) as connection:
        connection.execute(text(advice.partition("run: ")[2]))
    reader = make_url(mem0.url).set(username=other_role).render_as_string(hide_password=False)
    with closing(Database(reader)) as own, own.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from vecs.memories")) == len(MEMORIES) - 1


def test_a_table_of_another_role_is_refused_with_the_statement_that_mends_it(mem0: Mem0, other_role: str) -> None:
    mem0.fill()
    url = make_url(mem0.url).set(username=other_role).render_as_string(hide_password=False)
    with administrator(mem0.database) as connection:
        connection.execute(text(f"grant usage on schema vecs to {other_role}"))
    refused = pytest.raises(MigrationNeeded, match=f"alter table vecs.memories owner to {other_role}")
    with closing(Database(url)) as other, other.engine.connect() as connection, refused:
        find_collection(connection, Wanted())


# -- rows without a person -------------------------------------------------------------------------------


def test_rows_of_an_agent_without_a_person_can_be_given_to_one(mem0: Mem0, memory: Memory) -> None:
    agents = {row["id"] for row in MEMORIES if row["metadata"].get("agent_id") == "helper"}
    assert give(mem0.database, "alice", agent="helper") == len(agents) == 2
    assert agents <= _ids(mem0, "alice")
    assert memory.search("recipes in grams", user_id="alice")["results"][0]["memory"] == "Recipes are given in grams."
    assert give(mem0.database, "bob", agent="helper") == 0
    settings = {"DATABASE_URL": mem0.database.url, "DATABASE_ADMIN_URL": mem0.database.admin_url, "EMBED_MODEL": MODEL}
    assert (
        command("memory", "give", "--run", "run-9", "--user", "bob", **settings).stdout == "Gave 2 memories to bob.\n"
    )


def test_rows_of_an_agent_can_be_given_to_a_user_of_an_application(mem0: Mem0, memory: Memory) -> None:
    with administrator(mem0.database) as connection:
        key = make_application_key(connection, "Help desk", can_write=True, days=1).key
    settings = {"DATABASE_URL": mem0.database.url, "DATABASE_ADMIN_URL": mem0.database.admin_url, "EMBED_MODEL": MODEL}
    words = ("memory", "give", "--agent", "helper", "--user", "alice", "--application")
    assert command(*words, "Help desk", **settings).stdout == "Gave 2 memories to alice of Help desk.\n"
    desk = Applications(mem0.database)
    opened = desk.open(key)
    assert opened is not None
    user = application_user(opened.application, "user", "alice")
    assert len(memory.get_all(user_id=user.user_id)["results"]) == 2
    assert not _ids(mem0, "alice") & _ids(mem0, user.user_id)
    [[listed], _] = desk.users(opened.application, 1, 10)
    assert (listed.name, listed.user_id, listed.memories) == ("alice", user.user_id, 2)
    with pytest.raises(InvalidInput, match="There is no application Nobody"):
        give(mem0.database, "alice", agent="helper", application="Nobody")


@pytest.mark.usefixtures("memory")
def test_rows_are_given_only_by_the_administrator_and_only_by_name(mem0: Mem0) -> None:
    with pytest.raises(InvalidInput, match="--agent"):
        give(mem0.database, "alice")
    with closing(Database(mem0.database.url)) as app, pytest.raises(Exception, match="may not do this"):
        give(app, "alice", agent="helper")


# -- mem0's table of names -------------------------------------------------------------------------------


def _names(mem0: Mem0, user_id: str) -> list[str]:
    with administrator(mem0.database) as connection:
        names = text("select metadata ->> 'data' from vecs.memories_entities where metadata ->> 'user_id' = :user")
        return sorted(connection.scalars(names, {"user": user_id}))


def test_erasing_everything_erases_the_names_that_mem0_noted(mem0: Mem0, memory: Memory) -> None:
    others = _names(mem0, "carol")
    receipt = memory.delete_all(user_id="bob")
    assert receipt.erased["memories_entities"] == 6
    assert receipt.proved
    assert _names(mem0, "bob") == []
    assert _names(mem0, "carol") == others != []


def test_forgetting_a_chat_erases_the_names_that_mem0_noted_in_it_alone(mem0: Mem0, memory: Memory) -> None:
    before = _names(mem0, "bob")
    memory.chats.forget("run-1", user_id="bob")
    assert before.count("Bob") == 2
    assert sorted([*_names(mem0, "bob"), "Bob"]) == before


def test_a_receipt_finds_the_names_that_mem0_writes_again(mem0: Mem0, memory: Memory) -> None:
    erased, texts = {"memories": 0}, list[str]()
    again = memory.erasure.prove("carol", erased, texts)
    assert again.rows_left["memories_entities"] == len(_names(mem0, "carol"))
    assert not again.proved


def test_a_table_of_names_that_mem0_makes_later_is_emptied_too(mem0: Mem0, embedder: BundledEmbedder) -> None:
    migrate(mem0.database, SIZE, MODEL)
    with administrator(mem0.database) as connection:
        connection.execute(text(SEARCH_PATH))
        connection.execute(
            text(f"create table vecs.memories_entities (id varchar primary key, vec vector({SIZE}), metadata jsonb)")
        )
    mem0.write(WRITTEN["entities"], "memories_entities")
    with Memory(mem0.database, embedder, None) as memory:
        assert memory.delete_all(user_id="carol").erased["memories_entities"] == 3
    assert _names(mem0, "carol") == []
