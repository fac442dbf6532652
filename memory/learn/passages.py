"""Cuts a long message into passages, which are embedded and searched one by one.

A passage ends where a paragraph, a list item or a block of code ends; only what is longer than a passage by itself is
cut inside: code between lines, text between sentences, anything else between words. The passages of a message, joined,
are the message again. A message that is not long is one passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["LONG", "passages"]

LENGTH = 350  # characters that a passage should have
LONG = 500  # characters: up to this length a message or a block stays whole
SHORTEST = 120  # a last passage shorter than this becomes part of the one before
MOST = 400  # passages of one message; what is left over stays in the last one

_FENCE = re.compile(r"\s*(```|~~~)")
_OPENS_BLOCK = re.compile(r"\s*(?:[-*+•–]|\d{1,3}[.)]|#{1,6})\s")  # a list item or a heading
_SENTENCE_END = re.compile(r"[.!?…]['\"”’)\]]*\s+|[。！？]|\n")


def passages(text: str) -> list[str]:
    """Return the passages of a message in their order."""
    if len(text) <= LONG:
        return [text]
    packed = list(_packed(piece for block in _blocks(text) for piece in _pieces(block)))
    if len(packed) > 1 and len(packed[-1]) < SHORTEST:
        packed[-2:] = ["".join(packed[-2:])]
    return [*packed[: MOST - 1], "".join(packed[MOST - 1 :])] if len(packed) > MOST else packed


def _packed(pieces: Iterable[str]) -> Iterator[str]:
    """Join neighbours as long as they do not exceed the length of a passage."""
    passage = ""
    for piece in pieces:
        if passage.strip() and len(passage) + len(piece.rstrip()) > LENGTH:
            yield passage
            passage = ""
        passage += piece
    if passage:
        yield passage


def _blocks(text: str) -> Iterator[str]:
    """Cut a text before each paragraph, list item, heading and block of code."""
    block, fenced, blank = "", False, False
    for line in text.splitlines(keepends=True):
        fence = bool(_FENCE.match(line))
        begins = not fenced and (blank or fence or bool(_OPENS_BLOCK.match(line)))
        if begins and block and line.strip():
            yield block
            block = ""
        block += line
        blank = not line.strip()
        if fence:
            fenced = not fenced
            blank = not fenced  # after the end of the code a new block begins
    if block:
        yield block


def _pieces(block: str) -> Iterator[str]:
    """Cut a block that is too long for a passage: between lines of code, between sentences, or between words."""
    if len(block.rstrip()) <= LONG:  # blank lines after a block do not make it long
        yield block
        return
    cuts = re.compile(r"\n") if _FENCE.match(block) else _SENTENCE_END
    start = 0
    while len(block) - start > LONG:
        window = block[start : start + LENGTH]
        ends = [found.end() for found in cuts.finditer(window)]
        end = ends[-1] if ends else window.rfind(" ") + 1
        start_before, start = start, start + (end if end > SHORTEST else len(window))
        yield block[start_before:start]
    yield block[start:]
