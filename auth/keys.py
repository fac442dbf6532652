"""Personal keys: each is a row of `app.api_keys`, with which another program acts as the person who made it.

All SQL about that table is here and in the migrations. A key is shown once, when it is made; the row has its hash only.
This module reads no request, and does not count wrong keys: limits/ does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from auth.session import hash_secret, new_secret
from memory.arguments import row_uuid
from memory.database import Database, Reading
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = ["LONGEST_DAYS", "ApiKey", "KeyOwner", "PersonalKeys"]

PREFIX = "ks_"  # so that people, and programs that look for secrets in files, recognize a key
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
MAX_NAME, MAX_KEYS, LONGEST_DAYS = 60, 50, 366
NOTED_EVERY = timedelta(minutes=1)  # how often the use of a key is noted, however often it is used
FIELDS = "id::text, name, address, can_write, made_at, ends_at, used_at, ends_at <= now() as is_over"
TIMES = ("made_at", "ends_at", "used_at")
_GONE = "There is no such key."
_MAKE = text(
    "insert into app.api_keys (key_hash, name, address, can_write, ends_at)"
    " select :hash, :name, :address, :can_write, now() + make_interval(days => :days)"
    " where (select count(*) from app.api_keys where user_id = (select app.asking())) < :most returning id::text"
)
_END = text("delete from app.api_keys where user_id = (select app.asking()) and id = cast(:id as uuid)")
_OPEN = (
    "select key_id::text, user_id, can_write, name, address, is_noted, agreed from app.open_key(%(hash)s, %(consent)s)"
)
_USED = (
    "update app.api_keys set used_at = now() where user_id = app.asking() and id = %(id)s::uuid"
    f" and (used_at is null or used_at < now() - interval '{NOTED_EVERY.seconds} seconds') returning id"
)


@dataclass(frozen=True)
class ApiKey:
    """One key of a person, without the key itself. `address` is the person's email address when it was made."""

    id: str
    name: str
    address: str
    can_write: bool
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    is_over: bool


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; nobody can read it again."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class KeyOwner:
    """Whom a key belongs to, what it may do, and what decides whether that person may still use it.

    `agreed` says whether the person agreed to the consent page. A use that `is_noted` need not be noted again.
    """

    key_id: str
    user_id: str
    can_write: bool
    name: str
    address: str
    is_noted: bool
    agreed: bool


def keys_reading() -> Reading[list[ApiKey]]:
    """Read a person's keys, the newest first, those that have expired included."""
    sql = f"select {FIELDS} from app.api_keys order by made_at desc, id"
    return Reading(sql, lambda rows: [ApiKey(**row) for row in rows], times=TIMES)


class PersonalKeys:
    """All keys in the database; each is found by its hash or by the id of its person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, user_id: str, name: str, *, address: str, can_write: bool, days: int) -> NewKey:
        """Make a key that works for so many days. The result is the only place where the key itself ever is."""
        words = storable(" ".join(name.split()))
        if not 0 < len(words) <= MAX_NAME:
            raise InvalidInput(f"Give the key a name of at most {MAX_NAME} characters, such as the program it is for.")
        if not 1 <= days <= LONGEST_DAYS:
            raise InvalidInput(f"A key works for 1 to {LONGEST_DAYS} days.")
        key = PREFIX + new_secret()
        values = {"hash": hash_secret(key), "name": words, "address": address, "can_write": can_write}
        with self._database.as_user(user_id) as connection:
            made = connection.execute(_MAKE, values | {"days": days, "most": MAX_KEYS}).scalar()
        if made is None:
            raise InvalidInput(f"You have {MAX_KEYS} keys, and that is the limit. End one that you do not need.")
        return NewKey(str(made), key)

    def all(self, user_id: str) -> list[ApiKey]:
        """Return a person's keys, the newest first, those that have expired included."""
        return self._database.read(user_id, keys_reading())

    def end(self, user_id: str, key_id: str) -> None:
        """End a key at once; raise `NotFound` if it is gone or belongs to somebody else."""
        with self._database.as_user(user_id) as connection:
            if not connection.execute(_END, {"id": row_uuid(key_id, _GONE)}).rowcount:
                raise NotFound(_GONE)

    def owner(self, key: str, consent: int = 1) -> KeyOwner | None:
        """Return whom a key belongs to; None if it is wrong, was ended or has expired.

        `consent` is the oldest version of the consent page that still counts.
        """
        if not FORM.fullmatch(key):
            return None
        rows = self._database.read_as_worker(_OPEN, {"hash": hash_secret(key), "consent": consent})
        return KeyOwner(**rows[0]) if rows else None

    def note_use(self, user_id: str, key_id: str) -> None:
        """Note that a key is in use."""
        self._database.read_as(user_id, _USED, {"id": key_id})
