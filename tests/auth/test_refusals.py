"""What Supabase's auth server refuses, and how: each refusal leads to the sentence or the way that helps.

The cases are those of its source code. The scripted server answers them as it does, in the form the client asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from auth.client import AuthClient
from auth.errors import (
    AuthUnreachable,
    ConfirmItsYou,
    SessionEnded,
    SignInError,
    TooManyAttempts,
    WeakPassword,
    WrongCredentials,
)
from auth.person import Session
from tests.auth.conftest import PASSWORD
from tests.gotrue import GoTrue, totp

KIM, NEW_PASSWORD = "kim@example.com", "another horse battery"
At = Callable[[], AuthClient]


@pytest.fixture
def session(visitor: AuthClient) -> Session:
    """Kim's session."""
    joined = visitor.sign_up(KIM, PASSWORD)
    assert joined is not None
    return joined


# -- sessions ----------------------------------------------------------------------------------------


def test_the_session_of_a_deleted_account_has_ended(gotrue: GoTrue, visitor: AuthClient, session: Session) -> None:
    gotrue.people.clear()
    with pytest.raises(SessionEnded):
        visitor.confirm_alive(session)
    with pytest.raises(SessionEnded):
        visitor.refresh(session)
    visitor.sign_out(session)


def test_a_session_that_was_signed_out_elsewhere_has_ended(at: At, visitor: AuthClient, session: Session) -> None:
    here = at().sign_in(KIM, PASSWORD)
    at().sign_out(here, "others")
    visitor.confirm_alive(here)
    with pytest.raises(SessionEnded):
        visitor.confirm_alive(session)
    with pytest.raises(SessionEnded):
        visitor.refresh(session)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "validation_failed"), (400, "user_banned"), (403, "no_authorization")]
)
def test_a_session_that_can_never_be_refreshed_again_ends(
    gotrue: GoTrue, visitor: AuthClient, session: Session, status: int, code: str
) -> None:
    gotrue.fail_next("/token", status, code, msg="Refresh token is not valid: not issued by this server")
    with pytest.raises(SessionEnded):
        visitor.refresh(session)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, None, AuthUnreachable),
        (409, "conflict", AuthUnreachable),
        (422, "hook_timeout", AuthUnreachable),
        (429, "over_request_rate_limit", TooManyAttempts),
    ],
)
def test_a_session_that_can_be_refreshed_later_stays(
    gotrue: GoTrue, visitor: AuthClient, session: Session, status: int, code: str | None, kind: type[SignInError]
) -> None:
    gotrue.fail_next("/token", status, code)
    with pytest.raises(kind):
        visitor.refresh(session)
    assert visitor.refresh(session).user_id == session.user_id


# -- mails -------------------------------------------------------------------------------------------


def test_the_code_of_a_sign_in_mail_works_before_the_address_is_confirmed(gotrue: GoTrue, visitor: AuthClient) -> None:
    gotrue.confirms = True
    assert visitor.sign_up(KIM, PASSWORD) is None
    visitor.send_link(KIM)
    [mail] = gotrue.mails
    assert mail.kind == "signup", "the server mails a confirmation instead"
    assert visitor.use_code(KIM, mail.code, "magiclink").email == KIM


@pytest.mark.parametrize("send", [AuthClient.send_link, AuthClient.send_recovery, AuthClient.resend])
def test_asking_twice_for_a_mail_does_not_reveal_who_has_an_account(
    gotrue: GoTrue, visitor: AuthClient, send: Callable[[AuthClient, str], None]
) -> None:
    gotrue.confirms = send is AuthClient.resend
    visitor.sign_up(KIM, PASSWORD)
    gotrue.seconds_between_mails = 60
    for address in (KIM, KIM, "stranger@example.com", "stranger@example.com"):
        send(visitor, address)
    assert gotrue.asked[-4:] == gotrue.asked[-1:] * 4, "the server was asked each time, and refused Kim's second mail"


def test_whoever_signs_up_again_before_confirming_still_waits_for_the_mail(gotrue: GoTrue, visitor: AuthClient) -> None:
    gotrue.confirms, gotrue.seconds_between_mails = True, 60
    assert visitor.sign_up(KIM, PASSWORD) is None
    assert visitor.sign_up(KIM, PASSWORD) is None
    [mail] = gotrue.mails
    assert visitor.use_code(KIM, mail.code, "signup").email == KIM


