"""Who somebody is to us: their session; and what a person may type for an address, a password or a code.

Plain values and checks before anything is sent. It asks no server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from memory.errors import InvalidInput

__all__ = ["Enrolment", "Session", "a_code", "a_password", "an_address"]

REFRESH_BEFORE_SECONDS = 60
MAX_ADDRESS = 254
MAX_PASSWORD = 72  # more, and the server would leave the rest unread
MAX_CODE = 10


@dataclass(frozen=True)
class Session:
    """A signed-in person. Only a session proves it: sign-up can answer with a user who has none."""

    user_id: str
    email: str
    expires_at: float
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    factor_id: str | None = None  # the second factor that is set up, and whether this session has passed it
    passed: bool = False

    @property
    def stale(self) -> bool:
        """Whether it is about to expire, so that it has to be refreshed first."""
        return time.time() > self.expires_at - REFRESH_BEFORE_SECONDS

    @property
    def half_way(self) -> bool:
        """Whether the second factor is still to come: such a session lets nobody in."""
        return self.factor_id is not None and not self.passed


@dataclass(frozen=True)
class Enrolment:
    """A second factor that waits for its first code."""

    factor_id: str
    picture: str = field(repr=False)
    secret: str = field(repr=False)


def an_address(email: str) -> str:
    """An e-mail address as it is sent."""
    email = email.strip()
    if "@" not in email or len(email) > MAX_ADDRESS or any(character.isspace() for character in email):
        raise InvalidInput("This does not look like an e-mail address.")
    return email


def a_password(password: str) -> str:
    """A password as it is sent; whether it is a good one, the server says."""
    if not password:
        raise InvalidInput("Type your password.")
    if len(password.encode()) > MAX_PASSWORD or "\x00" in password:
        raise InvalidInput(f"A password has at most {MAX_PASSWORD} characters.")
    return password


def a_code(code: str) -> str:
    """A code from a mail or an authenticator app, however it was spaced."""
    code = "".join(code.split())
    if not (code.isascii() and code.isdigit()) or len(code) > MAX_CODE:
        raise InvalidInput("The code is a number, of six digits mostly.")
    return code
