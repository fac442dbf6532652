"""What was not remembered, and why: the writes that were refused, by their reason, from the receipts of turns.

It only reads; the reasons are memory's, and what stands in a receipt is erased with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory.database import Database

__all__ = ["Refusals", "Refused"]

MOST_REASONS, LATEST = 20, 3


@dataclass(frozen=True)
class Refused:
    """One reason, how often it stood in the way, and of what lately; some reasons keep no words."""

    reason: str
    times: int
    latest: Sequence[str] = ()


class Refusals:
    """One user's refused writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str) -> list[Refused]:
        """The reasons, the most frequent first."""
        values = {"user_id": user_id, "most": MOST_REASONS, "latest": LATEST}
        return [Refused(**row) for row in self._database.read_as(user_id, _REFUSED, values)]


# A receipt may be of any version of the app: what does not have the form is passed over. Chats that are deleted, or
# meant to leave no trace, leave none here.
_REFUSED = """
select reason, count(*) as times,
  coalesce((array_agg(said order by seq desc) filter (where said <> ''))[1:%(latest)s], '{}') as latest
from (
  select told.seq, left(dropped.value ->> 'text', 300) as said, left(dropped.value ->> 'reason', 300) as reason
  from app.conversations chat join app.messages told on told.conversation_id = chat.id
  cross join lateral jsonb_path_query(told.receipt, 'lax $.remembered.dropped[*]') dropped (value)
  where chat.user_id = %(user_id)s and chat.deleted_at is null and not chat.temporary
    and told.role = 'user' and jsonb_typeof(dropped.value) = 'object'
) refused
where reason <> ''
group by reason order by times desc, reason limit %(most)s
"""
