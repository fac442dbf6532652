"""Episodes: messages as they were said, kept for details that no memory has.

A long message is kept as several rows, one for each of its passages (passages.py); joined in their order, they are the
message. A message is not kept if it holds a secret or asks to be forgotten, or if the person has switched episodes off.
Episodes are found by recall, which searches both tables at once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, groupby
from typing import Any

from sqlalchemy import Connection, text

from ..arguments import could_be_id
from ..database import Database
from ..facts import Fact, Said, spoken
from ..rows.vectors import vector_text
from .passages import LONG, passages
from .secrets import asks_to_forget, holds_secret

__all__ = [
    "Episodes",
    "LongMessage",
    "cut_next",
    "episode_id",
    "long_messages",
    "may_be_kept",
    "next_to_cut",
    "said_in",
    "set_vectors",
    "to_embed",
    "with_vectors_of_their_messages",
]

MAX_CHARACTERS = 200_000
_MESSAGES = uuid.UUID("6f6b3f0e-6a3c-4d2b-9b65-3f6d0a2b7c11")  # the namespace of episode ids
_FIRST = "returning (coalesce(metadata ->> 'part', '1') = '1')::int"  # of several passages, one counts
_INSERT = text(
    "insert into vecs.episodes (id, vec, metadata) select id, cast(vec as vector), metadata from unnest("
    "cast(:ids as text[]), cast(:firsts as text[]), cast(:vectors as text[]), cast(:metadata as jsonb[]))"
    " with ordinality sent (id, first, vec, metadata, number)"
    " where not exists (select from vecs.episodes known where known.id = sent.first)"  # the message is kept already
    " order by number on conflict (id) do nothing"
)
# One transaction at a time writes a user's rows.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('keepsake.write:' || cast(:user_id as text), 0))")
# Messages that were kept before there were passages. Not all of them have several passages.
_LONG_ROWS = (
    "select id, user_id, coalesce(metadata ->> 'run_id', '') as run_id, metadata ->> 'actor_id' as name,"
    " metadata ->> 'data' as said from vecs.episodes where letters > :long and not metadata ? 'parts' and place >= 0"
)
_LONG_AFTER = text(f"{_LONG_ROWS} and id > :after order by id limit :wanted")
# In the order in which they were said. A run that was ended in the middle of a chat leaves its places in another order.
_ROWS_OF_CHAT = text(
    "select id, place, coalesce(metadata ->> 'message_id', id) as message,"
    " letters > :long and not metadata ? 'parts' as long"
    " from vecs.episodes where user_id = :user_id and coalesce(metadata ->> 'run_id', '') = :run_id and place >= 0"
    " order by said_at nulls first, place"
)
_TEXTS = text(
    "select id, metadata ->> 'actor_id' as name, metadata ->> 'data' as said"
    " from vecs.episodes where user_id = :user_id and id = any(:ids)"
)
# Whoever erases rows at this moment without the lock is not waited for: it may ask for the lock next.
_WHOLE_ROWS = text(
    "select id, metadata::text as metadata, hidden, vec::text as vec from vecs.episodes"
    " where user_id = :user_id and id = any(:ids) order by said_at nulls first, place for update nowait"
)
_DELETE_ROWS = text("delete from vecs.episodes where user_id = :user_id and id = any(:ids)")
_INSERT_AGAIN = text(
    "insert into vecs.episodes (id, vec, metadata, hidden) select id, cast(vec as vector), metadata, hidden"
    " from unnest(cast(:ids as text[]), cast(:vectors as text[]), cast(:metadata as jsonb[]),"
    " cast(:hidden as boolean[])) with ordinality sent (id, vec, metadata, hidden, number) order by number"
)
READ_AT_ONCE = 500
MOST_AT_ONCE = 500  # rows that one transaction inserts again, unless one message becomes more
# Neighbouring passages of a message have the same vector only if they took over that of the message.
_SHARE_VECTOR = text(
    "select kept.id from vecs.episodes kept where kept.metadata ? 'parts' and kept.place >= 0 and exists ("
    " select from vecs.episodes near where near.user_id = kept.user_id and near.vec = kept.vec"
    " and near.place in (kept.place - 1, kept.place + 1) and near.metadata ->> 'data' <> kept.metadata ->> 'data')"
    " order by kept.id"
)
_SAID = text("select id, app.searched(metadata) as said from vecs.episodes where id = any(:ids)")
_SET_VECTORS = text(
    "update vecs.episodes kept set vec = cast(fresh.vec as vector) from unnest(cast(:ids as text[]),"
    " cast(:vectors as text[])) fresh (id, vec) where kept.id = fresh.id"
)


def may_be_kept(said: Sequence[Said]) -> tuple[Said, ...]:
    """Return the messages of a turn that may be kept as episodes; none if the person asks to forget something."""
    if any(asks_to_forget(each.content) for each in said if each.role == "user"):
        return ()
    return tuple(each for each in said if each.role != "system" and not holds_secret(each.content))


def to_embed(said: Sequence[Said]) -> list[str]:
    """Return the texts to embed for these messages: their passages, each with the speaker before it."""
    return [spoken(passage, message.name) for message in said for passage in _cut(message)]


def _cut(said: Said) -> list[str]:
    return passages(said.content[:MAX_CHARACTERS])


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
        """Keep messages in their order, each only once.

        `vectors` are those of the texts that `to_embed` returns for them; `used` are the ids of the memories that the
        reply was given.
        """
        rows = [row for message, turn in _with_turns(said) for row in _rows(user_id, message, turn, used, extra or {})]
        if len(vectors) != len(rows):
            raise ValueError(f"{len(rows)} passages need as many vectors, not {len(vectors)}.")
        values = {
            "ids": [row.id for row in rows],
            "firsts": [row.first for row in rows],
            "vectors": [vector_text(vector) for vector in vectors],
            "metadata": [json.dumps(row.metadata, ensure_ascii=False) for row in rows],
        }
        connection.execute(_INSERT, values)

    def count(self, user_id: str) -> int:
        """Count the messages of a user that are kept, hidden ones included."""
        [row] = self._database.read_as(
            user_id, "select count(*) as kept from vecs.episodes where coalesce(metadata ->> 'part', '1') = '1'"
        )
        return int(row["kept"])

    def get(self, user_id: str, episode: str) -> Fact | None:
        """Return a message, or the passage of one, by its own id; None if it is not kept, or hidden."""
        if not could_be_id(episode):
            return None
        rows = self._database.read_as(
            user_id,
            "select id, metadata from vecs.episodes where user_id = app.asking() and not hidden and id = %(id)s",
            {"id": episode},
        )
        return Fact(rows[0]["id"], rows[0]["metadata"], source="episodes") if rows else None

    def message(self, user_id: str, message_id: str) -> Said | None:
        """Return a message as it was said; None if it is not kept, or hidden because something in it was deleted."""
        rows = self._database.read_as(
            user_id,
            "select metadata from vecs.episodes where user_id = app.asking() and not hidden"
            " and metadata ->> 'message_id' = %(message)s order by coalesce(metadata ->> 'part', '1')::int",
            {"message": message_id},
        )
        if not rows:
            return None
        first = rows[0]["metadata"]
        return Said(
            str(first.get("role", "user")),
            "".join(row["metadata"]["data"] for row in rows),
            datetime.fromisoformat(first["created_at"]),
            message_id,
            first.get("run_id"),
            first.get("actor_id"),
        )

    def of_chat(self, connection: Connection, run_id: str, messages: Collection[str]) -> list[tuple[str, str | None]]:
        """Return the ids of the episodes of a chat, each with that of its message if it has one."""
        rows = connection.execute(
            text(
                "select id, metadata ->> 'message_id' as message_id from vecs.episodes where user_id = app.asking()"
                " and (metadata ->> 'run_id' = :run or metadata ->> 'turn' = any(:messages)"
                " or metadata ->> 'message_id' = any(:messages)) order by place"
            ),
            {"run": run_id, "messages": list(messages)},
        ).all()
        return [(row.id, row.message_id) for row in rows]

    def erase_turn(self, connection: Connection, message_id: str, *, hidden_too: bool = True) -> int:
        """Erase a message of the person and the reply to it; return how many messages they were."""
        chosen = "and metadata ->> 'turn' = :turn and (:hidden_too or not hidden)"
        return self._erase(connection, chosen, {"turn": message_id, "hidden_too": hidden_too})

    def erase(self, connection: Connection, ids: Sequence[str] | None = None) -> int:
        """Erase these episodes, or all, inside the caller's transaction; return how many messages they were."""
        chosen = "" if ids is None else "and id = any(:ids)"
        return self._erase(connection, chosen, {} if ids is None else {"ids": list(ids)})

    def erase_all(self, user_id: str, run_id: str | None = None) -> int:
        """Erase all episodes of a user, or those of one chat; return how many messages they were."""
        chosen = "" if run_id is None else "and metadata ->> 'run_id' = :run_id"
        with self._database.as_user(user_id) as connection:
            # Cutting a chat into passages inserts its rows again, which would stay if they appeared meanwhile.
            connection.execute(_LOCK, {"user_id": user_id})
            return self._erase(connection, chosen, {} if run_id is None else {"run_id": run_id})

    def _erase(self, connection: Connection, chosen: str, values: Mapping[str, Any]) -> int:
        statement = f"delete from vecs.episodes where user_id = (select app.asking()) {chosen} {_FIRST}"
        return sum(connection.scalars(text(statement), values))


