"""Asks the index of vectors for the memories nearest to a question, and gives up soon: Postgres has the vectors, too.

What comes back may be anything. Only ids are taken from it, at most as many as were asked for; scores are not. A search
never fails because of an index: for a time after an error or a time-out it is not asked at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from types import TracebackType

from ..arguments import could_be_id
from ..errors import AppError
from .protocol import VectorIndex, user_key

__all__ = ["NearestIds"]

log = logging.getLogger("keepsake.index")
AT_ONCE = 8  # questions that wait for the index; more go to Postgres
REST_SECONDS = 5.0  # after an error
SAID_AGAIN_SECONDS = 60.0


class _Asked:
    """One question to the index, in a thread of its own that nobody waits for when the process ends."""

    def __init__(self, ask: Callable[[], list[str]], over: Callable[[], None]) -> None:
        self._ask, self._over = ask, over
        self._done = threading.Event()
        self._ids: list[str] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="keepsake-index", daemon=True).start()

    def answered(self, seconds: float) -> bool:
        """Wait for the answer or the error; return False if there is none in time."""
        return self._done.wait(seconds)

    def result(self) -> tuple[list[str], BaseException | None]:
        """Return what was found, and the error that was raised instead."""
        return self._ids, self._error

    def _run(self) -> None:
        with self:
            self._ids = self._ask()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        """Note how it ended; whatever an index raises is an answer, too."""
        self._error = error
        self._over()
        self._done.set()
        return True


class NearestIds:
    """The ids that an index finds, or None where Postgres has to compare the vectors itself."""

    def __init__(self, index: VectorIndex, clock: Callable[[], float] = time.monotonic) -> None:
        self.index = index
        self._clock = clock
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._not_before = self._said_at = float("-inf")

    def ids(self, user_id: str, vector: Sequence[float], wanted: int) -> list[str] | None:
        """Return the ids of at most so many memories, nearest first; None if the index does not answer in time."""
        if self._clock() < self._not_before or not self._free.acquire(blocking=False):
            return None
        user, numbers = user_key(user_id), list(vector)
        asked = _Asked(lambda: _plausible(self.index.nearest(user, numbers, wanted), wanted), self._free.release)
        if not asked.answered(self.index.seconds):
            self._rest(f"It did not answer within {self.index.seconds:g} seconds.")
            return None
        ids, error = asked.result()
        if error is not None:
            self._rest(str(error) if isinstance(error, AppError) else f"It raised {type(error).__name__}.")
            return None
        return ids

    def _rest(self, problem: str) -> None:
        """Leave the index alone for a while, and say so in the log once a minute at most."""
        now = self._clock()
        self._not_before = now + REST_SECONDS
        if now >= self._said_at + SAID_AGAIN_SECONDS:
            self._said_at = now
            log.warning("Postgres compares the vectors, because the index cannot be used: %s", problem)


def _plausible(found: Sequence[tuple[str, float]], wanted: int) -> list[str]:
    """Return the ids in an answer that could be ids of memories, each once."""
    return list(dict.fromkeys(name for name, *_ in islice(found, wanted) if could_be_id(name)))
