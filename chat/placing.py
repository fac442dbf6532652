"""Where in its conversation a new message goes, and whether it was said a moment ago. Inside the saving transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from chat.branches import continued_at, parent_of
from chat.message import FIELDS, Message, as_id
from memory.errors import NotFound

__all__ = ["place", "said_just_now"]


def place(connection: Connection, conversation_id: str, seen: str | None, instead_of: str | None) -> str | None:
    """The parent of a new message; the turn of the one it is another version of leaves the queue."""
    nodes, head = _tree(connection, conversation_id)
    if instead_of is None:
        return continued_at(nodes, head, seen)
    if instead_of not in {each.id for each in nodes if each.role == "user"}:
        raise NotFound("There is no such message in this chat.")
    connection.execute(_UNQUEUE_ONE, {"id": instead_of})
    return parent_of(nodes, instead_of)


def said_just_now(connection: Connection, conversation_id: str | None, content: str, seconds: float) -> Message | None:
    """A person's message with these words that was saved so many seconds ago at most and is not answered yet."""
    values = {"content": content, "seconds": seconds}
    chat = as_id(conversation_id) if conversation_id is not None else None
    found = connection.execute(_SAID_JUST_NOW, values | {"conversation": chat}).mappings().first()
    return Message(**found) if found else None


def _tree(connection: Connection, conversation_id: str) -> tuple[list[Any], str | None]:
    """The messages of a conversation without their words, and its head; nobody else adds one until we are done."""
    rows = connection.exec_driver_sql(_LOCKED_TREE, {"conversation": as_id(conversation_id)}).all()
    if not rows:
        raise NotFound("There is no such chat.")
    return [row for row in rows if row.id is not None], rows[0].head_id


# Two messages, one statement each, so that the second sees what was saved while the first waited for its turn.
_LOCKED_TREE = (
    "select 1 from app.conversations where id = %(conversation)s::uuid for no key update;"
    " select c.head_id::text, m.id::text, m.parent_id::text, m.role from app.conversations c"
    " left join app.messages m on m.conversation_id = c.id where c.id = %(conversation)s::uuid order by m.seq"
)
_SAID_JUST_NOW = text(
    f"select {FIELDS} from app.messages m where m.role = 'user' and m.content = :content"
    " and m.created_at > clock_timestamp() - make_interval(secs => :seconds)"
    " and case when cast(:conversation as uuid) is null then m.parent_id is null"
    "  else m.conversation_id = cast(:conversation as uuid) end"
    " and not exists (select from app.messages r where r.parent_id = m.id and r.role = 'assistant'"
    "  and r.status = 'complete') order by m.seq desc limit 1"
)
# A turn that a worker has claimed already is left to it: what it teaches stays to be seen under that version.
_UNQUEUE_ONE = text(
    "update app.messages set remembering = 'none', receipt = receipt - 'not_remembered' where id = ("
    " select id from app.messages where id = cast(:id as uuid) and remembering = 'waiting'"
    " for no key update skip locked)"
)
