"""Models of the frameworks, which say what a test wants: the one thing that is faked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from agents import Model, ModelResponse, Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from pydantic_ai import ModelResponse as AgentResponse
from pydantic_ai import TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

__all__ = ["SaysNext", "awaited", "calls", "searching"]

Answer = TypeVar("Answer")


def awaited(call: Coroutine[Any, Any, Answer]) -> Answer:
    """Await a call in a thread of its own: where a browser was used before, this thread has a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(call)).result()


class SaysNext(Model):
    """A model for OpenAI's Agents SDK that gives the next of some outputs."""

    def __init__(self, *outputs: str | ResponseFunctionToolCall) -> None:
        self.outputs = list(outputs)
        self.asked: list[Any] = []

    async def get_response(self, *_arguments: Any, **named: Any) -> ModelResponse:
        self.asked.append(named["input"])
        said = self.outputs.pop(0)
        if isinstance(said, str):
            text = ResponseOutputText(annotations=[], text=said, type="output_text")
            output: Any = ResponseOutputMessage(
                id="msg_1", content=[text], role="assistant", status="completed", type="message"
            )
        else:
            output = said
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_arguments: Any, **_options: Any) -> Any:
        raise NotImplementedError


def searching() -> FunctionModel:
    """A model for PydanticAI that searches the memories with the person's words, and repeats what it is told."""
    return calls("search_memories", lambda words: {"query": words})


def calls(name: str, arguments: Any) -> FunctionModel:
    """A model for PydanticAI that calls one tool once, and repeats its answer."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> AgentResponse:
        parts: Sequence[Any] = messages[-1].parts
        told = [str(each.content) for each in parts if isinstance(each, ToolReturnPart)]
        if told:
            return AgentResponse([TextPart("\n".join(told))])
        assert name in {each.name for each in info.function_tools}
        [asked] = [str(each.content) for each in parts if isinstance(each, UserPromptPart)]
        return AgentResponse([ToolCallPart(name, arguments(asked))])

    return FunctionModel(answer)
