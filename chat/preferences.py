"""What a person set for all their chats: who replies and how, whether memory is read and written, how long chats stay.

The only place with SQL about it. It carries nothing out: the prompt, the turn and the sweep do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

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
    "REMEMBERING",
    "TONES",
    "PreferenceStore",
    "Preferences",
    "SwitchStore",
    "may_read",
    "preferences_reading",
]

MAX_INSTRUCTIONS = 2_000
MAX_MODEL = 200
MAX_DAYS = 36_500
MINE = "mine"
# What each tone asks of the model; one that asks for nothing leaves it as it is.
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
# The languages a reply can be asked for, as the model is told them.
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
# What is offered of how many days after the last message chats go; None is never.
KEPT_DAYS = (None, 365, 90, 30, 7)


@dataclass(frozen=True)
class Preferences:
    """One person's; the defaults where they have set nothing."""

    model: str | None = None  # None: the deployment's own
    tone: str = "as it is"
    instructions: str = ""
    language: str = MINE  # "mine": the one that is written in
    reads_memory: bool = True  # off here is off in every chat
    writes_memory: bool = True
    keep_days: int | None = None  # since the last message; None: for ever


def preferences_reading() -> Reading[Preferences]:
    """What whoever asks has set, to be read with other things."""
    return Reading(
        "select model, tone, instructions, language, reads_memory, writes_memory, keep_days from app.preferences",
        make=lambda rows: _known(Preferences(**rows[0])) if rows else Preferences(),
    )


class PreferenceStore:
    """Reads and writes one user's preferences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Preferences:
        """The person's preferences, in one trip."""
        return self._database.read(user_id, preferences_reading())

    def set(self, user_id: str, preferences: Preferences) -> None:
        """Keep the person's preferences."""
        kept = asdict(_checked(preferences))
        with self._database.as_user(user_id) as connection:
            connection.execute(_SET, kept)


_SET = text(
    "insert into app.preferences (model, tone, instructions, language, reads_memory, writes_memory, keep_days)"
    " values (:model, :tone, :instructions, :language, :reads_memory, :writes_memory, :keep_days)"
    " on conflict (user_id) do update set model = :model, tone = :tone, instructions = :instructions,"
    " language = :language, reads_memory = :reads_memory, writes_memory = :writes_memory, keep_days = :keep_days,"
    " updated_at = now()"
)


def _known(kept: Preferences) -> Preferences:
    """The same, without a tone or language that another version of this app had."""
    tone = kept.tone if kept.tone in TONES else Preferences.tone
    return replace(kept, tone=tone, language=kept.language if kept.language in LANGUAGES else MINE)


def _checked(given: Preferences) -> Preferences:
    """The same, fit to be kept; what cannot be is refused with a sentence."""
    if given.tone not in list(TONES):
        raise InvalidInput(f"The tone is one of {', '.join(TONES)}.")
    if given.language != MINE and given.language not in list(LANGUAGES):
        raise InvalidInput("The language of replies is yours, or one of the list.")
    days = given.keep_days
    if days is not None and (type(days) is not int or not 1 <= days <= MAX_DAYS):
        raise InvalidInput(f"Chats are kept for ever, or for 1 to {MAX_DAYS:,} days.")
    if not all(isinstance(each, bool) for each in (given.reads_memory, given.writes_memory)):
        raise InvalidInput("Reading and writing memories is on or off.")
    return Preferences(
        _model(given.model),
        given.tone,
        _instructions(given.instructions),
        given.language,
        given.reads_memory,
        given.writes_memory,
        given.keep_days,
    )


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
            f"Your instructions have {len(kept):,} characters; at most {MAX_INSTRUCTIONS:,} fit. Nothing was saved."
        )
    return kept


# Whether a new message of :conversation waits to be remembered; for the statement that saves it. Off for the person is
# off in every chat.
REMEMBERING = (
    "case when :role = 'user' and (select writes_memory and not temporary from app.conversations"
    " where id = cast(:conversation as uuid))"
    " and coalesce((select writes_memory from app.preferences where user_id = app.asking()), true)"
    " then 'waiting' else 'none' end"
)


def may_read(preferences: Preferences, *, in_this_chat: bool = True) -> bool:
    """Whether a reply may be told what is remembered; off for the person is off in every chat."""
    return preferences.reads_memory and in_this_chat


class SwitchStore:
    """One user's chats at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str, conversation_id: str) -> Switches:
        """How a chat stands to memory; `NotFound` if it is not the user's."""
        rows = self._database.read_as(
            user_id,
            "select reads_memory, writes_memory, temporary from app.conversations where id = %(id)s::uuid",
            {"id": valid_id(conversation_id)},
        )
        if not rows:
            raise NotFound("There is no such chat.")
        return Switches(**rows[0])

    def set(self, user_id: str, conversation_id: str, switches: Switches) -> None:
        """Switch a chat, from its next message on."""
        with self._database.as_user(user_id) as connection:
            self.put(connection, conversation_id, switches)

    def put(self, connection: Connection, conversation_id: str, switches: Switches) -> None:
        """The same inside a transaction of the caller."""
        done = connection.execute(
            text(
                "update app.conversations set reads_memory = :reads, writes_memory = :writes, temporary = :temporary"
                " where id = cast(:id as uuid)"
            ),
            {
                "id": valid_id(conversation_id),
                "reads": switches.reads_memory,
                "writes": switches.writes_memory,
                "temporary": switches.temporary,
            },
        )
        if done.rowcount != 1:
            raise NotFound("There is no such chat.")
