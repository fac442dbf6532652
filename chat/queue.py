"""The queue of turns that are not yet remembered: its SQL, the worker that empties it, and what was refused.

The worker is one thread a process. It claims a turn with a lease on its person, thinks without a connection, and writes
the memories and the note that the turn is done in one transaction, so each turn is remembered once. Turns wait without
end for a model that is away; one that fails by itself again and again is given up, until somebody asks. The worker also
learns from imports, and sweeps chats.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, text

from chat.chats import SWEPT_AT_ONCE, Retention
from chat.tree import FIELDS, Message, valid_id
from limits import Limits
from memory import Memory, Plan, Said
from memory.database import Database, Reading
from memory.errors import AppError, DatabaseError, LeaseLost
from memory.facts import RefusedProposal
from memory.imports.queue import ImportBatch
from memory.learn.turns import plan_until_written
from memory.leases import Lease, Leases, may_pass
from memory.model.serving import serving
from memory.telemetry.figures import counted_turn

__all__ = [
    "INITIAL_STATE",
    "REPLY_SECONDS",
    "STUCK_TURNS",
    "WAITING_TURNS",
    "ClaimedTurn",
    "Refusals",
    "RefusedWrite",
    "Stuck",
    "TurnQueue",
    "Worker",
]

log = logging.getLogger("keepsake.worker")
LOOK_SECONDS = 5.0  # how often the worker looks for turns of other processes, and for turns to try again
SWEEP_SECONDS = 900.0  # how often the worker looks for chats whose retention has ended
FULL = "your memory is full. Delete some memories first"
UNEXPECTED = "something unexpected went wrong"
REPLY_SECONDS = 20  # how long a turn waits for its reply; it is then remembered without it
# SQL for saving a message: whether it waits to be remembered. Switched off by the person, it is off in every chat.
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
    lease: Lease
    after: str | None = None  # the person's message before it in the chat


@dataclass(frozen=True)
class Stuck:
    """How many turns of a user wait after a failure, how many were given up, and the latest problem."""

    waiting: int = 0
    given_up: int = 0
    problem: str | None = None


class TurnQueue:
    """The turns that wait to be remembered. A turn is a person's message; its state is a column of `app.messages`.

    Methods that take a connection work inside the caller's transaction, which is bound to the user.
    """

    def __init__(self, database: Database, leases: Leases | None = None) -> None:
        self._database = database
        self.leases = leases or Leases(database)

    def claim(self) -> ClaimedTurn | None:
        """Claim the next waiting turn of anybody, with a lease on its person; return None if none waits.

        The attempt is counted, and both are committed, before anything is asked of a model.
        """
        with self._database.as_worker() as connection:
            claimed = connection.execute(_CLAIM).first()
            if claimed is None:
                return None
            self._database.become(connection, claimed.user_id)
            return _claimed_turn(connection, claimed.message_id, Lease(claimed.user_id, claimed.token))

    def writing(self, turn: ClaimedTurn) -> AbstractContextManager[Connection]:
        """Begin the transaction that ends a claim; raise `LeaseLost` if the turn is no longer this worker's.

        What was learned is written in it. Until it ends, nobody can withdraw the turn or erase its memories, so nothing
        in it may wait for a model.
        """
        values = {"id": turn.message.id}
        return self.leases.writing(turn.lease, lambda c: c.scalar(_STILL_WAITS, values) is not None)

    def finish(self, connection: Connection, message_id: str, record: Mapping[str, Any]) -> None:
        """Note that a turn is remembered, in the transaction that writes its memories."""
        connection.execute(_FINISH, {"id": message_id, "record": json.dumps({"remembered": record})})

    def postpone(self, turn: ClaimedTurn, problem: str, *, passing: bool, at_least: float = 0) -> None:
        """Let a turn that could not be remembered wait, longer each time, and note the problem in its receipt.

        With `passing` the cause is not the turn: its attempt does not count. Otherwise it is given up in the end.
        """
        values = {"id": turn.message.id, "at_least": at_least, "record": json.dumps({"not_remembered": problem})}
        self.leases.end_with(turn.lease, _WAIT if passing else _FAIL, values)

    def hand_back(self, turn: ClaimedTurn) -> None:
        """Let another worker claim the turn at once, because this one ends."""
        self.leases.end_with(turn.lease, _HAND_BACK, {"id": turn.message.id})

    def release(self, connection: Connection, message_id: str) -> None:
        """Let a turn be remembered from now on, because its reply is saved or will not come."""
        connection.execute(_RELEASE, {"id": message_id})

    def withdraw(self, connection: Connection, message_id: str) -> None:
        """Take a turn out of the queue; a worker that is remembering it will write nothing."""
        connection.execute(_WITHDRAW, {"id": message_id})

    def withdraw_chat(self, connection: Connection, conversation_id: str) -> None:
        """Take the turns of a chat out of the queue, for an erasing: this comes first in its transaction."""
        self.leases.note_erasing(connection)
        connection.execute(_WITHDRAW_CHAT, {"id": valid_id(conversation_id)})

    def withdraw_all(self, connection: Connection) -> None:
        """Take every turn of the user out of the queue, for an erasing: this comes first in its transaction."""
        self.leases.take_away(connection)
        connection.execute(_WITHDRAW_ALL)

    def waiting(self, user_id: str) -> int:
        """Return how many of the user's turns wait to be remembered."""
        return self._database.read(user_id, WAITING_TURNS)

    def stuck(self, user_id: str) -> Stuck:
        """Return what could not be remembered so far."""
        return self._database.read(user_id, STUCK_TURNS)

    def retry(self, user_id: str) -> int:
        """Let the user's turns that failed be tried again now; return how many there are."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_RETRY).rowcount

    def retry_all(self) -> int:
        """Let everybody's turns and imported messages that failed be tried again now; return how many there are."""
        [row] = self._database.read_as_worker("select app.retry_remembering() as again", {})
        return int(row["again"])

    def wake_resting(self) -> int:
        """Let everybody's turns and imported messages that wait for a model be tried now; return how many there are."""
        [row] = self._database.read_as_worker("select app.wake_resting() as woken", {})
        return int(row["woken"])


