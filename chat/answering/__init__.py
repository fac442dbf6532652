"""What a reply is made from: recalls memories for it, and notes them in its receipt.

The folder without_model/ holds the words of a reply while no model is connected. Recall itself is in memory/recall/.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from datetime import time as clock
from typing import Any, Literal

from chat.tree import ChatHistory, Message
from memory import Fact, Memory, Result, Said, episode_id
from memory.errors import ModelError
from memory.language.words import content_words
from memory.recall.search import REPLY_RESULTS, REPLY_STANDING

__all__ = ["Lookup", "for_receipt", "without_memories"]

Days = tuple[date | None, date | None]
NOT_RECALLED = 40  # latest messages of the chat, left out of recall because the prompt most likely shows them


@dataclass(frozen=True)
class Lookup:
    """The memories for one reply: without those with the ids in `without`, and as known at the end of `as_of`."""

    memory: Memory
    asked: Message
    history: ChatHistory
    without: Collection[str] = ()
    as_of: date | None = None

    @property
    def moment(self) -> datetime | None:
        """The last moment of the day in `as_of`, in the person's timezone."""
        if self.as_of is None:
            return None
        return datetime.combine(self.as_of, clock.max, self.memory.people.get(self.asked.user_id).zone)

    def note(self, receipt: dict[str, Any]) -> None:
        """Note in the receipt what the person chose for this reply."""
        if self.without:
            receipt["without"] = sorted(self.without)
        if self.as_of:
            receipt["as_of"] = self.as_of.isoformat()

    def for_prompt(self, receipt: dict[str, Any]) -> list[Fact]:
        """Return the memories for a model's prompt. If recall fails there are none, and the receipt says why."""
        try:
            # Standing memories are known only as they are today.
            memories = self.find(self.asked.content, self.in_prompt, standing=0 if self.as_of else REPLY_STANDING)
        except ModelError as error:
            receipt["not_recalled"] = str(error)
            return []
        receipt["memories"] = [for_receipt(fact) for fact in memories]
        return memories

    def again(self, query: str, person: str, days: Days, zone: tzinfo, known: Sequence[Fact]) -> list[Fact]:
        """Return what else fits another query: about a person, from some days, without the memories that are known."""
        question = f"{query} ({person})" if person and person.casefold() not in query.casefold() else query
        ids = [each.id for each in known]
        return self._unless_left_out(self._recall(question, self.in_prompt, ids, filters=told_on(days, zone)))

    @property
    def in_prompt(self) -> list[str]:
        """The messages that the prompt most likely shows, which are not searched."""
        return [*(each.id for each in self.history.messages[-NOT_RECALLED:]), *self.history.elsewhere]

    def find(self, question: str, not_said: Collection[str], standing: int = 0) -> list[Fact]:
        """Return the memories that fit a question; the messages in `not_said` are not searched."""
        before = [Said(each.role, each.content, each.created_at) for each in self.history.messages[:-1]]
        return self._unless_left_out(self._recall(question, not_said, before=before, standing=standing))

    def _recall(self, question: str, not_said: Collection[str], known: Collection[str] = (), **more: Any) -> list[Fact]:
        return self.memory.recall(
            question,
            user_id=self.asked.user_id,
            limit=REPLY_RESULTS,
            without={*(episode_id(self.asked.user_id, each) for each in not_said), *self.without, *known},
            as_of=self.moment,
            **more,
        )

    def _unless_left_out(self, found: list[Fact]) -> list[Fact]:
        if not self.without:
            return found
        left_out = [known for each in self.without if (known := self.memory.get(each, user_id=self.asked.user_id))]
        return without_memories(found, self.without, left_out)


def told_on(days: Days, zone: tzinfo) -> dict[str, Any]:
    """Return the filter for what was told, or happened, on these days of the person; either end may be open."""
    first, last = days
    happened: dict[str, Any] = {}
    told: dict[str, Any] = {}
    if first:
        happened["$gte"], told["$gte"] = first, datetime.combine(first, clock.min, zone)
    if last:
        happened["$lte"], told["$lte"] = last, datetime.combine(last, clock.max, zone)
    if not told:
        return {}
    return {"$or": [{"created_at": told}, {"happened_at": happened}]}


def without_memories(recalled: Sequence[Fact], ids: Collection[str], left_out: Sequence[Result]) -> list[Fact]:
    """Return the recalled memories without those in `ids` and without episodes that would give them away.

    Such episodes are the turns they were learned from, replies that used them, and whatever says the same.
    """
    turns = {each["metadata"].get("message_id") for each in left_out} - {None}
    texts = [content_words(each["memory"]) for each in left_out]

    def gives_away(fact: Fact) -> bool:
        if fact.source != "episodes":
            return False
        origin = fact.metadata
        if {origin.get("turn"), origin.get("message_id")} & turns or set(origin.get("used", ())) & set(ids):
            return True
        # The note on a correction says what the memory says.
        if any({each.memory_id, each.now_id} & set(ids) for each in fact.corrections):
            return True
        words = content_words(fact.text)
        return any(text and text <= words for text in texts)

    return [fact for fact in recalled if fact.id not in ids and not gives_away(fact)]


def for_receipt(fact: Fact) -> dict[str, Any]:
    """Return a memory as the receipt keeps it: its text, days and author, where it comes from, and how it scored."""
    entry = {"id": fact.id, "text": fact.text, "score": fact.score, "source": fact.source, "parts": fact.parts}
    by = fact.metadata.get("actor_id") or fact.metadata.get("role")
    origin = {name: fact.metadata[name] for name in ("run_id", "message_id") if fact.metadata.get(name)}
    # The note on a correction quotes a memory, which may be erased while the receipt stays.
    days = {"at": fact.told_at, "about": fact.metadata.get("happened_at"), "corrected": bool(fact.corrections)}
    why = {"given": _given_as(fact)}
    return entry | origin | {name: value for name, value in (days | why).items() if value} | {"by": by}


def _given_as(fact: Fact) -> Literal["always", "instruction", "newest"] | None:
    """Return as what a memory is given whatever is asked; None if it was found for the question."""
    if fact.always_included:
        return "always"
    if fact.score is not None:
        return None
    return "instruction" if fact.kind == "instruction" else "newest"
