"""Every way in and every change, as the client makes them: against the scripted server and the real one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import httpx
import pytest
import streamlit as st

from auth.client import PATIENCE_SECONDS, AuthClient
from auth.errors import (
    AddressTaken,
    AuthUnreachable,
    ConfirmItsYou,
    NotSupported,
    SessionEnded,
    SignInError,
    TooManyAttempts,
    WeakPassword,
    WrongCredentials,
)
from auth.person import Session
from auth.server_features import ServerFeatures, has_second_factors, server_features
from local.stack import LocalStack
from memory.errors import InvalidInput
from settings import settings
from tests.auth.conftest import PASSWORD
from tests.gotrue import KEY, GoTrue, totp
from tests.model_answers import PATIENCE, Gate

NEW_PASSWORD = "another horse battery"
KIM = "kim@example.com"
At = Callable[[], AuthClient]


def _joined(client: AuthClient, address: str = KIM) -> Session:
    session = client.sign_up(address, PASSWORD)
    assert session is not None
    return session


def test_a_session_takes_its_user_and_its_end_from_the_signed_token(gotrue: GoTrue, visitor: AuthClient) -> None:
    began = int(time.time())
    session = _joined(visitor)
    assert (session.user_id, session.email) == (gotrue.people[KIM].id, KIM)
    assert began <= session.expires_at - gotrue.lifetime <= time.time()
    assert not session.needs_second_factor


def test_a_user_without_a_session_is_not_signed_in(gotrue: GoTrue, visitor: AuthClient) -> None:
    gotrue.confirms = True
    assert visitor.sign_up(KIM, PASSWORD) is None
    assert visitor.sign_up(KIM, PASSWORD) is None  # nor is it told that the address is known


def test_a_confirmation_is_mailed_again(gotrue: GoTrue, visitor: AuthClient) -> None:
    gotrue.confirms = True
    visitor.sign_up(KIM, PASSWORD)
    visitor.resend(KIM)
    visitor.resend("stranger@example.com")
    [mail] = gotrue.mails
    assert visitor.use_code(KIM, mail.code, "signup").email == KIM


@pytest.mark.parametrize("spaced", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}"])
def test_spaces_in_a_code_are_ignored(gotrue: GoTrue, visitor: AuthClient, spaced: str) -> None:
    _joined(visitor)
    visitor.send_link(KIM)
    assert visitor.use_code(KIM, spaced.format(gotrue.mails[0].code), "magiclink").email == KIM


@pytest.mark.parametrize("code", ["", "abcdef", "12345678901", "１２３４５６", "12-34"])
def test_a_malformed_code_is_not_sent(gotrue: GoTrue, visitor: AuthClient, code: str) -> None:
    with pytest.raises(InvalidInput):
        visitor.use_code(KIM, code, "magiclink")
    assert gotrue.count("/verify") == 0


def test_asking_for_mail_does_not_reveal_who_has_an_account(gotrue: GoTrue, visitor: AuthClient) -> None:
    visitor.send_link("stranger@example.com")
    visitor.send_recovery("stranger@example.com")
    assert gotrue.mails == []
    assert "stranger@example.com" not in gotrue.people


def test_a_link_of_a_mail_works_once(gotrue: GoTrue, visitor: AuthClient, at: At) -> None:
    _joined(visitor)
    visitor.send_recovery(KIM)
    token = gotrue.mails[0].token_hash
    recovered = at().use_link(token, "recovery")  # another browser than the one that asked
    assert recovered is not None
    with pytest.raises(SignInError, match="has expired or was already used"):
        at().use_link(token, "recovery")


def test_a_recovery_link_lets_a_person_choose_a_new_password(gotrue: GoTrue, visitor: AuthClient, at: At) -> None:
    _joined(visitor)
    visitor.send_recovery(KIM)
    away = at()
    recovered = away.use_link(gotrue.mails[0].token_hash, "recovery")
    assert recovered is not None
    with pytest.raises(WeakPassword):
        away.change_password(recovered, "short")
    away.change_password(recovered, NEW_PASSWORD)
    away.sign_out(recovered, "others")
    with pytest.raises(WrongCredentials):
        at().sign_in(KIM, PASSWORD)
    assert at().sign_in(KIM, NEW_PASSWORD).user_id == recovered.user_id


def test_an_address_changes_when_the_link_in_its_mail_is_used(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    assert not visitor.change_email(session, "new@example.com")
    old, new = gotrue.mails
    assert (old.to, new.to) == (KIM, "new@example.com")
    assert visitor.use_link(old.token_hash, "email_change") is None, "the other address is to be confirmed, too"
    changed = visitor.use_link(new.token_hash, "email_change")
    assert changed is not None
    assert (changed.user_id, changed.email) == (session.user_id, "new@example.com")


def test_an_address_of_somebody_else_is_refused(visitor: AuthClient, at: At) -> None:
    _joined(at(), "lee@example.com")
    with pytest.raises(AddressTaken):
        visitor.change_email(_joined(visitor), "lee@example.com")


def test_a_server_that_asks_for_reauthentication_mails_a_code(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    gotrue.wants_nonce = True
    with pytest.raises(ConfirmItsYou, match="emailed you a code"):
        visitor.change_password(session, NEW_PASSWORD)
    with pytest.raises(ConfirmItsYou, match="Wrong code"):
        visitor.change_password(session, NEW_PASSWORD, "000000x")
    visitor.change_password(session, NEW_PASSWORD, gotrue.mails[0].code)


def test_the_old_password_is_checked_without_signing_anybody_in(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    visitor.check_password(KIM, PASSWORD)
    with pytest.raises(WrongCredentials):
        visitor.check_password(KIM, NEW_PASSWORD)
    visitor.change_password(session, NEW_PASSWORD)
    assert gotrue.count("/logout") == 1


def test_a_second_factor_is_required_after_the_password(gotrue: GoTrue, visitor: AuthClient, at: At) -> None:
    session = _joined(visitor)
    begun = visitor.enrol(session)
    assert begun.picture.startswith("<svg")
    assert begun.secret not in repr(begun)
    with pytest.raises(WrongCredentials, match="Wrong code"):
        visitor.pass_factor(session, begun.factor_id, "000000")
    assert visitor.pass_factor(session, begun.factor_id, totp(begun.secret)).passed
    other = at()
    halfway = other.sign_in(KIM, PASSWORD)
    assert halfway.needs_second_factor
    passed = other.pass_factor(halfway, halfway.factor_id or "", totp(begun.secret))
    assert not passed.needs_second_factor
    fresh = other.refresh(passed)
    assert not fresh.needs_second_factor
    other.remove_factor(fresh)
    assert other.refresh(fresh).factor_id is None


def test_setting_a_second_factor_up_again_replaces_the_one_that_was_begun(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    first, second = visitor.enrol(session), visitor.enrol(session)
    assert first.secret != second.secret
    assert visitor.pass_factor(session, second.factor_id, totp(second.secret)).passed


def test_a_sign_in_with_a_provider_is_finished_by_the_browser_that_began_it(
    gotrue: GoTrue, visitor: AuthClient
) -> None:
    address, verifier = visitor.begin_oauth("github", "https://keepsake.example/")
    assert verifier not in address
    back = httpx.get(address).headers["location"]
    code = back.partition("code=")[2]
    assert visitor.finish_oauth(code, verifier).email == "github@example.com"
    with pytest.raises(SignInError):
        visitor.finish_oauth(code, verifier)


def test_a_code_with_another_browsers_verifier_signs_nobody_in(gotrue: GoTrue, visitor: AuthClient, at: At) -> None:
    address, _ = visitor.begin_oauth("github", "https://keepsake.example/")
    _, other = at().begin_oauth("github", "https://keepsake.example/")
    code = httpx.get(address).headers["location"].partition("code=")[2]
    with pytest.raises(SignInError, match="another browser"):
        at().finish_oauth(code, other)


def test_a_session_lasts_until_the_server_says_that_it_ended(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    visitor.confirm_alive(session)
    gotrue.people.clear()
    with pytest.raises(SessionEnded):
        visitor.confirm_alive(session)


def test_a_refresh_that_returns_another_person_ends_the_session(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    _joined(visitor, "lee@example.com")
    gotrue.sessions[session.refresh_token]["sub"] = gotrue.people["lee@example.com"].id
    with pytest.raises(SessionEnded):
        visitor.refresh(session)


# -- faults ------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, Callable[[AuthClient, Session], object]]] = {
    "sign in": ("/token", lambda client, _: client.sign_in(KIM, PASSWORD)),
    "sign up": ("/signup", lambda client, _: client.sign_up("x@example.com", PASSWORD)),
    "a link": ("/otp", lambda client, _: client.send_link(KIM)),
    "recovery": ("/recover", lambda client, _: client.send_recovery(KIM)),
    "resend": ("/resend", lambda client, _: client.resend(KIM)),
    "a code": ("/verify", lambda client, _: client.use_code(KIM, "123456", "signup")),
    "refresh": ("/token", lambda client, session: client.refresh(session)),
    "password": ("/user", lambda client, session: client.change_password(session, NEW_PASSWORD)),
    "address": ("/user", lambda client, session: client.change_email(session, "new@example.com")),
    "second factor": ("/factors", lambda client, session: client.enrol(session)),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "over_request_rate_limit", TooManyAttempts),
        (500, "unexpected_failure", AuthUnreachable),
        (503, "x", AuthUnreachable),
        (404, "not_found", NotSupported),
        (403, "session_not_found", SessionEnded),
    ],
)
def test_each_fault_of_the_server_becomes_its_sentence_in_every_call(
    gotrue: GoTrue, visitor: AuthClient, name: str, status: int, code: str, expected: type[SignInError]
) -> None:
    session = _joined(visitor)
    path, call = CALLS[name]
    gotrue.fail_next(path, status, code)
    with pytest.raises(expected) as raised:
        call(visitor, session)
    assert "own words" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_server_that_does_not_answer_is_given_up_after_the_time_limit(gotrue: GoTrue) -> None:
    gate = threading.Event()

    def hold(_path: str) -> None:
        gate.wait(PATIENCE)

    gotrue.hold = hold
    try:
        began = time.monotonic()
        with (
            closing(AuthClient(gotrue.url, KEY, patience=0.2)) as client,
            pytest.raises(AuthUnreachable, match="is not responding"),
        ):
            client.sign_in(KIM, PASSWORD)
        assert time.monotonic() - began < PATIENCE_SECONDS  # of a client that was not told how long
    finally:
        gate.set()


def test_rotated_keys_do_not_sign_anybody_out(gotrue: GoTrue, visitor: AuthClient) -> None:
    session = _joined(visitor)
    gotrue.rotate()
    fresh = visitor.refresh(session)
    assert fresh.user_id == session.user_id
    visitor.check(fresh)


# -- what is offered ---------------------------------------------------------------------------------


@pytest.fixture
def asking(gotrue: GoTrue, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoTrue]:
    """The app's settings lead to the scripted server, and nothing is remembered of it."""
    monkeypatch.setenv("SUPABASE_URL", gotrue.url)
    monkeypatch.setenv("SUPABASE_KEY", KEY)
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@/none")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    settings.cache_clear()
    st.cache_resource.clear()
    yield gotrue
    settings.cache_clear()
    st.cache_resource.clear()


