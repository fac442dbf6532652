"""Compiles filters on the metadata of memories to one jsonpath predicate and its variables.

    {"kind": "goal"}                                            equal; several keys: all of them
    {"created_at": {"$gte": date(2026, 3, 1)}}                  on that day or later
    {"$or": [{"shop": 7}, {"tags": {"$contains": "garden"}}]}   either

| operator | true where the row's value |
|---|---|
| `$eq`, `$ne` | is this text, number, truth value or null; `$ne`: is anything else, or missing |
| `$in`, `$nin` | is one of these; is none of these |
| `$gt`, `$gte`, `$lt`, `$lte` | is a number, text or date on this side; false for another type |
| `$contains`, `$icontains` | is a text with this part, or a list with this member; `i` ignores capital letters |
| `$exists` | is there (`True`) or is missing (`False`); `{"key": "*"}` means `{"key": {"$exists": True}}` |
| `$and`, `$or`, `$not` | fits all, any or none of a list of filters; `$not` also takes a single filter |

mem0's spellings (`AND`, `OR`, `NOT`, `gte`, …) mean the same. A key is one name; a dot in it has no special meaning.
Dates are `date` or `datetime` values, and ISO texts for the library's own dates (`DATES`). A day and a time are
compared as days, in UTC, so `$gte` and `$lte` include the whole day. A row may know the month or the year only: it fits
where one of its days would.

No filter may name a user: the call does that. A filter that is not understood raises `InvalidInput`, so that it never
looks like "no rows". This module does not ask the database.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from .errors import InvalidInput
from .plain_text import storable

__all__ = ["DATES", "Filter", "compile_filters", "parsed_date", "shown"]

DATES = frozenset({"created_at", "updated_at", "happened_at", "confirmed_at", "expiration_date"})
MAX_DEPTH, MAX_CONDITIONS, MAX_KEY, MAX_TEXT, MAX_NUMBER = 8, 200, 100, 1_000, 10**30

_JOINING = {"AND": "$and", "OR": "$or", "NOT": "$not"}
_ORDER = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_TESTS = {*_ORDER, "$eq", "$ne", "$in", "$nin", "$contains", "$icontains", "$exists"}
# The forms of a date in a row. Texts in the library's own form (`_OURS`) sort by time; Postgres has to parse the dates
# that other programs wrote.
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MONTH, _YEAR = "^[0-9]{4}-[0-9]{2}$", "^[0-9]{4}$"
_OURS = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?[+]00:00$"
_ZONED = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+[+-][0-9]{2}(:[0-9]{2})?$"
_NAIVE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+$"
# PostgreSQL 15 reads a Z, and an offset without its colon, only by a template that names each part. The letter Z is
# no zone to a template, so such a time is compared as one without a zone.
_TEMPLATES = tuple(
    (
        f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{between}[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}{fraction}{zone}$",
        f'yyyy-mm-dd"{between}"HH24:MI:SS{".US" if fraction else ""}{read_zone}',
        zone != "Z",
    )
    for between in ("T", " ")
    for fraction in ("", "[.][0-9]+")
    for zone, read_zone in (("Z", '"Z"'), ("[+-][0-9]{4}", "TZHTZM"))
)


@dataclass(frozen=True)
class Filter:
    """The arguments of `jsonb_path_match(metadata, path::jsonpath, variables::jsonb, true)`; it is never null."""

    path: str
    variables: dict[str, Any] = field(default_factory=dict)


def compile_filters(filters: Mapping[str, Any]) -> Filter:
    """Return the predicate for these filters; `InvalidInput` says what is wrong with them."""
    compiler = _Compiler()
    return Filter(f"strict {compiler.all_of(filters, 1)}", compiler.variables)


class _Compiler:
    """Walks the filters once and collects the values they compare with."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self._conditions = 0

    def all_of(self, filters: object, depth: int) -> str:
        """Join the conditions of a filter: several keys mean that all must fit."""
        if not isinstance(filters, Mapping):
            raise InvalidInput(f'A filter is a mapping such as {{"kind": "goal"}}, not {shown(filters)}.')
        if depth > MAX_DEPTH:
            raise InvalidInput(f"Filters are nested at most {MAX_DEPTH} deep.")
        parts = [self._part(key, value, depth) for key, value in filters.items()]
        return f"({' && '.join(parts)})" if parts else "(1 == 1)"

    def _part(self, key: object, value: Any, depth: int) -> str:
        if key in ("$and", "$or", "$not", *_JOINING):
            return self._joined(_JOINING.get(str(key), str(key)), value, depth)
        name = _checked_key(key)
        if not isinstance(value, Mapping):
            return self._test(name, "$exists", True) if value == "*" else self._test(name, "$eq", value)
        if not value:
            raise InvalidInput(f"The filter on {name} is empty: say what it compares with.")
        return "(" + " && ".join(self._test(name, operator, each) for operator, each in value.items()) + ")"

    def _joined(self, word: str, filters: Any, depth: int) -> str:
        several = [filters] if word == "$not" and isinstance(filters, Mapping) else filters
        if not isinstance(several, list | tuple) or not several:
            raise InvalidInput(f"{word} takes a list of filters, such as [{{...}}, {{...}}].")
        parts = [self.all_of(each, depth + 1) for each in several]
        joined = f"({(' && ' if word == '$and' else ' || ').join(parts)})"
        return f"!{joined}" if word == "$not" else joined

    def _test(self, key: str, operator: object, value: Any) -> str:
        """Compile one condition; it is false for a row where the value has another type or is missing."""
        word = operator if str(operator).startswith("$") else f"${operator}"
        if not isinstance(operator, str) or word not in _TESTS:
            raise InvalidInput(f"{shown(operator)} is no operator; there are {', '.join(sorted(_TESTS))}.")
        if word in ("$ne", "$nin"):
            return f"!({self._test(key, '$eq' if word == '$ne' else '$in', value)})"
        if word == "$exists":
            return self._exists(key, value)
        return f"exists($ ? ({self._comparison(key, word, value)}))"

    def _exists(self, key: str, wanted: object) -> str:
        self._count()
        if not isinstance(wanted, bool):
            raise InvalidInput(f"$exists is True or False, not {shown(wanted)}.")
        there = f"exists($ ? (exists(@.{_quoted(key)})))"
        return there if wanted else f"!({there})"

    def _comparison(self, key: str, word: str, value: Any) -> str:
        if word == "$in":
            if not isinstance(value, list | tuple | set | frozenset) or not value:
                raise InvalidInput(f"$in and $nin take a list with something in it, not {shown(value)}.")
            return " || ".join(f"({self._comparison(key, '$eq', each)})" for each in value)
        self._count()
        place = f"@.{_quoted(key)}"
        if word in ("$contains", "$icontains"):
            return self._contains(place, value, "q" if word == "$contains" else "iq")
        moment = _moment(key, value)
        if moment is not None:
            return self._dated(place, word, moment)
        if word in _ORDER and (isinstance(value, bool) or value is None):
            raise InvalidInput(f"{word} compares numbers, texts and dates, not {shown(value)}.")
        return f"{place} {_ORDER.get(word, '==')} {self._variable(_checked_value(value))}"

    def _contains(self, place: str, value: Any, flags: str) -> str:
        member = f"exists({place}[*] ? (@ == {self._variable(_checked_value(value))}))"
        if not isinstance(value, str):
            return member
        if not value:
            raise InvalidInput("$contains needs something to look for.")
        piece = f"like_regex {_quoted(value)} flag {_quoted(flags)}"
        return f"{place} {piece} || " + (f"exists({place}[*] ? (@ {piece}))" if "i" in flags else member)

    def _dated(self, place: str, word: str, wanted: date) -> str:
        """Compare a row's date, which may be a day, a time in the library's own form, or a time in another form."""
        exact = isinstance(wanted, datetime)
        day = wanted.isoformat()[:10]
        moments = [wanted, wanted] if exact else [datetime.combine(wanted, each, UTC) for each in (time.min, time.max)]
        zoned = [each.isoformat() for each in moments]
        naive = [each.removesuffix("+00:00") for each in zoned]
        written = [
            f"({self._within(place, word, bounds, '')} && {place} like_regex {_quoted(shape)})"
            for shape, bounds in ((_OURS, zoned), (_DAY, [day, day]))
        ]
        written += [
            f"({self._overlapping(place, word, day, length)} && {place} like_regex {_quoted(shape)})"
            for shape, length in ((_MONTH, 7), (_YEAR, 4))
        ]
        # The form is tested first: Postgres fails if it compares a time with a zone and one without.
        plain = ".datetime()"
        forms = [(_ZONED, plain, zoned), (_NAIVE, plain, naive)] + [
            (shape, f".datetime({_quoted(template)})", zoned if has_zone else naive)
            for shape, template, has_zone in _TEMPLATES
        ]
        read = " || ".join(
            f"({place} like_regex {_quoted(shape)} && {self._within(place + by, word, bounds, plain)})"
            for shape, by, bounds in forms
        )
        # Testing a form is slow, so the texts are compared first; an offset changes a date by one day at most.
        return " || ".join([*written, f"({self._near(place, word, day)} && ({read}))"])

    def _overlapping(self, place: str, word: str, day: str, length: int) -> str:
        """Compare a row's month or year, the first `length` characters of its days: one of them has to fit."""
        if word == "$eq":
            return f"{place} == {self._variable(day[:length])}"
        if word in ("$gt", "$lt"):
            beside = _days_away(day, 1 if word == "$gt" else -1)
            if beside == day:
                return "(1 == 0)"  # the calendar ends
            day = beside
        return f"{place} {'>=' if word in ('$gt', '$gte') else '<='} {self._variable(day[:length])}"

    def _near(self, place: str, word: str, day: str) -> str:
        """Return a quick test that every matching date passes, whatever its offset."""
        after = "" if word in ("$lt", "$lte") else f"{place} >= {self._variable(_days_away(day, -1))}"
        before = "" if word in ("$gt", "$gte") else f"{place} <= {self._variable(_days_away(day, 1) + '~')}"
        return " && ".join(each for each in (after, before) if each)

    def _within(self, place: str, word: str, bounds: list[str], read: str) -> str:
        """Compare a row's date with a span, from its first to its last moment, which `read` makes times."""
        if word == "$eq":
            return f"({self._within(place, '$gte', bounds, read)} && {self._within(place, '$lte', bounds, read)})"
        bound = bounds[0] if word in ("$gte", "$lt") else bounds[1]
        return f"({place} {_ORDER[word]} {self._variable(bound)}{read})"

    def _variable(self, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        return f"${name}"

    def _count(self) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidInput(f"A filter has at most {MAX_CONDITIONS} conditions.")


def _checked_key(key: object) -> str:
    """Return a valid key."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY:
        raise InvalidInput(f"The keys of a filter are texts of at most {MAX_KEY} characters, not {shown(key)}.")
    if storable(key) != key or any(unicodedata.category(each) == "Cc" for each in key):
        raise InvalidInput("A key of a filter holds characters that no key of a memory can hold.")
    if key.startswith("$"):
        raise InvalidInput(f"{shown(key)} does not join filters; $and, $not and $or do.")
    if key == "user_id":
        raise InvalidInput("A filter cannot name a user: give user_id with the call.")
    return key


def _checked_value(value: Any) -> Any:
    """Return a value that JSON and Postgres can both store and compare."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise InvalidInput(f"A text in a filter has at most {MAX_TEXT:,} characters; this one has {len(value):,}.")
        if storable(value) != value:
            raise InvalidInput("A filter holds characters that no memory can hold.")
    elif not isinstance(value, bool | int | float | None):
        raise InvalidInput(f"A filter compares with a text, a number, a truth value, a date or None: {shown(value)}.")
    elif isinstance(value, int | float) and not (abs(value) <= MAX_NUMBER):
        raise InvalidInput(f"A number in a filter is finite, and at most {MAX_NUMBER:.0e} in size.")
    return value


def _moment(key: str, value: Any) -> date | None:
    """Return the day, or the time in UTC, that a value means; None if it is no date."""
    if isinstance(value, str) and key in DATES:
        written, value = value, parsed_date(value)
        if value is None:
            raise InvalidInput(
                f"{key} is compared with a date such as 2026-03-01 or 2026-03-01T12:00Z, not {shown(written)}."
            )
    if not isinstance(value, datetime):
        return value if isinstance(value, date) else None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("A time in a filter is outside the calendar.") from error


def parsed_date(text: str) -> date | None:
    """Parse an ISO day or time; return None if the text is neither."""
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text.strip())
        except ValueError:
            continue
    return None


def _days_away(day: str, days: int) -> str:
    """Return the day that is `days` later, or the same day at the end of the calendar."""
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError:
        return day


def _quoted(text: str) -> str:
    """Quote a text for the path; jsonpath has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def shown(value: object) -> str:
    """Write a wrong value for an error: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
