"""Reads import files as rows to write: messages, which are kept as they were said, or memories as mem0 exports them.

JSON holds a list, or an object with the list under `results`, `memories` or `messages`; its entries are objects or
plain texts. A table (.csv) and lines (.txt) hold memories. Everything is read and checked before anything is written,
and an error names the first entry that cannot be kept. This module writes nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import arguments
from ..arguments import MAX_CONTENT, ROLES
from ..errors import InvalidInput
from ..facts import ALWAYS, KINDS, content_hash
from ..plain_text import uncelled
from ..rows.bulk import Row

__all__ = ["COLUMNS", "lines", "read", "row", "table", "uploaded"]

MAX_BYTES, MAX_ENTRIES = 10 * 1024 * 1024, 5_000  # of a file that comes through the browser
# Counted before the file is read: each of millions of empty values takes a hundred bytes, and holds the interpreter.
MAX_VALUES, MAX_LINES = 500_000, 10 * MAX_ENTRIES

LIST_KEYS = ("results", "memories", "messages")
# Keys of an entry that are copied into the metadata.
ENTRY_KEYS = (*arguments.SCOPES, "actor_id", "role", "expiration_date", "message_id")


def read(path: Path, user_id: str) -> list[Row]:
    """Return the rows of a file for this user; raise `InvalidInput` if any of them cannot be kept."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    return _rows(_entries(content, path.name), path.name, user_id)


def uploaded(content: bytes, name: str, user_id: str) -> list[Row]:
    """Return the rows of an uploaded file, which is limited in size and belongs to this user whatever id it names."""
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB: split it into parts.")
    table_or_text = name.lower().endswith((".csv", ".txt"))
    if sum(map(content.count, (b"[", b"{", b",", b";"))) > MAX_VALUES or (
        table_or_text and sum(map(content.count, (b"\n", b"\r"))) > MAX_LINES
    ):
        raise InvalidInput(f"{name} has too many parts; one file may hold at most {MAX_ENTRIES:,} entries.")
    entries = _entries(content, name)
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput(f"{name} holds {len(entries):,} entries; one file may hold at most {MAX_ENTRIES:,}.")
    # An export of another account names that account. A file with memories of several people is refused later.
    owners = {json.dumps(each.get("user_id")) for each in entries if isinstance(each, Mapping)}
    if len(owners) == 1:
        entries = [{**each, "user_id": user_id} if isinstance(each, Mapping) else each for each in entries]
    return _rows(entries, name, user_id)


def _rows(entries: Sequence[Any], name: str, user_id: str) -> list[Row]:
    seen, now, rows = Counter[str](), datetime.now(UTC), []
    for place, entry in enumerate(entries, 1):
        try:
            metadata, own_key = row(entry, user_id, now)
        except InvalidInput as refused:
            raise InvalidInput(f"Entry {place} of {name} cannot be kept: {refused}") from refused
        # An entry without a key gets one from its content and from how often the same entry came before it.
        key = own_key or json.dumps([entry, seen[json.dumps(entry)]])
        seen[json.dumps(entry)] += 1
        rows.append(Row(metadata, key))
    return rows


def _entries(file: bytes, name: str) -> list[Any]:
    ending = name.lower().rpartition(".")[2]
    form = {"csv": "a table", "txt": "text"}.get(ending, "JSON")
    try:
        decoded = file.decode("utf-8-sig")
        document = None if form != "JSON" else json.loads(decoded)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not {form} in UTF-8: save it in that encoding first.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, column {error.colno:,}"
        raise InvalidInput(f"{name} is not JSON: there is an error at {where}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} cannot be read as JSON: a number is too long, or the nesting too deep.") from error
    if form != "JSON":
        entries = table(decoded, name) if ending == "csv" else lines(decoded)
        if not entries:
            raise InvalidInput(f"{name} holds nothing to remember.")
        return entries
    if isinstance(document, Mapping):
        document = next((document[each] for each in LIST_KEYS if each in document), None)
    if not isinstance(document, list):
        raise InvalidInput(f"{name} holds no list of messages or memories.")
    return [{"memory": each} for each in document] if all(isinstance(each, str) for each in document) else document