def test_the_servers_features_are_read_from_its_settings(asking: GoTrue) -> None:
    asking.providers, asking.sign_up_open = ("github",), False
    asking.confirms = True
    assert server_features() == ServerFeatures(sign_up=False, by_mail=True, providers=("github",), confirms=True)
    server_features()
    assert asking.count("/settings") == 1


def test_without_the_servers_settings_password_sign_in_is_offered_and_the_server_is_asked_again(asking: GoTrue) -> None:
    asking.providers = ("google",)
    asking.fail_next("/settings", 500)
    assert server_features() == ServerFeatures()
    assert server_features().providers == ("google",)


def test_a_server_that_takes_too_long_is_waited_for_once_and_not_by_everybody(asking: GoTrue) -> None:
    gate = Gate()

    def late(_path: str) -> None:
        gate.wait()

    asking.providers, asking.hold = ("google",), late
    for _ in range(3):
        assert server_features(patience=0.1) == ServerFeatures()
    assert asking.count("/settings") == 1
    gate.open()
    st.cache_resource.clear()  # the seconds are over for which it is left alone
    assert server_features().providers == ("google",)


def test_asking_whether_there_are_second_factors_makes_none(asking: GoTrue) -> None:
    with closing(AuthClient(asking.url, KEY)) as client:
        session = _joined(client)
    assert has_second_factors(session.access_token)
    assert asking.people[KIM].factor is None


