"""The import queue: messages from elsewhere that wait to be learned from, or to be kept as they were said.

    queue.add(user_id, messages, "learn")         each message once, however often it is added
    with queue.claim() as claimed: ...            a few messages of one chat, held until the transaction ends

All SQL about `app.lessons` is here. This module plans and writes no memories; `learn/turns.py` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from ..database import Database
from ..errors import InvalidInput
from ..facts import Said
from ..learn.extract import extraction_prompt
from ..plain_text import tokens

__all__ = ["ImportBatch", "ImportProgress", "ImportQueue", "Way"]

Way = Literal["learn", "keep"]
# One model call reads several messages of a chat, because most of its cost are the instructions.
MESSAGES_PER_CALL, CHARACTERS_PER_CALL = 6, 3_000
MESSAGES_PER_CLAIM = 50
BACKOFF_SECONDS = (60, 600, 3_600, 21_600)
REPLY_TOKENS = 200  # written by a model that finds something to learn


@dataclass(frozen=True)
class ImportBatch:
    """Some messages of one chat, to be processed together."""

    user_id: str
    way: Way
    said: tuple[Said, ...]


@dataclass(frozen=True)
class ImportProgress:
    """How many messages wait, are done or were given up; `problem` says why the first waiting one was postponed."""

    waiting: int = 0
    done: int = 0
    given_up: int = 0
    problem: str | None = None


_ADD = text(
    "insert into app.lessons as known (id, chat, content, said_at, way)"
    " select id, chat, content, said_at, :way from jsonb_to_recordset(cast(:said as jsonb))"
    "  new (id text, chat text, content text, said_at timestamptz, place bigint) order by place"
    # A message that was only kept can be learned from later; one that was learned from has been kept too.
    " on conflict (user_id, id) do update set way = excluded.way, content = excluded.content, state = 'waiting',"
    "  attempts = 0, after = now(), problem = null"
    " where known.state = 'given up' or (known.way = 'keep' and excluded.way = 'learn')"
    " returning id"
)
_LOCK_USER = text("select pg_advisory_xact_lock(hashtextextended('keepsake.remember:' || :user_id, 0))")
_FIRST_WAITING = text(
    "select id, chat, content, said_at, way from app.lessons l where state = 'waiting' and after <= now()"
    " and (chat, way) = (select chat, way from app.lessons where state = 'waiting' and after <= now()"
    "  order by seq limit 1)"
    " order by seq limit :most for update skip locked"
)
_PROGRESS = (
    "select count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'done') as done,"
    " count(*) filter (where state = 'given up') as given_up,"
    " (select problem from app.lessons where state = 'waiting' order by seq limit 1) as problem from app.lessons"
)


class ImportQueue:
    """Adds, claims and finishes the messages of one user at a time."""

    def __init__(self, database: Database, *, by_model: bool = False) -> None:
        self._database = database
        self._by_model = by_model  # without a model, rules read the messages one by one

    def add(self, user_id: str, said: Sequence[Said], way: Way) -> int:
        """Put messages in the queue, in their order, and return how many are new; each needs an id."""
        if way not in ("learn", "keep"):
            raise InvalidInput(f"The way is 'learn' or 'keep', not {way!r}.")
        if any(not each.message_id for each in said):
            raise InvalidInput("Each imported message needs an id, so that it is processed only once.")
        rows = {
            message.message_id: {
                "id": message.message_id,
                "chat": message.run_id or "",
                "content": message.content,
                "said_at": message.at.isoformat(),
                "place": place,
            }
            for place, message in enumerate(said)
        }
        with self._database.as_user(user_id) as connection:
            values = {"said": json.dumps(list(rows.values())), "way": way}
            return len(connection.execute(_ADD, values).all())

    @contextmanager
    def claim(self, user_id: str | None = None) -> Iterator[tuple[Connection, ImportBatch] | None]:
        """Claim some messages, of this user or of anybody; yield None if none waits.

        The connection's transaction is bound to the user whose messages they are.
        """
        claiming = self._database.as_worker() if user_id is None else self._database.as_user(user_id)
        with claiming as connection:
            owner = user_id or connection.scalar(text("select user_id from app.claim_lesson()"))
            if owner is None:
                yield None
                return
            if user_id is None:
                self._database.become(connection, owner)
            else:
                connection.execute(_LOCK_USER, {"user_id": user_id})
            batch = self._first_batch(connection, owner)
            yield (connection, batch) if batch else None

    def _first_batch(self, connection: Connection, user_id: str) -> ImportBatch | None:
        rows = connection.execute(_FIRST_WAITING, {"most": MESSAGES_PER_CLAIM}).all()
        if not rows:
            return None
        way = rows[0].way
        said = [Said("user", each.content, each.said_at, message_id=each.id, run_id=each.chat or None) for each in rows]
        if way == "learn":
            said = _for_one_call(said) if self._by_model else said[:1]
        return ImportBatch(user_id, way, tuple(said))

    def done(self, connection: Connection, batch: ImportBatch) -> None:
        """Note that messages were processed, in the transaction that writes what was learned; delete their words."""
        connection.execute(
            text("update app.lessons set state = 'done', content = null, problem = null where id = any(:ids)"),
            {"ids": _ids(batch)},
        )

    def postpone(self, connection: Connection, batch: ImportBatch, problem: str, at_least: float = 0) -> None:
        """Try messages again later, after a longer pause each time; give up after the last."""
        connection.execute(
            text(
                "update app.lessons set attempts = attempts + 1, problem = :problem,"
                " state = case when attempts + 1 < :most then 'waiting' else 'given up' end,"
                " after = now() + make_interval(secs =>"
                "  greatest(:at_least, (cast(:pauses as int[]))[least(attempts + 1, :most)])) where id = any(:ids)"
            ),
            {
                "ids": _ids(batch),
                "problem": problem,
                "at_least": at_least,
                "most": len(BACKOFF_SECONDS),
                "pauses": list(BACKOFF_SECONDS),
            },
        )

    def cost(self, said: Sequence[Said]) -> int:
        """Estimate the tokens a model would read and write to learn from all of these; 0 without a model."""
        if not self._by_model:
            return 0
        each_call = sum(tokens(each.content) for each in extraction_prompt([], [])) + REPLY_TOKENS
        by_chat: dict[str | None, list[Said]] = {}
        for message in said:
            by_chat.setdefault(message.run_id, []).append(message)
        calls = 0
        for left in by_chat.values():
            while left:
                left = left[len(_for_one_call(left)) :]
                calls += 1
        return calls * each_call + sum(tokens(each.content) for each in said)

    def progress(self, user_id: str) -> ImportProgress:
        """Count the user's messages by what became of them."""
        return ImportProgress(**self._database.read_as(user_id, _PROGRESS)[0])

    def stop(self, user_id: str) -> int:
        """Delete from the queue what is not done; what was learned stays."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(text("delete from app.lessons where state <> 'done'")).rowcount


def _for_one_call(said: Sequence[Said]) -> list[Said]:
    """Return the first messages that fit into one model call; at least one."""
    chosen, characters = list(said[:1]), len(said[0].content)
    for message in said[1:MESSAGES_PER_CALL]:
        characters += len(message.content)
        if characters > CHARACTERS_PER_CALL:
            break
        chosen.append(message)
    return chosen


def _ids(batch: ImportBatch) -> list[str]:
    return [str(each.message_id) for each in batch.said]
