"""Whether a person agreed to what is kept about them and who sees it; the words themselves are the page's.

The only place with SQL about consents. Nobody agrees for somebody else: row-level security has it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import text

from memory.database import Database
from settings import Settings

__all__ = ["Consents", "Provider", "providers"]

# Of the words in ui/consent.py. Whoever agreed to older ones is asked again.
VERSION = 2


class Consents:
    """One person's at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_agreed(self, user_id: str) -> bool:
        """Whether this person agreed to the words as they are now."""
        rows = self._database.read_as(
            user_id, "select exists (select from app.consents where version >= %(version)s) as agreed", _NOW
        )
        return bool(rows[0]["agreed"])

    def record_consent(self, user_id: str) -> None:
        """Note that this person agrees."""
        with self._database.as_user(user_id) as connection:
            connection.execute(
                text(
                    "insert into app.consents (version) values (:version)"
                    " on conflict (user_id) do update set version = excluded.version, agreed_at = now()"
                ),
                _NOW,
            )


_NOW = {"version": VERSION}


@dataclass(frozen=True)
class Provider:
    """Who is sent something: by name, or None where it does not leave this machine."""

    replies: str | None
    vectors: str | None
    has_model: bool


def providers(settings: Settings) -> Provider:
    """Who sees a person's words, as the settings have it."""
    replies = _name(settings.openai_base_url) if settings.has_model else None
    vectors = _name(settings.embed_base_url or settings.openai_base_url) if settings.has_embedder else None
    return Provider(replies, vectors, settings.has_model)


def _name(url: str | None) -> str | None:
    """The provider at an address, as a person would name it."""
    host = urlsplit(url).hostname if url else "api.openai.com"
    if host == "api.openai.com":
        return "OpenAI"
    return None if host is None or _is_here(host) else host


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
