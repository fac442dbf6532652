"""Answers /metrics with the figures of this process, for Prometheus, to whoever has the token in `METRICS_TOKEN`.

Without that setting there is no such address. No figure names a person or has anybody's words. Only the figures
of the queue need the database: one statement reads them, and its answer serves everybody for some seconds.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from memory.database import Database
from memory.errors import AppError
from memory.telemetry.figures import Gauge, Labels, written
from services import Services

__all__ = ["QUEUE_SECONDS", "MetricsRoute", "queue_figures"]

QUEUE_SECONDS = 10.0  # how long the figures of the queue are kept
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_QUEUE = "select * from app.queue_figures()"
_STARTED = time.time()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def queue_figures(database: Database) -> dict[str, float]:
    """Return how many turns and imported messages wait, how long they are overdue, and how many were given up."""
    [row] = database.read_as_worker(_QUEUE, {})
    return {name: float(value) for name, value in row.items()}


class MetricsRoute:
    """Answers /metrics of one server."""

    def __init__(
        self,
        services: Callable[[], Services],
        token: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services, self._token, self._clock = services, token, clock
        self._database: Database | None = None  # known once the services could be opened
        self._of_queue: list[Gauge] = []
        self._good_until = -math.inf
        self._asking = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        token = self._wanted_token()
        if token is None:
            return PlainTextResponse("There is nothing here.", status_code=404)
        if not _is_bearer(request.headers.get("authorization", ""), token):
            return PlainTextResponse("Wrong token.", status_code=401, headers={"www-authenticate": "Bearer"})
        async with self._asking:
            if self._clock() >= self._good_until:
                self._of_queue = await run_in_threadpool(self._ask)
                self._good_until = self._clock() + QUEUE_SECONDS
        gauges = [*_process(), *self._pool(), *self._of_queue]
        return Response(written(gauges), media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})

    def _wanted_token(self) -> str | None:
        try:
            return self._token()
        except AppError:  # the settings are wrong, and the page says so
            return None

    def _ask(self) -> list[Gauge]:
        """Return the figures of the queue; none while all connections are in use, since asking would wait for one."""
        try:
            database = self._database = self._services().database
            if database.connections[0] >= database.most_connections:
                return []
            return _of_queue(queue_figures(database))
        except AppError:
            return _of_queue(None)

    def _pool(self) -> list[Gauge]:
        """Return how the connections of this process are used, whether or not the database answers."""
        if self._database is None:
            return []
        in_use, waiting = self._database.connections
        states: dict[Labels, float] = {("in use",): float(in_use), ("allowed",): float(self._database.most_connections)}
        return [
            Gauge("keepsake_database_connections", "Connections to the database.", states, ("state",)),
            Gauge("keepsake_database_waiting", "Threads that wait for a connection.", {(): float(waiting)}),
        ]


def _is_bearer(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _of_queue(queue: Mapping[str, float] | None) -> list[Gauge]:
    """Return the figures of the queue, and whether the database answered: without, `queue` is None."""
    up = Gauge("keepsake_database_up", "Whether the database answered.", {(): float(queue is not None)})
    if queue is None:
        return [up]
    kinds = ("turns", "imports")
    states = ("waiting", "resting", "given_up")
    amounts: dict[Labels, float] = {(kind, state): queue[f"{kind}_{state}"] for kind in kinds for state in states}
    overdue: dict[Labels, float] = {(kind,): queue[f"{kind}_overdue"] for kind in kinds}
    meaning = "What waits to be remembered; resting: after a failure; given up: until somebody asks."
    return [
        up,
        Gauge("keepsake_queue", meaning, amounts, ("kind", "state")),
        Gauge("keepsake_queue_overdue_seconds", "How long the oldest has been due.", overdue, ("kind",)),
    ]


def _process() -> list[Gauge]:
    """Return the memory and the age of this process; its memory only where the system tells."""
    gauges = [Gauge("process_start_time_seconds", "When this process began.", {(): _STARTED})]
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return gauges
    resident: dict[Labels, float] = {(): float(pages * _PAGE_BYTES)}
    return [*gauges, Gauge("process_resident_memory_bytes", "Memory that this process has.", resident)]
