"""Every error of signing in, each with one sentence that says what happened and what to do.

    SignInError               who is asking could not be settled
    ├── WrongCredentials     unknown address or wrong password (never said which)
    ├── UnconfirmedEmail     the address still waits for its confirmation
    ├── WeakPassword         the server will not take this password
    ├── AddressTaken         an account with this address exists
    ├── TooManyAttempts      the auth server asks to wait, or the limit here does
    ├── NotInvited           this address may not make an account here
    ├── SessionEnded         signed out elsewhere, or expired
    ├── UntrustedToken       a token that nobody we trust has signed for us
    ├── NotSupported         the auth server does not have what was asked of it
    ├── ConfirmItsYou        the auth server wants a code from a mail first
    └── AuthUnreachable      the auth server did not answer

The auth client translates the auth server's errors into these. All of them are `AppError`s, which pages catch.
"""

from __future__ import annotations

from memory.errors import AppError

__all__ = [
    "AddressTaken",
    "AuthUnreachable",
    "ConfirmItsYou",
    "NotInvited",
    "NotSupported",
    "SessionEnded",
    "SignInError",
    "TooManyAttempts",
    "UnconfirmedEmail",
    "UntrustedToken",
    "WeakPassword",
    "WrongCredentials",
]


class SignInError(AppError):
    """Who is asking could not be settled."""


class WrongCredentials(SignInError):
    """Unknown address or wrong password; never said which."""


class UnconfirmedEmail(SignInError):
    """The address still waits for its confirmation."""


class WeakPassword(SignInError):
    """The server will not take this password."""


class AddressTaken(SignInError):
    """An account with this address exists."""


class TooManyAttempts(SignInError):
    """The auth server asks to wait, or the limit on attempts does."""


class NotInvited(SignInError):
    """This address may not make an account here."""


class SessionEnded(SignInError):
    """Signed out elsewhere, or expired."""


class UntrustedToken(SignInError):
    """A token that nobody we trust has signed for us."""


class NotSupported(SignInError):
    """The auth server does not have what was asked of it."""


class ConfirmItsYou(SignInError):
    """The auth server wants a code from a mail first."""


class AuthUnreachable(SignInError):
    """The auth server did not answer."""
