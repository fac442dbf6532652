"""Every setting, read once, into one frozen object: environment, then `.env`, then Streamlit secrets.

(Streamlit itself puts its top-level secrets into the environment when it starts a script.) The only
module that reads any of them. It checks that settings fit together and says in one sentence what is
missing; it connects to nothing and starts nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from memory.errors import SettingsError

__all__ = ["Settings", "chosen", "settings"]

ADMISSIONS = ("open", "invitation", "list")
# What is a number, with the least and the largest it may be.
NUMBERS = {
    "port": (1, 65_535),
    "embed_dimensions": (1, 16_000),
    "sign_in_attempts": (0, 1_000_000),
    "messages_per_minute": (0, 1_000_000),
    "messages_per_day": (0, 1_000_000),
    "tokens_per_day": (0, 10**12),
    "all_tokens_per_day": (0, 10**12),
    "message_characters": (1, 32_000),
    "memories_per_person": (0, 1_000_000),
    "uploads_per_day": (0, 1_000_000),
}
MOST_DOLLARS = 100_000
OPENAI_EMBED_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072}


def _setting(default: Any, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"meaning": meaning}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field for each setting; the environment's name is the field's in capitals."""

    supabase_url: str | None = _setting(None, "The project's address, `https://….supabase.co`")
    supabase_key: str | None = _setting(
        None, "Its publishable key, `sb_publishable_…`; never a secret key", secret=True
    )
    database_url: str | None = _setting(
        None,
        "Postgres, as the app's own role; on Supabase the *session pooler* address, port 5432",
        secret=True,
    )
    database_admin_url: str | None = _setting(
        None, "Postgres, as a role that may create tables; used for migrations only", secret=True
    )
    openai_api_key: str | None = _setting(None, "Key for the chat model (and embeddings)", secret=True)
    openai_base_url: str | None = _setting(
        None, "Any OpenAI-compatible address instead of OpenAI's, e.g. `http://localhost:11434/v1`"
    )
    chat_model: str = _setting("gpt-5.4-mini", "The model that replies")
    chat_models: str | None = _setting(
        None, "The models that people may choose from, with commas; unset, all that the address lists"
    )
    price_in: float | None = _setting(
        None, "Dollars for a million tokens that `CHAT_MODEL` reads, to show what a reply cost; with `PRICE_OUT`"
    )
    price_out: float | None = _setting(None, "… and that it writes; nothing is guessed where they are unset")
    memory_model: str | None = _setting(None, "The model that decides what to remember; `CHAT_MODEL` if unset")
    extract_prompt: str | None = _setting(
        None, "Replaces the instructions on what to remember: a text, or the path of a `.md` or `.txt` file"
    )
    update_prompt: str | None = _setting(None, "Replaces the instructions on updating what is known, likewise")
    embed_model: str = _setting("text-embedding-3-small", "The model that turns text into vectors")
    embed_base_url: str | None = _setting(None, "Its address, if not the chat model's")
    embed_api_key: str | None = _setting(None, "Its key, if not the chat model's", secret=True)
    embed_dimensions: int | None = _setting(None, "Numbers in one vector; asked of the model if unset")
    reranker: str | None = _setting(
        None, "A second look at what was recalled: `model` (one more call a question), or the name of a cross-encoder"
    )
    admission: str = _setting(
        "open", "Who may make an account: `open` to all, by `invitation`, or who is on a `list` (`ADMITTED`)"
    )
    admitted: str | None = _setting(None, "That list: addresses and domains, `dave@example.com, @example.org`")
    trusted_proxies: str | None = _setting(
        None, "Proxies in front of the app whose word on who is asking counts: addresses or networks, `10.0.0.0/8`"
    )
    sign_in_attempts: int = _setting(
        10, "Attempts to sign in with one address in 15 minutes; ten times that from one network address"
    )
    messages_per_minute: int = _setting(20, "Messages one person may send in a minute; 0 here and below: no limit")
    messages_per_day: int = _setting(1_000, "… and in a day")
    tokens_per_day: int = _setting(1_000_000, "Tokens that replies to one person may cost in a day")
    all_tokens_per_day: int = _setting(
        5_000_000, "Tokens that the whole deployment may cost in a day, remembering included"
    )
    message_characters: int = _setting(32_000, "Characters in one message")
    memories_per_person: int = _setting(5_000, "Memories kept about one person")
    uploads_per_day: int = _setting(50, "Files one person may give it in a day")
    data_dir: Path = _setting(Path(".keepsake"), "Where the local servers keep their data")
    port: int = _setting(8501, "The port `make run` serves the app on")

    @property
    def hosted(self) -> bool:
        """Whether an account is configured, so that nothing local is needed."""
        return self.supabase_url is not None

    @property
    def has_model(self) -> bool:
        """Whether there is a model to reply with."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def has_embedder(self) -> bool:
        """Whether there is an address to ask for vectors."""
        return self.embed_base_url is not None or self.has_model

    def check(self) -> Settings:
        """Raise `SettingsError` for a combination that cannot work; return self otherwise."""
        self._check_keys()
        self._check_admission()
        if (self.price_in is None) != (self.price_out is None):
            raise SettingsError("PRICE_IN and PRICE_OUT go together: one of them is missing.")
        if self.supabase_url or self.supabase_key:
            self.check_account()
        if self.hosted and not self.has_embedder:
            raise SettingsError(
                "OPENAI_API_KEY is missing: memories need an embedding model "
                "(set OPENAI_API_KEY, or OPENAI_BASE_URL, or EMBED_BASE_URL)."
            )
        return self

    def check_account(self) -> Settings:
        """Raise unless an account is configured as a whole, or not at all; the library needs no account."""
        together = {
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_KEY": self.supabase_key,
            "DATABASE_URL": self.database_url,
        }
        missing = [name for name, value in together.items() if value is None]
        if missing and len(missing) < len(together):
            present = " and ".join(name for name, value in together.items() if value is not None)
            verb = "is" if len(missing) == 1 else "are"
            raise SettingsError(f"{' and '.join(missing)} {verb} missing: {present} is set, and they go together.")
        return self

    def _check_keys(self) -> None:
        if self.supabase_url and not self.supabase_url.startswith(("http://", "https://")):
            raise SettingsError("SUPABASE_URL must begin with https:// (or http:// on your own machine).")
        if self.supabase_key and _is_secret_key(self.supabase_key):
            raise SettingsError(
                "SUPABASE_KEY holds a secret key: use the publishable one (sb_publishable_…), "
                "a secret key would bypass every wall between users."
            )
        for name in ("database_url", "database_admin_url"):
            url = getattr(self, name)
            if url and not url.startswith(("postgres://", "postgresql://", "postgresql+")):
                raise SettingsError(
                    f"{name.upper()} must be a Postgres address: postgresql://user:password@host:5432/postgres."
                )
        for name in ("openai_base_url", "embed_base_url"):
            url = getattr(self, name)
            if url and not url.startswith(("http://", "https://")):
                raise SettingsError(f"{name.upper()} must begin with http:// or https://.")

    def _check_admission(self) -> None:
        if self.admission not in ADMISSIONS:
            raise SettingsError(f"ADMISSION is one of {', '.join(ADMISSIONS)}, not {self.admission!r}.")
        if self.admission == "list" and not self.admitted:
            raise SettingsError("ADMITTED is missing: with ADMISSION=list it says who may come in.")
        if self.admitted and not all("@" in each for each in self.admitted.split(",") if each.strip()):
            raise SettingsError("ADMITTED is a list of addresses and domains: dave@example.com, @example.org.")

    @classmethod
    def read(cls, *sources: Mapping[str, Any]) -> Settings:
        """Build from the first source that has each name; empty values count as unset."""
        values: dict[str, Any] = {}
        for each in fields(cls):
            raw = _first(each.name.upper(), sources)
            if raw is not None:
                values[each.name] = _convert(each.name, raw)
        return cls(**values).check()


def _first(name: str, sources: tuple[Mapping[str, Any], ...]) -> str | None:
    for source in sources:
        value = str(source.get(name) or "").strip()
        if value:
            return value
    return None


def _convert(name: str, raw: str) -> str | int | float | Path:
    if name == "data_dir":
        return Path(raw).expanduser()
    if name in NUMBERS:
        least, largest = NUMBERS[name]
        if not (raw.isascii() and raw.isdecimal()) or not least <= int(raw) <= largest:
            raise SettingsError(f"{name.upper()} must be a whole number from {least} to {largest}, not {raw!r}.")
        return int(raw)
    if name in ("price_in", "price_out"):
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,9})?", raw) or float(raw) > MOST_DOLLARS:
            raise SettingsError(f"{name.upper()} must be an amount in dollars such as 0.75, not {raw!r}.")
        return float(raw)
    if "\x00" in raw or "\n" in raw:
        raise SettingsError(f"{name.upper()} has a line break in it: it must be one line.")
    return raw


def _is_secret_key(key: str) -> bool:
    """Whether a Supabase key bypasses row-level security: the new kind says so, the old kind is a token."""
    if key.startswith("sb_secret_"):
        return True
    _, _, rest = key.partition(".")
    payload = rest.partition(".")[0]
    try:
        return bool(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["role"] == "service_role")
    except (ValueError, KeyError, TypeError):
        return False


def _streamlit_secrets() -> Mapping[str, Any]:
    """Streamlit's secrets, where Streamlit is running and has any."""
    if "streamlit" not in sys.modules:
        return {}
    import streamlit as st
    from streamlit.errors import StreamlitSecretNotFoundError

    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        # It says the same for a file that is not there and for one it cannot read.
        if isinstance(error.__cause__ or error.__context__, FileNotFoundError) or "No secrets" in str(error):
            return {}
        raise SettingsError('Streamlit\'s secrets cannot be read: check that they are TOML, NAME = "value".') from error


def _sources() -> tuple[Mapping[str, Any], ...]:
    return os.environ, dotenv_values(".env"), _streamlit_secrets()


def chosen(name: str) -> bool:
    """Whether the person set this one, rather than its default standing in."""
    return _first(name.upper(), _sources()) is not None


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.read(*_sources())