def row(entry: Any, user_id: str, now: datetime) -> tuple[dict[str, Any], str | None]:
    """Return the metadata of one entry, and its id in its source."""
    if not isinstance(entry, Mapping):
        raise InvalidInput("it is not an object.")
    if entry.get("user_id") not in (None, user_id):
        raise InvalidInput("it belongs to another user.")
    text = arguments.content(next((entry[name] for name in ("content", "memory", "data") if name in entry), None))
    metadata = entry.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput("its metadata is not an object.")
    flat = {**metadata, **{name: entry[name] for name in ENTRY_KEYS if entry.get(name) is not None}}
    role = flat.pop("role", None)
    if ("content" in entry or role is not None) and role not in ROLES:
        raise InvalidInput("A message has a role: user, assistant or system.")
    created = _moment(entry.get("created_at"), now)
    row: dict[str, Any] = {"data": text, "user_id": user_id, "hash": content_hash(text), "created_at": created}
    row |= {"updated_at": _moment(entry.get("updated_at"), now) if entry.get("updated_at") else created}
    # An export says it beside the metadata, which cannot claim it.
    row |= {ALWAYS: True} if entry.get(ALWAYS) is True else {}
    row |= {"role": role} if role else ({} if "quote" in flat else {"source": "import"})
    source_id = entry.get("id") or flat.get("message_id")
    # An export has them in a memory's metadata, where they are what the library wrote.
    scope = arguments.scope(**{name: flat.pop(name) for name in arguments.SCOPES if flat.get(name) is not None})
    return {**arguments.own_metadata(flat), **scope, **row}, str(source_id) if source_id else None


def _moment(written: Any, now: datetime) -> str:
    """Return a time in UTC, so that rows sort by time when they are sorted as text."""
    if written is None:
        return now.isoformat()
    if not isinstance(written, str):
        raise InvalidInput("its created_at is not a text such as 2026-03-01T12:00Z.")
    return arguments.moment(written).isoformat()


COLUMNS = (
    *("memory", "kind", "created_at", "updated_at", "happened_at", "confirmed_at"),
    *("quote", "source", ALWAYS, "id"),
)
YES = frozenset({"yes", "true", "1", "x"})  # as spreadsheets write it
ENTRY_COLUMNS = ("memory", "created_at", "updated_at", "id")  # columns that do not belong into the metadata
_BULLET = re.compile(r"\s*(?:[-*•–·]|\d{1,4}[.)])\s+")


def table(written: str, name: str) -> list[Any]:
    """Return the rows of a CSV file as entries, without empty ones."""
    csv.field_size_limit(2 * MAX_CONTENT)
    rows = csv.DictReader(io.StringIO(written, newline=""), dialect=_dialect(written), strict=True)
    try:
        if "memory" not in [_column_name(each) for each in rows.fieldnames or ()]:
            raise InvalidInput(f"{name} has no column named memory in its first line.")
        rows.fieldnames = [_column_name(each) for each in rows.fieldnames or ()]
        return [_entry_of(each) for each in rows if any(each.values())]
    except csv.Error as error:
        raise InvalidInput(f"{name} is not a CSV table: reading fails at line {rows.line_num:,}.") from error


def lines(written: str) -> list[Any]:
    """Return each line that is not empty as an entry, without a list marker before it."""
    texts = (_BULLET.sub("", each, count=1).strip() for each in re.split(r"\r\n?|\n", written))
    return [{"memory": each} for each in texts if each]


def _dialect(written: str) -> type[csv.Dialect]:
    """Return the dialect with commas, or with the semicolons that some countries' spreadsheets write."""
    first = written.partition("\n")[0]
    return _Semicolons if first.count(";") > first.count(",") else csv.excel


class _Semicolons(csv.excel):
    delimiter = ";"


def _column_name(name: object) -> str:
    return str(name or "").strip().lower()


def _entry_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    cells = {key: uncelled(each).strip() for key, each in row.items() if key in COLUMNS and isinstance(each, str)}
    cells = {key: each for key, each in cells.items() if each}
    if cells.get("kind", "fact") not in KINDS:
        raise InvalidInput(f"{cells['kind'][:60]!r} is not a kind of memory; choose one of {', '.join(KINDS)}.")
    always = cells.pop(ALWAYS, "").casefold() in YES
    entry: dict[str, Any] = {key: each for key, each in cells.items() if key in ENTRY_COLUMNS}
    entry |= {ALWAYS: True} if always else {}
    return entry | {"metadata": {key: each for key, each in cells.items() if key not in ENTRY_COLUMNS}}
