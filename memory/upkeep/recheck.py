"""Does this still hold? An old memory that replies rest on is asked about once, in passing; and what the answer does.

It chooses at most one memory, and asks one person at most once a week. A confirmation is a version of the memory like
any other change: recall prefers what is confirmed, and an undo takes it back. Drawing the question is the pages'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, text

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
LONG_PAUSE = timedelta(days=90)  # after "don't ask"
STAYS = timedelta(days=1)  # so long a question that nobody answers is shown again; then it is let be


class Recheck:
    """Asks one user, seldom, whether something still holds."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def due(self, *, user_id: str, now: datetime | None = None) -> Result | None:
        """The memory to ask about, or None; noted as asked in the same message, so that two tabs ask once."""
        whose, moment = arguments.asking(user_id), (now or datetime.now(UTC)).astimezone(UTC)
        values = {
            "user_id": whose,
            "now": moment,
            "today": f"{moment:%Y-%m-%d}",
            "old": (moment - OLD).isoformat(),
            "since": moment - PAUSE,
            "long_since": moment - LONG_PAUSE,
            "still": moment - STAYS,
        }
        rows = self._database.read_as(whose, _DUE, values)
        return Fact(rows[0]["id"], rows[0]["metadata"]).result() if rows else None

    def answer(self, memory_id: str, answer: Answer, *, user_id: str) -> Change:
        """What the person says, once: it holds, it does not, they have put it differently, or not to ask.

        `undo(change.run)` takes back what was done to the memory, where its count is 1.
        """
        whose = arguments.asking(user_id)
        if answer not in ANSWERS:
            raise InvalidInput(f"The answer is one of {', '.join(ANSWERS)}.")
        if not arguments.could_be_id(memory_id):
            raise NotFound("There is no such open question.")
        run = f"answer-{uuid4()}"
        with self._database.as_user(whose) as connection:
            self._store.one_at_a_time(connection, whose)
            if not connection.execute(text(_ANSWERED), {"id": memory_id, "answer": answer}).rowcount:
                raise NotFound("There is no such open question.")
            self._store.sign(connection, "person", _REASONS.get(answer, ""), run=run)
            count = _confirm(connection, [memory_id]) if answer == "true" else 0
            count += self._store.delete(connection, memory_id) if answer == "gone" else 0
        return Change(run, count)

    def confirm(self, memory_ids: Sequence[str], *, user_id: str) -> Change:
        """Note that these still hold, as one change; those that are gone are left out."""
        whose = arguments.asking(user_id)
        if isinstance(memory_ids, str) or len(memory_ids) > arguments.MAX_LIMIT:
            raise InvalidInput(f"At most {arguments.MAX_LIMIT:,} memories are confirmed at once, given by their ids.")
        run = f"confirm-{uuid4()}"
        with self._database.as_user(whose) as connection:
            self._store.one_at_a_time(connection, whose)
            self._store.sign(connection, "person", _REASONS["true"], run=run)
            count = _confirm(connection, [each for each in memory_ids if arguments.could_be_id(each)])
        return Change(run, count)


_REASONS = {"true": "still true", "gone": "no longer true"}


def _confirm(connection: Connection, memory_ids: Sequence[str]) -> int:
    values = {"ids": list(dict.fromkeys(memory_ids)), "at": datetime.now(UTC).isoformat()}
    return connection.execute(text(_CONFIRM), values).rowcount


_CONFIRM = """
update vecs.memories set metadata = metadata || jsonb_build_object('confirmed_at', cast(:at as text))
where id = any(cast(:ids as text[]))
"""
_ANSWERED = """
update app.confirmations set answer = :answer, answered_at = now() where memory_id = :id and answer is null
"""
# Times in rows are text in one zone, so that they can be compared as they are. Nothing is asked while
# "Which is right?" waits for an answer: one question at a time.
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
