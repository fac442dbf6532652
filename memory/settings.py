"""The settings of the memory layer, read from the environment, then `.env`, then Streamlit's secrets.

The app adds its own settings to these (settings.py at the top level). Settings are converted and checked here; nothing
is connected or started.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values

from .errors import SettingsError

__all__ = ["CONNECTED_FILE", "FOUND", "MemorySettings", "chosen", "setting", "settings", "sources"]

OPENAI_EMBED_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072}
MOST_DOLLARS = 100_000
CONNECTED_FILE = "model.json"  # in the data folder: the model that was connected in the app
FOUND = "found-on-this-machine"  # the key that the launcher gives with the address of an Ollama, which needs none


def setting(default: Any, meaning: str, *, secret: bool = False, between: tuple[int, int] | None = None) -> Any:
    """Declare a setting: its default, what it means, and for a whole number its smallest and largest value."""
    return field(default=default, metadata={"meaning": meaning, "between": between}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """One field for each setting; in the environment its name has capital letters."""

    database_url: str | None = setting(
        None,
        "Postgres, as the app's own role; on Supabase the *session pooler* address, port 5432",
        secret=True,
    )
    database_admin_url: str | None = setting(
        None, "Postgres, as a role that may create tables; used for migrations only", secret=True
    )
    database_read_url: str | None = setting(
        None,
        "A read replica of it: searches and pages are read there while it is up to date (docs/scaling.md)",
        secret=True,
    )
    openai_api_key: str | None = setting(None, "Key for the chat model, and for embeddings", secret=True)
    openai_base_url: str | None = setting(
        None, "Any OpenAI-compatible address instead of OpenAI's, e.g. `http://localhost:11434/v1`"
    )
    chat_model: str = setting("gpt-5.4-mini", "The model that replies")
    memory_model: str | None = setting(None, "The model that decides what to remember; if unset, `CHAT_MODEL`")
    extract_prompt: str | None = setting(
        None, "Replaces the instructions on what to remember: the text, or the path of a `.md` or `.txt` file"
    )
    update_prompt: str | None = setting(None, "Replaces the instructions on updating memories, likewise")
    embed_model: str = setting("text-embedding-3-small", "The model that turns text into vectors")
    embed_base_url: str | None = setting(None, "The embedding model's address, if it is not the chat model's")
    embed_api_key: str | None = setting(None, "The embedding model's key, if it is not the chat model's", secret=True)
    embed_dimensions: int | None = setting(
        None, "Numbers in one vector; if unset, the model is asked", between=(1, 16_000)
    )
    reranker: str | None = setting(
        None, "Reorders what was recalled: `model` (one more call for each question), or the name of a cross-encoder"
    )
    memory_index: str | None = setting(
        None, "An index of vectors outside of Postgres, such as `qdrant:http://localhost:6333` (docs/index.md)"
    )
    memory_index_key: str | None = setting(None, "The key that this index asks for", secret=True)
    memory_index_milliseconds: int = setting(
        300, "How long a search waits for this index before Postgres does its work", between=(1, 60_000)
    )
    memory_user: str | None = setting(None, "Whose memories `python -m keepsake.mcp` serves, unless `--user` says so")
    data_dir: Path = setting(Path(".keepsake"), "The folder in which the local servers keep their data")

    @property
    def has_model(self) -> bool:
        """True if there is a model to reply with."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def model_was_found(self) -> bool:
        """True if nobody chose the model: the launcher found a running Ollama."""
        return self.openai_api_key == FOUND

    @property
    def has_embedder(self) -> bool:
        """True if there is an address to ask for vectors."""
        return self.embed_base_url is not None or self.has_model

    def check(self) -> Self:
        """Raise `SettingsError` for a combination that cannot work; return self otherwise."""
        for name in ("database_url", "database_admin_url", "database_read_url"):
            url = getattr(self, name)
            if url and not url.startswith(("postgres://", "postgresql://", "postgresql+")):
                raise SettingsError(
                    f"{name.upper()} must be a Postgres address: postgresql://user:password@host:5432/postgres."
                )
        for name in ("openai_base_url", "embed_base_url"):
            url = getattr(self, name)
            if url and not url.startswith(("http://", "https://")):
                raise SettingsError(f"{name.upper()} must begin with http:// or https://.")
        return self

    @classmethod
    def read(cls, *places: Mapping[str, Any]) -> Self:
        """Read each setting from the first place that has it; empty values count as unset."""
        values: dict[str, Any] = {}
        for declared in fields(cls):
            raw = _first(declared.name.upper(), places)
            if raw is not None:
                values[declared.name] = _convert(declared, raw)
        return cls(**values).check()


def _first(name: str, places: tuple[Mapping[str, Any], ...]) -> str | None:
    for place in places:
        value = str(place.get(name) or "").strip()
        if value:
            return value
    return None


def _convert(declared: Field[Any], raw: str) -> str | int | float | Path:
    name, between = declared.name.upper(), declared.metadata["between"]
    if declared.type == "Path":
        return Path(raw).expanduser()
    if between is not None:
        least, largest = between
        if not (raw.isascii() and raw.isdecimal()) or not least <= int(raw) <= largest:
            raise SettingsError(f"{name} must be a whole number from {least} to {largest}, not {raw!r}.")
        return int(raw)
    if declared.type == "float | None":
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,9})?", raw) or float(raw) > MOST_DOLLARS:
            raise SettingsError(f"{name} must be an amount in dollars such as 0.75, not {raw!r}.")
        return float(raw)
    if "\x00" in raw or "\n" in raw:
        raise SettingsError(f"{name} has a line break in it: it must be one line.")
    return raw


def _streamlit_secrets() -> Mapping[str, Any]:
    """Return Streamlit's secrets, or nothing if Streamlit is not running or has none."""
    if "streamlit" not in sys.modules:
        return {}
    import streamlit as st
    from streamlit.errors import StreamlitSecretNotFoundError

    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        # Streamlit raises the same for a missing file and for one it cannot read.
        if isinstance(error.__cause__ or error.__context__, FileNotFoundError) or "No secrets" in str(error):
            return {}
        raise SettingsError('Streamlit\'s secrets cannot be read: check that they are TOML, NAME = "value".') from error


def sources() -> tuple[Mapping[str, Any], ...]:
    """Return the places in which settings are looked for, in order."""
    return os.environ, dotenv_values(".env"), _streamlit_secrets()


def chosen(name: str) -> bool:
    """Return whether this setting has a value of its own, not only its default."""
    return _first(name.upper(), sources()) is not None


def settings() -> MemorySettings:
    """Read the memory settings."""
    return MemorySettings.read(*sources())
