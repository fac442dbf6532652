"""The figures that need the database: what waits, rests and was given up, of everybody together, and connections."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import cast

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from chat.conversations import Conversations
from memory.database import Database
from memory.embedded.loopback import free_port
from monitoring.metrics import QUEUE_SECONDS, MetricsRoute, queue_figures
from services import Services
from tests.chat.conftest import Sql, conversations, sql  # noqa: F401 (fixtures)
from tests.monitoring.test_figures import read


def test_the_queue_is_counted_over_everybody_without_deleted_chats(
    database: Database,
    conversations: Conversations,  # noqa: F811
    sql: Sql,  # noqa: F811
) -> None:
    assert set(queue_figures(database).values()) == {0.0}
    said = [conversations.say(user, None, "I keep bees.") for user in ("kim", "lee", "ann", "bob")]
    sql("update app.messages set remember_after = now() + interval '1 hour'")
    sql("update app.messages set remember_after = now() - interval '1 hour' where user_id = 'kim'")
    sql("update app.messages set remember_waits = 2 where user_id = 'lee'")
    sql("update app.messages set remembering = 'given up' where user_id = 'ann'")
    sql("update app.conversations set deleted_at = now() where id = %s::uuid", said[3].conversation_id)
    figures = queue_figures(database)
    assert (figures["turns_waiting"], figures["turns_resting"], figures["turns_given_up"]) == (2, 1, 1)
    assert 3_600 <= figures["turns_overdue"] < 7_200
    assert figures["imports_waiting"] == 0
    sql("delete from app.messages")
    assert queue_figures(database)["turns_overdue"] == 0


class Scraper:
    """Prometheus, who asks about this database; the app's clock goes on between two askings."""

    def __init__(self, database: Database) -> None:
        self._now = 0.0
        services = cast(Services, SimpleNamespace(database=database))
        route = MetricsRoute(lambda: services, lambda: "token", lambda: self._now)
        self._client = TestClient(Starlette(routes=[Route("/metrics", route.answer)]))

    def asks(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        self._now += QUEUE_SECONDS
        return read(self._client.get("/metrics", headers={"authorization": "Bearer token"}).text)


IN_USE = ("keepsake_database_connections", (("state", "in use"),))
UP = ("keepsake_database_up", ())


def test_while_all_connections_are_in_use_they_are_told_at_once_and_the_database_is_not_called_down(
    database: Database,
) -> None:
    with closing(Database(database.url, pool_size=1, overflow=0)) as small:
        prometheus = Scraper(small)
        with small.as_worker():
            told = prometheus.asks()
            assert told[IN_USE] == 1
            assert UP not in told
        told = prometheus.asks()
        assert (told[IN_USE], told[UP]) == (0, 1)


def test_connections_are_told_while_the_database_is_away() -> None:
    with closing(Database(f"postgresql://app:x@127.0.0.1:{free_port()}/postgres")) as away:
        told = Scraper(away).asks()
    assert (told[IN_USE], told[UP]) == (0, 0)
