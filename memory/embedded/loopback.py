"""Ports of this machine, and short HTTP requests to what listens on them.

Requests are sent directly, not through a proxy that the environment names: it could not reach this machine's ports.
"""

from __future__ import annotations

import errno
import http.client
import random
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import LocalError

__all__ = ["HttpAnswer", "ask", "check_free", "free_port", "kept_port"]

# Systems give whoever connects, or asks for any port, one from 32768 or 49152 on.
PORTS = range(20_000, 32_768)


@dataclass(frozen=True)
class HttpAnswer:
    """The answer of an HTTP server."""

    status: int
    body: bytes


def ask(
    port: int, path: str, *, host: str = "127.0.0.1", headers: Mapping[str, str] | None = None, timeout: float = 2
) -> HttpAnswer | None:
    """Send a GET request; return the answer, or None if none comes in time."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=timeout)) as connection:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return HttpAnswer(response.status, response.read(1_000_000))
    except (OSError, ValueError, http.client.HTTPException):  # ValueError: not a host name
        return None


def free_port(ports: Sequence[int] = PORTS) -> int:
    """Return a port on which nothing listens, and which the system gives nobody before a program listens on it."""
    for port in random.SystemRandom().sample(ports, min(len(ports), 100)):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise LocalError("No port of this machine is free.")


def kept_port(record: Path) -> int:
    """Return the port recorded in this file if it is still free; otherwise choose another and record it."""
    try:
        port = int(record.read_text())
        _bind("127.0.0.1", port)
    except (OSError, ValueError, OverflowError):
        port = free_port()
        record.write_text(f"{port}\n")
    return port


def check_free(port: int) -> None:
    """Raise `LocalError` if the app could not listen on this port."""
    if _listens("127.0.0.1", port) or _listens("::1", port):
        raise _port_taken(port)
    try:
        _bind("", port)
    except PermissionError as error:
        raise LocalError(f"You may not use port {port}: choose one above 1023, such as PORT=8601 make run.") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise LocalError(
                f"Port {port} cannot be used ({error.strerror}): choose another, for example PORT=8601 make run."
            ) from error
        raise _port_taken(port) from error


def _port_taken(port: int) -> LocalError:
    other = port + 100 if port + 100 <= 65535 else port - 100
    return LocalError(f"Port {port} is in use: stop what listens there, or choose another: PORT={other} make run.")


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def _bind(host: str, port: int) -> None:
    with socket.socket() as probe:
        # Servers do the same: right after a restart the port counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
