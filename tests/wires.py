"""Loopback servers between a client and a server: they count round trips, lead elsewhere, refuse, or never answer."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Relay", "TripCounter", "counting", "refusing", "relaying", "silent"]

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


class TripCounter:
    """How often a client spoke and then had to wait for an answer."""

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self.port = port
        self.round_trips = 0
        self._delay = delay
        self._client_spoke = False

    def heard(self, from_client: bool) -> None:
        """Note which side sent something; a round trip begins when the client sends after the server did."""
        if from_client and not self._client_spoke:
            self.round_trips += 1
            time.sleep(self._delay)  # as far away as a hosted database
        self._client_spoke = from_client


@contextmanager
def counting(target: Path, delay: float = 0.0) -> Iterator[TripCounter]:
    """A TCP port that leads to a server's unix socket; each round trip takes `delay` seconds longer."""
    with _listening() as listener:
        counted = TripCounter(_port(listener), delay)

        def serve(client: socket.socket) -> None:
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(target))
            threading.Thread(target=_pass_on, args=(server, client, lambda: counted.heard(False)), daemon=True).start()
            _pass_on(client, server, lambda: counted.heard(True))

        with _accepting(listener, serve):
            yield counted


class Relay:
    """A TCP port that leads to a server, on a unix socket or a port; it can lead elsewhere, cut, and hold requests."""

    def __init__(self, port: int, target: Path | int) -> None:
        self.port = port
        self.target = target  # of connections that are made from now on
        self.hold: Callable[[], object] = lambda: None  # called before anything that a client says is passed on
        self._sockets: list[socket.socket] = []

    def cut(self) -> None:
        """End every connection; new ones are taken."""
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def serve(self, client: socket.socket) -> None:
        """Pass on what a client and the server say, until one of them ends."""
        server = socket.socket(socket.AF_INET if isinstance(self.target, int) else socket.AF_UNIX)
        try:
            server.connect(("127.0.0.1", self.target) if isinstance(self.target, int) else str(self.target))
        except OSError:
            client.close()
            server.close()
            return
        self._sockets += [client, server]
        threading.Thread(target=_pass_on, args=(server, client, lambda: None), daemon=True).start()
        _pass_on(client, server, lambda: self.hold())


@contextmanager
def relaying(target: Path | int) -> Iterator[Relay]:
    """A TCP port that leads to a server, until told otherwise."""
    with _listening() as listener:
        relay = Relay(_port(listener), target)
        with _accepting(listener, relay.serve):
            yield relay
        relay.cut()


@contextmanager
def refusing(message: str) -> Iterator[int]:
    """A port whose server answers every connection with this Postgres error."""

    def serve(client: socket.socket) -> None:
        with client:
            while (code := _packet(client)) in (SSL_REQUEST, GSS_REQUEST):
                client.sendall(b"N")
            if code is not None:
                fields = f"SFATAL\0VFATAL\0CXX000\0M{message}\0\0".encode()
                client.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)

    with _listening() as listener, _accepting(listener, serve):
        yield _port(listener)


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with _listening() as listener:
        yield _port(listener)


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@contextmanager
def _accepting(listener: socket.socket, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    def run() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _pass_on(source: socket.socket, sink: socket.socket, heard: Callable[[], object]) -> None:
    for each in (source, sink):
        if each.family == socket.AF_INET:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with source, sink:
        with suppress(OSError):
            while data := source.recv(65536):
                heard()
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):  # closing alone would leave it open while another thread reads from it
                each.shutdown(socket.SHUT_RDWR)


def _packet(client: socket.socket) -> int | None:
    """The code of one startup packet."""
    head = client.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        return None
    length, code = struct.unpack("!II", head)
    client.recv(length - 8, socket.MSG_WAITALL)
    return int(code)
