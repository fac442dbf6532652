"""Lets one thread work at a time: of those that wait, the one with the least work left.

So the few texts of a turn are embedded before what is left of an import. Who has waited longest is let in after so
many others, so that nothing waits for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

__all__ = ["MOST_PASSED", "ShortestFirst"]

MOST_PASSED = 16  # others that may go before the one that came first


class ShortestFirst:
    """Turns, each for one batch of a piece of work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = count()
        self._waiting: dict[int, int] = {}  # by the number of each that waits, in the order in which they came
        self._passed = 0
        self._busy = False

    def number(self) -> int:
        """Return the number of a new piece of work; it is called with it for each of its batches."""
        return next(self._numbers)

    @contextmanager
    def turn(self, number: int, batches_left: int) -> Iterator[None]:
        """Wait for a turn; inside the block nobody else has one."""
        with self._changed:
            self._waiting[number] = batches_left
            self._changed.wait_for(lambda: not self._busy and self._next() == number)
            self._passed = 0 if number == min(self._waiting) else self._passed + 1
            del self._waiting[number]
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._changed:
            return len(self._waiting)

    def _next(self) -> int:
        """Return the number whose turn is next."""
        if self._passed >= MOST_PASSED:
            return min(self._waiting)
        return min(self._waiting, key=lambda each: (self._waiting[each], each))