def _claimed_turn(connection: Connection, message_id: str, lease: Lease) -> ClaimedTurn:
    rows = connection.execute(_TURN, {"id": message_id}).mappings()
    message, *replies = [Message(**row) for row in rows]
    after = connection.scalar(_MESSAGE_BEFORE, {"id": message_id})
    return ClaimedTurn(message, replies[-1] if replies else None, lease, after)


_CLAIM = text("select message_id::text, user_id, token::text from app.claim_turn()")
_TURN = text(
    f"select {FIELDS} from app.messages where id = cast(:id as uuid)"
    " or (parent_id = cast(:id as uuid) and role = 'assistant') order by seq"
)
_MESSAGE_BEFORE = text(
    "select (case before.role when 'user' then before.id else before.parent_id end)::text from app.messages m"
    " join app.messages before on before.id = m.parent_id where m.id = cast(:id as uuid)"
)
_STILL_WAITS = text(
    "select 1 from app.messages m join app.conversations c on c.id = m.conversation_id and c.deleted_at is null"
    " where m.id = cast(:id as uuid) and m.remembering = 'waiting' for no key update of m"
)
# If the reply took long, a worker may have claimed the turn, which counts as an attempt: leave the turn to that worker.
_RELEASE = text(
    "update app.messages set remember_after = now() where id = cast(:id as uuid)"
    " and remembering = 'waiting' and remember_attempts + remember_waits = 0"
)
_FINISH = text(
    "update app.messages set remembering = 'done',"
    " receipt = (receipt - 'not_remembered') || cast(:record as jsonb) where id = cast(:id as uuid)"
)
_WAIT = text(
    "update app.messages set remember_attempts = greatest(0, remember_attempts - 1),"
    " remember_waits = remember_waits + 1, receipt = receipt || cast(:record as jsonb), remember_after = now()"
    " + greatest(make_interval(secs => :at_least), app.rest_after(remember_waits + 1))"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_FAIL = text(
    "update app.messages set receipt = receipt || cast(:record as jsonb),"
    " remembering = case when remember_attempts < app.most_attempts() then 'waiting' else 'given up' end,"
    " remember_after = now() + greatest(make_interval(secs => :at_least), app.rest_after(remember_attempts))"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_HAND_BACK = text(
    "update app.messages set remember_attempts = greatest(0, remember_attempts - 1), remember_after = now()"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_WITHDRAW = text(
    "update app.messages set remembering = 'none', receipt = receipt - 'not_remembered'"
    " where id = cast(:id as uuid) and remembering in ('waiting', 'given up')"
)
_WITHDRAW_CHAT = text(
    "update app.messages set remembering = 'none' where conversation_id = cast(:id as uuid)"
    " and user_id = app.asking() and remembering in ('waiting', 'given up')"
)
_WITHDRAW_ALL = text(
    "update app.messages set remembering = 'none'"
    " where user_id = app.asking() and remembering in ('waiting', 'given up')"
)
_NOT_DELETED = (
    "not exists (select from app.conversations c where c.id = m.conversation_id and c.deleted_at is not null)"
)
_WAITING = f"select count(*) as waiting from app.messages m where remembering = 'waiting' and {_NOT_DELETED}"
WAITING_TURNS = Reading(_WAITING, lambda rows: int(rows[0]["waiting"]))
_STUCK = (
    "select count(*) filter (where remembering = 'waiting') as waiting,"
    " count(*) filter (where remembering = 'given up') as given_up,"
    " (array_agg(receipt ->> 'not_remembered' order by seq desc))[1] as problem from app.messages m"
    " where (remembering = 'given up' or (remembering = 'waiting' and receipt ? 'not_remembered'))"
    f" and user_id = app.asking() and {_NOT_DELETED}"
)
STUCK_TURNS = Reading(_STUCK, lambda rows: Stuck(**rows[0]))
_RETRY = text(
    "update app.messages set remembering = 'waiting', remember_attempts = 0, remember_waits = 0,"
    " remember_after = now() where user_id = app.asking()"
    " and (remembering = 'given up' or (remembering = 'waiting' and receipt ? 'not_remembered'))"
)


Claimed = TypeVar("Claimed", ClaimedTurn, ImportBatch, contravariant=True)


class ClaimQueue(Protocol[Claimed]):
    """What the worker needs of both queues to end a claim."""

    def postpone(self, claimed: Claimed, problem: str, /, *, passing: bool, at_least: float = 0) -> None: ...

    def hand_back(self, claimed: Claimed, /) -> None: ...


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
        self._hand_back: Callable[[], None] | None = None  # gives back what is being remembered
        self._owed: list[Callable[[], None]] = []  # notes that could not be written
        self._has_woken = False  # what rests since before this process started

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
        """End the thread after the turn it is remembering; a turn that takes longer is left to another worker."""
        self._ended.set()
        self._woken.set()
        if (thread := self._thread) is None:
            return
        thread.join(timeout)
        if thread.is_alive() and (hand_back := self._hand_back):
            try:
                hand_back()
            except AppError as error:
                log.warning("a turn waits until its lease ends: %s", error)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def remember_next(self) -> bool:
        """Remember one waiting turn; return False if none waits."""
        self._report_owed()
        turn = self._queue.claim()
        if turn is None:
            return False
        with self._working(f"turn {turn.message.id}", turn, self._queue):
            self._remember(turn)
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

    def learn_next(self) -> bool:
        """Learn from a few imported messages; return False if none waits."""
        self._report_owed()
        batch = self._memory.import_queue.claim()
        if batch is None:
            return False
        with self._working(f"message {batch.said[0].message_id}", batch, self._memory.import_queue):
            self._memory.import_queue.learn(batch, self._memory.turns, self._within_limit)
        return True

    @contextmanager
    def _working(self, what: str, claimed: Claimed, queue: ClaimQueue[Claimed]) -> Iterator[None]:
        """Renew the lease inside, and postpone the turn or the import if anything goes wrong."""
        self._hand_back = partial(queue.hand_back, claimed)
        postpone = partial(queue.postpone, claimed, UNEXPECTED, passing=False)  # stays if a bug ends the block
        try:
            with counted_turn(), self._queue.leases.renewed(claimed.lease):
                yield
        except LeaseLost as lost:
            log.info("%s: %s", what, lost)
            postpone = partial(queue.hand_back, claimed)
        except AppError as error:
            log.warning("%s is not remembered yet: %s", what, error)
            wait = getattr(error, "retry_after", None) or 0.0
            postpone = partial(queue.postpone, claimed, error.for_person(), passing=may_pass(error), at_least=wait)
        except BaseException:
            log.exception("%s is not remembered yet", what)
            self._report(postpone)
            raise
        else:
            return
        finally:
            self._hand_back = None
        self._report(postpone)

    def _report(self, report: Callable[[], None]) -> None:
        """Note what became of a turn; if the database is away, do it before the next turn."""
        try:
            report()
        except DatabaseError as error:
            log.warning("what became of a turn is noted later: %s", error)
            self._owed.append(report)

    def _report_owed(self) -> None:
        while self._owed:
            self._owed[0]()
            del self._owed[0]

    def _remember(self, turn: ClaimedTurn) -> None:
        """Learn from a turn, and note in its receipt what was learned and what was refused."""
        user_id = turn.message.user_id
        used = [each["id"] for each in turn.reply.receipt.get("memories") or []] if turn.reply else []

        def write(plan: Plan) -> None:
            with self._queue.writing(turn) as connection:
                events = self._memory.turns.write(connection, plan, used)
                self._memory.turns.count_recalled(connection, used)
                dropped = [asdict(refused) for refused in plan.refused]
                record = {"by": plan.actor, "events": events, "dropped": dropped, "confirmed": list(plan.confirmed)}
                self._queue.finish(connection, turn.message.id, record)

        with serving(user_id, "turns", whole=True):
            plan_until_written(lambda: self._within_limit(self._memory.turns.plan(_said(turn), user_id=user_id)), write)

    def _within_limit(self, plan: Plan) -> Plan:
        """Return the plan without new memories beyond the person's limit; known memories can always be changed.

        Rules delete nothing here: where they reply, the person is asked first (answering/).
        """
        if plan.actor == "rules":
            plan = plan.with_writes([n for n, write in enumerate(plan.writes) if write.action != "delete"])
        new = [number for number, write in enumerate(plan.writes) if write.fact_id is None]
        left = self._limits.memories_left(plan.user_id) if self._limits and new else None
        if left is None or left >= len(new):
            return plan
        beyond = set(new[left:])
        kept = [number for number in range(len(plan.writes)) if number not in beyond]
        refused = tuple(RefusedProposal(plan.writes[number].text, FULL) for number in sorted(beyond))
        return replace(plan.with_writes(kept), refused=plan.refused + refused)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            if not self._ended.is_set():  # a bug ended the work; its turn is postponed, others go on
                self._thread = None  # so that `wake` can start another at once
                self._ended.wait(self._look_seconds)
                self.start()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._woken.clear()
            try:
                self._wake_resting()
                while not self._ended.is_set() and (self.remember_next() or self.learn_next()):
                    pass
            except AppError as error:
                log.warning("the queue could not be read: %s", error)
            try:
                self.sweep_if_due()
            except AppError as error:
                log.warning("chats whose retention has ended could not be erased: %s", error)
            self._woken.wait(self._look_seconds)

    def _wake_resting(self) -> None:
        """Once in a process, try again what waits for a model: it may be back, or configured anew."""
        if not self._has_woken:
            if woken := self._queue.wake_resting():
                log.info("%d turns and imported messages that waited for a model are tried again", woken)
            self._has_woken = True


def _said(turn: ClaimedTurn) -> list[Said]:
    messages = [turn.message] if turn.reply is None else [turn.message, turn.reply]
    return [
        Said(
            each.role, each.content, each.created_at, message_id=each.id, run_id=each.conversation_id, after=turn.after
        )
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


# Other entries, in receipts of older versions of the app, are skipped. Deleted and temporary chats are left out.
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
