"""Computes the days of a named time: the latest May, last week, Easter of a year, two months ago. It reads no text.

Weeks begin on Monday. Seasons are those of the northern hemisphere, in whole months; a winter belongs to the
year in which it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = [
    "DAY",
    "Days",
    "Noun",
    "beside",
    "counted_ahead",
    "counted_back",
    "day_of_month",
    "last_units",
    "latest_day",
    "related",
    "yearly",
]

DAY = timedelta(days=1)
Days = tuple[date, date]  # the first and the last day of a time
A_FEW = (2, 5)  # the range of "a few"


@dataclass(frozen=True)
class Noun:
    """A time that recurs: a month, season or weekday with its place, a feast, "weekend", "a week" or the like."""

    kind: str
    place: int = 0


def related(noun: Noun, relation: str, today: date) -> Days | None:
    """Return the days of the `last`, `this` or `next` such time, or of the `latest` one that has begun."""
    if relation == "this":
        return _shifted(noun, today, 0)
    rules: dict[str, tuple[tuple[int, ...], Callable[[Days], bool]]] = {
        "last": ((1, 0, -1, -2), lambda days: days[1] < today),
        "next": ((-1, 0, 1, 2), lambda days: days[0] > today),
        "latest": ((1, 0, -1, -2), lambda days: days[0] <= today),
    }
    shifts, fits = rules[relation]
    return next((days for days in (_shifted(noun, today, shift) for shift in shifts) if fits(days)), None)


def _shifted(noun: Noun, today: date, by: int) -> Days:
    """Return the days of such a time in this week, month or year, or in the one that is `by` further on."""
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=by)
    if noun.kind == "a week":
        return monday, monday + 6 * DAY
    if noun.kind == "weekend":
        return monday + 5 * DAY, monday + 6 * DAY
    if noun.kind == "weekday":
        return monday + noun.place * DAY, monday + noun.place * DAY
    if noun.kind == "a month":
        return month_away(today, by)
    if noun.kind == "a year":
        return date(today.year + by, 1, 1), date(today.year + by, 12, 31)
    in_winter = noun == Noun("season", 3) and today.month <= 2
    return yearly(noun, today.year + by - in_winter)


def month_away(today: date, by: int) -> Days:
    """Return the whole month that is `by` months after today's."""
    count = today.year * 12 + today.month - 1 + by
    return yearly(Noun("month", count % 12), count // 12)


def yearly(noun: Noun, year: int) -> Days:
    """Return the days of a month, a season or a feast in a year."""
    if noun.kind == "month":
        return date(year, noun.place + 1, 1), _last_of_month(year, noun.place + 1)
    if noun.kind == "season":
        first = 3 + 3 * noun.place
        return date(year, first, 1), _last_of_month(*((year + 1, 2) if first == 12 else (year, first + 2)))
    return _feast(noun.kind, year)


def _last_of_month(year: int, month: int) -> date:
    return date(year, 12, 31) if month == 12 else date(year, month + 1, 1) - DAY


def _feast(name: str, year: int) -> Days:
    if name == "easter":
        sunday = _easter(year)
        return sunday - 2 * DAY, sunday + DAY
    if name == "thanksgiving":  # the fourth Thursday of November
        first = date(year, 11, 1)
        day = first + ((3 - first.weekday()) % 7 + 21) * DAY
        return day, day
    return {
        "christmas": (date(year, 12, 24), date(year, 12, 26)),
        "new year's eve": (date(year, 12, 31), date(year, 12, 31)),
        "new year": (date(year - 1, 12, 31), date(year, 1, 1)),
        "halloween": (date(year, 10, 31), date(year, 10, 31)),
        "valentine": (date(year, 2, 14), date(year, 2, 14)),
    }[name]


def _easter(year: int) -> date:
    """Return the western Easter Sunday, by the Gregorian rule."""
    golden, century = year % 19, year // 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (year % 100 // 4) - moon - year % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def counted_back(unit: str, number: int, today: date) -> Days:
    """Return the time `number` units ago: one day, the days around a week, a whole month or year; 0 is a few."""
    if number == 0:
        return counted_back(unit, A_FEW[1], today)[0], counted_back(unit, A_FEW[0], today)[1]
    if unit == "day":
        return today - number * DAY, today - number * DAY
    if unit == "week":
        middle = today - timedelta(weeks=number)
        return middle - 3 * DAY, middle + 3 * DAY
    if unit == "month":
        return month_away(today, -number)
    return date(today.year - number, 1, 1), date(today.year - number, 12, 31)


def beside(unit: str, number: int | None, days: Days, side: str) -> Days:
    """Return the time `number` units `before` or `after` some days; without a number, the unit right beside them."""
    first, last = days
    if number is not None:
        return counted_back(unit, number, first) if side == "before" else counted_back(unit, -number, last)
    length = timedelta(days={"day": 1, "week": 7, "month": 30, "year": 365}[unit])
    return (first - length, first - DAY) if side == "before" else (last + DAY, last + length)


def counted_ahead(unit: str, number: int, today: date) -> Days | None:
    """Return the time `number` units ahead; None for one unit, since "in a week" may say how long something takes."""
    return None if number < 2 else counted_back(unit, -number, today)


def last_units(unit: str, number: int, today: date) -> Days:
    """Return the last `number` units, up to today."""
    number = number or A_FEW[1]
    if unit in ("day", "week"):
        return today - number * (DAY if unit == "day" else 7 * DAY), today
    start = month_away(today, -number * (12 if unit == "year" else 1))[0]
    return start.replace(day=min(today.day, 28)), today


def day_of_month(day: int, month: int, year: str | None, today: date) -> Days | None:
    """Return a day of a month in this year; without a year, the latest such day that is not in the future."""
    if year is not None:
        return date(int(year), month, day), date(int(year), month, day)
    for back in range(9):  # the last 29 February may be eight years ago
        try:
            latest = date(today.year - back, month, day)
        except ValueError:
            continue
        if latest <= today:
            return latest, latest
    return None


def latest_day(day: int, today: date) -> Days | None:
    """Return the latest day that has this number in its month."""
    for back in range(3):
        first, last = month_away(today, -back)
        latest = first + (day - 1) * DAY
        if day > 0 and latest <= min(last, today):
            return latest, latest
    return None