def episode_id(user_id: str, message_id: str) -> str:
    """Return the id of the episode of a message, which is that of its first passage; whether or not it is kept."""
    return str(uuid.uuid5(_MESSAGES, f"{user_id} {message_id}"))


@dataclass(frozen=True)
class _PassageRow:
    """A passage as it is written; `first` is the id of its message's first passage."""

    id: str
    first: str
    metadata: Mapping[str, Any]


def _with_turns(said: Sequence[Said]) -> Iterator[tuple[Said, str | None]]:
    """Return each message with the person's message that it answers; deleting a memory of that one hides both."""
    turn = next((each.message_id for each in said if each.role == "user"), None)
    for message in said:
        turn = message.message_id if message.role == "user" else turn
        yield message, turn


def _rows(
    user_id: str, said: Said, turn: str | None, used: Collection[str], extra: Mapping[str, Any]
) -> Iterator[_PassageRow]:
    parts = _cut(said)
    common: dict[str, Any] = {
        **extra,
        "user_id": user_id,
        "role": said.role,
        "actor_id": said.name,
        "created_at": said.at.astimezone(UTC).isoformat(),
        "message_id": said.message_id,
        "turn": turn,
        "run_id": said.run_id,
        "used": sorted(used) if used and said.role == "assistant" else None,
        "parts": len(parts) if len(parts) > 1 else None,
    }
    known = {key: value for key, value in common.items() if value is not None}
    first = episode_id(user_id, said.message_id) if said.message_id else str(uuid.uuid4())
    for part, passage in enumerate(parts):
        numbered = {"part": part + 1} if len(parts) > 1 else {}
        yield _PassageRow(_passage_id(first, part), first, {**known, "data": passage, **numbered})


