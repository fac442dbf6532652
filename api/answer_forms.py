"""The forms of what the calls answer, for the description that clients are made from.

mem0_calls.py, own_calls.py and completions.py make the answers. A field that is added there has to be added here. The
calls return plain dictionaries, and nothing is checked when they answer: the tests hold every answer against its form.
A field with `absent()` is left out where it says nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

__all__ = [
    "AddedMemories",
    "ChangeList",
    "ChangedTogether",
    "ConfirmedMemory",
    "DeletedMemories",
    "DoneMessage",
    "EntityList",
    "FoundMemories",
    "KeyInfo",
    "KnownMemory",
    "ListedMemories",
    "MemoryVersions",
    "ModelList",
    "OpenQuestions",
    "ProfilePage",
    "ReplyReceipts",
    "WrittenReply",
]


def absent(description: str | None = None) -> Any:
    """Say that a field may be missing, without saying that it may be null."""
    return Field(default_factory=lambda: None, description=description)


class AnswerForm(BaseModel):
    """What a call answers; a field that is not named here is a mistake."""

    model_config = {"extra": "forbid"}


class KeyInfo(AnswerForm):
    """Whose the key is, and whether it may write."""

    status: Literal["ok"]
    org_id: str = Field(description="For mem0's clients, which need one")
    project_id: str = Field(description="For mem0's clients, which need one")
    user_id: str = absent("The person of the key; missing with an application's")
    application: str = absent("The name of the application")
    can_write: bool


class DoneMessage(AnswerForm):
    """That it is done."""

    message: str


class KnownMemory(AnswerForm):
    """One memory. A search that names `fields` answers only these and the id."""

    id: str
    memory: str = Field(description="What is remembered")
    hash: str
    user_id: str | None = Field(description="null if an agent, app or run has it without a user")
    created_at: str | None
    updated_at: str | None
    score: float = absent("How well it fits; only in a search")
    metadata: dict[str, Any]
    always_included: bool = absent("The person wants every reply to be given it")
    parts: dict[str, float] = absent("What the score is made of; with explain only")
    agent_id: str = absent()
    app_id: str = absent()
    run_id: str = absent()
    actor_id: str = absent("Who said it, where several speak")
    role: str = absent("Of what was kept as it was said")
    expiration_date: str = absent()


class FoundMemories(AnswerForm):
    """Memories, best first."""

    results: list[KnownMemory]


class ListedMemories(AnswerForm):
    """One page of memories, the newest first."""

    count: int = Field(description="On all pages together")
    next: str | None
    previous: str | None
    results: list[KnownMemory]


class AddedMemory(AnswerForm):
    """What one statement changed; ASK means that a question to the person is open."""

    id: str
    memory: str
    event: Literal["ADD", "UPDATE", "DELETE", "ASK"]
    previous_memory: str = absent()


class AddedMemories(AnswerForm):
    """What was learned."""

    results: list[AddedMemory]


class MemoryChange(AnswerForm):
    """One change of one memory, with who made it and why."""

    id: int = Field(description="The number of the change, for undo")
    memory_id: str
    event: str = Field(description="ADD, UPDATE, DELETE and others")
    old_memory: str | None
    new_memory: str | None
    created_at: str
    is_deleted: bool
    actor: str = Field(description="person, model, rules, key NAME and others")
    reason: str | None
    message_id: str | None
    run_id: str | None
    quote: str | None = Field(description="The person's own words that it was learned from")
    run: str | None = Field(description="The name of several changes that were made together, for undo")
    undoes: int | None = Field(description="The number of the change that this one undid")
    marked: bool | None = Field(description="Whether it was marked to be given to every reply; null if that stayed")


class ChangeList(AnswerForm):
    """Changes of memories."""

    results: list[MemoryChange]


class InputMessage(AnswerForm):
    """A message that a memory was learned from."""

    role: str
    content: str


class MemoryVersion(MemoryChange):
    """One version of a memory, in mem0's form."""

    user_id: str | None
    updated_at: str
    input: list[InputMessage]


class MemoryVersions(RootModel[list[MemoryVersion]]):
    """Every version of a memory, the oldest first."""


class DeletedMemories(AnswerForm):
    """What was deleted, which undo brings back by its run; or what was permanently erased."""

    message: str
    deleted: int = absent()
    run: str = absent()
    erased: dict[str, int] = absent("How many of each kind were permanently erased")
    proved: bool = absent("Whether a search afterwards found none of it")
    index_waits: int = absent("How many memories a separate search index still has to remove, by itself")


class ChangedTogether(AnswerForm):
    """That several memories were changed; with their run, undo reverses it."""

    message: str
    run: str


class ConfirmedMemory(AnswerForm):
    """The memory that was confirmed."""

    id: str
    feedback: Literal["POSITIVE"]
    run: str


class EntityTotal(AnswerForm):
    """A user, agent, app or run, and how much is remembered of it."""

    id: str
    type: Literal["user", "agent", "app", "run"]
    name: str
    total_memories: int


class EntityList(AnswerForm):
    """Whom there are memories of."""

    count: int
    next: str | None
    previous: str | None
    results: list[EntityTotal]


class OpenQuestion(AnswerForm):
    """Two statements of which the person has to say which is right."""

    id: str
    memory_id: str
    old: str | None = Field(description="What is remembered; null if it was deleted since")
    new: str
    asked_at: str


class OpenQuestions(AnswerForm):
    """The questions that wait for an answer, the oldest first."""

    results: list[OpenQuestion]


class ReplyReceipt(AnswerForm):
    """What one reply of the app was given, and what it cost."""

    message_id: str
    chat_id: str
    created_at: str
    status: str
    receipt: dict[str, Any] | None


class ReplyReceipts(AnswerForm):
    """Receipts, the newest first."""

    results: list[ReplyReceipt]


class ProfileLine(AnswerForm):
    """One line of the page about a person; `own` lines are the person's words."""

    id: str
    text: str
    kind: str
    memory_ids: list[str]
    own: bool
    removed: bool


class ProfilePage(AnswerForm):
    """The page about a person."""

    lines: list[ProfileLine]
    text: str
    updated_at: str | None


class ReplyParts(BaseModel):
    """A part of OpenAI's form, which may have more fields."""

    model_config = {"extra": "allow"}


class WrittenMessage(ReplyParts):
    """The words of a reply, or the tools that it calls."""

    role: Literal["assistant"]
    content: str | None
    tool_calls: list[dict[str, Any]] = absent()


class WrittenChoice(ReplyParts):
    """The one reply."""

    index: int
    message: WrittenMessage
    finish_reason: str | None


class GivenMemory(ReplyParts):
    """A memory that a reply was given."""

    id: str
    text: str


class MemoryReceipt(ReplyParts):
    """What a reply was given."""

    memories: list[GivenMemory] = absent()
    memory_off: bool = absent()


class WrittenReply(ReplyParts):
    """A reply, with its receipt. Streamed, it comes in pieces, the first of which has the receipt."""

    id: str
    object: str
    created: int
    model: str = absent()
    choices: list[WrittenChoice]
    usage: dict[str, Any] = absent()
    keepsake: MemoryReceipt


class ModelEntry(ReplyParts):
    """One model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(ReplyParts):
    """The models that may be asked for."""

    object: Literal["list"]
    data: list[ModelEntry]
