"""Filters: the database's answer is the one that plain Python gives, and a wrong filter is refused."""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from operator import eq, ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any
from hypothesis import strategies as st

from memory.database import Database
from memory.errors import InvalidInput
from memory.filters import DATES, compile_filters

pytestmark = pytest.mark.every_version

Row = dict[str, Any]
ASK = (
    "select row - 1 as place from jsonb_array_elements(%(rows)s::jsonb) with ordinality each (metadata, row)"
    " where jsonb_path_match(metadata, %(path)s::jsonpath, %(variables)s::jsonb, true) order by row"
)


def _found(database: Database, filters: Mapping[str, Any], rows: list[Row]) -> list[int]:
    """Return which of these rows the database finds."""
    made = compile_filters(filters)
    values = {"rows": json.dumps(rows), "path": made.path, "variables": json.dumps(made.variables)}
    return [each["place"] for each in database.read_as("alice", ASK, values)]


# -- a plain evaluation in Python, written from the table in the module -----------------------------------


def _holds(filters: Mapping[str, Any], row: Row) -> bool:
    return all(_part_holds(key, value, row) for key, value in filters.items())


def _part_holds(key: str, value: Any, row: Row) -> bool:
    if key in ("$and", "AND"):
        return all(_holds(each, row) for each in value)
    if key in ("$or", "OR"):
        return any(_holds(each, row) for each in value)
    if key in ("$not", "NOT"):
        return not any(_holds(each, row) for each in ([value] if isinstance(value, dict) else value))
    if isinstance(value, dict):
        return all(_test_holds(key, "$" + name.lstrip("$"), each, row) for name, each in value.items())
    return key in row if value == "*" else _test_holds(key, "$eq", value, row)


