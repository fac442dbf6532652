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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from ..language.date_words import ANY_MONTH, FEASTS, LANGUAGES, MONTHS, UNITS, Words
from .calendar import (
    DAY,
    Days,
    Noun,
    agreed,
    ahead_of,
    back_from,
    counted_back,
    latest_day,
    near_by,
    related,
    yearly,
)

__all__ = ["YEAR", "Span", "number", "number_of", "rules", "spans", "unit", "unit_of"]

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


YEAR = (
    r"(?P<year>(?:19|20)\d\d)(?![\d:%€$]|[.,/-]\d|\s+(?:words?|people|pages?|steps?|items?|times|euros?|dollars?|km)\b)"
)
_THINGS = r"(?!\s*(?:%|€|\$|km\b|miles?\b|people\b|times\b|words?\b|minutes\b|hours\b|days\b|weeks\b|years\b|euros?\b))"
# As verbs in small letters, these two need more than a number beside them to be months.
_VERBS = {"may", "march"}
_SURE_LEADS = re.compile(
    r"(?:in|during|since|before|after|until|till|from|between|throughout|back\s+in|early\s+in|late\s+in)\s+", re.I
)
_NO_MONTH_LEADS = re.compile(r"(?:on|at|over|an|am|um|zum|zu)\s+", re.I)
_BEFORE_DATE = re.compile(r"\b(?:on|since|before|after|until|till|by|from|of|between|and|to)\s+$", re.I)

Reading = Callable[[re.Match[str], date], Days | None]


@cache
def rules() -> tuple[tuple[re.Pattern[str], Reading], ...]:
    """Each pattern with what it says in days; a `ValueError` of the reading is a day that does not exist."""
    made = [rule for words in LANGUAGES for rule in _of_language(words)]
    month = rf"(?P<month>{ANY_MONTH})\b\.?"
    made += [
        (r"(?<![\d-])(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?![\d/-])", _numbered),
        (r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>(?:19|20)\d\d)(?![\d.]\d)", _numbered),
        (r"(?<![\d-])(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?![\d-])", _numbered_month),
        (
            r"(?<![\d.,:/-])(?P<day>\d{1,2})(?P<ordinal>\.|st|nd|rd|th|er|º)?\s+(?P<of>of\s+|de\s+|d')?"
            rf"{month}(?:,?\s+(?:of\s+|del?\s+)?{YEAR})?",
            _day_of_month,
        ),
        (
            rf"\b{month}\s+(?:the\s+)?(?P<day>\d{{1,2}})(?P<ordinal>st|nd|rd|th)?(?![\w:%]|[.,]\d)"
            rf"(?:,?\s+{YEAR})?{_THINGS}",
            _day_of_month,
        ),
        (rf"\b{month}\s+{YEAR}", _month_of_year),
        (r"\bon\s+the\s+(?P<day>\d{1,2})(?:st|nd|rd|th)(?=\s*(?:[?.!,;]|$))", _day_alone),
        (r"\b(?:in|during|since|from|of)\s+the\s+(?P<decade>(?:19|20)\d0|'?[6-9]0)'?s\b", _decade),
    ]
    return tuple((re.compile(each, re.IGNORECASE), read) for each, read in made)


def _of_language(words: Words) -> Iterator[tuple[str, Reading]]:
    names = {kind: "|".join(table) for kind, table in _tables(words).items()}
    leads = "|".join([pattern for pattern, _ in words.opening] + [words.leads])
    seldom = "|".join(f"(?P<{kind}>{names[kind]})" for kind in ("month", "season", "feast", "weekday", "weekend"))
    every = f"{seldom}|{unit(words)}"
    counted = {"n": number(words), "unit": unit(words)}
    year = rf"(?:,?\s+(?:of\s+|del?\s+|in\s+)?{YEAR})"

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
    yield rf"(?:\b(?P<lead>{openings})|{words.year}){YEAR}", _whole_year
    for shape, count in ((words.ago, counted_back), (words.ahead, ahead_of), (words.recent, back_from)):
        yield shape.format(**counted), _counted_by(words, count)
    for pattern, days in (*((each.pattern, days) for each, days in words.grammar.days), *words.days):
        yield pattern, _day_by(days)


def _tables(words: Words) -> dict[str, Sequence[str]]:
    return {
        "month": words.grammar.months,
        "season": words.seasons,
        "feast": words.feasts,
        "weekday": words.weekdays,
        "weekend": (words.weekend,),
        "unit": words.units,
    }


def _noun(words: Words, match: re.Match[str]) -> Noun | None:
    for kind, table in _tables(words).items():
        named = match.groupdict().get(kind)
        if named:
            place = next(place for place, each in enumerate(table) if re.fullmatch(each, named, re.IGNORECASE))
            return Noun({"feast": FEASTS[place % 7], "unit": f"a {UNITS[place % 4]}"}.get(kind, kind), place)
    return None


def _related_by(noun: Callable[[re.Match[str]], Noun | None], relation: str) -> Reading:
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
    """Whether a word that is also a verb, or a lead that suits no month, means the month here."""
    groups = match.groupdict()
    lead, month = groups.get("lead") or "", groups.get("month") or ""
    if noun.kind == "a day" or (noun.kind == "month" and month and _NO_MONTH_LEADS.fullmatch(lead)):
        return bool(groups.get("year"))
    return month not in _VERBS or bool(groups.get("year") or _SURE_LEADS.fullmatch(lead))


def number(words: Words) -> str:
    """The pattern of a number, as the group `n`."""
    return rf"(?P<n>\d{{1,3}}|{'|'.join(name for name, _ in words.numbers)})"


def number_of(words: Words, written: str) -> int:
    """What a number says; 0 is a few."""
    if written.isdecimal():
        return int(written)
    return next(number for name, number in words.numbers if re.fullmatch(name, written, re.IGNORECASE))


def unit(words: Words) -> str:
    """The pattern of a unit of time, as the group `unit`."""
    return f"(?P<unit>{'|'.join(words.units)})"


def unit_of(words: Words, written: str) -> str:
    """Which of `UNITS` a word is."""
    return next(n for n, each in zip(UNITS, words.units, strict=True) if re.fullmatch(each, written, re.IGNORECASE))


def _counted_by(words: Words, count: Callable[[str, int, date], Days | None]) -> Reading:
    def read(match: re.Match[str], today: date) -> Days | None:
        if match["n"].isdecimal() and not int(match["n"]):
            return None
        return count(unit_of(words, match["unit"]), number_of(words, match["n"]), today)

    return read


def _day_by(days: int) -> Reading:
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
    sure = groups.get("year") or groups.get("ordinal") or groups.get("of")
    if (
        not sure
        and (written in _VERBS or written == "Mars")
        and not _BEFORE_DATE.search(match.string, 0, match.start())
    ):
        return None
    return agreed(int(match["day"]), MONTHS[written.casefold()], groups.get("year"), today)


def _day_alone(match: re.Match[str], today: date) -> Days | None:
    return latest_day(int(match["day"]), today)
