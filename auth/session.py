"""Keeps sessions that outlast a tab: each is a row of `app.sessions`, found and opened by the browser's cookie.

All SQL about that table is here and in the migrations. A row holds the tokens encrypted with the cookie, so that the
database alone cannot read them. Whoever refreshes them claims the row for a moment, so that two tabs make one call; no
connection is held during the call. This module reads no request and never calls the auth server itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, text

from auth.errors import SIGNED_OUT, AuthUnreachable, SessionEnded
from auth.person import Session
from memory.database import Database, Reading

__all__ = [
    "TICKET_SECONDS",
    "Device",
    "OpenDevice",
    "SessionStatus",
    "Sessions",
    "devices_reading",
    "hash_secret",
    "new_secret",
    "seal",
    "unseal",
]

IDLE_DAYS = 30
TICKET_SECONDS = 60
# How long one refresh may keep others from refreshing, and how long they wait for it. A call to the auth server ends
# earlier than the first, so only a process that died leaves its claim until then.
CLAIM_SECONDS = 60
WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.05  # the first pause before looking whether the other one is done; it grows to ten times as much
# The lookup of a cookie runs as this user, who owns nothing, since nobody is known yet.
VISITOR = "(nobody yet)"
NONCE_BYTES = 12
MAX_SECRET = 200
_STILL_REFRESHING = "The sign-in server is slow to respond. Try again in a minute."
_DELETE_UNUSED = text(
    "delete from app.sessions where user_id = (select app.asking()) and ("
    f" seen_at < now() - make_interval(days => {IDLE_DAYS}) or (not kept and seen_at < now() - interval '1 day'))"
)
_OPEN = text(
    "insert into app.sessions (cookie_hash, sealed, device) values (:hash, :sealed, :device) returning id::text"
)
_SET_TICKET = text(
    "update app.sessions set ticket_hash = :hash, ticket_sealed = :sealed,"
    f" ticket_ends_at = now() + make_interval(secs => {TICKET_SECONDS}) where id = cast(:id as uuid)"
)
_FIND_TICKET = text(
    "select ticket_sealed from app.sessions where id = cast(:id as uuid) and ticket_hash = :hash"
    " and ticket_ends_at > now() for update"
)
_USE_TICKET = text(
    "update app.sessions set kept = true, ticket_hash = null, ticket_sealed = null, ticket_ends_at = null"
    " where id = cast(:id as uuid)"
)
_SEEN = text("update app.sessions set seen_at = now() where id = cast(:id as uuid)")
_STORED = text(
    # A claim that ends later than it can was made before the database's clock was set back.
    f"select sealed, refreshing_until between now() and now() + make_interval(secs => {CLAIM_SECONDS + 60}) as claimed"
    " from app.sessions where id = cast(:id as uuid) for update"
)
_CLAIM = text(
    f"update app.sessions set refreshing_until = now() + make_interval(secs => {CLAIM_SECONDS})"
    " where id = cast(:id as uuid) returning refreshing_until"
)
_RELEASE = text(
    "update app.sessions set refreshing_until = null where id = cast(:id as uuid) and refreshing_until = :until"
)
_WRITE = text(
    "update app.sessions set sealed = :sealed, refreshing_until = null, seen_at = now() where id = cast(:id as uuid)"
)
# Each encryption of the same tokens differs, so these two act only if the tokens are still those that were read.
_REPLACE = text(f"{_WRITE.text} and sealed = :before")
_REVOKE_UNCHANGED = text("delete from app.sessions where id = cast(:id as uuid) and sealed = :before")
_DROP_COOKIE = text("update app.sessions set kept = false where id = cast(:id as uuid)")
_REVOKE = text("delete from app.sessions where id = cast(:id as uuid)")
_REVOKE_ALL = text(
    "delete from app.sessions where user_id = (select app.asking()) and id is distinct from cast(:but as uuid)"
)


@dataclass(frozen=True)
class OpenDevice:
    """The session of one browser or tab, with the cookie that decrypts its row."""

    id: str
    user_id: str
    cookie: str = field(repr=False)


@dataclass(frozen=True)
class SessionStatus:
    """Whether the browser has taken the cookie of an open session."""

    kept: bool


@dataclass(frozen=True)
class _Claim:
    """The tokens that one caller refreshes, as they are stored, and until when nobody else does."""

    tokens: Session
    sealed: bytes
    until: datetime


@dataclass(frozen=True)
class Device:
    """One entry in the list of devices on which a person is signed in."""

    id: str
    name: str
    kept: bool
    opened_at: datetime
    seen_at: datetime


def devices_reading() -> Reading[list[Device]]:
    """Read the devices on which a person is signed in, the latest first."""
    return Reading(
        "select id::text, device as name, kept, opened_at, seen_at from app.sessions"
        " order by seen_at desc, opened_at desc",
        lambda rows: [Device(**row) for row in rows],
        times=("opened_at", "seen_at"),
    )


class Sessions:
    """All sessions in the database; each is reached by its cookie or by the id of its person."""

    def __init__(self, database: Database, wait_seconds: float = WAIT_SECONDS) -> None:
        self._database = database
        self._wait_seconds = wait_seconds

    # -- one session -----------------------------------------------------------------------------

    def open(self, session: Session, device: str) -> OpenDevice:
        """Begin a session, for this tab alone until its ticket is used; delete the person's long unused ones."""
        cookie = new_secret()
        with self._database.as_user(session.user_id) as connection:
            connection.execute(_DELETE_UNUSED)
            opened = connection.execute(
                _OPEN, {"hash": hash_secret(cookie), "sealed": _seal(cookie, session), "device": device[:100]}
            ).scalar_one()
        return OpenDevice(opened, session.user_id, cookie)

    def ticket(self, device: OpenDevice) -> str:
        """Make a ticket that the browser trades for the cookie of this session, once and within a minute."""
        ticket = new_secret()
        with self._database.as_user(device.user_id) as connection:
            values = {
                "id": device.id,
                "hash": hash_secret(ticket),
                "sealed": seal(ticket, device.cookie, device.user_id),
            }
            connection.execute(_SET_TICKET, values)
        return ticket

    def redeem(self, ticket: str, replacing: str | None = None) -> str:
        """Return the cookie for a ticket; the cookie that it replaces in the browser stops working."""
        device = self._lookup(ticket)
        if device is None:
            raise SessionEnded("This ticket was used already, or it is too old.")
        with self._database.as_user(device.user_id) as connection:
            sealed = connection.execute(_FIND_TICKET, {"id": device.id, "hash": hash_secret(ticket)}).scalar()
            if sealed is None:
                raise SessionEnded("This ticket was used already, or it is too old.")
            cookie = unseal(ticket, bytes(sealed), device.user_id)
            connection.execute(_USE_TICKET, {"id": device.id})
        if replacing:
            self._retire(replacing, device)
        return cookie

    def opens(self, cookie: str) -> bool:
        """Return whether a cookie still belongs to a session."""
        return self._lookup(cookie) is not None

    def find(self, cookie: str) -> tuple[OpenDevice, Session] | None:
        """Return the session of a cookie and its tokens; None if there is none."""
        device = self._lookup(cookie)
        if device is None:
            return None
        rows = self._database.read_as(
            device.user_id,
            "select sealed from app.sessions where id = %(id)s::uuid and cookie_hash = %(hash)s"
            " and seen_at > now() - make_interval(days => %(days)s)",
            {"id": device.id, "hash": hash_secret(cookie), "days": IDLE_DAYS},
        )
        return (device, _unseal(device, rows[0]["sealed"])) if rows else None

    def status(self, device: OpenDevice) -> SessionStatus | None:
        """Return the status of a session, noting now and then that it is in use; None once it was revoked."""
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
        return SessionStatus(rows[0]["kept"])

    def fresh(self, device: OpenDevice, refresh: Callable[[Session], Session], *, always: bool = False) -> Session:
        """Return tokens that do not expire soon, refreshed if need be; a second tab uses those that the first one got.

        With `always` they are refreshed in any case, to learn what the auth server changed about the person.
        """
        found = self._claim_in_time(device, always=always)
        if isinstance(found, Session):
            return found
        fresh = None
        try:
            fresh = refresh(found.tokens)
        except SessionEnded:
            return self._refused(device, found)
        finally:
            if fresh is None:  # whatever went wrong: the next one may try at once
                self._release(device, found)
        return self._replace(device, found, fresh)

    def _claim_in_time(self, device: OpenDevice, *, always: bool) -> _Claim | Session:
        """Wait for a claim or for fresh tokens; raise `AuthUnreachable` if somebody else refreshes for too long."""
        give_up, pause = time.monotonic() + self._wait_seconds, LOOK_SECONDS
        while (found := self._claim(device, always=always)) is None:
            if time.monotonic() > give_up:
                raise AuthUnreachable(_STILL_REFRESHING)
            time.sleep(pause)
            pause = min(2 * pause, 10 * LOOK_SECONDS)
        return found

    def _claim(self, device: OpenDevice, *, always: bool) -> _Claim | Session | None:
        """Claim the refreshing of a session; return its tokens if they are fresh, None while somebody else has it."""
        with self._database.as_user(device.user_id) as connection:
            row = _stored(connection, device)
            tokens = _unseal(device, row.sealed)
            if not tokens.expires_soon and not always:
                return tokens
            if row.claimed:
                return None
            until = connection.execute(_CLAIM, {"id": device.id}).scalar_one()
        return _Claim(tokens, bytes(row.sealed), until)

    def _release(self, device: OpenDevice, claim: _Claim) -> None:
        with self._database.as_user(device.user_id) as connection:
            connection.execute(_RELEASE, {"id": device.id, "until": claim.until})

    def _replace(self, device: OpenDevice, claim: _Claim, fresh: Session) -> Session:
        """Store refreshed tokens; return those of somebody else who stored theirs meanwhile."""
        with self._database.as_user(device.user_id) as connection:
            values = {"id": device.id, "sealed": _seal(device.cookie, fresh), "before": claim.sealed}
            if connection.execute(_REPLACE, values).rowcount:
                return fresh
            return _unseal(device, _stored(connection, device).sealed)

    def _refused(self, device: OpenDevice, claim: _Claim) -> Session:
        """End a session that the auth server has ended; return the tokens that somebody else stored meanwhile."""
        with self._database.as_user(device.user_id) as connection:
            if not connection.execute(_REVOKE_UNCHANGED, {"id": device.id, "before": claim.sealed}).rowcount:
                return _unseal(device, _stored(connection, device).sealed)
        raise SessionEnded(SIGNED_OUT)

    def save(self, device: OpenDevice, session: Session) -> None:
        """Store new tokens for the same session, for example those after a second factor."""
        with self._database.as_user(device.user_id) as connection:
            self._write(connection, device, session)

    def close(self, device: OpenDevice) -> None:
        """End this session."""
        self.revoke(device.user_id, device.id)

    # -- all sessions of a person ----------------------------------------------------------------

    def devices(self, user_id: str) -> list[Device]:
        """Return the devices on which a person is signed in, the latest first."""
        return self._database.read(user_id, devices_reading())

    def revoke(self, user_id: str, device_id: str) -> None:
        """End one session of a person; do nothing if it is gone or belongs to somebody else."""
        with self._database.as_user(user_id) as connection:
            connection.execute(_REVOKE, {"id": device_id})

    def revoke_all(self, user_id: str, *, but: str | None = None) -> int:
        """End all sessions of a person, or all but one; return how many."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_REVOKE_ALL, {"but": but}).rowcount

    def delete_account(self, user_id: str) -> dict[str, int]:
        """Erase every row of a person, sessions and sign-in included; return the number of rows by table."""
        with self._database.as_user(user_id) as connection:
            counted: dict[str, int] = connection.execute(text("select app.delete_account()")).scalar_one()
        return counted

    def _lookup(self, secret: str) -> OpenDevice | None:
        rows = self._database.read_as(
            VISITOR, "select id::text, user_id from app.session_of(%(hash)s)", {"hash": hash_secret(secret)}
        )
        return OpenDevice(rows[0]["id"], rows[0]["user_id"], secret) if rows else None

    def _write(self, connection: Connection, device: OpenDevice, session: Session) -> None:
        connection.execute(_WRITE, {"id": device.id, "sealed": _seal(device.cookie, session)})

    def _retire(self, old_cookie: str, new: OpenDevice) -> None:
        """Retire a replaced cookie: the same person's tabs go on, another person is signed out."""
        old = self._lookup(old_cookie)
        if old is None or old.id == new.id:
            return
        if old.user_id != new.user_id:
            self.revoke(old.user_id, old.id)
            return
        with self._database.as_user(old.user_id) as connection:
            connection.execute(_DROP_COOKIE, {"id": old.id})


