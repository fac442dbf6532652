"""The parts of a language's grammar, and the pattern functions that all grammars share. No text is read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..facts import Kind

__all__ = ["NAME", "VALUE", "Grammar", "SlotName", "SlotRule", "Statements", "either", "pattern", "starting"]

Statements = tuple[tuple[re.Pattern[str], Kind], ...]
SlotName = Literal[
    "name", "address", "home", "employer", "job", "likes", "favourite", "age", "diet", "marital status", "habit",
    "owns", "thing", "reply language",
]  # fmt: skip
# The value of a slot: the words up to the next comma or connecting word.
VALUE = r"(?P<value>[^,;:()\"]{1,60}?)"
NAME = r"(?-i:[A-ZÀ-Þ])[\w'.-]*"  # a word with a capital letter


@dataclass(frozen=True)
class SlotRule:
    """A pattern that fills a slot: `said` matches the person's own sentence, `remembered` a memory."""

    slot: SlotName
    said: re.Pattern[str]
    remembered: re.Pattern[str]
    positive: bool = True
    weak: bool = False  # may match something else, so it changes no memory


@dataclass(frozen=True)
class Grammar:
    """The patterns of what people say about themselves in one language, and of sentences that prove nothing."""

    language: str
    preface: re.Pattern[str]  # words before a colon after which no quotation follows
    handing_over: re.Pattern[str]  # a sentence that announces a text, or asks to have one worked on
    asking_about: re.Pattern[str]  # a sentence that may be about a text above or below it
    letter_opening: re.Pattern[str]  # a line that opens a letter or a mail
    letter_close: re.Pattern[str]  # a line that closes one
    opening: re.Pattern[str]  # words before a statement that add nothing
    when: re.Pattern[str]  # a time before a statement, which is kept with it
    remember: re.Pattern[str]  # a request to keep what follows
    statements: Statements
    instruction: re.Pattern[str]
    slots: tuple[SlotRule, ...]
    subject: str  # what a later clause may leave out, with a space; empty if the patterns see to it
    limited: re.Pattern[str]  # a sign that a statement is about the past or a part of the time, and ends nothing
    colours: re.Pattern[str]
    refusal: re.Pattern[str]  # a sentence with a match is ignored
    supposing: re.Pattern[str]  # a sentence with a match is ignored, and all sentences after it
    veto: re.Pattern[str]  # a message with a match is ignored
    tail: re.Pattern[str]  # a request or a question after a statement; it is cut off
    forget: re.Pattern[str]  # a request to forget what is in the group `clause`
    forget_last: re.Pattern[str]  # a request to forget what was just said
    swap: re.Pattern[str]  # "`new`, not `old`"
    meant: re.Pattern[str]  # "no, I meant `new`"
    instead: re.Pattern[str]  # another value than the one of the turn before, in its only filled group
    corrects: re.Pattern[str]  # words before a statement that announce a correction
    article: re.Pattern[str]  # an article at the start of a value, which is left out
    kin: re.Pattern[str]  # somebody in the groups `kin` ("my sister") and `name`
    companion: re.Pattern[str]  # "my girlfriend Lena" within a statement, in the groups `kin` and `name`
    also: re.Pattern[str]  # a sign that a value is one more, not a replacement
    months: list[str]
    days: tuple[tuple[re.Pattern[str], int], ...]  # a word for a day, and its distance from today in days


def either(words: str, then: str = "") -> str:
    """Make a pattern for one of these words, followed by `then`; an underscore stands for a space."""
    return f"(?:(?:{'|'.join(words.split()).replace('_', ' ')}){then})"


def pattern(*parts: str) -> re.Pattern[str]:
    """Make a pattern that matches any of these parts, ignoring case."""
    return _compiled_when_used("|".join(parts))


def starting(*parts: str) -> re.Pattern[str]:
    """Make a pattern that matches any of these parts, as one group, for use with `match`."""
    return _compiled_when_used("(?:" + "|".join(parts) + ")")


def _compiled_when_used(text: str) -> re.Pattern[str]:
    return cast("re.Pattern[str]", _Pattern(text))


class _Pattern:
    """A pattern that is compiled when it is first used: compiling all of them takes half a second of every start."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern, and keep its method, so that the next call finds it at once."""
        found = getattr(re.compile(self._text, re.IGNORECASE), name)
        setattr(self, name, found)
        return found
