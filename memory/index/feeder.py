"""Feeds the index of vectors with the memories that changed, from the outbox: each at least once.

    feeder.feed()         sends what waits, and returns how many; no thread is needed
    feeder.start()        a thread that does so every two seconds, until `stop`

An index that is away is left alone for longer each time, and nothing is lost meanwhile: recall compares in Postgres
what still waits. An index that was attached is emptied first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..database import Database
from ..errors import AppError, IndexFailed, IndexRefused
from ..rows.store import Store
from .outbox import Sending
from .protocol import VectorIndex, user_key

__all__ = ["Feeder"]

log = logging.getLogger("keepsake.index")
LOOK_SECONDS = 2.0


class Feeder:
    """Sends what changed to one index."""

    def __init__(
        self, database: Database, store: Store, index: VectorIndex, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._index = index
        self._sending = Sending(database, store)
        self._dimensions = store.dimension
        self._look_seconds = look_seconds
        self._failed = True  # until it is known to work
        self._starting = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def feed(self, on_batch: Callable[[int], object] = lambda count: None) -> int:
        """Send what waits; return how many memories were sent. It ends early if the index fails."""
        sent = 0
        while not self._ended.is_set() and (batch := self.feed_next()) is not None:
            sent += batch
            on_batch(batch)
        return sent

    def feed_next(self) -> int | None:
        """Send some memories of one user; return how many were sent, or None if none can be sent now."""
        changed = self._sending.claim(self._index.name)
        if changed is None:
            return 0 if self._emptied() else None
        user = user_key(changed.user_id)
        try:
            if changed.vectors:
                self._index.put(user, changed.vectors)
            if changed.gone:
                self._index.remove(user, changed.gone)
        except IndexRefused as error:
            log.warning("%d memories are not in the index yet: %s", len(changed.seqs), error)
            self._sending.release(changed, tried=True)
            return 0
        except IndexFailed as error:
            self._sending.release(changed, tried=False)
            self._note_failure(error)
            return None
        self._sending.finish(changed)
        if self._failed:
            self._sending.note(self._index.name, "works")
            self._failed = False
        return len(changed.seqs)

    def _emptied(self) -> bool:
        """Empty the index, if it was attached and nobody did so yet."""
        if not self._sending.note(self._index.name, "waits"):
            return False
        try:
            self._index.clear(self._dimensions)
        except IndexFailed as error:
            self._note_failure(error)
            return False
        self._sending.note(self._index.name, "emptied")
        return True

    def _note_failure(self, error: IndexFailed) -> None:
        log.warning("the index is fed later: %s", error)
        self._sending.note(self._index.name, "failed", str(error))
        self._failed = True

    def start(self) -> None:
        """Start the thread, or start it again if a bug ended it."""
        with self._starting:
            if not self._ended.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="keepsake-index-feeder", daemon=True)
                self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End the thread after the memories that it is sending."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self.feed()
                except AppError as error:
                    log.warning("the outbox of the index could not be read: %s", error)
                self._ended.wait(self._look_seconds)
        finally:
            if not self._ended.is_set():  # a bug ended it, of an index of somebody else's perhaps
                self._thread = None
                self._ended.wait(self._look_seconds)
                self.start()
