"""Staying signed in, and ending it: in a real browser, against the servers that `make run` brings."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.chat.conftest import until
from tests.e2e.keepsake import PASSWORD, Keepsake, Visitor

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
NEW_PASSWORD = "another horse battery"


def _cookie(person: Visitor) -> str:
    """The value of the session's cookie, once the browser has it."""
    deadline = time.monotonic() + 60
    while True:
        for each in person.page.context.cookies():
            if each.get("name", "").startswith("keepsake"):
                assert each.get("httpOnly")
                return each.get("value", "")
        assert time.monotonic() < deadline, "the browser got no cookie"
        person.page.wait_for_timeout(20)


def _another_tab(person: Visitor, path: str = "/") -> Visitor:
    page = person.page.context.new_page()
    home = urlsplit(person.page.url)
    page.goto(f"{home.scheme}://{home.netloc}{path}")
    return Visitor(page)


def _signed_out_behind(one: Visitor, path: str, shown: str) -> Visitor:
    """Another tab of a person who has signed out in this one; it shows what it showed."""
    _cookie(one)
    other = _another_tab(one, path)
    other.sees(shown)
    one.goes_to("Account")
    one.presses("Sign out")
    one.sees("An assistant that remembers you")
    return other


def _link_for(keepsake: Keepsake, address: str, kind: str) -> str:
    """The link in the latest mail of a kind to an address."""
    deadline = time.monotonic() + 60
    while True:
        mails = keepsake.logs.split(f"mail to {address}")[1:]
        if mails and (link := re.search(rf"http\S+token_hash=\S+type={kind}", mails[-1])):
            return link[0]
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.02)


def test_who_agrees_has_agreed_whatever_else_is_pressed_right_after_it(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake)
    person.begins_account("agreeable@example.com")
    person.rests()
    with keepsake.holds("app.consents") as anybody_waits:
        person.agrees()
        until(anybody_waits)
        person.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Memories").click()
    person.sees("What I remember about you")


def test_a_refresh_and_a_restart_keep_a_person_signed_in(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake)
    person.sign_up("ana@example.com")
    cookie = _cookie(person)
    assert cookie not in person.page.evaluate("document.cookie")
    assert cookie not in person.page.content()
    person.page.reload()
    person.sees("What's on your mind?")
    keepsake.restart()
    person.page.goto(f"{keepsake.address}/memories")
    person.sees("What I remember about you")
    person.goes_to("Account")
    person.sees("Signed in as ana@example.com")
    person.sees("You stay signed in on this device")
    assert cookie not in keepsake.logs


def test_a_link_from_another_site_finds_the_person_signed_in(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="abel@example.com")
    _cookie(person)
    # To the browser this is another site than localhost.
    elsewhere = keepsake.address.replace("localhost", "127.0.0.1")
    person.page.route("**/a-page-of-another-site", lambda route: _serve(route, keepsake.address))
    person.page.goto(f"{elsewhere}/a-page-of-another-site")
    person.page.get_by_role("link", name="Keepsake").click()
    person.sees("What's on your mind?")


def _serve(route: Route, address: str) -> None:
    route.fulfill(content_type="text/html", body=f"<a href='{address}/chat'>Keepsake</a>")


def test_signing_out_in_one_tab_ends_the_other_at_its_next_click_and_keeps_what_was_typed(
    keepsake: Keepsake, visit: Visit
) -> None:
    one = visit(keepsake, signed_in="bea@example.com")
    other = _signed_out_behind(one, "/chat", "What's on your mind?")

    box = other.page.get_by_placeholder("Message Keepsake")
    box.fill("I have just written a long letter")
    box.press("Enter")
    other.sees("An assistant that remembers you")
    other.does_not_see("long letter")
    other.sign_in("bea@example.com")
    other.sees("What's on your mind?")
    expect(other.page.get_by_placeholder("Message Keepsake")).to_have_value("I have just written a long letter")
    assert other.page.get_by_test_id("stChatMessage").count() == 0  # it was not sent by anybody


def test_who_was_signed_out_comes_back_to_the_page_they_were_on(keepsake: Keepsake, visit: Visit) -> None:
    one = visit(keepsake, signed_in="benno@example.com")
    other = _signed_out_behind(one, "/memories", "What I remember about you")
    other.presses("Go to chat")
    other.sees("An assistant that remembers you")
    other.sign_in("benno@example.com")
    other.sees("What I remember about you")


