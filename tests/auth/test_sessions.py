"""Sessions kept in the database: found by their cookie only, refreshed once for many tabs, ended everywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from auth.client import AuthClient
from auth.errors import AuthUnreachable, SessionEnded
from auth.person import Session
from auth.session import Sessions, hash_secret, new_secret, seal, unseal
from memory import Memory, Said
from memory.database import Database
from memory.errors import NotFound
from tests.auth.conftest import PASSWORD
from tests.chat.conftest import until
from tests.databases import Databases
from tests.gotrue import GoTrue
from tests.memory.test_migrations import administrator
from tests.model_answers import PATIENCE

KIM = Session("kim", "kim@example.com", 4e9, "access", "refresh")
LEE = replace(KIM, user_id="lee", email="lee@example.com")
STALE = replace(KIM, expires_at=0.0)


def test_an_encrypted_text_opens_only_with_its_secret_and_for_its_owner() -> None:
    secret = new_secret()
    sealed = seal(secret, "tokens", "kim")
    assert unseal(secret, sealed, "kim") == "tokens"
    for other in ((new_secret(), sealed, "kim"), (secret, sealed, "lee"), (secret, sealed[:-1] + b"x", "kim")):
        with pytest.raises(SessionEnded):
            unseal(*other)
    with pytest.raises(SessionEnded):
        unseal(secret, b"", "kim")


def test_the_same_text_is_never_encrypted_the_same_way() -> None:
    secret = new_secret()
    assert seal(secret, "tokens", "kim") != seal(secret, "tokens", "kim")
    assert secret.encode() not in hash_secret(secret)


def test_a_session_is_found_by_its_cookie_and_by_no_other(kept: Sessions) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    found = kept.find(opened.cookie)
    assert found is not None
    assert found[1] == KIM
    assert kept.find(new_secret()) is None
    assert kept.find("") is None
    assert kept.find("x" * 100_000) is None


def test_the_database_alone_reveals_neither_cookie_nor_tokens(kept: Sessions, database: Database) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    ticket = kept.ticket(opened)
    with administrator(database) as connection:
        [row] = connection.execute(text("select * from app.sessions")).mappings()
    told = b"".join(bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in row.values())
    for secret in (opened.cookie, ticket, "access", "refresh", "kim@example.com"):
        assert secret.encode() not in told
    with pytest.raises(SessionEnded):
        unseal(row["cookie_hash"].hex(), bytes(row["sealed"]), "kim")


def test_a_ticket_is_traded_for_the_cookie_once(kept: Sessions) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    ticket = kept.ticket(opened)
    status = kept.status(opened)
    assert status is not None
    assert not status.kept
    assert kept.redeem(ticket) == opened.cookie
    status = kept.status(opened)
    assert status is not None
    assert status.kept
    with pytest.raises(SessionEnded, match="used already"):
        kept.redeem(ticket)


def test_a_ticket_issued_by_one_instance_is_taken_by_another(kept: Sessions, database: Database) -> None:
    with closing(Database(database.url)) as elsewhere:
        opened = kept.open(KIM, "Firefox on Linux")
        assert Sessions(elsewhere).redeem(kept.ticket(opened)) == opened.cookie


def test_of_many_requests_with_the_same_ticket_one_gets_the_cookie(kept: Sessions) -> None:
    ticket = kept.ticket(kept.open(KIM, "Firefox on Linux"))
    at_once = threading.Barrier(4)

    def bring() -> str | None:
        at_once.wait()
        try:
            return kept.redeem(ticket)
        except SessionEnded:
            return None

    with ThreadPoolExecutor(4) as pool:
        brought = list(pool.map(lambda _: bring(), range(4)))
    assert sum(cookie is not None for cookie in brought) == 1


def _change(database: Database, assignment: str) -> None:
    with administrator(database) as connection:
        connection.execute(text(f"update app.sessions set {assignment}"))


def test_a_ticket_lasts_a_minute(kept: Sessions, database: Database) -> None:
    ticket = kept.ticket(kept.open(KIM, "Firefox on Linux"))
    _change(database, "ticket_ends_at = ticket_ends_at - interval '61 seconds'")
    with pytest.raises(SessionEnded, match="too old"):
        kept.redeem(ticket)


def test_a_cookie_is_no_ticket_and_a_ticket_no_cookie(kept: Sessions) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    ticket = kept.ticket(opened)
    with pytest.raises(SessionEnded):
        kept.redeem(opened.cookie)
    assert kept.find(ticket) is None


def test_another_person_in_the_same_browser_ends_the_session_before(kept: Sessions) -> None:
    first, second = kept.open(KIM, "Firefox on Linux"), kept.open(LEE, "Firefox on Linux")
    kept.redeem(kept.ticket(second), replacing=first.cookie)
    assert kept.status(first) is None
    assert kept.status(second) is not None


def test_a_person_who_signs_in_again_stays_signed_in_in_the_other_tab(kept: Sessions) -> None:
    first, second = kept.open(KIM, "Firefox on Linux"), kept.open(KIM, "Firefox on Linux")
    kept.redeem(kept.ticket(first))
    kept.redeem(kept.ticket(second), replacing=first.cookie)
    status = kept.status(first)
    assert status is not None
    assert not status.kept


def test_an_unknown_cookie_is_ignored(kept: Sessions) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    assert kept.redeem(kept.ticket(opened), replacing="somebody else's cookie") == opened.cookie


def test_many_tabs_that_refresh_at_once_make_one_call(kept: Sessions) -> None:
    opened = kept.open(STALE, "Firefox on Linux")
    calls: list[Session] = []
    at_once = threading.Barrier(4)

    def refresh(old: Session) -> Session:
        calls.append(old)
        return replace(old, expires_at=4e9, access_token="new", refresh_token="newer")

    def tab(_number: int) -> Session:
        at_once.wait()
        return kept.fresh(opened, refresh)

    with ThreadPoolExecutor(4) as pool:
        fresh = list(pool.map(tab, range(4)))
    assert len(calls) == 1
    assert {each.refresh_token for each in fresh} == {"newer"}
    found = kept.find(opened.cookie)
    assert found is not None
    assert found[1].access_token == "new"


def test_two_tabs_with_a_real_protocol_use_a_refresh_token_once(
    kept: Sessions, gotrue: GoTrue, at: Callable[[], AuthClient]
) -> None:
    one, other = at(), at()
    gotrue.lifetime = 30  # stale at once
    session = one.sign_up("kim@example.com", PASSWORD)
    assert session is not None
    opened = kept.open(session, "Firefox on Linux")
    gotrue.lifetime = 3600
    before = gotrue.count("/token")
    with ThreadPoolExecutor(2) as pool:
        fresh = list(pool.map(lambda client: kept.fresh(opened, client.refresh), (one, other)))
    assert gotrue.count("/token") == before + 1
    assert fresh[0] == fresh[1]
    assert not fresh[0].expires_soon


def test_tokens_can_be_refreshed_before_they_expire(kept: Sessions) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    changed = replace(KIM, email="new@example.com")
    assert kept.fresh(opened, lambda _old: changed) == KIM
    assert kept.fresh(opened, lambda _old: changed, always=True) == changed
    assert kept.fresh(opened, lambda old: old) == changed


def test_a_refresh_that_is_refused_ends_the_session(kept: Sessions) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def refuse(_old: Session) -> Session:
        raise SessionEnded("You were signed out. Sign in again.")

    with pytest.raises(SessionEnded):
        kept.fresh(opened, refuse)
    assert kept.status(opened) is None


def test_a_refresh_that_fails_for_now_is_tried_again_later(kept: Sessions) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def away(_old: Session) -> Session:
        raise AuthUnreachable("The sign-in server is not responding. Try again in a minute.")

    with pytest.raises(AuthUnreachable):
        kept.fresh(opened, away)
    assert kept.fresh(opened, lambda _old: KIM) == KIM


def test_devices_are_listed_and_one_can_be_ended_from_another(kept: Sessions) -> None:
    laptop, phone = kept.open(KIM, "Firefox on Linux"), kept.open(KIM, "Safari on iPhone")
    assert {each.name for each in kept.devices("kim")} == {"Firefox on Linux", "Safari on iPhone"}
    kept.revoke("kim", phone.id)
    assert kept.status(phone) is None
    assert kept.find(phone.cookie) is None
    assert [each.id for each in kept.devices("kim")] == [laptop.id]


def test_all_devices_or_all_but_one_can_be_ended(kept: Sessions) -> None:
    here, *others = (kept.open(KIM, "Firefox on Linux") for _ in range(3))
    assert kept.revoke_all("kim", but=here.id) == 2
    assert kept.status(here) is not None
    assert [kept.status(each) for each in others] == [None, None]
    assert kept.revoke_all("kim") == 1


def test_nobody_sees_or_ends_another_persons_sessions(kept: Sessions, database: Database) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    kept.revoke("lee", opened.id)
    kept.revoke_all("lee")
    assert kept.status(opened) is not None
    assert kept.devices("lee") == []
    assert kept.status(replace(opened, user_id="lee")) is None
    insert = "insert into app.sessions (user_id, cookie_hash, sealed) values ('kim', '\\x00', '\\x00')"
    with pytest.raises(NotFound), database.as_user("lee") as connection:
        connection.execute(text(insert))


def test_a_lookup_returns_the_owner_of_a_secret_and_nothing_else(kept: Sessions, database: Database) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    sql = "select * from app.session_of(%(hash)s)"
    [row] = database.read_as("lee", sql, {"hash": hash_secret(opened.cookie)})
    assert {name: str(value) for name, value in row.items()} == {"id": opened.id, "user_id": "kim"}
    assert database.read_as("lee", sql, {"hash": hash_secret("guess")}) == []


def test_sessions_that_were_long_unused_open_nothing_and_are_deleted(kept: Sessions, database: Database) -> None:
    old = kept.open(KIM, "Firefox on Linux")
    kept.redeem(kept.ticket(old))
    _change(database, "seen_at = now() - interval '31 days'")
    assert kept.find(old.cookie) is None
    new = kept.open(KIM, "Firefox on Linux")
    assert [each.id for each in kept.devices("kim")] == [new.id]


def test_the_session_of_a_closed_tab_is_deleted_after_a_day(kept: Sessions, database: Database) -> None:
    kept.open(KIM, "Firefox on Linux")
    _change(database, "seen_at = now() - interval '25 hours'")
    new = kept.open(KIM, "Firefox on Linux")
    assert [each.id for each in kept.devices("kim")] == [new.id]


def test_use_is_noted_now_and_then(kept: Sessions, database: Database) -> None:
    opened = kept.open(KIM, "Firefox on Linux")
    _change(database, "seen_at = now() - interval '1 hour'")
    kept.status(opened)
    [device] = kept.devices("kim")
    assert (device.seen_at - device.opened_at).total_seconds() > -60


@pytest.fixture
def with_auth_users(database: Database) -> Database:
    """A database that holds the sign-ins too, as a project's does."""
    with administrator(database) as connection:
        for sql in (
            "create schema if not exists auth",
            "create table auth.users (id uuid primary key, email text)",
            "create table auth.identities (user_id uuid references auth.users on delete cascade)",
            "alter table auth.users enable row level security",
        ):
            connection.execute(text(sql))
    return database


