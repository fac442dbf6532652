"""An embedder behind the part of OpenAI's protocol that embeddings need, on this machine only.

`POST /v1/embeddings` (a text or a list; floats or base64), `GET /v1/models`, `GET /health`; everything
else is refused in OpenAI's shape of errors. It does not check keys, truncate vectors or know models.
"""

from __future__ import annotations

import base64
import json
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

__all__ = ["Embedder", "EmbedderServer"]

LARGEST_BODY = 16_000_000  # bytes
LARGEST_BATCH = 2048  # texts, as OpenAI allows


class Embedder(Protocol):
    """What is served."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def dimensions(self) -> int:
        """Numbers in one vector."""

    def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""


class Refused(Exception):
    """A request that cannot be answered, with the status to say so."""

    def __init__(self, status: HTTPStatus, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.field = field


class EmbedderServer(ThreadingHTTPServer):
    """Serves one embedder on one loopback port; port 0 takes any that is free."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, embedder: Embedder) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.embedder = embedder

    @property
    def base_url(self) -> str:
        """The address to give an OpenAI client."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbedderServer
    protocol_version = "HTTP/1.1"  # connections stay open between requests
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 120

    def do_GET(self) -> None:
        """The two questions without a body."""
        model = {"id": self.server.embedder.name, "object": "model", "created": 0, "owned_by": "local"}
        answers = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [model]},
            f"/v1/models/{self.server.embedder.name}": model,
        }
        answer = answers.get(self.path)
        if answer is None:
            self._refuse(Refused(HTTPStatus.NOT_FOUND, f"There is nothing at {self.path}."))
        else:
            self._send(HTTPStatus.OK, answer)

    def do_POST(self) -> None:
        """The question with a body."""
        try:
            body = self._body()
            self._send(HTTPStatus.OK, self._answer(body))
        except Refused as refused:
            self._refuse(refused)

    def _answer(self, body: bytes) -> dict[str, Any]:
        if self.path != "/v1/embeddings":
            raise Refused(HTTPStatus.NOT_FOUND, f"There is nothing at {self.path}.")
        return _embeddings(self.server.embedder, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a line for each request helps nobody here."""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Say how long the body is, in Content-Length.")
        if int(length) > LARGEST_BODY:
            self.close_connection = True  # what was not read would be taken for the next request
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {LARGEST_BODY} bytes.")
        return self.rfile.read(int(length))

    def _refuse(self, refused: Refused) -> None:
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
        raise Refused(HTTPStatus.BAD_REQUEST, "encoding_format must be float or base64.", "encoding_format")
    if request.get("dimensions") not in (None, embedder.dimensions):
        raise Refused(HTTPStatus.BAD_REQUEST, f"This model has {embedder.dimensions} dimensions.", "dimensions")
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
        raise Refused(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from error
    if not isinstance(request, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.")
    return request


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(HTTPStatus.BAD_REQUEST, "input must be a text or a list of texts.", "input")
    if len(texts) > LARGEST_BATCH:
        raise Refused(HTTPStatus.BAD_REQUEST, f"input has more than {LARGEST_BATCH} texts.", "input")
    return texts


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
