"""Admission: open, by a list, or by invitation."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from auth.errors import NotInvited
from limits.admission import on_list
from memory.database import Database
from memory.errors import SettingsError
from settings import Settings
from tests.limits.conftest import Limiting

PROJECT = Path(__file__).parents[2]
LIST = "Dave@example.com, @example.org,"


def _invitations(database: Database, *options: str) -> list[str]:
    outcome = subprocess.run(
        [sys.executable, "-m", "limits", *options],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DATABASE_ADMIN_URL": database.admin_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return outcome.stdout.split()


def test_open_admission_lets_anybody_make_an_account(limiting: Limiting) -> None:
    limiting().may_sign_up("anybody@anywhere.example")


@pytest.mark.parametrize("email", ["dave@example.com", " DAVE@EXAMPLE.COM ", "anybody@example.org", "o@EXAMPLE.ORG"])
def test_addresses_on_the_list_are_admitted(limiting: Limiting, email: str) -> None:
    limiting(admission="list", admitted=LIST).may_sign_up(email)


@pytest.mark.parametrize(
    "email",
    [
        "eve@example.com",
        "dave@example.com.evil.example",
        "dave@example.com@evil.example",
        "eve@sub.example.org",
        "eve@notexample.org",
        "@example.org",
        "example.org",
        "",
        "eve@evil.example, @example.org",
        "dave@exаmple.com",  # a Cyrillic letter
        "ｄave@example.com",
    ],
)
def test_addresses_that_only_look_alike_are_not_admitted(limiting: Limiting, email: str) -> None:
    with pytest.raises(NotInvited, match="not on the list"):
        limiting(admission="list", admitted=LIST).may_sign_up(email)


def test_an_empty_list_admits_nobody() -> None:
    assert not on_list("dave@example.com", " , ")
    with pytest.raises(SettingsError, match="ADMITTED"):
        Settings.read({"ADMISSION": "list"})


@pytest.mark.parametrize("wrong", [{"ADMISSION": "closed"}, {"ADMITTED": "example.org"}])
def test_an_unknown_kind_of_admission_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Settings.read(wrong)


def test_an_invitation_lets_one_address_in_however_often_it_tries(limiting: Limiting, database: Database) -> None:
    limits = limiting(admission="invitation")
    first, second = _invitations(database, "--count", "2")
    limits.may_sign_up("dave@example.com", first)
    limits.may_sign_up(" Dave@example.com", f" {first} ")
    with pytest.raises(NotInvited, match="used by somebody else"):
        limits.may_sign_up("eve@example.com", first)
    limits.may_sign_up("eve@example.com", second)


@pytest.mark.parametrize("given", [None, "", "made-up", "' or true --"])
def test_nobody_is_admitted_without_a_valid_invitation(
    limiting: Limiting, database: Database, given: str | None
) -> None:
    _invitations(database)
    with pytest.raises(NotInvited, match="An invitation is needed"):
        limiting(admission="invitation").may_sign_up("eve@example.com", given)


def test_one_invitation_and_twenty_people_at_once_let_in_one(limiting: Limiting, database: Database) -> None:
    limits, [code] = limiting(admission="invitation"), _invitations(database)
    start, let_in = threading.Barrier(20), list[int]()

    def try_it(number: int) -> None:
        start.wait(timeout=30)
        try:
            limits.may_sign_up(f"{number}@example.com", code)
        except NotInvited:
            return
        let_in.append(number)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(let_in) == 1


def test_an_invitation_is_kept_as_a_hash_only(database: Database) -> None:
    [code] = _invitations(database)
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        kept = connection.execute(text("select * from app_shared.invitations")).all()
    assert len(kept) == 1
    assert code not in str(kept)
