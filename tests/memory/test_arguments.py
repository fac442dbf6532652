"""Arguments: both of mem0's ways are understood, and anything else gets one sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from memory import Memory, arguments
from memory.errors import InvalidInput
from memory.facts import Said

NONSENSE: tuple[Any, ...] = (5, 2.5, True, b"x", object(), [], ["dave"], {"a": 1}, lambda: None, Exception("x"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


# -- whose memories ------------------------------------------------------------------------------------


def test_a_user_is_named_in_either_way_or_in_both() -> None:
    assert arguments.asking("dave") == "dave"
    assert arguments.asking(filters={"user_id": "dave"}) == "dave"
    assert arguments.asking(None, {"user_id": "dave"}) == "dave"
    assert arguments.asking("dave", {}) == "dave"
    assert arguments.asking("dave", {"user_id": "dave"}) == "dave"


def test_two_different_users_in_one_call_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two different users"):
        arguments.asking("dave", {"user_id": "eve"})


@pytest.mark.parametrize("filters", [None, {}, {"user_id": None}])
def test_a_call_without_a_user_is_refused(filters: Any) -> None:
    with pytest.raises(InvalidInput, match="A user id is missing"):
        arguments.asking(None, filters)


@pytest.mark.parametrize("scope", ["agent_id", "run_id"])
def test_a_run_or_an_agent_alone_does_not_say_whose_memories(scope: str) -> None:
    with pytest.raises(InvalidInput, match=f"{scope} alone does not say whose"):
        arguments.asking(None, {scope: "x"})


@pytest.mark.parametrize(
    "wrong", [{"standing": -1}, {"standing": True}, {"before": "what?"}, {"before": [{"role": "user"}]}]
)
def test_a_wrong_option_of_recall_gets_a_sentence(memory: Memory, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"standing must be|before holds"):
        memory.recall("tea", user_id="dave", **wrong)


def test_filters_beside_the_user_become_one_condition() -> None:
    whose, conditions = arguments.scoped("dave", {"kind": "goal", "run_id": "r"})
    assert whose == "dave"
    assert conditions is not None
    assert arguments.scoped(None, {"user_id": "dave"}) == ("dave", None)


@pytest.mark.parametrize("wrong", [{5: "x"}, {"kind": {"$near": 1}}, {"$or": [{"user_id": "eve"}]}, {"kind": object()}])
def test_a_filter_that_would_be_ignored_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        arguments.scoped("dave", wrong)


@pytest.mark.parametrize("user_id", ["", "  ", "x" * 256, "nul\x00", "half \ud800", *NONSENSE[1:]])
def test_a_value_that_is_no_user_id_is_refused_in_either_way(user_id: Any) -> None:
    for ways in ((user_id, None), (None, {"user_id": user_id})):
        with pytest.raises(InvalidInput, match="user id"):
            arguments.asking(*ways)


def test_a_user_id_may_be_a_whole_number() -> None:
    assert arguments.asking(5) == arguments.asking(None, {"user_id": 5}) == "5"


@pytest.mark.parametrize("filters", ["user_id=dave", 5, [("user_id", "dave")], {"dave"}])
def test_filters_that_are_no_mapping_are_refused(filters: Any) -> None:
    with pytest.raises(InvalidInput, match="filters is a mapping"):
        arguments.asking("dave", filters)


# -- how many, and what is asked -----------------------------------------------------------------------


def test_top_k_is_another_name_for_limit() -> None:
    assert arguments.limited(7) == 7
    assert arguments.limited(10, 3) == 3
    assert arguments.limited(10, 3, default=10) == 3
    assert arguments.limited(3, 3, default=10) == 3


def test_two_different_limits_are_refused() -> None:
    with pytest.raises(InvalidInput, match="mean the same"):
        arguments.limited(5, 3, default=10)


@pytest.mark.parametrize("value", [0, -1, 1001, "5", 2.5, True, None, [5], "x" * 500])
def test_a_limit_out_of_range_is_refused_by_the_name_it_was_given(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^limit must be") as refused:
        arguments.limited(value)
    assert len(str(refused.value)) < 200
    if value is not None:
        with pytest.raises(InvalidInput, match=r"^top_k must be"):
            arguments.limited(10, value)


def test_a_question_is_text_and_may_be_empty() -> None:
    assert arguments.question("  tea? ") == "tea?"
    assert arguments.question(" \n") == ""
    assert arguments.question("a\x00b") == "a\ufffdb"


@pytest.mark.parametrize("query", [None, *NONSENSE])
def test_a_question_that_is_no_text_is_refused(query: Any) -> None:
    with pytest.raises(InvalidInput, match="text"):
        arguments.question(query)


# -- which memory, which change ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "", "nul\x00", "half \ud800", "x" * 1_001, *NONSENSE])
def test_a_value_that_cannot_be_an_id_names_no_memory_and_no_change(value: Any) -> None:
    assert not arguments.could_be_id(value)
    if type(value) is not int:
        with pytest.raises(InvalidInput, match="A change is named by"):
            arguments.change(value)


def test_any_other_text_may_be_an_id_and_a_number_a_change() -> None:
    assert arguments.could_be_id("of mem0: 7")
    assert (arguments.change(7), arguments.change("undo-7")) == (7, "undo-7")


# -- messages ------------------------------------------------------------------------------------------


def test_text_one_message_and_a_list_become_messages_with_a_time() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    hello = Said("user", "hello", at, run_id="r")
    message = {"role": "user", "content": " hello\n"}
    for each in ("hello", message, [message], (message,), [Said("user", "hello", at, run_id="r")]):
        assert arguments.messages(each, at, "r") == [hello]


def test_a_message_without_a_time_gets_the_present_time() -> None:
    before = datetime.now(UTC)
    [said] = arguments.messages("hello")
    assert before <= said.at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "said",
    [
        *(Said("user", "x", at) for at in ("2026-01-01", 5, None, date.max)),  # type: ignore[arg-type]
        Said("user", "x", message_id=5),  # type: ignore[arg-type]
        Said("user", "x", run_id=b"r"),  # type: ignore[arg-type]
        Said("user", "x", datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))),
        Said("user", 5),  # type: ignore[arg-type]
    ],
)
def test_a_message_with_an_impossible_detail_is_refused(said: Said) -> None:
    with pytest.raises(InvalidInput):
        arguments.messages(said)


def test_a_run_is_kept_without_what_no_database_can_store() -> None:
    assert arguments.messages(Said("user", "x", run_id="a\x00"))[0].run_id == "a\ufffd"
    assert arguments.messages("x", None, "a\x00")[0].run_id == "a\ufffd"


# -- metadata ------------------------------------------------------------------------------------------


def test_an_expiry_date_before_the_year_1000_keeps_its_leading_zeros() -> None:
    assert arguments.own_metadata({"a": 1}, date(999, 1, 2)) == {"a": 1, "expiration_date": "0999-01-02"}
    assert arguments.own_metadata() == {}


def test_metadata_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    circular: dict[str, Any] = {}
    circular["k"] = circular
    for value in ({"k": deep}, circular):
        with pytest.raises(InvalidInput, match="metadata"):
            arguments.own_metadata(value)


# -- a point in time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "meant"),
    [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (datetime(2026, 3, 1, 12), datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (" 2026-03-01 12:00 ", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (date(2026, 3, 1), datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_a_time_a_day_and_iso_text_are_points_in_time(as_of: Any, meant: datetime) -> None:
    found = arguments.moment(as_of)
    assert found == meant
    assert found.tzinfo is UTC


@pytest.mark.parametrize("as_of", [None, "", "yesterday", "2026-13-01", "12:00", "x" * 9_999, *NONSENSE])
def test_a_value_that_is_no_point_in_time_is_refused_in_one_line(as_of: Any) -> None:
    with pytest.raises(InvalidInput, match="as_of is a datetime") as refused:
        arguments.moment(as_of)
    assert len(str(refused.value)) < 200


def test_a_time_outside_of_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidInput, match="outside the calendar"):
        arguments.moment("9999-12-31T23:59:59-05:00")


# -- any value ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [
        arguments.asking,
        arguments.change,
        arguments.content,
        arguments.limited,
        arguments.messages,
        arguments.moment,
        arguments.own_metadata,
        arguments.question,
        lambda value: arguments.asking(None, value),
        lambda value: arguments.asking("dave", value),
        lambda value: arguments.messages([value]),
        lambda value: arguments.messages({"role": "user", "content": value}),
        lambda value: arguments.messages("x", value),
        lambda value: arguments.own_metadata({"k": value}),
        lambda value: arguments.own_metadata(None, value),
    ],
)
@given_any(value=anything)
def test_every_value_is_accepted_or_refused_with_a_sentence(check: Callable[[Any], Any], value: Any) -> None:
    problem = "."
    try:
        check(value)
    except InvalidInput as refused:
        problem = str(refused)
    assert problem.endswith(".")
