"""The server of a bundled embedder, `python -m memory.embedded.embedder_server --model NAME --port N`.

It serves the part of OpenAI's protocol that embeddings need: `POST /v1/embeddings` (a text or a list; floats or
base64), `GET /v1/models` and `GET /health`. Everything else is refused with an error in OpenAI's form. It stores
nothing, logs no text and checks no keys.
"""

from __future__ import annotations

import argparse
import base64
import json
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from ..embed import BUNDLED, DEFAULT_BUNDLED
from ..errors import COMMAND, LocalError
from .embedder import bundled

if TYPE_CHECKING:  # loading it would load the model client, which this process does not need
    from ..embed import Embedder

__all__ = ["EmbedderServer"]

MAX_BODY = 16_000_000  # bytes
MAX_TEXTS = 2048  # texts, as OpenAI allows


class RequestRefused(Exception):
    """A request that is refused, with the HTTP status of the refusal."""

    def __init__(self, status: HTTPStatus, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.field = field


class EmbedderServer(ThreadingHTTPServer):
    """Serves one embedder on a loopback port; port 0 takes any free port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, embedder: Embedder) -> None:
        super().__init__(("127.0.0.1", port), _EmbeddingHandler)
        self.embedder = embedder

    @property
    def base_url(self) -> str:
        """The address to give an OpenAI client."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _EmbeddingHandler(BaseHTTPRequestHandler):
    server: EmbedderServer
    protocol_version = "HTTP/1.1"  # connections stay open between requests
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 120

    def do_GET(self) -> None:
        """Answer a request without a body."""
        model = {"id": self.server.embedder.name, "object": "model", "created": 0, "owned_by": "local"}
        answers = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [model]},
            f"/v1/models/{self.server.embedder.name}": model,
        }
        answer = answers.get(self.path)
        if answer is None:
            self._refuse(RequestRefused(HTTPStatus.NOT_FOUND, f"There is no such endpoint: {self.path}."))
        else:
            self._send(HTTPStatus.OK, answer)

    def do_POST(self) -> None:
        """Answer a request for embeddings."""
        try:
            body = self._body()
            self._send(HTTPStatus.OK, self._answer(body))
        except RequestRefused as refused:
            self._refuse(refused)

    def _answer(self, body: bytes) -> dict[str, Any]:
        if self.path != "/v1/embeddings":
            raise RequestRefused(HTTPStatus.NOT_FOUND, f"There is no such endpoint: {self.path}.")
        return _embeddings(self.server.embedder, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise RequestRefused(HTTPStatus.LENGTH_REQUIRED, "The header Content-Length is missing or wrong.")
        if int(length) > MAX_BODY:
            self.close_connection = True  # otherwise the unread body would be taken for the next request
            raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {MAX_BODY} bytes.")
        return self.rfile.read(int(length))

    def _refuse(self, refused: RequestRefused) -> None:
        error = {"message": str(refused), "type": "invalid_request_error", "param": refused.field, "code": None}
        self._send(refused.status, {"error": error})

    def _send(self, status: HTTPStatus, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _embeddings(embedder: Embedder, body: bytes) -> dict[str, Any]:
    request = _parse(body)
    texts = _texts(request.get("input"))
    encoding = request.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "encoding_format must be float or base64.", "encoding_format")
    if request.get("dimensions") not in (None, embedder.dimensions):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"This model has {embedder.dimensions} dimensions.", "dimensions")
    vectors = embedder.embed(texts)
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if encoding == "base64" else vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    return {"object": "list", "model": embedder.name, "data": data, "usage": usage}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from error
    if not isinstance(request, dict):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.")
    return request


def _texts(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "input must be a text or a list of texts.", "input")
    if len(texts) > MAX_TEXTS:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"input has more than {MAX_TEXTS} texts.", "input")
    return texts


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def main() -> None:
    """Serve on a port of this machine until ended."""
    program = f"{COMMAND}.embedded.embedder_server"
    parser = argparse.ArgumentParser(prog=program, description="Serve a bundled embedder.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", choices=BUNDLED, default=DEFAULT_BUNDLED)
    wanted = parser.parse_args()

    try:
        with EmbedderServer(wanted.port, bundled(wanted.model)) as server:
            print(f"serving on {server.base_url}", flush=True)
            server.serve_forever()
    except (LocalError, OSError) as error:
        raise SystemExit(f"The embedder could not start: {error}") from error


if __name__ == "__main__":
    main()
