"""The API: other programs search a person's memories and add to them over HTTP, with a key of that person.

    app = make_app(services)        an ASGI app; `python -m api` serves it

It speaks what mem0's own clients speak (mem0_calls.py), and beside it what mem0 lacks (own_calls.py). At /mcp it offers
the library's tools (memory/mcp/), and to OpenAI's clients a model with memory (completions.py). The key decides whose
memories a call is about; no body does. openapi.py describes every call. It draws no page of the app.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.calls import MAX_BODY, Arrived, Call, NotHere, TooLong, check_user, read_body, read_query, settled
from api.completions import completion_routes
from api.mem0_calls import MEM0_CALLS, NOT_HERE
from api.openapi import document, page, page_policy
from api.own_calls import OWN_CALLS
from auth.errors import NotAllowed, NotInvited, TooManyAttempts, WrongKey
from memory.errors import AppError, DatabaseError, InvalidInput, LimitReached, MemoryChanged, ModelError, NotFound
from memory.mcp.server import answer_http, make_server
from memory.mcp.tools import Access
from memory.telemetry.figures import note_error
from memory.telemetry.tracing import current
from monitoring.metrics import MetricsRoute
from monitoring.requests import REQUEST_ID, Requests
from services import OpenKey, Services

__all__ = ["CALLS", "make_app"]

CALLS = (*MEM0_CALLS, *OWN_CALLS)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NO_KEY = "A key is missing: send the header Authorization: Token KEY. You can make one on the account page."
READS_ONLY = "This key can only read. Make one that may write on the account page."
USER_HEADER = "Keepsake-User"  # names the user of an application; percent-encoded where it is not ASCII
NO_SUCH_CALL = (
    "Keepsake does not have this call of mem0's platform. /v3/memories/ keeps and finds; /docs lists all calls."
)
UNKNOWN = "There is no such call here. /docs lists the calls."
# The first that fits counts.
STATUS: tuple[tuple[type[AppError], int], ...] = (
    (WrongKey, 401),
    (NotAllowed, 403),
    (NotInvited, 403),
    (TooManyAttempts, 429),
    (LimitReached, 429),
    (NotHere, 501),
    (TooLong, 413),
    (InvalidInput, 400),
    (NotFound, 404),
    (MemoryChanged, 409),
    (ModelError, 502),
    (DatabaseError, 503),
    (AppError, 503),
)
PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
Answering = Callable[[Request], Awaitable[Response]]


def make_app(services: Callable[[], Services]) -> Starlette:
    """Return the ASGI app; `services` is called for each request, since another model may have been connected."""
    metrics = MetricsRoute(services, lambda: services().settings.metrics_token)
    routes = [Route("/openapi.json", _openapi), Route("/docs", _docs), Route("/", _docs)]
    routes.append(Route("/metrics", metrics.answer))
    by_path: dict[str, dict[str, Call]] = {}
    for call in CALLS:
        by_path.setdefault(call.path, {})[call.method] = call
    for path, calls in by_path.items():
        answer = _answering(services, calls)
        # The name of an application's user may have a slash in it.
        form = path.replace("{name}", "{name:path}")
        routes += [Route(each, answer, methods=METHODS) for each in (form, form.removesuffix("/"))]
    routes.append(Route("/mcp", McpAddress(services), methods=["POST"]))

    async def entered(request: Request) -> tuple[Services, OpenKey]:
        key = await run_in_threadpool(_open, services, request)
        if key.application:
            raise NotHere(
                "This address is for people's keys. An application has its own assistant, and the calls of /docs."
            )
        return services(), key

    routes += completion_routes(entered, _status)
    return Starlette(
        routes=routes,
        middleware=[Middleware(Requests, server="api")],
        exception_handlers={AppError: _refusal, HTTPException: _unknown, Exception: _unexpected},
    )


def _answering(services: Callable[[], Services], calls: Mapping[str, Call]) -> Answering:
    """Return what answers a path: the key is checked before anything of the body is read."""

    async def answer(request: Request) -> Response:
        key = await run_in_threadpool(_open, services, request)
        call = calls.get("GET" if request.method == "HEAD" else request.method)
        if call is None:
            raise HTTPException(405)
        if call.writes and not key.can_write:
            raise NotAllowed(READS_ONLY)
        arrived = Arrived(
            services(),
            key,
            str(request.url.replace(query="")),
            request.path_params,
            await read_body(request, call.body) if call.body else None,
            read_query(request, call.query) if call.query else None,
        )
        return _json(await run_in_threadpool(_carry_out, call, arrived))

    return answer


async def _openapi(_request: Request) -> Response:
    return _json(await run_in_threadpool(document))


async def _docs(_request: Request) -> Response:
    shown = await run_in_threadpool(page)
    return Response(shown, media_type="text/html", headers={"content-security-policy": page_policy()})


class McpAddress:
    """Where clients of MCP send their requests; the key is checked at each, as at every other call."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._server = make_server(lambda request: request.state.access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        key = await run_in_threadpool(_open, self._services, request)
        request.state.access = self._access(self._for_user(key, request))
        await answer_http(self._server, MAX_BODY, scope, receive, send)

    def _for_user(self, key: OpenKey, request: Request) -> OpenKey:
        """Return an application's key as the user whom a header names, since no tool takes one."""
        named = request.headers.get(USER_HEADER)
        if not key.application:
            check_user(key, named)
            return key
        if named is None:
            raise InvalidInput(f"Say which user of the application this is for, in the header {USER_HEADER}.")
        key = key.named("user", unquote(named))
        self._services().limits.may_call(key.user_id)
        return key

    def _access(self, key: OpenKey) -> Access:
        app = self._services()

        def check_new(words: str, more: int) -> None:
            app.limits.may_remember(key.user_id, words, more)
            app.note_user(key)

        return Access(
            lambda: app.memory,
            key.user_id,
            can_write=key.can_write,
            key_name=key.name,
            application=key.application,
            check_new=check_new,
        )


