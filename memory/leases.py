"""Leases: which worker remembers for a user at the moment (`app.leases`, one row for each user).

A lease is a token with an end. While a model thinks, no transaction is open: `renewed` moves the end further. What was
learned is written in a short transaction that begins with `hold`, which fails if the lease was taken away. If a process
is killed, its lease ends after a minute, and another worker takes over. This module claims no turns; the queues do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, text

from .database import Database, Reading
from .errors import AppError, BadAnswer, ContentRefused, InvalidInput, LeaseLost, LimitReached, NotAModel, NotFound
from .model.serving import while_wanted

__all__ = ["RENEW_SECONDS", "Lease", "Leases", "erasures_reading", "may_pass"]

log = logging.getLogger("keepsake.leases")
RENEW_SECONDS = 15.0  # a lease lasts for 60 (app.lease_length), so some renewals may fail


@dataclass(frozen=True)
class Lease:
    """The right to remember for one user; it is over when the row has another token or none."""

    user_id: str
    token: str


class Leases:
    """Holds, renews, ends and takes away leases. Methods with a connection work inside a transaction of the user."""

    def __init__(self, database: Database, renew_seconds: float = RENEW_SECONDS) -> None:
        self._database = database
        self._renew_seconds = renew_seconds

    def take(self, connection: Connection, user_id: str) -> Lease | None:
        """Take the lease on this user; return None if somebody has it."""
        token = connection.scalar(text("select app.take_lease(:user_id)::text"), {"user_id": user_id})
        return Lease(user_id, token) if token else None

    def hold(self, connection: Connection, lease: Lease) -> None:
        """Let nobody take the lease away until the transaction ends; raise `LeaseLost` if somebody has."""
        if not self._is_held(connection, lease):
            raise LeaseLost("What was to be remembered was erased, withdrawn or claimed by another worker meanwhile.")

    def _is_held(self, connection: Connection, lease: Lease) -> bool:
        """Return whether the lease is not lost; then nobody takes it away until the transaction ends."""
        return connection.scalar(_HOLD, {"token": lease.token}) is not None

    @contextmanager
    def writing(self, lease: Lease, still_waits: Callable[[Connection], bool]) -> Iterator[Connection]:
        """Begin the transaction that ends a lease, in which what was learned is written.

        Raise `LeaseLost` if the lease was taken away, or what was claimed with it waits no longer.
        """
        with self._database.as_user(lease.user_id) as connection:
            self.hold(connection, lease)
            if not still_waits(connection):
                raise LeaseLost("What was to be remembered was withdrawn or erased meanwhile.")
            yield connection
            self.end(connection, lease)

    def end_with(self, lease: Lease, statement: TextClause, values: Mapping[str, Any]) -> None:
        """End a lease and note what became of what was claimed with it; do nothing if the lease was lost."""
        with self._database.as_user(lease.user_id) as connection:
            if self._is_held(connection, lease):
                connection.execute(statement, values)
                self.end(connection, lease)

    def end(self, connection: Connection, lease: Lease) -> None:
        """End a lease, if it is not lost already."""
        connection.execute(_END, {"token": lease.token})

    def renew(self, lease: Lease) -> bool:
        """Move the end of a lease further; return False if it is lost."""
        with self._database.as_user(lease.user_id) as connection:
            return connection.execute(_RENEW, {"token": lease.token}).rowcount == 1

    @contextmanager
    def renewed(self, lease: Lease) -> Iterator[None]:
        """Renew a lease in the background inside the block; once it is lost, no model is called any more."""
        over, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not over.wait(self._renew_seconds):
                try:
                    if not self.renew(lease):
                        lost.set()
                        return
                except AppError as error:
                    log.warning("a lease could not be renewed: %s", error)

        threading.Thread(target=renew, name="keepsake-lease", daemon=True).start()
        try:
            with while_wanted(lambda: not lost.is_set()):
                yield
        finally:
            over.set()

    def take_away(self, connection: Connection) -> None:
        """Take the lease away from whoever remembers for the user, because everything is being erased.

        This comes first in its transaction: whoever writes memories takes the lease first, too.
        """
        connection.execute(_TAKE_AWAY)

    def note_erasing(self, connection: Connection) -> None:
        """Note that something is being erased; like `take_away`, this comes first in its transaction."""
        connection.execute(_NOTE_ERASING)

    def erasures(self, connection: Connection) -> int:
        """Return how often something was erased, and let nothing be erased until the transaction ends."""
        return connection.scalar(_ERASURES) or 0


def may_pass(error: AppError) -> bool:
    """Return whether a failure has a cause outside of what was to be remembered, such as a model that is away.

    Such a failure is waited for without end. Any other is the turn's own, and counts as an attempt.
    """
    if isinstance(error, LimitReached):
        return error.retry_after is not None
    return isinstance(error, NotAModel) or not isinstance(error, BadAnswer | ContentRefused | InvalidInput | NotFound)


def erasures_reading() -> Reading[int]:
    """Read how often something of the user was erased."""
    sql = "select coalesce(max(erasures), 0) as erasures from app.leases where user_id = app.asking()"
    return Reading(sql, lambda rows: int(rows[0]["erasures"]))


_HOLD = text("select 1 from app.leases where user_id = app.asking() and token = cast(:token as uuid) for update")
_END = text(
    "update app.leases set token = null, claimed_until = null"
    " where user_id = app.asking() and token = cast(:token as uuid)"
)
_RENEW = text(
    "update app.leases set claimed_until = clock_timestamp() + app.lease_length()"
    " where user_id = app.asking() and token = cast(:token as uuid)"
)
_TAKE_AWAY = text(
    "insert into app.leases as known (erasures) values (1) on conflict (user_id) do update"
    " set token = null, claimed_until = null, erasures = known.erasures + 1"
)
_NOTE_ERASING = text(
    "insert into app.leases as known (erasures) values (1) on conflict (user_id) do update"
    " set erasures = known.erasures + 1"
)
# The update locks the row, also one that did not exist yet.
_ERASURES = text(
    "insert into app.leases as known (erasures) values (0) on conflict (user_id) do update"
    " set erasures = known.erasures returning erasures"
)
