"""How long chats stay: those whose time is over go, also of people who never come back.

What may go, app.sweep_chats decides, from what each person set; the worker calls it now and then. What was learned
from a chat stays.
"""

from __future__ import annotations

from memory.database import Database

__all__ = ["AT_ONCE", "Retention"]

AT_ONCE = 50
# The same chats that app.sweep_chats takes for their age; those that are deleted already are nobody's loss.
_PAST = (
    "select count(*) as past from app.conversations where updated_at < now() - make_interval(days => %(days)s)"
    " and pinned_at is null and deleted_at is null and not temporary"
)


class Retention:
    """Counts what would go, and lets go of what may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def past(self, user_id: str, days: int) -> int:
        """How many of the user's chats would go at once, were they kept for so many days without a word."""
        rows = self._database.read_as(user_id, _PAST, {"days": days})
        return int(rows[0]["past"])

    def sweep(self, most: int = AT_ONCE) -> int:
        """Let go of chats whose time is over, anybody's, so many at most; answers how many went."""
        [row] = self._database.read_as_worker("select app.sweep_chats(%(most)s) as gone", {"most": most})
        return int(row["gone"])
