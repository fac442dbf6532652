"""Keys of applications: each user that an application names is a person of its own, and nobody else can be reached."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import services
from api import make_app
from auth.applications import application_user
from limits import Limits
from memory.database import Database
from memory.errors import NotFound
from memory.index.outbox import attach, detach
from tests.api.conftest import Caller, Registers

ADD, SEARCH, LIST = "/v3/memories/add/", "/v3/memories/search/", "/v3/memories/"
ODD_NAMES = [
    "dave@example.com",
    "' or true --",
    "a/b",
    "a:b",
    "\u00e9",
    "e\u0301",
    "用户 一",
    "🐝‍🔥",
    "\u202eevil",
    "x" * 255,
    "application:00000000-0000-0000-0000-000000000000:user:x",
    "%",
]


def adds(program: Caller, words: str, **whose: Any) -> str:
    """Let a program keep these words; return the memory's id."""
    [added] = program.told("POST", ADD, {"messages": words, "infer": False, **whose})["results"]
    return str(added["id"])


def texts(program: Caller, **whose: Any) -> list[str]:
    return [each["memory"] for each in program.told("POST", LIST, {"filters": whose})["results"]]


def users(program: Caller) -> dict[tuple[str, str], int]:
    listed = program.told("GET", "/v1/entities/")["results"]
    return {(each["type"], each["name"]): each["total_memories"] for each in listed}


def test_each_user_that_an_application_names_is_a_person_of_its_own(shop: Caller) -> None:
    adds(shop, "I keep bees.", user_id="alice")
    adds(shop, "I keep geese.", user_id="bob")
    assert (texts(shop, user_id="alice"), texts(shop, user_id="bob")) == (["I keep bees."], ["I keep geese."])
    [found] = shop.told("POST", SEARCH, {"query": "what do I keep?", "filters": {"user_id": "alice"}})["results"]
    assert (found["memory"], found["user_id"]) == ("I keep bees.", "alice")
    assert users(shop) == {("user", "alice"): 1, ("user", "bob"): 1}


def test_two_applications_with_the_same_names_share_nothing(registers: Registers) -> None:
    one, other = registers(), registers()
    kept = adds(one, "I keep bees.", user_id="alice")
    assert texts(other, user_id="alice") == []
    assert users(other) == {}
    for method in ("GET", "DELETE"):
        assert other.ask(method, f"/v1/memories/{kept}/").json() == other.ask(method, f"/v1/memories/{uuid4()}/").json()
    other.told("DELETE", "/v2/entities/user/alice/")
    assert texts(one, user_id="alice") == ["I keep bees."]


def test_several_keys_of_an_application_share_its_users(registers: Registers) -> None:
    name = f"desk {uuid4()}"
    adds(registers(name), "I keep bees.", user_id="alice")
    assert texts(registers(name, can_write=False), user_id="alice") == ["I keep bees."]


def test_naming_a_signed_in_person_makes_another_user(kim: Caller, shop: Caller) -> None:
    [hers] = kim.remembers("I am allergic to nuts.")
    assert texts(shop, user_id=kim.user_id) == []
    adds(shop, "I own nothing.", user_id=kim.user_id)
    assert texts(shop, user_id=kim.user_id) == ["I own nothing."]
    for method, path in (("GET", f"/v1/memories/{hers}/"), ("DELETE", f"/v1/memories/{hers}/")):
        assert shop.ask(method, path).json() == shop.ask(method, f"/v1/memories/{uuid4()}/").json()
    shop.told("DELETE", f"/v2/entities/user/{kim.user_id}/")
    shop.told("DELETE", f"/v1/memories/?user_id={kim.user_id}")
    assert kim.texts() == ["I am allergic to nuts."]


