"""What a message and a chat's name may be: too long is refused, not cut. Pure."""

from __future__ import annotations

import re
from collections.abc import Sized

from memory.errors import InvalidInput
from memory.plain_text import storable

__all__ = ["MAX_MESSAGE", "MAX_NAME", "MAX_TITLE", "given_name", "in_one_line", "sayable", "title_of"]

MAX_MESSAGE = 32_000
MAX_TITLE = 60
MAX_NAME = 100  # of a name that a person gives
# Control characters, and those that turn the direction of what is written round them.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def title_of(words: str) -> str:
    """The first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def in_one_line(text: str) -> str:
    """A text without line breaks, and without what cannot be seen."""
    return " ".join(_UNSEEN.sub(" ", storable(text)).split())


def given_name(name: str) -> str:
    """A chat's name in one line, as it will be kept; refused where there is none, or too much of it."""
    if not isinstance(name, str):
        raise InvalidInput("A chat's name is text.")
    line = in_one_line(name)
    if not line:
        raise InvalidInput("The name is empty.")
    if len(line) > MAX_NAME:
        raise InvalidInput(f"The name has {len(line):,} characters; at most {MAX_NAME} fit into the list.")
    return line


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
