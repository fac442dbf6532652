"""Recall checks: questions that a person pins to a memory, and whether recall finds it, asked again after any change.

A check asks as a reply would, and counts as no use of a memory. The last results stay, so that they can be shown
without asking. It only tells how recall does; what to do about it is the person's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, text

from .. import arguments
from ..database import Database
from ..errors import InvalidInput, NotFound
from ..facts import Fact
from ..language.words import content_words
from ..recall.rank import RECIPES
from ..recall.search import Query, Recall
from ..rows.store import Store

__all__ = ["MAX_CHECKS", "MAX_QUESTION", "Check", "Checks", "subject"]

Outcome = Literal["found", "changed", "missed", "gone"]
MAX_CHECKS, MAX_QUESTION = 50, 300
GIVEN, FAR = 8, 200  # how many results a reply is given, and how far is looked for what is not among them
# All there is, however far from the question: to tell how far what was not found is.
_ALL = replace(RECIPES["everything"], threshold=-100.0, share=-100.0, budget=1_000_000)
LONGEST_TOLD, MOST_WORDS = 300, 2
FIELDS = "id::text, question, memory_id, pinned_text, pinned_at, ran_at, outcome, place, why"


@dataclass(frozen=True)
class Check:
    """A question, the memory that it must find, and how it went the last time.

    `why` may hold `score` and `parts` of the memory, `now` (what it says by now), `best` (text and score of what came
    first instead), and `far` (the place it has, where that is too far down).
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
        """Whether it found what it must find, the last time."""
        return self.outcome == "found"


class Checks:
    """One user's recall checks."""

    def __init__(self, database: Database, store: Store, recall: Recall) -> None:
        self._database = database
        self._store = store
        self._recall = recall

    def all(self, *, user_id: str) -> list[Check]:
        """Every check with its last result, the oldest first."""
        rows = self._database.read_as(
            arguments.asking(user_id), f"select {FIELDS} from app.recall_checks order by pinned_at, id"
        )
        return [Check(**row) for row in rows]

    def pin(self, memory_id: str, question: str, *, user_id: str) -> Check:
        """From now on this question must find this memory."""
        whose, asked = arguments.asking(user_id), _question(question)
        fact = self._store.get(whose, memory_id)
        if fact is None:
            raise NotFound("There is no such memory.")
        values = {"question": asked, "id": fact.id, "text": fact.text, "most": MAX_CHECKS}
        with self._database.as_user(whose) as connection:
            self._store.one_at_a_time(connection, whose)
            row = connection.execute(text(_PIN), values).mappings().first()
            if row is None:
                raise InvalidInput(_why_not(connection))
        return Check(**row)

    def accept(self, check_id: str, *, user_id: str) -> Check:
        """What the memory says by now is what it must say; the check waits to be run again."""
        with self._database.as_user(arguments.asking(user_id)) as connection:
            row = connection.execute(text(_ACCEPT), {"id": _uuid(check_id)}).mappings().first()
        if row is None:
            raise NotFound("There is no such check, or its memory is gone.")
        return Check(**row)

    def unpin(self, check_id: str, *, user_id: str) -> None:
        """Do without a check."""
        with self._database.as_user(arguments.asking(user_id)) as connection:
            if not connection.execute(text(_UNPIN), {"id": _uuid(check_id)}).rowcount:
                raise NotFound("There is no such check.")

    def run(self, *, user_id: str) -> list[Check]:
        """Ask all of them, and keep how each went; if one cannot be asked, the last results stand."""
        whose = arguments.asking(user_id)
        waiting = self.all(user_id=whose)
        if not waiting:
            return []
        known = self._texts(whose, [each.memory_id for each in waiting])
        done = [self._asked(whose, each, known.get(each.memory_id)) for each in waiting]
        with self._database.as_user(whose) as connection:
            connection.execute(text(_NOTE), _noted(done))
        return done

    def _texts(self, user_id: str, ids: Sequence[str]) -> dict[str, str]:
        rows = self._database.read_as(user_id, _TEXTS, {"user_id": user_id, "ids": list(ids)})
        return {row["id"]: str(row["said"]) for row in rows}

    def _asked(self, user_id: str, check: Check, now: str | None) -> Check:
        """One check, asked as a reply asks."""
        query = Query(check.question, user_id, GIVEN)
        found = self._recall.find(query)
        ran = replace(check, ran_at=datetime.now(UTC), place=_place(found, check, now), outcome="missed", why={})
        if ran.place is not None:
            fact = found[ran.place - 1]
            if fact.source == "episodes" or fact.text == check.pinned_text:
                return replace(ran, outcome="found", why=_score(fact))
            return replace(ran, outcome="changed", why=_score(fact) | {"now": fact.text[:LONGEST_TOLD]})
        why: dict[str, Any] = {"best": {"text": found[0].text[:LONGEST_TOLD], "score": found[0].score}} if found else {}
        if now is None:
            return replace(ran, outcome="gone", why=why)
        far = self._recall.find(replace(query, limit=FAR, recipe=_ALL))
        if (place := _place(far, check, now)) is not None:
            why |= {"far": place} | _score(far[place - 1])
        if now != check.pinned_text:
            why |= {"now": now[:LONGEST_TOLD]}
        return replace(ran, why=why)


