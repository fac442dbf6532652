"""Accounts as a project of one's own has them: confirmation, codes, other sites, second factors; in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Route, expect

from local.stack import LocalStack
from tests.e2e.hosted import Hosted
from tests.e2e.keepsake import PASSWORD, Visitor
from tests.gotrue import GoTrue, Mail, totp

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
_numbers = count(1)


@pytest.fixture(scope="module")
def auth() -> Iterator[GoTrue]:
    with GoTrue(confirms=True, providers=("google", "github")) as server:
        yield server


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory, stack: LocalStack, auth: GoTrue) -> Iterator[Hosted]:
    with Hosted(tmp_path_factory.mktemp("hosted"), stack.settings, auth) as running:
        yield running


@pytest.fixture
def address() -> str:
    return f"visitor-{next(_numbers)}@example.com"


def _mail(auth: GoTrue, address: str, kind: str) -> Mail:
    return next(mail for mail in auth.mails if (mail.to, mail.kind) == (address, kind))


def _create(person: Visitor, address: str) -> None:
    person.page.get_by_role("tab", name="Create account").click()
    person.page.get_by_label("Email").locator("visible=true").fill(address)
    person.page.get_by_label("Password", exact=True).locator("visible=true").fill(PASSWORD)
    person.page.get_by_role("button", name="Create account").click()
    person.sees("Check your email")


def _types_code(person: Visitor, code: str, button: str = "Continue") -> None:
    person.rests()  # a box that is drawn anew would lose what was typed
    field = person.page.get_by_label("Code", exact=True)
    expect(field).to_have_count(1)  # the one of the step before goes when the next is drawn
    field.fill(code)
    person.presses(button)


def _joins(person: Visitor, auth: GoTrue, address: str) -> None:
    _create(person, address)
    _types_code(person, _mail(auth, address, "signup").code)
    person.arrives()


def _begins_a_second_factor(person: Visitor) -> None:
    person.goes_to("Account")
    person.opens("Two-step sign-in")
    person.presses("Set up two-step sign-in")
    person.sees("Scan this")


def test_a_new_account_is_confirmed_by_code_and_the_mail_can_be_sent_again(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person = visit(hosted)
    _create(person, address)
    first = _mail(auth, address, "signup")
    person.presses("Resend email")
    person.sees("Use the newest email")
    _types_code(person, first.code)
    person.sees("has expired or was already used")
    _types_code(person, _mail(auth, address, "signup").code)
    person.arrives()


def test_who_has_not_confirmed_is_told_and_gets_the_mail_again(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    _create(visit(hosted), address)
    first = _mail(auth, address, "signup")
    later = visit(hosted)
    later.sign_in(address)
    later.sees("Your email address is not confirmed yet")
    later.presses("Resend email")
    later.sees("Check your email")
    assert _mail(auth, address, "signup") != first


def test_a_link_instead_of_a_password_works_in_another_tab_and_tells_nobody_who_has_an_account(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    _joins(visit(hosted), auth, address)
    for asked in (address, "stranger@example.com"):
        person = visit(hosted)
        person.presses("Email me a sign-in link")
        person.sees("Use either one to sign in")
        expect(person.page.get_by_label("Email")).to_have_count(1)
        person.page.get_by_label("Email").fill(asked)
        person.presses("Send email")
        person.sees("If there is an account for")
    token = _mail(auth, address, "magiclink").token_hash
    tab = visit(hosted, f"/?token_hash={token}&type=magiclink")
    tab.presses("Continue")
    tab.sees(f"This link signs you in as {address}")
    tab.presses("Yes, sign me in")
    tab.arrives()
    assert not [mail for mail in auth.mails if mail.to == "stranger@example.com"]


@pytest.mark.parametrize("provider", ["Google", "GitHub"])
def test_another_sites_sign_in_comes_back_signed_in_and_stays(hosted: Hosted, visit: Visit, provider: str) -> None:
    person = visit(hosted)
    person.presses(f"Continue with {provider}")
    person.arrives()
    assert "code=" not in person.page.url
    person.goes_to("Account")
    person.sees(f"Signed in as {provider.lower()}@example.com")
    person.page.reload()
    person.sees(f"Signed in as {provider.lower()}@example.com")


def test_a_sign_in_that_somebody_else_began_signs_nobody_in(hosted: Hosted, visit: Visit) -> None:
    attacker = visit(hosted)
    brought: list[str] = []

    def stop_on_the_way_back(route: Route) -> None:
        brought.append(route.fetch(max_redirects=0).headers["location"])
        route.abort()

    attacker.page.route("**/authorize?*", stop_on_the_way_back)
    with attacker.page.expect_event("requestfailed"):
        attacker.presses("Continue with GitHub")
    victim = visit(hosted, brought[0].removeprefix(hosted.address))
    victim.sees("belongs to another browser")
    victim.presses("Back to sign-in")
    victim.sees("An assistant that remembers you")


def test_who_says_no_at_the_other_site_is_back_at_the_door(hosted: Hosted, visit: Visit) -> None:
    person = visit(hosted, "/?error=access_denied&error_description=The+user+has+denied")
    person.sees("You were not signed in.")
    person.does_not_see("denied")


def test_a_second_factor_is_set_up_asked_for_and_taken_away(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person = visit(hosted)
    _joins(person, auth, address)
    _begins_a_second_factor(person)
    _types_code(person, "000000", "Turn on")
    person.sees("Wrong code")
    secret = auth.people[address].secret
    _types_code(person, totp(secret), "Turn on")
    person.sees("Two-step sign-in is on")
    person.page.reload()
    person.sees("Signed in as")

    other = visit(hosted)
    other.sign_in(address)
    other.sees("Two-step sign-in")
    other.page.goto(f"{hosted.address}/memories")  # half-way in is not in
    other.sees("An assistant that remembers you")
    other.sign_in(address)
    other.sees("Two-step sign-in")
    _types_code(other, totp(secret))
    other.sees("What I remember about you")  # where it was going

    person.opens("Two-step sign-in")
    person.presses("Turn off two-step sign-in")
    person.sees("Set up two-step sign-in")
    last = visit(hosted)
    last.sign_in(address)
    last.arrives()


def test_a_forgotten_password_does_not_get_past_the_second_factor(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person = visit(hosted)
    _joins(person, auth, address)
    _begins_a_second_factor(person)
    _types_code(person, totp(auth.people[address].secret), "Turn on")
    person.sees("Two-step sign-in is on")

    away = visit(hosted)
    away.presses("Forgot your password?")
    away.sees("We'll email you a link and a code")
    expect(away.page.get_by_label("Email")).to_have_count(1)
    away.page.get_by_label("Email").fill(address)
    away.presses("Send email")
    away.sees("If there is an account for")
    away.rests()
    away.page.get_by_label("New password", exact=True).fill("another horse battery")
    _types_code(away, _mail(auth, address, "recovery").code)
    away.sees("Two-step sign-in")
    assert auth.people[address].password == PASSWORD
    _types_code(away, totp(auth.people[address].secret))
    away.sees("Choose a new password")
    away.page.get_by_label("New password", exact=True).fill("another horse battery")
    away.presses("Save and sign in")
    away.arrives()
    assert auth.people[address].password == "another horse battery"


def test_the_password_and_the_address_are_changed(hosted: Hosted, auth: GoTrue, visit: Visit, address: str) -> None:
    person, other = visit(hosted), visit(hosted)
    _joins(person, auth, address)
    other.sign_in(address)
    other.arrives()
    person.goes_to("Account")
    person.opens("Change your password")
    person.page.get_by_label("Current password", exact=True).fill("not the password")
    person.page.get_by_label("New password", exact=True).fill("another horse battery")
    person.presses("Change password")
    person.sees("Your current password is wrong.")
    person.page.get_by_label("Current password", exact=True).fill(PASSWORD)
    person.presses("Change password")
    person.sees("Password changed.")
    other.page.get_by_role("button", name="New chat").click()
    other.sees("An assistant that remembers you")

    person.opens("Change your email address")
    person.page.get_by_label("New email address", exact=True).fill(f"new-{address}")
    person.presses("Change email")
    person.sees("Open the link we sent to")
    tab = person.page.context.new_page()
    for each in (address, f"new-{address}"):
        token = _mail(auth, each, "email_change").token_hash
        tab.goto(f"{hosted.address}/?token_hash={token}&type=email_change")
        tab.get_by_role("button", name="Confirm my address").click()
        if each == address:
            expect(tab.get_by_text("Now open the link we sent to your other address.")).to_be_visible()
    expect(tab.get_by_text("What's on your mind?")).to_be_visible()
    person.page.reload()
    person.sees(f"Signed in as new-{address}")
    expect(person.page.get_by_text("on Linux")).to_have_count(1)


def test_a_server_that_wants_to_be_sure_mails_a_code_for_a_new_password(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person = visit(hosted)
    _joins(person, auth, address)
    auth.wants_nonce = True
    try:
        person.goes_to("Account")
        person.opens("Change your password")
        person.page.get_by_label("Current password", exact=True).fill(PASSWORD)
        person.page.get_by_label("New password", exact=True).fill("another horse battery")
        person.presses("Change password")
        person.sees("we emailed you a code")
        person.page.get_by_label("Code from the email").fill(_mail(auth, address, "reauthentication").code)
        person.presses("Change password")
        person.sees("Password changed.")
    finally:
        auth.wants_nonce = False


def test_an_auth_server_that_is_away_signs_nobody_out(hosted: Hosted, auth: GoTrue, visit: Visit, address: str) -> None:
    person = visit(hosted)
    auth.lifetime = 30  # so short that it is refreshed at each click
    try:
        _joins(person, auth, address)
        auth.fail_next("/token", 503, times=20)
        person.page.get_by_role("button", name="New chat").click()
        person.sees("The sign-in server is not responding.")
        person.does_not_see("What's on your mind?")
        auth.forgive()
        auth.lifetime = 3600
        person.presses("Try again")
        person.arrives()
    finally:
        auth.forgive()
        auth.lifetime = 3600


def test_what_cannot_be_undone_asks_the_server_whether_the_session_stands(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person = visit(hosted)
    _joins(person, auth, address)
    person.goes_to("Account")
    person.presses("Delete my account")
    box = person.page.get_by_label("Your email address")
    box.fill(address)
    box.press("Enter")
    auth.fail_next("/user", 403, "session_not_found")
    person.presses("Delete everything")
    person.sees("You were signed out.")
    person.presses("Delete everything")
    person.sees("Your account has been deleted.")


def test_a_dialog_that_was_open_when_the_session_ended_does_nothing_any_more(
    hosted: Hosted, auth: GoTrue, visit: Visit, address: str
) -> None:
    person, other = visit(hosted), visit(hosted)
    _joins(person, auth, address)
    person.says("I keep bees in Utrecht")
    person.sees("No language model is connected")
    person.sees("Learned: I keep bees in Utrecht")  # the run that draws it closes an open dialog
    person.opens_chat_menu("I keep bees in Utrecht")
    person.page.get_by_role("menuitem", name="Delete").click()
    person.presses("Delete permanently")
    person.sees("is permanently deleted, with all its messages")
    other.sign_in(address)
    other.goes_to("Account")
    other.presses("Sign out everywhere")
    other.sees("An assistant that remembers you")
    person.page.get_by_role("dialog").get_by_role("button", name="Delete permanently").click()
    person.sees("An assistant that remembers you")
    other.sign_in(address)
    other.presses("Archived and deleted")
    other.presses("Restore I keep bees in Utrecht")
    other.presses("Back to chats")
    expect(other.page.get_by_role("button", name="I keep bees in Utrecht")).to_be_visible()


def test_no_secret_is_in_the_apps_output(hosted: Hosted, auth: GoTrue) -> None:
    for secret in (*auth.sessions, PASSWORD, *(person.secret for person in auth.people.values() if person.secret)):
        assert secret not in hosted.output
