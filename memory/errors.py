"""Every error that may be shown to a person, with one sentence that says what happened and what to do.

    AppError
    ├── SettingsError            a setting is missing or makes no sense
    ├── LocalError               a local server could not be started
    ├── DatabaseError            the database could not do what was asked
    │   ├── DatabaseUnreachable  it did not answer, or refused the connection
    │   ├── MigrationNeeded      its tables are missing or old, and this role may not create them
    │   └── VectorsMoved         its vectors now come from another embedding model
    ├── ModelError               a model or embedder did not do its work
    │   ├── ModelUnreachable     no connection, a cut connection, a time-out
    │   ├── ModelRefused         the key, the model's name or the request was not accepted
    │   │   └── PicturesRefused  a picture was sent to a model that reads only text
    │   ├── ModelBusy            429: too many requests, or no credit left
    │   └── BadAnswer            an answer that is not what was asked for
    │       └── NotAModel        something answered that is no model of the kind that was asked
    ├── LimitReached             a person, or all together, used up what they may use in some time
    ├── MemoryChanged            a memory was changed by somebody else while a plan for it was made
    ├── LeaseLost                what was being remembered was erased, withdrawn or claimed by another worker
    ├── InvalidInput             a value from a person or a caller cannot be used
    └── NotFound                 it does not exist, or belongs to another user

Adapters (database, model, embedded) translate their vendor's errors into these, once, at their edge.
Code that shows errors catches `AppError` and nothing wider. Errors of signing in are in auth/errors.py.
This module imports nothing else of the project.
"""

from __future__ import annotations

__all__ = [
    "AppError",
    "BadAnswer",
    "DatabaseError",
    "DatabaseUnreachable",
    "InvalidInput",
    "LeaseLost",
    "LimitReached",
    "LocalError",
    "MemoryChanged",
    "MigrationNeeded",
    "ModelBusy",
    "ModelError",
    "ModelRefused",
    "ModelUnreachable",
    "NotAModel",
    "NotFound",
    "PicturesRefused",
    "SettingsError",
    "VectorsMoved",
]

# The command line of this package, under the name that it is imported by: "memory" or "keepsake".
COMMAND = f"python -m {__package__}"


class AppError(Exception):
    """The root: `str(error)` is a sentence fit for a person, without secrets."""


class SettingsError(AppError):
    """A setting is missing or makes no sense."""


class LocalError(AppError):
    """A local server could not be started."""


class DatabaseError(AppError):
    """The database could not do what was asked."""


class DatabaseUnreachable(DatabaseError):
    """The database did not answer, or refused the connection."""


class MigrationNeeded(DatabaseError):
    """The tables are missing or old, and this role may not create them."""


class VectorsMoved(DatabaseError):
    """The stored vectors now come from another embedding model than the app's; the app must be started again."""


class ModelError(AppError):
    """A model or embedder did not do its work."""


class ModelUnreachable(ModelError):
    """No connection, a cut connection, or a time-out."""


class ModelRefused(ModelError):
    """The key, the model's name or the request was not accepted."""


class PicturesRefused(ModelRefused):
    """The model reads only text and was sent a picture."""


class ModelBusy(ModelError):
    """Too many requests, or no credit left; `retry_after` is the pause in seconds that the server asks for, if any."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class BadAnswer(ModelError):
    """An answer that does not have the requested form; `said` is the part of it that arrived."""

    def __init__(self, sentence: str, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said


class NotAModel(BadAnswer):
    """Something answered that is not the kind of model that was asked: a web page, or vectors of another size."""


class LimitReached(AppError):
    """All that may be used in some time was used; `retry_after` is in seconds, None if waiting does not help."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class MemoryChanged(AppError):
    """A memory was changed by somebody else while a plan for it was made; a new plan may succeed."""


class LeaseLost(AppError):
    """What was being remembered was erased, withdrawn or claimed by another worker meanwhile."""


class InvalidInput(AppError):
    """A value from a person or a caller cannot be used."""


class NotFound(AppError):
    """It does not exist, or belongs to another user; the caller cannot tell which."""
