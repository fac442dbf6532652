"""Stay signed in: a browser's cookie ↔ a row of `app.sessions`, with the ticket that joins them.

The only place with SQL for that table. Tokens are stored sealed by the cookie and refreshed under the
row's lock, so that two tabs make one call. It talks to no auth server and reads no request.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, text

from auth.client import Session
from auth.errors import SessionEnded
from memory.database import Database

__all__ = ["TICKET_SECONDS", "Device", "OpenDevice", "Sessions", "Standing", "fresh_secret", "mark", "seal", "unseal"]

IDLE_DAYS = 30
TICKET_SECONDS = 60
# Before anybody is known, the lookup runs as this: no user has such an id, and it owns nothing.
VISITOR = "(nobody yet)"
ENDED = "You were signed out. Please sign in again."


@dataclass(frozen=True)
class OpenDevice:
    """The session that a browser or a tab is in; the cookie opens what the row holds."""

    id: str
    user_id: str
    cookie: str = field(repr=False)


@dataclass(frozen=True)
class Standing:
    """How an open session stands: whether the browser has its cookie."""

    kept: bool


@dataclass(frozen=True)
class Device:
    """A line in the list of where a person is signed in."""

    id: str
    name: str
    kept: bool
    opened_at: datetime
    seen_at: datetime


class Sessions:
    """Everybody's sessions, each reachable by its own cookie or its own person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- one session -----------------------------------------------------------------------------

    def open(self, session: Session, device: str) -> OpenDevice:
        """Begin a session, for this tab alone until its ticket is used; sessions long unused end here."""
        cookie = fresh_secret()
        with self._database.as_user(session.user_id) as connection:
            connection.execute(_TIDY)
            opened = connection.execute(
                _OPEN, {"hash": mark(cookie), "sealed": _seal(cookie, session), "device": device[:100]}
            ).scalar_one()
        return OpenDevice(opened, session.user_id, cookie)

    def ticket(self, device: OpenDevice) -> str:
        """A ticket for the cookie of this session: once, and soon."""
        ticket = fresh_secret()
        with self._database.as_user(device.user_id) as connection:
            values = {"id": device.id, "hash": mark(ticket), "sealed": seal(ticket, device.cookie, device.user_id)}
            connection.execute(_ISSUE, values)
        return ticket

    def redeem(self, ticket: str, replacing: str | None = None) -> str:
        """The cookie that a ticket stands for; the browser's previous cookie stops counting."""
        found = self._lookup(ticket)
        if found is None:
            raise SessionEnded("This ticket was used already, or it is too old.")
        with self._database.as_user(found.user_id) as connection:
            sealed = connection.execute(_HELD, {"id": found.id, "hash": mark(ticket)}).scalar()
            if sealed is None:
                raise SessionEnded("This ticket was used already, or it is too old.")
            cookie = unseal(ticket, bytes(sealed), found.user_id)
            connection.execute(_USE, {"id": found.id})
        if replacing:
            self._supersede(replacing, found)
        return cookie

    def opens(self, cookie: str) -> bool:
        """Whether a cookie still opens anything."""
        return self._lookup(cookie) is not None

    def find(self, cookie: str) -> tuple[OpenDevice, Session] | None:
        """The session that a cookie opens."""
        found = self._lookup(cookie)
        if found is None:
            return None
        rows = self._database.read_as(
            found.user_id,
            "select sealed from app.sessions where id = %(id)s::uuid and cookie_hash = %(hash)s"
            " and seen_at > now() - make_interval(days => %(days)s)",
            {"id": found.id, "hash": mark(cookie), "days": IDLE_DAYS},
        )
        if not rows:
            return None
        device = OpenDevice(found.id, found.user_id, cookie)
        return device, _unseal(device, rows[0]["sealed"])

    def standing(self, device: OpenDevice) -> Standing | None:
        """How a session stands, noting now and then that it is in use; None once it was revoked."""
        rows = self._database.read_as(
            device.user_id,
            "select kept, seen_at < now() - interval '5 minutes' as long_ago from app.sessions where id = %(id)s::uuid",
            {"id": device.id},
        )
        if not rows:
            return None
        if rows[0]["long_ago"]:
            with self._database.as_user(device.user_id) as connection:
                connection.execute(_SEEN, {"id": device.id})
        return Standing(rows[0]["kept"])

    def fresh(self, device: OpenDevice, refresh: Callable[[Session], Session], *, anew: bool = False) -> Session:
        """The session with tokens that are good for a while; whoever comes second takes what the first got.

        With `anew` the auth server is asked in any case, such as for what it changed of the person.
        """
        ended: SessionEnded | None = None
        with self._database.as_user(device.user_id) as connection:
            sealed = connection.execute(_LOCK, {"id": device.id}).scalar()
            if sealed is None:
                raise SessionEnded(ENDED)
            stored = _unseal(device, sealed)
            if not stored.stale and not anew:
                return stored
            try:
                stored = refresh(stored)
                self._write(connection, device, stored)
            except SessionEnded as error:
                connection.execute(_REVOKE, {"id": device.id})
                ended = error
        if ended:
            raise ended
        return stored

    def save(self, device: OpenDevice, session: Session) -> None:
        """Keep other tokens for the same session, such as those that a second factor gave."""
        with self._database.as_user(device.user_id) as connection:
            self._write(connection, device, session)

    def close(self, device: OpenDevice) -> None:
        """End this session."""
        self.revoke(device.user_id, device.id)

    # -- all sessions of a person ----------------------------------------------------------------

    def devices(self, user_id: str) -> list[Device]:
        """Where a person is signed in, the latest first."""
        rows = self._database.read_as(
            user_id,
            "select id::text, device as name, kept, opened_at, seen_at from app.sessions"
            " order by seen_at desc, opened_at desc",
        )
        return [Device(**row) for row in rows]

    def revoke(self, user_id: str, device_id: str) -> None:
        """End one session of a person; one that is gone, or somebody else's, is as good."""
        with self._database.as_user(user_id) as connection:
            connection.execute(_REVOKE, {"id": device_id})

    def revoke_all(self, user_id: str, *, but: str | None = None) -> int:
        """End all sessions of a person, or all but one; returns how many."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_REVOKE_ALL, {"but": but}).rowcount

    def delete_account(self, user_id: str) -> dict[str, int]:
        """Take away every row of a person, sessions and sign-in included; returns what went, by table."""
        with self._database.as_user(user_id) as connection:
            counted: dict[str, int] = connection.execute(text("select app.delete_account()")).scalar_one()
        return counted

    def _lookup(self, secret: str) -> Any:
        rows = self._database.read_as(
            VISITOR, "select id::text, user_id from app.session_of(%(hash)s)", {"hash": mark(secret)}
        )
        return OpenDevice(rows[0]["id"], rows[0]["user_id"], secret) if rows else None

    def _write(self, connection: Connection, device: OpenDevice, session: Session) -> None:
        connection.execute(_WRITE, {"id": device.id, "sealed": _seal(device.cookie, session)})

    def _supersede(self, old_cookie: str, new: OpenDevice) -> None:
        """The browser has forgotten this cookie. Its person's own tabs go on; another person is out."""
        old = self._lookup(old_cookie)
        if old is None or old.id == new.id:
            return
        if old.user_id != new.user_id:
            self.revoke(old.user_id, old.id)
            return
        with self._database.as_user(old.user_id) as connection:
            connection.execute(_LET_GO, {"id": old.id})


