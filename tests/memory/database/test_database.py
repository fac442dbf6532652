"""Transactions that are bound to a user, and the pool they share."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, cast

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy import exc as sqlalchemy_errors

from memory.database import Database, FairSemaphore
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, socket_folder
from memory.errors import DatabaseError, DatabaseUnreachable, InvalidInput, NotFound
from tests.chat.conftest import until
from tests.model_answers import PATIENCE
from tests.wires import counting

START = text("insert into app.conversations (title) values (:title) returning id::text")
TITLES = "select title from app.conversations order by title"
WHO = "select current_user::text as role, coalesce(current_setting('request.jwt.claims', true), '') as claims"
Read = Callable[[Database, str], list[str]]

STRANGE_IDS = [
    "alice",
    "7c1d8a52-5d0e-4f39-9f0d-0d4d6f6f0b6e",
    "Ünïcode 名前 🦜",
    "o'brien",
    'x","sub":"bob',
    '{"sub": "bob"}',
    "bob'; drop table app.conversations; --",
    "%(asking_claims)s %s %%",
    "back\\slash\\u0000",
    "tab\tand\nline",
    "\u202etfel",
    "a" * 255,
    "𝄞" * 255,
]


def _start(database: Database, user_id: str, title: str) -> str:
    with database.as_user(user_id) as connection:
        return str(connection.scalar(START, {"title": title}))


def _read_in_transaction(database: Database, user_id: str) -> list[str]:
    with database.as_user(user_id) as connection:
        return list(connection.scalars(text(TITLES)))


def _read_at_once(database: Database, user_id: str) -> list[str]:
    return [row["title"] for row in database.read_as(user_id, TITLES)]


both_ways = pytest.mark.parametrize("read", [_read_in_transaction, _read_at_once])


@both_ways
def test_a_user_sees_only_their_own_rows(database: Database, read: Read) -> None:
    _start(database, "alice", "tea")
    _start(database, "bob", "coffee")
    assert read(database, "alice") == ["tea"]
    assert read(database, "bob") == ["coffee"]
    assert read(database, "carol") == []


@both_ways
@pytest.mark.parametrize("user_id", STRANGE_IDS)
def test_any_text_can_be_a_user_id_and_means_only_itself(database: Database, user_id: str, read: Read) -> None:
    _start(database, "bob", "coffee")
    _start(database, user_id, "mine")
    assert read(database, user_id) == ["mine"]
    assert read(database, "bob") == ["coffee"]


@both_ways
@pytest.mark.parametrize(("one", "other"), [("alice", "Alice"), ("alice", "alice "), ("caf\u00e9", "cafe\u0301")])
def test_ids_that_look_alike_are_different_people(database: Database, one: str, other: str, read: Read) -> None:
    _start(database, one, "mine")
    assert read(database, other) == []


@both_ways
@pytest.mark.parametrize(
    "user_id", ["", " ", "\n", "a" * 256, "nul\x00", "half \ud800", None, 5, b"alice", ["alice"], {"sub": "alice"}]
)
def test_an_invalid_user_id_is_refused(user_id: Any, read: Read) -> None:
    nowhere = Database("postgresql://app@/nothing?host=/nowhere")
    with pytest.raises(InvalidInput):
        read(nowhere, user_id)


def test_a_row_for_somebody_else_cannot_be_written(database: Database) -> None:
    with pytest.raises(NotFound), database.as_user("alice") as connection:
        connection.execute(text("insert into app.conversations (user_id) values ('bob')"))
    assert _read_at_once(database, "bob") == []


def test_a_row_cannot_be_given_to_another_user(database: Database) -> None:
    _start(database, "alice", "tea")
    with pytest.raises(NotFound), database.as_user("alice") as connection:
        connection.execute(text("update app.conversations set user_id = 'bob'"))
    assert _read_at_once(database, "alice") == ["tea"]


def test_changing_and_deleting_everything_touches_only_the_users_rows(database: Database) -> None:
    _start(database, "bob", "coffee")
    with database.as_user("alice") as connection:
        assert connection.execute(text("update app.conversations set title = 'gone'")).rowcount == 0
        assert connection.execute(text("delete from app.conversations")).rowcount == 0
    assert _read_at_once(database, "bob") == ["coffee"]


def _tables(database: Database) -> list[str]:
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        named = text("select schemaname || '.' || tablename from pg_tables where schemaname in ('app', 'vecs')")
        return list(connection.scalars(named))


def test_without_a_user_the_apps_role_can_read_no_table_at_all(database: Database) -> None:
    _start(database, "alice", "tea")
    tables = _tables(database)
    assert {"app.conversations", "app.messages", "app.memory_history", "vecs.memories"} <= set(tables)
    for table in tables:
        with database.engine.connect() as connection, pytest.raises(sqlalchemy_errors.ProgrammingError, match="denied"):
            connection.execute(text(f"select 1 from {table}"))


def test_the_users_role_without_a_user_sees_no_row(database: Database) -> None:
    _start(database, "alice", "tea")
    with database.engine.connect() as connection:
        connection.execute(text("set local role authenticated"))
        assert connection.scalar(text("select count(*) from app.conversations")) == 0
        with pytest.raises(sqlalchemy_errors.DBAPIError):
            connection.execute(START, {"title": "nobody's"})


def test_an_error_in_a_transaction_undoes_all_of_it(database: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(START, {"title": "tea"})
        raise InvalidInput("changed my mind")

    with pytest.raises(InvalidInput), database.as_user("alice") as connection:
        fail(connection)
    assert _read_at_once(database, "alice") == []


def _of_one_connection(database: Database) -> Database:
    return Database(database.url, database.admin_url, pool_size=1, overflow=0)


def _leave_cleanly(database: Database) -> None:
    _start(database, "alice", "tea")
    _read_at_once(database, "alice")


def _leave_with_an_error_in_a_transaction(database: Database) -> None:
    with pytest.raises(sqlalchemy_errors.DataError), database.as_user("alice") as connection:
        connection.execute(text("select 1 / 0"))


def _leave_with_an_error_of_the_caller(database: Database) -> None:
    with pytest.raises(KeyError), database.as_user("alice"):
        raise KeyError


def _leave_with_an_error_in_a_read(database: Database) -> None:
    with pytest.raises(sqlalchemy_errors.DataError):
        database.read_as("alice", "select 1 / 0")


def _leave_as_worker(database: Database) -> None:
    with database.as_worker() as connection:
        database.become(connection, "alice")


@pytest.mark.parametrize(
    "leave",
    [
        _leave_cleanly,
        _leave_with_an_error_in_a_transaction,
        _leave_with_an_error_of_the_caller,
        _leave_with_an_error_in_a_read,
        _leave_as_worker,
    ],
)
def test_nothing_of_a_user_stays_on_a_pooled_connection(database: Database, leave: Callable[[Database], None]) -> None:
    with closing(_of_one_connection(database)) as single:
        leave(single)
        with single.engine.connect() as connection:
            assert connection.execute(text(WHO)).one() == ("keepsake_app", "")
        assert _read_at_once(single, "carol") == []


def test_a_read_binds_its_parameters_as_they_are(database: Database) -> None:
    values = {"quote": 'o\'brien \\ "x"', "percent": "100 %s", "nothing": None, "role": "mine", "claims": 7}
    sql = "select " + ", ".join(f"%({name})s as {name}" for name in values)
    assert database.read_as("alice", sql, values) == [values]


def _over_a_wire(database: Database, port: int) -> Database:
    url = make_url(database.url).set(host="127.0.0.1", port=port, query={})
    return Database(url.render_as_string(hide_password=False), pool_size=1, overflow=0)


def test_a_read_is_one_round_trip(postgres: Postgres, database: Database) -> None:
    with (
        counting(socket_folder(postgres.cluster) / SOCKET) as wire,
        closing(_over_a_wire(database, wire.port)) as over_wire,
    ):
        _allow_tcp(over_wire)
        before = wire.round_trips
        assert over_wire.read_as("alice", WHO)[0]["role"] == "authenticated"
        assert wire.round_trips - before == 1


def _allow_tcp(database: Database) -> None:
    """Open the pooled connection, so that only the reading itself is counted."""
    database.read_as("alice", "select 1")


def _kill_connections(database: Database) -> None:
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        killed = connection.scalars(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and usename = 'keepsake_app'"
            )
        ).all()
    assert killed
    assert all(killed)


@both_ways
def test_dead_connections_in_the_pool_are_replaced(database: Database, read: Read) -> None:
    _start(database, "alice", "tea")
    with database.as_user("alice"), database.as_user("bob"):
        pass  # two connections in the pool
    _kill_connections(database)
    assert read(database, "alice") == ["tea"]
    assert read(database, "alice") == ["tea"]


def test_a_worker_survives_connections_that_died_in_the_pool(database: Database) -> None:
    _start(database, "alice", "tea")
    _kill_connections(database)
    with database.as_worker() as connection:
        assert connection.execute(text("select * from app.claim_turn()")).all() == []


def test_a_connection_that_dies_in_a_transaction_raises_and_the_next_call_works(database: Database) -> None:
    def die(connection: Connection) -> None:
        connection.execute(START, {"title": "lost"})
        _kill_connections(database)
        connection.execute(text(TITLES))

    with pytest.raises(DatabaseUnreachable, match="closed the connection"), database.as_user("alice") as connection:
        die(connection)
    assert _read_in_transaction(database, "alice") == []


def test_a_full_pool_asks_to_try_again(database: Database) -> None:
    with closing(Database(database.url, pool_size=1, overflow=0, pool_seconds=0.05)) as single:
        with single.as_user("alice"), pytest.raises(DatabaseError, match="Too many requests"):
            _read_at_once(single, "bob")
        assert _read_at_once(single, "bob") == []


def test_threads_get_a_permit_in_the_order_in_which_they_asked() -> None:
    gate, order = FairSemaphore(1), list[int]()

    def ask(number: int) -> None:
        assert gate.acquire(PATIENCE)
        order.append(number)
        gate.release()

    assert gate.acquire(0)
    assert not gate.acquire(0.01)
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for number, each in enumerate(threads, start=1):
        each.start()
        until(lambda: len(gate._line) == number)  # noqa: B023 (it stands in line before the next)
    gate.release()
    for each in threads:
        each.join()
    assert order == list(range(8))
    assert gate.acquire(0)


def test_waiting_for_a_lock_ends_with_a_sentence(database: Database) -> None:
    _start(database, "alice", "tea")
    limit = ""

    def write_too() -> None:
        nonlocal limit
        with database.as_user("alice") as second:
            limit = str(second.scalar(text("select current_setting('lock_timeout')")))
            second.execute(text("set local lock_timeout = '50ms'"))
            second.execute(text("update app.conversations set title = 'two'"))

    with database.as_user("alice") as first:
        first.execute(text("update app.conversations set title = 'one'"))
        with pytest.raises(DatabaseError, match="changing the same data"):
            write_too()
    assert limit == "10s"


def test_eight_threads_and_fifty_users_never_see_each_others_rows(database: Database) -> None:
    users = [f"user {number}" for number in range(50)]

    def visit(seed: int) -> list[tuple[str, list[str]]]:
        chance = random.Random(seed)
        seen = []
        for user in chance.sample(users, len(users)):
            _start(database, user, user)
            seen.append((user, chance.choice([_read_in_transaction, _read_at_once])(database, user)))
        return seen

    with ThreadPoolExecutor(8) as threads:
        visits = [each for seen in threads.map(visit, range(8)) for each in seen]
    assert len(visits) == 400
    for user, titles in visits:
        assert set(titles) == {user}


def _waiting_turn(database: Database, user_id: str) -> str:
    conversation = _start(database, user_id, "tea")
    with database.as_user(user_id) as connection:
        said = text(
            "insert into app.messages (conversation_id, role, content, remembering)"
            " values (:conversation, 'user', 'I like tea', 'waiting') returning id::text"
        )
        return str(connection.scalar(said, {"conversation": conversation}))


def test_a_worker_can_claim_a_turn_of_anybody(database: Database) -> None:
    message = _waiting_turn(database, "alice")
    with database.as_worker() as connection:
        claimed = connection.execute(text("select message_id::text, user_id from app.claim_turn()")).all()
    assert claimed == [(message, "alice")]


def test_a_worker_can_do_nothing_else(database: Database) -> None:
    _waiting_turn(database, "alice")
    forbidden = [f"select 1 from {table}" for table in _tables(database) if table != "app.collections"]
    forbidden += ["delete from app.messages", "insert into app.conversations (user_id) values ('alice')"]
    forbidden += ["set role postgres", "select app.ensure_collection(256, 'x')", "create table app.mine ()"]
    for sql in forbidden:
        with pytest.raises(DatabaseError, match="may not do this"), database.as_worker() as connection:
            connection.execute(text(sql))


def test_a_worker_that_becomes_a_user_is_that_user(database: Database) -> None:
    _waiting_turn(database, "alice")
    _waiting_turn(database, "bob")
    with database.as_worker() as connection:
        database.become(connection, "alice")
        assert connection.scalars(text("select distinct user_id from app.messages")).all() == ["alice"]


def test_a_user_cannot_claim_turns(database: Database) -> None:
    _waiting_turn(database, "bob")
    with pytest.raises(DatabaseError, match="may not do this"):
        database.read_as("alice", "select * from app.claim_turn()")


def test_a_user_cannot_become_an_administrator(database: Database) -> None:
    for role in ("postgres", "service_role"):
        with pytest.raises(DatabaseError, match="may not do this"), database.as_user("alice") as connection:
            connection.execute(text(f"set local role {role}"))


def test_a_message_cannot_be_added_to_another_persons_conversation(database: Database) -> None:
    conversation = _start(database, "bob", "coffee")
    said = text("insert into app.messages (conversation_id, role, content) values (:conversation, 'user', 'boo')")
    with pytest.raises(sqlalchemy_errors.IntegrityError), database.as_user("alice") as connection:
        connection.execute(said, {"conversation": conversation})


def test_a_ping_answers_where_there_are_no_tables_yet(empty_database: Database) -> None:
    empty_database.ping()


def test_the_password_stays_in_the_address(database: Database) -> None:
    assert "keepsake_app" in cast(str, make_url(database.url).username)
    assert "secret" not in repr(Database("postgresql://app:secret@127.0.0.1:1/db").engine)
