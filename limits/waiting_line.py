"""Lets at most `most` browsers have the app open at once, and gives everybody else a place in line.

    Middleware(WaitingLine, most=50)

Streamlit keeps a session for each open page, and all pages share one process: one person too many would make it slow
for everybody. Whoever opens a page beyond the limit gets a small page that says which place they have, asks again by
itself, and lets them in when it is their turn. It needs no session of Streamlit.

A browser is known by a cookie with a random value. Its tabs count as one. Who is inside stays inside over a reload, and
has the place for a little while after closing the last page. The places of a process are its own.
"""

from __future__ import annotations

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable
from string import Template

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Places", "WaitingLine"]

COOKIE = "keepsake-place"
STREAM = "/_stcore/stream"
RETURN_SECONDS = 30.0  # how long somebody who left may come back without waiting
ASK_SECONDS = 5  # how often the page of those who wait asks
AWAY_SECONDS = 45.0  # whoever has not asked for so long has left the line
MOST_WAITING = 1_000
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="$seconds">
<title>Keepsake is full</title>
<style>
:root { color-scheme: light dark; --paper: #fdfaf5; --ink: #2c2420; --quiet: #6a5f56; }
@media (prefers-color-scheme: dark) { :root { --paper: #1c1816; --ink: #f0e8df; --quiet: #b8ac9f; } }
body { background: var(--paper); color: var(--ink); font: 1.05rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 30rem; margin: 20vh auto 0; padding: 0 1.5rem; }
h1 { font: 600 2rem/1.2 Georgia, serif; margin: 0 0 1rem; }
p { margin: 0 0 .75rem; }
.quiet { color: var(--quiet); }
</style>
</head>
<body>
<main>
<h1>Keepsake is full right now</h1>
<p role="status">$place</p>
<p class="quiet">Keep this page open. It lets you in by itself when it is your turn.</p>
</main>
</body>
</html>
""")


class Places:
    """Who is inside, and who waits, in the order in which they came."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._connections = Counter[str]()
        self._inside: dict[str, float] = {}  # until when they keep their place; without end while they are connected
        self._line: dict[str, float] = {}  # when they asked last

    def ask(self, who: str) -> int:
        """Return somebody's place in line; 0 says that they are inside."""
        now = self._clock()
        self._inside = {each: until for each, until in self._inside.items() if until > now}
        self._line = {each: asked for each, asked in self._line.items() if asked > now - AWAY_SECONDS}
        if who in self._inside:
            self._inside[who] = max(self._inside[who], now + RETURN_SECONDS)
            return 0
        if who not in self._line and len(self._line) >= MOST_WAITING:
            return MOST_WAITING + 1
        self._line[who] = now
        place = list(self._line).index(who) + 1
        if place > self._most - len(self._inside):
            return place
        del self._line[who]
        self._inside[who] = now + RETURN_SECONDS
        return 0

    def connect(self, who: str) -> bool:
        """Note that a page of somebody is open now; return False if they have to wait."""
        if self.ask(who):
            return False
        self._connections[who] += 1
        self._inside[who] = math.inf
        return True

    def disconnect(self, who: str) -> None:
        """Note that a page of somebody was closed."""
        self._connections[who] -= 1
        if not self._connections[who]:
            del self._connections[who]
            self._inside[who] = self._clock() + RETURN_SECONDS


class WaitingLine:
    """The middleware: looks at opened pages and at Streamlit's connections, and at nothing else."""

    def __init__(self, app: ASGIApp, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._places = Places(most, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or show the place in line."""
        if scope["type"] == "websocket" and scope["path"].endswith(STREAM):
            await self._stream(scope, receive, send)
        elif scope["type"] == "http" and _opens_page(scope):
            await self._page(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = HTTPConnection(scope).cookies.get(COOKIE)
        who = known or secrets.token_urlsafe(16)
        place = self._places.ask(who)
        if place:
            answer = HTMLResponse(_page_for(place), status_code=503, headers={"Retry-After": str(ASK_SECONDS)})
            answer.headers["Cache-Control"] = "no-store"
            _give_cookie(answer, who, scope)
            await answer(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and not known:
                holder = HTMLResponse()
                _give_cookie(holder, who, scope)
                cookies = [each for each in holder.raw_headers if each[0] == b"set-cookie"]
                message = {**message, "headers": [*message["headers"], *cookies]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = HTTPConnection(scope).cookies.get(COOKIE) or secrets.token_urlsafe(16)
        if not self._places.connect(who):
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "The app is full. Load the page again."})
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.disconnect(who)


def _opens_page(scope: Scope) -> bool:
    """Return whether a person opens an address: a browser asks for HTML then, and for nothing else."""
    accepted = HTTPConnection(scope).headers.get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepted and "/_stcore/" not in scope["path"]


def _page_for(place: int) -> str:
    words = "You are next." if place == 1 else f"You are number {place} in line."
    if place > MOST_WAITING:
        words = "The line is full, too. This page asks again by itself."
    return PAGE.substitute(seconds=ASK_SECONDS, place=words)


def _give_cookie(answer: HTMLResponse, who: str, scope: Scope) -> None:
    secure = scope.get("scheme") == "https" or HTTPConnection(scope).headers.get("x-forwarded-proto", "") == "https"
    # `lax`, so that whoever comes by a link in a mail keeps their place.
    answer.set_cookie(COOKIE, who, path="/", httponly=True, samesite="lax", secure=secure)
