"""Counting in Postgres, so that several instances of the app share the counts: one atomic statement for each.

The only place with SQL about counts. It knows no setting: what is too much is told to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, text

from memory.database import Database

__all__ = ["DAY", "MINUTE", "Counted", "Counts", "hashed", "in_words"]

MINUTE, DAY = 60, 86_400

_OWN = """
with counted as (
  insert into app.counts as kept (what, amount, ends_at)
  select %(what)s, greatest(0, %(more)s), now() + make_interval(secs => %(seconds)s)
  where %(most)s::bigint is null or %(more)s <= %(most)s::bigint
  on conflict (user_id, what) do update set
    amount = case when kept.ends_at <= now() then excluded.amount else greatest(0, kept.amount + %(more)s) end,
    ends_at = case when kept.ends_at <= now() then excluded.ends_at else kept.ends_at end
  where kept.ends_at <= now() or %(most)s::bigint is null or kept.amount + %(more)s <= %(most)s::bigint
  returning kept.amount
)
select (select amount from counted) as amount, coalesce(
  (select extract(epoch from ends_at - now()) from app.counts where what = %(what)s), %(seconds)s)::float as wait
"""
_ACROSS = "select amount, wait from app.count_across(%(what)s, %(who)s, %(more)s, %(most)s, %(seconds)s)"
# Row-level security leaves this person's rows, and no other's.
_MEMORIES = "select count(*) as kept from vecs.memories"


@dataclass(frozen=True)
class Counted:
    """How much it is now; None where it would have become too much, and then how many seconds to wait."""

    amount: int | None
    wait: float


class Counts:
    """Each count runs for some seconds from its first use, and then begins anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own(self, user_id: str, what: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for one person; `most` None counts without an end."""
        values = {"what": what, "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as(user_id, _OWN, values)[0])

    def across(self, what: str, who: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for whoever `who` is, before anybody is signed in or for all together."""
        values = {"what": what, "who": hashed(who), "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as_worker(_ACROSS, values)[0])

    def memories(self, user_id: str) -> int:
        """How many memories are kept about a person."""
        return int(self._database.read_as(user_id, _MEMORIES)[0]["kept"])

    def forget(self, connection: Connection) -> None:
        """Take away the counts of the person a transaction is bound to."""
        connection.execute(text("delete from app.counts"))


def hashed(secret: str) -> str:
    """What stands in a table in place of an address or an invitation."""
    return hashlib.sha256(secret.encode()).hexdigest()


def in_words(seconds: float) -> str:
    """When to try again, no more exactly than a person cares to know."""
    minutes = -(-int(seconds) // MINUTE)
    if minutes <= 1:
        return "in a minute"
    return f"in {minutes} minutes" if minutes < 100 else f"in {-(-minutes // 60)} hours"
