"""Finds the days and spans of time that a question names.

    spans("Where was I last spring?", now)      March to May of this year, or of last year
    spans("since March", now)                   from 1 March on; an open end is `date.max`, or `date.min`

It reads English, German, French and Spanish at once. A bare month, feast or weekday is the latest one that has begun.
Words that may mean something else ("may I", "room 2022", "second", 05/07/2023, "the other day") do not count as dates:
a wrong span hides memories, and a missing one hides none. calendar.py computes the days; no memory is read here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from ..language.date_words import ANY_MONTH, FEASTS, LANGUAGES, MONTHS, UNITS, DateWords
from .calendar import (
    DAY,
    Days,
    Noun,
    beside,
    counted_ahead,
    counted_back,
    day_of_month,
    last_units,
    latest_day,
    related,
    yearly,
)

__all__ = ["Span", "spans"]

MAX_CHARACTERS = 2_000  # the rest of a longer question is not read


@dataclass(frozen=True)
class Span:
    """Some days, both ends included, and the words that named them."""

    start: date
    end: date
    text: str


@dataclass(frozen=True)
class _NamedDays:
    """A part of the text that names days; `lead` is the sense of the word before them, such as "since", or empty."""

    begins: int
    ends: int
    start: date
    end: date
    lead: str = ""


def spans(question: str, now: datetime) -> tuple[Span, ...]:
    """Return the spans that a question names, in order; `now` is in the person's own timezone."""
    text, today = unicodedata.normalize("NFC", question[:MAX_CHARACTERS]).replace("’", "'"), now.date()
    named = []
    for joined in _joined_spans(text, today, _named_days(text, today)):
        part = _beside_days(text, joined)
        days = _days_with_lead(part)
        if days is not None:
            named.append(Span(*days, text[part.begins : part.ends].strip()))
    return tuple(dict.fromkeys(named))


def _days_with_lead(named: _NamedDays) -> Days | None:
    try:
        return {
            "since": (named.start, date.max),
            "until": (date.min, named.end),
            "before": (date.min, named.start - DAY),
            "after": (named.end + DAY, date.max),
        }.get(named.lead, (named.start, named.end))
    except OverflowError:
        return None


def _beside_days(text: str, named: _NamedDays) -> _NamedDays:
    """Limit "the week before" some days, or "two weeks after" them, to that time; return other days unchanged."""
    if named.lead not in ("before", "after"):
        return named
    for pattern, words in _count_patterns():
        counted = pattern.search(text, 0, named.begins)
        if counted is not None:
            number = _number_of(words, counted["n"]) if counted["n"] else None
            try:
                days = beside(_unit_of(words, counted["unit"]), number, (named.start, named.end), named.lead)
            except (ValueError, OverflowError):
                return named
            return _NamedDays(counted.start(), named.ends, *days)
    return named


@cache
def _count_patterns() -> tuple[tuple[re.Pattern[str], DateWords], ...]:
    """Return patterns for "the week" or "two weeks" right before a word that opens a span."""
    the = r"(?:the|die|das|der|den|la|le|el)\s+|l'"
    return tuple(
        (re.compile(rf"\b(?:{the}|{_number(words)}\s+){_unit(words)}\s+$", re.IGNORECASE), words) for words in LANGUAGES
    )


def _named_days(text: str, today: date) -> list[_NamedDays]:
    """Return the named days in a text, without overlaps: of those that begin first, the longest."""
    in_order = sorted(_candidates(text, today), key=lambda each: (each.begins, -each.ends))
    kept: list[_NamedDays] = []
    for candidate in in_order:
        if not kept or candidate.begins >= kept[-1].ends:
            kept.append(candidate)
    return kept


def _candidates(text: str, today: date) -> Iterator[_NamedDays]:
    for pattern, read in _patterns():
        for match in pattern.finditer(text):
            try:
                days = read(match, today)
            except (ValueError, OverflowError):  # no such day in the calendar
                continue
            if days is not None:
                yield _with_lead(match, text, days)


