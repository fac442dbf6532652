"""What a chat has to do with forgetting what it taught: its messages leave the queue, no receipt quotes what is gone.

Works inside a transaction that is bound to the chat's owner. What is erased is decided in memory/erase/one_chat.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from chat.tree import valid_id
from memory.errors import NotFound

__all__ = ["clear_quotes", "leave_queue", "messages_of"]

# Every list in a receipt that quotes memories, without what is gone; `where` keeps the other rows as they are.
_QUOTED = """
update app.messages set receipt = receipt
  || case when jsonb_typeof(receipt -> 'memories') = 'array' then jsonb_build_object('memories', (
       select coalesce(jsonb_agg(each order by place), '[]') from
         jsonb_array_elements(receipt -> 'memories') with ordinality told (each, place)
       where not coalesce(each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts), false))) else '{}' end
  || case when jsonb_typeof(receipt -> 'remembered' -> 'events') = 'array' then jsonb_build_object('remembered',
       receipt -> 'remembered' || jsonb_build_object('events', (
         select coalesce(jsonb_agg(each order by place), '[]') from
           jsonb_array_elements(receipt -> 'remembered' -> 'events') with ordinality told (each, place)
         where not coalesce(each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
           or each ->> 'previous_memory' = any(:texts), false)))) else '{}' end
where exists (select from jsonb_path_query(receipt, 'lax $.memories[*]') told (each)
    where each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts))
  or exists (select from jsonb_path_query(receipt, 'lax $.remembered.events[*]') told (each)
    where each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
      or each ->> 'previous_memory' = any(:texts))
"""


def messages_of(connection: Connection, conversation_id: str) -> list[str]:
    """The ids of a chat's messages, every branch of it; `NotFound` if the chat is not the user's."""
    found = text("select id::text from app.messages where conversation_id = cast(:id as uuid) order by seq")
    ids = list(connection.scalars(found, {"id": valid_id(conversation_id)}))
    if not ids:
        raise NotFound("There is no such chat.")
    return ids


def leave_queue(connection: Connection, conversation_id: str) -> list[str]:
    """Let nothing more be learned of what a chat holds by now, and empty its notes on it; returns its messages' ids.

    A turn that is being remembered at this moment is waited for, so that it is among what is forgotten.
    """
    connection.execute(
        text(
            "update app.messages set remembering = 'none' where conversation_id = cast(:id as uuid)"
            " and remembering in ('waiting', 'given up')"
        ),
        {"id": valid_id(conversation_id)},
    )
    connection.execute(
        text(
            "update app.messages set receipt = receipt - '{remembered,not_remembered}'::text[]"
            " where conversation_id = cast(:id as uuid)"
        ),
        {"id": valid_id(conversation_id)},
    )
    return messages_of(connection, conversation_id)


def clear_quotes(connection: Connection, ids: Sequence[str], texts: Sequence[str]) -> None:
    """Take memories that are gone, and what was said of them, out of every receipt that quotes them."""
    if ids or texts:
        connection.execute(text(_QUOTED), {"ids": list(ids), "texts": list(texts)})
