"""The values that the memory layer works with: messages, proposals, plans and memories. They have no behaviour."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "ALWAYS",
    "IMPORTED",
    "KINDS",
    "Correction",
    "Fact",
    "Kind",
    "Plan",
    "Proposal",
    "RefusedProposal",
    "Removal",
    "Result",
    "Said",
    "Write",
    "content_hash",
    "embedded",
    "spoken",
]

# A new kind also needs a line in the prompt (learn/extract.py); a test compares the places where the app shows kinds.
Kind = Literal["fact", "preference", "goal", "instruction", "event"]
KINDS: tuple[Kind, ...] = ("fact", "preference", "goal", "instruction", "event")
Action = Literal["add", "update", "delete", "ask"]
Proposed = Literal["add", "update", "delete", "ask", "none"]
# Each entity is given by all its names; a relation is (subject, relation, object), where "me" is the person.
Entities = tuple[tuple[str, ...], ...]
Relations = tuple[tuple[str, str, str], ...]

IMPORTED = "chatgpt:"  # how the ids of chats and messages begin that were brought from elsewhere
ALWAYS = "always_included"  # the key of a memory that the person marked; metadata of callers cannot hold it
# The keys of a row that mem0 shows beside `metadata`; all other keys are shown inside it.
CORE_KEYS = frozenset({"data", "user_id", "hash", "created_at", "updated_at"})
# Keys of a row that mem0 shows beside `metadata`, where a row has them; here they are inside it, too.
TOP_KEYS = ("agent_id", "app_id", "run_id", "actor_id", "role", "expiration_date")
# Keys that only programs read: mem0's own search words.
HIDDEN_KEYS = frozenset({"text_lemmatized"})


class Result(TypedDict):
    """One memory in mem0's shape, as it is returned to callers."""

    id: str
    memory: str
    hash: str
    user_id: str
    created_at: str | None
    updated_at: str | None
    score: float | None
    metadata: dict[str, Any]
    always_included: NotRequired[bool]  # only if the person marked it
    parts: NotRequired[dict[str, float]]  # what the score is made of; only with `explain`
    agent_id: NotRequired[str]
    app_id: NotRequired[str]
    run_id: NotRequired[str]
    actor_id: NotRequired[str]  # who said it, where several speak
    role: NotRequired[str]  # of what was kept as it was said
    expiration_date: NotRequired[str]


@dataclass(frozen=True)
class Said:
    """One message as it was said."""

    role: str
    content: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    message_id: str | None = None
    run_id: str | None = None
    name: str | None = None  # of the speaker, if there are several
    after: str | None = None  # the id of the person's message before it in its chat, if that is known

    @property
    def is_imported(self) -> bool:
        """Whether it was said to another assistant, and brought here with an export."""
        return (self.run_id or "").startswith(IMPORTED)


@dataclass(frozen=True)
class Correction:
    """A statement that no longer stands: an earlier version of a memory, or what the person decided against."""

    memory_id: str
    said: str
    quote: str | None
    message_id: str | None  # of the message that told it
    now_says: str | None  # what stands instead; None if nothing does
    until: str  # when it ended, in ISO 8601
    now_id: str | None = None  # the memory that stands instead
    now_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Removal:
    """A statement that was deleted and not told again."""

    said: str
    quote: str | None
    until: str  # when it was deleted, in ISO 8601


