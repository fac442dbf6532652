"""A signed-in person's session, and the checks of an address, a password and a code before they are sent.

Plain values and functions; no server is asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from memory.errors import InvalidInput

__all__ = ["Enrolment", "Session", "checked_address", "checked_code", "checked_password"]

REFRESH_BEFORE_SECONDS = 60
MAX_ADDRESS = 254
MAX_PASSWORD_BYTES = 72  # the auth server hashes with bcrypt, which reads no more
MAX_CODE = 10


@dataclass(frozen=True)
class Session:
    """The tokens of a signed-in person. Sign-up can return a user without a session: such a user is not signed in."""

    user_id: str
    email: str
    expires_at: float
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    factor_id: str | None = None  # the second factor that is set up
    passed: bool = False  # whether this session has passed it

    @property
    def expires_soon(self) -> bool:
        """Whether the access token is about to expire and has to be refreshed before it is used."""
        return time.time() > self.expires_at - REFRESH_BEFORE_SECONDS

    @property
    def needs_second_factor(self) -> bool:
        """Whether the second factor is still missing; such a session opens no page."""
        return self.factor_id is not None and not self.passed


@dataclass(frozen=True)
class Enrolment:
    """A second factor that is set up and waits for its first code."""

    factor_id: str
    picture: str = field(repr=False)
    secret: str = field(repr=False)


def checked_address(email: str) -> str:
    """Return an email address as it is sent; raise `InvalidInput` if it cannot be one."""
    email = email.strip()
    if "@" not in email or len(email) > MAX_ADDRESS or any(character.isspace() for character in email):
        raise InvalidInput("Enter a valid email address.")
    return email


def checked_password(password: str) -> str:
    """Return a password that can be sent. The server decides whether it is good enough."""
    if not password:
        raise InvalidInput("Enter your password.")
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in password):
        raise InvalidInput("This password contains a character that is not allowed.")
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidInput(
            f"This password is too long: use at most {MAX_PASSWORD_BYTES} characters. Accented letters and emoji "
            "count as two to four."
        )
    return password


def checked_code(code: str) -> str:
    """Return a code from a mail or an authenticator app without its spaces."""
    code = "".join(code.split())
    if not (code.isascii() and code.isdigit()) or len(code) > MAX_CODE:
        raise InvalidInput("The code is a number, usually 6 digits.")
    return code