@pytest.mark.parametrize("send", [AuthClient.send_link, AuthClient.send_recovery, AuthClient.resend])
def test_a_project_that_sends_no_more_mails_names_nobody_and_the_log_says_so(
    gotrue: GoTrue,
    visitor: AuthClient,
    send: Callable[[AuthClient, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = {"send_link": "/otp", "send_recovery": "/recover", "resend": "/resend"}[send.__name__]
    gotrue.fail_next(path, 429, "over_email_send_rate_limit", msg="email rate limit exceeded")
    with caplog.at_level(logging.WARNING):
        send(visitor, KIM)
    assert "sends no more emails this hour" in caplog.text


def test_who_signs_up_where_no_more_mails_are_sent_is_told(gotrue: GoTrue, visitor: AuthClient) -> None:
    gotrue.fail_next("/signup", 429, "over_email_send_rate_limit", msg="email rate limit exceeded")
    with pytest.raises(TooManyAttempts, match="in an hour"):
        visitor.sign_up(KIM, PASSWORD)


def test_a_captcha_is_the_deployers_business(
    gotrue: GoTrue, visitor: AuthClient, caplog: pytest.LogCaptureFixture
) -> None:
    gotrue.captcha = True
    with caplog.at_level(logging.WARNING), pytest.raises(SignInError, match="Tell whoever runs this app"):
        visitor.sign_in(KIM, PASSWORD)
    assert "captcha" in caplog.text


# -- passwords ---------------------------------------------------------------------------------------


def test_a_server_that_asks_for_the_current_password_gets_it(
    gotrue: GoTrue, visitor: AuthClient, session: Session
) -> None:
    gotrue.wants_current_password = True
    with pytest.raises(WrongCredentials, match="Enter your current password"):
        visitor.change_password(session, NEW_PASSWORD)
    with pytest.raises(WrongCredentials, match="Your current password is wrong"):
        visitor.change_password(session, NEW_PASSWORD, old="guessed it maybe")
    visitor.change_password(session, NEW_PASSWORD, old=PASSWORD)
    assert gotrue.people[KIM].password == NEW_PASSWORD


def test_the_same_password_is_refused_before_a_mailed_code_is_used_up(
    gotrue: GoTrue, visitor: AuthClient, session: Session
) -> None:
    gotrue.wants_nonce = True
    with pytest.raises(WeakPassword, match="already your password"):
        visitor.change_password(session, PASSWORD, "123456", old=PASSWORD)
    assert gotrue.count("/user") == 0


def test_a_mailed_code_is_asked_for_again_while_no_second_one_is_mailed(
    gotrue: GoTrue, visitor: AuthClient, session: Session
) -> None:
    gotrue.wants_nonce, gotrue.seconds_between_mails = True, 60
    for _ in range(2):
        with pytest.raises(ConfirmItsYou, match="emailed you a code"):
            visitor.change_password(session, NEW_PASSWORD)
    [mail] = gotrue.mails
    visitor.change_password(session, NEW_PASSWORD, mail.code)


@pytest.mark.parametrize(
    ("reasons", "words", "told"),
    [
        (["length"], "Password should be at least 10 characters.", "Use at least 10 characters."),
        (["length"], "Too short.", "Use at least 8 characters."),
        (["characters"], "It should contain each.", "Use upper and lower case letters, digits and symbols."),
        (
            ["length", "characters"],
            "Password should be at least 12 characters. It should contain each.",
            "Use at least 12 characters. Use upper and lower case letters, digits and symbols.",
        ),
        (["pwned"], "known to be weak", "This password has appeared in a data leak. Choose a different one."),
    ],
)
def test_a_refused_password_is_told_why(
    gotrue: GoTrue, visitor: AuthClient, reasons: list[str], words: str, told: str
) -> None:
    gotrue.fail_next("/signup", 422, "weak_password", msg=words, weak_password={"reasons": reasons})
    with pytest.raises(WeakPassword) as refused:
        visitor.sign_up(KIM, PASSWORD)
    assert str(refused.value) == told


def test_only_an_address_is_called_no_address(gotrue: GoTrue, visitor: AuthClient, session: Session) -> None:
    wrong: dict[str, Any] = {"status": 400, "code": "validation_failed"}
    gotrue.fail_next("/signup", **wrong, msg="Unable to validate email address: invalid format")
    with pytest.raises(SignInError, match="Enter a valid email address"):
        visitor.sign_up("kim@example", PASSWORD)
    gotrue.fail_next("/factors", **wrong, msg="factor_type needs to be totp")
    with pytest.raises(SignInError, match="That didn't work"):
        visitor.enrol(session)


# -- the second factor -------------------------------------------------------------------------------


def test_setting_up_a_second_factor_that_was_begun_again_elsewhere_starts_over(
    gotrue: GoTrue, visitor: AuthClient, session: Session, at: At
) -> None:
    begun = visitor.enrol(session)
    again = at().enrol(at().sign_in(KIM, PASSWORD))
    with pytest.raises(SignInError, match="start again"):
        visitor.pass_factor(session, begun.factor_id, totp(begun.secret))
    assert visitor.pass_factor(session, again.factor_id, totp(again.secret)).passed


def test_a_password_is_changed_with_the_second_factor_only(
    gotrue: GoTrue, visitor: AuthClient, session: Session, at: At
) -> None:
    begun = visitor.enrol(session)
    visitor.pass_factor(session, begun.factor_id, totp(begun.secret))
    with pytest.raises(SignInError, match="two-step sign-in"):
        visitor.change_password(at().sign_in(KIM, PASSWORD), NEW_PASSWORD)


def test_an_authenticator_app_goes_before_what_another_app_has_set_up(
    gotrue: GoTrue, visitor: AuthClient, session: Session
) -> None:
    begun = visitor.enrol(session)
    visitor.pass_factor(session, begun.factor_id, totp(begun.secret))
    [known] = gotrue.people[KIM].shown()["factors"]
    gotrue.people[KIM].other_factors = [{**known, "id": "a-phone", "factor_type": "phone"}]
    assert visitor.sign_in(KIM, PASSWORD).factor_id == begun.factor_id
