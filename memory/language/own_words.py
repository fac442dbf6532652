"""Finds what of a message is the person's own words: not code, no quotation, and no text that they hand over with it.

It knows the forms in which texts are handed over, in English, German, French and Spanish (handed_over.py). A short text
that is pasted without any sign of it looks like the person's own.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .grammars import GRAMMARS
from .handed_over import LEFT_OUT, blank, without_doubtful, without_handed_over
from .words import stands_in

__all__ = [
    "LEFT_OUT",
    "MAX_TYPED",
    "is_handed_over",
    "own_instruction",
    "plain_text",
    "without_announced_text",
    "without_quotations",
]

MAX_TYPED = 10_000  # characters; longer messages were pasted
MAX_NAMED = 3  # words between marks that only name something: call me "Ann", use `uv`

# Each character is replaced by one, so that a position in the result is the same position in the message.
_PLAIN = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("\t\xa0\u202f\u2009\r", " "))
_NOT_THEIR_OWN = re.compile(
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
_COLON = re.compile(r":(?=\s|\Z)")
_ENDS_BEFORE_COLON = re.compile(r"[.!?…\n]")
# Quotations that cannot be anything else: a mark for inches, an apostrophe or an open mark is none.
_SURELY_QUOTED = re.compile(
    r"```.*?```|^>[^\n]*|(?<!\w)\"[^\"]*\"|“[^”\"]*[”\"]|„[^“”\"]*[“”\"]|«[^»]*»|»[^«]*«", re.DOTALL | re.MULTILINE
)


def plain_text(text: str) -> str:
    """Return the text with one form for apostrophes and spaces."""
    return text.translate(_PLAIN)


def without_quotations(content: str, named: int = 0) -> str:
    """Blank out code, quoted lines and words between marks, except between marks that hold at most `named` words."""
    return _NOT_THEIR_OWN.sub(lambda found: found[0] if 0 < _named(found[0]) <= named else blank(found[0]), content)


def without_announced_text(text: str, *, keep_announcement: bool = False) -> str:
    """Blank out a text that is announced with a colon: a draft, a quotation, a text to work on."""
    sentence_start = 0
    for colon in _COLON.finditer(text):
        for mark in _ENDS_BEFORE_COLON.finditer(text, sentence_start, colon.start()):
            sentence_start = mark.end()
        announced = plain_text(text[sentence_start : colon.start()]).strip()
        if not any(grammar.preface.match(announced) for grammar in GRAMMARS):
            end = colon.start() if keep_announcement else sentence_start
            return text[:end] + blank(text[end:])
        sentence_start = colon.end()
    return text


def own_instruction(quote: str, content: str) -> bool:
    """Return whether the person themselves asks for this in a message, and no text that they hand over with it.

    Where that is doubtful, it is not theirs: every later reply is given an instruction.
    """
    if len(content) > MAX_TYPED:
        return False
    own = without_doubtful(plain_text(without_quotations(_lines(content), MAX_NAMED)))
    return stands_in(quote, without_announced_text(own, keep_announcement=True))


def is_handed_over(quote: str, content: str) -> bool:
    """Return whether a quote stands only in a text that the person clearly quotes or hands over with a message."""
    own, others = _own_and_others(content)
    return stands_in(quote, others) and not stands_in(quote, own)


@lru_cache(maxsize=8)  # every proposal of a turn asks about the same message, and reading it takes long
def _own_and_others(content: str) -> tuple[str, str]:
    """Return what of a message is the person's own text, and what they quote or hand over."""
    text = _lines(content)
    quoted = _SURELY_QUOTED.sub(lambda found: found[0] if 0 < _named(found[0]) <= MAX_NAMED else blank(found[0]), text)
    own = without_handed_over(plain_text(quoted))
    others = "".join(was if now == LEFT_OUT else "\n" for was, now in zip(text, own, strict=True))
    return own, others


def _lines(content: str) -> str:
    """Return the message with one form for line breaks."""
    return content.replace("\r\n", "\n").replace("\r", "\n")


def _named(quoted: str) -> int:
    """Return the number of words between marks on one line; 0 for a block of code and a quoted line."""
    block = quoted.startswith(("```", ">", " ", "\t")) or "\n" in quoted
    return 0 if block else len(quoted.split())
