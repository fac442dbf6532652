"""Memories along time: what happened or was told when, and what was believed before something changed.

One read for each page, over the memories as they are and the changes of their wording. It only reads; a memory that
was forgotten is not told of again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memory.database import Database
from memory.facts import KINDS, Fact

__all__ = ["Entry", "Timeline"]


@dataclass(frozen=True)
class Entry:
    """A memory on its day; or a day on which it changed from saying `before` to saying `after`."""

    fact: Fact
    day: str
    happened: bool = False
    before: str | None = None
    after: str | None = None


# A day is compared as text, as all dates of ours are: what is no date, in a row from elsewhere, counts as none.
_WRITTEN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PAGE = """
with mine as materialized (
  select id, metadata ->> 'happened_at' as happened, metadata ->> 'created_at' as told
  from vecs.memories where user_id = %(user_id)s
    and coalesce(metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD')
    and (%(kinds)s::text[] is null or coalesce(metadata ->> 'kind', 'fact') = any(%(kinds)s::text[]))
),
changes as materialized (
  select memory_id, event, undoes, old_metadata ->> 'data' as before, new_metadata ->> 'data' as after,
    coalesce(new_metadata ->> 'updated_at', to_char(at at time zone 'UTC', 'YYYY-MM-DD')) as day
  from app.memory_history where user_id = %(user_id)s and action = 'update'
),
entries as materialized (
  select id, case when happened ~ %(written)s then happened when told ~ %(written)s then told else '' end as day,
    coalesce(happened ~ %(written)s, false) as happened, null as before, null as after, null::bigint as event
  from mine
  union all
  select memory_id, day, false, before, after, event from changes
  where undoes is null and before <> after and memory_id in (select id from mine)
    and event not in (select undoes from changes where undoes is not null)
),
counted as (select count(*) as total from entries),
shown as materialized (
  select * from entries order by day desc, id, event desc nulls last limit %(size)s offset least(
    %(before)s, (select greatest(0, (total - 1) / %(size)s * %(size)s) from counted))
)
select shown.*, kept.metadata, counted.total
from counted, shown join vecs.memories kept on kept.id = shown.id and kept.user_id = %(user_id)s
order by shown.day desc, shown.id, shown.event desc nulls last
"""


class Timeline:
    """Reads one user's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, user_id: str, number: int, size: int, kinds: Sequence[str] = ()) -> tuple[list[Entry], int]:
        """One page, the newest first, and how many entries there are; past the end, the last one."""
        values: dict[str, Any] = {"user_id": user_id, "size": size, "before": (max(1, number) - 1) * size}
        values |= {"kinds": [each for each in kinds if each in KINDS] or None, "written": _WRITTEN}
        rows = self._database.read_as(user_id, _PAGE, values)
        entries = [
            Entry(Fact(row["id"], row["metadata"]), row["day"], row["happened"], row["before"], row["after"])
            for row in rows
        ]
        return entries, rows[0]["total"] if rows else 0