def test_what_one_person_typed_is_not_shown_to_the_next(keepsake: Keepsake, visit: Visit) -> None:
    one = visit(keepsake, signed_in="bert@example.com")
    other = _signed_out_behind(one, "/chat", "What's on your mind?")
    box = other.page.get_by_placeholder("Message Keepsake")
    box.fill("A secret of Bert's")
    box.press("Enter")
    other.sees("An assistant that remembers you")
    other.sign_up("berta@example.com")
    expect(other.page.get_by_placeholder("Message Keepsake")).to_have_value("")
    other.does_not_see("A secret of Bert's")


def test_after_signing_out_neither_refresh_nor_the_back_button_lets_in(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="carl@example.com")
    cookie = _cookie(person)
    person.goes_to("Account")
    person.presses("Sign out")
    person.sees("An assistant that remembers you")
    person.page.reload()
    person.sees("An assistant that remembers you")
    person.page.go_back()
    person.sees("An assistant that remembers you")
    stolen = {"name": f"keepsake-{urlsplit(keepsake.address).port}", "value": cookie, "url": keepsake.address}
    thief = visit(keepsake)
    thief.page.context.add_cookies([stolen])  # type: ignore[list-item]
    thief.page.reload()
    thief.sees("An assistant that remembers you")


def test_a_device_can_be_ended_from_another_one(keepsake: Keepsake, visit: Visit) -> None:
    laptop, phone = visit(keepsake), visit(keepsake, width=390)
    laptop.sign_up("dora@example.com")
    _cookie(laptop)
    phone.sign_in("dora@example.com")
    phone.sees("What's on your mind?")
    _cookie(phone)
    laptop.goes_to("Account")
    expect(laptop.page.get_by_text("on Linux")).to_have_count(2)
    laptop.page.locator("[class*=st-key-revoke]").get_by_role("button", name="Sign out").click()
    expect(laptop.page.get_by_text("on Linux")).to_have_count(1)
    phone.opens_the_sidebar()
    phone.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Memories").click()
    phone.sees("An assistant that remembers you")
    laptop.page.reload()
    laptop.sees("Signed in as dora@example.com")


def test_everywhere_means_everywhere(keepsake: Keepsake, visit: Visit) -> None:
    one, other = visit(keepsake), visit(keepsake)
    one.sign_up("emil@example.com")
    other.sign_in("emil@example.com")
    other.sees("What's on your mind?")
    one.goes_to("Account")
    one.presses("Sign out everywhere")
    one.sees("An assistant that remembers you")
    other.page.get_by_role("button", name="New chat").click()
    other.sees("An assistant that remembers you")


def test_a_foreign_page_and_a_used_ticket_get_no_cookie(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake)
    tickets: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/session/keep"):
            tickets.append(json.loads(request.post_data or "{}")["ticket"])

    person.hears("request", note)
    person.sign_up("finn@example.com")
    _cookie(person)
    [ticket] = tickets
    for origin, status in ((keepsake.address, 401), ("https://evil.example", 403), ("", 403)):
        told = {"json": {"ticket": ticket}, "headers": {"Origin": origin}}
        answer = httpx.post(f"{keepsake.address}/session/keep", timeout=60, **told)  # type: ignore[arg-type]
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers
    assert ticket not in keepsake.logs


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of somebody else's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>Somebody else's page</p>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of another site: to a browser 127.0.0.1 is another one than localhost."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_page_of_another_site_cannot_use_the_routes(keepsake: Keepsake, visit: Visit, elsewhere: str) -> None:
    person = visit(keepsake, signed_in="gina@example.com")
    cookie = _cookie(person)
    person.page.goto(elsewhere)
    drop = f"{keepsake.address}/session/drop"
    person.page.evaluate(
        "address => fetch(address, {method: 'POST', mode: 'no-cors', credentials: 'include'}).catch(() => 0)", drop
    )
    assert httpx.post(drop, headers={"Origin": elsewhere.rstrip("/")}, timeout=60).status_code == 403
    assert _cookie(person) == cookie
    person.page.goto(keepsake.address)
    person.sees("What's on your mind?")


