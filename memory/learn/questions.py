""" "Which is right?": contradictions the model is not sure of, put to the person, and what their answer does.

It keeps and answers questions; whether there is one is decided by the model and reconcile.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, text

from ..database import Database, Reading
from ..errors import InvalidInput, NotFound
from ..facts import Fact, Write

__all__ = ["CHOICES", "Choice", "Question", "Questions", "open_questions"]

Choice = Literal["new", "old", "both", "neither"]
CHOICES: tuple[Choice, ...] = ("new", "old", "both", "neither")
FIELDS = (
    "id::text, memory_id, (select metadata ->> 'data' from vecs.memories kept where kept.id = memory_id) as known,"
    " proposed, message_id, asked_at"
)


@dataclass(frozen=True)
class Question:
    """A memory, and what was said that does not go with it."""

    id: str
    memory_id: str
    known: str | None
    proposed: Mapping[str, Any]
    message_id: str | None
    asked_at: datetime

    @property
    def text(self) -> str:
        """What was said that contradicts the memory."""
        return str(self.proposed["text"])


def open_questions() -> Reading[list[Question]]:
    """The questions that wait for an answer, the oldest first."""
    sql = f"select {FIELDS} from app.questions where answer is null order by asked_at, id"
    return Reading(sql, lambda rows: [Question(**row) for row in rows], {}, ("asked_at",))


class Questions:
    """One user's open questions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, user_id: str) -> list[Question]:
        """The questions that wait for an answer, the oldest first."""
        return self._database.read(user_id, open_questions())

    def ask(self, connection: Connection, fact: Fact, write: Write) -> None:
        """Put a question, unless the same one is open."""
        proposed = {"text": write.text, "kind": write.kind, "quote": write.quote, "happened_at": write.happened_at}
        proposed |= {"language": write.language, "said_at": write.said.at.isoformat()}
        connection.execute(
            text(
                "insert into app.questions (memory_id, proposed, message_id)"
                " select :memory_id, cast(:proposed as jsonb), :message_id where not exists ("
                "  select from app.questions where memory_id = :memory_id and answer is null"
                "  and proposed ->> 'text' = cast(:proposed as jsonb) ->> 'text')"
            ),
            {"memory_id": fact.id, "proposed": json.dumps(proposed), "message_id": write.said.message_id},
        )

    def erase(self, connection: Connection, messages: Sequence[str], memory_ids: Sequence[str]) -> int:
        """Take away the questions that these messages raised, and those about these memories, answered or not."""
        gone = text("delete from app.questions where message_id = any(:messages) or memory_id = any(:ids)")
        return connection.execute(gone, {"messages": list(messages), "ids": list(memory_ids)}).rowcount

    def take(self, connection: Connection, question_id: str, choice: Choice) -> Question:
        """Note the answer and give the question back, so that what it says can be done; once only."""
        if choice not in CHOICES:
            raise InvalidInput(f"The answer is one of {', '.join(CHOICES)}.")
        row = (
            connection.execute(
                text(
                    "update app.questions set answer = :choice, answered_at = now()"
                    f" where id = cast(:id as uuid) and answer is null returning {FIELDS}"
                ),
                {"id": _uuid(question_id), "choice": choice},
            )
            .mappings()
            .first()
        )
        if row is None:
            raise NotFound("There is no such open question.")
        return Question(**row)


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound("There is no such open question.") from error
