"""What a message and a chat's name may be: too long is refused, not cut. Pure."""

from __future__ import annotations

import unicodedata

from errors import InvalidInput
from plaintext import storable

__all__ = ["MAX_MESSAGE", "MAX_NAME", "MAX_TITLE", "given_name", "sayable", "title_of"]

MAX_MESSAGE = 32_000
MAX_TITLE = 60
MAX_NAME = 100  # of a name that a person gives


def title_of(words: str) -> str:
    """The first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def given_name(name: str) -> str:
    """A chat's name in one line, as it will be kept; refused where there is none, or too much of it."""
    if not isinstance(name, str):
        raise InvalidInput("A chat's name is text.")
    seen = "".join(each for each in storable(name) if unicodedata.category(each) != "Cc" or each.isspace())
    line = " ".join(seen.split())
    if not line:
        raise InvalidInput("The name is empty.")
    if len(line) > MAX_NAME:
        raise InvalidInput(f"The name has {len(line):,} characters; at most {MAX_NAME} fit into the list.")
    return line


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