def test_a_forgotten_password_is_chosen_anew_in_another_browser_although_a_scanner_opened_the_link(
    keepsake: Keepsake, visit: Visit
) -> None:
    here = visit(keepsake, signed_in="hugo@example.com")
    _cookie(here)
    away = visit(keepsake)
    away.presses("Forgot your password?")
    away.sees("We'll email you a link and a code")
    expect(away.page.get_by_label("Email")).to_have_count(1)
    away.page.get_by_label("Email").fill("hugo@example.com")
    away.presses("Send email")
    away.sees("If there is an account for")
    link = urlsplit(_link_for(keepsake, "hugo@example.com", "recovery"))
    path = f"{link.path}?{link.query}"

    scanner = visit(keepsake, path)
    scanner.sees("Continue to choose a new password.")  # it runs scripts, and presses nothing

    anywhere = visit(keepsake, path)
    anywhere.presses("Continue")
    anywhere.sees("This is the account of hugo@example.com")
    anywhere.page.get_by_label("New password").fill(NEW_PASSWORD)
    anywhere.presses("Save and sign in")
    anywhere.sees("What's on your mind?")
    assert parse_qs(urlsplit(anywhere.page.url).query) == {}
    here.page.get_by_role("button", name="New chat").click()
    here.sees("An assistant that remembers you")
    here.sign_in("hugo@example.com", PASSWORD)
    here.sees("Wrong email address or password.")
    here.sign_in("hugo@example.com", NEW_PASSWORD)
    here.sees("What's on your mind?")

    again = visit(keepsake, path)
    again.presses("Continue")
    again.sees("has expired or was already used")


def test_without_routes_sign_in_lasts_for_the_tab_and_the_page_says_so(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake)
    person.page.route("**/session/keep", lambda route: route.fulfill(status=405, body="Method Not Allowed"))
    person.sign_up("iris@example.com")
    person.goes_to("Account")
    person.sees("You are signed in for this tab only")
    person.goes_to("Memories")
    person.sees("No memories yet")
    person.page.reload()
    person.sees("An assistant that remembers you")


def test_an_account_is_deleted_with_all_that_was_remembered(keepsake: Keepsake, visit: Visit) -> None:
    person = visit(keepsake, signed_in="jana@example.com")
    person.says("I keep bees in Utrecht")
    person.remembers("I keep bees in Utrecht")
    person.goes_to("Account")
    person.presses("Delete my account")
    person.sees("This cannot be undone")
    box = person.page.get_by_label("Your email address")
    box.fill("somebody@example.com")
    box.press("Enter")
    person.presses("Delete everything")
    person.sees("Nothing was deleted")
    box.fill("jana@example.com")
    box.press("Enter")
    person.presses("Delete everything")
    person.sees("Your account has been deleted.")
    person.sees("1 memory permanently deleted.")
    person.sees("Verified: ")
    person.page.reload()
    person.sees("An assistant that remembers you")
    person.does_not_see("Your account has been deleted.")
    person.sign_in("jana@example.com")
    person.sees("Wrong email address or password.")


@pytest.fixture(scope="module")
def under_a_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keepsake]:
    """The app as it is served beside others on one host."""
    with Keepsake(tmp_path_factory.mktemp("path"), {"STREAMLIT_SERVER_BASE_URL_PATH": "apps/memory"}) as running:
        yield running


def test_under_a_path_people_stay_signed_in_too(under_a_path: Keepsake, visit: Visit) -> None:
    person = visit(under_a_path, "/apps/memory/")
    person.sign_up("kai@example.com")
    _cookie(person)
    person.page.reload()
    person.sees("What's on your mind?")
    person.page.goto(f"{under_a_path.address}/apps/memory/account")
    person.sees("Signed in as kai@example.com")
    person.presses("Sign out")
    person.sees("An assistant that remembers you")


def _ways(page: Page) -> list[str]:
    return page.get_by_role("button").all_inner_texts()


def test_what_the_server_does_not_have_is_not_shown(keepsake: Keepsake, visit: Visit, tmp_path: Path) -> None:
    person = visit(keepsake)
    person.sees("Forgot your password?")
    assert not [name for name in _ways(person.page) if "Continue with" in name]
    person.sign_up("lina@example.com")
    person.goes_to("Account")
    person.sees("Change your password")
    person.does_not_see("Two-step sign-in")