def _test_holds(key: str, operator: str, value: Any, row: Row) -> bool:
    if operator == "$exists":
        return (key in row) is value
    if operator == "$ne":
        return not _test_holds(key, "$eq", value, row)
    if operator == "$in":
        return any(_test_holds(key, "$eq", each, row) for each in value)
    if operator == "$nin":
        return not _test_holds(key, "$in", value, row)
    if key not in row:
        return False
    had = row[key]
    if operator in ("$contains", "$icontains"):
        return _contains(had, value, operator == "$icontains")
    compared_as_dates = isinstance(value, date) or key in DATES
    if compared_as_dates and (span := _days_of(had)):
        day = (_date(value) or date.min).isoformat()[:10]
        return {
            "$eq": span[0] <= day <= span[1],
            "$gt": span[1] > day,
            "$gte": span[1] >= day,
            "$lt": span[0] < day,
            "$lte": span[0] <= day,
        }[operator]
    sides = _dates(had, value) if compared_as_dates else _same_kind(had, value)
    if sides is None:
        return False
    left, right = sides
    compare = {"$eq": eq, "$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}[operator]
    return bool(compare(left, right))


def _contains(had: Any, value: Any, fold: bool) -> bool:
    if isinstance(had, str):
        return isinstance(value, str) and (value.lower() in had.lower() if fold else value in had)
    if not isinstance(had, list):
        return False
    if fold and isinstance(value, str):
        return any(isinstance(each, str) and value.lower() in each.lower() for each in had)
    return any(_same_kind(each, value) == (each, each) for each in had)


def _same_kind(had: Any, value: Any) -> tuple[Any, Any] | None:
    def kind(each: Any) -> str:
        return "number" if isinstance(each, int | float) and not isinstance(each, bool) else type(each).__name__

    return (had, value) if kind(had) == kind(value) and kind(had) not in ("list", "dict") else None


def _dates(had: Any, value: Any) -> tuple[Any, Any] | None:
    left, right = _date(had), _date(value)
    if left is None or right is None:
        return None
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left, right
    return left.isoformat()[:10], right.isoformat()[:10]


def _days_of(had: Any) -> tuple[str, str] | None:
    """The first and the last day of a month or a year."""
    if not isinstance(had, str) or not re.fullmatch(r"\d{4}(-\d{2})?", had):
        return None
    year, month = int(had[:4]), int(had[5:] or 0)
    return f"{year:04}-{month or 1:02}-01", f"{year:04}-{month or 12:02}-{monthrange(year, month or 12)[1]:02}"


def _date(value: Any) -> date | None:
    if isinstance(value, str):
        for kind in (date, datetime):
            try:
                value = kind.fromisoformat(value)
                break
            except ValueError:
                continue
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return value if isinstance(value, date) else None


# -- the two agree -----------------------------------------------------------------------------------------

KEYS = ("kind", "shop", "tags", "data", 'a"b', "back\\slash", "dotted.key", "ключ", "it's", "x || true")
TEXTS = ("", "goal", "Goal", "a goal", "5", "%", 'quo"te', "back\\slash", "$v0", "né", "😀", "2026-03-01", "*.")
DAYS = (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(1, 1, 1), date(9999, 12, 31))
MOMENTS = (
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 1, 12, 30, 0, 500_000, tzinfo=UTC),
    datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-7))),
    datetime(2026, 3, 1, 9, 0),
)
scalars = st.sampled_from((*TEXTS, 0, 1, 5, -2.5, 7.0, True, False, None))
days = st.sampled_from((*DAYS, *MOMENTS))
written = days.map(lambda each: each.isoformat())
parts = days.flatmap(lambda each: st.sampled_from((each.isoformat()[:7], each.isoformat()[:4])))
rows = st.dictionaries(st.sampled_from(KEYS), scalars | st.lists(scalars, max_size=3), max_size=5).flatmap(
    lambda row: st.dictionaries(st.sampled_from(sorted(DATES)), written | parts, max_size=2).map(
        lambda dates: {**row, **dates}
    )
)
ordered = st.sampled_from(("goal", "5", "né", "a", 0, 5, -2.5, 6.5))
tests = st.one_of(
    scalars.filter(lambda each: each != "*"),
    st.fixed_dictionaries({}, optional={"$eq": scalars, "ne": scalars, "$exists": st.booleans()}).filter(bool),
    st.dictionaries(st.sampled_from(("$gt", "$gte", "lt", "$lte")), ordered, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(("$in", "nin")), st.lists(scalars, min_size=1, max_size=3), min_size=1),
    st.dictionaries(st.sampled_from(("$contains", "icontains")), scalars.filter(lambda v: v != ""), min_size=1),
    st.just("*"),
)
dated = st.one_of(
    days,
    st.dictionaries(
        st.sampled_from(("$gt", "gte", "$lt", "lte", "$eq", "$ne")), days | written, min_size=1, max_size=2
    ),
)
leaves = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), tests, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(sorted(DATES)), dated, min_size=1, max_size=2),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"$and": each}),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"OR": each}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"NOT": each}),
        inner.map(lambda each: {"$not": each}),
    ),
    max_leaves=6,
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given_any(wanted=filters, kept=st.lists(rows, min_size=1, max_size=25))
def test_the_database_answers_as_plain_python_does(database: Database, wanted: dict[str, Any], kept: list[Row]) -> None:
    assert _found(database, wanted, kept) == [place for place, row in enumerate(kept) if _holds(wanted, row)]


def test_no_filter_makes_the_database_fail(database: Database) -> None:
    """Postgres is asked to be silent, for rows of a wrong type; a wrong path would be as silent."""
    wanted = {'a\\"b': {"$in": [1, "x"]}, "$not": {"tags": {"$contains": "q"}}, "happened_at": date(2026, 3, 1)}
    row = {'a\\"b': "x", "tags": ["p"], "happened_at": "2026-03-01"}
    assert _found(database, wanted, [row, {**row, "tags": ["q"]}]) == [0]