def _with_lead(match: re.Match[str], text: str, days: Days) -> _NamedDays:
    lead = match.groupdict().get("lead")
    if lead is not None:
        return _NamedDays(match.start(), match.end(), *days, _meaning_of_lead(lead))
    left = _lead_pattern().search(text, 0, match.start())
    if left is None:
        return _NamedDays(match.start(), match.end(), *days)
    return _NamedDays(left.start(), match.end(), *days, _meaning_of_lead(left["lead"]))


def _meaning_of_lead(lead: str) -> str:
    openings = (each for words in LANGUAGES for each in words.opening)
    return next((name for pattern, name in openings if re.fullmatch(pattern, lead, re.IGNORECASE)), "")


@cache
def _lead_pattern() -> re.Pattern[str]:
    """Return the pattern of the words before a date that open a span."""
    openings = "|".join(pattern for words in LANGUAGES for pattern, _ in words.opening)
    return re.compile(rf"\b(?P<lead>{openings})(?:(?:the|dem|der|den|le|la|el)\s+|l')?$", re.IGNORECASE)


# -- two ends of one span ------------------------------------------------------------------------------


def _joined_spans(text: str, today: date, named: list[_NamedDays]) -> Iterator[_NamedDays]:
    """Yield the named days in order; "from March to May" becomes one span."""
    past = 0
    for first in named:
        if first.begins < past:
            continue
        whole = (_joined_with_end(text, today, first) if first.lead in ("from", "since") else None) or first
        yield whole
        past = whole.ends


def _joined_with_end(text: str, today: date, first: _NamedDays) -> _NamedDays | None:
    for words in LANGUAGES:
        between = re.compile(f"(?:{words.joins})(?:{words.article})", re.IGNORECASE).match(text, first.ends)
        if between is None:
            continue
        rest = words.neutral + text[between.end() :]
        last = next((each for each in _named_days(rest, today) if each.begins <= len(words.neutral)), None)
        if last is None:
            continue
        start = _start_in_year_of_end(text[first.begins : first.ends], today, first, rest[: last.ends], last)
        if start is not None:
            ends = between.end() + last.ends - len(words.neutral)
            return _NamedDays(first.begins, ends, start, last.end)
    return None


def _start_in_year_of_end(words: str, today: date, first: _NamedDays, last_words: str, last: _NamedDays) -> date | None:
    """Return the start of a span; a year that is named only at the end is the year of both ends."""
    has_year, end_has_year = (re.search(_YEAR, each) is not None for each in (words, last_words))
    if has_year or (not end_has_year and first.start <= last.end):
        return first.start if first.start <= last.end else None
    for year in (last.end.year, last.end.year - 1):
        again = _named_days(f"{words} {year}", today)
        if again and again[0].start <= last.end:
            return again[0].start
    return None


_YEAR = (
    r"(?P<year>(?:19|20)\d\d)(?![\d:%€$]|[.,/-]\d|\s+(?:words?|people|pages?|steps?|items?|times|euros?|dollars?|km)\b)"
)
_NOT_COUNTED = (
    r"(?!\s*(?:%|€|\$|km\b|miles?\b|people\b|times\b|words?\b|minutes\b|hours\b|days\b|weeks\b|years\b|euros?\b))"
)
# In small letters these are verbs as well, so a number beside them does not make them months.
_VERBS_TOO = {"may", "march"}
_SURE_LEADS = re.compile(
    r"(?:in|during|since|before|after|until|till|from|between|throughout|back\s+in|early\s+in|late\s+in)\s+", re.I
)
_NO_MONTH_LEADS = re.compile(r"(?:on|at|over|an|am|um|zum|zu)\s+", re.I)
_BEFORE_DATE = re.compile(r"\b(?:on|since|before|after|until|till|by|from|of|between|and|to)\s+$", re.I)