def _passage_id(first: str, part: int) -> str:
    return str(uuid.uuid5(_MESSAGES, f"{first} {part}")) if part else first


# -- messages that were kept before there were passages, for the command that cuts them: as the administrator


@dataclass(frozen=True)
class LongMessage:
    """A long message in one row. `texts` are to be embedded for its passages; `run_id` is empty outside of chats."""

    user_id: str
    run_id: str
    texts: Sequence[str]


def long_messages(connection: Connection) -> Iterator[LongMessage]:
    """Return the messages of all users that are to be cut."""
    after = ""
    while rows := connection.execute(_LONG_AFTER, {"long": LONG, "after": after, "wanted": READ_AT_ONCE}).all():
        for row in rows:
            if texts := _to_cut(row):
                yield LongMessage(row.user_id, row.run_id, texts)
        after = rows[-1].id


def _to_cut(row: Any) -> list[str]:
    """Return the texts to embed for the passages of a long message; none if it is one passage."""
    parts = passages(row.said)
    return [spoken(each, row.name) for each in parts] if len(parts) > 1 else []


def next_to_cut(connection: Connection, chat: tuple[str, str]) -> dict[str, list[str]]:
    """Return the rows of a chat that `cut_next` replaces next, by id in their order; none if nothing is left to do.

    A long message has the texts to embed for its passages; what follows it only gets other places.
    """
    named = {"user_id": chat[0], "run_id": chat[1]}
    rows = connection.execute(_ROWS_OF_CHAT, {"long": LONG, **named}).all()
    highest = list(accumulate((row.place for row in rows), max))
    moved = next((at for at, row in enumerate(rows) if row.place < highest[at]), len(rows))
    texts: dict[str, list[str]] = {}
    for start in range(0, len(rows), MOST_AT_ONCE):
        batch = rows[start : start + MOST_AT_ONCE]
        ids = {"user_id": chat[0], "ids": [row.id for row in batch if row.long]}
        texts |= {row.id: cut for row in connection.execute(_TEXTS, ids) if (cut := _to_cut(row))}
        first = next((start + at for at, row in enumerate(batch) if row.id in texts), len(rows))
        if min(first, moved) < start + len(batch):
            # The texts of the next rows are known to the end of this batch.
            return _as_many(rows[min(first, moved) : start + len(batch)], texts)
    return {}


