"""Reads and saves a person's preferences for all chats (model, tone, language, memory, retention), and chats' switches.

This module only stores them. The prompt, the queue and the retention sweep act on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection, text

from chat.tree import Switches, valid_id
from memory.database import Database
from memory.database.batched_reads import Reading
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = [
    "KEPT_DAYS",
    "LANGUAGES",
    "MAX_INSTRUCTIONS",
    "MINE",
    "TONES",
    "PreferenceStore",
    "Preferences",
    "SwitchStore",
    "memory_off",
    "preferences_reading",
]

MAX_INSTRUCTIONS = 2_000
MAX_MODEL = 200
MAX_DAYS = 36_500
MINE = "mine"  # the language that the person writes in
# The sentence that each tone adds to the prompt; the first adds none.
TONES: Mapping[str, str] = MappingProxyType(
    {
        "as it is": "",
        "brief": "Answer in as few words as the question allows; no preamble, no summary at the end.",
        "thorough": "Answer in depth: explain why, give an example, and name what speaks against it.",
        "friendly": "Be warm and personal, as a good friend who takes an interest.",
        "matter-of-fact": "Be sober and precise: facts before feelings, no exclamation marks, no emoji.",
        "patient": "Explain as to somebody who meets the subject for the first time, one step after the other.",
        "playful": "Be light and witty, without losing the point.",
    }
)
# The languages that a person can choose for replies, as the prompt names them.
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "ar": "Arabic",
        "bn": "Bengali",
        "cs": "Czech",
        "da": "Danish",
        "de": "German",
        "el": "Greek",
        "en": "English",
        "es": "Spanish",
        "fi": "Finnish",
        "fr": "French",
        "he": "Hebrew",
        "hi": "Hindi",
        "hu": "Hungarian",
        "id": "Indonesian",
        "it": "Italian",
        "ja": "Japanese",
        "ko": "Korean",
        "nb": "Norwegian",
        "nl": "Dutch",
        "pl": "Polish",
        "pt": "Portuguese",
        "ro": "Romanian",
        "sv": "Swedish",
        "tr": "Turkish",
        "uk": "Ukrainian",
        "vi": "Vietnamese",
        "zh": "Chinese",
    }
)
# The choices of the settings page: after how many days without a message a chat is erased; None: never.
KEPT_DAYS = (None, 365, 90, 30, 7)


@dataclass(frozen=True)
class Preferences:
    """A person's preferences; a field they have not set has its default."""

    model: str | None = None  # None: the deployment's model
    tone: str = "as it is"
    instructions: str = ""
    language: str = MINE
    reads_memory: bool = True  # if off, it is off in every chat
    writes_memory: bool = True
    keep_days: int | None = None  # since the last message; None: for ever
    model_notice_closed: bool = False  # the notice that no language model is connected


def preferences_reading() -> Reading[Preferences]:
    """Read the user's preferences, together with other readings or alone."""
    return Reading(
        "select model, tone, instructions, language, reads_memory, writes_memory, keep_days, model_notice_closed"
        " from app.preferences",
        make=lambda rows: _without_unknown(Preferences(**rows[0])) if rows else Preferences(),
    )


class PreferenceStore:
    """Reads and writes one user's preferences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Preferences:
        """Return the user's preferences."""
        return self._database.read(user_id, preferences_reading())

    def set(self, user_id: str, preferences: Preferences) -> None:
        """Check and save the user's preferences."""
        kept = asdict(_checked(preferences))
        with self._database.as_user(user_id) as connection:
            connection.execute(_SET, kept)

    def close_model_notice(self, user_id: str) -> None:
        """Note that the person has closed the notice that no language model is connected."""
        with self._database.as_user(user_id) as connection:
            connection.execute(_CLOSE_NOTICE)


_CLOSE_NOTICE = text(
    "insert into app.preferences (model_notice_closed) values (true)"
    " on conflict (user_id) do update set model_notice_closed = true"
)
_SET = text(
    "insert into app.preferences (model, tone, instructions, language, reads_memory, writes_memory, keep_days,"
    " model_notice_closed) values"
    " (:model, :tone, :instructions, :language, :reads_memory, :writes_memory, :keep_days, :model_notice_closed)"
    " on conflict (user_id) do update set model = :model, tone = :tone, instructions = :instructions,"
    " language = :language, reads_memory = :reads_memory, writes_memory = :writes_memory, keep_days = :keep_days,"
    " model_notice_closed = :model_notice_closed, updated_at = now()"
)


def _without_unknown(saved: Preferences) -> Preferences:
    """Return the preferences without a tone or language that this version of the app does not know."""
    tone = saved.tone if saved.tone in TONES else Preferences.tone
    return replace(saved, tone=tone, language=saved.language if saved.language in LANGUAGES else MINE)


def _checked(wanted: Preferences) -> Preferences:
    """Return the preferences as they are saved; raise `InvalidInput` for a value that is not allowed."""
    if wanted.tone not in list(TONES):
        raise InvalidInput(f"The tone is one of {', '.join(TONES)}.")
    if wanted.language != MINE and wanted.language not in list(LANGUAGES):
        raise InvalidInput("The language of replies is your own or one of the list.")
    days = wanted.keep_days
    if days is not None and (type(days) is not int or not 1 <= days <= MAX_DAYS):
        raise InvalidInput(f"Chats are kept forever, or for 1 to {MAX_DAYS:,} days.")
    if not all(isinstance(each, bool) for each in (wanted.reads_memory, wanted.writes_memory)):
        raise InvalidInput("Reading and writing memories is on or off.")
    return replace(wanted, model=_model(wanted.model), instructions=_instructions(wanted.instructions))


def _model(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_MODEL or storable(name) != name:
        raise InvalidInput("This is not the name of a model.")
    return name


def _instructions(words: object) -> str:
    if not isinstance(words, str):
        raise InvalidInput("Instructions are words.")
    kept = storable(words).strip()
    if len(kept) > MAX_INSTRUCTIONS:
        raise InvalidInput(
            f"Your instructions have {len(kept):,} characters. The limit is {MAX_INSTRUCTIONS:,}. Nothing was saved."
        )
    return kept


def memory_off(preferences: Preferences, switches: Switches) -> Literal["chat", "settings"] | None:
    """Return where reading memory is switched off: in the chat or in the person's settings; None if it is on."""
    if not switches.reads:
        return "chat"
    return None if preferences.reads_memory else "settings"


class SwitchStore:
    """Reads and sets the switches of one user's chats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str, conversation_id: str) -> Switches:
        """Return the switches of a chat; raise `NotFound` if it is not the user's."""
        rows = self._database.read_as(
            user_id,
            "select reads_memory, writes_memory, temporary from app.conversations where id = %(id)s::uuid",
            {"id": valid_id(conversation_id)},
        )
        if not rows:
            raise NotFound("There is no such chat.")
        return Switches(**rows[0])

    def set(self, user_id: str, conversation_id: str, switches: Switches) -> None:
        """Set a chat's switches; they count from the next message on."""
        with self._database.as_user(user_id) as connection:
            self.put(connection, conversation_id, switches)

    def put(self, connection: Connection, conversation_id: str, switches: Switches) -> None:
        """Set a chat's switches inside the caller's transaction."""
        changed = connection.execute(_SET_SWITCHES, {"id": valid_id(conversation_id), **asdict(switches)})
        if changed.rowcount != 1:
            raise NotFound("There is no such chat.")


_SET_SWITCHES = text(
    "update app.conversations set reads_memory = :reads_memory, writes_memory = :writes_memory, temporary = :temporary"
    " where id = cast(:id as uuid)"
)
