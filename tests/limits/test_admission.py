"""Admission: open, by a list, or by invitation."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from sqlalchemy import text

from auth.errors import NotInvited
from auth.session import Sessions
from limits import Limits
from limits.admission import on_list
from limits.spending import hashed
from memory.database import Database
from memory.errors import SettingsError
from settings import Settings
from tests.limits.conftest import Limiting, invitations, later
from tests.model_answers import PATIENCE

LIST = "Dave@example.com, @example.org,"


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
    first, second = invitations(database, "--count", "2")
    limits.may_sign_up("dave@example.com", first)
    limits.may_sign_up(" Dave@example.com", f" {first} ")
    with pytest.raises(NotInvited, match="already used"):
        limits.may_sign_up("eve@example.com", first)
    limits.may_sign_up("eve@example.com", second)


@pytest.mark.parametrize("given", [None, "", "made-up", "' or true --"])
def test_nobody_is_admitted_without_a_valid_invitation(
    limiting: Limiting, database: Database, given: str | None
) -> None:
    invitations(database)
    with pytest.raises(NotInvited, match="You need a valid invitation"):
        limiting(admission="invitation").may_sign_up("eve@example.com", given)


def test_one_invitation_and_twenty_people_at_once_let_in_one(limiting: Limiting, database: Database) -> None:
    limits, [code] = limiting(admission="invitation"), invitations(database)
    start, let_in = threading.Barrier(20), list[int]()

    def try_it(number: int) -> None:
        start.wait(timeout=PATIENCE)
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
    [code] = invitations(database)
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        kept = connection.execute(text("select * from app_shared.invitations")).all()
    assert len(kept) == 1
    assert code not in str(kept)


def _users_of_invitations(database: Database) -> str:
    with closing(Database(database.admin_url)) as admin, admin.engine.connect() as connection:
        return str(connection.execute(text("select used_by from app_shared.invitations")).all())


def test_who_used_an_invitation_is_not_kept_once_they_have_agreed(limiting: Limiting, database: Database) -> None:
    limits, [code] = limiting(admission="invitation"), invitations(database)
    limits.may_sign_up("dave@example.com", code)
    assert hashed("dave@example.com") in _users_of_invitations(database)
    limits.agree("dave", "Dave@example.com")
    assert hashed("dave@example.com") not in _users_of_invitations(database)
    assert limits.agreed("dave", "dave@example.com")
    for email in ("eve@example.com", "dave@example.com"):  # the invitation stays used
        with pytest.raises(NotInvited, match="already used"):
            limits.may_sign_up(email, code)


def test_the_addresses_of_people_who_agreed_before_are_forgotten_at_their_next_visit(
    limiting: Limiting, database: Database
) -> None:
    limits, [code] = limiting(admission="invitation"), invitations(database)
    limits.may_sign_up("dave@example.com", code)
    limits.consents.record_consent("dave")
    limits.agreed("dave", "dave@example.com")
    assert hashed("dave@example.com") not in _users_of_invitations(database)


def test_an_address_that_came_and_never_agreed_is_forgotten_after_a_month(
    limiting: Limiting, database: Database
) -> None:
    limits = limiting(admission="invitation")
    [old], [new] = invitations(database, "--days", "1"), invitations(database, "--days", "30")
    limits.may_sign_up("dave@example.com", old)
    limits.may_sign_up("ana@example.com", new)
    later(database, "app_shared.invitations", 32 * 86_400)
    limits.agree("eve", "eve@example.com")
    assert hashed("dave@example.com") not in _users_of_invitations(database)
    assert hashed("ana@example.com") in _users_of_invitations(database)


def test_a_deleted_account_whose_sign_in_stays_comes_back_with_a_new_invitation(
    limiting: Limiting, database: Database
) -> None:
    limits, [first, second] = limiting(admission="invitation"), invitations(database, "--count", "2")
    limits.may_sign_up("dave@example.com", first)
    limits.agree("dave", "dave@example.com")
    Sessions(database).delete_account("dave")
    limits.forget_address("dave@example.com")
    with pytest.raises(NotInvited, match=r"was deleted.*enter it under Create account"):
        limits.agreed("dave", "dave@example.com")
    limits.may_sign_up("dave@example.com", second)  # the sign-in server then says that the address has an account
    assert not limits.agreed("dave", "dave@example.com"), "the consent page is next"


def test_a_list_admits_nobody_new_where_addresses_are_not_confirmed(database: Database) -> None:
    confirmed: list[bool] = []
    limits = Limits(database, Settings(admission="list", admitted=LIST), lambda: bool(confirmed))
    with pytest.raises(NotInvited, match="does not confirm email addresses"):
        limits.may_sign_up("dave@example.com")
    with pytest.raises(NotInvited, match="does not confirm email addresses"):
        limits.agreed("dave", "dave@example.com")  # the account was made at the auth server
    confirmed.append(True)
    limits.may_sign_up("dave@example.com")
    limits.agree("dave", "dave@example.com")
    confirmed.clear()
    assert limits.agreed("dave", "dave@example.com")
