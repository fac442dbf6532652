"""Empties the queue of turns, and learns from imports, in threads of its own; also sweeps chats.

A turn is claimed with a lease on its person, and remembered without a connection while a model thinks. So turns of
several people are remembered at once, and those of one person one after another. One thread always runs; while it is
busy, others come as they are needed, and end when nothing waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Protocol, TypeVar

from chat.chats import SWEPT_AT_ONCE, Retention
from chat.remembering.queue import ClaimedTurn, TurnQueue
from limits import Limits
from memory import Memory, Plan, Said
from memory.errors import AppError, DatabaseError, LeaseLost
from memory.facts import RefusedProposal
from memory.imports.queue import ImportBatch
from memory.learn.turns import plan_until_written
from memory.leases import may_pass
from memory.model.serving import serving
from memory.telemetry.figures import counted_turn

__all__ = ["FULL", "TURNS_AT_ONCE", "Worker"]

log = logging.getLogger("keepsake.worker")
TURNS_AT_ONCE = 4  # turns, each of another person, that a process remembers at once if a model thinks about them
LOOK_SECONDS = 5.0  # how often the worker looks for turns of other processes, and for turns to try again
TIMES_SECONDS = 60.0  # how often the worker looks for what ends too late
SWEEP_SECONDS = 900.0  # how often the worker looks for chats whose retention has ended
FULL = "your memory is full. Delete some memories first"
UNEXPECTED = "something unexpected went wrong"

Claimed = TypeVar("Claimed", ClaimedTurn, ImportBatch, contravariant=True)


class ClaimQueue(Protocol[Claimed]):
    """What the worker needs of both queues to end a claim."""

    def postpone(self, claimed: Claimed, problem: str, /, *, passing: bool, at_least: float = 0) -> None: ...

    def hand_back(self, claimed: Claimed, /) -> None: ...


class Worker:
    """Empties the queue of turns and then the import queue, and sleeps until a new turn wakes it."""

    def __init__(
        self,
        queue: TurnQueue,
        memory: Memory,
        limits: Limits | None = None,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
        turns_at_once: int = 1,
    ) -> None:
        self._most_helpers = turns_at_once - 1
        self._look_seconds = look_seconds
        self._retention = retention
        self._clock = clock
        self._sweep_at = self._times_at = clock()
        self._queue = queue
        self._memory = memory
        self._limits = limits
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._reporting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._helpers: set[threading.Thread] = set()
        self._again = False  # a turn may have come since the helpers looked
        self._hand_back: dict[int, Callable[[], None]] = {}  # by thread: gives back what is being remembered
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
        if self._hand_back:  # the thread that looks may be busy
            self._call_help()

    def stop(self, timeout: float = 10.0) -> None:
        """End each thread after the turn it is remembering; a turn that takes longer is left to another worker."""
        self._ended.set()
        self._woken.set()
        until = time.monotonic() + timeout
        with self._starting:
            threads = [*self._helpers, *([self._thread] if self._thread else [])]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        for hand_back in [self._hand_back.get(each.ident or 0) for each in threads]:
            try:
                if hand_back:
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
            self._call_help()
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
            self._call_help()
            self._memory.import_queue.learn(batch, self._memory.turns, self._within_limit)
        return True

    @contextmanager
    def _working(self, what: str, claimed: Claimed, queue: ClaimQueue[Claimed]) -> Iterator[None]:
        """Renew the lease inside, and postpone the turn or the import if anything goes wrong."""
        self._hand_back[threading.get_ident()] = partial(queue.hand_back, claimed)
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
            del self._hand_back[threading.get_ident()]
        self._report(postpone)

    def _report(self, report: Callable[[], None]) -> None:
        """Note what became of a turn; if the database is away, do it before the next turn."""
        try:
            report()
        except DatabaseError as error:
            log.warning("what became of a turn is noted later: %s", error)
            self._owed.append(report)

    def _report_owed(self) -> None:
        with self._reporting:
            while self._owed:
                self._owed[0]()
                del self._owed[0]

    def _remember(self, turn: ClaimedTurn) -> None:
        """Learn from a turn, and note in its receipt what was learned and what was refused."""
        user_id = turn.message.user_id
        used = [each["id"] for each in turn.reply.receipt.get("memories") or []] if turn.reply else []

        def write(plan: Plan) -> None:
            with self._queue.writing(turn) as connection:
                if plan.forgets:  # nor is it learned later, if it waits after a failure
                    self._queue.withdraw(connection, plan.forgets, wait=False)
                events = self._memory.turns.write(connection, plan, used)
                self._memory.turns.count_recalled(connection, used)
                dropped = [asdict(refused) for refused in plan.refused]
                record = {"by": plan.actor, "events": events, "dropped": dropped, "confirmed": list(plan.confirmed)}
                if plan.forgets:
                    forgot, put_back = self._memory.turns.forget(connection, plan)
                    record |= {"forgot": forgot, "events": events + put_back}
                self._queue.finish(connection, turn.message.id, record)

        with serving(user_id, "turns", whole=True):
            plan_until_written(lambda: self._within_limit(self._memory.turns.plan(_said(turn), user_id=user_id)), write)

    def _within_limit(self, plan: Plan) -> Plan:
        """Return the plan without new memories beyond the person's limit; known memories can always be changed.

        Here rules delete only what was just said. For anything else the reply asks the person first (answering/).
        """
        if plan.actor == "rules" and plan.forgets is None:
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
                self._bring_back_times()
                self._empty()
            except AppError as error:
                log.warning("the queue could not be read: %s", error)
            try:
                self.sweep_if_due()
            except AppError as error:
                log.warning("chats whose retention has ended could not be erased: %s", error)
            self._woken.wait(self._look_seconds)

    def _empty(self) -> None:
        while not self._ended.is_set() and (self.remember_next() or self.learn_next()):
            pass

    def _call_help(self) -> None:
        """Let one more thread look for turns of other people, if this may be; each that finds one calls the next."""
        with self._starting:
            self._again = True
            if len(self._helpers) < self._most_helpers and not self._ended.is_set():
                helper = threading.Thread(target=self._help, name="keepsake-worker-help", daemon=True)
                helper.start()
                self._helpers.add(helper)

    def _help(self) -> None:
        looks = True
        try:
            while looks:
                self._again = False
                self._empty()
                with self._starting:  # a turn may have come since the last look
                    looks = self._again and not self._ended.is_set()
                    if not looks:
                        self._helpers.discard(threading.current_thread())
        except AppError as error:
            log.warning("the queue could not be read: %s", error)
        finally:
            with self._starting:
                self._helpers.discard(threading.current_thread())

    def _wake_resting(self) -> None:
        """Once in a process, try again what waits for a model: it may be back, or configured anew."""
        if not self._has_woken:
            if woken := self._queue.wake_resting():
                log.info("%d turns and imported messages that waited for a model are tried again", woken)
            self._has_woken = True

    def _bring_back_times(self) -> None:
        """Once a minute, end what would wait for as long as the database's clock was set back."""
        if self._clock() >= self._times_at:
            self._times_at = self._clock() + TIMES_SECONDS
            if moved := self._queue.bring_back_times():
                log.warning("the database's clock was set back: %d times that lay ahead of it were brought back", moved)


def _said(turn: ClaimedTurn) -> list[Said]:
    messages = [turn.message] if turn.reply is None else [turn.message, turn.reply]
    return [
        Said(
            each.role, each.content, each.created_at, message_id=each.id, run_id=each.conversation_id, after=turn.after
        )
        for each in messages
    ]
