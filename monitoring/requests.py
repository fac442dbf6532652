"""Gives each request over HTTP an id, which its log lines and its answer carry, and counts it.

    Middleware(Requests, server="api")

A request is counted under the pattern of its address ("/v1/memories/{memory_id}"), never under the address itself, and
is not logged unless it failed.
"""

from __future__ import annotations

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memory.telemetry.figures import REQUESTS
from memory.telemetry.tracing import begin

__all__ = ["REQUEST_ID", "Requests"]

log = logging.getLogger("keepsake.requests")
REQUEST_ID = "x-request-id"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TOLD_ELSEWHERE = "/health"  # its own line says what is wrong


class Requests:
    """The outermost middleware of a server."""

    def __init__(self, app: ASGIApp, server: str) -> None:
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id_, began, status = begin(), time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = id_
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        pattern = getattr(scope.get("route"), "path", None) or "none"
        path = pattern.rstrip("/") or "/"
        call = f"{scope['method'] if scope['method'] in METHODS else 'OTHER'} {path}"
        REQUESTS.add(seconds, server=self._server, call=call, status=str(status))
        if status >= 500 and path != TOLD_ELSEWHERE:
            log.warning("%s was answered with %d after %d ms", call, status, 1000 * seconds)
