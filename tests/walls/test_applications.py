"""Two people and two applications: nobody's key reaches anybody else, through the calls or past them in SQL."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import text
from starlette.testclient import TestClient

from api import CALLS, make_app
from api.calls import Call
from auth.applications import ApplicationUser, application_user, make_application_key
from memory.database import BIND
from memory.embedded.embedder import BundledEmbedder
from memory.mcp.tools import TOOLS
from settings import Settings
from tests.databases import Databases
from tests.walls.watch import watching
from tests.walls.world import ALICE, MALLORY, SECRET, TABLES, World, administrator, rows_of

WORD = "Quetzalia"  # the secret of the desk's user
UNLIMITED = Settings(
    api_calls_per_minute=0,
    application_calls_per_minute=0,
    messages_per_minute=0,
    messages_per_day=0,
    sign_in_attempts=0,
)


@dataclass
class Two:
    """Alice and Mallory, and two applications: the desk, whose user has a secret, and the shop, which wants it."""

    world: World
    desk: str
    shop: str
    user: ApplicationUser  # of the desk, whom it calls alice
    ids: dict[str, str]  # of what the desk's user has

    def key(self, name: str, days: int = 1) -> str:
        with administrator(self.world.database) as connection:
            return make_application_key(connection, name, can_write=True, days=days).key

    def rows(self) -> dict[str, Any]:
        """Everything that must not be touched: Alice's rows, and those of the desk's user."""
        with administrator(self.world.database) as connection:
            listed = list(connection.execute(text("select t::text from app.application_users t where name = 'alice'")))
            return {
                "alice": rows_of(connection, ALICE),
                "user": rows_of(connection, self.user.user_id),
                "listed": [str(each) for each in listed if self.user.user_id in str(each)],
            }


@pytest.fixture(scope="module")
def two(databases: Databases, embedder: BundledEmbedder) -> Iterator[Two]:
    with databases.migrated() as fresh:
        world = World(fresh, embedder, UNLIMITED)
        world.settle_in(ALICE, SECRET)
        world.settle_in(MALLORY, "coffee")
        with administrator(fresh) as connection:
            keys = [make_application_key(connection, name, can_write=True, days=1).key for name in ("desk", "shop")]
        desk, shop = (world.services.open_key(key).application for key in keys)
        user = application_user(desk, "user", "alice")
        world.settle_in(user.user_id, WORD)
        world.services.applications.note(user)
        [gone] = world.memory.add(f"I once owned {WORD}", user_id=user.user_id, infer=False)["results"]
        world.memory.delete(gone["id"], user_id=user.user_id)
        with administrator(fresh) as connection:
            ids = {
                name: str(connection.scalar(text(f"select {sql}"), {"who": user.user_id}))
                for name, sql in (
                    ("memory", "id from vecs.memories where metadata ->> 'user_id' = :who"),
                    ("question", "id from app.questions where user_id = :who"),
                    ("event", "max(event) from app.memory_history where user_id = :who"),
                    ("gone", "memory_id from app.memory_history where user_id = :who and action = 'delete' limit 1"),
                )
            }
        yield Two(world, desk, shop, user, ids)


def _bodies(two: Two) -> list[dict[str, Any]]:
    """What is sent to every call that takes a body; most fit only one."""
    names = ("alice", ALICE, two.user.user_id, "bob")
    named: list[dict[str, Any]] = [{"user_id": each} for each in names]
    named += [{"filters": {"$or": [{"user_id": "bob"}, {"kind": "fact"}]}}, {"agent_id": two.user.user_id}]
    named += [{"filters": {"metadata": {"user_id": two.user.user_id}}}, {"user_id": "alice", "as_of": "2030-01-01"}]
    bodies: list[dict[str, Any]] = [{}, *named]
    bodies += [{"query": word, "episodes": True, **each} for each in named for word in (SECRET, WORD)]
    bodies += [{"messages": "I own nothing.", "infer": False, **each} for each in named[:4]]
    for hers in (two.world.known["fact"].id, two.ids["memory"], two.ids["gone"]):
        bodies += [{"memories": [{"memory_id": hers, "text": "gone"}]}, {"memories": [{"memory_id": hers}]}]
        bodies += [{"memory_id": hers, "feedback": "POSITIVE"}]
    bodies += [{"change": each} for each in (two.world.known["event"], int(two.ids["event"]), two.ids["event"])]
    return [*bodies, {"text": "gone"}, {"answer": "new"}]


def _addresses(two: Two, call: Call) -> list[str]:
    known = two.world.known
    found = [
        call.path.format(memory_id=memory, question_id=question, kind=kind, name=name)
        for memory, question, kind, name in (
            (known["fact"].id, known["question"], "user", ALICE),
            (two.ids["memory"], two.ids["question"], "user", two.user.user_id),
            (two.ids["gone"], two.ids["question"], "agent", "alice"),
        )
    ]
    queries = [""]
    if call.query is not None:
        queries += [f"?user_id={each}" for each in (ALICE, two.user.user_id)] + ["?agent_id=alice"]
    return [f"{path}{query}" for path in dict.fromkeys(found) for query in queries]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_no_call_with_another_key_tells_or_changes_anything(
    two: Two, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    """The shop tries, and Mallory, each with all ids of Alice and of the desk's user."""
    caplog.set_level(logging.DEBUG)
    browser = TestClient(make_app(lambda: two.world.services), raise_server_exceptions=False)
    hers = two.world.keys.make(MALLORY, "attack", address="m@example.com", can_write=True, days=1)
    keys = [two.key("shop"), hers.key]
    before = two.rows()
    with watching(two.world.database.engine) as watched:
        for key in keys:
            headers = {"authorization": f"Token {key}", "mem0-user-id": "alice", "x-user-id": two.user.user_id}
            for address in _addresses(two, call):
                for body in _bodies(two) if call.body else [None]:
                    answer = browser.request(call.method, address, headers=headers, json=body)
                    assert answer.status_code != 500, (address, body)
                    for word in (SECRET, WORD, "application:"):
                        assert word not in answer.text.replace(two.user.user_id, ""), (address, body)
    assert watched.wrong == []
    assert two.rows() == before
    assert not [key for key in keys if key in caplog.text]
    two.world.keys.end(MALLORY, hers.id)