_ReadDays = Callable[[re.Match[str], date], Days | None]


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], _ReadDays], ...]:
    """Return each pattern with the function that computes its days; a `ValueError` means that there is no such day."""
    made = [rule for words in LANGUAGES for rule in _language_patterns(words)]
    month = rf"(?P<month>{ANY_MONTH})\b\.?"
    made += [
        (r"(?<![\d-])(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?![\d/-])", _numbered),
        (r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>(?:19|20)\d\d)(?![\d.]\d)", _numbered),
        (r"(?<![\d-])(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?![\d-])", _numbered_month),
        (
            r"(?<![\d.,:/-])(?P<day>\d{1,2})(?P<ordinal>\.|st|nd|rd|th|er|º)?\s+(?P<of>of\s+|de\s+|d')?"
            rf"{month}(?:,?\s+(?:of\s+|del?\s+)?{_YEAR})?",
            _day_of_month,
        ),
        (
            rf"\b{month}\s+(?:the\s+)?(?P<day>\d{{1,2}})(?P<ordinal>st|nd|rd|th)?(?![\w:%]|[.,]\d)"
            rf"(?:,?\s+{_YEAR})?{_NOT_COUNTED}",
            _day_of_month,
        ),
        (rf"\b{month}\s+{_YEAR}", _month_of_year),
        (r"\bon\s+the\s+(?P<day>\d{1,2})(?:st|nd|rd|th)(?=\s*(?:[?.!,;]|$))", _day_number),
        (r"\b(?:in|during|since|from|of)\s+the\s+(?P<decade>(?:19|20)\d0|'?[6-9]0)'?s\b", _decade),
    ]
    return tuple((re.compile(each, re.IGNORECASE), read) for each, read in made)


def _language_patterns(words: DateWords) -> Iterator[tuple[str, _ReadDays]]:
    names = {kind: "|".join(table) for kind, table in _tables(words).items()}
    leads = "|".join([pattern for pattern, _ in words.opening] + [words.leads])
    seldom = "|".join(f"(?P<{kind}>{names[kind]})" for kind in ("month", "season", "feast", "weekday", "weekend"))
    every = f"{seldom}|{_unit(words)}"
    counted = {"n": _number(words), "unit": _unit(words)}
    year = rf"(?:,?\s+(?:of\s+|del?\s+|in\s+)?{_YEAR})"

    def noun(match: re.Match[str]) -> Noun | None:
        return _noun(words, match)

    for relations, shape in (
        (words.before, rf"(?P<rel>{{rel}})\s+(?:{every})\b(?!\s+of\b)"),
        (words.behind, rf"(?:{words.article})(?:{every})\s+(?P<rel>{{rel}})s?\b"),
    ):
        for pattern, relation in relations:
            yield rf"\b{shape.format(rel=pattern)}", _related_by(noun, relation)
    yield rf"\b(?P<lead>{leads})(?:{words.article})(?:{seldom})\b{year}?", _related_by(noun, "latest")
    yield rf"\b(?:{words.article})(?:{seldom})\b{year}", _related_by(noun, "latest")
    if words.alone:
        yield rf"{words.alone}\b(?P<weekday>{names['weekday']})\b", _related_by(noun, "latest")
    openings = "|".join(pattern for pattern, _ in words.opening)
    yield rf"(?:\b(?P<lead>{openings})|{words.year}){_YEAR}", _whole_year
    for shape, count in ((words.ago, counted_back), (words.ahead, counted_ahead), (words.recent, last_units)):
        yield shape.format(**counted), _counted_by(words, count)
    for pattern, days in (*((each.pattern, days) for each, days in words.grammar.days), *words.more_days):
        yield pattern, _day_by(days)


def _tables(words: DateWords) -> dict[str, Sequence[str]]:
    return {
        "month": words.grammar.months,
        "season": words.seasons,
        "feast": words.feasts,
        "weekday": words.weekdays,
        "weekend": (words.weekend,),
        "unit": words.units,
    }


