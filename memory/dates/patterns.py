"""The patterns that name a time, each with how it is read: of every language, and the written dates all share.

A pattern's group `lead` is the word before it that makes it a date, and perhaps opens a span; which of several
places in a text count, and what an opening does to them, is when.py's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache

from memory.dates.calendar import Days, Noun, agreed, ahead_of, back_from, counted_back, latest_day, related, yearly
from memory.language.date_words import ANY_MONTH, FEASTS, LANGUAGES, MONTHS, UNITS, Words

__all__ = ["YEAR", "number", "number_of", "rules", "unit", "unit_of"]

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
