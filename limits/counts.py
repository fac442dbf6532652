"""Counting in Postgres, so that several instances of the app share the counts: one atomic statement for each.

The only place with SQL about counts. It knows no sentence and no setting: what is too much is told to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, text

from database import Database

__all__ = ["Counted", "Counts", "hashed"]

_COUNT = text(
    "with counted as ("
    " insert into app.counts as kept (what, amount, ends_at)"
    " select cast(:what as text), greatest(0, cast(:more as bigint)), now() + make_interval(secs => :seconds)"
    " where cast(:most as bigint) is null or :more <= :most"
    " on conflict (user_id, what) do update set"
    "  amount = case when kept.ends_at <= now() then excluded.amount else greatest(0, kept.amount + :more) end,"
    "  ends_at = case when kept.ends_at <= now() then excluded.ends_at else kept.ends_at end"
    " where kept.ends_at <= now() or cast(:most as bigint) is null or kept.amount + :more <= :most"
    " returning kept.amount)"
    " select (select amount from counted) as amount, coalesce((select extract(epoch from ends_at - now())"
    " from app.counts where what = :what), :seconds)::float as wait"
)
_ACROSS = text("select amount, wait from app.count_across(:what, :who, :more, :most, :seconds)")


@dataclass(frozen=True)
class Counted:
    """How much it is now; None where it would have become too much, and then how many seconds to wait."""

    amount: int | None
    wait: float


class Counts:
    """Each count runs for some seconds from its first use, and then begins anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own(self, connection: Connection, what: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for the person a transaction is bound to; `most` None counts without an end."""
        values = {"what": what, "more": more, "most": most, "seconds": seconds}
        return Counted(*connection.execute(_COUNT, values).one())

    def across(self, what: str, who: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for whoever `who` is, before anybody is signed in or for all together."""
        values = {"what": what, "who": hashed(who), "more": more, "most": most, "seconds": seconds}
        with self._database.as_worker() as connection:
            return Counted(*connection.execute(_ACROSS, values).one())


def hashed(secret: str) -> str:
    """What stands in a table in place of an address or an invitation."""
    return hashlib.sha256(secret.encode()).hexdigest()
