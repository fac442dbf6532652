"""A model that says what a test has put into its mouth: the one thing that is faked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from memory.model import PromptMessage, Schema, Usage

__all__ = ["Reply", "ScriptedModel"]

Pieces = Sequence["str | BaseException"]
Calls = Mapping[str, Any]  # for `relay`: what a piece of the protocol adds, such as calls of tools
# For `answer`: an instance of its schema. For `stream`: a text, or pieces; an error among them breaks it off there.
Reply = BaseModel | BaseException | str | Pieces | Calls


class ScriptedModel:
    """A model that answers with what was enqueued, in order, and records what it was asked."""

    def __init__(self, name: str = "scripted") -> None:
        self.name = name
        self.calls: list[list[PromptMessage]] = []
        self.replies: deque[Reply] = deque()

    def enqueue(self, *replies: Reply) -> None:
        """Say these next, one for each call."""
        self.replies.extend(replies)

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Yield the next reply piece by piece."""
        reply = self._next(messages, usage)
        assert not isinstance(reply, BaseModel | Mapping), f"{self.name} was asked to stream, but {reply!r} comes next"
        for piece in [reply] if isinstance(reply, str) else reply:
            if isinstance(piece, BaseException):
                raise piece
            if usage is not None:
                usage.reply_tokens += len(piece.split())
            yield piece

    def relay(
        self, messages: Sequence[PromptMessage], options: Mapping[str, Any], usage: Usage | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the next reply as pieces of the protocol."""
        if self.replies and isinstance(self.replies[0], Mapping):
            delta = self._next(messages, usage)
            yield {"choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}
            return
        for words in self.stream(messages, usage):
            yield {"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": None}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Give the next answer."""
        reply = self._next(messages, usage)
        assert isinstance(reply, schema), f"{self.name} was asked for {schema.__name__}, but {reply!r} comes next"
        return reply

    def listed(self) -> dict[str, bool | None]:
        """Offer only itself."""
        return {self.name: None}

    def named(self, name: str) -> ScriptedModel:
        """Return a model of another name that takes from the same replies and records to the same calls."""
        other = type(self)(name)
        other.calls, other.replies = self.calls, self.replies
        return other

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _next(self, messages: Sequence[PromptMessage], usage: Usage | None) -> BaseModel | str | Pieces | Calls:
        self.calls.append(list(messages))
        assert self.replies, f"{self.name} was called once more than the test expects"
        reply = self.replies.popleft()
        if isinstance(reply, BaseException):
            raise reply
        if usage is not None:
            usage.model = self.name
            usage.prompt_tokens += sum(len(message.content.split()) for message in messages)
        return reply
