"""Lets so many threads in at a time, in the order in which they came.

The pool of connections by itself is not fair: a thread that comes just when a connection is returned may take it before
one that has been waiting, which then goes to the end of the line.
"""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["FairSemaphore"]


class FairSemaphore:
    """Permits, given out first come, first served."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        """Take a permit; return False if none was free for so many seconds."""
        with self._lock:
            if self._free and not self._line:
                self._free -= 1
                return True
            called = threading.Event()
            self._line.append(called)
        if called.wait(timeout):
            return True
        with self._lock:
            if called.is_set():  # at the last moment
                return True
            self._line.remove(called)
            return False

    def release(self) -> None:
        """Give a permit back; it goes to the thread that has waited longest."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1
