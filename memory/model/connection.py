"""The model that the owner of a machine has connected in the app: keeps it in the data folder, and finds local servers.

The file holds a key, so only its owner may read it. Settings come first: whoever starts the app decides whether this
connection counts. Nothing is asked of a model here but which models there are.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InvalidInput, ModelError, SettingsError
from ..settings import CONNECTED_FILE

__all__ = [
    "Connection",
    "LocalServer",
    "address_of",
    "find_local_servers",
    "read_connection",
    "remove_connection",
    "save_connection",
]

MAX_LENGTH = 2_000  # characters of an address, a key or a name
# Where programs that run models listen, unless they are told otherwise. Nowhere else is looked.
LOCAL_SERVERS: Mapping[str, str] = {
    "Ollama": "http://127.0.0.1:11434/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
}


@dataclass(frozen=True)
class Connection:
    """A model at an address; without an address it is OpenAI's."""

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The name of the server, as it may be shown."""
        return urlsplit(self.base_url).hostname or "" if self.base_url else "api.openai.com"


@dataclass(frozen=True)
class LocalServer:
    """A program on this machine that serves models."""

    name: str
    base_url: str
    models: tuple[str, ...]


def address_of(typed: str) -> str | None:
    """Return the address that somebody means: "localhost:1234" is http://localhost:1234/v1; empty means OpenAI's."""
    written = typed.strip()
    if not written:
        return None
    address = (written if "://" in written else f"http://{written}").rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an unclosed bracket, or a port that is no number
        valid = False
    if not valid or "@" in parts.netloc or not address.isprintable() or " " in address or len(address) > MAX_LENGTH:
        raise InvalidInput("This is not the address of a model: it looks like http://localhost:11434/v1.")
    return address if parts.path else f"{address}/v1"


def find_local_servers(places: Mapping[str, str] | None = None) -> list[LocalServer]:
    """Return the programs that serve models on this machine, with the models for chats that each has."""
    known = LOCAL_SERVERS if places is None else places
    with ThreadPoolExecutor(max_workers=len(known) or 1) as pool:
        return [found for found in pool.map(_ask, known, known.values()) if found]


def _ask(name: str, base_url: str) -> LocalServer | None:
    from .catalog import for_chat
    from .client import OpenAIModel  # loads openai

    try:
        with closing(OpenAIModel(name, None, base_url, retries=0)) as server:
            models = for_chat(server.listed())
    except ModelError:
        return None
    return LocalServer(name, base_url, tuple(models)) if models else None


def read_connection(data_dir: Path) -> Connection | None:
    """Return the connection that is kept in a data folder; None if there is none."""
    path = _path(data_dir)
    try:
        kept = json.loads(path.read_text("utf-8"))
        return _checked(Connection(kept["model"], kept.get("base_url"), kept.get("api_key")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        raise SettingsError(f"{path} cannot be read: delete it, and connect the model again.") from error


def save_connection(data_dir: Path, connection: Connection) -> None:
    """Keep a connection in a data folder, for its owner's eyes only."""
    path = _path(data_dir)
    written = json.dumps(asdict(_checked(connection)), indent=2)
    # Written beside its place and renamed when complete, so that nobody reads half a file. mkstemp makes it 0600.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".model-")
    with os.fdopen(handle, "w") as file:
        file.write(written)
        file.flush()
        os.fsync(handle)
    Path(unfinished).replace(path)


def remove_connection(data_dir: Path) -> None:
    """Delete the connection that is kept in a data folder, with its key."""
    _path(data_dir).unlink(missing_ok=True)


def _path(data_dir: Path) -> Path:
    return data_dir.expanduser().absolute() / CONNECTED_FILE


def _checked(connection: Connection) -> Connection:
    values: Sequence[object] = (connection.model, connection.base_url or "", connection.api_key or "")
    if not all(isinstance(each, str) and len(each) <= MAX_LENGTH and each.isprintable() for each in values):
        raise InvalidInput("The address, the key and the name of a model are one line of text each.")
    if not connection.model.strip():
        raise InvalidInput("Choose a model.")
    if connection.base_url and not connection.base_url.startswith(("http://", "https://")):
        raise InvalidInput("The address of a model begins with http:// or https://.")
    return connection
