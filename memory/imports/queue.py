"""The import queue: messages from elsewhere that wait to be learned from, or to be kept as they were said.

    queue.add(user_id, messages, "learn")         each message once, however often it is added
    batch = queue.claim()                         a few messages of one chat, with a lease on their user
    queue.learn(batch, turns)                     learns from them, and notes in the same transaction that it is done

All SQL about `app.lessons` is here. `learn/turns.py` plans and writes the memories.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from ..database import Database, Reading
from ..errors import InvalidInput
from ..facts import Plan, Said
from ..learn.extract import extraction_prompt
from ..learn.turns import Turns, plan_until_written
from ..leases import Lease, Leases
from ..model.serving import serving
from ..plain_text import tokens
from ..rows.acting import acting_key, recorded_as

__all__ = ["ImportBatch", "ImportProgress", "ImportQueue", "Way", "progress_reading"]

Way = Literal["learn", "keep"]
# One model call reads several messages of a chat, because most of its cost are the instructions.
MESSAGES_PER_CALL, CHARACTERS_PER_CALL = 6, 3_000
MESSAGES_PER_CLAIM = 50
REPLY_TOKENS = 200  # written by a model that finds something to learn


@dataclass(frozen=True)
class ImportBatch:
    """Some messages of one chat, to be processed together."""

    user_id: str
    way: Way
    said: tuple[Said, ...]
    lease: Lease
    key_name: str = ""  # of the key that brought them, which the history names


@dataclass(frozen=True)
class ImportProgress:
    """How many messages wait, are done or were given up; `problem` says why the first waiting one was postponed."""

    waiting: int = 0
    done: int = 0
    given_up: int = 0
    problem: str | None = None


_ADD = text(
    "insert into app.lessons as known (id, chat, content, said_at, way, key_name)"
    " select id, chat, content, said_at, :way, nullif(:key, '') from jsonb_to_recordset(cast(:said as jsonb))"
    "  new (id text, chat text, content text, said_at timestamptz, place bigint) order by place"
    # A message that was only kept can be learned from later; one that was learned from has been kept too.
    " on conflict (user_id, id) do update set way = excluded.way, key_name = excluded.key_name,"
    "  content = excluded.content, state = 'waiting',"
    "  attempts = 0, waits = 0, after = now(), problem = null"
    " where known.state = 'given up' or (known.way = 'keep' and excluded.way = 'learn')"
    " returning id"
)
_FIRST_WAITING = text(
    "select id, chat, content, said_at, way, coalesce(key_name, '') as key_name, attempts from app.lessons l"
    " where state = 'waiting' and after <= now() and (chat, way, coalesce(key_name, ''))"
    "  = (select chat, way, coalesce(key_name, '') from app.lessons where state = 'waiting' and after <= now()"
    "  order by seq limit 1)"
    " order by seq limit :most for update skip locked"
)
# The attempt is counted before the model is asked: a message that ends the process is not tried for ever.
_COUNT_ATTEMPT = text(
    "update app.lessons set attempts = attempts + 1, after = now() + app.rest_after(attempts + 1)"
    " where id = any(:ids) and user_id = app.asking()"
)
_GIVE_UP = text(
    "update app.lessons set state = 'given up', problem = 'the app ended each time it tried to read this'"
    " where state = 'waiting' and after <= now() and attempts >= app.most_attempts() and user_id = app.asking()"
)
_STILL_WAIT = text(
    "select id from app.lessons where id = any(:ids) and state = 'waiting' and user_id = app.asking() for update"
)
_WAIT = text(
    "update app.lessons set attempts = greatest(0, attempts - 1), waits = waits + 1, problem = :problem,"
    " after = now() + greatest(make_interval(secs => :at_least), app.rest_after(waits + 1))"
    " where id = any(:ids) and user_id = app.asking() and state = 'waiting'"
)
_FAIL = text(
    "update app.lessons set problem = :problem,"
    " state = case when attempts < app.most_attempts() then 'waiting' else 'given up' end,"
    " after = now() + greatest(make_interval(secs => :at_least), app.rest_after(attempts))"
    " where id = any(:ids) and user_id = app.asking() and state = 'waiting'"
)
_HAND_BACK = text(
    "update app.lessons set attempts = greatest(0, attempts - 1), after = now()"
    " where id = any(:ids) and user_id = app.asking() and state = 'waiting'"
)
_RETRY = text(
    "update app.lessons set state = 'waiting', attempts = 0, waits = 0, after = now() where user_id = app.asking()"
    " and (state = 'given up' or (state = 'waiting' and problem is not null))"
)
_DONE = text(
    "update app.lessons set state = 'done', content = null, problem = null"
    " where id = any(:ids) and user_id = app.asking()"
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
        self._leases = Leases(database)
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
            values = {"said": json.dumps(list(rows.values())), "way": way, "key": acting_key()}
            return len(connection.execute(_ADD, values).all())

    def claim(self, user_id: str | None = None) -> ImportBatch | None:
        """Claim some messages, of this user or of anybody; return None if none waits, or the user is being served.

        The attempt is counted, and the claim is committed, before anything is asked of a model.
        """
        claiming = self._database.as_worker() if user_id is None else self._database.as_user(user_id)
        with claiming as connection:
            if user_id is None:
                found = connection.execute(text("select user_id, token::text from app.claim_lesson()")).first()
                lease = Lease(found.user_id, found.token) if found else None
                if lease is not None:
                    self._database.become(connection, lease.user_id)
            else:
                lease = self._leases.take(connection, user_id)
            if lease is None:
                return None
            connection.execute(_GIVE_UP)
            batch = self._first_batch(connection, lease)
            if batch is None:
                self._leases.end(connection, lease)
            else:
                connection.execute(_COUNT_ATTEMPT, {"ids": _ids(batch)})
            return batch

    def renewed(self, batch: ImportBatch) -> AbstractContextManager[None]:
        """Keep the claim inside the block, however long a model thinks."""
        return self._leases.renewed(batch.lease)

    def writing(self, batch: ImportBatch) -> AbstractContextManager[Connection]:
        """Begin the transaction that ends a claim; raise `LeaseLost` if the import was stopped or erased meanwhile."""

        def still_waits(connection: Connection) -> bool:
            return len(connection.execute(_STILL_WAIT, {"ids": _ids(batch)}).all()) == len(batch.said)

        return self._leases.writing(batch.lease, still_waits)

    def learn(self, batch: ImportBatch, turns: Turns, limited: Callable[[Plan], Plan] = lambda plan: plan) -> None:
        """Learn from claimed messages, or keep them, and end the claim; `limited` may leave a part of a plan out."""

        def plan() -> Plan:
            return limited(turns.plan(batch.said, user_id=batch.user_id, learn=batch.way == "learn"))

        def write(planned: Plan) -> None:
            with self.writing(batch) as connection:
                turns.write(connection, planned)
                self.done(connection, batch)

        with serving(batch.user_id, whole=True), recorded_as(batch.key_name):
            plan_until_written(plan, write)

    def _first_batch(self, connection: Connection, lease: Lease) -> ImportBatch | None:
        rows = connection.execute(_FIRST_WAITING, {"most": MESSAGES_PER_CLAIM}).all()
        if not rows:
            return None
        if rows[0].attempts:  # alone, so that one message that no model can read costs none of its neighbours
            rows = rows[:1]
        way = rows[0].way
        said = [Said("user", each.content, each.said_at, message_id=each.id, run_id=each.chat or None) for each in rows]
        if way == "learn":
            said = _for_one_call(said) if self._by_model else said[:1]
        return ImportBatch(lease.user_id, way, tuple(said), lease, rows[0].key_name)

    def done(self, connection: Connection, batch: ImportBatch) -> None:
        """Note that messages were processed, in the transaction that writes what was learned; delete their words."""
        connection.execute(_DONE, {"ids": _ids(batch)})

    def postpone(self, batch: ImportBatch, problem: str, *, passing: bool, at_least: float = 0) -> None:
        """Try messages again later, after a longer pause each time.

        With `passing` the cause is not the messages, and the attempt does not count. Otherwise they are given up in
        the end.
        """
        values = {"ids": _ids(batch), "problem": problem, "at_least": at_least}
        self._leases.end_with(batch.lease, _WAIT if passing else _FAIL, values)

    def hand_back(self, batch: ImportBatch) -> None:
        """Let another worker claim the messages at once, because this one ends."""
        self._leases.end_with(batch.lease, _HAND_BACK, {"ids": _ids(batch)})

    def retry(self, user_id: str) -> int:
        """Let the user's messages that failed be tried again now; return how many there are."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_RETRY).rowcount

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
        return self._database.read(user_id, progress_reading())

    def stop(self, user_id: str) -> int:
        """Delete from the queue what is not done; what was learned stays."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(
                text("delete from app.lessons where user_id = app.asking() and state <> 'done'")
            ).rowcount


def progress_reading() -> Reading[ImportProgress]:
    """Read how many of the user's messages wait, are done or were given up."""
    return Reading(_PROGRESS, lambda rows: ImportProgress(**rows[0]))


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
