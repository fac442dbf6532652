"""Reads on a replica of the database (`DATABASE_READ_URL`), never older than what the primary had when the read began.

Before each read the primary is asked how far its log is, which costs it next to nothing. The replica answers only if it
has replayed that much; otherwise, and when it is away, the primary answers. So a person always sees what was written
last, by whatever process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import exc as sqlalchemy_errors

from .connections import POOL_SECONDS, Connections
from .errors import translating

__all__ = ["POSITION", "READ_SETTING", "Replica"]

log = logging.getLogger("keepsake.database")
READ_SETTING = "DATABASE_READ_URL"
# What was committed is in the log that was flushed, unless commits do not wait for that. What follows it is from
# unfinished transactions, and reaches a replica some tenths of a second later.
POSITION = (
    "select case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()"
    " else pg_current_wal_flush_lsn() end::text as position"
)
# A replica on the same network is a few milliseconds behind: that much is waited for, in steps.
CATCH_UP_SECONDS, STEP_SECONDS = 0.05, 0.005
REST_SECONDS = 30.0  # after a failure, until the replica is asked again
# In a statement of its own, before the read: what is read is at least as new as what this finds. A server that is no
# replica (any more) may have been left behind by the primary, and answers nothing.
_CAUGHT_UP = (
    "select set_config('keepsake.caught_up', (pg_is_in_recovery()"
    " and pg_last_wal_replay_lsn() >= %(primary_position)s::pg_lsn)::text, true)"
)
_IF_CAUGHT_UP = "current_setting('keepsake.caught_up') = 'true'"
CONFLICT = "40001"  # the primary removed rows that the read still saw
_IS_REPLICA = "select pg_is_in_recovery() as replica"


class Replica:
    """A server that follows the primary, and answers a read once it has replayed what the read needs."""

    def __init__(self, url: str, pool_size: int = 2, overflow: int = 3, pool_seconds: float = POOL_SECONDS) -> None:
        self._url = url
        self._connections = Connections(url, READ_SETTING, pool_size, overflow, pool_seconds)
        self._resting_until = 0.0

    @property
    def answers(self) -> bool:
        """Whether the replica is asked at all: not for a while after it failed."""
        return time.monotonic() >= self._resting_until

    def row(self, position: str, before: str, sql: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the one row of a read as of this position of the primary's log, or None if the primary has to read.

        `before` are statements that bind the read to its user.
        """
        message = f"{_CAUGHT_UP}; {before}; select answer.* from ({sql}) answer where {_IF_CAUGHT_UP}"
        deadline = time.monotonic() + CATCH_UP_SECONDS
        try:
            while not (rows := self._connections.rows(message, {**values, "primary_position": position})):
                if time.monotonic() >= deadline:
                    self._check_that_it_follows()
                    return None
                time.sleep(STEP_SECONDS)
        except sqlalchemy_errors.DBAPIError as error:
            code = getattr(error.orig, "pgcode", None)
            if code != CONFLICT:
                self._rest(f"it failed (SQLSTATE {code})" if code else "it could not be reached")
            return None
        return rows[0]

    def is_replica(self) -> bool:
        """Return whether the server follows another; raise `DatabaseError` if it does not answer."""
        with translating(self._url, READ_SETTING):
            return self._follows()

    def close(self) -> None:
        """Close every pooled connection."""
        self._connections.close()

    def _follows(self) -> bool:
        return bool(self._connections.rows(_IS_REPLICA, {})[0]["replica"])

    def _check_that_it_follows(self) -> None:
        if not self._follows():
            self._rest("the server is no replica")

    def _rest(self, why: str) -> None:
        self._resting_until = time.monotonic() + REST_SECONDS
        log.warning("%s is not asked for %d seconds, and the primary reads: %s", READ_SETTING, REST_SECONDS, why)