def test_a_server_without_second_factors_is_recognised(asking: GoTrue) -> None:
    with closing(AuthClient(asking.url, KEY)) as client:
        session = _joined(client)
    asking.fail_next("/factors", 404)
    assert not has_second_factors(session.access_token)


# -- the real local server ---------------------------------------------------------------------------


@pytest.fixture
def real(stack: LocalStack) -> Iterator[Callable[[], AuthClient]]:
    clients: list[AuthClient] = []

    def another() -> AuthClient:
        clients.append(AuthClient(stack.settings["SUPABASE_URL"], stack.settings["SUPABASE_KEY"]))
        return clients[-1]

    yield another
    for client in clients:
        client.close()


def _mail(stack: LocalStack, address: str, subject: str) -> str:
    """The latest mail of a kind that the real server printed for an address."""
    deadline = time.monotonic() + PATIENCE
    while True:
        mails = (stack.folder.logs / "auth.log").read_text().split(f"mail to {address}: ")[1:]
        if found := [mail for mail in mails if mail.startswith(subject)]:
            return found[-1]
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.02)


def _code(mail: str) -> str:
    return str(re.findall(r"\b\d{6}\b", mail)[0])


def _token(mail: str) -> str:
    return str(re.findall(r"token_hash=([0-9a-f]+)", mail)[0])


