"""The days and spans of time that a question names, against the person's own now.

    spans("Where was I last spring?", now)      March to May of this year, or of the last
    spans("since March", now)                   from the first of March on; an open end is `date.max`, or `date.min`

English, German, French and Spanish are read at once. A bare month, feast or weekday means the latest that has
begun; weeks begin on Monday, seasons are the north's. What is named only perhaps ("may I", "room 2022", "second",
05/07/2023, "the other day") is not named: a wrong span hides memories, a missing one hides none. It finds no memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from memory.dates.calendar import DAY, Days, near_by
from memory.dates.patterns import YEAR, number, number_of, rules, unit, unit_of
from memory.language.date_words import LANGUAGES, Words

__all__ = ["Span", "spans"]

LONGEST = 2_000  # characters of a question that are read


@dataclass(frozen=True)
class Span:
    """Some days, both ends included, and the words that named them."""

    start: date
    end: date
    text: str


@dataclass(frozen=True)
class _Found:
    """A place in the text that names days; `lead` is what it does to them: since, before, after, until, from."""

    begins: int
    ends: int
    start: date
    end: date
    lead: str = ""


def spans(question: str, now: datetime) -> tuple[Span, ...]:
    """What the question names, in its order; `now` is the person's, in their own timezone."""
    text, today = unicodedata.normalize("NFC", question[:LONGEST]).replace("’", "'"), now.date()
    named = []
    for each in _joined(text, today, _found(text, today)):
        found = _counted_from(text, each)
        opened = _opened(found)
        if opened is not None:
            named.append(Span(*opened, text[found.begins : found.ends].strip()))
    return tuple(dict.fromkeys(named))


def _opened(found: _Found) -> Days | None:
    try:
        return {
            "since": (found.start, date.max),
            "until": (date.min, found.end),
            "before": (date.min, found.start - DAY),
            "after": (found.end + DAY, date.max),
        }.get(found.lead, (found.start, found.end))
    except OverflowError:
        return None


def _counted_from(text: str, found: _Found) -> _Found:
    """ "The week before" a day, or "two weeks after" it, is near that day, and not all the time before or after."""
    if found.lead not in ("before", "after"):
        return found
    for pattern, words in _counts():
        counted = pattern.search(text, 0, found.begins)
        if counted is not None:
            many = number_of(words, counted["n"]) if counted["n"] else None
            try:
                near = near_by(unit_of(words, counted["unit"]), many, (found.start, found.end), found.lead)
            except (ValueError, OverflowError):
                return found
            return _Found(counted.start(), found.ends, *near)
    return found


@cache
def _counts() -> tuple[tuple[re.Pattern[str], Words], ...]:
    """A number of units, or the one unit, right before a word that opens a span."""
    return tuple(
        (re.compile(rf"\b(?:(?:the|die|das|der|den|la|le|el)\s+|l'|{number(words)}\s+){unit(words)}\s+$", re.I), words)
        for words in LANGUAGES
    )


def _found(text: str, today: date) -> list[_Found]:
    """Places that do not overlap: the longest of those that begin first."""
    every = sorted(_candidates(text, today), key=lambda each: (each.begins, -each.ends))
    kept: list[_Found] = []
    for each in every:
        if not kept or each.begins >= kept[-1].ends:
            kept.append(each)
    return kept


def _candidates(text: str, today: date) -> Iterator[_Found]:
    for pattern, read in rules():
        for match in pattern.finditer(text):
            try:
                days = read(match, today)
            except (ValueError, OverflowError):  # no such day in the calendar
                continue
            if days is not None:
                yield _with_lead(match, text, days)


def _with_lead(match: re.Match[str], text: str, days: Days) -> _Found:
    lead = match.groupdict().get("lead")
    if lead is not None:
        return _Found(match.start(), match.end(), *days, _opening(lead))
    left = _left().search(text, 0, match.start())
    if left is None:
        return _Found(match.start(), match.end(), *days)
    return _Found(left.start(), match.end(), *days, _opening(left["lead"]))


def _opening(lead: str) -> str:
    every = (each for words in LANGUAGES for each in words.opening)
    return next((name for pattern, name in every if re.fullmatch(pattern, lead, re.IGNORECASE)), "")


@cache
def _left() -> re.Pattern[str]:
    """What stands before a date and opens it."""
    openings = "|".join(pattern for words in LANGUAGES for pattern, _ in words.opening)
    return re.compile(rf"\b(?P<lead>{openings})(?:(?:the|dem|der|den|le|la|el)\s+|l')?$", re.IGNORECASE)


# -- two ends of one span ------------------------------------------------------------------------------


def _joined(text: str, today: date, found: list[_Found]) -> Iterator[_Found]:
    past = 0
    for each in found:
        if each.begins < past:
            continue
        whole = _up_to_its_end(text, today, each) if each.lead in ("from", "since") else None
        yield whole or each
        past = (whole or each).ends


def _up_to_its_end(text: str, today: date, first: _Found) -> _Found | None:
    for words in LANGUAGES:
        between = re.compile(f"(?:{words.joins})(?:{words.article})", re.IGNORECASE).match(text, first.ends)
        if between is None:
            continue
        rest = words.neutral + text[between.end() :]
        last = next((each for each in _found(rest, today) if each.begins <= len(words.neutral)), None)
        if last is None:
            continue
        start = _agreeing(text[first.begins : first.ends], today, first, rest[: last.ends], last)
        if start is not None:
            ends = between.end() + last.ends - len(words.neutral)
            return _Found(first.begins, ends, start, last.end)
    return None


def _agreeing(words: str, today: date, first: _Found, last_words: str, last: _Found) -> date | None:
    """Where the span starts: a year said once, at its end, is the year of both."""
    has_year, end_has_year = (re.search(YEAR, each) is not None for each in (words, last_words))
    if has_year or (not end_has_year and first.start <= last.end):
        return first.start if first.start <= last.end else None
    for year in (last.end.year, last.end.year - 1):
        again = _found(f"{words} {year}", today)
        if again and again[0].start <= last.end:
            return again[0].start
    return None
