"""What was said elsewhere and waits to be learned from, or to be kept as it was said: a queue in the database.

    lessons.bring(user_id, messages, "learn")     each message once, however often it is brought
    with lessons.next() as claimed: ...           a few messages of one chat, held until the transaction ends

The only place with SQL about them. It plans and writes nothing itself: `carry_out` asks the memory to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Connection, text

from ..database import Database
from ..errors import InvalidInput, MemoryChanged
from ..facts import Plan, Said
from ..learn.extract import remember
from ..plain_text import tokens

__all__ = ["Lesson", "Lessons", "Standing", "Way", "carry_out"]

Way = Literal["learn", "keep"]
# One call of a model reads several messages of a chat: most of what a call costs is its instructions.
TOGETHER, LETTERS = 6, 3_000
KEPT_TOGETHER = 50
BACKOFF_SECONDS = (60, 600, 3_600, 21_600)
MAX_PLANS = 3
REPLY_TOKENS = 200  # of a model that finds something


@dataclass(frozen=True)
class Lesson:
    """Some messages of one chat, to be read together."""

    user_id: str
    way: Way
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Standing:
    """How far it has come; `problem` says why the first of what waits had to rest."""

    waiting: int = 0
    done: int = 0
    given_up: int = 0
    problem: str | None = None


class Planner(Protocol):
    """What of a memory is needed here."""

    def plan(self, said: Sequence[Said], *, user_id: str, learn: bool = True) -> Plan:
        """What these messages will change, or with `learn=False` only that they were said."""

    def write(self, connection: Connection, plan: Plan) -> object:
        """Carry a plan out."""


_BRING = text(
    "insert into app.lessons as known (id, chat, content, said_at, way)"
    " select id, chat, content, said_at, :way from jsonb_to_recordset(cast(:said as jsonb))"
    "  new (id text, chat text, content text, said_at timestamptz, place bigint) order by place"
    # What was only kept may be learned from later; what was learned from was kept as well.
    " on conflict (user_id, id) do update set way = excluded.way, content = excluded.content, state = 'waiting',"
    "  attempts = 0, after = now(), problem = null"
    " where known.state = 'given up' or (known.way = 'keep' and excluded.way = 'learn')"
    " returning id"
)
_ALONE = text("select pg_advisory_xact_lock(hashtextextended('keepsake.remember:' || :whose, 0))")
_NEXT = text(
    "select id, chat, content, said_at, way from app.lessons l where state = 'waiting' and after <= now()"
    " and (chat, way) = (select chat, way from app.lessons where state = 'waiting' and after <= now()"
    "  order by seq limit 1)"
    " order by seq limit :most for update skip locked"
)
_STANDING = (
    "select count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'done') as done,"
    " count(*) filter (where state = 'given up') as given_up,"
    " (select problem from app.lessons where state = 'waiting' order by seq limit 1) as problem from app.lessons"
)


class Lessons:
    """One user's messages at a time."""

    def __init__(self, database: Database, *, by_model: bool = False) -> None:
        self._database = database
        self._by_model = by_model  # whether a model reads them, or plain rules do, one by one

    def bring(self, user_id: str, said: Sequence[Said], way: Way) -> int:
        """Put messages in the queue, in their order, and say how many are new; each has an id of its own."""
        if way not in ("learn", "keep"):
            raise InvalidInput(f"Messages are to learn from, or to keep; not to {way!r}.")
        if any(not each.message_id for each in said):
            raise InvalidInput("A message that is brought has an id, so that it is read once.")
        rows = {
            each.message_id: {
                "id": each.message_id,
                "chat": each.run_id or "",
                "content": each.content,
                "said_at": each.at.isoformat(),
                "place": place,
            }
            for place, each in enumerate(said)
        }
        with self._database.as_user(user_id) as connection:
            values = {"said": json.dumps(list(rows.values())), "way": way}
            return len(connection.execute(_BRING, values).all())

    @contextmanager
    def next(self, user_id: str | None = None) -> Iterator[tuple[Connection, Lesson] | None]:
        """Claim some messages, of this user or of anybody, in a transaction bound to their user; None if none waits."""
        claiming = self._database.as_worker() if user_id is None else self._database.as_user(user_id)
        with claiming as connection:
            whose = user_id or connection.scalar(text("select user_id from app.claim_lesson()"))
            if whose is None:
                yield None
                return
            if user_id is None:
                self._database.become(connection, whose)
            else:
                connection.execute(_ALONE, {"whose": user_id})
            lesson = self._lesson(connection, whose)
            yield (connection, lesson) if lesson else None

    def _lesson(self, connection: Connection, user_id: str) -> Lesson | None:
        rows = connection.execute(_NEXT, {"most": KEPT_TOGETHER}).all()
        if not rows:
            return None
        way = rows[0].way
        taken = [
            Said("user", each.content, each.said_at, message_id=each.id, run_id=each.chat or None) for each in rows
        ]
        if way == "learn":
            taken = _read_together(taken) if self._by_model else taken[:1]
        return Lesson(user_id, way, tuple(taken))

    def done(self, connection: Connection, lesson: Lesson) -> None:
        """Note that messages were read, in the transaction that holds what was learned; their words go."""
        connection.execute(
            text("update app.lessons set state = 'done', content = null, problem = null where id = any(:ids)"),
            {"ids": _ids(lesson)},
        )

    def postpone(self, connection: Connection, lesson: Lesson, problem: str, at_least: float = 0) -> None:
        """Let messages that could not be read rest, longer each time, and give up at the last."""
        connection.execute(
            text(
                "update app.lessons set attempts = attempts + 1, problem = :problem,"
                " state = case when attempts + 1 < :most then 'waiting' else 'given up' end,"
                " after = now() + make_interval(secs =>"
                "  greatest(:at_least, (cast(:rests as int[]))[least(attempts + 1, :most)])) where id = any(:ids)"
            ),
            {
                "ids": _ids(lesson),
                "problem": problem,
                "at_least": at_least,
                "most": len(BACKOFF_SECONDS),
                "rests": list(BACKOFF_SECONDS),
            },
        )

    def cost(self, said: Sequence[Said]) -> int:
        """About how many tokens a model would read and write to learn from all of these; plain rules cost none."""
        if not self._by_model:
            return 0
        each_call = sum(tokens(each.content) for each in remember([], [])) + REPLY_TOKENS
        by_chat: dict[str | None, list[Said]] = {}
        for each in said:
            by_chat.setdefault(each.run_id, []).append(each)
        calls = 0
        for left in by_chat.values():
            while left:
                left = left[len(_read_together(left)) :]
                calls += 1
        return calls * each_call + sum(tokens(each.content) for each in said)

    def standing(self, user_id: str) -> Standing:
        """How far it has come."""
        return Standing(**self._database.read_as(user_id, _STANDING)[0])

    def stop(self, user_id: str) -> int:
        """Take what waits out of the queue; what was learned stays."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(text("delete from app.lessons where state <> 'done'")).rowcount


def carry_out(
    memory: Planner, connection: Connection, lesson: Lesson, fitting: Callable[[Plan], Plan] = lambda plan: plan
) -> Plan:
    """Learn from messages, or keep them, inside the transaction that holds them; anew if a memory changed meanwhile."""
    for attempt in range(MAX_PLANS):
        plan = fitting(memory.plan(lesson.said, user_id=lesson.user_id, learn=lesson.way == "learn"))
        try:
            with connection.begin_nested():
                memory.write(connection, plan)
                return plan
        except MemoryChanged:
            if attempt == MAX_PLANS - 1:
                raise
    raise AssertionError("unreachable")


def _read_together(said: Sequence[Said]) -> list[Said]:
    """The first messages that fit into one call; at least one."""
    taken, letters = list(said[:1]), len(said[0].content)
    for each in said[1:TOGETHER]:
        letters += len(each.content)
        if letters > LETTERS:
            break
        taken.append(each)
    return taken


def _ids(lesson: Lesson) -> list[str]:
    return [str(each.message_id) for each in lesson.said]
