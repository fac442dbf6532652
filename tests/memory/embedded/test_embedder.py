from __future__ import annotations

import http.client
import json
import logging
import math
import threading
from collections.abc import Iterator

import openai
import pytest

from memory.embedded.embedder import BundledEmbedder
from memory.embedded.embedder_server import EmbedderServer
from tests.model_answers import PATIENCE

ODD = [
    "",
    " ",
    "\n\t",
    "\x00",
    "\u200b",
    "🧿👩‍👩‍👧",
    "日本語",
    "\ud800 half",
    "e\u0301",
    "\U0010ffff",
    "ا",
    "a" * 1_000_000,
]


@pytest.fixture(scope="module")
def embedder() -> BundledEmbedder:
    return BundledEmbedder()


@pytest.fixture(scope="module")
def server(embedder: BundledEmbedder) -> Iterator[EmbedderServer]:
    with EmbedderServer(0, embedder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def client(server: EmbedderServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="local", max_retries=0) as client:
        yield client


def length(vector: list[float]) -> float:
    return math.sqrt(sum(number * number for number in vector))


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_related_texts_are_nearer_than_unrelated_ones(embedder: BundledEmbedder) -> None:
    asked, near, far = embedder.embed(["Which dog do I have?", "My dog is a beagle", "The invoice is due on Friday"])
    assert likeness(asked, near) > likeness(asked, far) + 0.1


def test_every_odd_text_gets_a_vector_of_length_one(embedder: BundledEmbedder) -> None:
    for text, vector in zip(ODD, embedder.embed(ODD), strict=True):
        assert len(vector) == embedder.dimensions, repr(text[:20])
        assert length(vector) == pytest.approx(1), repr(text[:20])


def test_a_text_gets_the_same_vector_in_any_batch(embedder: BundledEmbedder) -> None:
    alone = embedder.embed(["My dog is a beagle"])[0]
    assert embedder.embed(["x " * 5000, "My dog is a beagle", ""])[1] == alone


def test_an_empty_text_gets_the_vector_of_a_blank(embedder: BundledEmbedder) -> None:
    empty, blank = embedder.embed(["", " "])
    assert empty == blank


def test_nothing_to_embed_gives_nothing(embedder: BundledEmbedder) -> None:
    assert embedder.embed([]) == []


def test_loading_it_leaves_the_logging_of_the_process_alone(embedder: BundledEmbedder) -> None:
    assert not [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openais_client_gets_the_same_vectors(client: openai.OpenAI, embedder: BundledEmbedder, encoding: str) -> None:
    texts = ["Good morning", "", "日本語"]
    answer = client.embeddings.create(model="any", input=texts, encoding_format=encoding)  # type: ignore[arg-type]
    if encoding == "float":  # asked for by name, base64 is handed over as it came
        assert [item.embedding for item in answer.data] == embedder.embed(texts)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.model == "wordllama-256"


def test_openais_client_gets_the_same_vectors_by_default(client: openai.OpenAI, embedder: BundledEmbedder) -> None:
    answer = client.embeddings.create(model="any", input="Good morning", dimensions=256)
    assert answer.data[0].embedding == pytest.approx(embedder.embed(["Good morning"])[0], abs=1e-6)


def test_a_long_batch_and_a_megabyte_pass(client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model="any", input=[f"line {n}" for n in range(2048)]).data) == 2048
    assert len(client.embeddings.create(model="any", input="word " * 200_000).data[0].embedding) == 256


@pytest.mark.parametrize("wrong", [[], [1, 2], [[1, 2]], ["x"] * 2049])
def test_an_input_that_cannot_be_embedded_is_refused_as_openai_does(client: openai.OpenAI, wrong: list[object]) -> None:
    with pytest.raises(openai.BadRequestError, match="input"):
        client.embeddings.create(model="any", input=wrong)  # type: ignore[arg-type]


def test_other_dimensions_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="256 dimensions"):
        client.embeddings.create(model="any", input="x", dimensions=1536)


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["wordllama-256"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/v1/embeddings", b"{", {}, 400),
        ("POST", "/v1/embeddings", b"[]", {}, 400),
        ("POST", "/v1/embeddings", b"\xff\xfe\xfa", {}, 400),
        ("POST", "/v1/embeddings", b"[" * 100_000, {}, 400),
        ("POST", "/v1/embeddings", b'{"input": "x", "encoding_format": "hex"}', {}, 400),
        ("POST", "/v1/embeddings", None, {"Content-Length": "99999999999"}, 413),
        ("POST", "/v1/embeddings", None, {"Content-Length": "-1"}, 411),
        ("POST", "/v1/chat/completions", b"{}", {}, 404),
        ("GET", "/etc/passwd", None, {}, 404),
        ("GET", "/health", None, {}, 200),
    ],
)
def test_bad_requests_get_an_error_in_openais_shape(
    server: EmbedderServer, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status == status
    if status >= 400:
        assert answer["error"]["message"]
        assert answer["error"]["type"] == "invalid_request_error"


def test_one_connection_serves_many_requests_also_after_a_refusal(server: EmbedderServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)
    statuses = []
    for body in (b"{", b'{"input": "x"}', b'{"input": "y"}'):
        connection.request("POST", "/v1/embeddings", body=body)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [400, 200, 200]
