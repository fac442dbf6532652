"""The only importer of openai: a streamed reply, a structured answer, and embeddings, from any compatible address.

Vendor errors become `errors.ModelError`s here, with the sentence a person needs. It knows nothing of
memories or chats: what to say to a model is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import openai
from pydantic import BaseModel, ValidationError

from errors import BadAnswer, ModelBusy, ModelError, ModelRefused, ModelUnreachable
from settings import Settings

__all__ = ["Embeddings", "Message", "Model", "Usage", "chat_model", "memory_model"]

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Message:
    """One message of a prompt."""

    role: str
    content: str


@dataclass
class Usage:
    """What a call cost, filled in while it runs; zeros where the server does not say."""

    model: str = ""
    prompt_tokens: int = 0
    reply_tokens: int = 0


@dataclass(frozen=True)
class Model:
    """A chat model at an address. `retries` is for what a person waits for; workers have their own patience."""

    name: str
    api_key: str | None = field(repr=False)
    base_url: str | None = None
    retries: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "_client", _client(self.api_key, self.base_url, self.retries))

    def stream(self, messages: Sequence[Message], usage: Usage | None = None) -> Iterator[str]:
        """Yield the reply piece by piece; raise a `ModelError` if it breaks off."""
        finished = False
        with translating(self.name, self.base_url), self._open_stream(messages) as chunks:
            for chunk in chunks:
                _note_usage(usage, chunk)
                for choice in chunk.choices:
                    finished = finished or choice.finish_reason is not None
                    if choice.delta.content:
                        yield choice.delta.content
        if not finished:
            raise ModelUnreachable(f"The connection to {self.name} was cut before the reply was complete.")

    def answer(self, messages: Sequence[Message], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """One answer that fits the schema, or `BadAnswer`; nothing is guessed or mended here."""
        with translating(self.name, self.base_url):
            completion = self._client.chat.completions.create(
                model=self.name, messages=_plain(messages), response_format=_response_format(schema)
            )
        _note_usage(usage, completion)
        return _parse(completion, schema, self.name)

    def _open_stream(self, messages: Sequence[Message]) -> Any:
        return self._client.chat.completions.create(
            model=self.name, messages=_plain(messages), stream=True, stream_options={"include_usage": True}
        )

    @property
    def _client(self) -> openai.OpenAI:
        client: openai.OpenAI = self.__dict__["_client"]
        return client


@dataclass(frozen=True)
class Embeddings:
    """An embedding model at an address."""

    name: str
    api_key: str | None = field(repr=False)
    base_url: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_client", _client(self.api_key, self.base_url, retries=1))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order."""
        with translating(self.name, self.base_url):
            client: openai.OpenAI = self.__dict__["_client"]
            answer = client.embeddings.create(model=self.name, input=list(texts))
        if len(answer.data) != len(texts):
            raise BadAnswer(f"{self.name} gave {len(answer.data)} vectors for {len(texts)} texts.")
        return [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]


def chat_model(settings: Settings) -> Model | None:
    """The model that replies, or None where none is configured."""
    if not settings.has_model:
        return None
    return Model(settings.chat_model, settings.openai_api_key, settings.openai_base_url)


def memory_model(settings: Settings) -> Model | None:
    """The model that decides what to remember; its worker retries by itself, later."""
    if not settings.has_model:
        return None
    name = settings.memory_model or settings.chat_model
    return Model(name, settings.openai_api_key, settings.openai_base_url, retries=0)


@contextmanager
def translating(name: str, base_url: str | None) -> Iterator[None]:
    """Turn openai's errors into ours."""
    where = f"{name} at {base_url}" if base_url else name
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnreachable(f"{where} did not answer in time.") from error
    except openai.APIConnectionError as error:
        raise ModelUnreachable(f"{where} could not be reached: check OPENAI_BASE_URL and that it runs.") from error
    except openai.APIStatusError as error:
        raise _status_error(where, error) from error
    except openai.APIError as error:
        raise ModelError(f"{where} broke off with an error.") from error
    except openai.OpenAIError as error:
        raise ModelError(f"{where} could not be used: {error}") from error


def _status_error(where: str, error: openai.APIStatusError) -> ModelError:
    match error.status_code:
        case 401 | 403:
            return ModelRefused(f"{where} refused the API key: check OPENAI_API_KEY.")
        case 404:
            return ModelRefused(f"{where} was not found: check CHAT_MODEL and OPENAI_BASE_URL.")
        case 429:
            wait = _retry_after(error)
            return ModelBusy(f"{where} is busy, or its credit is used up. Try again {_soon(wait)}.", wait)
        case status if status >= 500:
            return ModelUnreachable(f"{where} has a problem of its own ({status}). Try again in a moment.")
        case status:
            return ModelRefused(f"{where} did not accept the request ({status}).")


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _soon(wait: float | None) -> str:
    return f"in {wait:.0f} seconds" if wait else "in a moment"


def _client(api_key: str | None, base_url: str | None, retries: int) -> openai.OpenAI:
    # A local server needs no key, but the client insists on one.
    return openai.OpenAI(
        api_key=api_key or "none",
        base_url=base_url,
        max_retries=retries,
        timeout=openai.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
    )


def _plain(messages: Sequence[Message]) -> Any:
    return [{"role": message.role, "content": message.content} for message in messages]


def _response_format(schema: type[BaseModel]) -> Any:
    described = schema.model_json_schema()
    return {
        "type": "json_schema",
        "json_schema": {"name": schema.__name__, "schema": described, "strict": True},
    }


def _parse(completion: Any, schema: type[Schema], name: str) -> Schema:
    if not completion.choices:
        raise BadAnswer(f"{name} answered with nothing.")
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise BadAnswer(f"{name}'s answer was cut off.")
    if getattr(choice.message, "refusal", None):
        raise BadAnswer(f"{name} refused to answer.")
    try:
        return schema.model_validate_json(choice.message.content or "")
    except ValidationError as error:
        raise BadAnswer(f"{name}'s answer does not have the form that was asked for.") from error


def _note_usage(usage: Usage | None, answer: Any) -> None:
    spent = getattr(answer, "usage", None)
    if usage is None or spent is None:
        return
    usage.model = answer.model
    usage.prompt_tokens += spent.prompt_tokens or 0
    usage.reply_tokens += spent.completion_tokens or 0
