"""Ports of this machine, and short questions to what listens on them.

Asks directly, past any proxy the environment names: a proxy cannot reach this machine's own ports.
"""

from __future__ import annotations

import errno
import http.client
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import LocalError

__all__ = ["Answer", "ask", "check_free", "free_port", "kept_port"]


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said."""

    status: int
    body: bytes


def ask(
    port: int, path: str, *, host: str = "127.0.0.1", headers: Mapping[str, str] | None = None, timeout: float = 2
) -> Answer | None:
    """The answer to a GET, or None if there is none in time."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=timeout)) as connection:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read(1_000_000))
    except (OSError, ValueError, http.client.HTTPException):  # ValueError: no name for a host
        return None


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept_port(record: Path) -> int:
    """The port written down here last time if it is still free, else another, written down."""
    try:
        port = int(record.read_text())
        _bind("127.0.0.1", port)
    except (OSError, ValueError, OverflowError):
        port = free_port()
        record.write_text(f"{port}\n")
    return port


def check_free(port: int) -> None:
    """Raise a sentence if the app could not listen on this port."""
    if _listens("127.0.0.1", port) or _listens("::1", port):
        raise _taken(port)
    try:
        _bind("", port)
    except PermissionError as error:
        raise LocalError(f"Port {port} may not be used by you: choose one above 1023, PORT=8601 make run.") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise LocalError(f"Port {port} cannot be used ({error.strerror}): PORT=8601 make run.") from error
        raise _taken(port) from error


def _taken(port: int) -> LocalError:
    other = port + 100 if port + 100 <= 65535 else port - 100
    return LocalError(f"Port {port} is taken: end what listens there, or choose another: PORT={other} make run.")


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def _bind(host: str, port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port in its last minute after a restart counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
