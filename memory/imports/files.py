"""What an import file holds, as rows to keep: messages, kept as they were said, or memories as mem0 exports them.

A list of them in JSON, or an object with the list under `results`, `memories` or `messages`; plain texts in such a
list, a table (.csv) and lines (.txt) are memories, too. All of it is read and checked before anything is kept, and the
first thing that cannot be kept is named by its place. It writes nothing.
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
from ..facts import KINDS, content_hash
from ..plain_text import uncelled
from ..rows.bulk import Row

__all__ = ["COLUMNS", "lines", "read", "table", "uploaded"]

MAX_BYTES, MAX_ENTRIES = 10 * 1024 * 1024, 5_000  # of a file that comes through the browser

LISTS = ("results", "memories", "messages")
BESIDE = ("run_id", "agent_id", "actor_id", "role", "expiration_date", "message_id")  # beside the metadata in an export


def read(path: Path, user_id: str) -> list[Row]:
    """The rows of a file, for this user; `InvalidInput` if any of them cannot be kept."""
    try:
        held = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    return _rows(_entries(held, path.name), path.name, user_id)


def uploaded(held: bytes, name: str, user_id: str) -> list[Row]:
    """The same of a file that the person gave through the browser: bounded, and theirs under whatever id it names."""
    if len(held) > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB. Give it to me in parts.")
    entries = _entries(held, name)
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput(f"{name} holds {len(entries):,} entries; at most {MAX_ENTRIES:,} fit into one file.")
    # Another account's export names that account; memories of several people are nobody's to take.
    owners = {json.dumps(each.get("user_id")) for each in entries if isinstance(each, Mapping)}
    if len(owners) == 1:
        entries = [{**each, "user_id": user_id} if isinstance(each, Mapping) else each for each in entries]
    return _rows(entries, name, user_id)


def _rows(entries: Sequence[Any], name: str, user_id: str) -> list[Row]:
    seen, now, rows = Counter[str](), datetime.now(UTC), []
    for place, entry in enumerate(entries, 1):
        try:
            metadata, own_key = _row(entry, user_id, now)
        except InvalidInput as refused:
            raise InvalidInput(f"Entry {place} of {name} cannot be kept: {refused}") from refused
        # What has no key of its own is known by what it is, and by how often that came before.
        key = own_key or json.dumps([entry, seen[json.dumps(entry)]])
        seen[json.dumps(entry)] += 1
        rows.append(Row(metadata, key))
    return rows


def _entries(file: bytes, name: str) -> list[Any]:
    kind = name.lower().rpartition(".")[2]
    form = {"csv": "a table", "txt": "text"}.get(kind, "JSON")
    try:
        written = file.decode("utf-8-sig")
        held = None if form != "JSON" else json.loads(written)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not {form} in UTF-8: save it in that encoding first.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, column {error.colno:,}"
        raise InvalidInput(f"{name} is not JSON: it breaks off, or goes wrong, at {where}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not JSON as anybody writes it: numbers too long, or nested too deep.") from error
    if form != "JSON":
        found = table(written, name) if kind == "csv" else lines(written)
        if not found:
            raise InvalidInput(f"{name} holds nothing to remember.")
        return found
    if isinstance(held, Mapping):
        held = next((held[each] for each in LISTS if each in held), None)
    if not isinstance(held, list):
        raise InvalidInput(f"{name} holds no list of messages or memories.")
    return [{"memory": each} for each in held] if all(isinstance(each, str) for each in held) else held


def _row(entry: Any, user_id: str, now: datetime) -> tuple[dict[str, Any], str | None]:
    """The metadata of one entry, and what its source knows it by."""
    if not isinstance(entry, Mapping):
        raise InvalidInput("it is no object.")
    if entry.get("user_id", user_id) != user_id:
        raise InvalidInput("it is another user's.")
    text = arguments.content(next((entry[name] for name in ("content", "memory", "data") if name in entry), None))
    metadata = entry.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput("its metadata is no object.")
    flat = {**metadata, **{name: entry[name] for name in BESIDE if entry.get(name) is not None}}
    role = flat.pop("role", None)
    if ("content" in entry or role is not None) and role not in ROLES:
        raise InvalidInput("A message has a role: user, assistant or system.")
    created = _moment(entry.get("created_at"), now)
    row = {"data": text, "user_id": user_id, "hash": content_hash(text), "created_at": created}
    row |= {"updated_at": _moment(entry.get("updated_at"), now) if entry.get("updated_at") else created}
    row |= {"role": role} if role else ({} if "quote" in flat else {"source": "import"})
    known = entry.get("id") or flat.get("message_id")
    return {**arguments.own_metadata(flat), **row}, str(known) if known else None


def _moment(written: Any, now: datetime) -> str:
    """In one zone, so that the order of rows as text is their order in time."""
    if written is None:
        return now.isoformat()
    if not isinstance(written, str):
        raise InvalidInput("its created_at is no text such as 2026-03-01T12:00Z.")
    return arguments.moment(written).isoformat()


COLUMNS = ("memory", "kind", "created_at", "updated_at", "happened_at", "confirmed_at", "quote", "source", "id")
TABLE_BESIDE = ("memory", "created_at", "updated_at", "id")  # what is no part of the metadata
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
    beside = {key: each for key, each in told.items() if key in TABLE_BESIDE}
    return beside | {"metadata": {key: each for key, each in told.items() if key not in TABLE_BESIDE}}
