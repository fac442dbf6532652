"""Several reads in one trip to the database: a module describes a read as a value, and a page runs several together.

    listed, waiting = database.read_together(user_id, chats.listed(), questions.waiting())

Pure: it joins statements and separates their results. Rows travel as JSON, so a reading names its columns with times.
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
    """One select with its values, and how to make a result of its rows."""

    sql: str
    make: Callable[[Sequence[dict[str, Any]]], T_co]
    values: Row = field(default_factory=dict)
    times: Collection[str] = ()

    def of(self, rows: Sequence[Row]) -> T_co:
        """Make the result of these rows, with times as text or as values."""
        return self.make([{name: self._value(name, value) for name, value in row.items()} for row in rows])

    def _value(self, name: str, value: Any) -> Any:
        return datetime.fromisoformat(value) if name in self.times and isinstance(value, str) else value


def together(readings: Sequence[Reading[Any]]) -> tuple[str, dict[str, Any]]:
    """Return one statement with a column for each reading, and the values of all of them."""
    columns: list[str] = []
    values: dict[str, Any] = {}
    for number, reading in enumerate(readings):
        # Two readings may use the same name for a value.
        sql = _PLACE.sub(rf"%(r{number}_\1)s", reading.sql)
        columns.append(f"(select coalesce(json_agg(rows), '[]') from ({sql}) rows) as r{number}")
        values |= {f"r{number}_{name}": value for name, value in reading.values.items()}
    return f"select {', '.join(columns)}", values
