"""Remembers turns in the background: one thread for each process, one transaction for each turn.

A turn's memories and the note that it is done are committed together, so that each turn is remembered
once: whoever is killed half-way leaves it waiting, and the next to come picks it up. What cannot be
remembered now is tried again later; it never counts as "nothing to remember". When there is nothing to do, it lets
chats go whose time is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial

from sqlalchemy import Connection

from chat.chats import AT_ONCE, Retention
from chat.conversations import Conversations, Turn
from limits import Limits
from memory import Memory, Plan, Said
from memory.database import Database
from memory.errors import AppError
from memory.facts import RefusedProposal
from memory.imports.queue import ImportBatch

__all__ = ["Refusals", "RefusedWrite", "Worker"]

log = logging.getLogger("keepsake.worker")
PATIENCE_SECONDS = 5.0  # turns of other processes, and turns that rest, are looked for this often
SWEEP_SECONDS = 900.0  # between two looks for chats whose time is over; it is no matter of minutes
FULL = "as many memories are kept about you as this Keepsake has room for: forget some first"
UNEXPECTED = "something unexpected went wrong; the log has the rest"


class Worker:
    """A thread that empties the queues, turns first, and sleeps until it is told of something new."""

    def __init__(
        self,
        conversations: Conversations,
        memory: Memory,
        limits: Limits | None = None,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._sweep_at = clock()
        self._conversations = conversations
        self._memory = memory
        self._limits = limits
        self._news = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or begin again if a bug ended the thread."""
        with self._starting:
            if not self._ended.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="keepsake-worker", daemon=True)
                self._thread.start()

    def tell(self) -> None:
        """Say that there is a new turn."""
        self._news.set()
        self.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the turn at hand."""
        self._ended.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def remember_next(self) -> bool:
        """Remember one waiting turn; False if none waits."""
        with self._conversations.next_turn() as claimed:
            if claimed is None:
                return False
            connection, turn = claimed
            later = partial(self._conversations.postpone, connection, turn.message.id)
            with self._postponing(connection, f"turn {turn.message.id}", later), connection.begin_nested():
                self._remember(connection, turn)
        return True

    def sweep_if_due(self) -> int:
        """Let go of chats whose time is over, a few at a time; looked for now and then only."""
        if self._retention is None or self._clock() < self._sweep_at:
            return 0
        # Before it is tried: what fails would otherwise be tried again at once.
        self._sweep_at = self._clock() + SWEEP_SECONDS
        gone = self._retention.sweep()
        if gone == AT_ONCE:
            self._sweep_at = self._clock()  # there may be more; turns that wait come first
        if gone:
            log.info("%d chats went, since their time was over", gone)
        return gone

    @contextmanager
    def _postponing(self, connection: Connection, what: str, later: Callable[[str, float], None]) -> Iterator[None]:
        """Whatever goes wrong inside, even a bug: it rests, so that it cannot hold up the others."""
        problem, rest = UNEXPECTED, 0.0
        try:
            yield
            problem = ""
        except AppError as error:
            problem, rest = str(error), getattr(error, "retry_after", None) or 0.0
            log.warning("%s is not remembered yet: %s", what, error)
        finally:
            if problem and not connection.invalidated:
                if problem is UNEXPECTED:
                    log.error("%s is not remembered yet", what, exc_info=True)
                later(problem, rest)
                connection.commit()

    def learn_next(self) -> bool:
        """Learn from a few messages that somebody brought from elsewhere; False if none waits."""
        with self._memory.import_queue.claim() as claimed:
            if claimed is None:
                return False
            connection, batch = claimed
            later = partial(self._memory.import_queue.postpone, connection, batch)
            with self._postponing(connection, f"message {batch.said[0].message_id}", later), connection.begin_nested():
                self._learn(connection, batch)
        return True

    def _learn(self, connection: Connection, batch: ImportBatch) -> None:
        if self._limits and batch.way == "learn":
            self._limits.may_learn(batch.user_id, self._memory.import_queue.cost(batch.said))
        learn = batch.way == "learn"
        self._memory.turns.remember(connection, batch.said, user_id=batch.user_id, learn=learn, limited=self._fitting)
        self._memory.import_queue.done(connection, batch)

    def _remember(self, connection: Connection, turn: Turn) -> None:
        """Plan and write; anew, and at the last later, if somebody changed what the plan rests on."""
        used = [each["id"] for each in turn.reply.receipt.get("memories") or []] if turn.reply else []
        plan, events = self._memory.turns.remember(
            connection, _said(turn), user_id=turn.message.user_id, used=used, limited=self._fitting
        )
        if turn.reply is not None:
            self._memory.turns.count_recalled(connection, used)
        record = {"by": plan.actor, "events": events, "dropped": [asdict(refused) for refused in plan.refused]}
        self._conversations.remembered(connection, turn.message.id, record | {"confirmed": list(plan.confirmed)})

    def _fitting(self, plan: Plan) -> Plan:
        """The plan without the new memories that no longer fit; what is known can always be changed."""
        new = [number for number, write in enumerate(plan.writes) if write.fact_id is None]
        left = self._limits.memories_left(plan.user_id) if self._limits and new else None
        if left is None or left >= len(new):
            return plan
        over = set(new[left:])
        kept = [number for number in range(len(plan.writes)) if number not in over]
        return replace(
            plan,
            writes=tuple(plan.writes[number] for number in kept),
            vectors=tuple(plan.vectors[number] for number in kept),
            refused=plan.refused + tuple(RefusedProposal(plan.writes[number].text, FULL) for number in sorted(over)),
        )

    def _run(self) -> None:
        while not self._ended.is_set():
            self._news.clear()
            try:
                while not self._ended.is_set() and (self.remember_next() or self.learn_next()):
                    pass
            except AppError as error:
                log.warning("the queue could not be read: %s", error)
            try:
                self.sweep_if_due()
            except AppError as error:
                log.warning("chats whose time is over could not be looked for: %s", error)
            self._news.wait(PATIENCE_SECONDS)


def _said(turn: Turn) -> list[Said]:
    messages = [turn.message] if turn.reply is None else [turn.message, turn.reply]
    return [
        Said(each.role, each.content, each.created_at, message_id=each.id, run_id=each.conversation_id)
        for each in messages
    ]


MOST_REASONS, LATEST = 20, 3


@dataclass(frozen=True)
class RefusedWrite:
    """One reason, how often it stood in the way, and of what lately; some reasons keep no words."""

    reason: str
    times: int
    latest: Sequence[str] = ()


class Refusals:
    """One user's refused writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str) -> list[RefusedWrite]:
        """The reasons, the most frequent first."""
        values = {"user_id": user_id, "most": MOST_REASONS, "latest": LATEST}
        return [RefusedWrite(**row) for row in self._database.read_as(user_id, _REFUSED, values)]


# A receipt may be of any version of the app: what does not have the form is passed over. Chats that are deleted, or
# meant to leave no trace, leave none here.
_REFUSED = """
select reason, count(*) as times,
  coalesce((array_agg(said order by seq desc) filter (where said <> ''))[1:%(latest)s], '{}') as latest
from (
  select told.seq, left(dropped.value ->> 'text', 300) as said, left(dropped.value ->> 'reason', 300) as reason
  from app.conversations chat join app.messages told on told.conversation_id = chat.id
  cross join lateral jsonb_path_query(told.receipt, 'lax $.remembered.dropped[*]') dropped (value)
  where chat.user_id = %(user_id)s and chat.deleted_at is null and not chat.temporary
    and told.role = 'user' and jsonb_typeof(dropped.value) = 'object'
) refused
where reason <> ''
group by reason order by times desc, reason limit %(most)s
"""
