"""Builds the metadata of a memory's row, in mem0's flat form: for a new, a learned or a reworded memory.

It neither reads nor writes the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..facts import Fact, Said, Write, content_hash
from ..rows.bulk import Row
from .mentions import Mentions, mentioned, same_days

__all__ = ["learned_metadata", "new_metadata", "reworded", "rewritten", "rows_as_said"]

# Keys that were derived from the old words, and are wrong for new words.
_DERIVED_FROM_WORDS = (
    *("quote", "quotes", "message_id", "source", "happened_at", "told_at"),
    *("language", "entities", "relations", "text_lemmatized"),
)


def new_metadata(user_id: str, text: str, said: Said) -> dict[str, Any]:
    """Build the keys that every row has; keys without a value are absent rather than null, as in mem0."""
    row = {"data": text, "user_id": user_id, "hash": content_hash(text)}
    # In UTC, so that the order of the texts is the order in time.
    moment = said.at.astimezone(UTC).isoformat()
    row |= {"created_at": moment, "updated_at": moment}
    row |= {"actor_id": said.name} if said.name else {}
    return row | ({"run_id": said.run_id} if said.run_id else {})


def learned_metadata(write: Write) -> dict[str, Any]:
    """Build the additional keys of a learned memory: its kind, its quote, and what follows from the quote."""
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


def reworded(fact: Fact, text: str, at: datetime, run_id: str | None = None) -> dict[str, Any]:
    """Build the metadata of a memory with new words, without the keys that were derived from the old ones.

    `run_id` is the chat in which the new words were said; None if the person wrote them.
    """
    kept = {key: value for key, value in fact.metadata.items() if key not in _DERIVED_FROM_WORDS}
    row = {**kept, "data": text, "hash": content_hash(text), "updated_at": at.astimezone(UTC).isoformat()}
    # In another program's row, `run_id` is the scope that the row belongs to.
    if "kind" in kept or "run_id" not in kept:
        row.pop("run_id", None)
        row |= {"run_id": run_id} if run_id else {}
    return row


def rewritten(fact: Fact, text: str, read: Mentions) -> dict[str, Any]:
    """Build the metadata of a memory whose words the person changed; `read` was read from the new words.

    The day that it is about stays, unless the words name days and name them differently now.
    """
    row = {**reworded(fact, text, datetime.now(UTC)), **mentioned(fact, text, read), "source": "person"}
    same = same_days(fact.text, text)
    derived = {
        "happened_at": fact.metadata.get("happened_at") if same else read.happened_at,
        "language": read.language or fact.metadata.get("language"),
    }
    return row | {key: value for key, value in derived.items() if value}


def rows_as_said(said: Sequence[Said], user_id: str, extra: Mapping[str, Any]) -> list[Row]:
    """Build a row for each message as it was said, but not for an assistant's instructions (system).

    A message that has an id is kept only once.
    """
    return [
        Row(
            {
                **new_metadata(user_id, message.content, message),
                **({"message_id": message.message_id} if message.message_id else {}),
                **extra,
                "role": message.role,
            },
            message.message_id,
        )
        for message in said
        if message.role != "system"
    ]
