"""Personal keys: shown once, found by their hash only, ended at once, and of one person only."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from auth.keys import LONGEST_DAYS, MAX_KEYS, KeyOwner, NewKey, PersonalKeys
from auth.session import Sessions
from limits.consent import Consents
from memory import Memory
from memory.database import Database
from memory.errors import DatabaseError, InvalidInput, NotFound
from memory.rows.acting import acting_through
from tests.walls.watch import watching


@pytest.fixture
def keys(database: Database) -> PersonalKeys:
    return PersonalKeys(database)


def made(keys: PersonalKeys, user_id: str = "kim", name: str = "laptop", **more: Any) -> NewKey:
    values: dict[str, Any] = {"address": "kim@example.com", "can_write": False, "days": 30}
    return keys.make(user_id, name, **(values | more))


def rows(database: Database) -> str:
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        return repr(connection.execute(text("select to_jsonb(k) from app.api_keys k")).all())


def expire(database: Database) -> None:
    with closing(Database(database.admin_url)) as admin, admin.engine.begin() as connection:
        connection.execute(text("update app.api_keys set ends_at = now()"))


def test_a_key_opens_the_account_of_whoever_made_it_and_no_other(keys: PersonalKeys) -> None:
    kims, lees = made(keys), made(keys, "lee", can_write=True)
    owner = keys.owner(kims.key)
    assert owner is not None
    assert (owner.user_id, owner.key_id, owner.can_write) == ("kim", kims.id, False)
    assert (other := keys.owner(lees.key)) is not None
    assert (other.user_id, other.can_write) == ("lee", True)


@pytest.mark.parametrize(
    "wrong", ["", "ks_", f"ks_{'x' * 43}", "x" * 43, f"ks_{'x' * 99_999}", "ks_\x00"], ids=range(6)
)
def test_nothing_else_opens_anything(keys: PersonalKeys, wrong: str) -> None:
    key = made(keys).key
    assert keys.owner(wrong) is None
    assert keys.owner(key[:-1]) is None
    assert keys.owner(f"{key} ") is None


def test_the_database_holds_no_key_and_the_result_does_not_print_it(keys: PersonalKeys, database: Database) -> None:
    key = made(keys)
    assert key.key.removeprefix("ks_") not in rows(database)
    assert key.key not in repr(key)


def test_a_key_that_was_ended_opens_nothing_from_that_moment_on(keys: PersonalKeys) -> None:
    key, other = made(keys), made(keys, name="phone")
    keys.end("kim", key.id)
    assert keys.owner(key.key) is None
    assert keys.owner(other.key) is not None
    with pytest.raises(NotFound):
        keys.end("kim", key.id)


def test_a_key_that_has_expired_opens_nothing_and_is_listed_so(keys: PersonalKeys, database: Database) -> None:
    key = made(keys)
    assert not keys.all("kim")[0].is_over
    expire(database)
    assert keys.owner(key.key) is None
    assert keys.all("kim")[0].is_over


def test_whom_a_key_belongs_to_is_told_with_their_consent_and_what_decides_about_them(
    keys: PersonalKeys, database: Database
) -> None:
    key, other = made(keys, address="kim@example.com"), made(keys, "lee", address="lee@example.com")
    Consents(database, version=2).record_consent("kim")
    kim, lee = keys.owner(key.key, 2), keys.owner(other.key, 2)
    assert kim is not None
    assert kim == KeyOwner(key.id, "kim", False, "laptop", "kim@example.com", is_noted=False, agreed=True)
    assert lee is not None
    assert (lee.address, lee.agreed) == ("lee@example.com", False)
    assert keys.owner(key.key, 3) == replace(kim, agreed=False)
    keys.note_use("kim", key.id)
    assert keys.owner(key.key, 2) == replace(kim, is_noted=True)


def test_a_call_with_a_key_costs_one_trip_before_what_it_asks_for(keys: PersonalKeys, database: Database) -> None:
    key = made(keys)
    with watching(database.engine) as seen:
        keys.owner(key.key, 2)
    assert (seen.statements, seen.wrong) == (1, [])


def test_nobody_can_end_or_see_the_key_of_another(keys: PersonalKeys) -> None:
    key = made(keys)
    with pytest.raises(NotFound):
        keys.end("lee", key.id)
    assert keys.all("lee") == []
    assert keys.owner(key.key) is not None


def test_the_list_has_the_newest_first_with_what_each_may_do_and_until_when(keys: PersonalKeys) -> None:
    made(keys, name="  my   laptop ")
    made(keys, name="phone", can_write=True, days=LONGEST_DAYS)
    phone, laptop = keys.all("kim")
    assert [(each.name, each.can_write, each.used_at) for each in (phone, laptop)] == [
        ("phone", True, None),
        ("my laptop", False, None),
    ]
    assert laptop.ends_at - datetime.now(UTC) > timedelta(days=29)


def test_when_a_key_was_used_is_noted(keys: PersonalKeys) -> None:
    key = made(keys)
    keys.note_use("kim", key.id)
    used = keys.all("kim")[0].used_at
    assert used is not None
    keys.note_use("kim", key.id)
    assert keys.all("kim")[0].used_at == used  # within a minute no row is written


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 61}, {"days": 0}, {"days": -1}, {"days": LONGEST_DAYS + 1}]
)
def test_a_key_without_a_name_or_an_end_is_refused(keys: PersonalKeys, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        made(keys, **wrong)
    assert keys.all("kim") == []


def test_a_person_has_so_many_keys_at_most(keys: PersonalKeys) -> None:
    for number in range(MAX_KEYS):
        made(keys, name=str(number))
    with pytest.raises(InvalidInput, match="End one"):
        made(keys)
    assert made(keys, "lee")


@pytest.mark.parametrize("change", ["can_write = true", "ends_at = now() + interval '9 years'", "user_id = 'lee'"])
def test_what_a_key_may_do_and_until_when_cannot_be_changed(
    keys: PersonalKeys, database: Database, change: str
) -> None:
    made(keys)
    with pytest.raises(DatabaseError, match="may not do this"), database.as_user("kim") as connection:
        connection.execute(text(f"update app.api_keys set {change}"))


def test_keys_go_with_the_account(keys: PersonalKeys, database: Database) -> None:
    key = made(keys)
    made(keys, "lee")
    assert Sessions(database).delete_account("kim")["api_keys"] == 1
    assert keys.owner(key.key) is None
    assert len(keys.all("lee")) == 1


def test_the_history_names_the_key_that_changed_a_memory(memory: Memory) -> None:
    [added] = memory.add("I live in Ghent.", user_id="kim")["results"]
    with acting_through("laptop"):
        memory.update(added["id"], "I live in Bruges.", user_id="kim")
        memory.delete(added["id"], user_id="kim")
    memory.undo(memory.changes(user_id="kim", limit=1)[0]["id"], user_id="kim")
    versions = memory.history(added["id"], user_id="kim")
    assert [each["actor"] for each in versions] == ["rules", "key laptop", "key laptop", "person"]


def test_what_a_key_deleted_is_hidden_from_recall_as_if_the_person_had_done_it(memory: Memory) -> None:
    [added] = memory.add("I keep bees on the roof.", user_id="kim")["results"]
    with acting_through("laptop"):
        memory.delete(added["id"], user_id="kim")
    assert memory.search("bees", user_id="kim")["results"] == []
