"""Memories that come as a table or as plain lines, as the entries that an import reads.

A table is CSV with a line of names, of which `memory` is one: our own export, or a list somebody keeps in a
spreadsheet. Plain lines are one memory each. It checks what it can tell from the form alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from memory.arguments import MAX_CONTENT
from memory.errors import InvalidInput
from memory.facts import KINDS
from memory.plain_text import uncelled

__all__ = ["COLUMNS", "lines", "table"]

COLUMNS = ("memory", "kind", "created_at", "updated_at", "happened_at", "confirmed_at", "quote", "source", "id")
BESIDE = ("memory", "created_at", "updated_at", "id")  # what is no part of the metadata
_BULLET = re.compile(r"\s*(?:[-*•–·]|\d{1,4}[.)])\s+")


def table(written: str, name: str) -> list[Any]:
    """The rows of a CSV file, each as an object; empty lines are none."""
    csv.field_size_limit(2 * MAX_CONTENT)
    rows = csv.DictReader(io.StringIO(written, newline=""), dialect=_dialect(written), strict=True)
    try:
        if "memory" not in [_plain(each) for each in rows.fieldnames or ()]:
            raise InvalidInput(f"{name} has no column named memory in its first line.")
        rows.fieldnames = [_plain(each) for each in rows.fieldnames or ()]
        return [_entry(each) for each in rows if any(each.values())]
    except csv.Error as error:
        raise InvalidInput(f"{name} is no table in CSV: it cannot be read from line {rows.line_num:,} on.") from error


def lines(written: str) -> list[Any]:
    """Each line that says something, without the mark of a list before it."""
    found = (_BULLET.sub("", each, count=1).strip() for each in written.splitlines())
    return [{"memory": each} for each in found if each]


def _dialect(written: str) -> type[csv.Dialect]:
    """Commas, or the semicolons of a spreadsheet in a country where a comma stands in numbers."""
    first = written.partition("\n")[0]
    return _Semicolons if first.count(";") > first.count(",") else csv.excel


class _Semicolons(csv.excel):
    delimiter = ";"


def _plain(name: object) -> str:
    return str(name or "").strip().lower()


def _entry(row: Mapping[Any, Any]) -> dict[str, Any]:
    told = {key: uncelled(each).strip() for key, each in row.items() if key in COLUMNS and isinstance(each, str)}
    told = {key: each for key, each in told.items() if each}
    if told.get("kind", "fact") not in KINDS:
        raise InvalidInput(f"{told['kind'][:60]!r} is no kind of memory; there are {', '.join(KINDS)}.")
    beside = {key: each for key, each in told.items() if key in BESIDE}
    return beside | {"metadata": {key: each for key, each in told.items() if key not in BESIDE}}
