"""OpenAI's address with memory: the `openai` package against the running server, a scripted model server behind it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image

import services
from local.stack import LocalStack
from tests.api.conftest import Arrives, Caller
from tests.chat.conftest import until
from tests.local_stack import services_of
from tests.model_answers import Cut, Events, Fault, Gate, Reply, Slow, chunk
from tests.model_server import ModelServer

ASKED = [{"role": "user", "content": "Which instrument do I play?"}]


@pytest.fixture(scope="module")
def served() -> Iterator[ModelServer]:
    with ModelServer(dimensions=256) as server:
        yield server


@pytest.fixture(scope="module")
def home(stack: LocalStack, served: ModelServer) -> Iterator[services.Services]:
    """The services of this process, with a model."""
    named = {"OPENAI_BASE_URL": served.base_url, "CHAT_MODEL": "scripted"}
    with pytest.MonkeyPatch.context() as patch, services_of(stack, patch, **named) as built:
        yield built


@pytest.fixture
def model(served: ModelServer) -> Iterator[ModelServer]:
    yield served
    served.start_over()


def client_of(host: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{host}/v1", api_key=key, max_retries=0, timeout=30)


@pytest.fixture
def client(host: str, kim: Caller) -> Iterator[openai.OpenAI]:
    with client_of(host, kim.key) as opened:
        yield opened


def ask(client: openai.OpenAI, messages: Any = ASKED, **more: Any) -> Any:
    return client.chat.completions.create(model="keepsake", messages=messages, **more)


def sent(model: ModelServer) -> dict[str, Any]:
    """The latest request that asked for a reply."""
    return dict([each.body for each in model.chats if each.streams][-1])


def test_a_reply_is_given_what_is_remembered_and_says_so(
    client: openai.OpenAI, kim: Caller, model: ModelServer
) -> None:
    [known] = kim.remembers("I play the oboe.")
    model.enqueue_replies(Reply("The oboe."))
    raw = client.chat.completions.with_raw_response.create(model="keepsake", messages=ASKED)  # type: ignore[arg-type]
    reply = raw.parse()
    assert reply.choices[0].message.content == "The oboe."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert [each["id"] for each in (reply.model_extra or {})["keepsake"]["memories"]] == [known]
    assert raw.headers["x-keepsake-memories"] == known
    system, asked = sent(model)["messages"]
    assert "I play the oboe." in system["content"]
    assert asked == ASKED[0]


def test_a_reply_is_streamed_with_its_receipt_first(client: openai.OpenAI, kim: Caller, model: ModelServer) -> None:
    [known] = kim.remembers("I play the oboe.")
    model.enqueue_replies(Reply("It is the oboe."), Reply("Again."))
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == "It is the oboe."
    assert chunks[0].model_extra["keepsake"]["memories"][0]["id"] == known
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage.total_tokens > 0
    assert all(each.choices for each in ask(client, stream=True))


def test_what_was_said_is_learned_after_the_reply_once(client: openai.OpenAI, kim: Caller, model: ModelServer) -> None:
    said = [{"role": "user", "content": "I moved to Ghent and I love it there."}]
    for _ in range(2):
        ask(client, said)
    until(lambda: any("Ghent" in each for each in kim.texts()))
    until(lambda: kim.home.memory.import_queue.progress(kim.user_id).waiting == 0)
    assert kim.home.memory.import_queue.progress(kim.user_id).done == 1
    assert len(kim.home.chats.recent(kim.user_id)) == 0


def test_the_history_names_the_key_that_brought_what_was_learned(client: openai.OpenAI, kim: Caller) -> None:
    ask(client, [{"role": "user", "content": "I moved to Ghent and I love it there."}])
    until(lambda: any("Ghent" in each for each in kim.texts()))
    assert {each["actor"] for each in kim.home.memory.changes(user_id=kim.user_id)} == {"key laptop"}


@pytest.mark.parametrize("off", [False, "false", "off"])
def test_metadata_switches_reading_and_writing(
    client: openai.OpenAI, kim: Caller, model: ModelServer, off: Any
) -> None:
    kim.remembers("I play the oboe.")
    metadata = {"memory_read": off, "memory_write": off, "session": "7"}
    reply = ask(client, [{"role": "user", "content": "I play the cello now."}], extra_body={"metadata": metadata})
    assert reply.model_extra["keepsake"]["memory_off"] is True
    assert "oboe" not in str(sent(model)["messages"])
    assert "metadata" not in sent(model)
    assert kim.home.memory.import_queue.progress(kim.user_id).waiting == 0
    assert kim.texts() == ["I play the oboe."]


def test_a_key_that_only_reads_is_answered_and_teaches_nothing(host: str, arrives: Arrives, model: ModelServer) -> None:
    reader = arrives(can_write=False)
    reader.remembers("I play the oboe.")
    with client_of(host, reader.key) as client:
        ask(client, [{"role": "user", "content": "I play the cello in Ghent."}])
    assert "oboe" in str(sent(model)["messages"])
    progress = reader.home.memory.import_queue.progress(reader.user_id)
    assert (progress.waiting, progress.done) == (0, 0)


def test_the_clients_own_system_message_and_conversation_stay(client: openai.OpenAI, model: ModelServer) -> None:
    conversation = [
        {"role": "system", "content": "Speak like a pirate."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Ahoy."},
        {"role": "user", "content": "How are you?"},
    ]
    ask(client, conversation, temperature=0.5, max_tokens=50)
    system, *rest = sent(model)["messages"]
    assert system["content"].endswith("Speak like a pirate.")
    assert "<memories>" in system["content"]
    assert rest == conversation[1:]
    assert (sent(model)["temperature"], sent(model)["max_tokens"]) == (0.5, 50)


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALLS = [
    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"city": '}},
    {"index": 0, "function": {"arguments": '"Ghent"}'}},
]


@pytest.mark.parametrize("streams", [False, True])
def test_tools_are_passed_through_both_ways(
    client: openai.OpenAI, kim: Caller, model: ModelServer, streams: bool
) -> None:
    calling = [chunk({"tool_calls": [each]}) for each in CALLS]
    model.enqueue_replies(Events([*calling, chunk({}, "tool_calls")]))
    asked = [{"role": "user", "content": "What is the weather like?"}]
    answer = ask(client, asked, tools=[TOOL], tool_choice="auto", stream=streams)
    if streams:
        deltas = [each.choices[0].delta for each in answer]
        pieces = [call.function.arguments or "" for delta in deltas for call in delta.tool_calls or []]
        assert "".join(pieces) == '{"city": "Ghent"}'
    else:
        [call] = answer.choices[0].message.tool_calls
        assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", '{"city": "Ghent"}')
        assert answer.choices[0].finish_reason == "tool_calls"
    assert (sent(model)["tools"], sent(model)["tool_choice"]) == ([TOOL], "auto")
    called = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    told = [
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
    ]
    model.enqueue_replies(Reply("It rains."))
    assert ask(client, [*asked, *told], tools=[TOOL]).choices[0].message.content == "It rains."
    assert sent(model)["messages"][1:] == [*asked, *told]


def picture() -> str:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()


def test_pictures_are_passed_on_if_they_come_inside_the_message(client: openai.OpenAI, model: ModelServer) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": picture()}},
    ]
    ask(client, [{"role": "user", "content": parts}])
    assert sent(model)["messages"][1]["content"] == parts
    elsewhere = {"type": "image_url", "image_url": {"url": "http://127.0.0.1/secret.png"}}
    with pytest.raises(openai.BadRequestError, match="inside the message"):
        ask(client, [{"role": "user", "content": [elsewhere]}])
    model.enqueue_replies(Fault(400, message="This model takes no images."))
    with pytest.raises(openai.BadRequestError, match="did not accept the picture"):
        ask(client, [{"role": "user", "content": parts}])


def test_the_models_are_listed_and_may_be_chosen(client: openai.OpenAI, model: ModelServer) -> None:
    names = [each.id for each in client.models.list()]
    assert names[:2] == ["keepsake", "scripted"]
    client.chat.completions.create(model="scripted", messages=ASKED)  # type: ignore[arg-type]
    with pytest.raises(openai.NotFoundError, match="no model of this name") as refused:
        client.chat.completions.create(model="gpt-nothing", messages=ASKED)  # type: ignore[arg-type]
    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(500), openai.InternalServerError),
        (Fault(401), openai.InternalServerError),
        (Fault(429), openai.InternalServerError),
        (Fault(400, message="context_length exceeded"), openai.BadRequestError),
    ],
)
def test_a_model_that_fails_before_its_first_word_is_an_error_with_a_status(
    client: openai.OpenAI, model: ModelServer, streams: bool, fault: Fault, kind: type[openai.APIStatusError]
) -> None:
    model.enqueue_replies(fault, fault)
    with pytest.raises(kind, match="scripted"):
        ask(client, stream=streams)


def test_a_model_that_breaks_off_is_told_in_the_stream(client: openai.OpenAI, kim: Caller, model: ModelServer) -> None:
    model.enqueue_replies(Cut(how="tidy"), Cut(how="tidy"))
    stream = ask(client, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == ["piece 0 ", "piece 1 "]
    with pytest.raises(openai.APIError, match="was cut"):
        next(stream)
    with pytest.raises(openai.InternalServerError, match="was cut"):
        ask(client)


def test_a_client_that_leaves_midway_ends_the_call_of_the_model_and_its_words_are_learned(
    client: openai.OpenAI, kim: Caller, model: ModelServer
) -> None:
    gate = Gate()
    model.enqueue_replies(Slow(["word "] * 5_000, gate))
    gate.let(2)
    stream = ask(client, [{"role": "user", "content": "I moved to Ghent, tell me a story."}], stream=True)
    assert next(iter(stream)).choices
    stream.close()

    def left() -> bool:
        gate.let()
        return model.client_left.is_set()

    until(left)
    gate.open()
    until(lambda: any("Ghent" in each for each in kim.texts()))


def test_characters_that_cannot_be_sent_and_calls_without_a_number_do_no_harm(
    client: openai.OpenAI, kim: Caller, model: ModelServer
) -> None:
    half = '{"messages": [{"role": "user", "content": "Hello \\ud800 \\u0000 you."}]}'
    headers = {"content-type": "application/json"}
    assert kim.ask("POST", "/v1/chat/completions", headers=headers, content=half).status_code == 200
    assert "Hello ?" in sent(model)["messages"][1]["content"]
    whole = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    model.enqueue_replies(Events([chunk({"tool_calls": [whole]}), chunk({}, "tool_calls")]))
    [call] = ask(client, tools=[TOOL]).choices[0].message.tool_calls
    assert (call.id, call.function.arguments) == ("call_1", "{}")
    model.enqueue_replies(Events([chunk({"tool_calls": [{**whole, "index": 10**9}]}), chunk({}, "tool_calls")]))
    with pytest.raises(openai.InternalServerError, match="too many tools"):
        ask(client, tools=[TOOL])


def test_when_the_tokens_of_today_are_used_up_the_answer_says_so(
    client: openai.OpenAI, kim: Caller, model: ModelServer
) -> None:
    with kim.home.database.as_user(kim.user_id) as connection:
        connection.exec_driver_sql(
            "insert into app.counts (what, amount, ends_at) values ('tokens', 999999999, now() + interval '1 hour')"
        )
    with pytest.raises(openai.RateLimitError, match="Today's limit of tokens is reached") as refused:
        ask(client)
    assert int(refused.value.response.headers["retry-after"]) > 3_000
    assert kim.home.memory.import_queue.progress(kim.user_id).waiting == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "nobody", "content": "x"}]}, "role"),
    ({"messages": [{"role": "system", "content": "x"}]}, "no message of the user"),
    ({"messages": [{"role": "user", "content": 7}]}, "text, or a list of parts"),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "text and pictures only"),
    ({"messages": [{"role": "user", "content": "x" * 40_000}]}, "40,000 characters"),
    ({"messages": ASKED, "n": 2}, "'n'"),
    ({"messages": ASKED, "user_id": "somebody"}, "does not know 'user_id'"),
    ({"messages": ASKED, "audio": {}}, "no audio"),
    ({"messages": ASKED, "metadata": {"memory_writes": "false"}}, "memory_read and memory_write"),
    ({"messages": ASKED, "metadata": {"memory_read": "perhaps"}}, "memory_read and memory_write"),
]


@pytest.mark.parametrize(("body", "why"), WRONG)
def test_what_is_wrong_with_a_body_is_said_in_openais_shape(kim: Caller, body: dict[str, Any], why: str) -> None:
    answer = kim.ask("POST", "/v1/chat/completions", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error"), answer.text
    assert why in error["message"]
    assert kim.home.memory.import_queue.progress(kim.user_id).waiting == 0


def test_without_a_right_key_openais_clients_are_told_so(host: str, arrives: Arrives) -> None:
    new = arrives(agreed=False)
    with client_of(host, "ks_wrong") as client:
        with pytest.raises(openai.AuthenticationError, match="This key is wrong"):
            ask(client)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    with client_of(host, new.key) as client, pytest.raises(openai.PermissionDeniedError, match="agree"):
        ask(client)


def test_replies_count_against_the_persons_limits(
    client: openai.OpenAI, kim: Caller, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client)
    spent = {each["what"]: each["amount"] for each in counts_of(kim)}
    assert spent["messages-day"] == 1
    assert spent["tokens"] > 100


def counts_of(kim: Caller) -> list[dict[str, Any]]:
    return list(kim.home.database.read_as(kim.user_id, "select what, amount from app.counts"))


def test_only_some_replies_are_written_for_a_person_at_once(
    host: str, client: openai.OpenAI, kim: Caller, model: ModelServer
) -> None:
    gates = [Gate() for _ in range(4)]
    model.enqueue_replies(*[Slow(["word ", "word "], each) for each in gates])
    for each in gates:
        each.let()
    streams = [ask(client, stream=True) for _ in range(4)]
    with pytest.raises(openai.RateLimitError, match="replies are being written"):
        ask(client)
    for each in gates:
        each.open()
    for stream in streams:
        list(stream)
    assert ask(client).choices[0].message.content