def test_the_database_refuses_an_application_whatever_the_process_asks_for(
    home: services.Services, kim: Caller, shop: Caller, registers: Registers
) -> None:
    """A mistake of ours in between: the key is an application's, the id is a person's or a stranger's."""
    kim.remembers("I am allergic to nuts.")
    key, other = home.open_key(shop.key), home.open_key(registers().key)
    hers = key.named("user", "alice").user_id
    assert adds(shop, "I keep bees.", user_id="alice")
    with key.acting():
        assert [each["memory"] for each in home.memory.get_all(user_id=hers)["results"]] == ["I keep bees."]
        assert home.memory.get_all(user_id=kim.user_id)["results"] == []
        with pytest.raises(NotFound, match="belongs to somebody else"):
            home.memory.add("I own nothing.", user_id=kim.user_id, infer=False)
        with pytest.raises(NotFound, match="belongs to somebody else"):
            home.memory.delete_all(user_id=kim.user_id)
    for wrong in (other, home.open_key(kim.key)):
        with wrong.acting():
            assert home.memory.get_all(user_id=hers)["results"] == []
            assert home.memory.search("bees", user_id=hers)["results"] == []
            with pytest.raises(NotFound, match="belongs to somebody else"):
                home.memory.add("I own nothing.", user_id=hers, infer=False)
    assert kim.texts() == ["I am allergic to nuts."]
    assert texts(shop, user_id="alice") == ["I keep bees."]


def test_the_id_of_a_user_is_the_one_that_the_database_computes(home: services.Services, shop: Caller) -> None:
    application = home.open_key(shop.key).application
    computed = "select app.application_user(%(application)s::uuid, %(kind)s, %(name)s) as id"
    for kind in ("user", "agent", "app", "run"):
        for name in ODD_NAMES:
            values = {"application": application, "kind": kind, "name": name}
            [row] = home.database.read_as("nobody", computed, values)
            assert row["id"] == application_user(application, kind, name).user_id


def test_odd_names_are_users_of_their_own_that_can_be_listed_and_erased(shop: Caller) -> None:
    for number, name in enumerate(ODD_NAMES):
        adds(shop, f"I own {number} boats.", user_id=name)
    assert users(shop) == {("user", name): 1 for name in ODD_NAMES}
    for number, name in enumerate(ODD_NAMES):
        assert texts(shop, user_id=name) == [f"I own {number} boats."]
    for name in ODD_NAMES:
        assert shop.told("DELETE", f"/v2/entities/user/{quote(name, safe='')}/")["proved"] is True
    assert users(shop) == {}


@pytest.mark.parametrize("name", ["", " ", "*", "x" * 10_000, "a\x00b", "\ud800", 5, [], {}, True])
def test_names_that_can_be_nobodys_are_refused(shop: Caller, name: Any) -> None:
    for path, body in ((ADD, {"messages": "I keep bees."}), (SEARCH, {"query": "bees"}), (LIST, {})):
        for whose in ({"user_id": name}, {"filters": {"user_id": name}}):
            answer = shop.ask("POST", path, content=json.dumps({**body, **whose}))
            assert answer.status_code == 400, (path, whose, answer.text)
            assert "user_id" in answer.json()["detail"]
    assert users(shop) == {}


def test_space_around_a_name_does_not_count_and_capital_letters_do(shop: Caller) -> None:
    adds(shop, "I keep bees.", user_id=" alice ")
    assert texts(shop, user_id="alice") == ["I keep bees."]
    assert texts(shop, user_id="Alice") == []


def test_a_call_that_names_nobody_or_two_users_is_refused(shop: Caller) -> None:
    kept = adds(shop, "I keep bees.", user_id="alice")
    adds(shop, "I keep geese.", user_id="bob")
    for method, path, body in (
        ("POST", ADD, {"messages": "I keep bees."}),
        ("POST", SEARCH, {"query": "bees"}),
        ("POST", LIST, {}),
        ("DELETE", "/v1/memories/", None),
        ("GET", "/v1/changes/", None),
        ("GET", "/v1/profile/", None),
        ("GET", "/v1/questions/", None),
        ("GET", "/v1/receipts/", None),
    ):
        answer = shop.ask(method, path, body)
        assert (answer.status_code, "Say whom this is about" in answer.text) == (400, True), path
    for filters in (
        {"OR": [{"user_id": "alice"}, {"user_id": "bob"}]},
        {"user_id": {"in": ["alice", "bob"]}},
        {"AND": [{"user_id": "bob"}]},
    ):
        answer = shop.ask("POST", LIST, {"user_id": "alice", "filters": filters})
        assert (answer.status_code, "names two" in answer.text) == (403, True)
    [geese] = shop.told("POST", LIST, {"user_id": "bob"})["results"]
    both = {"memories": [{"memory_id": kept}, {"memory_id": geese["id"]}]}
    assert "several users" in shop.ask("DELETE", "/v1/batch/", both).json()["detail"]
    assert users(shop) == {("user", "alice"): 1, ("user", "bob"): 1}


