"""The security headers of every answer, and the requests that are refused."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import headers
from headers import policy, protection, show_unexpected

HOST = "keepsake.example"
PAGE = Path(st.__file__).parent / "static" / "index.html"
CHANGING = ["POST", "PUT", "PATCH", "DELETE"]
OPENED = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # as a browser asks when a person opens an address


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


def _nobody(_session_id: str) -> bool:
    return False


@pytest.fixture
def browser() -> TestClient:
    """A client of an app with this protection."""
    return _client(protection(_nobody)["middleware"])


def _client(middleware: list[Middleware]) -> TestClient:
    probes = ["/health", "/_stcore/health", "/keepsake/_stcore/health"]
    routes = [Route(path, _answer, methods=["GET", *CHANGING]) for path in ("/here", *probes)]
    return TestClient(Starlette(routes=routes, middleware=middleware), base_url=f"http://{HOST}")


@pytest.mark.parametrize("path", ["/here", "/nowhere"])
@pytest.mark.parametrize("name", [*headers.HEADERS, "content-security-policy"])
def test_every_answer_carries_every_header(browser: TestClient, path: str, name: str) -> None:
    assert browser.get(path).headers[name]


def test_an_answer_that_is_refused_carries_them_too(browser: TestClient) -> None:
    refused = browser.post("/here")
    assert refused.status_code == 403
    assert "content-security-policy" in refused.headers


def test_a_browser_is_kept_on_https_where_it_came_by_it_and_only_there(browser: TestClient) -> None:
    assert "strict-transport-security" not in browser.get("/here").headers
    assert "strict-transport-security" in browser.get("/here", headers={"X-Forwarded-Proto": "https"}).headers


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"https://{HOST}.evil.example"},
        {"Origin": f"https://evil.example/{HOST}"},
        {"Origin": f"https://{HOST}@evil.example"},
        {"Origin": f"http://{HOST}:8080"},
        {"Origin": f"file://{HOST}"},
        {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "public.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "X-Forwarded-Host": "evil.example"},
    ],
    ids=str,
)
def test_changing_requests_from_other_sites_are_refused(browser: TestClient, method: str, sent: dict[str, str]) -> None:
    assert browser.request(method, "/here", headers=sent).status_code == 403


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": f"http://{HOST}"},
        {"Origin": f"https://{HOST}"},
        {"Sec-Fetch-Site": "same-origin"},
        # A proxy that asks the app by another name: the browser vouches for its page.
        {"Origin": "https://public.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://public.example", "X-Forwarded-Host": "public.example"},
    ],
    ids=str,
)
def test_requests_from_the_apps_own_pages_pass(browser: TestClient, method: str, sent: dict[str, str]) -> None:
    assert browser.request(method, "/here", headers=sent).status_code == 200


def test_another_sites_page_is_not_allowed_to_name_a_host(browser: TestClient) -> None:
    """A page of another site that adds a header has to send a preflight request, which is refused."""
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = browser.options("/here", headers=asking | {"Access-Control-Request-Headers": "x-forwarded-host"})
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-headers" not in answer.headers


def test_reading_is_allowed_from_everywhere(browser: TestClient) -> None:
    assert browser.get("/here", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_request_for_an_unknown_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"server.allowedHosts": [HOST]}.get)
    browser = _client(protection(_nobody)["middleware"])
    assert browser.get("/here").status_code == 200
    assert browser.get("/here", headers={"Host": "rebound.example"}).status_code == 400


@pytest.mark.parametrize("under", ["", "/keepsake"])
def test_the_probes_of_a_host_ask_by_address(monkeypatch: pytest.MonkeyPatch, under: str) -> None:
    monkeypatch.setattr(st, "get_option", {"server.allowedHosts": [HOST], "server.baseUrlPath": under}.get)
    browser = _client(protection(_nobody)["middleware"])
    by_address = {"Host": "10.1.2.3:8501"}
    probe = f"{under}/_stcore/health"
    assert browser.get(probe, headers=by_address).status_code == 200
    assert browser.head(probe, headers=by_address).status_code == 200
    assert browser.post(probe, headers=by_address | {"Sec-Fetch-Site": "same-origin"}).status_code == 400
    for path in ("/here", "/health", f"{probe}/../../here", f"{probe}/here"):
        assert browser.get(path, headers=by_address).status_code == 400


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/chat/x", "../not-found"),
        ("/a/b/c", "../../not-found"),
        ("/chat/", "../chat"),
        ("/chat/?chat=1", "../chat?chat=1"),
    ],
)
def test_a_page_in_a_folder_is_not_found_and_a_slash_at_the_end_is_dropped(
    browser: TestClient, path: str, to: str
) -> None:
    answer = browser.get(path, headers=OPENED, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, to)


@pytest.mark.parametrize("path", ["/", "/chat", "/nonsense", "/media/x.md", "/static/js/x.js", "/_stcore/health"])
def test_pages_and_files_are_left_to_streamlit(browser: TestClient, path: str) -> None:
    assert not browser.get(path, headers=OPENED).history


def test_what_a_page_fetches_is_left_to_streamlit(browser: TestClient) -> None:
    assert not browser.get("/a/b", headers={"accept": "*/*"}).history


def test_the_path_that_the_app_is_served_under_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": "/keepsake"}.get)
    behind = _client(protection(_nobody)["middleware"])
    assert not behind.get("/keepsake/chat", headers=OPENED).history
    answer = behind.get("/keepsake/chat/x", headers=OPENED, follow_redirects=False)
    assert answer.headers["location"] == "../not-found"


def test_nothing_may_be_loaded_from_elsewhere_and_no_script_but_the_apps_own_may_run() -> None:
    rules = dict(rule.split(" ", 1) for rule in policy(PAGE.read_text()).split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["object-src"] == "'none'"
    for name, sources in rules.items():
        assert not re.search(r"https?:|\*", sources), f"{name} reaches elsewhere"
    assert "'unsafe-inline'" not in rules["script-src"]
    assert "'unsafe-eval'" not in rules["script-src"].split()
    assert "'sha256-" in rules["script-src"]


def test_a_bug_shows_a_number_and_the_log_has_the_rest_under_it(caplog: pytest.LogCaptureFixture) -> None:
    def page() -> None:
        from headers import show_unexpected

        assert show_unexpected(ValueError("the person's own words"))

    with caplog.at_level(logging.ERROR, "keepsake.pages"):
        [shown] = AppTest.from_function(page).run().error
    [number] = re.findall(r"error ([0-9a-f]{8})", shown.value)
    assert "own words" not in shown.value
    assert number in caplog.text
    assert "the person's own words" in caplog.text


def test_the_app_uses_the_protection() -> None:
    source = (Path(headers.__file__).parent / "app.py").read_text()
    assert "guarded = protection(may_upload)" in source
    assert "**guarded)" in source
    assert protection(_nobody)["on_script_error"] is show_unexpected
