"""The two routes by which a browser takes and drops its cookie, since a page's script cannot set one.

    POST session/keep   {"ticket": …}  → 204 and the cookie; 401 for a ticket that is used up
    POST session/drop                  → 204, and the cookie is gone if it opened nothing any more

Only the app's own pages may ask: both look at where a request comes from. They know no user and no token.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.cookies import cookie_name
from auth.errors import SessionEnded
from auth.session import Sessions
from memory.errors import AppError

__all__ = ["session_routes"]

MAX_BODY = 1000
# How long a session really lasts, its row decides; this is the longest that browsers keep a cookie.
COOKIE_SECONDS = 400 * 24 * 3600


def session_routes(sessions: Callable[[], Sessions], under: str = "") -> list[Route]:
    """The routes, under the path that the app is served at."""

    async def keep(request: Request) -> Response:
        origin = _own_origin(request)
        if origin is None:
            return Response(status_code=403)
        ticket = await _ticket(request)
        if ticket is None:
            return Response(status_code=400)
        name = cookie_name(origin)
        try:
            cookie = await run_in_threadpool(lambda: sessions().redeem(ticket, request.cookies.get(name)))
        except SessionEnded:
            return Response(status_code=401)
        except AppError:
            return Response(status_code=503)
        return _with_cookie(origin, cookie)

    async def drop(request: Request) -> Response:
        origin = _own_origin(request)
        if origin is None:
            return Response(status_code=403)
        cookie = request.cookies.get(cookie_name(origin))
        try:
            alive = cookie is not None and await run_in_threadpool(lambda: sessions().opens(cookie))
        except AppError:
            return Response(status_code=503)
        return Response(status_code=204) if alive else _with_cookie(origin, "")

    prefix = f"/{under.strip('/')}" if under.strip("/") else ""
    return [
        Route(f"{prefix}/session/keep", keep, methods=["POST"]),
        Route(f"{prefix}/session/drop", drop, methods=["POST"]),
    ]


def _own_origin(request: Request) -> str | None:
    """Where the request comes from, if that is one of our own pages.

    Browsers say so themselves where they can. Elsewhere the origin has to be the host that was asked, by the
    name the browser or a proxy in front of us gives it.
    """
    origin = request.headers.get("origin", "")
    host = urlsplit(origin).netloc
    if not host or origin == "null":
        return None
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return origin if site == "same-origin" else None
    forwarded = request.headers.get("x-forwarded-host", "").split(",")[0].strip()
    return origin if host in (request.headers.get("host"), forwarded) else None


async def _ticket(request: Request) -> str | None:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    try:
        ticket = json.loads(body)["ticket"]
    except (ValueError, KeyError, TypeError):
        return None
    return ticket if isinstance(ticket, str) and ticket else None


def _with_cookie(origin: str, value: str) -> Response:
    """The answer that sets the cookie, or takes it away. Strict is enough: only our own page opens the socket."""
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        cookie_name(origin),
        value,
        max_age=COOKIE_SECONDS if value else 0,
        path="/",
        secure=origin.startswith("https://"),
        httponly=True,
        samesite="strict",
    )
    return response
