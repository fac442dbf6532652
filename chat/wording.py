"""What a message and a chat's name may be: too long is refused, not cut. Pure."""

from __future__ import annotations

from collections.abc import Sized

from errors import InvalidInput
from plaintext import storable

__all__ = ["MAX_MESSAGE", "MAX_TITLE", "sayable", "title_of"]

MAX_MESSAGE = 32_000
MAX_TITLE = 60


def title_of(words: str) -> str:
    """The first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def sayable(content: str, besides: Sized = ()) -> str:
    """A message as it will be kept; refused, not cut, when it is too long. With files `besides` it may be empty."""
    kept = storable(content).strip()
    if not kept and not besides:
        raise InvalidInput("The message is empty.")
    if len(kept) > MAX_MESSAGE:
        raise InvalidInput(
            f"The message has {len(kept):,} characters; at most {MAX_MESSAGE:,} fit into one. Send it in parts."
        )
    return kept