_TIDY = text(
    f"delete from app.sessions where seen_at < now() - make_interval(days => {IDLE_DAYS})"
    " or (not kept and seen_at < now() - interval '1 day')"
)
_OPEN = text(
    "insert into app.sessions (cookie_hash, sealed, device) values (:hash, :sealed, :device) returning id::text"
)
_ISSUE = text(
    "update app.sessions set ticket_hash = :hash, ticket_sealed = :sealed,"
    f" ticket_ends_at = now() + make_interval(secs => {TICKET_SECONDS}) where id = cast(:id as uuid)"
)
_HELD = text(
    "select ticket_sealed from app.sessions where id = cast(:id as uuid) and ticket_hash = :hash"
    " and ticket_ends_at > now() for update"
)
_USE = text(
    "update app.sessions set kept = true, ticket_hash = null, ticket_sealed = null, ticket_ends_at = null"
    " where id = cast(:id as uuid)"
)
_SEEN = text("update app.sessions set seen_at = now() where id = cast(:id as uuid)")
_LOCK = text("select sealed from app.sessions where id = cast(:id as uuid) for update")
_WRITE = text("update app.sessions set sealed = :sealed, seen_at = now() where id = cast(:id as uuid)")
_LET_GO = text("update app.sessions set kept = false where id = cast(:id as uuid)")
_REVOKE = text("delete from app.sessions where id = cast(:id as uuid)")
_REVOKE_ALL = text("delete from app.sessions where id is distinct from cast(:but as uuid)")


def _seal(cookie: str, session: Session) -> bytes:
    return seal(cookie, json.dumps(asdict(session)), session.user_id)


def _unseal(device: OpenDevice, sealed: Any) -> Session:
    return Session(**json.loads(unseal(device.cookie, bytes(sealed), device.user_id)))


NONCE_BYTES = 12
MAX_SECRET = 200


def fresh_secret() -> str:
    """256 random bits, fit for a cookie."""
    return secrets.token_urlsafe(32)


def mark(secret: str) -> bytes:
    """What the database finds a secret by."""
    return hashlib.sha256(b"keepsake mark:" + secret[:MAX_SECRET].encode()).digest()


def seal(secret: str, text: str, owner: str) -> bytes:
    """The text, readable with this secret, as this owner's."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key(secret)).encrypt(nonce, text.encode(), owner.encode())


def unseal(secret: str, sealed: bytes, owner: str) -> str:
    """The text again; raises `SessionEnded` for another secret, another owner, or a changed text."""
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(_key(secret)).decrypt(nonce, body, owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SessionEnded("You were signed out. Please sign in again.") from error


def _key(secret: str) -> bytes:
    # The secret is random already: it needs to be stretched into a key, not to be made slow to guess.
    return HKDF(SHA256(), length=32, salt=None, info=b"keepsake seal").derive(secret[:MAX_SECRET].encode())
