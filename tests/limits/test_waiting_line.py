"""How many browsers may have the app open at once, and the line of those who wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from limits.waiting_line import AWAY_SECONDS, MOST_WAITING, RETURN_SECONDS, Places, WaitingLine

OPENED = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
STREAM = "/_stcore/stream"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("the app")


async def _stream(socket: WebSocket) -> None:
    await socket.accept()
    try:
        await socket.receive_text()
    except WebSocketDisconnect:
        return


@pytest.fixture
def app(clock: Clock) -> Starlette:
    """An app with room for one."""
    routes = [Route("/", _page), Route("/health", _page), WebSocketRoute(STREAM, _stream)]
    return Starlette(routes=routes, middleware=[Middleware(WaitingLine, most=1, clock=clock)])


@pytest.fixture
def first(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def second(app: Starlette) -> TestClient:
    return TestClient(app)


def test_whoever_comes_when_it_is_full_sees_their_place_and_is_let_in_when_there_is_room(
    first: TestClient, second: TestClient, app: Starlette, clock: Clock
) -> None:
    third = TestClient(app)
    assert first.get("/", headers=OPENED).text == "the app"
    with first.websocket_connect(STREAM):
        waiting = second.get("/", headers=OPENED)
        assert waiting.status_code == 503
        assert "You are next." in waiting.text
        assert 'http-equiv="refresh"' in waiting.text
        assert "You are number 2 in line." in third.get("/", headers=OPENED).text
        clock.now += 10 * RETURN_SECONDS  # the first stays for long; the others go on asking
        assert "You are next." in second.get("/", headers=OPENED).text
    clock.now += RETURN_SECONDS + 1
    assert third.get("/", headers=OPENED).status_code == 503, "the second was there before"
    assert second.get("/", headers=OPENED).text == "the app"


def test_a_reload_keeps_the_place(first: TestClient, second: TestClient, clock: Clock) -> None:
    first.get("/", headers=OPENED)
    with first.websocket_connect(STREAM):
        pass
    clock.now += RETURN_SECONDS - 1
    assert second.get("/", headers=OPENED).status_code == 503
    assert first.get("/", headers=OPENED).text == "the app"
    with first.websocket_connect(STREAM):
        assert second.get("/", headers=OPENED).status_code == 503


def test_the_tabs_of_a_browser_count_as_one(first: TestClient, clock: Clock) -> None:
    first.get("/", headers=OPENED)
    with first.websocket_connect(STREAM):
        with first.websocket_connect(STREAM):
            assert first.get("/", headers=OPENED).text == "the app"
        clock.now += RETURN_SECONDS + 1
        assert first.get("/", headers=OPENED).text == "the app", "the other tab is still open"


def test_nobody_connects_without_having_been_let_in(first: TestClient, second: TestClient) -> None:
    first.get("/", headers=OPENED)
    with (
        first.websocket_connect(STREAM),
        pytest.raises(WebSocketDisconnect) as refused,
        second.websocket_connect(STREAM),
    ):
        pass
    assert refused.value.code == 1013


def test_monitoring_and_files_are_answered_when_it_is_full(first: TestClient, second: TestClient) -> None:
    first.get("/", headers=OPENED)
    assert second.get("/health").text == "the app"


def test_whoever_leaves_the_line_loses_the_place(clock: Clock) -> None:
    places = Places(1, clock)
    assert [places.ask(who) for who in ("inside", "left", "stays")] == [0, 1, 2]
    places.connect("inside")
    clock.now += AWAY_SECONDS - 1
    assert places.ask("stays") == 2
    clock.now += 2
    assert places.ask("stays") == 1


def test_a_flood_of_browsers_does_not_grow_without_end(clock: Clock) -> None:
    places = Places(1, clock)
    answers = [places.ask(str(number)) for number in range(MOST_WAITING + 10)]
    assert answers[-5:] == [MOST_WAITING + 1] * 5
