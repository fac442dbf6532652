"""During a deploy the version before works on the new tables, beside a process of this version.

The statements are those with which the version before open replies saved and read messages, kept as they were.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from chat.conversations import Conversations
from chat.turn import ChatServices, say
from memory.database import Database
from tests.chat.conftest import Sql

FIELDS = (
    "id::text, conversation_id::text, parent_id::text, user_id, role, content, status, receipt, created_at,"
    " remembering, feedback, feedback_why"
)
INSERT = (
    "insert into app.messages (conversation_id, parent_id, role, content, status, receipt, remembering, remember_after)"
    " values (cast(:conversation as uuid), cast(:parent as uuid), :role, :content, :status, cast(:receipt as jsonb),"
    " case when :role = 'user' and (select writes_memory and not temporary from app.conversations"
    " where id = cast(:conversation as uuid))"
    " and coalesce((select writes_memory from app.preferences where user_id = app.asking()), true)"
    " then 'waiting' else 'none' end,"
    f"  now() + make_interval(secs => 20)) returning {FIELDS}"
)
TOUCH = (
    "update app.conversations set updated_at = clock_timestamp(),"
    " title = case when title = '' then :title else title end,"
    " head_id = case when cast(:asked as uuid) is null or head_id is null or head_id = cast(:asked as uuid)"
    "  or exists (select from app.messages where parent_id = cast(:asked as uuid) and role = 'assistant'"
    "   and id <> cast(:new as uuid)) then cast(:new as uuid) else head_id end"
    " where id = cast(:conversation as uuid) and (deleted_at is null or :role = 'assistant')"
)
REWRITE = (
    "update app.messages set content = :content, status = :status, receipt = cast(:receipt as jsonb)"
    " where id = cast(:id as uuid) and parent_id = cast(:asked as uuid) and role = 'assistant' and content = :before"
    f" returning {FIELDS}"
)
CHANGED = "update app.conversations set updated_at = clock_timestamp() where id = cast(:conversation as uuid)"
RELEASE = (
    "update app.messages set remember_after = now() where id = cast(:id as uuid)"
    " and remembering = 'waiting' and remember_attempts + remember_waits = 0"
)
DELETE = "delete from app.conversations where id = cast(:conversation as uuid)"


class VersionBefore:
    """A process of the version before, as far as it saves messages."""

    def __init__(self, database: Database, chat_id: str) -> None:
        self._database, self._chat = database, chat_id

    def saves(self, role: str, content: str, parent: str | None, status: str = "complete") -> str:
        """Save a message, and return its id."""
        values: dict[str, Any] = {"conversation": self._chat, "role": role, "content": content, "parent": parent}
        with self._database.as_user("ann") as connection:
            new = connection.execute(text(INSERT), values | {"status": status, "receipt": "{}"}).one().id
            asked = parent if role == "assistant" else None
            touched = {"conversation": self._chat, "title": "Delft", "asked": asked, "new": new, "role": role}
            assert connection.execute(text(TOUCH), touched).rowcount == 1
        return str(new)

    def completes(self, reply_id: str, asked: str, before: str, content: str) -> None:
        """Save the whole of a reply in the place of a part, and let its turn be remembered."""
        values = {"id": reply_id, "asked": asked, "before": before, "content": content, "status": "complete"}
        with self._database.as_user("ann") as connection:
            assert connection.execute(text(REWRITE), values | {"receipt": "{}"}).one().content == content
            connection.execute(text(CHANGED), {"conversation": self._chat})
            connection.execute(text(RELEASE), {"id": asked})


def test_the_version_before_talks_in_a_chat_that_this_version_shows(
    conversations: Conversations, database: Database
) -> None:
    chat_id = conversations.start("ann").id
    old = VersionBefore(database, chat_id)
    asked = old.saves("user", "Tell me of Delft", None)
    half = old.saves("assistant", "Delft has", asked, "stopped")
    shown = conversations.threads.open("ann", chat_id)
    assert ([each.content for each in shown.messages], shown.open_reply) == (["Tell me of Delft", "Delft has"], None)
    old.completes(half, asked, "Delft has", "Delft has canals.")
    shown = conversations.threads.open("ann", chat_id)
    assert [(each.content, each.status) for each in shown.messages][1:] == [("Delft has canals.", "complete")]
    claimed = conversations.queue.claim()
    assert claimed is not None
    assert claimed.message.id == asked


def test_the_version_before_goes_on_in_a_chat_in_which_this_version_writes_a_reply(
    chat: ChatServices, conversations: Conversations, database: Database, sql: Sql
) -> None:
    first = say(chat, "ann", None, "Tell me of Delft", answered=True)
    old = VersionBefore(database, first.conversation_id)
    second = old.saves("user", "And Utrecht?", first.id)
    old.saves("assistant", "It has a tower.", second)
    conversations.reply(first, "Delft has canals.", "complete", {})
    shown = conversations.threads.open("ann", first.conversation_id).messages
    assert {each.content for each in shown} == {
        "Tell me of Delft",
        "Delft has canals.",
        "And Utrecht?",
        "It has a tower.",
    }
    assert sql("select 1 from app.open_replies") == []


def test_the_version_before_erases_a_chat_in_which_this_version_writes_a_reply(
    chat: ChatServices, database: Database, sql: Sql
) -> None:
    asked = say(chat, "ann", None, "Tell me of Delft", answered=True)
    with database.as_user("ann") as connection:
        assert connection.execute(text(DELETE), {"conversation": asked.conversation_id}).rowcount == 1
    assert sql("select 1 from app.open_replies") == []
