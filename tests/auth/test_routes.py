"""The routes that set and drop the cookie: for our own pages only, once for each ticket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from auth.person import Session
from auth.routes import session_routes
from auth.session import OpenDevice, Sessions
from memory.errors import DatabaseUnreachable

KIM = Session("kim", "kim@example.com", 4e9, "access", "refresh")
HOME = "http://keepsake.example:8501"


@pytest.fixture
def opened(kept: Sessions) -> OpenDevice:
    return kept.open(KIM, "Firefox on Linux")


@pytest.fixture
def browser(kept: Sessions) -> Callable[..., TestClient]:
    """Somebody's requests to the app at an address, under a path."""

    def at(address: str = HOME, under: str = "") -> TestClient:
        return TestClient(Starlette(routes=session_routes(lambda: kept, under)), base_url=address)

    return at


Browser = Callable[..., TestClient]


def test_a_ticket_sets_a_cookie_that_no_script_and_no_other_site_can_use(
    kept: Sessions, opened: OpenDevice, browser: Browser
) -> None:
    answer = browser().post("/session/keep", json={"ticket": kept.ticket(opened)}, headers={"Origin": HOME})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert f"keepsake-8501={opened.cookie}".lower() in cookie
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "secure" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == ""


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(
    kept: Sessions, opened: OpenDevice, browser: Browser
) -> None:
    home = "https://keepsake.example"
    # A proxy in front ends https, and asks the app by http.
    answer = browser("http://keepsake.example").post(
        "/session/keep", json={"ticket": kept.ticket(opened)}, headers={"Origin": home}
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-keepsake={opened.cookie};")
    assert "Secure" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://keepsake.example"},
        {"Origin": "http://keepsake.example:9999"},
        {"Origin": "http://keepsake.example:8501.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {},
        {"Origin": HOME, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HOME, "Sec-Fetch-Site": "same-site"},
        {"Origin": HOME, "Sec-Fetch-Site": "none"},
        {"Referer": f"{HOME}/chat"},
    ],
)
@pytest.mark.parametrize("path", ["/session/keep", "/session/drop"])
def test_a_request_from_another_site_is_refused_and_leaves_the_ticket_unused(
    kept: Sessions, opened: OpenDevice, browser: Browser, headers: dict[str, str], path: str
) -> None:
    ticket = kept.ticket(opened)
    answer = browser().post(path, json={"ticket": ticket}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert kept.redeem(ticket) == opened.cookie


def test_behind_a_proxy_the_host_that_the_browser_asked_for_counts(
    kept: Sessions, opened: OpenDevice, browser: Browser
) -> None:
    inside = browser("http://10.0.0.7:8000")
    for headers in ({"X-Forwarded-Host": "keepsake.example:8501"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = inside.post("/session/keep", json={"ticket": kept.ticket(opened)}, headers={"Origin": HOME, **headers})
        assert answer.status_code == 204


def test_a_ticket_that_is_used_again_gets_no_cookie(kept: Sessions, opened: OpenDevice, browser: Browser) -> None:
    ticket = kept.ticket(opened)
    first, again = (browser().post("/session/keep", json={"ticket": ticket}, headers={"Origin": HOME}) for _ in "ab")
    assert (first.status_code, again.status_code) == (204, 401)
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"{}", b'{"ticket": 5}', b'{"ticket": ""}', b"\xff", b"x" * 100_000]
)
def test_a_malformed_ticket_is_refused(browser: Browser, body: bytes) -> None:
    assert browser().post("/session/keep", content=body, headers={"Origin": HOME}).status_code == 400


def test_a_guess_is_refused(browser: Browser) -> None:
    answer = browser().post("/session/keep", json={"ticket": "guess"}, headers={"Origin": HOME})
    assert answer.status_code == 401


def test_a_get_request_does_nothing(browser: Browser) -> None:
    assert browser().get("/session/keep").status_code == 405


def test_without_the_database_the_route_answers_503_and_sets_no_cookie() -> None:
    def away() -> Sessions:
        raise DatabaseUnreachable("The database does not answer.")

    client = TestClient(Starlette(routes=session_routes(away)), base_url=HOME)
    answer = client.post("/session/keep", json={"ticket": "x"}, headers={"Origin": HOME})
    assert answer.status_code == 503
    assert answer.text == ""


def test_the_route_drops_a_cookie_without_a_session_and_leaves_any_other(
    kept: Sessions, opened: OpenDevice, browser: Browser
) -> None:
    client = browser()
    client.cookies.set("keepsake-8501", opened.cookie, domain="keepsake.example")
    kept_on = client.post("/session/drop", headers={"Origin": HOME})
    assert (kept_on.status_code, kept_on.headers.get("set-cookie")) == (204, None)
    kept.close(opened)
    dropped = client.post("/session/drop", headers={"Origin": HOME})
    assert "Max-Age=0" in dropped.headers["set-cookie"]


def test_the_routes_are_under_the_path_at_which_the_app_is_served(
    kept: Sessions, opened: OpenDevice, browser: Browser
) -> None:
    for under in ("apps/keepsake", "/apps/keepsake/"):
        answer = browser(under=under).post(
            "/apps/keepsake/session/keep", json={"ticket": kept.ticket(opened)}, headers={"Origin": HOME}
        )
        assert answer.status_code == 204
