"""The model client: what it sends, and that every answer of a server ends as a reply or a `ModelError`."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from memory.errors import AppError, BadAnswer, ModelBusy, ModelError, ModelRefused, ModelUnreachable, SettingsError
from memory.model import PromptMessage, Usage, chat_model, memory_model
from memory.model.client import MEMORY_SECONDS, Embeddings, OpenAIModel
from settings import Settings
from tests.model_answers import (
    Cut,
    CutOff,
    Events,
    Fault,
    Gate,
    HangUp,
    Item,
    Json,
    Raw,
    Refusal,
    Reply,
    Slow,
    Stall,
    WebPage,
    chunk,
)
from tests.model_server import ModelServer

KEY = "sk-not-to-be-told-0123456789"
HELLO = [PromptMessage("system", "Be brief."), PromptMessage("user", "Hello")]


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sky: Literal["clear", "cloudy"]
    degrees: int = Field(ge=-50, le=60)


SUNNY = {"sky": "clear", "degrees": 21}


@pytest.fixture
def model(model_server: ModelServer) -> OpenAIModel:
    """A model at the scripted server that tries each call once."""
    return OpenAIModel("m1", KEY, model_server.base_url, retries=0)


@pytest.fixture
def embeddings(model_server: ModelServer) -> Embeddings:
    return Embeddings("e1", KEY, model_server.base_url)


# -- a reply, piece by piece ---------------------------------------------------------------------


def test_a_reply_comes_in_pieces_and_reports_its_tokens(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("Good morning to you"))
    usage = Usage()
    assert list(model.stream(HELLO, usage)) == ["Good ", "morning ", "to ", "you"]
    assert usage == Usage("scripted", prompt_tokens=3, reply_tokens=4)


def test_a_request_carries_the_model_the_key_and_the_messages(model: OpenAIModel, model_server: ModelServer) -> None:
    list(model.stream(HELLO))
    [request] = model_server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "m1"
    assert request.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]


def test_pieces_arrive_while_the_model_still_writes(model: OpenAIModel, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["one ", "two"], gate))
    pieces = model.stream(HELLO)
    gate.let()
    assert next(pieces) == "one "
    gate.let()
    assert list(pieces) == ["two"]


def test_closing_a_stream_hangs_up_on_the_server(model: OpenAIModel, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["piece "] * 100, gate))
    pieces = model.stream(HELLO)
    gate.let()
    next(pieces)
    _close(pieces)
    gate.open()
    assert model_server.client_left.wait(60)


def test_megabytes_of_reply_arrive_whole(model: OpenAIModel, model_server: ModelServer) -> None:
    long = "word " * 2_000 + "x" * 3_000_000
    model_server.enqueue(Reply(long))
    assert "".join(model.stream(HELLO)) == long


def test_a_server_that_reports_no_tokens_leaves_zeros(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Reply("Hello", usage=False))
    usage = Usage()
    assert list(model.stream(HELLO, usage)) == ["Hello"]
    assert (usage.prompt_tokens, usage.reply_tokens) == (0, 0)


def test_a_running_total_of_tokens_is_not_added_up(model: OpenAIModel, model_server: ModelServer) -> None:
    counted = [
        {**chunk({"content": "a"}), "usage": {"prompt_tokens": 7, "completion_tokens": 1}},
        {**chunk({"content": "b"}, "stop"), "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    ]
    model_server.enqueue(Events(counted))
    usage = Usage()
    assert list(model.stream(HELLO, usage)) == ["a", "b"]
    assert (usage.prompt_tokens, usage.reply_tokens) == (7, 2)


@pytest.mark.parametrize(
    "odd",
    [{}, {"choices": None}, {"choices": []}, {"choices": [{}]}, {"choices": [{"delta": None}]}],
    ids=str,
)
def test_empty_pieces_are_ignored(odd: Any, model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Events([odd, chunk({"content": "Hello"}, "stop"), odd]))
    assert list(model.stream(HELLO)) == ["Hello"]


@pytest.mark.parametrize("how", ["reset", "close", "tidy"])
def test_an_interrupted_stream_gives_its_pieces_and_then_raises(
    how: str, model: OpenAIModel, model_server: ModelServer
) -> None:
    model_server.enqueue(Cut(after_pieces=2, how=how))
    said: list[str] = []
    with pytest.raises(ModelUnreachable):
        said.extend(model.stream(HELLO))
    if how != "reset":  # a reset may overtake what was sent before it
        assert said == ["piece 0 ", "piece 1 "]


@pytest.mark.parametrize(
    "nothing",
    [
        Reply(""),
        Cut(after_pieces=0, how="tidy"),
        WebPage(),
        Raw("hello there"),
        Raw('{"choices": []}'),
        Raw("<h1>", "text/event-stream"),
        Events(["this is not JSON"]),
        Events([[]]),
        Events(['"text"']),
        Events([{"choices": 5}]),
        Events([chunk({"content": ["parts"]}, "stop")]),
    ],
    ids=repr,
)
def test_a_stream_without_a_reply_is_a_bad_answer(nothing: Item, model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(nothing)
    with pytest.raises(BadAnswer):
        list(model.stream(HELLO))


def test_a_model_that_refuses_says_so_in_its_own_words(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Refusal("I would rather not."))
    assert "".join(model.stream(HELLO)) == "I would rather not."


def test_an_error_within_a_stream_is_an_error_after_its_pieces(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Events([chunk({"content": "Well, "}), {"error": {"message": "overloaded", "code": 502}}]))
    pieces = model.stream(HELLO)
    assert next(pieces) == "Well, "
    with pytest.raises(ModelError, match="stopped with an error"):
        next(pieces)


# -- a structured answer -------------------------------------------------------------------------


def test_an_answer_fits_the_schema_that_was_asked_for(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Json(SUNNY))
    usage = Usage()
    assert model.answer(HELLO, Weather, usage) == Weather(sky="clear", degrees=21)
    assert usage.prompt_tokens == 3
    [request] = model_server.requests
    assert request.body["response_format"]["json_schema"]["strict"] is True
    assert request.schema == Weather.model_json_schema()


@pytest.mark.parametrize(
    "wrong",
    [
        Json({"sky": "clear"}),
        Json({**SUNNY, "degrees": 400}),
        Json({**SUNNY, "wind": 3}),
        Json([SUNNY]),
        Reply("It is sunny."),
        Reply(""),
        Reply("[" * 100_000),
        Reply("x" * 3_000_000),
        CutOff('{"sky": "cl'),
        CutOff('{"sky": "clear", "degrees": 21}'),
        Refusal(),
        Reply('{"sky": "clear", "degrees": 21}', finish="content_filter"),
        Raw("not JSON"),
        Raw(""),
        WebPage(),
        Raw("[]"),
        Raw('"text"'),
        Raw("{}"),
        Raw('{"choices": null}'),
        Raw('{"choices": []}'),
        Raw('{"choices": [{}]}'),
        Raw('{"choices": [{"message": null}]}'),
        Raw('{"choices": [{"message": {"content": ["parts"]}}]}'),
        Raw('{"choices": 5}'),
        Raw('{"error": {"message": "overloaded"}}'),
    ],
    ids=lambda wrong: repr(wrong)[:60],
)
def test_an_answer_of_another_form_is_a_bad_answer(wrong: Item, model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(wrong)
    with pytest.raises(BadAnswer) as caught:
        model.answer(HELLO, Weather)
    assert len(str(caught.value)) < 300


def test_an_answer_without_token_counts_is_accepted(model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Reply('{"sky": "cloudy", "degrees": 3}', usage=False))
    assert model.answer(HELLO, Weather, Usage()).degrees == 3


# -- servers with fewer features than OpenAI's --------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        Fault(400, message="Unrecognized request argument supplied: stream_options"),
        Fault(422, message="stream_options: extra fields not permitted"),
    ],
)
def test_a_server_that_will_not_count_tokens_still_replies(
    refusal: Item, model: OpenAIModel, model_server: ModelServer
) -> None:
    model_server.enqueue(refusal, Reply("Hello"))
    assert list(model.stream(HELLO)) == ["Hello"]
    first, second = model_server.requests
    assert "stream_options" in first.body
    assert "stream_options" not in second.body


@pytest.mark.parametrize(
    "words",
    ["This response_format type is unavailable now", "This model does not support response format `json_schema`."],
)
def test_a_server_without_schemas_is_asked_in_words(words: str, model: OpenAIModel, model_server: ModelServer) -> None:
    model_server.enqueue(Fault(400, message=words), Json(SUNNY))
    assert model.answer(HELLO, Weather).sky == "clear"
    second = model_server.requests[1]
    assert second.body["response_format"] == {"type": "json_object"}
    assert '"degrees"' in second.said("system")
    assert second.said("user") == "Hello"


def test_another_refusal_is_not_asked_again(model: OpenAIModel, model_server: ModelServer) -> None:
    for call in (lambda: list(model.stream(HELLO)), lambda: model.answer(HELLO, Weather)):
        model_server.enqueue(Fault(400, message="maximum context length exceeded"))
        with pytest.raises(ModelRefused, match="did not accept"):
            call()
    assert len(model_server.requests) == 2


# -- failures ------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[OpenAIModel], object]] = {
    "stream": lambda model: list(model.stream(HELLO)),
    "answer": lambda model: model.answer(HELLO, Weather),
}
FAILURES: list[tuple[Item, type[ModelError], str, str]] = [
    (Fault(401), ModelRefused, "refused the API key. Tell whoever runs this app.", "Check OPENAI_API_KEY."),
    (Fault(403), ModelRefused, "refused the API key. Tell whoever runs this app.", "Check OPENAI_API_KEY."),
    (Fault(404), ModelRefused, "was not found. Tell whoever", "Check CHAT_MODEL, and OPENAI_BASE_URL."),
    (Fault(405), ModelRefused, "cannot do what was asked", "Check CHAT_MODEL, and OPENAI_BASE_URL."),
    (Fault(400), ModelRefused, "did not accept the request", ""),
    (Fault(402), ModelBusy, "credit is used up", ""),
    (Fault(429), ModelBusy, "Try again in a minute", ""),
    (Fault(429, retry_after=3), ModelBusy, "Try again in 3 seconds", ""),
    (Fault(500), ModelUnreachable, "is having problems (500). Try again in a minute.", ""),
    (WebPage(502), ModelUnreachable, "is having problems (502). Try again in a minute.", ""),
    (HangUp(), ModelUnreachable, "could not be reached. Try again in a minute.", "Check OPENAI_BASE_URL."),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: repr(failure)[:40])
def test_a_failure_is_a_sentence_that_says_what_to_do_and_only_the_log_names_a_setting(
    failure: tuple[Any, ...], call: str, model: OpenAIModel, model_server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    item, kind, words, advice = failure
    model_server.enqueue(item)
    with pytest.raises(kind) as caught:
        CALLS[call](model)
    assert words in str(caught.value)
    assert "_" not in str(caught.value)
    assert advice in caplog.text
    assert caught.value.for_deployer().endswith(advice)
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (0.05, 0.05),
        (3, 3.0),
        ("1e9", 86_400.0),
        ("inf", 86_400.0),
        ("nan", None),
        (-5, None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_busy_model_reports_a_sensible_waiting_time(
    said: float | str | None, understood: float | None, model: OpenAIModel, model_server: ModelServer
) -> None:
    model_server.enqueue(Fault(429, retry_after=said))
    with pytest.raises(ModelBusy) as caught:
        model.answer(HELLO, Weather)
    assert caught.value.retry_after == understood


def test_the_reply_is_tried_a_second_time_after_as_long_as_the_server_asks(model_server: ModelServer) -> None:
    chat = OpenAIModel("m1", KEY, model_server.base_url)
    model_server.enqueue(Fault(429, retry_after=0.05), Reply("Hello"))
    assert list(chat.stream(HELLO)) == ["Hello"]
    model_server.enqueue(Fault(429, retry_after=0.05), Fault(429, retry_after=0.07))
    with pytest.raises(ModelBusy) as caught:
        list(chat.stream(HELLO))
    assert caught.value.retry_after == 0.07
    assert len(model_server.requests) == 4


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_silence_ends_in_a_sentence(call: Callable[[OpenAIModel], object], model_server: ModelServer) -> None:
    model_server.enqueue(Stall())
    with pytest.raises(ModelUnreachable, match="did not answer in time"):
        call(OpenAIModel("m1", KEY, model_server.base_url, retries=0, patience=0.1))


def test_silence_in_the_middle_of_a_reply_ends_in_a_sentence(model_server: ModelServer) -> None:
    gate = Gate()
    gate.let()
    model_server.enqueue(Slow(["Well, ", "yes"], gate))
    pieces = OpenAIModel("m1", KEY, model_server.base_url, retries=0, patience=0.1).stream(HELLO)
    assert next(pieces) == "Well, "
    with pytest.raises(ModelUnreachable, match="did not answer in time"):
        next(pieces)


def test_an_unreachable_address_ends_in_a_sentence(model_server: ModelServer) -> None:
    with ModelServer() as gone:
        pass
    with pytest.raises(ModelUnreachable, match="could not be reached"):
        list(OpenAIModel("m1", KEY, gone.base_url, retries=0).stream(HELLO))


@pytest.mark.parametrize("address", ["http://localhost:abc/v1", "http://[::1/v1", "http://", "http:///v1", "x"])
def test_an_invalid_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(SettingsError, match="address is not valid"):
        OpenAIModel("m1", KEY, address)


@pytest.mark.parametrize("key", ["sk-ключ", "sk-“quoted”", "sk-two\nlines"])
def test_an_invalid_key_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(SettingsError, match="copy it again") as caught:
        Embeddings("e1", key)
    assert key not in str(caught.value)


# -- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [each[0] for each in FAILURES] + [WebPage(), Reply(""), Cut(), Raw("x")], ids=repr)
def test_the_key_is_in_no_sentence_no_traceback_and_no_log(
    item: Item, model: OpenAIModel, model_server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for call in CALLS.values():
        model_server.enqueue(item)
        with pytest.raises(AppError) as caught:
            call(model)
        assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caplog.text


def test_the_key_is_in_no_repr(model: OpenAIModel, embeddings: Embeddings) -> None:
    assert KEY not in f"{model!r} {embeddings!r} {model} {model._client!r}"


def test_the_models_address_is_only_in_the_log_and_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ModelServer() as gone:
        pass
    address = gone.base_url.replace("http://", "http://ann:hidden@") + "?key=hidden"
    with pytest.raises(ModelUnreachable) as caught:
        list(OpenAIModel("m1", KEY, address, retries=0).stream(HELLO))
    assert str(caught.value).startswith("m1 could not be reached")
    assert "127.0.0.1" not in str(caught.value)
    assert "at http://127.0.0.1" in caplog.text
    assert "hidden" not in caplog.text


# -- vectors -------------------------------------------------------------------------------------


def test_texts_get_vectors_in_their_order(embeddings: Embeddings, model_server: ModelServer) -> None:
    swapped = {"data": [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]}
    model_server.enqueue_vectors(Raw(json.dumps(swapped)))
    assert embeddings.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
    near, far = embeddings.embed(["red tea", "red tea", "blue car"])[::2]
    assert near != far


def test_many_vectors_are_read_quickly(embeddings: Embeddings, model_server: ModelServer) -> None:
    vectors = [{"index": number, "embedding": [0.25] * 1_536} for number in range(200)]
    model_server.enqueue_vectors(Raw(json.dumps({"data": vectors})))
    began = process_time()  # a busy machine is slow, not wrong
    assert len(embeddings.embed(["a"] * 200)) == 200
    assert process_time() - began < 0.8  # 0.06 on a quiet machine; an object for each number took 1.6


def test_vectors_without_numbers_are_taken_in_order(embeddings: Embeddings, model_server: ModelServer) -> None:
    model_server.enqueue_vectors(Raw('{"data": [{"embedding": [1]}, {"embedding": [2]}]}'))
    assert embeddings.embed(["a", "b"]) == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        WebPage(),
        Raw("not JSON"),
        Raw("{}"),
        Raw("[]"),
        Raw('{"data": []}'),
        Raw('{"data": null}'),
        Raw('{"data": 5}'),
        Raw('{"data": [{"embedding": [1]}]}'),
        Raw('{"data": [{"embedding": []}, {"embedding": []}]}'),
        Raw('{"data": [{"embedding": [1]}, {"embedding": [NaN]}]}'),
        Raw('{"data": [{"embedding": [1]}, {"embedding": ["x"]}]}'),
        Raw('{"data": [{"embedding": "AAAA"}, {"embedding": "!"}]}'),
    ],
    ids=repr,
)
def test_vectors_of_another_form_are_a_bad_answer(
    wrong: Item, embeddings: Embeddings, model_server: ModelServer
) -> None:
    model_server.enqueue_vectors(wrong)
    with pytest.raises(BadAnswer):
        embeddings.embed(["a", "b"])


def test_an_embedder_that_refuses_names_its_own_settings(embeddings: Embeddings, model_server: ModelServer) -> None:
    model_server.enqueue_vectors(Fault(401), Fault(404))
    for setting in ("EMBED_API_KEY", "EMBED_MODEL"):
        with pytest.raises(ModelRefused) as caught:
            embeddings.embed(["a"])
        assert setting in caught.value.for_deployer()


# -- settings ------------------------------------------------------------------------------------


def test_without_a_key_or_an_address_there_is_no_model() -> None:
    assert chat_model(Settings()) is None
    assert memory_model(Settings()) is None


def test_the_memory_model_can_be_configured_and_does_not_retry() -> None:
    wanted, plain = (Settings(openai_api_key=KEY, chat_model="big", memory_model=each) for each in ("small", None))
    assert memory_model(wanted) == OpenAIModel("small", KEY, retries=0, patience=MEMORY_SECONDS)
    assert memory_model(plain) == OpenAIModel("big", KEY, retries=0, patience=MEMORY_SECONDS)
    assert chat_model(wanted) == OpenAIModel("big", KEY, retries=1)


def _close(pieces: Iterator[str]) -> None:
    """As when a person presses Stop."""
    pieces.close()  # type: ignore[attr-defined]
