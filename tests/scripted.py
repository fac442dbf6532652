"""A model that says what a test has put into its mouth: the one thing that is faked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from memory.model import Message, Model, Schema, Usage

__all__ = ["Reply", "ScriptedModel"]

Pieces = Sequence["str | BaseException"]
# For `answer`: an instance of its schema. For `stream`: a text, or pieces; an error among them breaks it off there.
Reply = BaseModel | BaseException | str | Pieces


class ScriptedModel(Model):
    """Answers with what was enqueued, in order, and keeps what it was asked."""

    def __init__(self, name: str = "scripted") -> None:
        # A frozen dataclass, whose own constructor would open a client.
        for field, value in {"name": name, "api_key": None, "base_url": None, "retries": 0}.items():
            object.__setattr__(self, field, value)
        object.__setattr__(self, "calls", [])
        object.__setattr__(self, "replies", deque())

    calls: list[list[Message]]
    replies: deque[Reply]

    def enqueue(self, *replies: Reply) -> None:
        """Say these next, one for each call."""
        self.replies.extend(replies)

    def stream(self, messages: Sequence[Message], usage: Usage | None = None) -> Iterator[str]:
        """Yield the next reply piece by piece."""
        reply = self._next(messages, usage)
        assert not isinstance(reply, BaseModel), f"{self.name} was asked to stream, but {reply!r} comes next"
        for piece in [reply] if isinstance(reply, str) else reply:
            if isinstance(piece, BaseException):
                raise piece
            if usage is not None:
                usage.reply_tokens += len(piece.split())
            yield piece

    def answer(self, messages: Sequence[Message], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Give the next answer."""
        reply = self._next(messages, usage)
        assert isinstance(reply, schema), f"{self.name} was asked for {schema.__name__}, but {reply!r} comes next"
        return reply

    def _next(self, messages: Sequence[Message], usage: Usage | None) -> BaseModel | str | Pieces:
        self.calls.append(list(messages))
        assert self.replies, f"{self.name} was called once more than the test expects"
        reply = self.replies.popleft()
        if isinstance(reply, BaseException):
            raise reply
        if usage is not None:
            usage.model = self.name
            usage.prompt_tokens += sum(len(message.content.split()) for message in messages)
        return reply
