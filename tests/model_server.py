"""A scripted model server: OpenAI's protocol over HTTP, with every good and bad answer that a test may need.

    with ModelServer() as server:
        server.enqueue(Reply("Hello."), Fault(429, retry_after=3))
        server.enqueue_replies(Reply("Only for a reply, whatever the worker asks meanwhile."))

What is not scripted is answered sensibly: a chat gets a reply that repeats the memories it was shown, a
JSON schema gets one `add` for each first-person sentence, texts get vectors in which shared words are
near. `python -m tests.model_server --port N` serves just that. It checks no key and knows no model.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.model_answers import MODEL, PATIENCE, Fault, Gate, Item, Request, Scripted, Vectors, sensible

__all__ = ["Exchange", "ModelServer"]


class ModelServer(ThreadingHTTPServer):
    """Serves a script on one loopback port, and keeps what it was asked."""

    daemon_threads = False  # so that closing waits for every thread
    request_queue_size = 64

    def __init__(self, port: int = 0, dimensions: int = 64) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.dimensions = dimensions
        self.requests: list[Request] = []
        self.names: list[Request] = []  # requests for a chat's name, which come when nobody waits for them
        self.errors: list[BaseException] = []
        self.client_left = threading.Event()
        self.models = [MODEL]  # what is listed, unless something else is to be played
        self.listing: Item | None = None
        self.unscripted: Scripted = sensible  # what answers a chat request when nothing is scripted
        self._script: deque[Scripted] = deque()
        self._script_for_replies: deque[Scripted] = deque()
        self._script_for_vectors: deque[Scripted] = deque()
        self._script_for_names: deque[Scripted] = deque()
        self._changed = threading.Condition()
        self._gates: list[Gate] = []
        self._busy = 0
        self._last = time.monotonic()
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="model-server")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def chats(self) -> list[Request]:
        """The chat requests so far."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def enqueue(self, *items: Scripted) -> None:
        """Script the next chat requests; a function is given the request and says what to play."""
        self._script.extend(items)

    def enqueue_replies(self, *items: Scripted) -> None:
        """Script the next chat requests that stream: replies. The worker's requests do not stream and take none."""
        self._script_for_replies.extend(items)

    def enqueue_vectors(self, *items: Scripted) -> None:
        """Script the next requests for embeddings."""
        self._script_for_vectors.extend(items)

    def enqueue_names(self, *items: Scripted) -> None:
        """Script the next requests for a chat's name; unasked, the answer is none."""
        self._script_for_names.extend(items)

    def wait_for_chats(self, count: int) -> None:
        """Return when so many chat requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.chats) >= count, PATIENCE), "no such request came"

    def note(self, request: Request) -> None:
        with self._changed:
            (self.names if request.names_a_chat else self.requests).append(request)
            self._changed.notify_all()

    def next_item(self, request: Request) -> Item:
        vectors = request.path.endswith("/embeddings")
        script = self._script_for_vectors if vectors else self._script
        if request.names_a_chat:
            script = self._script_for_names
        elif request.streams and self._script_for_replies:
            script = self._script_for_replies
        default: Scripted = Vectors(self.dimensions) if vectors else self.unscripted
        default = sensible if request.names_a_chat else default
        item = script.popleft() if script else default
        return item if hasattr(item, "play") else item(request)

    def play(self, exchange: Exchange) -> None:
        """Answer one request with what is scripted for it."""
        with self._changed:
            self._busy += 1
        try:
            self.next_item(exchange.request).play(exchange)
        finally:
            with self._changed:
                self._busy -= 1
                self._last = time.monotonic()

    def start_over(self, quiet: float = 0.5) -> None:
        """Forget what was scripted and asked, once nobody has asked anything for so many seconds.

        What a test leaves to be remembered is asked about after it: its requests must not take what the next
        test scripts.
        """
        self.open_gates()
        deadline = time.monotonic() + PATIENCE
        while self._busy or time.monotonic() < self._last + quiet:
            assert time.monotonic() < deadline, "the requests of an earlier test do not end"
            time.sleep(0.05)
        for script in (self._script, self._script_for_replies, self._script_for_vectors, self._script_for_names):
            script.clear()
        self.requests, self.names = [], []
        self.client_left.clear()

    def hold(self, gate: Gate) -> None:
        """Remember a gate, so that closing opens it."""
        self._gates.append(gate)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.open_gates()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        assert not self.errors, self.errors

    def open_gates(self) -> None:
        """Let all that waits at a gate go on."""
        for gate in self._gates:
            gate.open()
        self._gates = []


class Exchange:
    """One request and the means to answer it, well or badly."""

    def __init__(self, handler: _Handler, request: Request) -> None:
        self._handler = handler
        self.request = request

    def send(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self.send_bytes(status, json.dumps(value).encode(), "application/json", headers)

    def send_bytes(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})})
        self._handler.wfile.write(body)

    def begin_stream(self) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

    def event(self, event: Any) -> None:
        data = event if isinstance(event, str) else json.dumps(event)
        try:
            self._notice_who_left()
            self._chunk(f"data: {data}\n\n".encode())
        except ConnectionError:
            self._handler.server.client_left.set()
            raise

    def end_stream(self) -> None:
        self.event("[DONE]")
        self._chunk(b"")

    def drop(self, *, reset: bool = False) -> None:
        """Close the connection; with a reset, what was not read yet is lost."""
        self._handler.close_connection = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self._handler.connection.detach())

    def wait_at(self, gate: Gate) -> None:
        self._handler.server.hold(gate)
        gate.wait()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def _chunk(self, data: bytes) -> None:
        self._handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _notice_who_left(self) -> None:
        connection = self._handler.connection
        readable, _, _ = select.select([connection], [], [], 0)
        if readable and not connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        request = Request(self.path, {}, _lower(self.headers))
        self.server.note(request)
        about = {"object": "model", "created": 0, "owned_by": "tests"}
        models = [{"id": each, **about} for each in self.server.models]
        answers: dict[str, Any] = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": models},
            "/api/tags": {"models": [{"name": MODEL, "model": MODEL, "details": {"family": "llama"}}]},
        }
        if self.server.listing is not None and self.path == "/v1/models":
            self.server.listing.play(Exchange(self, request))
        elif self.path in answers:
            Exchange(self, request).send(200, answers[self.path])
        else:
            Fault(404, message="There is nothing here.").play(Exchange(self, request))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        sent = self.rfile.read(length)
        if len(sent) < length:
            raise ConnectionResetError("the client was killed while it sent this")
        request = Request(self.path, json.loads(sent), _lower(self.headers))
        self.server.note(request)
        known = self.path in ("/v1/chat/completions", "/v1/embeddings")
        if known:
            self.server.play(Exchange(self, request))
        else:
            Fault(404, message="There is nothing here.").play(Exchange(self, request))

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def main() -> None:
    """Serve the unscripted answers until ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.model_server", description="A model that only pretends.")
    parser.add_argument("--port", type=int, default=0)
    server = ModelServer(parser.parse_args().port, dimensions=256)
    print(f"serving on {server.base_url}", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
