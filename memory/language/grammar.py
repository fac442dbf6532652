"""The shape of one language's rules, and the parts all languages share. Patterns only: no text is read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..facts import Kind

__all__ = ["VALUE", "Grammar", "SlotName", "SlotRule", "Statements", "either", "pattern", "starting"]

Statements = tuple[tuple[re.Pattern[str], Kind], ...]
SlotName = Literal["name", "address", "home", "employer", "job", "likes", "favourite", "age", "reply language"]
# What fills a slot: as few words as stand before the next comma or connecting word.
VALUE = r"(?P<value>[^,;:()\"]{1,60}?)"


@dataclass(frozen=True)
class SlotRule:
    """A way to fill a slot. `told` reads the person's own sentence, `known` a memory, whoever wrote it."""

    slot: SlotName
    told: re.Pattern[str]
    known: re.Pattern[str]
    positive: bool = True


@dataclass(frozen=True)
class Grammar:
    """How one language says things about oneself, and how it says things that are not meant so."""

    language: str
    preface: re.Pattern[str]  # may stand before a colon without making the rest a quotation
    opening: re.Pattern[str]  # what may come before a statement and adds nothing
    when: re.Pattern[str]  # a time that may come before a statement, and stays with it
    remember: re.Pattern[str]  # asks to keep whatever follows
    statements: Statements
    instruction: re.Pattern[str]
    slots: tuple[SlotRule, ...]
    refusal: re.Pattern[str]  # anywhere in a sentence: the sentence gives nothing
    supposing: re.Pattern[str]  # this sentence and all after it give nothing
    veto: re.Pattern[str]  # anywhere in a message: the turn gives nothing
    tail: re.Pattern[str]  # a request or question hung on a statement; it is cut off
    forget: re.Pattern[str]  # asks to forget what stands in its group `clause`
    swap: re.Pattern[str]  # "`new`, not `old`"
    meant: re.Pattern[str]  # "no, I meant `new`"
    article: re.Pattern[str]  # at the start of a value, and of no weight there
    kin: re.Pattern[str]  # somebody by `kin` and `name`
    also: re.Pattern[str]  # one more, not instead
    months: list[str]
    days: tuple[tuple[re.Pattern[str], int], ...]  # a word for a day, and how far it is from today


def either(words: str, then: str = "") -> str:
    """One of these words, followed by `then`; an underscore stands for a space."""
    return "(?:(?:" + "|".join(each.replace("_", " ") for each in words.split()) + f"){then})"


def pattern(*parts: str) -> re.Pattern[str]:
    """Any of these, wherever it stands."""
    return re.compile("|".join(parts), re.IGNORECASE)


def starting(*parts: str) -> re.Pattern[str]:
    """Any of these, at the start."""
    return re.compile("(?:" + "|".join(parts) + ")", re.IGNORECASE)
