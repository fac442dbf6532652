"""Records who agreed to what is stored about them, and names the providers that see their words.

The text that people agree to is in ui/consent.py. Row-level security lets people give consent for themselves only.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import text

from memory.database import Database, Reading
from settings import Settings

__all__ = ["Consents", "Providers", "providers"]

_AGREED = "select exists (select from app.consents where version >= %(version)s) as agreed"
VERSION = 2  # of the text in ui/consent.py; people who agreed to an older version are asked again


class Consents:
    """Reads and records the consent of one person at a time, and tells who came first."""

    def __init__(self, database: Database, version: int = VERSION) -> None:
        self._database = database
        self.version = version

    def has_agreed(self, user_id: str) -> bool:
        """Return whether this person agreed to the current version of the text."""
        return self._database.read(user_id, self.agreement())

    def agreement(self) -> Reading[bool]:
        """Read whether a person agreed to the current version of the text."""
        return Reading(_AGREED, lambda rows: bool(rows[0]["agreed"]), {"version": self.version})

    def has_ever_agreed(self, user_id: str) -> bool:
        """Return whether this person agreed to any version of the text, and so was let in before."""
        return bool(self._database.read_as(user_id, _AGREED, {"version": 0})[0]["agreed"])

    def record_consent(self, user_id: str) -> None:
        """Record that this person agrees to the current version."""
        with self._database.as_user(user_id) as connection:
            connection.execute(
                text(
                    "insert into app.consents (version) values (:version)"
                    " on conflict (user_id) do update set version = excluded.version, agreed_at = now()"
                ),
                {"version": self.version},
            )

    def has_people(self) -> bool:
        """Return whether anybody has made an account here."""
        [row] = self._database.read_as_worker("select app.has_people() as people", {})
        return bool(row["people"])

    def came_first(self, user_id: str) -> bool:
        """Return whether this person was the first here to agree."""
        return bool(self._database.read_as(user_id, "select app.came_first() as first")[0]["first"])


@dataclass(frozen=True)
class Providers:
    """The providers that a person's words are sent to, by name; None if nothing leaves this machine."""

    replies: str | None
    vectors: str | None
    has_model: bool


def providers(settings: Settings) -> Providers:
    """Return which providers see a person's words, according to the settings."""
    replies = _name(settings.openai_base_url) if settings.has_model else None
    vectors = _name(settings.embed_base_url or settings.openai_base_url) if settings.has_embedder else None
    return Providers(replies, vectors, settings.has_model)


def _name(url: str | None) -> str | None:
    """Return the name of the provider at a URL, as a person would say it; None for this machine."""
    host = urlsplit(url).hostname if url else "api.openai.com"
    if host == "api.openai.com":
        return "OpenAI"
    return None if host is None or _is_this_machine(host) else host


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