def test_a_filter_on_a_day_includes_the_whole_day(database: Database) -> None:
    moments = ("2026-02-28T23:59:59+00:00", "2026-03-01", "2026-03-01T23:59:59.999999+00:00", "2026-03-02")
    kept = [{"created_at": each} for each in moments]
    day = date(2026, 3, 1)
    assert _found(database, {"created_at": {"$gte": day}}, kept) == [1, 2, 3]
    assert _found(database, {"created_at": {"$lte": day}}, kept) == [0, 1, 2]
    assert _found(database, {"created_at": {"$gt": day}}, kept) == [3]
    assert _found(database, {"created_at": {"$lt": day}}, kept) == [0]
    assert _found(database, {"created_at": day}, kept) == [1, 2]


def test_a_date_with_an_offset_is_compared_as_a_time_not_as_text(database: Database) -> None:
    kept = [{"created_at": "2026-03-01T23:30:00.123456-07:00"}, {"created_at": "2026-03-02T06:00:00Z"}]
    assert _found(database, {"created_at": {"gte": "2026-03-02T06:15:00+00:00"}}, kept) == [0]
    assert _found(database, {"created_at": {"lt": "2026-03-02T06:15Z"}}, kept) == [1]


NOON = [
    "2026-03-01T12:00:00+00:00",
    "2026-03-01T12:00:00Z",
    "2026-03-01T12:00:00.5Z",
    "2026-03-01 12:00:00Z",
    "2026-03-01 12:00:00.123456Z",
    "2026-03-01T14:00:00+02:00",
    "2026-03-01 14:00:00.25+02",
    "2026-03-01T14:00:00+0200",
    "2026-03-01T05:00:00.25-0700",
    "2026-03-01T12:00:00",
]


@pytest.mark.parametrize("key", ["created_at", "happened_at"])
def test_a_time_is_found_in_whichever_form_a_program_wrote_it(database: Database, key: str) -> None:
    kept, all_of_them = [{key: each} for each in NOON], list(range(len(NOON)))
    assert _found(database, {key: "2026-03-01"}, kept) == all_of_them
    assert _found(database, {key: {"$gte": "2026-03-01T12:00:00Z", "$lt": "2026-03-01T12:00:01Z"}}, kept) == all_of_them
    assert _found(database, {key: {"$gt": "2026-03-01T12:00:00.999Z"}}, kept) == []
    assert _found(database, {key: {"$lt": "2026-03-01T12:00:00Z"}}, kept) == []


def test_what_happened_some_day_of_a_month_or_a_year_is_found_by_a_filter_on_days(database: Database) -> None:
    kept: list[Row] = [
        {"happened_at": each} for each in ("2025", "2026", "2026-02", "2026-03", "2026-03-09", "2026-04")
    ]
    march = {"happened_at": {"$gte": "2026-03-01", "$lt": "2026-04-01"}}
    assert _found(database, march, kept) == [1, 3, 4]
    assert _found(database, {"happened_at": {"$gt": "2026-03-31"}}, kept) == [1, 5]
    assert _found(database, {"happened_at": "2026-03-09"}, kept) == [1, 3, 4]
    assert _found(database, {"$not": march}, kept) == [0, 2, 5]


def test_no_time_is_left_to_a_reading_that_differs_between_versions_of_postgres() -> None:
    """PostgreSQL 15 reads no Z, and no offset without its colon, unless a template says where they stand."""
    path = compile_filters({"created_at": {"$gte": "2026-03-01T12:00:00Z"}}).path
    shapes = re.findall(r'like_regex "([^"]+)" && \(@\."created_at"\.datetime\(\) ', path)
    assert len(shapes) == 2
    for written in NOON:
        if written.endswith(("Z", "+0200", "-0700")):
            assert not [shape for shape in shapes if re.search(shape, written)], written


def test_an_empty_filter_fits_every_row(database: Database) -> None:
    assert _found(database, {}, [{}, {"kind": "goal"}]) == [0, 1]


