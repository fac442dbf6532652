"""Counts in Postgres, and the limits on the tokens that models may use in a day.

Tokens are counted for each person and for everybody together. A call is counted by an estimate before it is made, so
that many calls at once cannot pass the limit together, and is corrected to its real cost afterwards. A call whose cost
is never known stays counted as the estimate.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from memory.database import Database
from memory.errors import DatabaseError, LimitReached, ModelError
from memory.model import Model, PromptMessage, Schema, Usage
from memory.model.serving import Served, served
from memory.plain_text import tokens
from memory.rows.store import memory_count
from memory.telemetry.figures import TOKENS as ALL_TOKENS
from settings import Settings

__all__ = ["DAY", "MINUTE", "Counted", "Counts", "Metered", "Spending", "hashed", "when_again"]

log = logging.getLogger("keepsake.limits")
MINUTE, DAY = 60, 86_400  # seconds
TOKENS_OF_PICTURE = 1_500  # the estimate for one picture; high enough for most models
TOKENS, EVERYBODY = "tokens", "everybody"  # the name of the count, and the key of the one for everybody together
MEMORY_TOKENS = "memory-tokens"  # the name of the count of what remembering a person's turns takes


# -- counts --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """A count after adding to it; `amount` is None if that would pass the limit, `wait` the seconds until it ends."""

    amount: int | None
    wait: float


class Counts:
    """Counts that start with their first use, run for some seconds, and then start again at zero."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_for_user(self, user_id: str, what: str, more: int, most: int | None, seconds: int) -> Counted:
        """Add to a count of one user; `most` is the limit, None for no limit."""
        values = {"what": what, "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as(user_id, _ADD_FOR_USER, values)[0])

    def adjust_for_user(self, user_id: str, what: str, difference: int) -> None:
        """Correct a running count; a count that is over, or was erased with its account, does not come back."""
        self._database.read_as(user_id, _ADJUST_FOR_USER, {"what": what, "difference": difference})

    def add_for_key(self, what: str, key: str, more: int, most: int | None, seconds: int) -> Counted:
        """Add to a count of anything else, such as an email address before sign-in; the key is stored as a hash."""
        values = {"what": what, "who": hashed(key), "more": more, "most": most, "seconds": seconds}
        return Counted(**self._database.read_as_worker(_ADD_FOR_KEY, values)[0])

    def memories(self, user_id: str) -> int:
        """Return how many memories the user has."""
        return self._database.read(user_id, memory_count())


# A count that ends later than it can was begun before the database's clock was set back. Another call may have begun a
# moment before this one, so a minute more is let pass.
_IS_OVER = "(kept.ends_at <= now() or kept.ends_at > now() + make_interval(secs => %(seconds)s + 60))"
_ADD_FOR_USER = f"""
with counted as (
  insert into app.counts as kept (what, amount, ends_at)
  select %(what)s, greatest(0, %(more)s), now() + make_interval(secs => %(seconds)s)
  where %(most)s::bigint is null or %(more)s <= %(most)s::bigint
  on conflict (user_id, what) do update set
    amount = case when {_IS_OVER} then excluded.amount else greatest(0, kept.amount + %(more)s) end,
    ends_at = case when {_IS_OVER} then excluded.ends_at else kept.ends_at end
  where {_IS_OVER} or %(most)s::bigint is null or kept.amount + %(more)s <= %(most)s::bigint
  returning kept.amount
)
select (select amount from counted) as amount, coalesce(
  (select extract(epoch from ends_at - now()) from app.counts where what = %(what)s), %(seconds)s)::float as wait
"""
_ADJUST_FOR_USER = """
update app.counts set amount = greatest(0, amount + %(difference)s)
where user_id = app.asking() and what = %(what)s and ends_at > now() returning amount
"""
_ADD_FOR_KEY = "select amount, wait from app.count_across(%(what)s, %(who)s, %(more)s, %(most)s, %(seconds)s)"


def hashed(text: str) -> str:
    """Return the hash that is stored in place of an email address, a network address or an invitation."""
    return hashlib.sha256(text.encode()).hexdigest()


def when_again(seconds: float) -> str:
    """Return in words when to try again, rounded up to minutes or hours."""
    minutes = -(-int(seconds) // MINUTE)
    if minutes <= 1:
        return "in a minute"
    return f"in {minutes} minutes" if minutes < 100 else f"in {-(-minutes // 60)} hours"


# -- tokens --------------------------------------------------------------------------------------


PURPOSES = {"asked": "replies", "turns": "remembering"}  # as the figures call them
COUNTED_AS = {"asked": TOKENS, "turns": MEMORY_TOKENS}
USED_UP = {
    "asked": "You have reached today's limit. Your message is saved, and replies work",
    "turns": "You have reached today's limit for remembering. Your messages are saved, and remembering works",
}


class Spending:
    """The tokens of a day, for each person and for everybody together. A limit of 0 means no limit, and no count.

    What a person asks for and what remembering their turns takes are two shares: neither uses up the other. What was
    begun within a person's share and is useless by halves is finished, or a long turn would be paid for anew each day.
    """

    def __init__(self, counts: Counts, settings: Settings) -> None:
        self._counts = counts
        self._per_person = {"asked": settings.tokens_per_day, "turns": settings.memory_tokens_per_day}
        self._together = settings.all_tokens_per_day

    def reserve(self, estimate: int, user: Served | None) -> None:
        """Count the tokens of a call before it is made; raise `LimitReached` if they are too many."""
        if user is not None:
            self._charge_user(estimate, user)
        if self._together:
            counted = self._counts.add_for_key(TOKENS, EVERYBODY, estimate, self._together, DAY)
            if counted.amount is None:
                self._adjust_user(-estimate, user)
                raise LimitReached(
                    "Everyone together has reached today's limit. Your message is saved, and replies work "
                    f"again {when_again(counted.wait)}.",
                    counted.wait,
                )

    def adjust(self, difference: int, user: Served | None) -> None:
        """Correct the counts after a call by the difference between its cost and the estimate."""
        self._adjust_user(difference, user)
        if self._together:
            self._counts.add_for_key(TOKENS, EVERYBODY, difference, None, DAY)

    def _charge_user(self, more: int, user: Served) -> None:
        most = self._per_person[user.purpose]
        if not most:
            return
        finishing = user.whole and user.begun
        if user.purpose == "turns" and more > most and not finishing:
            raise LimitReached(
                f"This message is too long to remember: it needs more than a day's limit ({most:,} tokens)."
            )
        limit = None if finishing else most
        counted = self._counts.add_for_user(user.user_id, COUNTED_AS[user.purpose], more, limit, DAY)
        if counted.amount is None:
            raise LimitReached(f"{USED_UP[user.purpose]} again {when_again(counted.wait)}.", counted.wait)
        user.begun = True

    def _adjust_user(self, difference: int, user: Served | None) -> None:
        if user is not None and self._per_person[user.purpose]:
            self._counts.adjust_for_user(user.user_id, COUNTED_AS[user.purpose], difference)


class Metered:
    """A model whose every call is counted: for everybody together and, where it is known, for the person it serves."""

    def __init__(self, model: Model, spending: Spending, user_id: str | None = None) -> None:
        self._model = model
        self._spending = spending
        self._user_id = user_id  # None: whom `serving` names

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Stream a reply; its tokens are counted however it ends."""
        with self._counting(messages, usage or Usage()) as call:
            for piece in self._model.stream(messages, call.usage):
                call.written += tokens(piece) - tokens("")
                yield piece

    def relay(
        self, messages: Sequence[PromptMessage], options: Mapping[str, Any], usage: Usage | None = None
    ) -> Iterator[dict[str, Any]]:
        """Relay a reply; its tokens are counted however it ends, those of the options too."""
        counted = [*messages, PromptMessage("system", json.dumps(options))] if options else messages
        with self._counting(counted, usage or Usage()) as call:
            for piece in self._model.relay(messages, options, call.usage):
                call.written += tokens(_words_of(piece)) - tokens("")
                yield piece

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Return an answer; its tokens are counted also if it could not be used."""
        with self._counting(messages, usage or Usage()) as call:
            return self._model.answer(messages, schema, call.usage)

    def listed(self) -> dict[str, bool | None]:
        """Return all models at the same address, and whether each takes pictures; this costs no tokens."""
        return self._model.listed()

    def named(self, name: str) -> Metered:
        """Return another model at the same address, metered as well."""
        return Metered(self._model.named(name), self._spending, self._user_id)

    def close(self) -> None:
        """Close the model's connection."""
        self._model.close()

    @contextmanager
    def _counting(self, messages: Sequence[PromptMessage], usage: Usage) -> Iterator[_Call]:
        pictures = sum(each.picture_count for each in messages)
        call = _Call(usage, sum(tokens(each.content) for each in messages) + TOKENS_OF_PICTURE * pictures)
        user = Served(self._user_id) if self._user_id is not None else served()
        self._spending.reserve(call.estimate, user)
        try:
            yield call
        except ModelError:
            call.failed = True
            raise
        finally:
            try:
                self._spending.adjust(call.cost - call.estimate, user)
            except DatabaseError as error:  # the reply is worth more than its exact count
                log.warning("the tokens of a call stay counted by an estimate: %s", error)
            call.note(user.purpose if user else "asked")


def _words_of(piece: Mapping[str, Any]) -> str:
    """Return what was written in a piece of a relayed reply: words, or the arguments of a tool."""
    deltas = [choice.get("delta") or {} for choice in piece.get("choices") or []]
    calls = [call.get("function") or {} for delta in deltas for call in delta.get("tool_calls") or []]
    words = [delta.get("content") for delta in deltas] + [call.get("arguments") for call in calls]
    return "".join(each for each in words if isinstance(each, str))


@dataclass
class _Call:
    """A call to the model while it runs."""

    usage: Usage
    estimate: int
    written: int = 0
    failed: bool = False

    @property
    def cost(self) -> int:
        """The tokens the server reported; if it reported none, the estimate; nothing if it refused the call."""
        reported = self.usage.prompt_tokens + self.usage.reply_tokens
        if reported or (self.failed and not self.written):
            return reported
        return self.estimate + self.written

    def note(self, purpose: str) -> None:
        """Count the tokens for whoever watches the deployment, whoever they were for."""
        kinds = {"read": self.usage.prompt_tokens, "written": self.usage.reply_tokens}
        for kind, amount in kinds.items() if any(kinds.values()) else (("estimated", self.cost),):
            ALL_TOKENS.add(amount, purpose=PURPOSES[purpose], kind=kind)
