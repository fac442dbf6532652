"""Language models: what one is to the rest of the program, and what is said to it.

client.py is the one that speaks OpenAI's protocol; it is loaded only where a model or an embedding model is configured,
because loading openai takes as long as loading everything else. This package knows nothing of memories or chats.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from ..settings import MemorySettings

__all__ = ["Model", "Picture", "PromptMessage", "RelayedMessage", "Schema", "Usage", "chat_model", "memory_model"]

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Picture:
    """A picture in a message."""

    media: str
    held: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The picture as a data URL."""
        return f"data:{self.media};base64,{base64.b64encode(self.held).decode()}"


@dataclass(frozen=True)
class PromptMessage:
    """One message of a prompt."""

    role: str
    content: str
    pictures: tuple[Picture, ...] = ()

    @property
    def picture_count(self) -> int:
        """How many pictures it has."""
        return len(self.pictures)

    def written(self) -> dict[str, Any]:
        """Return the message in the protocol's form; in parts only if it has pictures: not every server knows parts."""
        if not self.pictures:
            return {"role": self.role, "content": self.content}
        parts: list[dict[str, Any]] = [{"type": "text", "text": self.content}] if self.content else []
        parts += [{"type": "image_url", "image_url": {"url": each.url}} for each in self.pictures]
        return {"role": self.role, "content": parts}


@dataclass(frozen=True)
class RelayedMessage(PromptMessage):
    """A message in the protocol's form, as another program sent it; `content` is what of it is counted in tokens."""

    form: Mapping[str, Any] = field(default_factory=dict)

    @property
    def picture_count(self) -> int:
        """How many pictures it has."""
        parts = self.form.get("content")
        return sum(each.get("type") == "image_url" for each in parts) if isinstance(parts, list) else 0

    def written(self) -> dict[str, Any]:
        """Return the message as it was sent."""
        return dict(self.form)


@dataclass
class Usage:
    """The tokens of a call, filled in while it runs; zeros if the server does not report them."""

    model: str = ""
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cut_off: bool = False


class Model(Protocol):
    """A chat model, as the rest of the program uses it."""

    @property
    def name(self) -> str:
        """The model's name."""

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Yield the reply piece by piece; raise a `ModelError` if it breaks off, or if nothing comes."""

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Return one answer that fits the schema, or raise `BadAnswer`."""

    def relay(
        self, messages: Sequence[PromptMessage], options: Mapping[str, Any], usage: Usage | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the pieces of a reply as the server sends them, asked for with more options of the protocol."""

    def listed(self) -> dict[str, bool | None]:
        """Return all models at the same address, whatever they are for: whether each takes pictures, where it says."""

    def named(self, name: str) -> Model:
        """Return another model at the same address."""

    def close(self) -> None:
        """Close the connections."""


def chat_model(settings: MemorySettings) -> Model | None:
    """Return the model that replies, or None if none is configured."""
    if not settings.has_model:
        return None
    from .client import OpenAIModel  # loads openai

    return OpenAIModel(settings.chat_model, settings.openai_api_key, settings.openai_base_url)


def memory_model(settings: MemorySettings) -> Model | None:
    """Return the model that decides what to remember, or None. It does not retry: the worker tries again later."""
    if not settings.has_model:
        return None
    from .client import MEMORY_SECONDS, OpenAIModel  # loads openai

    name = settings.memory_model or settings.chat_model
    return OpenAIModel(name, settings.openai_api_key, settings.openai_base_url, retries=0, patience=MEMORY_SECONDS)
