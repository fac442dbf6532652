"""The gate: who is out stays out at the next click, and takes everything of theirs along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import services as services_module
from auth import server_features, tokens
from auth.client import AuthClient
from auth.guard import DEVICE, SESSION
from auth.person import Session
from auth.uploads import may_upload
from headers import SignedInUploads
from services import Services
from settings import settings
from tests.auth.conftest import PASSWORD
from tests.gotrue import KEY, GoTrue, Mail, totp

WELCOME = "An assistant that remembers you"
Sit = Callable[..., AppTest]


@pytest.fixture
def at_gotrue(home: Services, gotrue: GoTrue, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoTrue]:
    """The house of this process, with the scripted auth server for the real one."""
    services_module.close_services()
    settings.cache_clear()
    tokens.tokens_of.cache_clear()
    monkeypatch.setenv("SUPABASE_URL", gotrue.url)
    monkeypatch.setenv("SUPABASE_KEY", KEY)
    yield gotrue
    services_module.close_services()


@pytest.fixture
def sit(at_gotrue: GoTrue) -> Iterator[Sit]:
    """Somebody who has signed up and sits in front of a page."""
    with closing(AuthClient(at_gotrue.url, KEY)) as outside:

        def sit_down(page: str = "", address: str | None = None) -> AppTest:
            app = AppTest.from_file("../../app.py", default_timeout=30)
            session = outside.sign_up(address or f"{uuid4().hex}@example.com", PASSWORD)
            assert session is not None
            services_module.services().limits.consents.record_consent(session.user_id)
            app.session_state[SESSION] = session
            app.run()
            return app.switch_page(page).run() if page else app

        yield sit_down


def _words(app: AppTest) -> str:
    drawn = [*app.title, *app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.success, *app.text]
    return "\n".join(str(each.value).replace("\\", "") for each in drawn)


def _press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def _state(app: AppTest) -> str:
    """All that this tab's session holds, what objects do not show of themselves included."""
    held = app.session_state._state.filtered_state
    return "\n".join(f"{name}={value!r} {getattr(value, '__dict__', '')}" for name, value in held.items())


def _kept(app: AppTest) -> Any:
    return services_module.services().sessions.status(app.session_state[DEVICE])


def test_after_signing_out_the_next_person_finds_nothing_of_the_first(sit: Sit, at_gotrue: GoTrue) -> None:
    app = sit(address="first@example.com")
    assert "You were signed out" not in _words(app)
    first: Session = app.session_state[SESSION]
    app.chat_input[0].set_value("My favourite colour is ultramarine").run()
    app.switch_page("pages/account.py").run()
    _press(app, "Sign out")
    assert app.title[0].value == WELCOME
    assert "You were signed out" not in _words(app)  # they know
    secrets = (first.user_id, first.email, first.access_token, first.refresh_token, "ultramarine")
    for secret in secrets:
        assert secret not in _state(app)
    app.switch_page("app.py").run()
    app.text_input(key="sign_up_email").set_value("second@example.com")
    app.text_input(key="sign_up_password").set_value(PASSWORD)
    _press(app, "Create account")
    assert app.session_state[SESSION].email == "second@example.com"
    for page in ("pages/chat.py", "pages/memories.py", "pages/account.py"):
        app.switch_page(page).run()
        for secret in secrets:
            assert secret not in _words(app)
            assert secret not in _state(app)


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/memories.py", "pages/account.py"])
def test_a_session_that_was_ended_elsewhere_is_signed_out_at_the_next_click(sit: Sit, page: str) -> None:
    app = sit(page)
    assert services_module.services().sessions.revoke_all(app.session_state[SESSION].user_id) == 1
    app.run()
    assert app.title[0].value == WELCOME
    assert SESSION not in app.session_state


def test_text_typed_after_the_session_ended_is_kept_until_the_person_signs_in_again(sit: Sit) -> None:
    app = sit(address="kim@example.com")
    user_id = app.session_state[SESSION].user_id
    services_module.services().sessions.revoke_all(user_id)
    app.chat_input[0].set_value("A long letter").run()
    assert app.title[0].value == WELCOME
    assert "You were signed out. Sign in to continue. Your unsent message is saved." in _words(app)
    assert services_module.services().chats.recent(user_id) == []
    app.text_input(key="sign_in_email").set_value("kim@example.com")
    app.text_input(key="sign_in_password").set_value(PASSWORD)
    _press(app, "Sign in")
    assert not app.exception
    assert app.chat_input[0].value == "A long letter"
    assert services_module.services().chats.recent(user_id) == []