def _score(fact: Fact) -> dict[str, Any]:
    return {"score": fact.score, "parts": dict(fact.parts or {})}


def subject(memory: str) -> str:
    """What a memory is about, as it spells it: its first telling words that stand together, past "I live" and the like.

    Enough to ask for it; what it says of that, a question need not give away.
    """
    spoken = [word.strip(_AROUND) for word in memory.split()]
    telling = [number for number, word in enumerate(spoken) if content_words(word)]
    if spoken and spoken[0].casefold() in _I and len(telling) > 1:
        telling = telling[1:]
    together = [number for place, number in enumerate(telling) if number == telling[0] + place]
    return " ".join(spoken[number] for number in together[:MOST_WORDS])


_I = frozenset("i i'm i've ich je j'ai yo io eu we wir nous".split())
_AROUND = " .,;:!?\"'“”„()[]"


def _place(found: Sequence[Fact], check: Check, now: str | None) -> int | None:
    """Where the memory stands, or what is as good: the same words, what it was merged into, or the turn it is from."""
    for place, fact in enumerate(found, 1):
        if fact.source == "memories" and (
            fact.id == check.memory_id or fact.text == check.pinned_text or check.memory_id in _parents(fact)
        ):
            return place
    # Of two results that say the same, recall gives one: it may be what was said, while the memory holds.
    told = content_words(check.pinned_text)
    same = (place for place, fact in enumerate(found, 1) if told and told <= content_words(fact.text))
    return next(same, None) if now == check.pinned_text else None


def _parents(fact: Fact) -> list[Any]:
    listed = [fact.metadata.get(key) for key in ("merged_from", "summary_of")]
    return [each for one in listed if isinstance(one, list) for each in one]


def _question(question: str) -> str:
    asked = arguments.question(question)
    if not asked:
        raise InvalidInput("A check needs a question.")
    if len(asked) > MAX_QUESTION:
        raise InvalidInput(f"The question of a check has at most {MAX_QUESTION} characters; this has {len(asked):,}.")
    return asked


def _why_not(connection: Connection) -> str:
    if (connection.scalar(text("select count(*) from app.recall_checks")) or 0) >= MAX_CHECKS:
        return f"There are {MAX_CHECKS} checks, which is as many as there may be: do without one first."
    return "This question is pinned to this memory already."


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound("There is no such check.") from error


def _noted(done: Sequence[Check]) -> dict[str, Any]:
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
_TEXTS = """
select id, metadata ->> 'data' as said from vecs.memories where user_id = %(user_id)s and id = any(%(ids)s::text[])
"""
_NOTE = """
update app.recall_checks pinned set ran_at = ran.at, outcome = ran.outcome, place = ran.place, why = ran.why
from unnest(cast(:ids as uuid[]), cast(:at as timestamptz[]), cast(:outcomes as text[]), cast(:places as int[]),
  cast(:whys as jsonb[])) as ran (id, at, outcome, place, why)
where pinned.id = ran.id
"""
