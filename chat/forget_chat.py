"""Forgets a chat on the side of its messages: takes them out of the queue, and erased memories out of receipts.

Each function works inside a transaction that is bound to the user. memory/erase.py erases the memories.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from chat.remembering.queue import TurnQueue
from chat.tree import valid_id
from memory.errors import NotFound

__all__ = ["clear_quotes", "clear_receipts", "messages_of", "stop_learning"]

# Rewrites the two lists in a receipt that quote memories, and takes out the words of a second look, which may; `where`
# leaves the other receipts untouched.
_QUOTED = """
update app.messages set receipt = receipt - 'looked_again'
  || case when jsonb_typeof(receipt -> 'memories') = 'array' then jsonb_build_object('memories', (
       select coalesce(jsonb_agg(each order by place), '[]') from
         jsonb_array_elements(receipt -> 'memories') with ordinality listed (each, place)
       where not coalesce(each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts), false))) else '{}' end
  || case when jsonb_typeof(receipt -> 'remembered' -> 'events') = 'array' then jsonb_build_object('remembered',
       receipt -> 'remembered' || jsonb_build_object('events', (
         select coalesce(jsonb_agg(each order by place), '[]') from
           jsonb_array_elements(receipt -> 'remembered' -> 'events') with ordinality listed (each, place)
         where not coalesce(each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
           or each ->> 'previous_memory' = any(:texts), false)))) else '{}' end
where user_id = (select app.asking()) and (
  exists (select from jsonb_path_query(receipt, 'lax $.memories[*]') listed (each)
    where each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts))
  or exists (select from jsonb_path_query(receipt, 'lax $.remembered.events[*]') listed (each)
    where each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
      or each ->> 'previous_memory' = any(:texts)))
"""


def messages_of(connection: Connection, conversation_id: str) -> list[str]:
    """Return the ids of a chat's messages on every branch; raise `NotFound` if the chat is not the user's."""
    found = text("select id::text from app.messages where conversation_id = cast(:id as uuid) order by seq")
    ids = list(connection.scalars(found, {"id": valid_id(conversation_id)}))
    if not ids:
        raise NotFound("There is no such chat.")
    return ids


def stop_learning(queue: TurnQueue, connection: Connection, conversation_id: str) -> list[str]:
    """Take a chat's turns out of the queue, and clear what its receipts say about learning; return its messages' ids.

    A turn that a model is thinking about is taken from its worker; what is being written is waited for, and forgotten.
    """
    queue.withdraw_chat(connection, conversation_id)
    connection.execute(
        text(
            "update app.messages set receipt = receipt - '{remembered,not_remembered}'::text[]"
            " where user_id = (select app.asking()) and conversation_id = cast(:id as uuid)"
        ),
        {"id": valid_id(conversation_id)},
    )
    return messages_of(connection, conversation_id)


def clear_receipts(connection: Connection) -> None:
    """Take the texts of memories out of every receipt of the user."""
    connection.execute(
        text(
            "update app.messages set receipt = receipt - '{memories,looked_again,remembered,not_remembered}'::text[]"
            " where user_id = (select app.asking())"
        )
    )


def clear_quotes(connection: Connection, ids: Sequence[str], texts: Sequence[str]) -> None:
    """Take erased memories, by their ids and texts, out of every receipt that quotes them."""
    if ids or texts:
        connection.execute(text(_QUOTED), {"ids": list(ids), "texts": list(texts)})
