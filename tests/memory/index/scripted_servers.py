"""Small servers that answer what the clients of Pinecone and Weaviate ask for: no network, and no engine behind them.

They do what these clients' documentation and messages say, exactly and in memory. They show that our adapters and the
real clients fit together, and nothing about how the real servers search.
"""

from __future__ import annotations

import json
import struct
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
from weaviate.proto.v1 import base_pb2, batch_delete_pb2, batch_pb2, search_get_pb2, weaviate_pb2_grpc

__all__ = ["pinecone_server", "weaviate_server"]

PAGE = 2  # the next page is asked for with what the answer says


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0


class _Handler(BaseHTTPRequestHandler):
    """Answers with what the `answer` of the server says, as JSON."""

    protocol_version = "HTTP/1.1"

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        asked = urlsplit(self.path)
        status, answer = self.server.answer(self.command, asked.path, parse_qs(asked.query), body)  # type: ignore[attr-defined]
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = do_PUT = _respond

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _serving(answer: Any) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.answer = answer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Pinecone:
    """The data plane of one index."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        acts: dict[str, Callable[[Any], tuple[int, Any]]] = {
            "/vectors/upsert": self._upsert,
            "/vectors/delete": self._delete,
            "/query": self._query,
            "/vectors/list": lambda _: self._list(query.get("paginationToken", [""])[0]),
            "/vectors/fetch": lambda _: self._fetch(query["ids"]),
        }
        act = acts.get(path)
        return act(body) if act else (404, {"code": 5, "message": f"no {method} {path}"})

    def _upsert(self, body: dict[str, Any]) -> tuple[int, Any]:
        sizes = {len(each["values"]) for each in (*body["vectors"], *self.records.values())}
        if len(sizes) > 1:
            return 400, {"code": 3, "message": "Vector dimension does not match the dimension of the index"}
        self.records.update({each["id"]: each for each in body["vectors"]})
        return 200, {"upsertedCount": len(body["vectors"])}

    def _delete(self, body: dict[str, Any]) -> tuple[int, Any]:
        if not self.records:
            return 404, {"code": 5, "message": "Namespace not found"}
        for each in list(self.records) if body.get("deleteAll") else body["ids"]:
            self.records.pop(each, None)
        return 200, {}

    def _query(self, body: dict[str, Any]) -> tuple[int, Any]:
        own = [each for each in self.records.values() if each["metadata"]["user"] == body["filter"]["user"]["$eq"]]
        if any(len(each["values"]) != len(body["vector"]) for each in own):
            return 400, {"code": 3, "message": "Vector dimension does not match the dimension of the index"}
        scored = [{**each, "values": [], "score": _cosine(each["values"], body["vector"])} for each in own]
        best = sorted(scored, key=lambda each: -float(each["score"]))[: body["topK"]]
        return 200, {"matches": best, "namespace": body.get("namespace", "")}

    def _list(self, after: str) -> tuple[int, Any]:
        names = sorted(each for each in self.records if each > after)
        answer: dict[str, Any] = {"vectors": [{"id": each} for each in names[:PAGE]]}
        if len(names) > PAGE:
            answer["pagination"] = {"next": names[PAGE - 1]}
        return 200, answer

    def _fetch(self, ids: list[str]) -> tuple[int, Any]:
        return 200, {"vectors": {each: self.records[each] for each in ids}}


@contextmanager
def pinecone_server() -> Iterator[str]:
    """Serve one empty index; give its place as MEMORY_INDEX has it."""
    with _serving(_Pinecone().answer) as port:
        yield f"pinecone:http://127.0.0.1:{port}"


class _Weaviate(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
    """One collection: made over HTTP, used over gRPC."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[dict[str, str], tuple[float, ...]]] = {}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/v1/meta":
            return 200, {"version": "1.34.0", "hostname": "http://[::]:8080", "modules": {}}
        if path.startswith("/v1/schema"):
            self.objects.clear()
            return 200, {**body, "class": body.get("class", "KeepsakeMemories")}
        return 404, {}

    def BatchObjects(self, request: Any, context: Any) -> Any:
        sizes = {len(vector) for _, vector in self.objects.values()}
        reply = batch_pb2.BatchObjectsReply()
        for number, each in enumerate(request.objects):
            vector = _floats(each.vector_bytes or (each.vectors[0].vector_bytes if each.vectors else b""))
            if sizes and len(vector) not in sizes:
                reply.errors.append(batch_pb2.BatchObjectsReply.BatchError(index=number, error="vector lengths"))
                continue
            self.objects[each.uuid] = dict(each.properties.non_ref_properties.items()), vector
        return reply

    def BatchDelete(self, request: Any, context: Any) -> Any:
        assert request.filters.operator == base_pb2.Filters.OPERATOR_CONTAINS_ANY
        gone = [each for each in request.filters.value_text_array.values if self.objects.pop(each, None)]
        return batch_delete_pb2.BatchDeleteReply(matches=len(gone), successful=len(gone))

    def Search(self, request: Any, context: Any) -> Any:
        found = [(name, *rest, 0.0) for name, rest in sorted(self.objects.items())]
        if request.HasField("near_vector"):
            near = request.near_vector
            asked = _floats(near.vector_bytes or (near.vectors[0].vector_bytes if near.vectors else b""))
            own = [each for each in found if each[1]["owner"] == request.filters.value_text]
            if any(len(each[2]) != len(asked) for each in own):
                context.abort(grpc.StatusCode.UNKNOWN, "vector lengths don't match")
            scored = [(name, told, vector, 1 - _cosine(vector, asked)) for name, told, vector, _ in own]
            found = sorted(scored, key=lambda each: each[3])
        elif request.after:
            found = [each for each in found if each[0] > request.after]
        return search_get_pb2.SearchReply(results=[_result(*each) for each in found[: request.limit or PAGE]])


def _result(name: str, told: dict[str, str], vector: tuple[float, ...], distance: float) -> Any:
    result = search_get_pb2.SearchResult()
    result.metadata.id, result.metadata.id_as_bytes = name, uuid.UUID(name).bytes
    result.metadata.distance, result.metadata.distance_present = distance, True
    for key, value in told.items():
        result.properties.non_ref_props.fields[key].text_value = value
    return result


def _floats(packed: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(packed) // 4}f", packed)


@contextmanager
def weaviate_server() -> Iterator[str]:
    """Serve an empty collection; give its place as MEMORY_INDEX has it."""
    servicer = _Weaviate()
    server = grpc.server(ThreadPoolExecutor(4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(servicer, server)
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with _serving(servicer.answer) as port:
            yield f"weaviate:http://127.0.0.1:{port}?grpc={grpc_port}"
    finally:
        server.stop(None).wait()
