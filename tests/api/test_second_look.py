"""OpenAI's address searches the memories again while it replies, unless the client has tools of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

import services
from chat.prompt import SEARCH
from local.stack import LocalStack
from tests.api.conftest import Caller
from tests.local_stack import services_of
from tests.model_answers import Fault, Reply, ToolCalls
from tests.model_server import ModelServer

ASKED = [{"role": "user", "content": "What is my brother called?"}]
BROTHER, PARROT = "My brother is called Tom.", "I keep a green parrot."
LOOKED = ToolCalls([(SEARCH, '{"query": "parrot", "user_id": "somebody"}')], before="Let me look.")
OWN = {"type": "function", "function": {"name": SEARCH, "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def served() -> Iterator[ModelServer]:
    with ModelServer(dimensions=256) as server:
        server.models = ["scripted", "plain"]
        yield server


@pytest.fixture(scope="module")
def home(stack: LocalStack, served: ModelServer) -> Iterator[services.Services]:
    """The services of this process, with a model; nothing is set about second looks."""
    named = {"OPENAI_BASE_URL": served.base_url, "CHAT_MODEL": "scripted"}
    with pytest.MonkeyPatch.context() as patch, services_of(stack, patch, **named) as built:
        yield built


@pytest.fixture
def model(served: ModelServer) -> Iterator[ModelServer]:
    yield served
    served.start_over()


@pytest.fixture
def client(host: str, kim: Caller) -> Iterator[openai.OpenAI]:
    kim.remembers(BROTHER, PARROT, "I have a piano lesson on Tuesdays.")
    with openai.OpenAI(base_url=f"{host}/v1", api_key=kim.key, max_retries=0, timeout=30) as opened:
        yield opened


def ask(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model="keepsake", messages=more.pop("messages", ASKED), **more)


def sent(model: ModelServer) -> list[dict[str, Any]]:
    return [dict(each.body) for each in model.chats if each.streams]


def test_a_whole_reply_hides_the_search_and_tells_of_it_in_the_receipt(
    client: openai.OpenAI, model: ModelServer
) -> None:
    model.enqueue_replies(LOOKED, Reply("Tom; and the parrot is green."))
    reply = ask(client)
    [choice] = reply.choices
    assert choice.message.content == "Let me look.\n\nTom; and the parrot is green."
    assert (choice.message.tool_calls, choice.finish_reason) == (None, "stop")
    receipt = reply.model_extra["keepsake"]
    [look] = receipt["looked_again"]
    assert look["query"] == "parrot"
    assert PARROT in [each["text"] for each in receipt["memories"]]
    [*_, answered] = sent(model)[1]["messages"]
    assert (answered["role"], answered["content"].count("\n- ")) == ("tool", look["found"])
    read = sum(len(str(each["content"] or "").split()) for body in sent(model) for each in body["messages"])
    assert reply.usage.prompt_tokens == read


def test_a_stream_hides_the_search_and_sends_the_receipt_once_more(client: openai.OpenAI, model: ModelServer) -> None:
    model.enqueue_replies(LOOKED, Reply("Tom."))
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    choices = [each.choices[0] for each in chunks if each.choices]
    assert "".join(each.delta.content or "" for each in choices) == "Let me look.\n\nTom."
    assert not any(each.delta.tool_calls for each in choices)
    assert [each.finish_reason for each in choices if each.finish_reason] == ["stop"]
    assert len({each.id for each in chunks}) == 1
    receipts = [each.model_extra["keepsake"] for each in chunks if "keepsake" in (each.model_extra or {})]
    assert [len(each.get("looked_again", ())) for each in receipts] == [0, 1]
    assert [each.usage is not None for each in chunks][-2:] == [False, True]


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [OWN]},
        {"response_format": {"type": "json_object"}},
        {"extra_body": {"metadata": {"memory_read": "false"}}},
        {
            "messages": [
                *ASKED,
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1", **OWN}]},
                {"role": "tool", "tool_call_id": "1", "content": "Rain."},
            ]
        },
    ],
    ids=["tools", "form", "memory off", "tools used"],
)
def test_a_client_with_tools_of_its_own_is_offered_none_of_ours(
    client: openai.OpenAI, model: ModelServer, more: dict[str, Any]
) -> None:
    model.enqueue_replies(LOOKED)
    reply = ask(client, **more)
    [body] = sent(model)
    assert body.get("tools") == more.get("tools")
    assert reply.choices[0].message.tool_calls[0].function.name == SEARCH, "the call is the client's, whatever its name"
    assert "looked_again" not in reply.model_extra["keepsake"]


def test_a_model_that_knows_no_tools_is_asked_without(client: openai.OpenAI, model: ModelServer) -> None:
    model.enqueue_replies(Fault(400, message="this model does not support tools"), Reply("Tom."), Reply("Tom again."))
    # Named otherwise, because the services are those of the whole module.
    answers = [client.chat.completions.create(model="plain", messages=ASKED) for _ in range(2)]  # type: ignore[arg-type]
    assert [each.choices[0].message.content for each in answers] == ["Tom.", "Tom again."]
    assert ["tools" in body for body in sent(model)] == [True, False, False]
