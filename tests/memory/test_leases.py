"""Leases: one worker for each user at a time; and what older versions gave up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from memory.database import Database
from memory.errors import LeaseLost
from memory.leases import Lease, Leases
from memory.migrations import FOLDER, migrate
from tests.memory.test_migrations import MODEL, SIZE, administrator


def _taken(database: Database, user_id: str = "ann") -> Lease | None:
    with database.as_user(user_id) as connection:
        return Leases(database).take(connection, user_id)


def _held(database: Database, lease: Lease) -> bool:
    with database.as_user(lease.user_id) as connection:
        try:
            Leases(database).hold(connection, lease)
        except LeaseLost:
            return False
        return True


def test_of_many_who_want_the_lease_on_a_user_one_gets_it(database: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        first = [each for each in threads.map(lambda _: _taken(database), range(16)) if each]
        assert len(first) == 1
        with database.as_user("ann") as connection:
            Leases(database).end(connection, first[0])
        assert len([each for each in threads.map(lambda _: _taken(database), range(16)) if each]) == 1
    assert _taken(database, "bob") is not None


def test_a_lease_that_is_over_may_be_taken_and_is_lost_to_who_had_it(database: Database) -> None:
    lost = _taken(database)
    assert lost is not None
    with database.as_user("ann") as connection:
        connection.execute(text("update app.leases set claimed_until = now()"))
    assert _held(database, lost), "nobody has taken over yet"
    assert _taken(database) is not None
    assert not _held(database, lost)
    assert not Leases(database).renew(lost)


def test_erasing_takes_the_lease_away_and_counts(database: Database) -> None:
    lease, leases = _taken(database), Leases(database)
    assert lease is not None
    with database.as_user("ann") as connection:
        leases.take_away(connection)
        leases.note_erasing(connection)
        assert leases.erasures(connection) == 2
    assert not _held(database, lease)
    assert _taken(database) is not None


def test_a_lease_that_is_being_written_under_is_not_waited_for(database: Database) -> None:
    lease = _taken(database)
    assert lease is not None
    with database.as_user("ann") as connection:
        Leases(database).hold(connection, lease)
        connection.execute(text("update app.leases set claimed_until = now()"))
        assert _taken(database) is None


def _migrate_before(version: str, database: Database, folder: Path) -> None:
    """Apply the migrations before a version."""
    for each in FOLDER.glob("*.sql"):
        if each.name < version:
            (folder / each.name).write_text(each.read_text())
    # The program calls this function after each migration; a file that is not applied yet makes it.
    later = "create function app.ensure_sources() returns void language sql as ''"
    (folder / f"{int(version) - 1}_later.sql").write_text(later)
    migrate(database, SIZE, MODEL, folder)
    with administrator(database) as connection:
        connection.execute(text("drop function app.ensure_sources()"))


@pytest.mark.slow
def test_what_older_versions_gave_up_is_tried_again_unless_it_was_erased_or_edited(
    empty_database: Database, tmp_path: Path
) -> None:
    _migrate_before("20261121000300", empty_database, tmp_path)
    with empty_database.as_user("ann") as connection:
        connection.execute(
            text(
                "with chat as (insert into app.conversations (title) values ('x') returning id)"
                " insert into app.messages (conversation_id, role, content, remembering, remember_attempts, receipt)"
                " select id, 'user', said, state, tries, cast(receipt as jsonb) from chat cross join (values"
                """ ('I keep moths', 'given up', 9, '{"not_remembered": "away"}'),"""  # edited to the last one
                " ('I keep wasps', 'given up', 9, '{}'),"  # everything was forgotten since
                """ ('I keep bees', 'given up', 9, '{"not_remembered": "away"}'))"""
                " written (said, state, tries, receipt)"
            )
        )
        connection.execute(
            text(
                "insert into app.lessons (id, chat, content, said_at, way, state, attempts)"
                " values ('1', '', 'I keep bees', now(), 'learn', 'given up', 4)"
            )
        )
    migrate(empty_database, SIZE, MODEL)
    asked = (
        "select content, remembering, remember_attempts from app.messages"
        " union all select content, state, attempts from app.lessons order by 1, 2"
    )
    with administrator(empty_database) as connection:
        assert list(connection.execute(text(asked))) == [
            ("I keep bees", "waiting", 0),
            ("I keep bees", "waiting", 0),
            ("I keep moths", "none", 0),
            ("I keep wasps", "none", 0),
        ]
        claimed = connection.execute(text("select user_id from app.claim_turn()")).scalar()
    assert claimed == "ann"