def test_a_memory_says_itself_whose_it_is(shop: Caller) -> None:
    kept = adds(shop, "I own a red bicycle.", user_id="alice")
    assert shop.told("GET", f"/v1/memories/{kept}/")["user_id"] == "alice"
    assert shop.told("PUT", f"/v1/memories/{kept}/", {"text": "I own a blue bicycle."})["user_id"] == "alice"
    shop.told("PUT", "/v1/batch/", {"memories": [{"memory_id": kept, "text": "I own a green bicycle."}]})
    assert shop.told("POST", "/v1/feedback/", {"memory_id": kept, "feedback": "POSITIVE"})
    shop.told("DELETE", f"/v1/memories/{kept}/")
    versions = shop.told("GET", f"/v1/memories/{kept}/history/")
    assert [each["user_id"] for each in versions] == ["alice"] * len(versions)
    assert versions[-1]["is_deleted"]
    shop.told("POST", "/v1/undo/", {"change": versions[-1]["id"]})
    assert texts(shop, user_id="alice") == ["I own a green bicycle."]
    run = shop.told("DELETE", "/v1/batch/", {"memories": [{"memory_id": kept}]})["run"]
    shop.told("POST", "/v1/undo/", {"change": run})
    assert texts(shop, user_id="alice") == ["I own a green bicycle."]


def test_what_keepsake_has_beside_mem0_is_about_the_user_who_is_named(shop: Caller) -> None:
    shop.told("POST", ADD, {"messages": "I live in Ghent.", "user_id": "alice"})
    adds(shop, "I live in Rome.", user_id="bob")
    changes = shop.told("GET", "/v1/changes/?user_id=alice")["results"]
    assert {each["new_memory"] for each in changes} == {"Lives in Ghent"} or "Ghent" in str(changes)
    assert "Rome" not in str(changes)
    assert "Ghent" in shop.told("GET", "/v1/profile/?user_id=alice")["text"]
    assert shop.told("GET", "/v1/questions/?user_id=alice")["results"] == []
    assert shop.told("GET", "/v1/receipts/?user_id=alice")["results"] == []


def test_the_history_names_the_application(registers: Registers) -> None:
    name = f"desk {uuid4()}"
    desk = registers(name)
    kept = adds(desk, "I keep bees.", user_id="alice")
    assert [each["actor"] for each in desk.told("GET", f"/v1/memories/{kept}/history/")] == [f"key {name}"]


def test_deleting_a_user_erases_everything_of_theirs(home: services.Services, shop: Caller) -> None:
    kept = adds(shop, "I keep bees.", user_id="alice")
    shop.told("POST", ADD, {"messages": "I live in Ghent.", "user_id": "alice"})
    adds(shop, "I keep geese.", user_id="bob")
    whose = home.open_key(shop.key).named("user", "alice").user_id
    gone = shop.told("DELETE", "/v2/entities/user/alice/")
    assert (gone["proved"], gone["erased"]["memories"]) == (True, 2)
    assert shop.ask("GET", f"/v1/memories/{kept}/history/").status_code == 404
    assert users(shop) == {("user", "bob"): 1}
    assert rows_with(home, whose) == []


def test_erasing_tells_what_a_separate_index_still_has_to_remove(home: services.Services, shop: Caller) -> None:
    for name in ("alice", "bob", "carol"):
        adds(shop, "I keep bees.", user_id=name)
    assert "index_waits" not in shop.told("DELETE", "/v2/entities/user/carol/")
    attach(home.database, "elsewhere")
    try:
        told = [
            shop.told("DELETE", "/v2/entities/user/alice/"),
            shop.told("DELETE", "/v1/memories/?user_id=bob"),
        ]
    finally:
        detach(home.database)
    assert [(each["proved"], each["index_waits"]) for each in told] == [(True, 1), (True, 1)]


def rows_with(home: services.Services, user_id: str) -> list[str]:
    """The tables in which something of this user is left."""
    tables = text(
        "select format('%I.%I', nspname, relname) from pg_class join pg_namespace n on n.oid = relnamespace"
        " where relkind = 'r' and nspname in ('app', 'app_shared', 'vecs')"
    )
    with closing(Database(home.database.admin_url)) as admin, admin.engine.begin() as connection:
        named = list(connection.scalars(tables))
        held = (text(f"select exists (select from {each} t where t::text like :who)") for each in named)
        return [
            name for name, each in zip(named, held, strict=True) if connection.scalar(each, {"who": f"%{user_id}%"})
        ]


