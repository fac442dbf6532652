"""Attempts to sign in are counted by email address, and by network address if it is known."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from sqlalchemy import text

from auth.errors import TooManyAttempts
from limits import Limits
from limits.spending import Counts
from memory.database import Database
from tests.limits.conftest import Limiting, later, let_through
from tests.model_answers import PATIENCE


def _attempts(limits: Limits, email: str, address: str | None, times: int) -> int:
    """Return how many of these attempts were let through."""
    return let_through(lambda: limits.may_try_sign_in(email, address), TooManyAttempts, times)


def test_ten_attempts_with_an_address_are_let_through_and_then_no_more(limiting: Limiting) -> None:
    limits = limiting()
    assert _attempts(limits, "dave@example.com", None, 12) == 10
    assert _attempts(limits, " Dave@Example.COM ", None, 1) == 0
    assert _attempts(limits, "ana@example.com", None, 1) == 1


def test_the_sentence_says_how_long_to_wait(limiting: Limiting) -> None:
    limits = limiting(sign_in_attempts=1)
    limits.may_try_sign_in("dave@example.com", None)
    with pytest.raises(TooManyAttempts, match="Try again in 15 minutes"):
        limits.may_try_sign_in("dave@example.com", None)


def test_after_the_wait_attempts_are_let_through_again(limiting: Limiting, database: Database) -> None:
    limits = limiting(sign_in_attempts=2)
    assert _attempts(limits, "dave@example.com", None, 3) == 2
    later(database, "app_shared.counts", 16 * 60)
    assert _attempts(limits, "dave@example.com", None, 3) == 2


def test_one_network_that_tries_many_addresses_is_stopped_and_others_are_not(limiting: Limiting) -> None:
    limits = limiting(sign_in_attempts=2)
    for number in range(20):
        assert _attempts(limits, f"{number}@example.com", "198.51.100.1", 1) == 1
    assert _attempts(limits, "another@example.com", "198.51.100.1", 1) == 0
    assert _attempts(limits, "further@example.com", "198.51.100.2", 1) == 1


def test_without_an_address_only_the_mail_address_counts(limiting: Limiting) -> None:
    limits = limiting(sign_in_attempts=1)
    assert sum(_attempts(limits, f"{number}@example.com", None, 1) for number in range(30)) == 30


def test_a_limit_of_zero_lets_every_attempt_through(limiting: Limiting) -> None:
    assert _attempts(limiting(sign_in_attempts=0), "dave@example.com", "198.51.100.1", 30) == 30


def test_addresses_are_stored_as_hashes(limiting: Limiting, database: Database) -> None:
    limiting().may_try_sign_in("dave@example.com", "198.51.100.1")
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        kept = str(connection.execute(text("select * from app_shared.counts")).all())
    assert "dave" not in kept
    assert "198.51" not in kept


def test_old_counts_are_deleted(limiting: Limiting, database: Database) -> None:
    limits = limiting()
    for number in range(5):
        limits.may_try_sign_in(f"{number}@example.com", None)
    later(database, "app_shared.counts", 3 * 86_400)
    limits.may_try_sign_in("dave@example.com", None)
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from app_shared.counts")) == 1


def test_fifty_attempts_at_once_are_all_counted_and_pass_no_limit(limiting: Limiting, database: Database) -> None:
    counts, start = Counts(database), threading.Barrier(50)
    answers: list[int | None] = []

    def count() -> None:
        start.wait(timeout=PATIENCE)
        answers.append(counts.add_for_key("test", "everybody", 2, 60, 60).amount)

    threads = [threading.Thread(target=count) for _ in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each for each in answers if each) == list(range(2, 61, 2))
    assert answers.count(None) == 20
