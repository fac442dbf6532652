"""The model client with a real server, llama.cpp, and a very small model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from memory.embed import RemoteEmbedder
from memory.errors import ModelRefused
from memory.model import PromptMessage, Usage
from memory.model.client import Embeddings, OpenAIModel
from tests import llama

pytestmark = pytest.mark.usefixtures("clients")


class WeatherToday(BaseModel):
    sky: Literal["clear", "cloudy"]
    degrees: int = Field(ge=-50, le=60)


@pytest.fixture
def real(llama_url: str) -> OpenAIModel:
    return OpenAIModel(llama.MODEL, None, llama_url, retries=0)


def test_a_real_model_replies_in_pieces_and_counts_them(real: OpenAIModel) -> None:
    usage = Usage()
    pieces = list(real.stream([PromptMessage("user", "Say hello.")], usage))
    assert len(pieces) > 1
    assert "".join(pieces).strip()
    assert usage.prompt_tokens > 0
    assert usage.reply_tokens >= len(pieces) - 1


def test_a_real_model_answers_in_the_form_it_is_asked_for(real: OpenAIModel) -> None:
    assert isinstance(real.answer([PromptMessage("user", "What is the weather like?")], WeatherToday), WeatherToday)


def test_a_real_server_is_free_again_after_a_stopped_reply(real: OpenAIModel) -> None:
    pieces = real.stream([PromptMessage("user", "Tell me a very long story.")])
    next(pieces)
    _close(pieces)
    assert isinstance(real.answer([PromptMessage("user", "What is the weather like?")], WeatherToday), WeatherToday)


def test_a_real_server_says_that_a_path_is_wrong(llama_url: str) -> None:
    with pytest.raises(ModelRefused, match="was not found"):
        list(OpenAIModel(llama.MODEL, None, llama_url.replace("/v1", "/v0")).stream([PromptMessage("user", "Hello")]))


def test_a_real_server_that_only_chats_says_that_it_gives_no_vectors(llama_url: str) -> None:
    with pytest.raises(ModelRefused, match="cannot do what was asked"):
        Embeddings(llama.MODEL, None, llama_url).embed(["a"])


def test_a_real_model_gives_vectors_of_one_size(llama_embeddings_url: str) -> None:
    embedder = RemoteEmbedder(Embeddings(llama.MODEL, None, llama_embeddings_url))
    vectors = embedder.embed(["the sea is blue", "the ocean is blue", "tax law"])
    assert [len(vector) for vector in vectors] == [embedder.dimensions] * 3
    assert _dot(vectors[0], vectors[1]) > _dot(vectors[0], vectors[2])


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _close(pieces: Iterator[str]) -> None:
    """As when a person presses Stop."""
    pieces.close()  # type: ignore[attr-defined]
