"""The models to choose from: read from the server quickly, and once in some minutes."""

from __future__ import annotations

import json
import time

import pytest

from memory.errors import BadAnswer, ModelError, ModelRefused, ModelUnreachable
from memory.model import PromptMessage
from memory.model.catalog import FAILURE_SECONDS, LIST_SECONDS, MAX_NAMES, ModelCatalog
from memory.model.client import OpenAIModel
from tests.model_answers import Fault, Gate, HangUp, Item, Raw, Reply, Stall, WebPage
from tests.model_server import ModelServer


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def model(model_server: ModelServer) -> OpenAIModel:
    return OpenAIModel("own", "sk-test", model_server.base_url)


def _asked(server: ModelServer) -> int:
    return sum(request.path == "/v1/models" for request in server.requests)


def test_the_configured_model_comes_first_and_others_than_chat_models_are_left_out(
    model: OpenAIModel, model_server: ModelServer
) -> None:
    no_chat = ["text-embedding-3-small", "whisper-1", "gpt-4o-mini-tts", "dall-e-3", "omni-moderation-latest"]
    model_server.models = ["zeta", "Alpha", *no_chat, "own", "nomic-embed-text:latest", "x" * 300, "two\nlines"]
    assert ModelCatalog(model).names() == ("own", "Alpha", "zeta")


def test_a_list_may_say_which_models_take_pictures(model: OpenAIModel, model_server: ModelServer) -> None:
    listed = [
        {"id": "sees", "architecture": {"input_modalities": ["text", "image"]}},
        {"id": "reads", "capabilities": {"vision": False}},
        {"id": "odd", "architecture": "text", "capabilities": ["completion"]},
    ]
    model_server.listing = Raw(json.dumps({"data": listed}))
    offers = ModelCatalog(model)
    assert offers.takes_pictures("sees") is None, "nobody was asked yet"
    assert offers.names() == ("own", "odd", "reads", "sees")
    assert [offers.takes_pictures(each) for each in ("sees", "reads", "odd", "gone")] == [True, False, None, None]
    offers.note_pictures("sees", taken=False)
    assert offers.takes_pictures("sees") is False


def test_a_long_list_is_cut(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.models = [f"m{number:05}" for number in range(5_000)]
    assert len(ModelCatalog(model).names()) == MAX_NAMES + 1


def test_the_list_is_requested_once_and_again_after_some_minutes(model: OpenAIModel, model_server: ModelServer) -> None:
    clock = Clock()
    offers = ModelCatalog(model, clock=clock)
    assert [offers.has("new"), offers.has("own"), offers.has("new")] == [False, True, False]
    assert _asked(model_server) == 1
    model_server.models = ["new"]
    clock.now += LIST_SECONDS
    assert offers.has("new")
    assert _asked(model_server) == 2


def test_after_a_failure_the_list_is_not_requested_again_at_once(model: OpenAIModel, model_server: ModelServer) -> None:
    clock = Clock()
    offers = ModelCatalog(model, clock=clock)
    model_server.listing = Fault(500)
    for _ in range(3):
        with pytest.raises(ModelUnreachable):
            offers.names()
    assert _asked(model_server) == 1
    assert offers.has("whatever was chosen")
    model_server.listing = None
    clock.now += FAILURE_SECONDS
    assert offers.names() == ("own", "scripted")


@pytest.mark.parametrize(
    ("listing", "error"),
    [
        (Fault(401), ModelRefused),
        (Fault(404), ModelRefused),
        (Fault(429, retry_after=3), ModelError),
        (HangUp(), ModelUnreachable),
        (WebPage(), BadAnswer),
        (Raw("not JSON"), BadAnswer),
        (Raw("[]"), BadAnswer),
        (Raw('{"data": "none"}'), BadAnswer),
        (Raw('{"data": [{"id": 5}]}'), BadAnswer),
        (Raw('{"data": null}'), BadAnswer),
    ],
    ids=repr,
)
def test_a_list_that_cannot_be_read_raises_a_model_error(
    listing: Item, error: type[ModelError], model: OpenAIModel, model_server: ModelServer
) -> None:
    model_server.listing = listing
    with pytest.raises(error) as caught:
        ModelCatalog(model).names()
    assert len(str(caught.value)) < 300


def test_a_silent_server_is_not_waited_for_long(
    model: OpenAIModel, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.model.client.LISTING_SECONDS", 0.2)
    gate = Gate()
    model_server.hold(gate)
    model_server.listing = Stall(gate, then=Raw("{}"))
    began = time.monotonic()
    with pytest.raises(ModelUnreachable, match="in time"):
        ModelCatalog(model).names()
    assert time.monotonic() - began < 30  # half of what a reply may take


def test_a_configured_list_is_used_without_a_request(model: OpenAIModel, model_server: ModelServer) -> None:
    assert ModelCatalog(model, " small, ,large ").names() == ("own", "small", "large")
    assert _asked(model_server) == 0


def test_without_a_model_there_is_nothing_to_choose() -> None:
    assert ModelCatalog(None, "small").names() == ()


def test_another_model_of_the_same_address_shares_its_connections(
    model: OpenAIModel, model_server: ModelServer
) -> None:
    model_server.enqueue(Reply("Hello"), Reply("Hello"))
    other = model.named("other")
    assert "".join(other.stream([PromptMessage("user", "Hello")])) == "Hello"
    assert "".join(model.stream([PromptMessage("user", "Hello")])) == "Hello"
    assert [request.body["model"] for request in model_server.chats] == ["other", "own"]
    assert other._client is model._client
