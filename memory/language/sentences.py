"""A message to the sentences that are the person's own: no quotation, no code, nothing pasted or drafted.

It only leaves out. Every sentence is a span of the message, so what is kept can be quoted letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memory.language.grammar import Grammar

__all__ = ["MAX_MESSAGE", "MAX_SENTENCE", "plain", "sentences"]

# Longer messages are pasted, whatever they say.
MAX_MESSAGE, MAX_SENTENCE = 10_000, 400
LEFT_OUT = "\ufffc"
# One sign for one sign, so that places in the plain text are places in the message.
_PLAIN = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("\t\xa0\u202f\u2009\r", " "))
_NOT_ONES_OWN = re.compile(
    r"""
      ```.*?(?:```|\Z)                        # code, closed or not
    | `[^`\n]*`
    | ^(?:>|\ {4}|\t)[^\n]*                   # a quoted or an indented line
    | "[^"]*(?:"|\Z) | “[^”"]*(?:[”"]|\Z)     # words between marks; a mark left open leaves out the rest
    | „[^“”"]*(?:[“”"]|\Z) | «[^»]*(?:»|\Z) | »[^«]*(?:«|\Z)
    | (?<!\w)['‘](?=\w)[^\n]*                 # single marks also serve as apostrophes: to the end of the line
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_END = re.compile(
    r"""
      [!?…\n]+
    | (?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bSt)(?<!\bSra)(?<!\bSr)(?<!\d) \.+ (?=\s|\Z)
    | (?<=\d) \.+ (?=\s|\Z) (?!\ (?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\b)   # "4. Juli" goes on
    """,
    re.VERBOSE,
)
_COLON = re.compile(r":(?=\s|\Z)")
_BEFORE_COLON = re.compile(r"[.!?…\n]")


def plain(text: str) -> str:
    """The text with one form for apostrophes and spaces, sign for sign."""
    return text.translate(_PLAIN)


def sentences(content: str, grammars: Sequence[Grammar]) -> Iterator[tuple[int, int]]:
    """Where the person's own sentences begin and end."""
    own = _without_rest(_NOT_ONES_OWN.sub(_left_out, content), grammars)
    for start, end in _spans(plain(own)):
        if LEFT_OUT not in own[start:end] and end - start <= MAX_SENTENCE:
            yield start, end


def _left_out(found: re.Match[str]) -> str:
    return LEFT_OUT * len(found.group())


def _without_rest(text: str, grammars: Sequence[Grammar]) -> str:
    """Without what follows a colon, and what announces it: a draft, a quotation, a text to work on."""
    sentence_start = 0
    for colon in _COLON.finditer(text):
        for mark in _BEFORE_COLON.finditer(text, sentence_start, colon.start()):
            sentence_start = mark.end()
        announced = plain(text[sentence_start : colon.start()]).strip()
        if not any(grammar.preface.match(announced) for grammar in grammars):
            return text[:sentence_start] + LEFT_OUT * (len(text) - sentence_start)
        sentence_start = colon.end()
    return text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _END.finditer(text):
        yield from _trimmed(text, start, mark.end())
        start = mark.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    said = text[start:end]
    start += len(said) - len(said.lstrip())
    end -= len(said) - len(said.rstrip())
    if start < end:
        yield start, end