@dataclass(frozen=True)
class Fact:
    """One row of vecs.memories, or of vecs.episodes, without its vector."""

    id: str
    metadata: Mapping[str, Any]
    score: float | None = None
    source: str = "memories"  # or "episodes"
    parts: Mapping[str, float] | None = None  # what the score is made of
    corrections: tuple[Correction, ...] = ()  # of what an episode says
    just_learned: bool = False  # from the turn before the one that is read

    @property
    def text(self) -> str:
        """The statement."""
        return str(self.metadata.get("data", ""))

    @property
    def kind(self) -> str:
        """The kind of memory; rows that other programs wrote have none and count as facts."""
        return str(self.metadata.get("kind") or "fact")

    @property
    def quote(self) -> str | None:
        """The person's own words that prove the memory."""
        return self.metadata.get("quote")

    @property
    def created_at(self) -> str | None:
        """The time when the memory was first kept, in ISO 8601."""
        return self.metadata.get("created_at")

    @property
    def told_at(self) -> str | None:
        """The time when the person told what it says now, in ISO 8601; `happened_at` is the day it is about."""
        return self.metadata.get("told_at") or self.metadata.get("updated_at") or self.created_at

    @property
    def always_included(self) -> bool:
        """Whether the person marked it, so that every reply is given it."""
        return self.metadata.get(ALWAYS) is True

    @property
    def corrected(self) -> str:
        """Say what of it no longer stands, as in "since corrected: I live in Porto"; empty if all of it does."""
        if not self.corrections:
            return ""
        now = dict.fromkeys(each.now_says for each in self.corrections if each.now_says)
        return f"since corrected: {'; '.join(now)}" if now else "no longer true"

    def result(self, *, explain: bool = False) -> Result:
        """Return the memory in mem0's shape, with the parts of its score if `explain` is set.

        An episode that was corrected says so in its text, because many callers look at nothing else.
        """
        note = f" (said on {str(self.created_at)[:10]}, {self.corrected})" if self.corrections else ""
        result = Result(
            id=self.id,
            memory=self.text + note,
            hash=str(self.metadata.get("hash", "")),
            user_id=str(self.metadata.get("user_id", "")),
            created_at=self.created_at,
            updated_at=self.metadata.get("updated_at"),
            score=self.score,
            metadata={key: value for key, value in self.metadata.items() if key not in CORE_KEYS | HIDDEN_KEYS},
        )
        for key in TOP_KEYS:
            if key in self.metadata:
                result[key] = self.metadata[key]  # type: ignore[literal-required]
        if self.always_included:
            del result["metadata"][ALWAYS]
            result["always_included"] = True
        if explain:
            result["parts"] = dict(self.parts or {})
        return result


@dataclass(frozen=True)
class Proposal:
    """A change that the model or the rules propose; it is not accepted yet.

    `target` is the number, from 1, of a memory that was shown to the model. The action `ask` is an
    update that may be wrong: it becomes a question to the person. `none` says that the target was said again.
    """

    action: Proposed
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
    """An accepted proposal, ready to be written."""

    action: Action
    text: str
    kind: Kind
    quote: str
    fact_id: str | None
    happened_at: str | None
    language: str | None
    reason: str
    said: Said
    # The target's text when it was shown to the model; a target that has another text by now is not overwritten.
    seen: str | None = None
    entities: Entities = ()
    relations: Relations = ()


@dataclass(frozen=True)
class RefusedProposal:
    """A proposal that was not accepted, and the reason."""

    text: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """All changes that a turn makes to one person's memories, ready to be written in one transaction."""

    user_id: str
    writes: tuple[Write, ...] = ()
    vectors: tuple[list[float], ...] = ()
    refused: tuple[RefusedProposal, ...] = ()
    confirmed: tuple[str, ...] = ()  # ids of memories that were said again
    actor: str = "model"
    episodes: tuple[Said, ...] = ()  # messages that may be kept as they were said
    episode_vectors: tuple[list[float], ...] = ()  # of their passages
    forgets: str | None = None  # the message before, if the person asks to forget it

    def with_writes(self, kept: Sequence[int]) -> Plan:
        """Return the plan with only those writes that have these numbers."""
        writes, vectors = [self.writes[each] for each in kept], [self.vectors[each] for each in kept]
        return replace(self, writes=tuple(writes), vectors=tuple(vectors))


def embedded(metadata: Mapping[str, Any]) -> str:
    """Return the text of a row that is embedded and searched; `app.searched` does the same in SQL."""
    return spoken(str(metadata.get("data", "")), metadata.get("actor_id"))


def spoken(text: str, name: str | None) -> str:
    """Put the speaker's name before a text, if there is a name."""
    return f"{name}: {text}" if name else text


def content_hash(text: str) -> str:
    """Return the md5 that mem0 keeps with each memory to identify its text; it protects nothing."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
