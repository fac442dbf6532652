"""Secrets that a browser carries, and what they open: a text under a key that is made from the secret itself.

So whoever holds only the database holds neither the secret (its mark is a hash) nor the text, and the app
needs no key of its own. It knows nothing of cookies, tickets or tables.
"""

from __future__ import annotations

import hashlib
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from memory.errors import SessionEnded

__all__ = ["fresh_secret", "mark", "seal", "unseal"]

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
