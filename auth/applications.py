"""Applications: programs whose users have memories here and never sign in. Whoever deploys makes their keys.

All SQL about them is here and in the migrations. An application names its users as it likes; the id of such a user is
made of the application's id and the name, and the database shows nothing of anybody outside the application to a
statement that acts with its key (memory/rows/acting.py). This module reads no request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from auth.keys import MAX_NAME, NewKey
from auth.session import hash_secret, new_secret
from memory.database import Database
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = [
    "OWNERS",
    "ApplicationKey",
    "ApplicationUser",
    "Applications",
    "Asked",
    "OpenApplication",
    "WholeApplication",
    "application_keys",
    "application_named",
    "application_user",
    "end_application_key",
    "end_application_keys",
    "forget_application",
    "is_of_application",
    "make_application_key",
]

PREFIX = "ksa_"
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
# Who can own an application's memories, and the argument that names each. The first that a call names is the owner.
OWNERS = {"user": "user_id", "agent": "agent_id", "app": "app_id", "run": "run_id"}
LONGEST_USER = 255
LONGEST_LIFE = 3_660  # days
Asked = Literal["memory", "event", "run", "question"]


@dataclass(frozen=True)
class OpenApplication:
    """The application of a key, and whether the key may write."""

    key_id: str
    application: str
    name: str
    can_write: bool


@dataclass(frozen=True)
class ApplicationUser:
    """A user of an application: what kind of name it is, the name, and the id that the rows have."""

    kind: str
    name: str
    user_id: str
    memories: int = 0
    made_at: datetime | None = None


@dataclass(frozen=True)
class ApplicationKey:
    """A key as the deployer sees it listed."""

    id: str
    application: str
    can_write: bool
    ends_at: datetime
    used_at: datetime | None
    is_over: bool = field(default=False)


def is_of_application(key: str) -> bool:
    """Whether a key has the form of an application's."""
    return key.startswith(PREFIX)


def application_user(application: str, kind: str, name: object) -> ApplicationUser:
    """Return the user of an application who has this name; raise `InvalidInput` if it cannot be one.

    Names are compared exactly, without the space around them. `app.application_user` computes the same id.
    """
    called = name.strip() if isinstance(name, str) else ""
    if not called or len(called) > LONGEST_USER or storable(called) != called:
        raise InvalidInput(f"{OWNERS[kind]} is a text of 1 to {LONGEST_USER} characters that can be stored.")
    if called == "*":
        raise InvalidInput(f'{OWNERS[kind]}="*" names nobody: a call is about one user of the application.')
    hashed = hashlib.sha256(called.encode()).hexdigest()
    return ApplicationUser(kind, called, f"application:{application}:{kind}:{hashed}")


class Applications:
    """The applications in the database, and the users of one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, key: str) -> OpenApplication | None:
        """Return the application of a key, and note its use; None if it is wrong, was ended or has expired."""
        if not FORM.fullmatch(key):
            return None
        rows = self._database.read_as_worker(
            "select key_id::text, application::text, name, can_write from app.application_of_key(%(hash)s)",
            {"hash": hash_secret(key)},
        )
        return OpenApplication(**rows[0]) if rows else None

    def note(self, user: ApplicationUser) -> None:
        """Put a user on the list of their application, where they stay until they are erased."""
        self._database.read_as(
            user.user_id,
            "insert into app.application_users (kind, name) values (%(kind)s, %(name)s)"
            " on conflict (user_id) do nothing returning user_id",
            {"kind": user.kind, "name": user.name},
        )

    def users(self, application: str, number: int, size: int) -> tuple[list[ApplicationUser], int]:
        """Return one page of an application's users, the newest first, and how many there are altogether."""
        rows = self._database.read_as_application(
            application, _USERS, {"size": size, "before": (number - 1) * size, "application": application}
        )
        users = [
            ApplicationUser(row["kind"], row["name"], row["user_id"], row["amount"], row["made_at"])
            for row in rows
            if row["user_id"] is not None
        ]
        return users, rows[0]["total"]

    def owner(self, application: str, asked: Asked, given: Sequence[str]) -> list[ApplicationUser]:
        """Return the users, of this application only, to whom these memories, changes or questions belong."""
        named = [each for each in given if storable(each) == each]
        rows = self._database.read_as_application(application, _OWNERS, {"asked": asked, "given": named})
        return [ApplicationUser(row["kind"] or "user", row["name"] or "", row["user_id"]) for row in rows]


