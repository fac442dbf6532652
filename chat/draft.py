"""A reply as it grows, and its receipt: what it was told from memory, what it cost, how long each part took.

It asks no model and saves nothing; turn.py does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from chat.conversations import Message
from chat.left_out import do_without
from memory import Fact, Memory, Said
from memory.errors import ModelError
from memory.model import Usage
from memory.model.prices import Prices

__all__ = ["Draft"]

RECALLED = 8
STANDING = 5  # of what holds whatever is asked


@dataclass
class Draft:
    """The reply as it grows; a stop or a failure leaves it as far as it came."""

    prices: Prices | None = None
    status: str = "stopped"
    pieces: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)
    _left: threading.Lock = field(default_factory=threading.Lock)

    def recall(
        self,
        memory: Memory,
        asked: Message,
        history: Sequence[Message],
        present: Sequence[str],
        without: Collection[str],
        as_of: date | None = None,
    ) -> Sequence[Fact]:
        """The memories for a message. A reply without memory beats no reply, but its receipt says so."""
        if without:
            self.receipt["without"] = sorted(without)
        if as_of:
            self.receipt["as_of"] = as_of.isoformat()
        try:
            before = [Said(each.role, each.content, each.created_at) for each in history[:-1]]
            memories = memory.recall(
                asked.content,
                user_id=asked.user_id,
                limit=RECALLED,
                before=before,
                without={*present, *without},
                # What holds whatever is asked is known as it stands today only.
                standing=0 if as_of else STANDING,
                as_of=_end_of(as_of, memory.people.get(asked.user_id).zone) if as_of else None,
            )
        except ModelError as error:
            self.receipt["not_recalled"] = str(error)
            return []
        if without:
            left_out = [known for each in without if (known := memory.get(each, user_id=asked.user_id))]
            memories = do_without(memories, without, left_out)
        self.receipt["memories"] = [_used(fact) for fact in memories]
        self.receipt["recall_ms"] = self._ms
        return memories

    def tell_nothing(self) -> Sequence[Fact]:
        """Memory is off: nothing is looked for, and the receipt says so."""
        self.receipt["memory_off"] = True
        return []

    def add(self, piece: str) -> None:
        """A piece of the reply more."""
        if not self.pieces:
            self.receipt["first_ms"] = self._ms
        self.pieces.append(piece)

    def leave(self) -> bool:
        """Done with it; true for the first who says so, and only they save it: a reply may be stopped as it ends."""
        return self._left.acquire(blocking=False)

    def finished_receipt(self) -> dict[str, Any]:
        """What the turn used: memories, tokens, money where its price is known, time."""
        if self.usage.cut_off:
            self.receipt["cut_off"] = True
        spent: dict[str, Any] = {"prompt_tokens": self.usage.prompt_tokens, "reply_tokens": self.usage.reply_tokens}
        if self.prices and (cost := self.prices.cost(self.usage)) is not None:
            spent["cost"] = cost
        return self.receipt | spent | {"model": self.usage.model, "ms": self._ms}

    @property
    def _ms(self) -> int:
        return round(1000 * (time.monotonic() - self.began))


def _used(fact: Fact) -> dict[str, Any]:
    """A memory as the receipt keeps it: what, from when, by whom, from which message, and why it was found."""
    told = {"id": fact.id, "text": fact.text, "score": fact.score, "source": fact.source, "parts": fact.parts}
    by = fact.metadata.get("actor_id") or fact.metadata.get("role")
    origin = {name: fact.metadata[name] for name in ("run_id", "message_id") if fact.metadata.get(name)}
    return told | origin | {"at": fact.metadata.get("happened_at") or fact.created_at, "by": by}


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last moment of a day, where the person lives."""
    return datetime.combine(day, clock.max, zone)