ONE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def test_a_deleted_account_takes_its_sign_in_along_where_the_database_has_it(with_auth_users: Database) -> None:
    kept = Sessions(with_auth_users)
    with administrator(with_auth_users) as connection:
        for each in (ONE, OTHER):
            connection.execute(text(f"insert into auth.users values ('{each}', 'x@example.com')"))
            connection.execute(text(f"insert into auth.identities values ('{each}')"))
    opened = kept.open(replace(KIM, user_id=ONE), "Firefox on Linux")
    left = kept.open(replace(KIM, user_id=OTHER), "Firefox on Linux")
    assert kept.delete_account(ONE) == {"sessions": 1, "sign_in": 1}
    assert kept.delete_account(ONE) == {}
    assert kept.find(opened.cookie) is None
    assert kept.find(left.cookie) is not None
    with administrator(with_auth_users) as connection:
        for table, column in (("users", "id"), ("identities", "user_id")):
            assert list(connection.scalars(text(f"select {column}::text from auth.{table}"))) == [OTHER]


def test_where_the_sign_in_may_not_be_deleted_the_rest_is_deleted_all_the_same(
    with_auth_users: Database, databases: Databases
) -> None:
    databases.run("create role half_way_owner bypassrls")
    try:
        with administrator(with_auth_users) as connection:
            connection.execute(text(f"insert into auth.users values ('{ONE}', 'x@example.com')"))
            connection.execute(text("grant usage on schema app, vecs to half_way_owner"))
            connection.execute(text("grant create on schema app to half_way_owner"))
            connection.execute(text("grant all on all tables in schema app, vecs to half_way_owner"))
            connection.execute(text("alter function app.delete_account() owner to half_way_owner"))
        kept = Sessions(with_auth_users)
        kept.open(replace(KIM, user_id=ONE), "Firefox on Linux")
        assert kept.delete_account(ONE) == {"sessions": 1}
    finally:
        with administrator(with_auth_users) as connection:
            connection.execute(text("drop owned by half_way_owner cascade"))
        databases.run("drop role half_way_owner")


