"""Recall checks (`app.recall_checks`): questions pinned to memories, which show whether recall still finds each memory.

A check asks as a reply would, and does not count as use of a memory. The last results are kept, so they can be shown
without asking again. This module only reports; it changes nothing about recall.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from .. import arguments
from ..database import Database, Reading
from ..errors import InvalidInput, NotFound
from ..facts import Fact
from ..language.word_lists import FIRST_PERSON
from ..language.words import content_words
from ..recall.rank import RECIPES
from ..recall.search import REPLY_RESULTS, Query, Recall
from ..rows.store import Store

__all__ = ["MAX_CHECKS", "MAX_QUESTION", "Check", "Checks", "checks_reading", "subject"]

Outcome = Literal["found", "changed", "missed", "gone"]
MAX_CHECKS, MAX_QUESTION = 50, 300
SEARCHED = 200  # results that are searched when those of a reply miss the memory
# A recipe that returns every result, however far from the question, to find the place of a missed memory.
_ALL = replace(RECIPES["everything"], threshold=-100.0, share=-100.0, budget=1_000_000)
MAX_SHOWN_TEXT, MAX_SUBJECT_WORDS = 300, 2
FIELDS = "id::text, question, memory_id, pinned_text, pinned_at, ran_at, outcome, place, why"


@dataclass(frozen=True)
class Check:
    """A question, the memory that it must find, and the last result.

    `why` may hold `score` and `parts` of the memory, `now` (its present text), `best` (text and score of the first
    result, if that is another one), and `far` (the memory's place, if that is too far down).
    """

    id: str
    question: str
    memory_id: str
    pinned_text: str
    pinned_at: datetime
    ran_at: datetime | None = None
    outcome: Outcome | None = None
    place: int | None = None
    why: Mapping[str, Any] = field(default_factory=dict)

    @property
    def green(self) -> bool:
        """True if the last run found the memory."""
        return self.outcome == "found"


def checks_reading() -> Reading[list[Check]]:
    """Read every check with its last result, the oldest first."""
    return Reading(
        f"select {FIELDS} from app.recall_checks order by pinned_at, id",
        make=lambda rows: [Check(**row) for row in rows],
        times=("pinned_at", "ran_at"),
    )


class Checks:
    """Pins and runs one user's recall checks."""

    def __init__(self, database: Database, store: Store, recall: Recall) -> None:
        self._database = database
        self._store = store
        self._recall = recall

    def all(self, *, user_id: str) -> list[Check]:
        """Return every check with its last result, the oldest first."""
        return self._database.read(arguments.asking(user_id), checks_reading())

    def pin(self, memory_id: str, question: str, *, user_id: str) -> Check:
        """Add a check: this question must find this memory."""
        owner, pinned_question = arguments.asking(user_id), _checked_question(question)
        fact = self._store.get(owner, memory_id)
        if fact is None:
            raise NotFound("There is no such memory.")
        values = {"question": pinned_question, "id": fact.id, "text": fact.text, "most": MAX_CHECKS}
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            row = connection.execute(text(_PIN), values).mappings().first()
            if row is None:
                raise InvalidInput(_why_not_pinned(connection))
        return Check(**row)

    def accept(self, check_id: str, *, user_id: str) -> Check:
        """Take the memory's present text as the expected one, and clear the last result."""
        with self._database.as_user(arguments.asking(user_id)) as connection:
            row = (
                connection.execute(text(_ACCEPT), {"id": arguments.row_uuid(check_id, "There is no such check.")})
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound("There is no such check, or its memory was deleted.")
        return Check(**row)

    def unpin(self, check_id: str, *, user_id: str) -> None:
        """Delete a check."""
        with self._database.as_user(arguments.asking(user_id)) as connection:
            if not connection.execute(
                text(_UNPIN), {"id": arguments.row_uuid(check_id, "There is no such check.")}
            ).rowcount:
                raise NotFound("There is no such check.")

    def run(self, *, user_id: str) -> list[Check]:
        """Run all checks and store the results; if one cannot be run, the last results stay."""
        owner = arguments.asking(user_id)
        checks = self.all(user_id=owner)
        if not checks:
            return []
        texts = {fact.id: fact.text for fact in self._store.get_many(owner, [each.memory_id for each in checks])}
        done = [self._run_one(owner, each, texts.get(each.memory_id)) for each in checks]
        with self._database.as_user(owner) as connection:
            connection.execute(text(_SAVE_RESULTS), _results(done))
        return done

    def _run_one(self, user_id: str, check: Check, now: str | None) -> Check:
        """Ask one question as a reply would; `now` is the memory's present text, None if it was deleted."""
        query = Query(check.question, user_id, REPLY_RESULTS)
        results = self._recall.find(query)
        ran = replace(check, ran_at=datetime.now(UTC), place=_place(results, check, now), outcome="missed", why={})
        if ran.place is not None:
            fact = results[ran.place - 1]
            if fact.source == "episodes" or fact.text == check.pinned_text:
                return replace(ran, outcome="found", why=_score(fact))
            return replace(ran, outcome="changed", why=_score(fact) | {"now": fact.text[:MAX_SHOWN_TEXT]})
        why: dict[str, Any] = {}
        if results:
            why["best"] = {"text": results[0].text[:MAX_SHOWN_TEXT], "score": results[0].score}
        if now is None:
            return replace(ran, outcome="gone", why=why)
        further = self._recall.find(replace(query, limit=SEARCHED, recipe=_ALL))
        if (place := _place(further, check, now)) is not None:
            why |= {"far": place} | _score(further[place - 1])
        if now != check.pinned_text:
            why |= {"now": now[:MAX_SHOWN_TEXT]}
        return replace(ran, why=why)


def _score(fact: Fact) -> dict[str, Any]:
    return {"score": fact.score, "parts": dict(fact.parts or {})}


def subject(memory: str) -> str:
    """Return what a memory is about: its first meaningful words that stand together, after "I live" and the like.

    A question can be made of it that does not give away the rest of the memory.
    """
    spoken = [word.strip(_PUNCTUATION) for word in memory.split()]
    meaningful = [number for number, word in enumerate(spoken) if content_words(word)]
    if spoken and spoken[0].casefold() in FIRST_PERSON and len(meaningful) > 1:
        meaningful = meaningful[1:]
    together = [number for place, number in enumerate(meaningful) if number == meaningful[0] + place]
    return " ".join(spoken[number] for number in together[:MAX_SUBJECT_WORDS])


_PUNCTUATION = " .,;:!?\"'“”„()[]"


def _place(results: Sequence[Fact], check: Check, now: str | None) -> int | None:
    """Return the place of the memory, of the one it was merged into, or of a result that says the same."""
    for place, fact in enumerate(results, 1):
        if fact.source == "memories" and (
            fact.id == check.memory_id or fact.text == check.pinned_text or check.memory_id in _parents(fact)
        ):
            return place
    # Recall gives only one of two results that say the same; it may be the episode instead of the memory.
    pinned = content_words(check.pinned_text)
    same = (place for place, fact in enumerate(results, 1) if pinned and pinned <= content_words(fact.text))
    return next(same, None) if now == check.pinned_text else None


def _parents(fact: Fact) -> list[Any]:
    listed = [fact.metadata.get(key) for key in ("merged_from", "summary_of")]
    return [each for one in listed if isinstance(one, list) for each in one]


def _checked_question(question: str) -> str:
    checked = arguments.question(question)
    if not checked:
        raise InvalidInput("A check needs a question.")
    if len(checked) > MAX_QUESTION:
        raise InvalidInput(
            f"The question of a check has at most {MAX_QUESTION} characters; this one has {len(checked):,}."
        )
    return checked


def _why_not_pinned(connection: Connection) -> str:
    if (connection.scalar(text("select count(*) from app.recall_checks")) or 0) >= MAX_CHECKS:
        return f"There can be at most {MAX_CHECKS} checks: delete one first."
    return "This question is pinned to this memory already."


def _results(done: Sequence[Check]) -> dict[str, Any]:
    return {
        "ids": [each.id for each in done],
        "at": [each.ran_at for each in done],
        "outcomes": [each.outcome for each in done],
        "places": [each.place for each in done],
        "whys": [json.dumps(dict(each.why)) for each in done],
    }


_PIN = f"""
insert into app.recall_checks (question, memory_id, pinned_text)
select :question, :id, :text where (select count(*) from app.recall_checks) < :most
on conflict do nothing returning {FIELDS}
"""
_UNPIN = "delete from app.recall_checks where id = cast(:id as uuid)"
_ACCEPT = f"""
update app.recall_checks pinned set pinned_text = kept.metadata ->> 'data', outcome = null, place = null, ran_at = null,
  why = '{{}}' from vecs.memories kept where pinned.id = cast(:id as uuid) and kept.id = pinned.memory_id
returning {", ".join(f"pinned.{each}" for each in FIELDS.split(", "))}
"""
_SAVE_RESULTS = """
update app.recall_checks pinned set ran_at = ran.at, outcome = ran.outcome, place = ran.place, why = ran.why
from unnest(cast(:ids as uuid[]), cast(:at as timestamptz[]), cast(:outcomes as text[]), cast(:places as int[]),
  cast(:whys as jsonb[])) as ran (id, at, outcome, place, why)
where pinned.id = ran.id
"""
