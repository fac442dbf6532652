"""The figures of the queue: what waits, rests and was given up, of everybody together."""

from __future__ import annotations

from chat.conversations import Conversations
from memory.database import Database
from monitoring.metrics import queue_figures
from tests.chat.conftest import Sql, conversations, sql  # noqa: F401 (fixtures)


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
