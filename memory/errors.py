"""Every error a person can meet, each with one sentence that says what happened and what to do.

    AppError
    ├── SettingsError            a setting is missing or makes no sense
    ├── LocalError               a local server could not be brought up
    ├── DatabaseError            the database could not do what was asked
    │   ├── DatabaseUnreachable  it did not answer, or would not let us in
    │   ├── MigrationNeeded      its tables are missing or old, and this role may not make them
    │   └── VectorsMoved         its vectors are of another embedding model by now
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

Adapters (database, model, embedded) translate their vendor's errors into these, once, at their edge.
Whoever shows errors catches `AppError` and nothing wider. Errors of signing in are in auth/errors.py.
This module imports nothing of ours.
"""

from __future__ import annotations

__all__ = [
    "AppError",
    "BadAnswer",
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
    "PicturesRefused",
    "SettingsError",
    "VectorsMoved",
]

# How the commands of this package are called, under the name that it is imported by.
COMMAND = f"python -m {__package__}"


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