_USERS = """
with listed as (
  select user_id, kind, name, made_at from app.application_users where application = %(application)s::uuid
  order by made_at desc, user_id limit %(size)s offset %(before)s),
counted as (select * from app.memories_in_application(array(select user_id from listed)))
select listed.*, counted.amount,
  (select count(*) from app.application_users where application = %(application)s::uuid) as total
from (select) once left join listed on true left join counted on counted.user_id = listed.user_id
order by made_at desc, user_id
"""
_OWNERS = """
select distinct found.owner as user_id, listed.kind, listed.name
from unnest(%(given)s::text[]) as asked (id)
cross join lateral (select app.owner_in_application(%(asked)s, asked.id) as owner) found
left join app.application_users listed on listed.user_id = found.owner
where found.owner is not null
"""


# -- what whoever deploys does, as the administrator ----------------------------------------------------------------


def make_application_key(connection: Connection, name: str, *, can_write: bool, days: int) -> NewKey:
    """Make a key of the application of this name, and the application if it is new; its keys share its users."""
    words = storable(" ".join(name.split()))
    if not 0 < len(words) <= MAX_NAME:
        raise InvalidInput(f"The name of an application has at most {MAX_NAME} characters.")
    if not 1 <= days <= LONGEST_LIFE:
        raise InvalidInput(f"A key of an application works for 1 to {LONGEST_LIFE:,} days.")
    key = PREFIX + new_secret()
    connection.execute(
        text("insert into app_shared.applications (name) values (:name) on conflict (name) do nothing"), {"name": words}
    )
    made = connection.execute(
        text(
            "insert into app_shared.application_keys (application, key_hash, can_write, ends_at)"
            " select id, :hash, :can_write, now() + make_interval(days => :days)"
            " from app_shared.applications where name = :name returning id::text"
        ),
        {"name": words, "hash": hash_secret(key), "can_write": can_write, "days": days},
    ).scalar_one()
    return NewKey(str(made), key)


def application_keys(connection: Connection) -> list[ApplicationKey]:
    """Return the keys of all applications, those that have expired included."""
    rows = connection.execute(
        text(
            "select k.id::text, a.name as application, k.can_write, k.ends_at, k.used_at, k.ends_at <= now() as is_over"
            " from app_shared.application_keys k join app_shared.applications a on a.id = k.application"
            " order by a.name, k.made_at, k.id"
        )
    ).mappings()
    return [ApplicationKey(**row) for row in rows]


def end_application_key(connection: Connection, key_id: str) -> bool:
    """End a key at once; return False if there is no such key. The memories of the application's users stay."""
    try:
        wanted = str(UUID(key_id))
    except ValueError:
        return False
    ended = connection.execute(
        text("delete from app_shared.application_keys where id = cast(:id as uuid)"), {"id": wanted}
    )
    return ended.rowcount == 1


@dataclass(frozen=True)
class WholeApplication:
    """An application with all it has: its keys, and the ids of its users and agents, listed or not."""

    id: str
    name: str
    keys: int
    users: tuple[str, ...]
    memories: int


def application_named(connection: Connection, name: str) -> WholeApplication:
    """Return the application of this name with all it has; raise `NotFound` if there is none."""
    values = {"name": storable(" ".join(name.split()))}
    row = connection.execute(text(_WHOLE), values).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no application of this name. python -m api keys lists them.")
    return WholeApplication(row["id"], row["name"], row["keys"], tuple(row["users"]), row["memories"])


def end_application_keys(connection: Connection, application: str) -> None:
    """End all keys of an application at once."""
    connection.execute(
        text("delete from app_shared.application_keys where application = cast(:id as uuid)"), {"id": application}
    )


def forget_application(connection: Connection, application: str) -> None:
    """Delete an application that has neither keys nor users any more."""
    connection.execute(text("delete from app_shared.applications where id = cast(:id as uuid)"), {"id": application})


_WHOLE = """
with asked as (select id, name, 'application:' || id || ':' as begins from app_shared.applications where name = :name),
found as (
  select u.user_id from app.application_users u, asked where u.application = asked.id
  union select m.metadata ->> 'user_id' from vecs.memories m, asked where starts_with(m.metadata ->> 'user_id', begins)
  union select e.metadata ->> 'user_id' from vecs.episodes e, asked where starts_with(e.metadata ->> 'user_id', begins)
  union select h.user_id from app.memory_history h, asked where starts_with(h.user_id, begins)
  union select l.user_id from app.lessons l, asked where starts_with(l.user_id, begins))
select id::text, name, (select count(*) from app_shared.application_keys k where k.application = asked.id) as keys,
  array(select user_id from found order by user_id) as users,
  (select count(*) from vecs.memories m where starts_with(m.metadata ->> 'user_id', begins)) as memories
from asked
"""
