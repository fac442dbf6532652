"""Transcripts: the messages of chats that other programs keep here, as they sent them and in their order.

An item is whatever the program sends as JSON; it comes back as it was. Learning reads only what the person and the
assistant said in it, which the caller tells beside it: outputs of tools prove nothing about a person. Words wait in the
table until they are learned from, so nothing is lost while the model is away. This module knows no framework.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from ..arguments import MAX_CONTENT, scope
from ..database import Database
from ..errors import AppError, BadAnswer, ContentRefused, InvalidInput, LeaseLost
from ..facts import Plan, Said
from ..plain_text import storable
from ..rows.store import Store
from .episodes import Episodes
from .turns import Changes, Turns, plan_until_written

__all__ = ["TranscriptItem", "Transcripts"]

log = logging.getLogger("keepsake.memory")

MAX_ATTEMPTS = 6
READ_AT_ONCE = 200  # messages that are learned from together
_INSERT = text(
    "insert into app.transcripts (run_id, item, role, said) select :run_id, item::json, role, said"
    " from unnest(cast(:items as text[]), cast(:roles as text[]), cast(:said as text[]))"
    " with ordinality sent (item, role, said, number) order by number"
)
_ITEMS = (
    "select item::text as item from (select item, place from app.transcripts"
    " where user_id = %(user_id)s and run_id = %(run_id)s order by place desc limit %(limit)s) latest order by place"
)
_POP = text(
    "delete from app.transcripts where user_id = app.asking() and id = (select id from app.transcripts"
    " where user_id = app.asking() and run_id = :run_id order by place desc limit 1 for update)"
    " returning id::text as id, item::text as item"
)
_CLEAR = text("delete from app.transcripts where user_id = app.asking() and run_id = :run_id returning id::text as id")
_WAITING = (
    "select id::text as id, role, said, at from app.transcripts where user_id = %(user_id)s and run_id = %(run_id)s"
    " and said is not null and attempts < %(most)s order by place limit %(limit)s"
)
_LEARNED = text(
    "update app.transcripts set said = null where user_id = app.asking()"
    " and id = any(cast(:ids as uuid[])) and said is not null"
)
_FAILED = text(
    "update app.transcripts set attempts = attempts + 1 where user_id = app.asking() and id = any(cast(:ids as uuid[]))"
)


@dataclass(frozen=True)
class TranscriptItem:
    """An item of a chat, and what the person (`user`) or the `assistant` said in it; None if it was neither."""

    item: Any
    role: str | None = None
    said: str | None = None


class Transcripts:
    """Keeps the chats of one user at a time, and learns from them."""

    def __init__(self, database: Database, store: Store, turns: Turns) -> None:
        self._database = database
        self._store = store
        self._turns = turns
        self._episodes = Episodes(database)

    def add(self, run_id: str, entries: Sequence[TranscriptItem], *, user_id: str, learn: bool = True) -> None:
        """Keep the next items of a chat.

        With `learn`, learn from the chat if the assistant had the last word. If that fails, the items are kept all the
        same, and what was said waits for the next time.
        """
        rows = [_row(entry) for entry in entries]
        if not rows:
            return
        items, roles, said = (list(column) for column in zip(*rows, strict=True))
        with self._database.as_user(user_id) as connection:
            connection.execute(_INSERT, {"run_id": _chat(run_id), "items": items, "roles": roles, "said": said})
        if learn and next((role for role in reversed(roles) if role), None) == "assistant":
            try:
                self.learn(run_id, user_id=user_id)
            except AppError as error:
                log.warning("a chat is kept, and learned from later: %s", error)

    def items(self, run_id: str, *, user_id: str, limit: int | None = None) -> list[Any]:
        """Return the items of a chat in their order; with a limit the latest ones."""
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise InvalidInput("limit is a whole number, and not negative.")
        values = {"user_id": user_id, "run_id": _chat(run_id), "limit": limit}
        return [json.loads(row["item"]) for row in self._database.read_as(user_id, _ITEMS, values)]

    def pop(self, run_id: str, *, user_id: str) -> Any | None:
        """Erase the last item of a chat, also from what was said, and return it; None if there is none."""
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            row = connection.execute(_POP, {"run_id": _chat(run_id)}).first()
            if row is None:
                return None
            self._erase_said(connection, [row.id])
        return json.loads(row.item)

    def clear(self, run_id: str, *, user_id: str) -> int:
        """Erase the items of a chat, also from what was said; what was learned stays. Return how many they were."""
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            ids = list(connection.scalars(_CLEAR, {"run_id": _chat(run_id)}))
            self._erase_said(connection, ids)
        return len(ids)

    def learn(self, run_id: str, *, user_id: str) -> Changes:
        """Learn from what was said in a chat since the last time; return the changes of the memories."""
        values = {"user_id": user_id, "run_id": _chat(run_id), "most": MAX_ATTEMPTS, "limit": READ_AT_ONCE}
        done: Changes = []
        while rows := self._database.read_as(user_id, _WAITING, values):
            ids = [row["id"] for row in rows]
            said = [Said(row["role"], row["said"], row["at"], row["id"], _chat(run_id)) for row in rows]
            try:
                done += self._learn(user_id, ids, said)
            except LeaseLost:  # what is left of them is read again
                continue
            except (BadAnswer, ContentRefused):
                with self._database.as_user(user_id) as connection:
                    connection.execute(_FAILED, {"ids": ids})
                raise
        return done

    def _learn(self, user_id: str, ids: Sequence[str], said: Sequence[Said]) -> Changes:
        def write(plan: Plan) -> Changes:
            with self._database.as_user(user_id) as connection:
                self._store.lock_writes(connection, user_id)
                if connection.execute(_LEARNED, {"ids": list(ids)}).rowcount < len(ids):
                    raise LeaseLost("Some of it was erased, or learned from by another process, meanwhile.")
                return self._turns.write(connection, plan)

        return plan_until_written(lambda: self._turns.plan(said, user_id=user_id), write)[1]

    def _erase_said(self, connection: Connection, ids: Sequence[str]) -> None:
        """Erase the episodes of these messages."""
        kept = self._episodes.of_chat(connection, "", ids) if ids else []
        if kept:
            self._episodes.erase(connection, [episode for episode, _ in kept])


def _row(entry: TranscriptItem) -> tuple[str, str | None, str | None]:
    """Return the columns of an item: its JSON, in characters that every database can store, and what was said."""
    try:
        item = json.dumps(entry.item, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"An item of a chat is JSON: {error}.") from error
    said = storable(entry.said or "").strip()[:MAX_CONTENT]
    return (item, entry.role, said) if said and entry.role in ("user", "assistant") else (item, None, None)


def _chat(run_id: str) -> str:
    """Return the id of a chat; raise `InvalidInput` if it is none."""
    if not isinstance(run_id, str):
        raise InvalidInput("The id of a chat is text.")
    return scope(run_id=run_id)["run_id"]
