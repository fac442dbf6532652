"""What a chat, a message in it, and a turn to remember are. Pure: rows of Postgres as the rooms hand them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from memory.errors import NotFound

__all__ = ["FIELDS", "Conversation", "Message", "Turn", "as_id"]

# The columns of app.messages that make a `Message`.
FIELDS = (
    "id::text, conversation_id::text, parent_id::text, user_id, role, content, status, receipt, created_at,"
    " remembering, feedback, feedback_why"
)


@dataclass(frozen=True)
class Conversation:
    """One chat in a person's list."""

    id: str
    title: str
    updated_at: datetime
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    id: str
    conversation_id: str
    parent_id: str | None
    user_id: str
    role: str
    content: str
    status: str
    created_at: datetime
    receipt: Mapping[str, Any] = field(default_factory=dict)
    remembering: str = "none"  # of what a person said: waiting, done or given up
    feedback: int | None = None  # of a reply: 1 or -1, as the person finds it
    feedback_why: str = ""


@dataclass(frozen=True)
class Turn:
    """A person's message whose turn the worker has claimed, with the reply to it if there is one."""

    message: Message
    reply: Message | None


def as_id(value: str) -> str:
    """An id as Postgres takes it; anything else is nobody's chat."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound("There is no such chat.") from error