@pytest.mark.parametrize("checked", ["", "deferrable initially deferred"])
def test_where_another_table_refers_to_the_sign_in_the_rest_is_deleted_all_the_same(
    with_auth_users: Database, checked: str
) -> None:
    with administrator(with_auth_users) as connection:
        connection.execute(text(f"insert into auth.users values ('{ONE}', 'x@example.com')"))
        connection.execute(text(f"create table public.orders (buyer uuid references auth.users {checked})"))
        connection.execute(text(f"insert into public.orders values ('{ONE}')"))
    try:
        kept = Sessions(with_auth_users)
        opened = kept.open(replace(KIM, user_id=ONE), "Firefox on Linux")
        assert kept.delete_account(ONE) == {"sessions": 1, "sign_in_held": 1}
        assert kept.find(opened.cookie) is None
        assert kept.delete_account(ONE) == {"sign_in_held": 1}
    finally:
        with administrator(with_auth_users) as connection:
            connection.execute(text("drop table public.orders"))


def test_deleting_an_account_leaves_no_row_of_its_owner_in_any_table(kept: Sessions, database: Database) -> None:
    def fill(user_id: str) -> None:
        with database.as_user(user_id) as connection:
            connection.execute(text("insert into app.people (timezone) values ('Europe/Lisbon')"))
            connection.execute(text("insert into app.conversations (title) values ('A chat')"))
            connection.execute(text("insert into app.profiles (lines) values ('[]')"))

    for user_id in ("kim", "lee"):
        fill(user_id)
        kept.open(replace(KIM, user_id=user_id), "Firefox on Linux")
    removed = kept.delete_account("kim")
    assert removed == {"people": 1, "conversations": 1, "profiles": 1, "sessions": 1}
    assert _rows(database, "kim") == {}
    assert _rows(database, "lee") == removed


