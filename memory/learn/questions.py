"""Asks the person "Which is right?" about contradictions, and changes the memories as they answer.

The model and reconcile.py decide whether there is a contradiction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from .. import arguments
from ..database import Database, Reading
from ..embed import Embedder
from ..errors import InvalidInput, NotFound
from ..facts import Fact, Said, Write, content_hash
from ..rows.store import Store
from .mentions import Mentions, mentioned
from .metadata import new_metadata, reworded

__all__ = ["CHOICES", "Choice", "Question", "Questions", "open_questions"]

Choice = Literal["new", "old", "both", "neither"]
CHOICES: tuple[Choice, ...] = ("new", "old", "both", "neither")
FIELDS = (
    "id::text, memory_id, (select metadata ->> 'data' from vecs.memories kept where kept.id = memory_id) as known,"
    " proposed, message_id, asked_at"
)


@dataclass(frozen=True)
class Question:
    """A question about a memory and a new statement that contradicts it."""

    id: str
    memory_id: str
    known: str | None
    proposed: Mapping[str, Any]
    message_id: str | None
    asked_at: datetime

    @property
    def text(self) -> str:
        """The new statement, which contradicts the memory."""
        return str(self.proposed["text"])


def open_questions() -> Reading[list[Question]]:
    """Read the questions that wait for an answer, the oldest first."""
    sql = f"select {FIELDS} from app.questions where answer is null order by asked_at, id"
    return Reading(sql, lambda rows: [Question(**row) for row in rows], {}, ("asked_at",))


class Questions:
    """Asks one user at a time, and carries out what they answer."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    def open(self, user_id: str) -> list[Question]:
        """Return the questions that wait for an answer, the oldest first."""
        return self._database.read(user_id, open_questions())

    def answer(self, question_id: str, choice: Choice, *, user_id: str) -> Question:
        """Record which statement the person says is right, and change the memories accordingly."""
        asked = next((each for each in self.open(user_id) if each.id == question_id), None)
        vectors = self._embedder.embed([asked.text]) if asked and choice in ("new", "both") else []
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            question = _note_answer(connection, question_id, choice)
            self._store.sign(connection, "person", f"answered: {choice}", question.message_id)
            self._settle(connection, user_id, question, choice, vectors)
        return question

    def ask(self, connection: Connection, fact: Fact, write: Write) -> None:
        """Put a question to the person, unless the same one is open."""
        proposed: dict[str, Any] = {
            "text": write.text,
            "kind": write.kind,
            "quote": write.quote,
            "happened_at": write.happened_at,
        }
        proposed |= {"language": write.language, "said_at": write.said.at.isoformat(), "run_id": write.said.run_id}
        proposed |= {"entities": list(write.entities), "relations": list(write.relations)}
        connection.execute(
            text(
                "insert into app.questions (memory_id, proposed, message_id)"
                " select :memory_id, cast(:proposed as jsonb), :message_id where not exists ("
                "  select from app.questions where memory_id = :memory_id and answer is null"
                "  and proposed ->> 'text' = cast(:proposed as jsonb) ->> 'text')"
            ),
            {"memory_id": fact.id, "proposed": json.dumps(proposed), "message_id": write.said.message_id},
        )

    def withdraw(self, connection: Connection, message_id: str) -> None:
        """Erase the open questions that a message raised; an answered one says what no longer stands."""
        statement = text(
            "delete from app.questions where user_id = (select app.asking()) and message_id = :id and answer is null"
        )
        connection.execute(statement, {"id": message_id})

    def erase(self, connection: Connection, message_ids: Sequence[str], memory_ids: Sequence[str]) -> int:
        """Erase the questions that these messages raised and those about these memories, answered or not."""
        statement = text(
            "delete from app.questions where user_id = (select app.asking())"
            " and (message_id = any(:messages) or memory_id = any(:ids))"
        )
        return connection.execute(statement, {"messages": list(message_ids), "ids": list(memory_ids)}).rowcount

    def move(self, connection: Connection, moves: Sequence[tuple[str, str]]) -> None:
        """Move open questions from one memory to another, for pairs of (from, to)."""
        values = {"gone": [gone for gone, _ in moves], "kept": [kept for _, kept in moves]}
        connection.execute(text(_MOVE), values)

    def _settle(
        self,
        connection: Connection,
        user_id: str,
        question: Question,
        choice: Choice,
        vectors: Sequence[Sequence[float]],
    ) -> None:
        """Replace the memory, keep it, add the new statement beside it, or delete the memory."""
        fact = self._store.lock(connection, question.memory_id)
        proposed = {key: value for key, value in question.proposed.items() if key not in ("text", "said_at") and value}
        proposed |= {"message_id": question.message_id} if question.message_id else {}
        said = Said("user", question.text, datetime.fromisoformat(question.proposed["said_at"]))
        if choice == "neither" and fact is not None:
            self._store.delete(connection, fact.id)
        elif choice == "new" and fact is not None:
            if self._store.has_text(connection, fact.id, content_hash(question.text)):
                self._store.delete(connection, fact.id)
            else:
                # It was told before it was decided on.
                proposed |= {"told_at": said.at.astimezone(UTC).isoformat()}
                read = Mentions(_listed(proposed, "entities"), _listed(proposed, "relations"))
                named = mentioned(fact, question.text, read)
                metadata = {**reworded(fact, question.text, datetime.now(UTC)), **proposed, **named}
                self._store.replace(connection, fact.id, metadata, vectors[0])
        elif choice in ("both", "new"):
            self._store.insert(connection, [({**new_metadata(user_id, question.text, said), **proposed}, vectors[0])])
        if choice in ("old", "both") and fact is not None:
            self._store.count_use(connection, [fact.id], confirmed_at=datetime.now(UTC))


def _listed(proposed: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    """Return the entities or relations of a proposal; those of older versions have none."""
    return tuple(map(tuple, proposed.get(key) or ()))


def _note_answer(connection: Connection, question_id: str, choice: Choice) -> Question:
    """Record the answer, which can be given once, and return the question."""
    if choice not in CHOICES:
        raise InvalidInput(f"The answer is one of {', '.join(CHOICES)}.")
    row = (
        connection.execute(
            text(
                "update app.questions set answer = :choice, answered_at = now()"
                f" where id = cast(:id as uuid) and answer is null returning {FIELDS}"
            ),
            {"id": arguments.row_uuid(question_id, "There is no such open question."), "choice": choice},
        )
        .mappings()
        .first()
    )
    if row is None:
        raise NotFound("There is no such open question.")
    return Question(**row)


_MOVE = """
update app.questions asked set memory_id = moved.kept
from unnest(cast(:gone as text[]), cast(:kept as text[])) as moved (gone, kept)
where asked.user_id = (select app.asking()) and asked.memory_id = moved.gone and asked.answer is null
"""
