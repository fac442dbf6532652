"""What the grammar of a language consists of, and what all grammars share. No text is read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..facts import Kind

__all__ = ["VALUE", "Grammar", "SlotName", "SlotRule", "Statements", "either", "pattern", "starting"]

Statements = tuple[tuple[re.Pattern[str], Kind], ...]
SlotName = Literal["name", "address", "home", "employer", "job", "likes", "favourite", "age", "reply language"]
# The value of a slot: as few words as there are before the next comma or connecting word.
VALUE = r"(?P<value>[^,;:()\"]{1,60}?)"


@dataclass(frozen=True)
class SlotRule:
    """A way to fill a slot: `said` matches the person's own sentence, `remembered` a memory."""

    slot: SlotName
    said: re.Pattern[str]
    remembered: re.Pattern[str]
    positive: bool = True


@dataclass(frozen=True)
class Grammar:
    """How people say things about themselves in one language, and which sentences do not mean what they say."""

    language: str
    preface: re.Pattern[str]  # before a colon, these words do not make the rest a quotation
    opening: re.Pattern[str]  # before a statement, these words add nothing
    when: re.Pattern[str]  # a time before a statement, which is kept with it
    remember: re.Pattern[str]  # asks to keep what follows
    statements: Statements
    instruction: re.Pattern[str]
    slots: tuple[SlotRule, ...]
    refusal: re.Pattern[str]  # a sentence with it gives nothing
    supposing: re.Pattern[str]  # a sentence with it, and all that follow, give nothing
    veto: re.Pattern[str]  # a message with it gives nothing
    tail: re.Pattern[str]  # a request or a question after a statement; it is cut off
    forget: re.Pattern[str]  # asks to forget what is in the group `clause`
    swap: re.Pattern[str]  # "`new`, not `old`"
    meant: re.Pattern[str]  # "no, I meant `new`"
    article: re.Pattern[str]  # at the start of a value, where it does not count
    kin: re.Pattern[str]  # somebody, by `kin` and `name`
    also: re.Pattern[str]  # one more value, and not another one instead
    months: list[str]
    days: tuple[tuple[re.Pattern[str], int], ...]  # a word for a day, and how many days it is from today


def either(words: str, then: str = "") -> str:
    """A pattern for one of these words, followed by `then`; an underscore is a space."""
    return "(?:(?:" + "|".join(each.replace("_", " ") for each in words.split()) + f"){then})"


def pattern(*parts: str) -> re.Pattern[str]:
    """Match any of these parts, anywhere in a text."""
    return re.compile("|".join(parts), re.IGNORECASE)


def starting(*parts: str) -> re.Pattern[str]:
    """Match any of these parts at the start of a text."""
    return re.compile("(?:" + "|".join(parts) + ")", re.IGNORECASE)
