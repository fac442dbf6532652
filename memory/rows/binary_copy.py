"""Many rows in Postgres's own binary form: a tenth of the work of writing numbers as text and reading them again.

They go into a temporary table first, since what stands under row-level security cannot be copied into. It knows
the form of a row and nothing of what it says.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from sqlalchemy import Connection, text

__all__ = ["FRESH", "copy_rows", "may_copy"]

FRESH = "fresh_rows"
_BEGIN, _END = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!II", 0, 0), struct.pack("!h", -1)
_TABLE = f"create temporary table {FRESH} (id text, vec vector, metadata jsonb) on commit drop"


def may_copy(connection: Connection) -> bool:
    """Whether this role may make temporary tables here."""
    return bool(connection.scalar(text("select has_database_privilege(current_database(), 'temp')")))


def copy_rows(
    connection: Connection, ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]
) -> None:
    """Put rows of (metadata, vector) into the temporary table, which is gone when the transaction ends."""
    connection.execute(text(f"drop table if exists pg_temp.{FRESH}"))
    connection.execute(text(_TABLE))
    written = b"".join(_written(ids, rows))
    with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.copy_expert(f"copy pg_temp.{FRESH} from stdin (format binary)", BytesIO(written))


def _written(ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]) -> Iterator[bytes]:
    yield _BEGIN
    for each, (metadata, vector) in zip(ids, rows, strict=True):
        name, told, size = each.encode(), json.dumps(dict(metadata)).encode(), len(vector)
        yield struct.pack("!hi", 3, len(name)) + name
        yield struct.pack(f"!iHH{size}f", 4 + 4 * size, size, 0, *vector)
        yield struct.pack("!iB", len(told) + 1, 1) + told
    yield _END