def test_a_key_cannot_break_out_of_its_quotes(database: Database) -> None:
    rows: list[Row] = [{"kind": "goal"}, {'x" == "x" || @."kind': 1}]
    for key in ('x" == "x" || @."kind', "kind\\", '"', "\\u0022", "@", "@.$v0", "kind) || (1 == 1"):
        assert 0 not in _found(database, {key: 1}, rows), key


def test_a_value_cannot_break_out_of_its_place(database: Database) -> None:
    for value in ('" || 1 == 1 || "', "\\", '\\"', ".*", "^", "$v0", "' or true --"):
        for operator in ("$eq", "$contains", "$icontains", "$gte"):
            assert _found(database, {"kind": {operator: value}}, [{"kind": " "}]) == [], (operator, value)


DEEP: dict[str, Any] = {"kind": "goal"}
for _ in range(500):
    DEEP = {"$not": DEEP}
CIRCLE: dict[str, Any] = {}
CIRCLE["$and"] = [CIRCLE]


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ("kind=goal", "A filter is a mapping"),
        ([{"kind": "goal"}], "A filter is a mapping"),
        ({"kind": {"$near": 5}}, "is no operator"),
        ({"kind": {"like": 5}}, "is no operator"),
        ({"kind": {5: 5}}, "is no operator"),
        ({"$nor": [{"kind": "goal"}]}, "does not join filters"),
        ({"$where": "true"}, "does not join filters"),
        ({"kind": {}}, "is empty"),
        ({"kind": ["goal"]}, "compares with a text"),
        ({"kind": b"goal"}, "compares with a text"),
        ({"kind": object()}, "compares with a text"),
        ({"kind": {"$eq": {"a": 1}}}, "compares with a text"),
        ({"kind": {"$contains": date(2026, 3, 1)}}, "compares with a text"),
        ({"kind": {"$contains": ""}}, "something to look for"),
        ({"kind": {"$in": "goal"}}, "take a list"),
        ({"kind": {"$in": []}}, "take a list"),
        ({"kind": {"$nin": [["a"]]}}, "compares with a text"),
        ({"kind": {"$exists": 1}}, "True or False"),
        ({"kind": {"$gt": True}}, "compares numbers, texts and dates"),
        ({"kind": {"$lte": None}}, "compares numbers, texts and dates"),
        ({"kind": float("nan")}, "finite"),
        ({"kind": float("inf")}, "finite"),
        ({"kind": 10**5000}, "finite"),
        ({"$and": {"kind": "goal"}}, "takes a list of filters"),
        ({"$or": []}, "takes a list of filters"),
        ({"NOT": "goal"}, "takes a list of filters"),
        ({"OR": ["goal"]}, "A filter is a mapping"),
        ({"created_at": "yesterday"}, "compared with a date"),
        ({"happened_at": {"gte": "2026-13-01"}}, "compared with a date"),
        ({"kind": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}, "outside the calendar"),
        (DEEP, "nested at most"),
        (CIRCLE, "nested at most"),
        ({"kind": {"$in": list(range(1_000))}}, "at most 200 conditions"),
        ({"kind": "x" * 1_001}, "at most 1,000 characters"),
        ({"kind": "nul\x00"}, "no memory can hold"),
        ({"kind": {"$contains": "half \ud800"}}, "no memory can hold"),
        ({"": 1}, "at most 100 characters"),
        ({"k" * 101: 1}, "at most 100 characters"),
        ({5: 1}, "at most 100 characters"),
        ({None: 1}, "at most 100 characters"),
        ({"nul\x00": 1}, "no key of a memory"),
        ({"half \ud800": 1}, "no key of a memory"),
        ({"line\nbreak": 1}, "no key of a memory"),
        ({"user_id": "eve"}, "cannot name a user"),
        ({"$or": [{"kind": "goal"}, {"user_id": "eve"}]}, "cannot name a user"),
        ({"NOT": [{"user_id": {"$ne": "eve"}}]}, "cannot name a user"),
    ],
)
def test_a_wrong_filter_is_refused_with_a_sentence(filters: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence) as refused:
        compile_filters(filters)
    assert len(str(refused.value)) < 300
