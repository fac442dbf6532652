"""The one day a sentence names, if it names one beyond doubt: a full date, or a day counted from when it was said.

"Last spring", "on Friday" and a date without its year are not days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from memory.language.grammar import Grammar

__all__ = ["day_named"]

_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_WORD = r"[^\W\d_]{3,10}"
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th|er|º)? (?:of |de )?({_WORD})\.?,? (?:of |de(?:l)? )?(\d{{4}})\b"
)
_MONTH_FIRST = re.compile(rf"\b({_WORD}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b")


def day_named(sentence: str, grammar: Grammar, today: date) -> str | None:
    """The day, as ISO 8601, or nothing if there is none or more than one."""
    days = set(_dates(sentence, grammar)) | set(_counted(sentence, grammar, today))
    return days.pop().isoformat() if len(days) == 1 else None


def _dates(sentence: str, grammar: Grammar) -> Iterator[date]:
    named = [(year, month, day) for year, month, day in _ISO.findall(sentence)]
    named += [(year, _month(word, grammar), day) for day, word, year in _DAY_FIRST.findall(sentence)]
    named += [(year, _month(word, grammar), day) for word, day, year in _MONTH_FIRST.findall(sentence)]
    for year, month, day in named:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:  # no such day, or the word before the year is no month
            continue


def _month(word: str, grammar: Grammar) -> int:
    return grammar.months.index(word.casefold()) + 1 if word.casefold() in grammar.months else 0


def _counted(sentence: str, grammar: Grammar, today: date) -> Iterator[date]:
    for words, days in grammar.days:
        if words.search(sentence):
            try:
                yield today + timedelta(days=days)
            except OverflowError:  # the end of the calendar
                continue
