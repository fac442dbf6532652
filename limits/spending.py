"""What models cost, in tokens: kept within one person's share of a day, and within everybody's together.

A call is counted by an estimate before it is made, so that many at once cannot pass the limit together, and by
what it really cost afterwards. A call whose cost is never told stays counted as the estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from memory.database import Database
from memory.errors import LimitReached, ModelError
from memory.model import Model, PromptMessage, Schema, Usage
from memory.plain_text import tokens
from memory.rows.store import memory_count
from settings import Settings

__all__ = ["DAY", "MINUTE", "Counted", "Counts", "Metered", "Spending", "hashed", "in_words"]

TOKENS_OF_PICTURE = 1_500  # an estimate that does not fall short for most models; what it really was is counted after
OWN, TOGETHER = "tokens", "everybody"


class Spending:
    """Two counts of a day; a limit of 0 is none, and then nothing is counted."""

    def __init__(self, counts: Counts, settings: Settings) -> None:
        self._counts = counts
        self._own = settings.tokens_per_day
        self._together = settings.all_tokens_per_day

    def reserve(self, more: int, user_id: str | None) -> None:
        """Count so many tokens, for a person and for all; raise `LimitReached` where that is too much."""
        if user_id is not None:
            self.charge_user(more, user_id)
        if self._together:
            counted = self._counts.add_for_key(OWN, TOGETHER, more, self._together, DAY)
            if counted.amount is None:
                self._adjust_user(-more, user_id)
                raise LimitReached(
                    "This Keepsake has spent what it may spend on the model today: your words are kept, and it "
                    f"answers again {in_words(counted.wait)}.",
                    counted.wait,
                )

    def charge_user(self, more: int, user_id: str) -> None:
        """Count so many tokens for a person alone; raise `LimitReached` where that is too much."""
        if not self._own:
            return
        counted = self._counts.add_for_user(user_id, OWN, more, self._own, DAY)
        if counted.amount is None:
            raise LimitReached(
                "You have used up your share of the model for today: your words are kept, and it answers "
                f"again {in_words(counted.wait)}.",
                counted.wait,
            )

    def adjust(self, difference: int, user_id: str | None) -> None:
        """Count what a call cost beyond its estimate, or give back what it did not."""
        self._adjust_user(difference, user_id)
        if self._together:
            self._counts.add_for_key(OWN, TOGETHER, difference, None, DAY)

    def _adjust_user(self, difference: int, user_id: str | None) -> None:
        if user_id is not None and self._own:
            self._counts.add_for_user(user_id, OWN, difference, None, DAY)


class Metered:
    """A model whose every call is counted: for everybody together and, where it is known, for the person it serves."""

    def __init__(self, model: Model, spending: Spending, user_id: str | None = None) -> None:
        self._model = model
        self._spending = spending
        self._user_id = user_id

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """The model's reply, counted however it ends."""
        with self._counting(messages, usage or Usage()) as call:
            for piece in self._model.stream(messages, call.usage):
                call.written += tokens(piece) - tokens("")
                yield piece

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """The model's answer, counted also where it was of no use."""
        with self._counting(messages, usage or Usage()) as call:
            return self._model.answer(messages, schema, call.usage)

    def listed(self) -> list[str]:
        """Return the names of all models at the same address; this costs no tokens."""
        return self._model.listed()

    def named(self, name: str) -> Metered:
        """Another model at the same address, counted as well."""
        return Metered(self._model.named(name), self._spending, self._user_id)

    def close(self) -> None:
        """Hang up."""
        self._model.close()

    @contextmanager
    def _counting(self, messages: Sequence[PromptMessage], usage: Usage) -> Iterator[_Call]:
        pictures = sum(len(each.pictures) for each in messages)
        call = _Call(usage, sum(tokens(each.content) for each in messages) + TOKENS_OF_PICTURE * pictures)
        self._spending.reserve(call.estimate, self._user_id)
        try:
            yield call
        except ModelError:
            call.failed = True
            raise
        finally:
            self._spending.adjust(call.cost - call.estimate, self._user_id)


@dataclass
class _Call:
    """One call while it runs."""

    usage: Usage
    estimate: int
    written: int = 0
    failed: bool = False

    @property
    def cost(self) -> int:
        """What the server said it cost; what it looks like where the server did not say; nothing if it refused."""
        told = self.usage.prompt_tokens + self.usage.reply_tokens
        if told or (self.failed and not self.written):
            return told
        return self.estimate + self.written


MINUTE, DAY = 60, 86_400

_OWN = """
with counted as (
  insert into app.counts as kept (what, amount, ends_at)
  select %(what)s, greatest(0, %(more)s), now() + make_interval(secs => %(seconds)s)
  where %(most)s::bigint is null or %(more)s <= %(most)s::bigint
  on conflict (user_id, what) do update set
    amount = case when kept.ends_at <= now() then excluded.amount else greatest(0, kept.amount + %(more)s) end,
    ends_at = case when kept.ends_at <= now() then excluded.ends_at else kept.ends_at end
  where kept.ends_at <= now() or %(most)s::bigint is null or kept.amount + %(more)s <= %(most)s::bigint
  returning kept.amount
)
select (select amount from counted) as amount, coalesce(
  (select extract(epoch from ends_at - now()) from app.counts where what = %(what)s), %(seconds)s)::float as wait
"""
_ACROSS = "select amount, wait from app.count_across(%(what)s, %(who)s, %(more)s, %(most)s, %(seconds)s)"


@dataclass(frozen=True)
class Counted:
    """How much it is now; None where it would have become too much, and then how many seconds to wait."""

    amount: int | None
    wait: float


class Counts:
    """Each count runs for some seconds from its first use, and then begins anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_for_user(self, user_id: str, what: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for one person; `most` None counts without an end."""
        values = {"what": what, "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as(user_id, _OWN, values)[0])

    def add_for_key(self, what: str, who: str, more: int, most: int | None, seconds: int) -> Counted:
        """Count for whoever `who` is, before anybody is signed in or for all together."""
        values = {"what": what, "who": hashed(who), "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as_worker(_ACROSS, values)[0])

    def memories(self, user_id: str) -> int:
        """How many memories are kept about a person."""
        return self._database.read(user_id, memory_count())


def hashed(secret: str) -> str:
    """What stands in a table in place of an address or an invitation."""
    return hashlib.sha256(secret.encode()).hexdigest()


def in_words(seconds: float) -> str:
    """When to try again, no more exactly than a person cares to know."""
    minutes = -(-int(seconds) // MINUTE)
    if minutes <= 1:
        return "in a minute"
    return f"in {minutes} minutes" if minutes < 100 else f"in {-(-minutes // 60)} hours"
