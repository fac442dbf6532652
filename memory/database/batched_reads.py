"""Several questions to the database in one message: each store says what it reads as a value, whoever draws a page
asks for all of it at once.

    listed, waiting = database.read_together(user_id, chats.list_reading(), questions.waiting())

Pure: it puts statements together and answers apart. Rows travel as JSON, so a reading names its columns of times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

__all__ = ["Reading", "together"]

T_co = TypeVar("T_co", covariant=True)
Row = Mapping[str, Any]
_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """One select, its values, and what its rows are made into."""

    sql: str
    make: Callable[[Sequence[dict[str, Any]]], T_co]
    values: Row = field(default_factory=dict)
    times: Collection[str] = ()

    def of(self, rows: Sequence[Row]) -> T_co:
        """What these rows mean, however they travelled."""
        return self.make([{name: self._value(name, value) for name, value in row.items()} for row in rows])

    def _value(self, name: str, value: Any) -> Any:
        return datetime.fromisoformat(value) if name in self.times and isinstance(value, str) else value


def together(readings: Sequence[Reading[Any]]) -> tuple[str, dict[str, Any]]:
    """One statement with a column for each reading, and the values of all of them."""
    columns: list[str] = []
    values: dict[str, Any] = {}
    for number, each in enumerate(readings):
        # Two readings may call a value by the same name.
        sql = _PLACE.sub(rf"%(r{number}_\1)s", each.sql)
        columns.append(f"(select coalesce(json_agg(rows), '[]') from ({sql}) rows) as r{number}")
        values |= {f"r{number}_{name}": value for name, value in each.values.items()}
    return f"select {', '.join(columns)}", values
