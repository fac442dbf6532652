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
    │   │   ├── ContentRefused   this request was not accepted, and never will be: it is too long, for example
    │   │   │   └── ToolsRefused tools were offered to a model or a server that knows none
    │   │   └── PicturesRefused  a picture was sent to a model that reads only text
    │   ├── ModelBusy            429: too many requests, or no credit left
    │   └── BadAnswer            an answer that is not what was asked for
    │       └── NotAModel        something answered that is no model of the kind that was asked
    ├── IndexFailed              the index of vectors outside of Postgres did not do its work
    │   └── IndexRefused         it does not take these vectors, and would not the next time
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
    "ContentRefused",
    "DatabaseError",
    "DatabaseUnreachable",
    "IndexFailed",
    "IndexRefused",
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
    "ToolsRefused",
    "VectorsMoved",
]

# What anybody can do about a failure that only the settings can mend.
TELL = "Tell whoever runs this app."
# The command line of this package, under the name that it is imported by: "memory" or "keepsake".
COMMAND = f"python -m {__package__}"


class AppError(Exception):
    """The root: `str(error)` is one sentence, without secrets."""

    def for_person(self) -> str:
        """Return the sentence for whoever uses the program: it names no setting and no server."""
        return str(self)

    def for_deployer(self) -> str:
        """Return the sentence for whoever runs the program: it may name a setting to check."""
        return str(self)


class SettingsError(AppError):
    """A setting is missing or makes no sense."""


class LocalError(AppError):
    """A local server could not be started."""


class DatabaseError(AppError):
    """The database could not do what was asked."""


class DatabaseUnreachable(DatabaseError):
    """The database did not answer, or refused the connection; `names`: the sentence names a server or a setting."""

    def __init__(self, sentence: str, *, names: bool = False) -> None:
        super().__init__(sentence)
        self.names = names

    def for_person(self) -> str:
        """Return the sentence, or a plainer one if it names what only whoever runs the program can check."""
        return "The database cannot be reached at the moment. Try again in a few minutes." if self.names else str(self)


class MigrationNeeded(DatabaseError):
    """The tables are missing or old, and this role may not create them."""


class VectorsMoved(DatabaseError):
    """The stored vectors now come from another embedding model than the app's; the app must be started again."""


class ModelError(AppError):
    """A model or embedder did not do its work; `advice` names the setting to check, for whoever runs the program."""

    def __init__(self, sentence: str, *, advice: str = "") -> None:
        super().__init__(sentence)
        self.advice = advice

    def for_deployer(self) -> str:
        """Return the sentence with the setting to check."""
        return f"{self} {self.advice}".rstrip()


class ModelUnreachable(ModelError):
    """No connection, a cut connection, or a time-out."""


class ModelRefused(ModelError):
    """The key, the model's name or the request was not accepted."""


class ContentRefused(ModelRefused):
    """This request was not accepted, and would not be the next time: it is too long, for example."""


class PicturesRefused(ModelRefused):
    """The model reads only text and was sent a picture."""


class ToolsRefused(ContentRefused):
    """The model was offered tools, and it or its server knows none; `for_good` is False if only this try went wrong."""

    def __init__(self, sentence: str, *, for_good: bool = True) -> None:
        super().__init__(sentence)
        self.for_good = for_good


class ModelBusy(ModelError):
    """Too many requests, or no credit left; `retry_after` is the pause in seconds that the server asks for, if any."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class BadAnswer(ModelError):
    """An answer that does not have the requested form; `said` is the part of it that arrived."""

    def __init__(self, sentence: str, said: str = "", *, advice: str = "") -> None:
        super().__init__(sentence, advice=advice)
        self.said = said


class NotAModel(BadAnswer):
    """Something answered that is not the kind of model that was asked: a web page, or vectors of another size."""


class IndexFailed(AppError):
    """The index of vectors outside of Postgres did not do its work; recall goes on without it."""


class IndexRefused(IndexFailed):
    """The index does not take these vectors, and would not the next time: they have another size, for example."""


class LimitReached(AppError):
    """All that may be used in some time was used; `retry_after` is in seconds, None if waiting does not help."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class MemoryChanged(AppError):
    """A memory was changed by somebody else while a plan for it was made; a new plan may succeed."""


class LeaseLost(AppError):
    """What was being remembered was erased, withdrawn or claimed by another worker meanwhile."""


class InvalidInput(AppError, ValueError):
    """A value from a person or a caller cannot be used. mem0 raises `ValueError` here, so it is one."""


class NotFound(AppError, ValueError):
    """It does not exist, or belongs to another user; the caller cannot tell which. As in mem0, a `ValueError`."""
