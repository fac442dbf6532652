"""Episodes: messages as they were said, kept for details that no memory has.

A message is not kept if it holds a secret or asks to be forgotten, or if the person has switched episodes off.
Episodes are found by recall, which searches both tables at once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, text

from ..database import Database
from ..facts import Said
from ..rows.vectors import vector_text
from .secrets import asks_to_forget, holds_secret

__all__ = ["Episodes", "episode_id", "may_be_kept"]

MAX_CHARACTERS = 20_000
_MESSAGES = uuid.UUID("6f6b3f0e-6a3c-4d2b-9b65-3f6d0a2b7c11")  # the namespace of episode ids
_INSERT = text(
    "insert into vecs.episodes (id, vec, metadata) values (:id, cast(:vec as vector), cast(:metadata as jsonb))"
    " on conflict (id) do nothing"
)


def may_be_kept(said: Sequence[Said]) -> tuple[Said, ...]:
    """Return the messages of a turn that may be kept as episodes; none if the person asks to forget something."""
    if any(asks_to_forget(each.content) for each in said if each.role == "user"):
        return ()
    return tuple(each for each in said if each.role != "system" and not holds_secret(each.content))


class Episodes:
    """Keeps and erases the episodes of one user at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self,
        connection: Connection,
        user_id: str,
        said: Sequence[Said],
        vectors: Sequence[Sequence[float]],
        used: Collection[str] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep messages in their order, each only once; `used` are the ids of the memories that the reply was given."""
        turn = next((each.message_id for each in said if each.role == "user"), None)
        for message, vector in zip(said, vectors, strict=True):
            turn = message.message_id if message.role == "user" else turn
            metadata = _metadata(user_id, message, turn, used, extra or {})
            new = episode_id(user_id, message.message_id) if message.message_id else str(uuid.uuid4())
            values = {"id": new, "vec": vector_text(vector), "metadata": metadata}
            connection.execute(_INSERT, values)

    def count(self, user_id: str) -> int:
        """Count the episodes of a user, hidden ones included."""
        [row] = self._database.read_as(user_id, "select count(*) as kept from vecs.episodes")
        return int(row["kept"])

    def of_chat(self, connection: Connection, run_id: str, messages: Collection[str]) -> tuple[list[str], list[str]]:
        """Return the messages of a chat that were kept, and the ids of their episodes."""
        rows = connection.execute(
            text(
                "select id, metadata ->> 'message_id' as message_id from vecs.episodes where user_id = app.asking()"
                " and (metadata ->> 'run_id' = :run or metadata ->> 'turn' = any(:messages)"
                " or metadata ->> 'message_id' = any(:messages)) order by place"
            ),
            {"run": run_id, "messages": list(messages)},
        ).all()
        return [row.message_id for row in rows if row.message_id], [row.id for row in rows]

    def erase(self, connection: Connection, ids: Sequence[str]) -> int:
        """Erase these episodes inside the caller's transaction; return how many there were."""
        statement = text("delete from vecs.episodes where user_id = app.asking() and id = any(:ids)")
        return connection.execute(statement, {"ids": list(ids)}).rowcount

    def erase_all(self, user_id: str, run_id: str | None = None) -> int:
        """Erase all episodes of a user, or those of one chat; return how many there were."""
        chosen = "" if run_id is None else " and metadata ->> 'run_id' = :run_id"
        with self._database.as_user(user_id) as connection:
            return connection.execute(
                text(f"delete from vecs.episodes where user_id = (select app.asking()){chosen}"),
                {} if run_id is None else {"run_id": run_id},
            ).rowcount


def episode_id(user_id: str, message_id: str) -> str:
    """Return the id of the episode of a message, whether or not it is kept."""
    return str(uuid.uuid5(_MESSAGES, f"{user_id} {message_id}"))


def _metadata(user_id: str, said: Said, turn: str | None, used: Collection[str], extra: Mapping[str, Any]) -> str:
    known: dict[str, Any] = {
        **extra,
        "data": said.content[:MAX_CHARACTERS],
        "user_id": user_id,
        "role": said.role,
        "actor_id": said.name,
        "created_at": said.at.astimezone(UTC).isoformat(),
        "message_id": said.message_id,
        "turn": turn,  # the person's message: if a memory from it is deleted, the reply is hidden as well
        "run_id": said.run_id,
        "used": sorted(used) if used and said.role == "assistant" else None,
    }
    return json.dumps({key: value for key, value in known.items() if value is not None}, ensure_ascii=False)
