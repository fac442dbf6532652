"""The services of a process: built once, or refused with a sentence; their health; and erasing everything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import make_url, text
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

import services as services_module
from app import HEALTH_SECONDS, HealthRoute
from chat.conversations import Conversations
from chat.preferences import Preferences
from chat.reply import Replies
from chat.tree import Switches
from chat.turn import say
from memory.database import Database, connect
from memory.embedded.embedder import BundledEmbedder
from memory.errors import AppError, DatabaseError, DatabaseUnreachable, ModelRefused, SettingsError
from services import Services, build, close_services, end_services, health, services
from settings import Settings
from tests.chat.conftest import run_turn, until
from tests.databases import Databases
from tests.locks import held_by
from tests.model_answers import PATIENCE, Fault, Gate, Slow, Stall, sensible
from tests.model_server import ModelServer

BEES = "I keep bees in Utrecht."
KEYS = ("sk-not-to-be-told", "sb_publishable_not_to_be_told")


class AuthServer(ThreadingHTTPServer):
    """A server that answers whether it is well, and nothing else."""

    status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: AuthServer

    def do_GET(self) -> None:
        known = self.path == "/auth/v1/health" and self.headers["apikey"]
        self.send_response(self.server.status if known else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def auth_server() -> Iterator[AuthServer]:
    with AuthServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def wanted(
    database: Database, embedder: BundledEmbedder, model_server: ModelServer, auth_server: AuthServer
) -> Settings:
    """Settings for servers that are all on this machine."""
    return Settings(
        supabase_url=auth_server.url,
        supabase_key=KEYS[1],
        database_url=database.url,
        database_admin_url=database.admin_url,
        openai_api_key=KEYS[0],
        openai_base_url=model_server.base_url,
        chat_model="scripted",
        embed_model=embedder.name,
        embed_dimensions=embedder.dimensions,
    )


@pytest.fixture
def home(wanted: Settings) -> Iterator[Services]:
    built = build(wanted)
    yield built
    built.close()


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], None]]:
    """No services are built yet; set the settings that the first call will find."""
    standing: list[Services] = []
    monkeypatch.setattr(services_module, "_built", standing)
    monkeypatch.setattr(services_module, "_ending", threading.Event())
    yield lambda wanted: monkeypatch.setattr(services_module, "settings", lambda: wanted)
    for built in standing:
        built.close()


# -- building ------------------------------------------------------------------------------------


def test_without_settings_it_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"Nothing is configured: set SUPABASE_URL.* make run"):
        build(Settings())


def test_a_database_that_is_not_there_is_named_without_its_password(wanted: Settings) -> None:
    lost = replace(wanted, database_url="postgresql://app:hidden@127.0.0.1:1/postgres")
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1") as caught:
        build(lost)
    assert "hidden" not in str(caught.value)


def test_services_are_not_built_when_the_embedder_refuses(wanted: Settings, model_server: ModelServer) -> None:
    model_server.enqueue_vectors(Fault(401))
    with pytest.raises(ModelRefused, match="key"):
        build(replace(wanted, embed_dimensions=None))


def test_another_embedding_model_than_before_is_refused(wanted: Settings) -> None:
    with pytest.raises(SettingsError, match="set EMBED_MODEL back"):
        build(replace(wanted, embed_model="another"))


def test_a_new_database_gets_its_tables(wanted: Settings, empty_database: Database) -> None:
    new = replace(wanted, database_url=empty_database.url, database_admin_url=empty_database.admin_url)
    built = build(new)
    assert built.chats.recent("ann") == []
    built.close()


def test_services_are_built_once(wanted: Settings, fresh_process: Callable[[Settings], None]) -> None:
    fresh_process(wanted)
    with ThreadPoolExecutor(8) as visitors:
        found = list(visitors.map(lambda _: services(), range(8)))
    assert all(each is found[0] for each in found)


def test_services_are_built_again_after_a_failure(wanted: Settings, fresh_process: Callable[[Settings], None]) -> None:
    fresh_process(Settings())
    with pytest.raises(SettingsError):
        services()
    fresh_process(wanted)
    assert services().worker.alive


def test_a_page_that_still_runs_while_the_process_ends_opens_nothing_again(
    wanted: Settings, fresh_process: Callable[[Settings], None]
) -> None:
    fresh_process(wanted)
    running = services()
    end_services()
    assert not running.worker.alive
    with pytest.raises(AppError, match="just being restarted"):
        services()


def test_closing_ends_the_worker(wanted: Settings) -> None:
    built = build(wanted)
    assert built.worker.alive
    built.close()
    assert not built.worker.alive


# -- a turn through the whole house --------------------------------------------------------------


def test_connections_of_a_busy_moment_are_kept_for_the_next(home: Services) -> None:
    together = threading.Barrier(5, timeout=PATIENCE)

    def connection_of(number: int) -> int:
        with home.database.as_user(f"person-{number}") as connection:
            together.wait()
            return int(connection.exec_driver_sql("select pg_backend_pid()").scalar_one())

    with ThreadPoolExecutor(5) as people:
        first, second = [set(people.map(connection_of, range(5))) for _ in range(2)]
    assert len(first) == 5
    assert first == second


def test_what_is_said_in_one_chat_is_known_in_the_next(home: Services) -> None:
    assert _say(home, BEES)
    until(lambda: home.conversations.queue.waiting("ann") == 0)
    assert f"I remember: {BEES}" in _say(home, "Where are my bees?")
    assert "I do not remember anything" in _say(home, "Where are my bees?", user_id="bob")


def test_without_a_model_it_remembers_by_rules_and_quotes(wanted: Settings, model_server: ModelServer) -> None:
    alone = replace(wanted, openai_api_key=None, openai_base_url=None, embed_base_url=model_server.base_url)
    built = build(alone)
    _say(built, BEES)
    until(lambda: built.conversations.queue.waiting("ann") == 0)
    assert "You keep bees in Utrecht." in _say(built, "Where are my bees?")
    assert model_server.chats == []
    built.close()


# -- clearing ------------------------------------------------------------------------------------


def test_clearing_takes_memories_history_and_what_still_waits(home: Services, model_server: ModelServer) -> None:
    home.memory.add("I have a cat.", user_id="ann")
    home.memory.add("I have a dog.", user_id="bob")
    model_server.enqueue_replies(sensible)
    model_server.unscripted = lambda _: Fault(500)  # however often it is tried again
    _say(home, BEES)
    until(lambda: _left(home, "not_remembered") == 1)
    assert home.conversations.queue.waiting("ann") == 1
    assert home.erase_memories("ann").erased["memories"] == 1
    assert home.conversations.queue.waiting("ann") == 0
    assert home.memory.get_all(user_id="ann")["results"] == []
    assert _history(home) == ["bob"]
    assert len(home.chats.recent("ann")) == 1
    _wake(home)
    assert home.worker.remember_next() is False
    assert [each["memory"] for each in home.memory.get_all(user_id="bob")["results"]] == ["I have a dog."]


def test_clearing_takes_the_chats_too_if_that_is_asked(home: Services) -> None:
    _say(home, BEES)
    _say(home, "I have a dog.", user_id="bob")
    until(lambda: home.conversations.queue.waiting("ann") + home.conversations.queue.waiting("bob") == 0)
    assert home.erase_memories("ann", messages_too=True).erased["memories"] == 1
    assert home.chats.recent("ann") == []
    assert len(home.chats.recent("bob")) == 1


def test_a_turn_that_is_being_remembered_does_not_survive_the_erasing(
    home: Services, model_server: ModelServer
) -> None:
    gate = _a_model_thinks(home, model_server)
    with ThreadPoolExecutor(1) as person:
        clearing = person.submit(home.erase_memories, "ann")
        until(lambda: clearing.done() or _blocked(home))
        gate.open()
        clearing.result(PATIENCE)
    home.worker.stop()  # once it has tried to write what it learned
    _wake(home)
    home.worker.remember_next()
    assert home.memory.get_all(user_id="ann")["results"] == []
    assert _history(home) == []


def test_an_account_is_deleted_while_the_embedder_is_away(home: Services, model_server: ModelServer) -> None:
    _say(home, BEES)
    until(lambda: home.conversations.queue.waiting("ann") == 0)
    home.preferences.set("ann", Preferences(instructions="Be brief"))
    model_server.enqueue_vectors(*[Fault(503)] * 5)
    gone = home.delete_account("ann")
    assert gone.memories.erased["memories"] == 1
    assert gone.removed["preferences"] == 1
    assert gone.proved
    assert not gone.memories.searched


def test_nobody_waits_while_four_tabs_forget_everything_and_a_model_thinks(
    home: Services, model_server: ModelServer
) -> None:
    gate = _a_model_thinks(home, model_server)

    def talk(user_id: str) -> None:
        asked = home.conversations.say(user_id, None, "Hello")
        home.conversations.messages(user_id, asked.conversation_id)
        home.chats.recent(user_id)

    # The model thinks until the gate opens: whoever waited for it would never be done.
    with ThreadPoolExecutor(24) as people:
        tabs = [people.submit(home.erase_memories, "ann") for _ in range(4)]
        others = [people.submit(talk, f"other-{number}") for number in range(20)]
        assert all(each.result(30).proved for each in tabs)
        for each in others:
            each.result(30)
    gate.open()
    home.worker.stop()
    assert home.memory.get_all(user_id="ann")["results"] == []
    assert _history(home) == []
    assert home.memory.episodes.count("ann") == 0


def test_an_account_is_deleted_while_a_model_thinks_and_nothing_of_it_comes_back(
    home: Services, model_server: ModelServer
) -> None:
    gate = _a_model_thinks(home, model_server)
    assert home.delete_account("ann").proved
    gate.open()
    home.worker.stop()
    assert home.sessions.delete_account("ann") == {}


def test_an_account_is_deleted_while_another_tab_erases_one_of_its_chats(home: Services, database: Database) -> None:
    said = say(home.chat, "ann", None, "Hello")
    home.memory.add(BEES, user_id="ann")
    with ThreadPoolExecutor(1) as tab, held_by(database, "select true") as something_waits:
        with database.as_user("ann") as connection:
            chat = {"id": said.conversation_id}
            connection.execute(text("select from app.conversations where id = cast(:id as uuid) for update"), chat)
            deletion = tab.submit(home.delete_account, "ann")
            until(something_waits)
            connection.execute(text("delete from app.conversations where id = cast(:id as uuid)"), chat)
        assert deletion.result(60).proved
    assert home.chats.recent("ann") == []


def test_an_account_is_deleted_while_another_process_saves_a_reply(home: Services, database: Database) -> None:
    said = say(home.chat, "ann", None, "Hello")
    with ThreadPoolExecutor(1) as tab, held_by(database, "select true") as something_waits:
        with database.as_user("ann") as connection:  # as Conversations.reply does it
            home.conversations.queue.leases.erasures(connection)
            deletion = tab.submit(home.delete_account, "ann")
            until(something_waits)
            statement = "update app.conversations set updated_at = now() where id = cast(:id as uuid)"
            connection.execute(text(statement), {"id": said.conversation_id})
        assert deletion.result(60).proved


def test_a_reply_that_another_process_saves_later_does_not_undo_an_erasing(
    home: Services, database: Database, model_server: ModelServer
) -> None:
    home.memory.add(BEES, user_id="ann")
    gate = Gate()
    model_server.enqueue_replies(Slow(["You keep ", "bees."], gate))
    other = replace(home.chat, conversations=Conversations(database))
    replies = Replies(other)
    asked = say(other, "ann", None, "Where are my bees?", switches=Switches(writes_memory=False))
    replies.begin(asked)
    gate.let(1)
    until(lambda: (task := replies.task_for("ann", asked.conversation_id)) and task.has_words)
    assert home.erase_memories("ann").proved
    gate.open()
    until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    [_, reply] = home.conversations.messages("ann", asked.conversation_id)
    assert (reply.content, reply.status) == ("You keep bees.", "complete")
    assert "memories" not in reply.receipt
    replies.close()


# -- health --------------------------------------------------------------------------------------


def test_health_says_that_all_is_well(wanted: Settings, fresh_process: Callable[[Settings], None]) -> None:
    fresh_process(wanted)
    assert health() == {"status": "well"}


def test_health_reports_a_silent_auth_server(
    wanted: Settings,
    fresh_process: Callable[[Settings], None],
    auth_server: AuthServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fresh_process(wanted)
    auth_server.status = 503
    assert health() == {"status": "unwell"}
    assert "The auth server answers 503" in caplog.text
    auth_server.status = 200
    assert health()["status"] == "well"


@pytest.mark.parametrize(
    "trouble",
    [
        {"database_url": "postgresql://keepsake_app:hidden@127.0.0.1:1/postgres"},
        {"database_url": None},
        {"embed_model": "another"},
        {"embed_dimensions": None},
        {"supabase_url": "http://127.0.0.1:1"},
    ],
    ids=lambda trouble: next(iter(trouble)),
)
def test_health_names_no_part_no_secret_and_no_address(
    trouble: dict[str, Any],
    wanted: Settings,
    fresh_process: Callable[[Settings], None],
    model_server: ModelServer,
) -> None:
    model_server.enqueue_vectors(Fault(401))
    fresh_process(replace(wanted, **trouble))
    assert health() == {"status": "unwell"}


def test_one_answer_of_health_serves_everybody_for_some_seconds() -> None:
    now, checked, gate = [0.0], list[str](), Gate()

    def check() -> dict[str, str]:
        checked.append("asked")
        gate.wait()
        return {"status": "well" if len(checked) == 1 else "unwell"}

    route = HealthRoute(check, clock=lambda: now[0])
    routes = [Route("/health", route.answer)]
    with TestClient(Starlette(routes=routes)) as visitor, ThreadPoolExecutor(8) as pool:
        at_once = [pool.submit(visitor.get, "/health") for _ in range(8)]
        until(lambda: checked)
        gate.open()
        assert [each.result(PATIENCE).status_code for each in at_once] == [200] * 8
        now[0] = HEALTH_SECONDS - 0.1
        assert visitor.get("/health").status_code == 200
        assert checked == ["asked"]
        now[0] = HEALTH_SECONDS
        assert visitor.get("/health").status_code == 503


def test_health_is_unwell_while_the_app_may_not_become_the_worker(
    wanted: Settings, fresh_process: Callable[[Settings], None], databases: Databases
) -> None:
    databases.run("create role without_worker login noinherit")
    databases.run("grant authenticated to without_worker")
    url = make_url(str(wanted.database_url)).set(username="without_worker").render_as_string(hide_password=False)
    try:
        fresh_process(replace(wanted, database_url=url))
        assert health()["status"] == "unwell"
        with pytest.raises(DatabaseError, match="grant keepsake_worker to without_worker;"):
            services()
        databases.run("grant keepsake_worker to without_worker")
        assert health()["status"] == "well"
        databases.run("revoke keepsake_worker from without_worker")
        assert health()["status"] == "unwell"
    finally:
        close_services()
        databases.run("drop role without_worker")


# -- looking in from outside ---------------------------------------------------------------------


def _a_model_thinks(home: Services, model_server: ModelServer) -> Gate:
    """Say something of which a model thinks what to remember, until the gate opens."""
    gate = Gate()
    model_server.enqueue(sensible, lambda request: Stall(gate, then=sensible(request)))
    _say(home, BEES)
    model_server.wait_for_chats(2)  # the reply, and what to remember
    return gate


def _say(home: Services, text: str, user_id: str = "ann") -> str:
    return "".join(run_turn(home.chat, user_id=user_id, conversation_id=None, text=text))


@contextmanager
def _outside(home: Services) -> Iterator[Callable[[str], list[Any]]]:
    engine = connect(home.database.admin_url, pool_size=1)
    with engine.begin() as connection:
        yield lambda statement: list(connection.exec_driver_sql(statement).scalars())
    engine.dispose()


def _history(home: Services) -> list[str]:
    with _outside(home) as look:
        return look("select user_id from app.memory_history order by event")


def _left(home: Services, mark: str) -> int:
    with _outside(home) as look:
        return int(look(f"select count(*) from app.messages where receipt::jsonb->>'{mark}' is not null")[0])


def _blocked(home: Services) -> bool:
    with _outside(home) as look:
        return bool(
            look("select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")
        )


def _wake(home: Services) -> None:
    with _outside(home) as look:
        look("update app.messages set remember_after = now() where remembering = 'waiting' returning 1")
