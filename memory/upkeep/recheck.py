"""Rechecks (`app.confirmations`): asks the person once whether an old, often used memory still holds.

It picks at most one memory, and asks one person at most once a week. A confirmation makes a new version of the memory,
which recall prefers and which can be undone. The pages draw the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import text

from .. import arguments
from ..database import Database
from ..errors import InvalidInput, NotFound
from ..facts import Fact, Result
from ..rows.store import Store
from .bulk_edit import Change

__all__ = ["ANSWERS", "Answer", "Recheck"]

Answer = Literal["true", "gone", "changed", "never"]
ANSWERS: tuple[Answer, ...] = ("true", "gone", "changed", "never")
OLD = timedelta(days=180)  # since it was written or confirmed
PAUSE = timedelta(days=7)  # between two questions to one person
LONG_PAUSE = timedelta(days=90)  # after the answer "never"
SHOWN_FOR = timedelta(days=1)  # how long an unanswered question is shown again


class Recheck:
    """Asks one user now and then whether a memory still holds."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def due(self, *, user_id: str, now: datetime | None = None) -> Result | None:
        """Return the memory to ask about, or None. The same statement records it as asked, so two tabs ask once."""
        owner, moment = arguments.asking(user_id), (now or datetime.now(UTC)).astimezone(UTC)
        values = {
            "user_id": owner,
            "now": moment,
            "today": f"{moment:%Y-%m-%d}",
            "old": (moment - OLD).isoformat(),
            "since": moment - PAUSE,
            "long_since": moment - LONG_PAUSE,
            "still": moment - SHOWN_FOR,
        }
        rows = self._database.read_as(owner, _DUE, values)
        return Fact(rows[0]["id"], rows[0]["metadata"]).result() if rows else None

    def answer(self, memory_id: str, answer: Answer, *, user_id: str) -> Change:
        """Record the person's answer, which can be given once, and confirm or delete the memory accordingly.

        If the count of the change is 1, `undo(change.run)` reverses it.
        """
        owner = arguments.asking(user_id)
        if answer not in ANSWERS:
            raise InvalidInput(f"The answer must be one of {', '.join(ANSWERS)}.")
        if not arguments.could_be_id(memory_id):
            raise NotFound("There is no such open question.")
        run = f"answer-{uuid4()}"
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            if not connection.execute(text(_SAVE_ANSWER), {"id": memory_id, "answer": answer}).rowcount:
                raise NotFound("There is no such open question.")
            self._store.sign(connection, "person", _REASONS.get(answer, ""), run=run)
            count = self._store.confirm(connection, [memory_id], datetime.now(UTC)) if answer == "true" else 0
            count += self._store.delete(connection, memory_id) if answer == "gone" else 0
        return Change(run, count)

    def confirm(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Confirm several memories as one change; deleted ones are left out."""
        owner = arguments.asking(user_id)
        if isinstance(memory_ids, str) or len(memory_ids) > arguments.MAX_LIMIT:
            raise InvalidInput(
                f"At most {arguments.MAX_LIMIT:,} memories can be confirmed at once; give a list of their ids."
            )
        run = f"confirm-{uuid4()}"
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            self._store.sign(connection, "person", _REASONS["true"], run=run)
            ids = list(dict.fromkeys(each for each in memory_ids if arguments.could_be_id(each)))
            count = self._store.confirm(connection, ids, datetime.now(UTC))
        return Change(run, count)


_REASONS = {"true": "still true", "gone": "no longer true"}


_SAVE_ANSWER = """
update app.confirmations set answer = :answer, answered_at = now()
where user_id = (select app.asking()) and memory_id = :id and answer is null
"""
# Times in rows are text in one zone, so they compare correctly as text. While a question about a contradiction is
# open, nothing is asked here: one question at a time.
_DUE = """
with open as (
  select asked.memory_id from app.confirmations asked
  where asked.answer is null and asked.asked_at > %(still)s and asked.asked_at <= %(now)s
  order by asked.asked_at desc limit 1
), pausing as (
  select from app.confirmations asked
  where asked.asked_at > case asked.answer when 'never' then %(long_since)s else %(since)s end limit 1
), quiet as (
  select from app.questions which where which.answer is null limit 1
), chosen as (
  select kept.id from vecs.memories kept
  join app.memory_use used on used.user_id = %(user_id)s and used.memory_id = kept.id and used.recalled > 0
  where kept.user_id = %(user_id)s and not kept.metadata ? 'role'
    and coalesce(kept.metadata ->> 'kind', 'fact') in ('preference', 'goal', 'instruction', 'fact')
    and (kept.expires is null or kept.expires >= %(today)s)
    and greatest(kept.metadata ->> 'created_at', kept.metadata ->> 'updated_at', kept.metadata ->> 'confirmed_at')
      < %(old)s
    and (used.confirmed_at is null or used.confirmed_at < %(old)s::timestamptz)
    and not exists (
      select from app.confirmations asked where asked.user_id = %(user_id)s and asked.memory_id = kept.id)
    and not exists (select from pausing) and not exists (select from quiet)
  order by used.recalled desc, kept.metadata ->> 'created_at', kept.id limit 1
), noted as (
  insert into app.confirmations (memory_id, asked_at) select id, %(now)s from chosen
  on conflict do nothing returning memory_id
)
select kept.id, kept.metadata from vecs.memories kept
where kept.user_id = %(user_id)s and not exists (select from quiet)
  and kept.id in (select memory_id from open union all select memory_id from noted)
limit 1
"""
