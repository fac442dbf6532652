"""The queue of turns that are not yet remembered: its SQL, the worker that empties it, and what was refused.

The worker is one thread a process. It remembers one turn a transaction: the memories and the note that the turn is done
are committed together, so each turn is remembered once. If the process is killed, the turn waits for the next worker.
A turn that cannot be remembered now is tried again later. The worker also learns from imported messages, and erases
chats whose retention has ended.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, text

from chat.chats import SWEPT_AT_ONCE, Retention
from chat.tree import FIELDS, Message, valid_id
from limits import Limits
from memory import Memory, Plan, Said
from memory.database import Database
from memory.errors import AppError
from memory.facts import RefusedProposal
from memory.imports.queue import ImportBatch

__all__ = ["INITIAL_STATE", "REPLY_SECONDS", "ClaimedTurn", "Refusals", "RefusedWrite", "TurnQueue", "Worker"]

log = logging.getLogger("keepsake.worker")
LOOK_SECONDS = 5.0  # how often the worker looks for turns of other processes, and for turns to try again
SWEEP_SECONDS = 900.0  # how often the worker looks for chats whose retention has ended
FULL = "as many memories are kept about you as this Keepsake has room for: delete some first"
UNEXPECTED = "something unexpected went wrong; the log has the details"
# How long a turn waits for its reply. It is then remembered without it: a reply that never comes costs no memory.
REPLY_SECONDS = 20
# How long a turn that could not be remembered waits before the next attempt. After as many attempts it is given up.
BACKOFF_SECONDS = (5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400)
# SQL for the statement that saves a message: whether it waits to be remembered. If a person has switched remembering
# off, it is off in every chat.
INITIAL_STATE = (
    "case when :role = 'user' and (select writes_memory and not temporary from app.conversations"
    " where id = cast(:conversation as uuid))"
    " and coalesce((select writes_memory from app.preferences where user_id = app.asking()), true)"
    " then 'waiting' else 'none' end"
)


@dataclass(frozen=True)
class ClaimedTurn:
    """A person's message that a worker has claimed, with the reply to it if there is one."""

    message: Message
    reply: Message | None


class TurnQueue:
    """The turns that wait to be remembered. A turn is a person's message; its state is a column of `app.messages`.

    Methods that take a connection work inside the caller's transaction, which is bound to the user.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def claim(self) -> Iterator[tuple[Connection, ClaimedTurn] | None]:
        """Claim the oldest waiting turn of anybody, in a transaction that is bound to its user; None if none waits.

        The claim is a row lock: if the process is killed inside, the database frees the turn, which still waits.
        """
        with self._database.as_worker() as connection:
            claimed = connection.execute(text("select message_id::text, user_id from app.claim_turn()")).first()
            if claimed is None:
                yield None
                return
            self._database.become(connection, claimed.user_id)
            yield connection, _claimed_turn(connection, claimed.message_id)

    def release(self, connection: Connection, message_id: str) -> None:
        """Let a turn be remembered from now on, because its reply is saved or will not come."""
        connection.execute(_RELEASE, {"id": message_id})

    def finish(self, connection: Connection, message_id: str, record: Mapping[str, Any]) -> None:
        """Note that a turn is remembered, in the transaction that writes its memories."""
        connection.execute(_FINISH, {"id": message_id, "record": json.dumps({"remembered": record})})

    def postpone(self, connection: Connection, message_id: str, problem: str, at_least: float = 0) -> None:
        """Let a turn that could not be remembered wait, longer each time, and note the problem in its receipt."""
        values = {"id": message_id, "at_least": at_least, "record": json.dumps({"not_remembered": problem})}
        connection.execute(_POSTPONE, values | {"most": len(BACKOFF_SECONDS), "rests": list(BACKOFF_SECONDS)})

    def withdraw(self, connection: Connection, message_id: str) -> None:
        """Take a waiting turn out of the queue. If a worker has claimed it already, the worker goes on with it."""
        connection.execute(_WITHDRAW, {"id": message_id})

    def withdraw_chat(self, connection: Connection, conversation_id: str) -> None:
        """Take the turns of a chat out of the queue; wait for a turn that is being remembered right now."""
        connection.execute(_WITHDRAW_CHAT, {"id": valid_id(conversation_id)})

    def withdraw_all(self, connection: Connection) -> None:
        """Take every waiting turn of the user out of the queue."""
        connection.execute(text("update app.messages set remembering = 'none' where remembering = 'waiting'"))

    def waiting(self, user_id: str) -> int:
        """Return how many of the user's turns wait to be remembered."""
        return int(self._database.read_as(user_id, _WAITING)[0]["waiting"])


