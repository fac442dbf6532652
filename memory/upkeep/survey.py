"""What is kept about one person, with what is counted beside it; and which of it stands twice.

It reads and changes nothing: tidy.py puts it in order, health.py tells how it is. Which wordings are the same
statement is sameness.py's to say; the vectors only confirm it.
"""

from __future__ import annotations

from collections.abc import Sequence

from memory.database import Database
from memory.facts import Fact
from memory.upkeep.order import Kept, same_statements

__all__ = ["Survey"]

NEAR_DUPLICATE = 0.90  # the cosine from which on the same wording is the same memory


class Survey:
    """Looks through all of one user's memories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memories(self, user_id: str, *, as_said: bool = False) -> list[Kept]:
        """All of them in one read, expired ones among them; messages kept as said only where they are asked for."""
        values = {"user_id": user_id, "as_said": as_said}
        return [Kept(**row) for row in self._database.read_as(user_id, _MINE, values)]

    def duplicates(self, user_id: str, living: Sequence[Kept]) -> list[list[Fact]]:
        """Memories that make the same statement and whose vectors agree, the one to keep first."""
        groups = same_statements(living)
        pairs = [(group[0].id, other.id) for group in groups for other in group[1:]]
        if not pairs:
            return []
        values = {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs], "near": NEAR_DUPLICATE}
        near = {row["other"] for row in self._database.read_as(user_id, _NEAR, values)}
        agreed = [[group[0], *(other for other in group[1:] if other.id in near)] for group in groups]
        return [group for group in agreed if len(group) > 1]


_MINE = """
select kept.id, kept.metadata, coalesce(recalled, 0) as recalled, coalesce(confirmed, 0) as confirmed,
  used.confirmed_at as repeated_at,
  exists (select from app.questions asked where asked.memory_id = kept.id and asked.answer is null) as asked
from vecs.memories kept left join app.memory_use used on used.user_id = %(user_id)s and used.memory_id = kept.id
where kept.metadata -> 'user_id' = to_jsonb(%(user_id)s::text) and (%(as_said)s or not kept.metadata ? 'role')
order by kept.id
"""
_NEAR = """
select other from unnest(%(ones)s::text[], %(others)s::text[]) as pair (one, other)
join vecs.memories a on a.id = one join vecs.memories b on b.id = other
where 1 - (a.vec <=> b.vec) >= %(near)s
"""