def test_no_tool_of_mcp_with_another_key_tells_or_changes_anything(two: Two) -> None:
    browser = TestClient(make_app(lambda: two.world.services), raise_server_exceptions=False)
    before = two.rows()
    headers = {"authorization": f"Bearer {two.key('shop')}", "accept": "application/json", "keepsake-user": "alice"}
    ids = [two.ids["memory"], two.ids["gone"], two.world.known["fact"].id]
    changes = [int(two.ids["event"]), two.world.known["event"], two.ids["event"]]
    for tool in TOOLS:
        offered = tool.arguments.model_json_schema()["properties"].keys()
        for memory, change, query in zip(ids, changes, (WORD, SECRET, "sister"), strict=True):
            values = {"memory_id": memory, "change": change, "query": query, "text": "I own nothing."}
            arguments = {name: value for name, value in values.items() if name in offered}
            params = {"name": tool.name, "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            answer = browser.post("/mcp", headers=headers, json=body)
            assert answer.status_code == 200, params
            assert not [word for word in (SECRET, WORD) if word in answer.text.replace(query, "")], params
    assert two.rows() == before


def test_no_key_of_an_application_is_answered_by_the_model(two: Two) -> None:
    """Whoever the body and the headers name: the address is for people's keys, and the model is not asked."""
    app = replace(two.world.services, chat=replace(two.world.chat, model=two.world.model, second_looks=2))
    browser = TestClient(make_app(lambda: app), raise_server_exceptions=False)
    before, asked = two.rows(), len(two.world.model.calls)
    question = [{"role": "user", "content": f"What is {WORD}?"}]
    for key in (two.key("shop"), two.key("desk")):
        for name in ("alice", ALICE, two.user.user_id, None):
            headers = {
                "authorization": f"Bearer {key}",
                **({"keepsake-user": name, "openai-user": name} if name else {}),
            }
            body = {"model": "keepsake", "messages": question, "user": name, "metadata": {"user_id": str(name)}}
            for stream in (False, True):
                answer = browser.post("/v1/chat/completions", headers=headers, json={**body, "stream": stream})
                assert answer.status_code == 400, answer.text
                assert "for people's keys" in answer.json()["error"]["message"]
                assert WORD not in answer.text
            assert browser.get("/v1/models", headers=headers).status_code == 400
    assert len(two.world.model.calls) == asked
    assert two.rows() == before


def test_the_desk_itself_is_told_it(two: Two) -> None:
    """The same questions with the right key find the secret: what is asserted above can fail."""
    browser, headers = TestClient(make_app(lambda: two.world.services)), {"authorization": f"Token {two.key('desk')}"}
    search = {"query": WORD, "user_id": "alice"}
    assert WORD in browser.post("/v3/memories/search/", headers=headers, json=search).text
    assert WORD in browser.get(f"/v1/memories/{two.ids['memory']}/", headers=headers).text
    assert WORD in browser.get(f"/v1/memories/{two.ids['gone']}/history/", headers=headers).text
    assert WORD in browser.get("/v1/changes/?user_id=alice", headers=headers).text
    assert "alice" in browser.get("/v1/entities/", headers=headers).text
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_memories", "arguments": {}}}
    over_mcp = {**headers, "accept": "application/json", "keepsake-user": "alice"}
    assert WORD in browser.post("/mcp", headers=over_mcp, json=listing).text


def test_keys_that_ended_or_expired_open_no_call(two: Two) -> None:
    browser = TestClient(make_app(lambda: two.world.services), raise_server_exceptions=False)
    ended, expired = two.key("ended"), two.key("expired")
    hers = two.world.keys.make(MALLORY, "ended", address="m@example.com", can_write=True, days=1)
    two.world.keys.end(MALLORY, hers.id)
    of = "where application = (select id from app_shared.applications where name = :name)"
    with administrator(two.world.database) as connection:
        connection.execute(text(f"delete from app_shared.application_keys {of}"), {"name": "ended"})
        connection.execute(text(f"update app_shared.application_keys set ends_at = now() {of}"), {"name": "expired"})
    wrong = browser.get("/v1/ping/", headers={"authorization": f"Token ksa_{'x' * 43}"})
    assert wrong.status_code == 401
    for call in CALLS:
        for key in (ended, expired, hers.key):
            answer = browser.request(call.method, call.path, headers={"authorization": f"Token {key}"}, content=b"{}")
            assert (answer.status_code, answer.json()) == (401, wrong.json()), call.path


# -- past the calls: whoever has the app's connection, bound as a key of the shop would be -------------------------


def _claims(two: Two) -> list[dict[str, Any]]:
    victims = (ALICE, two.user.user_id)
    foreign: list[Any] = [two.shop, two.desk.upper(), "%", [two.desk], {"id": two.desk}, f"{two.desk} "]
    claims: list[dict[str, Any]] = [{"application": each, "sub": who} for each in foreign for who in victims]
    claims += [{"sub": two.user.user_id}, {"application": "", "sub": two.user.user_id}]
    claims += [{"application": two.desk, "sub": ALICE}, {"application": two.shop}, {"application": two.desk.upper()}]
    return [*claims, {"application": "", "sub": None}]


def _taken(two: Two, claims: dict[str, Any], sql: str, values: Any = None, *, commit: bool = False) -> str:
    with two.world.database.engine.connect() as connection:
        bound = {"asking_role": "authenticated", "asking_claims": json.dumps(claims)}
        connection.exec_driver_sql(BIND, bound)
        try:
            result = connection.exec_driver_sql(sql, values or {})
            given = repr(result.all()) if result.returns_rows else f"{result.rowcount} rows"
        except sqlalchemy_errors.DBAPIError as error:
            return f"refused: {str(error.orig).splitlines()[0]}"
        if commit:
            connection.commit()
        return given


def _tables(two: Two) -> list[tuple[str, str]]:
    with administrator(two.world.database) as connection:
        found = [(name, owner) for name, owner in connection.execute(text(TABLES))]
    return [*found, ("app.application_users", "user_id")]


def test_no_binding_but_the_right_one_reads_anything(two: Two) -> None:
    for claims in _claims(two):
        for table, owner in _tables(two):
            for condition in ("true", f"{owner} = '{two.user.user_id}'", f"{owner} = '{ALICE}'"):
                given = _taken(two, claims, f"select t.* from {table} t where {condition}")
                assert given == "[]" or given.startswith("refused") or "coffee" not in given, (claims, table)
                assert SECRET not in given, (claims, table, condition)
                assert WORD not in given, (claims, table, condition)
                assert two.user.user_id not in given, (claims, table, condition)


def test_no_binding_but_the_right_one_changes_anything(two: Two) -> None:
    before = two.rows()
    for claims in _claims(two):
        for table, _ in _tables(two):
            for sql in (f"delete from {table}", f"insert into {table} select * from {table}"):
                _taken(two, claims, sql, commit=True)
        insert = (
            "insert into app.application_users (user_id, application, kind, name) values (%(u)s, %(a)s, 'user', 'x')"
        )
        for application in (two.desk, two.shop):
            _taken(two, claims, insert, {"u": two.user.user_id, "a": application}, commit=True)
    assert two.rows() == before


def test_what_finds_an_owner_and_counts_answers_for_the_application_that_asks_only(two: Two) -> None:
    owner = "select app.owner_in_application(%(asked)s, %(given)s)"
    count = "select * from app.memories_in_application(%(whose)s)"
    asked = {"memory": two.ids["memory"], "event": two.ids["event"], "question": two.ids["question"]}
    people = {"whose": [ALICE, MALLORY, two.user.user_id]}
    for claims in _claims(two):
        for what, given in [*asked.items(), ("memory", two.ids["gone"]), ("memory", two.world.known["fact"].id)]:
            answer = _taken(two, claims, owner, {"asked": what, "given": given})
            # The desk's own key finds its own, whichever user it is bound to; Alice's it never finds.
            its_own = claims.get("application") == two.desk and given != two.world.known["fact"].id
            assert answer == "[(None,)]" or its_own, (claims, what)
    for what, given in asked.items():
        assert two.user.user_id in _taken(two, {"application": two.desk}, owner, {"asked": what, "given": given})
    hers = {"asked": "memory", "given": two.world.known["fact"].id}
    assert _taken(two, {"application": two.desk}, owner, hers) == "[(None,)]"
    assert _taken(two, {"application": two.shop}, count, people) == "[]"
    assert ALICE not in _taken(two, {"application": two.desk}, count, people).replace(two.user.user_id, "")


def test_bound_to_one_user_a_statement_does_not_see_the_list_of_the_others(two: Two) -> None:
    other = application_user(two.desk, "user", "somebody else")
    two.world.services.applications.note(other)
    bound = {"application": two.desk, "sub": two.user.user_id}
    assert _taken(two, bound, "select name from app.application_users") == "[('alice',)]"
    listed = _taken(two, {"application": two.desk}, "select name from app.application_users")
    assert "alice" in listed
    assert "somebody else" in listed
    assert WORD in _taken(two, bound, "select metadata from vecs.memories")


def test_a_listed_name_is_that_of_its_id(two: Two) -> None:
    """The database computes the id once more: nobody can be listed under a name that is not theirs."""
    bound = {"application": two.desk, "sub": two.user.user_id}
    wrong = "insert into app.application_users (kind, name) values ('user', 'bob')"
    assert _taken(two, bound, wrong).startswith("refused: new row for relation")