def _claimed_turn(connection: Connection, message_id: str) -> ClaimedTurn:
    rows = connection.execute(_TURN, {"id": message_id}).mappings()
    message, *replies = [Message(**row) for row in rows]
    return ClaimedTurn(message, replies[-1] if replies else None)


_TURN = text(
    f"select {FIELDS} from app.messages where id = cast(:id as uuid)"
    " or (parent_id = cast(:id as uuid) and role = 'assistant') order by seq"
)
# If the reply took long, a worker may have claimed the turn and locked its row: leave the turn to that worker.
_RELEASE = text(
    "update app.messages set remember_after = now() where id = ("
    " select id from app.messages where id = cast(:id as uuid)"
    " and remembering = 'waiting' and remember_attempts = 0 for no key update skip locked)"
)
_FINISH = text(
    "update app.messages set remembering = 'done',"
    " receipt = (receipt - 'not_remembered') || cast(:record as jsonb) where id = cast(:id as uuid)"
)
_POSTPONE = text(
    "update app.messages set remember_attempts = remember_attempts + 1,"
    " remembering = case when remember_attempts + 1 < :most then 'waiting' else 'given up' end,"
    " remember_after = now() + make_interval(secs =>"
    "  greatest(:at_least, (cast(:rests as int[]))[least(remember_attempts + 1, :most)])),"
    " receipt = receipt || cast(:record as jsonb)"
    " where id = cast(:id as uuid)"
)
_WITHDRAW = text(
    "update app.messages set remembering = 'none', receipt = receipt - 'not_remembered' where id = ("
    " select id from app.messages where id = cast(:id as uuid) and remembering = 'waiting'"
    " for no key update skip locked)"
)
_WITHDRAW_CHAT = text(
    "update app.messages set remembering = 'none' where conversation_id = cast(:id as uuid)"
    " and remembering in ('waiting', 'given up')"
)
_WAITING = (
    "select count(*) as waiting from app.messages m where remembering = 'waiting' and not exists ("
    " select from app.conversations c where c.id = m.conversation_id and c.deleted_at is not null)"
)