def test_expired_tokens_are_refreshed_when_a_page_is_opened(sit: Sit, at_gotrue: GoTrue) -> None:
    app = sit("pages/account.py")
    _let_expire(app)
    before = at_gotrue.count("/token")
    app.run()
    assert app.title[0].value == "Account"
    assert at_gotrue.count("/token") == before + 1
    app.run()
    assert at_gotrue.count("/token") == before + 1


def _let_expire(app: AppTest) -> None:
    old = replace(app.session_state[SESSION], expires_at=0.0)
    services_module.services().sessions.save(app.session_state[DEVICE], old)
    app.session_state[SESSION] = old


def test_a_session_without_its_second_factor_opens_no_page(sit: Sit, at_gotrue: GoTrue) -> None:
    app = sit("pages/account.py", "kim@example.com")
    with closing(AuthClient(at_gotrue.url, KEY)) as client:
        begun = client.enrol(app.session_state[SESSION])
        client.pass_factor(app.session_state[SESSION], begun.factor_id, totp(begun.secret))
    other = AppTest.from_file("../../app.py", default_timeout=30).run()
    other.text_input(key="sign_in_email").set_value("kim@example.com")
    other.text_input(key="sign_in_password").set_value(PASSWORD)
    _press(other, "Sign in")
    assert other.title[0].value == "Two-step sign-in"
    assert SESSION not in other.session_state
    other.run()
    assert other.title[0].value == "Two-step sign-in"
    other.text_input(key="factor_code").set_value(totp(begun.secret))
    _press(other, "Continue")
    assert SESSION in other.session_state


def test_setting_up_a_second_factor_ends_the_sessions_without_it(sit: Sit, at_gotrue: GoTrue) -> None:
    app = sit("pages/account.py", "kim@example.com")
    sessions = services_module.services().sessions
    other = sessions.open(app.session_state[SESSION], "Safari on iPhone")
    _press(app, "Set up two-step sign-in")
    app.text_input(key="factor_code").set_value(totp(at_gotrue.people["kim@example.com"].secret))
    _press(app, "Turn on")
    assert not app.exception
    assert "Two-step sign-in is on" in _words(app)
    assert sessions.status(other) is None
    assert _kept(app) is not None


def test_deleting_an_account_erases_everything_and_says_what_remains(sit: Sit) -> None:
    app = sit()
    user_id = app.session_state[SESSION].user_id
    home = services_module.services()
    home.memory.add("I keep bees in Utrecht.", user_id=user_id)
    app.chat_input[0].set_value("What do I keep?").run()
    home.sessions.open(app.session_state[SESSION], "Safari on iPhone")
    gone = home.delete_account(user_id)
    assert gone.proved
    assert gone.memories.erased["memories"] >= 1
    assert gone.removed["sessions"] == 2
    assert not gone.sign_in_gone
    assert home.chats.recent(user_id) == []
    assert home.memory.get_all(user_id=user_id)["results"] == []
    assert home.sessions.devices(user_id) == []
    app.run()
    assert app.title[0].value == WELCOME


def test_a_new_password_that_is_refused_can_be_chosen_again_although_the_code_is_used_up(
    sit: Sit, at_gotrue: GoTrue
) -> None:
    sit(address="kim@example.com")
    app = AppTest.from_file("../../app.py", default_timeout=30).run()
    _press(app, "Forgot your password?")
    app.text_input(key="mail_address").set_value("kim@example.com")
    _press(app, "Send email")
    [mail] = at_gotrue.mails
    app.text_input(key="mail_code").set_value(mail.code)
    _press(app, "Continue")
    assert "Enter your password." in _words(app)
    assert at_gotrue.mails == [mail]
    app.text_input(key="mail_password").set_value("short")
    _press(app, "Continue")
    assert "Use at least" in _words(app)
    app.text_input(key="recovery_password").set_value("another horse battery")
    _press(app, "Save and sign in")
    assert not app.exception
    assert app.session_state[SESSION].email == "kim@example.com"
    assert at_gotrue.people["kim@example.com"].password == "another horse battery"


@pytest.mark.parametrize(
    ("path", "status", "code", "told"),
    [
        ("/token", 400, "invalid_credentials", "Wrong email address or password."),
        ("/token", 429, "over_request_rate_limit", "Too many attempts"),
        ("/token", 503, "x", "is not responding"),
        ("/token", 400, "email_not_confirmed", "not confirmed yet"),
    ],
)
def test_a_failed_sign_in_shows_one_sentence_on_the_page(
    at_gotrue: GoTrue, path: str, status: int, code: str, told: str
) -> None:
    app = AppTest.from_file("../../app.py", default_timeout=30).run()
    at_gotrue.fail_next(path, status, code)
    app.text_input(key="sign_in_email").set_value("kim@example.com")
    app.text_input(key="sign_in_password").set_value(PASSWORD)
    _press(app, "Sign in")
    assert [told in each.value.replace("\\", "") for each in app.error] == [True]
    assert not app.exception


