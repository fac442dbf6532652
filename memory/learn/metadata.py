"""The metadata of a memory's row, in mem0's flat form: of a new memory, a learned one, and one with new words.

Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..facts import Fact, Said, Write, content_hash
from ..rows.bulk import Row

__all__ = ["learned_metadata", "new_metadata", "reworded", "rows_as_said"]

# What was drawn from the old words; new words have other sources.
_DRAWN_FROM_WORDS = (
    *("quote", "message_id", "source", "happened_at"),
    *("language", "entities", "relations", "text_lemmatized"),
)


def new_metadata(user_id: str, text: str, said: Said) -> dict[str, Any]:
    """What every row has; keys without a value are absent rather than null, as mem0 wants it."""
    row = {"data": text, "user_id": user_id, "hash": content_hash(text)}
    # In UTC, so that the order of the texts is the order in time.
    moment = said.at.astimezone(UTC).isoformat()
    row |= {"created_at": moment, "updated_at": moment}
    row |= {"actor_id": said.name} if said.name else {}
    return row | ({"run_id": said.run_id} if said.run_id else {})


def learned_metadata(write: Write) -> dict[str, Any]:
    """What a memory that was learned has besides: its kind, its quote, and what the quote tells."""
    known: dict[str, Any] = {
        "kind": write.kind,
        "quote": write.quote,
        "message_id": write.said.message_id,
        "happened_at": write.happened_at,
        "confirmed_at": write.said.at.astimezone(UTC).isoformat(),
        "language": write.language,
        "entities": [list(names) for names in write.entities] or None,
        "relations": [list(relation) for relation in write.relations] or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def reworded(fact: Fact, text: str, at: datetime) -> dict[str, Any]:
    """A memory's metadata with new words, without what was drawn from the old ones."""
    kept = {key: value for key, value in fact.metadata.items() if key not in _DRAWN_FROM_WORDS}
    return {**kept, "data": text, "hash": content_hash(text), "updated_at": at.astimezone(UTC).isoformat()}


def rows_as_said(said: Sequence[Said], user_id: str, extra: Mapping[str, Any]) -> list[Row]:
    """A row for each message as it was said, with its role; a message that has an id is kept only once."""
    return [
        Row(
            {
                **new_metadata(user_id, each.content, each),
                **({"message_id": each.message_id} if each.message_id else {}),
                **extra,
                "role": each.role,
            },
            each.message_id,
        )
        for each in said
    ]
