"""Defines the two routes that set and drop the session cookie, since a page's script cannot set an HttpOnly cookie.

    POST session/keep   {"ticket": …}  → 204 and the cookie; 401 for a ticket that was used or is too old
    POST session/drop                  → 204; the cookie is dropped if it belongs to no session any more

Both refuse requests that do not come from the app's own pages. They handle no user and no token.
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
# The longest that browsers keep a cookie; the row decides how long a session lasts.
COOKIE_SECONDS = 400 * 24 * 3600


def session_routes(sessions: Callable[[], Sessions], base_path: str = "") -> list[Route]:
    """Return the routes; `base_path` is the path at which the app is served."""

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

    prefix = f"/{base_path.strip('/')}" if base_path.strip("/") else ""
    return [
        Route(f"{prefix}/session/keep", keep, methods=["POST"]),
        Route(f"{prefix}/session/drop", drop, methods=["POST"]),
    ]


def _own_origin(request: Request) -> str | None:
    """Return the origin of the request if it is one of the app's own pages, else None.

    Most browsers say so in `Sec-Fetch-Site`. Otherwise the origin has to be the host of the request, as the browser or
    a proxy in front of the app names it.
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
    """Return the response that sets the cookie, or drops it. `strict` is enough: only the app's own page sends it."""
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
