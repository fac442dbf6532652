"""The settings of the app: those of the memory layer (memory/settings.py) and the app's own, read once.

Settings that do not fit together are refused with one sentence that says what is missing. (Streamlit itself puts its
top-level secrets into the environment when it starts a script.)
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from functools import cache
from typing import Self
from urllib.parse import urlsplit

from memory.errors import SettingsError
from memory.settings import MemorySettings, setting, sources

__all__ = ["Settings", "settings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOG_FORMATS = ("text", "json")
SHORTEST_TOKEN = 16  # characters of METRICS_TOKEN
ADMISSIONS = ("open", "invitation", "list")


@dataclass(frozen=True, kw_only=True)
class Settings(MemorySettings):
    """One field for each setting; the environment's name is the field's in capitals."""

    supabase_url: str | None = setting(None, "The project's address, `https://….supabase.co`")
    supabase_key: str | None = setting(None, "Its publishable key, `sb_publishable_…`; never a secret key", secret=True)
    chat_models: str | None = setting(
        None, "The models people may choose from, separated by commas; if unset, every model the address lists"
    )
    second_looks: int = setting(
        2, "How often the model may search the memories again for one reply, with other words; 0: never", between=(0, 2)
    )
    price_in: float | None = setting(
        None, "Dollars for a million tokens that `CHAT_MODEL` reads; with `PRICE_OUT`, receipts show what a reply cost"
    )
    price_out: float | None = setting(None, "Dollars for a million tokens that `CHAT_MODEL` writes")
    admission: str = setting(
        "open", "Who may make an account: `open` to all, by `invitation`, or only people on a `list` (`ADMITTED`)"
    )
    admitted: str | None = setting(
        None, "With `ADMISSION=list`: email addresses and domains, `dave@example.com, @example.org`"
    )
    trusted_proxies: str | None = setting(
        None, "Proxies whose X-Forwarded-For header is believed: addresses or networks, `10.0.0.0/8`"
    )
    sign_in_attempts: int = setting(
        10,
        "Attempts to sign in with one email address in 15 minutes; ten times as many from one network address",
        between=(0, 1_000_000),
    )
    messages_per_minute: int = setting(20, "Messages one person may send in a minute", between=(0, 1_000_000))
    messages_per_day: int = setting(1_000, "Messages one person may send in a day", between=(0, 1_000_000))
    tokens_per_day: int = setting(
        1_000_000,
        "Tokens that what one person asks for may use in a day: replies, imports, tidying",
        between=(0, 10**12),
    )
    memory_tokens_per_day: int = setting(
        500_000,
        "Tokens that remembering one person's chats may use in a day; what exceeds it waits until the next day",
        between=(0, 10**12),
    )
    all_tokens_per_day: int = setting(
        5_000_000, "Tokens that the whole deployment may use in a day, remembering included", between=(0, 10**12)
    )
    message_characters: int = setting(32_000, "Characters in one message", between=(1, 32_000))
    memories_per_person: int = setting(5_000, "Memories kept about one person", between=(0, 1_000_000))
    uploads_per_day: int = setting(50, "Files one person may upload in a day", between=(0, 1_000_000))
    megabytes_per_person: int = setting(100, "Megabytes of attached files kept for one person", between=(0, 1_000_000))
    people_at_once: int = setting(
        0,
        "Browsers that may have the app open at once; whoever comes then gets a place in line; with 0, everybody may",
        between=(0, 100_000),
    )
    port: int = setting(8501, "The port on which `make run` serves the app", between=(1, 65_535))
    api_port: int = setting(
        8502, "The port on which other programs reach the memory; with 0, `make run` starts no API", between=(0, 65_535)
    )
    api_calls_per_minute: int = setting(
        600, "Calls that other programs may make for one person in a minute", between=(0, 1_000_000)
    )
    application_calls_per_minute: int = setting(
        6_000, "Calls that one application may make for all its users together in a minute", between=(0, 1_000_000)
    )
    metrics_token: str | None = setting(
        None,
        "The bearer token with which Prometheus reads `/metrics`; if unset, there are no metrics to read",
        secret=True,
    )
    log_format: str = setting("text", "The form of log lines: `text`, or `json` with one object a line")

    @property
    def hosted(self) -> bool:
        """Whether an account is configured, so that nothing local is needed."""
        return self.supabase_url is not None

    @property
    def local(self) -> bool:
        """Whether `make run` serves the app on this machine: the auth server's key is the one in the data folder.

        No setting says so, so that nobody can make a hosted app a local one by mistake.
        """
        host = urlsplit(self.supabase_url or "").hostname
        try:
            kept = json.loads((self.data_dir.expanduser() / "keys.json").read_text("utf-8"))
            return host in LOOPBACK and bool(self.supabase_key) and kept["publishable_key"] == self.supabase_key
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def check(self) -> Self:
        """Raise `SettingsError` if settings do not fit together; return self otherwise."""
        super().check()
        self._check_keys()
        self._check_admission()
        self._check_monitoring()
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

    def check_account(self) -> Self:
        """Raise `SettingsError` if an account is configured only in part; return self otherwise."""
        together = {
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_KEY": self.supabase_key,
            "DATABASE_URL": self.database_url,
        }
        missing = [name for name, value in together.items() if value is None]
        if missing and len(missing) < len(together):
            present = " and ".join(name for name in together if name not in missing)
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

    def _check_monitoring(self) -> None:
        if self.log_format not in LOG_FORMATS:
            raise SettingsError(f"LOG_FORMAT is one of {', '.join(LOG_FORMATS)}, not {self.log_format!r}.")
        if self.metrics_token and (len(self.metrics_token) < SHORTEST_TOKEN or not self.metrics_token.isascii()):
            raise SettingsError(
                f"METRICS_TOKEN must have {SHORTEST_TOKEN} characters or more, all of them ASCII: "
                "openssl rand -hex 32 makes one."
            )

    def _check_admission(self) -> None:
        if self.admission not in ADMISSIONS:
            raise SettingsError(f"ADMISSION is one of {', '.join(ADMISSIONS)}, not {self.admission!r}.")
        if self.admission == "list" and not self.admitted:
            raise SettingsError("ADMITTED is missing: with ADMISSION=list it lists who may make an account.")
        if self.admitted and not all("@" in each for each in self.admitted.split(",") if each.strip()):
            raise SettingsError("ADMITTED is a list of addresses and domains: dave@example.com, @example.org.")


def _is_secret_key(key: str) -> bool:
    """Return whether a Supabase key bypasses row-level security: new keys say so, old ones are tokens with a role."""
    if key.startswith("sb_secret_"):
        return True
    _, _, rest = key.partition(".")
    payload = rest.partition(".")[0]
    try:
        return bool(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["role"] == "service_role")
    except (ValueError, KeyError, TypeError):
        return False


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.read(*sources())