def _open(services: Callable[[], Services], request: Request) -> OpenKey:
    """Return whom the key of a request belongs to; wrong keys are counted by network address."""
    app = services()
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("token", "bearer") or not key.strip():
        raise WrongKey(NO_KEY)
    try:
        opened = app.open_key(key.strip())
    except WrongKey:
        peer = request.client.host if request.client else "unknown"
        known = app.limits.address_of(request.headers.getlist("x-forwarded-for"), peer)
        app.limits.count_wrong_key(known or peer)
        raise
    if opened.application:
        app.limits.may_call_for(opened.application)
    else:
        app.limits.may_call(opened.user_id)
    return opened


def _carry_out(call: Call, arrived: Arrived) -> Any:
    with arrived.key.acting():
        return call.answer(settled(call, arrived))


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark.
    written = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(written, status, {**PRIVATE, **(headers or {})}, "application/json")


async def _refusal(_request: Request, error: Exception) -> Response:
    status, headers = _status(error)
    said = error.for_person() if isinstance(error, AppError) else str(error)
    return _json({"detail": said}, status, headers)


def _status(error: Exception) -> tuple[int, dict[str, str]]:
    """Return the status with which an error is answered, and its headers."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 503)
    headers = {"www-authenticate": "Token"} if status == 401 else {}
    wait = error.retry_after if isinstance(error, LimitReached) else None
    if wait is not None:
        headers["retry-after"] = str(max(1, round(wait)))
    return status, headers


async def _unknown(request: Request, error: Exception) -> Response:
    """Answer a path or a method that there is not; mem0's own are named as such."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status in (404, 405) and request.url.path.startswith(NOT_HERE):
        return _json({"detail": NO_SUCH_CALL}, 501)
    return _json({"detail": UNKNOWN}, status)


async def _unexpected(_request: Request, error: Exception) -> Response:
    """Answer after a bug; what happened is in the log, under the id of the request."""
    note_error(error)
    detail = f"Something went wrong. Whoever runs this server finds it in the log under {current()}."
    return _json({"detail": detail}, 500, {REQUEST_ID: current()})