def test_with_the_real_server_a_password_is_recovered_by_code_and_other_sessions_end(
    real: Callable[[], AuthClient], stack: LocalStack
) -> None:
    address = f"recover-{time.time_ns()}@example.com"
    here, away = real(), real()
    before = _joined(here, address)
    away.send_recovery(address)
    recovered = away.use_code(address, _code(_mail(stack, address, "Reset")), "recovery")
    away.change_password(recovered, NEW_PASSWORD)
    away.sign_out(recovered, "others")
    with pytest.raises(SessionEnded):
        here.refresh(before)
    assert away.refresh(recovered).user_id == before.user_id
    with pytest.raises(WrongCredentials):
        real().sign_in(address, PASSWORD)
    assert real().sign_in(address, NEW_PASSWORD).user_id == before.user_id


@pytest.mark.parametrize("by", ["link", "code"])
def test_with_the_real_server_a_link_signs_in_once(real: Callable[[], AuthClient], stack: LocalStack, by: str) -> None:
    address = f"link-{time.time_ns()}@example.com"
    joined = _joined(real(), address)
    real().send_link(address)
    mail = _mail(stack, address, "Your Magic Link")
    away = real()

    def use() -> Session | None:
        if by == "link":
            return away.use_link(_token(mail), "magiclink")
        return away.use_code(address, _code(mail), "magiclink")

    session = use()
    assert session is not None
    assert session.user_id == joined.user_id
    with pytest.raises(SignInError, match="has expired or was already used"):
        use()


def test_with_the_real_server_an_address_is_changed_by_link(real: Callable[[], AuthClient], stack: LocalStack) -> None:
    old, new = (f"{name}-{time.time_ns()}@example.com" for name in ("old", "new"))
    client = real()
    session = _joined(client, old)
    if not client.change_email(session, new):
        mails = [address for address in (old, new) if f"mail to {address}: Confirm Email" in _log(stack)]
        changed = real().use_link(_token(_mail(stack, mails[0], "Confirm Email")), "email_change")
        assert changed is None or changed.email == new
    assert real().sign_in(new, PASSWORD).user_id == session.user_id


def _log(stack: LocalStack) -> str:
    deadline = time.monotonic() + PATIENCE
    while "Confirm Email" not in (told := (stack.folder.logs / "auth.log").read_text()):
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.02)
    return told


def test_with_the_real_server_the_same_password_is_refused_as_a_new_one(real: Callable[[], AuthClient]) -> None:
    client = real()
    session = _joined(client, f"same-{time.time_ns()}@example.com")
    with pytest.raises(WeakPassword, match="already"):
        client.change_password(session, PASSWORD)


def test_with_the_real_server_signing_out_everywhere_ends_every_refresh(real: Callable[[], AuthClient]) -> None:
    address = f"global-{time.time_ns()}@example.com"
    one, other = real(), real()
    first = _joined(one, address)
    second = other.sign_in(address, PASSWORD)
    one.sign_out(first, "global")
    for client, session in ((one, first), (other, second)):
        with pytest.raises(SessionEnded):
            client.refresh(session)


def test_with_the_real_server_a_person_deletes_their_own_sign_in_and_no_other(
    real: Callable[[], AuthClient],
) -> None:
    address, other = (f"{name}-{time.time_ns()}@example.com" for name in ("leaving", "staying"))
    client = real()
    session = _joined(client, address)
    stays = _joined(real(), other)
    assert not client.delete_sign_in(replace(session, access_token=session.access_token[:-4] + "AAAA"))
    assert client.delete_sign_in(session)
    assert not client.delete_sign_in(session)
    with pytest.raises(WrongCredentials):
        real().sign_in(address, PASSWORD)
    with pytest.raises(SessionEnded):
        client.refresh(session)
    assert real().sign_in(other, PASSWORD).user_id == stays.user_id
    assert _joined(real(), address).user_id != session.user_id


def test_a_server_that_lets_nobody_delete_their_sign_in_is_not_an_error(visitor: AuthClient) -> None:
    assert not visitor.delete_sign_in(_joined(visitor))
