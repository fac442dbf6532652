"""Every error a person can meet, each with one sentence that says what happened and what to do.

    AppError
    ├── SettingsError            a setting is missing or makes no sense
    ├── LocalError               a local server could not be brought up
    ├── DatabaseError            the database could not do what was asked
    │   ├── DatabaseUnreachable  it did not answer, or would not let us in
    │   ├── MigrationNeeded      its tables are missing or old, and this role may not make them
    │   └── VectorsMoved         its vectors are of another embedding model by now
    ├── SignInError              who is asking could not be settled
    │   ├── WrongCredentials     unknown address or wrong password (never said which)
    │   ├── UnconfirmedEmail     the address still waits for its confirmation
    │   ├── WeakPassword         the server will not take this password
    │   ├── AddressTaken         an account with this address exists
    │   ├── TooManyAttempts      the auth server asks to wait, or the limit here does
    │   ├── NotInvited           this address may not make an account here
    │   ├── SessionEnded         signed out elsewhere, or expired
    │   ├── UntrustedToken       a token that nobody we trust has signed for us
    │   ├── NotSupported         the auth server does not have what was asked of it
    │   ├── ConfirmItsYou        the auth server wants a code from a mail first
    │   └── AuthUnreachable      the auth server did not answer
    ├── ModelError               a model or embedder did not do its work
    │   ├── ModelUnreachable     no connection, a cut connection, a time-out
    │   ├── ModelRefused         the key, the model's name or the request was not accepted
    │   │   └── PicturesRefused  a model that takes words only was sent a picture
    │   ├── ModelBusy            429: too many requests, or no credit left
    │   └── BadAnswer            an answer that is not what was asked for
    ├── LimitReached             a person, or everybody together, has used up what was meant for a time
    ├── MemoryChanged            somebody else changed a memory while this was worked out
    ├── InvalidInput             what a person or a caller gave cannot be used
    └── NotFound                 no such thing, or it is somebody else's

Adapters (database, auth.client, model, local) translate their vendor's errors into these, once, at
their edge. Pages catch `AppError` and nothing wider. This module imports nothing of ours.
"""

from __future__ import annotations

__all__ = [
    "AddressTaken",
    "AppError",
    "AuthUnreachable",
    "BadAnswer",
    "ConfirmItsYou",
    "DatabaseError",
    "DatabaseUnreachable",
    "InvalidInput",
    "LimitReached",
    "LocalError",
    "MemoryChanged",
    "MigrationNeeded",
    "ModelBusy",
    "ModelError",
    "ModelRefused",
    "ModelUnreachable",
    "NotFound",
    "NotInvited",
    "NotSupported",
    "PicturesRefused",
    "SessionEnded",
    "SettingsError",
    "SignInError",
    "TooManyAttempts",
    "UnconfirmedEmail",
    "UntrustedToken",
    "VectorsMoved",
    "WeakPassword",
    "WrongCredentials",
]


class AppError(Exception):
    """The root: `str(error)` is a sentence fit for a person, without secrets."""


class SettingsError(AppError):
    """A setting is missing or makes no sense."""


class LocalError(AppError):
    """A local server could not be brought up."""


class DatabaseError(AppError):
    """The database could not do what was asked."""


class DatabaseUnreachable(DatabaseError):
    """The database did not answer, or would not let us in."""


class MigrationNeeded(DatabaseError):
    """The tables are missing or old, and this role may not make them."""


class VectorsMoved(DatabaseError):
    """The vectors are of another embedding model than the app's: it has to be started again."""


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


class ModelError(AppError):
    """A model or embedder did not do its work."""


class ModelUnreachable(ModelError):
    """No connection, a cut connection, or a time-out."""


class ModelRefused(ModelError):
    """The key, the model's name or the request was not accepted."""


class PicturesRefused(ModelRefused):
    """The model does not take pictures."""


class ModelBusy(ModelError):
    """Too many requests, or no credit left; `retry_after` is in seconds where the server said it."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class BadAnswer(ModelError):
    """An answer that is not what was asked for; `said` is what it was, as far as it came."""

    def __init__(self, sentence: str, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said


class LimitReached(AppError):
    """As much as is meant for a time was used; `retry_after` is in seconds where waiting helps."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class MemoryChanged(AppError):
    """Somebody else changed a memory while this was worked out; working it out again helps."""


class InvalidInput(AppError):
    """What a person or a caller gave cannot be used."""


class NotFound(AppError):
    """No such thing, or it is somebody else's: the two look the same on purpose."""
