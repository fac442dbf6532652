"""Defines the errors of signing in. Who raises one gives it a sentence that says what happened and what to do.

Most sentences stand in client.py.

    SignInError               signing in, or proving who is asking, failed
    ├── WrongCredentials     unknown address or wrong password; the sentence never says which
    ├── UnconfirmedEmail     the address still waits for its confirmation
    ├── WeakPassword         the server will not take this password
    ├── AddressTaken         an account with this address exists
    ├── TooManyAttempts      the auth server or the app's own limit asks to wait
    ├── WrongKey             a personal key is wrong, was ended or has expired; the sentence never says which
    ├── NotAllowed           a key is right, but may not do this, or not for this person
    ├── NotInvited           this address may not make an account here
    ├── SessionEnded         the session was signed out elsewhere or has expired
    ├── UntrustedToken       a token that was not signed for this app by its auth server
    ├── NotSupported         the auth server does not offer what was asked for
    ├── ConfirmItsYou        the auth server asks for a code from a mail first
    └── AuthUnreachable      the auth server did not answer

The auth client turns the auth server's errors into these. All of them are `AppError`s, which pages catch.
"""

from __future__ import annotations

from memory.errors import AppError

__all__ = [
    "BLOCKED",
    "NOT_RESPONDING",
    "NO_NEW_ACCOUNTS",
    "SIGNED_OUT",
    "AddressTaken",
    "AuthUnreachable",
    "ConfirmItsYou",
    "NotAllowed",
    "NotInvited",
    "NotSupported",
    "SessionEnded",
    "SignInError",
    "TooManyAttempts",
    "UnconfirmedEmail",
    "UntrustedToken",
    "WeakPassword",
    "WrongCredentials",
    "WrongKey",
]

BLOCKED = "This account is blocked."
NO_NEW_ACCOUNTS = "New accounts are closed here."
SIGNED_OUT = "You were signed out. Sign in again."
NOT_RESPONDING = "The sign-in server is not responding. Try again in a minute."


class SignInError(AppError):
    """Signing in, or proving who is asking, failed."""


class WrongCredentials(SignInError):
    """The address is unknown or the password wrong; the sentence never says which."""


class UnconfirmedEmail(SignInError):
    """The address still waits for its confirmation."""


class WeakPassword(SignInError):
    """The server will not take this password."""


class AddressTaken(SignInError):
    """An account with this address exists."""


class TooManyAttempts(SignInError):
    """The auth server or the app's own limit on attempts asks to wait."""


class WrongKey(SignInError):
    """The key is wrong, was ended or has expired; the sentence never says which."""


class NotAllowed(SignInError):
    """The key is right, but may not do this, or not for this person."""


class NotInvited(SignInError):
    """This address may not make an account here."""


class SessionEnded(SignInError):
    """The session was signed out elsewhere or has expired."""


class UntrustedToken(SignInError):
    """A token was not signed for this app by its auth server."""


class NotSupported(SignInError):
    """The auth server does not offer what was asked for."""


class ConfirmItsYou(SignInError):
    """The auth server asks for a code from a mail first."""


class AuthUnreachable(SignInError):
    """The auth server did not answer."""
