"""The nouns of the memory layer: what was said, what is proposed, what is kept. Values only, no behaviour."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "KINDS",
    "Fact",
    "Kind",
    "Plan",
    "Proposal",
    "RefusedProposal",
    "Result",
    "Said",
    "Write",
    "content_hash",
    "embedded",
    "spoken",
]

Kind = Literal["fact", "preference", "goal", "instruction", "event"]
KINDS: tuple[Kind, ...] = ("fact", "preference", "goal", "instruction", "event")
Action = Literal["add", "update", "delete", "ask"]
# All the names one entity goes by in a memory; and (subject, relation, object), "me" being the person.
Entities = tuple[tuple[str, ...], ...]
Relations = tuple[tuple[str, str, str], ...]

# What mem0 keeps beside the rest in one flat object; everything else in it is shown as `metadata`.
CORE_KEYS = frozenset({"data", "user_id", "hash", "created_at", "updated_at"})


class Result(TypedDict):
    """One memory as callers get it: mem0's shape."""

    id: str
    memory: str
    hash: str
    user_id: str
    created_at: str | None
    updated_at: str | None
    score: float | None
    metadata: dict[str, Any]
    parts: NotRequired[dict[str, float]]  # what the score is made of, where that was asked for


@dataclass(frozen=True)
class Said:
    """One message as it was said."""

    role: str
    content: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    message_id: str | None = None
    run_id: str | None = None
    name: str | None = None  # of the speaker, where there are several


@dataclass(frozen=True)
class Fact:
    """One row of vecs.memories, or of vecs.episodes, without its vector."""

    id: str
    metadata: Mapping[str, Any]
    score: float | None = None
    source: str = "memories"  # or "episodes": what was said, and nobody has made a memory of
    parts: Mapping[str, float] | None = None  # what the score is made of

    @property
    def text(self) -> str:
        """What is remembered, in words."""
        return str(self.metadata.get("data", ""))

    @property
    def kind(self) -> str:
        """What sort of memory it is; rows of other writers have none and count as facts."""
        return str(self.metadata.get("kind") or "fact")

    @property
    def quote(self) -> str | None:
        """The person's own words it came from."""
        return self.metadata.get("quote")

    @property
    def created_at(self) -> str | None:
        """When it was first kept, ISO 8601."""
        return self.metadata.get("created_at")

    def result(self, *, explain: bool = False) -> Result:
        """The same in mem0's shape, with the parts of its score where they are asked for."""
        told = Result(
            id=self.id,
            memory=self.text,
            hash=str(self.metadata.get("hash", "")),
            user_id=str(self.metadata.get("user_id", "")),
            created_at=self.created_at,
            updated_at=self.metadata.get("updated_at"),
            score=self.score,
            metadata={key: value for key, value in self.metadata.items() if key not in CORE_KEYS},
        )
        if explain:
            told["parts"] = dict(self.parts or {})
        return told


@dataclass(frozen=True)
class Proposal:
    """What the model, or the rules, would like to do; nothing is believed yet.

    `target` is the number, from 1, of a known memory that was shown. `ask` is an update whose writer is
    not sure which of the two is right: it becomes a question to the person.
    """

    action: Action
    text: str = ""
    kind: Kind = "fact"
    quote: str = ""
    target: int | None = None
    happened_at: str | None = None
    language: str | None = None
    reason: str = ""
    entities: Entities = ()
    relations: Relations = ()


@dataclass(frozen=True)
class Write:
    """What will be done: a proposal that passed every check."""

    action: Action
    text: str
    kind: Kind
    quote: str
    fact_id: str | None
    happened_at: str | None
    language: str | None
    reason: str
    said: Said
    # What the target said when it was shown: if it says something else by now, nothing is overwritten.
    seen: str | None = None
    entities: Entities = ()
    relations: Relations = ()


@dataclass(frozen=True)
class RefusedProposal:
    """A proposal that was not accepted, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Everything one turn will change in one person's memory, ready to be written in one transaction."""

    user_id: str
    writes: tuple[Write, ...] = ()
    vectors: tuple[list[float], ...] = ()
    refused: tuple[RefusedProposal, ...] = ()
    confirmed: tuple[str, ...] = ()  # ids of memories that were said again
    actor: str = "model"
    episodes: tuple[Said, ...] = ()  # what may stand as it was said
    episode_vectors: tuple[list[float], ...] = ()


def embedded(metadata: Mapping[str, Any]) -> str:
    """What of a row is embedded and searched: its text, and for what somebody said, who said it; app.searched."""
    return spoken(str(metadata.get("data", "")), metadata.get("actor_id"))


def spoken(text: str, name: str | None) -> str:
    """A text with its speaker's name before it, where there is one."""
    return f"{name}: {text}" if name else text


def content_hash(text: str) -> str:
    """The md5 that mem0 keeps with each memory; an identity, not a protection."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
