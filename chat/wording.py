"""What a message and a chat's name may be: too long is refused, not cut. Pure."""

from __future__ import annotations

from errors import InvalidInput
from plaintext import storable

__all__ = ["MAX_MESSAGE", "MAX_TITLE", "sayable", "title_of"]

MAX_MESSAGE = 32_000
MAX_TITLE = 60


def title_of(words: str) -> str:
    """The first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def sayable(content: str) -> str:
    """A message as it will be kept; refused, not cut, when it is too long."""
    kept = storable(content).strip()
    if not kept:
        raise InvalidInput("The message is empty.")
    if len(kept) > MAX_MESSAGE:
        raise InvalidInput(
            f"The message has {len(kept):,} characters; at most {MAX_MESSAGE:,} fit into one. Send it in parts."
        )
    return kept