class Worker:
    """A thread that empties the queue of turns and then the import queue, and sleeps until a new turn wakes it."""

    def __init__(
        self,
        queue: TurnQueue,
        memory: Memory,
        limits: Limits | None = None,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._look_seconds = look_seconds
        self._retention = retention
        self._clock = clock
        self._sweep_at = clock()
        self._queue = queue
        self._memory = memory
        self._limits = limits
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, or start it again if a bug ended it."""
        with self._starting:
            if not self._ended.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="keepsake-worker", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Wake the worker, because there is a new turn; start it if it does not run."""
        self._woken.set()
        self.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End the thread after the turn it is remembering."""
        self._ended.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def remember_next(self) -> bool:
        """Remember one waiting turn; return False if none waits."""
        with self._queue.claim() as claimed:
            if claimed is None:
                return False
            connection, turn = claimed
            later = partial(self._queue.postpone, connection, turn.message.id)
            with self._postponing(connection, f"turn {turn.message.id}", later), connection.begin_nested():
                self._remember(connection, turn)
        return True

    def sweep_if_due(self) -> int:
        """Erase a few chats whose retention has ended, at most every quarter of an hour; return how many."""
        if self._retention is None or self._clock() < self._sweep_at:
            return 0
        # Set before the attempt: a failing sweep would otherwise be tried again at once.
        self._sweep_at = self._clock() + SWEEP_SECONDS
        gone = self._retention.sweep()
        if gone == SWEPT_AT_ONCE:
            self._sweep_at = self._clock()  # there may be more, but waiting turns come first
        if gone:
            log.info("%d chats were erased, because their retention has ended", gone)
        return gone

    @contextmanager
    def _postponing(self, connection: Connection, what: str, later: Callable[[str, float], None]) -> Iterator[None]:
        """Postpone a turn or an import if anything goes wrong inside, so that it cannot hold up the others."""
        problem, wait = UNEXPECTED, 0.0  # stays if a bug ends the block
        try:
            yield
            problem = ""
        except AppError as error:
            problem, wait = str(error), getattr(error, "retry_after", None) or 0.0
            log.warning("%s is not remembered yet: %s", what, error)
        finally:
            if problem and not connection.invalidated:
                if problem is UNEXPECTED:
                    log.error("%s is not remembered yet", what, exc_info=True)
                later(problem, wait)
                connection.commit()

    def learn_next(self) -> bool:
        """Learn from a few imported messages; return False if none waits."""
        with self._memory.import_queue.claim() as claimed:
            if claimed is None:
                return False
            connection, batch = claimed
            later = partial(self._memory.import_queue.postpone, connection, batch)
            with self._postponing(connection, f"message {batch.said[0].message_id}", later), connection.begin_nested():
                self._learn(connection, batch)
        return True

    def _learn(self, connection: Connection, batch: ImportBatch) -> None:
        learn = batch.way == "learn"
        if self._limits and learn:
            self._limits.may_learn(batch.user_id, self._memory.import_queue.cost(batch.said))
        self._memory.turns.remember(
            connection, batch.said, user_id=batch.user_id, learn=learn, limited=self._within_limit
        )
        self._memory.import_queue.done(connection, batch)

    def _remember(self, connection: Connection, turn: ClaimedTurn) -> None:
        """Learn from a turn, and note in its receipt what was learned and what was refused."""
        used = [each["id"] for each in turn.reply.receipt.get("memories") or []] if turn.reply else []
        plan, events = self._memory.turns.remember(
            connection, _said(turn), user_id=turn.message.user_id, used=used, limited=self._within_limit
        )
        if turn.reply is not None:
            self._memory.turns.count_recalled(connection, used)
        record = {"by": plan.actor, "events": events, "dropped": [asdict(refused) for refused in plan.refused]}
        self._queue.finish(connection, turn.message.id, record | {"confirmed": list(plan.confirmed)})

    def _within_limit(self, plan: Plan) -> Plan:
        """Return the plan without new memories beyond the person's limit; known memories can always be changed."""
        new = [number for number, write in enumerate(plan.writes) if write.fact_id is None]
        left = self._limits.memories_left(plan.user_id) if self._limits and new else None
        if left is None or left >= len(new):
            return plan
        beyond = set(new[left:])
        kept = [number for number in range(len(plan.writes)) if number not in beyond]
        return replace(
            plan,
            writes=tuple(plan.writes[number] for number in kept),
            vectors=tuple(plan.vectors[number] for number in kept),
            refused=plan.refused + tuple(RefusedProposal(plan.writes[number].text, FULL) for number in sorted(beyond)),
        )

    def _run(self) -> None:
        while not self._ended.is_set():
            self._woken.clear()
            try:
                while not self._ended.is_set() and (self.remember_next() or self.learn_next()):
                    pass
            except AppError as error:
                log.warning("the queue could not be read: %s", error)
            try:
                self.sweep_if_due()
            except AppError as error:
                log.warning("chats whose retention has ended could not be erased: %s", error)
            self._woken.wait(self._look_seconds)


def _said(turn: ClaimedTurn) -> list[Said]:
    messages = [turn.message] if turn.reply is None else [turn.message, turn.reply]
    return [
        Said(each.role, each.content, each.created_at, message_id=each.id, run_id=each.conversation_id)
        for each in messages
    ]


MOST_REASONS, MOST_EXAMPLES = 20, 3


@dataclass(frozen=True)
class RefusedWrite:
    """Why memories were refused, how often, and the latest refused texts; for some reasons no text is kept."""

    reason: str
    times: int
    latest: Sequence[str] = ()


class Refusals:
    """Reads from the receipts of a user's messages which memories were proposed and refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str) -> list[RefusedWrite]:
        """Return the reasons for refusals, most frequent first."""
        values = {"user_id": user_id, "most": MOST_REASONS, "latest": MOST_EXAMPLES}
        return [RefusedWrite(**row) for row in self._database.read_as(user_id, _REFUSED, values)]


# Receipts of older versions of the app may have other entries: these are skipped. Deleted and temporary chats are left
# out.
_REFUSED = """
select reason, count(*) as times,
  coalesce((array_agg(said order by seq desc) filter (where said <> ''))[1:%(latest)s], '{}') as latest
from (
  select message.seq, left(dropped.value ->> 'text', 300) as said, left(dropped.value ->> 'reason', 300) as reason
  from app.conversations chat join app.messages message on message.conversation_id = chat.id
  cross join lateral jsonb_path_query(message.receipt, 'lax $.remembered.dropped[*]') dropped (value)
  where chat.user_id = %(user_id)s and chat.deleted_at is null and not chat.temporary
    and message.role = 'user' and jsonb_typeof(dropped.value) = 'object'
) refused
where reason <> ''
group by reason order by times desc, reason limit %(most)s
"""