def _as_many(rows: Sequence[Any], texts: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the first rows that become at most `MOST_AT_ONCE`, all of a message or none; at least one message."""
    chosen: dict[str, list[str]] = {}
    size = 0
    for _, together in groupby(rows, key=lambda row: row.message):
        several = list(together)
        size += sum(max(1, len(texts.get(row.id, ()))) for row in several)
        if chosen and size > MOST_AT_ONCE:
            break
        chosen |= {row.id: texts.get(row.id, []) for row in several}
    return chosen


def cut_next(
    connection: Connection, chat: tuple[str, str], vectors: Mapping[str, Sequence[float]] | None
) -> int | None:
    """Replace the next long messages of a chat by their passages; return how many they were.

    The rows after them are inserted again as well, in their order, so that neighbours get neighbouring places.
    `vectors` has the vector of each text of `next_to_cut`; with None, passages take over that of their message. Change
    nothing and return None if one is missing, because somebody wrote a long message meanwhile.
    """
    connection.execute(_LOCK, {"user_id": chat[0]})
    texts = next_to_cut(connection, chat)
    if vectors is not None and any(each not in vectors for several in texts.values() for each in several):
        return None
    named = {"user_id": chat[0], "ids": list(texts)}
    rows = connection.execute(_WHOLE_ROWS, named).all()
    new = [each for row in rows for each in _cut_row(row, texts[row.id], vectors)]
    if new:
        connection.execute(_DELETE_ROWS, named)
        ids, metadata, hidden, written = zip(*new, strict=True)
        values = {"ids": list(ids), "metadata": list(metadata), "hidden": list(hidden), "vectors": list(written)}
        connection.execute(_INSERT_AGAIN, values)
    return sum(map(bool, texts.values()))


def _cut_row(
    row: Any, texts: Sequence[str], vectors: Mapping[str, Sequence[float]] | None
) -> Iterator[tuple[str, str, bool, str]]:
    """Return what a row becomes: itself, or its passages."""
    if not texts:
        yield row.id, row.metadata, row.hidden, row.vec
        return
    known = json.loads(row.metadata)
    for part, (passage, said) in enumerate(zip(passages(known["data"]), texts, strict=True)):
        metadata = {**known, "parts": len(texts), "data": passage, "part": part + 1}
        vector = row.vec if vectors is None else vector_text(vectors[said])
        yield _passage_id(row.id, part), json.dumps(metadata, ensure_ascii=False), row.hidden, vector


def with_vectors_of_their_messages(connection: Connection) -> list[str]:
    """Return the ids of passages that took over the vector of their message."""
    return list(connection.scalars(_SHARE_VECTOR))


def said_in(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return the texts to embed for these rows, by id."""
    return {row.id: row.said for row in connection.execute(_SAID, {"ids": list(ids)})}


def set_vectors(connection: Connection, vectors: Mapping[str, Sequence[float]]) -> None:
    """Give rows other vectors, by id."""
    written = [vector_text(each) for each in vectors.values()]
    connection.execute(_SET_VECTORS, {"ids": list(vectors), "vectors": written})