def _noun(words: DateWords, match: re.Match[str]) -> Noun | None:
    for kind, table in _tables(words).items():
        named = match.groupdict().get(kind)
        if named:
            place = next(place for place, each in enumerate(table) if re.fullmatch(each, named, re.IGNORECASE))
            return Noun({"feast": FEASTS[place % 7], "unit": f"a {UNITS[place % 4]}"}.get(kind, kind), place)
    return None


def _related_by(noun: Callable[[re.Match[str]], Noun | None], relation: str) -> _ReadDays:
    def read(match: re.Match[str], today: date) -> Days | None:
        named, groups = noun(match), match.groupdict()
        if named is None or not _is_meant(match, named):
            return None
        year = groups.get("year")
        if year is not None:
            return yearly(named, int(year))
        return related(named, relation, today)

    return read


def _is_meant(match: re.Match[str], noun: Noun) -> bool:
    """Return whether a word means a time: not a verb ("may"), and not a month behind a wrong lead ("on May")."""
    groups = match.groupdict()
    lead, month = groups.get("lead") or "", groups.get("month") or ""
    if noun.kind == "a day" or (noun.kind == "month" and month and _NO_MONTH_LEADS.fullmatch(lead)):
        return bool(groups.get("year"))
    return month not in _VERBS_TOO or bool(groups.get("year") or _SURE_LEADS.fullmatch(lead))


def _number(words: DateWords) -> str:
    """Return the pattern of a number, in the group `n`."""
    return rf"(?P<n>\d{{1,3}}|{'|'.join(name for name, _ in words.numbers)})"


def _number_of(words: DateWords, written: str) -> int:
    """Return the number that is written; 0 is "a few"."""
    if written.isdecimal():
        return int(written)
    return next(number for name, number in words.numbers if re.fullmatch(name, written, re.IGNORECASE))


def _unit(words: DateWords) -> str:
    """Return the pattern of a unit of time, in the group `unit`."""
    return f"(?P<unit>{'|'.join(words.units)})"


def _unit_of(words: DateWords, written: str) -> str:
    """Return the unit that is written, as in `UNITS`."""
    return next(n for n, each in zip(UNITS, words.units, strict=True) if re.fullmatch(each, written, re.IGNORECASE))


def _counted_by(words: DateWords, count: Callable[[str, int, date], Days | None]) -> _ReadDays:
    def read(match: re.Match[str], today: date) -> Days | None:
        if match["n"].isdecimal() and not int(match["n"]):
            return None
        return count(_unit_of(words, match["unit"]), _number_of(words, match["n"]), today)

    return read


def _day_by(days: int) -> _ReadDays:
    def read(_: re.Match[str], today: date) -> Days | None:
        day = today + timedelta(days=days)
        return day, day

    return read


def _whole_year(match: re.Match[str], _: date) -> Days | None:
    return date(int(match["year"]), 1, 1), date(int(match["year"]), 12, 31)


def _decade(match: re.Match[str], _: date) -> Days | None:
    written = match["decade"].lstrip("'")
    first = int(written) if len(written) == 4 else 1900 + int(written)
    return date(first, 1, 1), date(first + 9, 12, 31)


def _numbered(match: re.Match[str], _: date) -> Days | None:
    day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    return day, day


def _numbered_month(match: re.Match[str], _: date) -> Days | None:
    return yearly(Noun("month", int(match["month"]) - 1), int(match["year"]))


def _month_of_year(match: re.Match[str], _: date) -> Days | None:
    return yearly(Noun("month", MONTHS[match["month"].casefold()] - 1), int(match["year"]))


def _day_of_month(match: re.Match[str], today: date) -> Days | None:
    groups, written = match.groupdict(), match["month"]
    surely_date = groups.get("year") or groups.get("ordinal") or groups.get("of")
    if (
        not surely_date
        and (written in _VERBS_TOO or written == "Mars")
        and not _BEFORE_DATE.search(match.string, 0, match.start())
    ):
        return None
    return day_of_month(int(match["day"]), MONTHS[written.casefold()], groups.get("year"), today)


def _day_number(match: re.Match[str], today: date) -> Days | None:
    return latest_day(int(match["day"]), today)