def _rows(database: Database, owner: str) -> dict[str, int]:
    """How many rows each table holds of somebody, whatever tables there are."""
    owned = (
        "select table_name from information_schema.columns where table_schema = 'app' and column_name = 'user_id'"
        " and table_name in (select tablename from pg_tables where schemaname = 'app')"
    )
    with administrator(database) as connection:
        tables = list(connection.scalars(text(owned)))
        counted: dict[str, Any] = {
            table: connection.scalar(text(f"select count(*) from app.{table} where user_id = :owner"), {"owner": owner})
            for table in tables
        }
    assert len(tables) > 8
    return {table: count for table, count in counted.items() if count}


def test_only_its_own_person_can_delete_an_account(database: Database) -> None:
    with database.as_worker() as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(text("select app.delete_account()"))


def test_an_account_is_deleted_after_a_worker_that_is_writing_and_takes_what_it_wrote_along(
    kept: Sessions, memory: Memory, database: Database
) -> None:
    memory.import_queue.add("kim", [Said("user", "I keep bees.", message_id="1")], "learn")
    batch = memory.import_queue.claim()
    assert batch is not None
    plan = memory.turns.plan(batch.said, user_id="kim")
    waits = text("select count(*) from pg_locks where not granted")
    with ThreadPoolExecutor(1) as person, administrator(database) as looking:
        with memory.import_queue.writing(batch) as connection:
            memory.turns.write(connection, plan)
            deleted = person.submit(kept.delete_account, "kim")
            until(lambda: looking.scalar(waits))
        assert deleted.result(PATIENCE)["memories"] == 1
    assert memory.get_all(user_id="kim")["results"] == []
    assert kept.delete_account("kim") == {}
