"""The calls of other programs: one count for all processes, which costs few of the calls a statement."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import event

from limits import Limits
from memory.database import Database
from memory.errors import LimitReached
from tests.limits.conftest import Limiting, later, let_through

Call = Callable[[Limits], object]
CALLS: dict[str, Call] = {
    "a person": lambda limits: limits.may_call("ann"),
    "an application": lambda limits: limits.may_call_for("shop"),
}


@pytest.mark.parametrize("whose", CALLS)
def test_two_processes_count_the_calls_of_a_minute_together(limiting: Limiting, whose: str) -> None:
    call = CALLS[whose]
    processes = [limiting(api_calls_per_minute=10, application_calls_per_minute=10) for _ in range(2)]
    passed = sum(let_through(partial(call, each), LimitReached, 1) for _ in range(10) for each in processes)
    assert passed == 10


def test_the_calls_of_one_person_do_not_count_for_another(limiting: Limiting) -> None:
    limits = limiting(api_calls_per_minute=1)
    limits.may_call("ann")
    limits.may_call("ben")
    assert let_through(lambda: limits.may_call("ann"), LimitReached, 1) == 0


def test_the_minute_that_is_over_begins_anew(limiting: Limiting, database: Database) -> None:
    limits = limiting(api_calls_per_minute=2)
    assert let_through(lambda: limits.may_call("ann"), LimitReached, 3) == 2
    later(database, "app.counts", 61)
    assert let_through(lambda: limiting(api_calls_per_minute=2).may_call("ann"), LimitReached, 3) >= 1


def test_only_one_call_in_many_is_a_statement_and_a_refusal_is_none(limiting: Limiting, database: Database) -> None:
    limits = limiting(api_calls_per_minute=200)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *each: statements.append(each[2]))
    passed = let_through(lambda: limits.may_call("ann"), LimitReached, 300)
    assert passed == 200
    # Each tenth call, then two that say that the minute is used up; the last hundred calls ask nothing.
    assert len(statements) == 22
