"""How vectors travel to Postgres: written as text, or many rows at once in COPY's binary form.

It knows no table but the temporary one that it fills.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from sqlalchemy import Connection, text

__all__ = ["NEW_ROWS", "copy_rows", "may_copy", "vector_text"]

NEW_ROWS = "pg_temp.new_rows"
_CREATE_TABLE = "create temporary table new_rows (id text, vec vector, metadata jsonb) on commit drop"
# The header and the trailer of COPY's binary format.
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!II", 0, 0), struct.pack("!h", -1)


def vector_text(vector: Sequence[float]) -> str:
    """Write a vector as Postgres reads it, with the nine digits that single precision can tell apart."""
    return "[" + ",".join(["%.9g"] * len(vector)) % tuple(vector) + "]"


def may_copy(connection: Connection) -> bool:
    """Return whether this role may create temporary tables in this database."""
    return bool(connection.scalar(text("select has_database_privilege(current_database(), 'temp')")))


def copy_rows(
    connection: Connection, ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]
) -> None:
    """Copy rows of (metadata, vector) into the temporary table, which is dropped when the transaction ends."""
    connection.execute(text(f"drop table if exists {NEW_ROWS}"))
    connection.execute(text(_CREATE_TABLE))
    packed = b"".join(_packed(ids, rows))
    with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.copy_expert(f"copy {NEW_ROWS} from stdin (format binary)", BytesIO(packed))


def _packed(ids: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]]) -> Iterator[bytes]:
    yield _HEADER
    for row_id, (metadata, vector) in zip(ids, rows, strict=True):
        name, document, size = row_id.encode(), json.dumps(dict(metadata)).encode(), len(vector)
        yield struct.pack("!hi", 3, len(name)) + name
        yield struct.pack(f"!iHH{size}f", 4 + 4 * size, size, 0, *vector)
        yield struct.pack("!iB", len(document) + 1, 1) + document
    yield _TRAILER