def _stored(connection: Connection, device: OpenDevice) -> Any:
    """Return the stored tokens, and whether somebody refreshes them; lock the row until the transaction ends."""
    row = connection.execute(_STORED, {"id": device.id}).first()
    if row is None:
        raise SessionEnded(SIGNED_OUT)
    return row


def _seal(cookie: str, session: Session) -> bytes:
    return seal(cookie, json.dumps(asdict(session)), session.user_id)


def _unseal(device: OpenDevice, sealed: Any) -> Session:
    return Session(**json.loads(unseal(device.cookie, bytes(sealed), device.user_id)))


def new_secret() -> str:
    """Return 256 random bits as text that fits into a cookie."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Return the hash by which the database finds a secret."""
    return hashlib.sha256(b"keepsake mark:" + secret[:MAX_SECRET].encode()).digest()


def seal(secret: str, text: str, owner: str) -> bytes:
    """Encrypt a text with a secret, bound to its owner."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key(secret)).encrypt(nonce, text.encode(), owner.encode())


def unseal(secret: str, sealed: bytes, owner: str) -> str:
    """Decrypt a text; raise `SessionEnded` for another secret, another owner, or a changed text."""
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(_key(secret)).decrypt(nonce, body, owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SessionEnded(SIGNED_OUT) from error


def _key(secret: str) -> bytes:
    # The secret is random already: it needs to be stretched into a key, not to be made slow to guess.
    return HKDF(SHA256(), length=32, salt=None, info=b"keepsake seal").derive(secret[:MAX_SECRET].encode())
