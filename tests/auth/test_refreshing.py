"""Refreshing the tokens of a session: one call for many tabs and processes, and no connection held during the call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import text

from auth.client import AuthClient
from auth.errors import AuthUnreachable, SessionEnded
from auth.person import Session
from auth.session import OpenDevice, Sessions
from memory.database import Database
from tests.auth.conftest import PASSWORD
from tests.chat.conftest import until
from tests.gotrue import GoTrue
from tests.memory.test_migrations import administrator
from tests.model_answers import PATIENCE, Gate

STALE = Session("kim", "kim@example.com", 0.0, "access", "refresh")
FRESH = replace(STALE, expires_at=4e9, access_token="new", refresh_token="newer")
LATER = replace(FRESH, access_token="newest", refresh_token="last")


@pytest.fixture
def small(database: Database) -> Iterator[Database]:
    """The same database, reached by one connection at a time."""
    with closing(Database(database.url, pool_size=1, overflow=0)) as connected:
        yield connected


def _refused(_old: Session) -> Session:
    raise SessionEnded("You were signed out. Sign in again.")


def _end_claims(database: Database) -> None:
    """Let the time pass after which a claim ends by itself."""
    with administrator(database) as connection:
        connection.execute(text("update app.sessions set refreshing_until = now() - interval '1 second'"))


def test_an_auth_server_that_answers_late_holds_no_connection(
    small: Database, gotrue: GoTrue, at: Callable[[], AuthClient]
) -> None:
    kept, client, gate = Sessions(small), at(), Gate()
    gotrue.lifetime = 30  # stale at once
    session = client.sign_up("kim@example.com", PASSWORD)
    assert session is not None
    hers, others = kept.open(session, "Firefox on Linux"), kept.open(replace(FRESH, user_id="lee"), "Safari on iPhone")
    gotrue.lifetime = 3600

    def late(path: str) -> None:
        if path == "/token":
            gate.wait()

    gotrue.hold = late
    with ThreadPoolExecutor(1) as tab:
        refreshed = tab.submit(kept.fresh, hers, client.refresh)
        until(lambda: "/token" in gotrue.asked)
        for _ in range(20):
            assert kept.find(others.cookie) is not None
            assert kept.status(others) is not None
        assert not refreshed.done()
        gate.open()
        assert not refreshed.result(PATIENCE).expires_soon


def test_a_claim_from_before_the_databases_clock_was_set_back_holds_up_nobody(database: Database) -> None:
    kept = Sessions(database, wait_seconds=0.0)
    opened = kept.open(STALE, "Firefox on Linux")
    with administrator(database) as connection:
        connection.execute(text("update app.sessions set refreshing_until = now() + interval '1 hour'"))
    assert kept.fresh(opened, lambda _: FRESH) == FRESH


def test_while_another_process_refreshes_a_tab_waits_a_moment_and_says_so(database: Database, small: Database) -> None:
    elsewhere, here, gate = Sessions(small), Sessions(database, wait_seconds=0.2), Gate()
    opened = elsewhere.open(STALE, "Firefox on Linux")
    calls: list[Session] = []

    def late(old: Session) -> Session:
        calls.append(old)
        gate.wait()
        return FRESH

    with ThreadPoolExecutor(1) as process:
        refreshed = process.submit(elsewhere.fresh, opened, late)
        until(lambda: calls)
        with pytest.raises(AuthUnreachable, match="is slow to respond"):
            here.fresh(opened, late)
        gate.open()
        assert refreshed.result(PATIENCE) == here.fresh(opened, late) == FRESH
    assert calls == [STALE]


def test_a_process_that_dies_during_the_call_keeps_the_others_waiting_for_a_minute_at_most(
    kept: Sessions, database: Database
) -> None:
    opened, gate, calls = kept.open(STALE, "Firefox on Linux"), Gate(), list[Session]()

    def never_ends(old: Session) -> Session:
        calls.append(old)
        gate.wait()
        return LATER

    with ThreadPoolExecutor(1) as process:
        process.submit(kept.fresh, opened, never_ends)  # as far as others can tell, this one died
        until(lambda: calls)
        with pytest.raises(AuthUnreachable):
            Sessions(database, wait_seconds=0).fresh(opened, lambda _old: FRESH)
        assert kept.status(opened) is not None
        _end_claims(database)
        assert kept.fresh(opened, lambda _old: FRESH) == FRESH
        gate.open()


@pytest.mark.parametrize("error", [AuthUnreachable("The sign-in server did not answer."), ZeroDivisionError("a bug")])
def test_after_a_refresh_that_failed_for_any_reason_the_next_one_may_try_at_once(
    error: Exception, kept: Sessions, database: Database
) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def fails(_old: Session) -> Session:
        raise error

    with pytest.raises(type(error)):
        kept.fresh(opened, fails)
    assert Sessions(database, wait_seconds=0).fresh(opened, lambda _old: FRESH) == FRESH


def test_tokens_that_were_stored_during_the_call_are_not_overwritten(kept: Sessions) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def overtaken(_old: Session) -> Session:
        kept.save(opened, LATER)
        return FRESH

    assert kept.fresh(opened, overtaken) == LATER
    assert _stored(kept, opened) == LATER


def test_a_refusal_of_an_old_token_does_not_end_a_session_that_has_newer_ones(
    kept: Sessions, database: Database
) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def overtaken(old: Session) -> Session:
        _end_claims(database)
        kept.fresh(opened, lambda _old: FRESH)
        return _refused(old)

    assert kept.fresh(opened, overtaken) == FRESH
    assert _stored(kept, opened) == FRESH


def test_a_session_that_is_signed_out_during_the_call_stays_signed_out(kept: Sessions) -> None:
    opened = kept.open(STALE, "Firefox on Linux")

    def signed_out(_old: Session) -> Session:
        kept.close(opened)
        return FRESH

    for refresh in (signed_out, _refused):
        with pytest.raises(SessionEnded):
            kept.fresh(opened, refresh)
    assert kept.find(opened.cookie) is None


def _stored(kept: Sessions, opened: OpenDevice) -> Session:
    found = kept.find(opened.cookie)
    assert found is not None
    return found[1]