def test_an_agent_without_a_user_has_memories_of_its_own(shop: Caller) -> None:
    adds(shop, "The oven is broken.", agent_id="cook")
    adds(shop, "I like it spicy.", user_id="cook")
    adds(shop, "I hate onions.", user_id="alice", agent_id="cook")
    adds(shop, "Monday went well.", run_id="monday")
    [oven] = shop.told("POST", LIST, {"filters": {"agent_id": "cook"}})["results"]
    assert (oven["memory"], oven["agent_id"], oven["user_id"]) == ("The oven is broken.", "cook", None)
    found = shop.told("POST", SEARCH, {"query": "oven", "filters": {"AND": [{"agent_id": "cook"}]}})["results"]
    assert [each["memory"] for each in found] == ["The oven is broken."]
    assert texts(shop, user_id="alice", agent_id="cook") == ["I hate onions."]
    assert users(shop) == {("agent", "cook"): 1, ("user", "cook"): 1, ("user", "alice"): 1, ("run", "monday"): 1}
    of_alice = shop.told("GET", "/v1/entities/?user_id=alice")["results"]
    assert [(each["type"], each["name"], each["total_memories"]) for each in of_alice] == [
        ("user", "alice", 1),
        ("agent", "cook", 1),
    ]
    shop.told("DELETE", "/v2/entities/agent/cook/")
    assert users(shop) == {("user", "cook"): 1, ("user", "alice"): 1, ("run", "monday"): 1}


def test_users_are_listed_page_by_page(shop: Caller) -> None:
    for number in range(3):
        adds(shop, "I keep bees.", user_id=f"user {number}")
    first = shop.told("GET", "/v1/entities/?page_size=2")
    second = shop.told("GET", "/v1/entities/?page=2&page_size=2")
    assert (first["count"], len(first["results"]), len(second["results"])) == (3, 2, 1)
    assert first["next"].endswith("page=2&page_size=2")
    past = shop.told("GET", "/v1/entities/?page=9&page_size=2")
    assert (past["count"], past["results"]) == (3, [])


def test_an_application_needs_no_consent_of_its_users_and_its_limits_are_each_users_own(shop: Caller) -> None:
    answers = [shop.ask("POST", ADD, {"messages": f"I own {n} bees.", "user_id": "alice"}) for n in range(21)]
    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert adds(shop, "I keep bees.", user_id="bob")


def test_a_key_that_only_reads_changes_nothing_and_lists_nobody_new(registers: Registers) -> None:
    reader = registers(can_write=False)
    assert reader.ask("POST", ADD, {"messages": "x", "user_id": "alice"}).status_code == 403
    assert reader.ask("DELETE", "/v2/entities/user/alice/").status_code == 403
    assert texts(reader, user_id="alice") == []
    assert users(reader) == {}


def test_ping_names_the_application_and_no_user(registers: Registers) -> None:
    name = f"desk {uuid4()}"
    told = registers(name).told("GET", "/v1/ping/")
    assert (told["application"], told["can_write"], "user_id" in told) == (name, True, False)


def test_wrong_keys_of_applications_are_slowed_down_and_told_like_any_wrong_key(shop: Caller, kim: Caller) -> None:
    wrong, persons = shop.with_key(f"ksa_{'x' * 43}"), kim.with_key(f"ks_{'x' * 43}")
    assert wrong.ask("GET", "/v1/ping/").json() == persons.ask("GET", "/v1/ping/").json()
    most = 10 * shop.home.settings.sign_in_attempts
    answers = [wrong.ask("GET", "/v1/ping/").status_code for _ in range(most)]
    assert answers == [401] * (most - 2) + [429] * 2
    assert shop.told("GET", "/v1/ping/")


def test_the_calls_of_all_users_of_an_application_are_counted_together(
    home: services.Services, registers: Registers
) -> None:
    few = replace(home.settings, application_calls_per_minute=3)
    limited = replace(home, limits=Limits(home.database, few))
    front = TestClient(make_app(lambda: limited), client=("10.9.9.9", 1))
    one, other = ({"authorization": f"Token {registers().key}"} for _ in range(2))
    statuses = [front.post(LIST, headers=one, json={"user_id": f"user {number}"}).status_code for number in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert front.post(LIST, headers=other, json={"user_id": "user 0"}).status_code == 200