def test_the_page_shows_only_what_the_server_offers(at_gotrue: GoTrue) -> None:
    at_gotrue.sign_up_open, at_gotrue.providers = False, ("github",)
    server_features._fetch_features.clear()
    app = AppTest.from_file("../../app.py", default_timeout=30).run()
    labels = [button.label for button in app.button]
    assert "Continue with GitHub" in labels
    assert "Continue with Google" not in labels
    assert "Create account" not in labels
    server_features._fetch_features.clear()


# -- links in mails ------------------------------------------------------------------------------


def _opens_link(mail: Mail) -> AppTest:
    """Open the link of a mail in a browser of its own."""
    app = AppTest.from_file("../../app.py", default_timeout=30)
    app.query_params["token_hash"], app.query_params["type"] = mail.token_hash, mail.kind
    return app.run()


def _link_to_sign_in(at_gotrue: GoTrue, email: str) -> Mail:
    with closing(AuthClient(at_gotrue.url, KEY)) as outside:
        outside.send_link(email)
    return at_gotrue.mails[-1]


def test_a_link_says_whose_account_it_opens_before_anybody_is_signed_in(sit: Sit, at_gotrue: GoTrue) -> None:
    sit(address="mallory@example.com")
    app = _opens_link(_link_to_sign_in(at_gotrue, "mallory@example.com"))
    _press(app, "Continue")
    assert "mallory@example.com" in _words(app)
    assert SESSION not in app.session_state
    _press(app, "No, that's not me")
    assert app.title[0].value == WELCOME
    assert SESSION not in app.session_state
    assert "/logout" in at_gotrue.asked


def test_a_link_signs_its_own_person_in_once_they_say_so(sit: Sit, at_gotrue: GoTrue) -> None:
    sit(address="kim@example.com")
    app = _opens_link(_link_to_sign_in(at_gotrue, "kim@example.com"))
    _press(app, "Continue")
    _press(app, "Yes, sign me in")
    assert not app.exception
    assert app.session_state[SESSION].email == "kim@example.com"


def test_a_link_to_a_new_password_says_whose_it_is_before_it_is_saved(sit: Sit, at_gotrue: GoTrue) -> None:
    sit(address="mallory@example.com")
    with closing(AuthClient(at_gotrue.url, KEY)) as outside:
        outside.send_recovery("mallory@example.com")
    app = _opens_link(at_gotrue.mails[-1])
    _press(app, "Continue")
    assert "mallory@example.com" in _words(app)
    assert SESSION not in app.session_state
    app.text_input(key="recovery_password").set_value("another horse battery")
    _press(app, "Save and sign in")
    assert app.session_state[SESSION].email == "mallory@example.com"


# -- trying passwords, uploading -----------------------------------------------------------------


def test_the_current_password_can_be_tried_only_so_often(sit: Sit, at_gotrue: GoTrue) -> None:
    app = sit("pages/account.py")
    most = settings().sign_in_attempts
    for _ in range(most + 1):
        app.text_input(key="password_old-0").set_value("a guess")
        app.text_input(key="password_new-0").set_value("another horse battery")
        _press(app, "Change password")
    assert "Too many attempts." in _words(app)
    assert at_gotrue.count("/token") == most


def test_only_a_browser_session_in_which_somebody_is_signed_in_may_upload(sit: Sit) -> None:
    async def takes(_: Request) -> PlainTextResponse:
        return PlainTextResponse("taken")

    route = Route("/apps/_stcore/upload_file/{session}/{file}", takes, methods=["PUT"])
    uploading = TestClient(Starlette(routes=[route], middleware=[Middleware(SignedInUploads, may_upload=may_upload)]))
    # AppTest gives every browser session this id.
    address = "/apps/_stcore/upload_file/test session id/1"
    stranger = AppTest.from_file("../../app.py", default_timeout=30).run()
    assert not stranger.exception
    assert uploading.put(address, content=b"x" * 1000).status_code == 403
    app = sit("pages/account.py")
    assert uploading.put(address).text == "taken"
    assert uploading.put(address.replace("test", "other")).status_code == 403
    _press(app, "Sign out")
    assert uploading.put(address).status_code == 403
