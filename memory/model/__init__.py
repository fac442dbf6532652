"""Language models: what one is to the rest of the program, and what is said to it.

client.py is the one that speaks OpenAI's protocol; it is loaded only where a model or an embedding model is configured,
because loading openai takes as long as loading everything else. This package knows nothing of memories or chats.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

__all__ = ["Model", "Picture", "PromptMessage", "Schema", "Usage"]

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

    def written(self) -> dict[str, Any]:
        """Return the message in the protocol's form; in parts only if it has pictures: not every server knows parts."""
        if not self.pictures:
            return {"role": self.role, "content": self.content}
        parts: list[dict[str, Any]] = [{"type": "text", "text": self.content}] if self.content else []
        parts += [{"type": "image_url", "image_url": {"url": each.url}} for each in self.pictures]
        return {"role": self.role, "content": parts}


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

    def listed(self) -> list[str]:
        """Return the names of all models at the same address, whatever they are for."""

    def named(self, name: str) -> Model:
        """Return another model at the same address."""

    def close(self) -> None:
        """Close the connections."""
