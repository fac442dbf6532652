"""The only importer of openai: a streamed reply, a structured answer, and embeddings, from any compatible address.

Vendor errors become `errors.ModelError`s here, with the sentence a person needs. It knows nothing of
memories or chats: what to say to a model is decided elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from errors import BadAnswer, ModelBusy, ModelError, ModelRefused, ModelUnreachable, SettingsError
from settings import Settings

__all__ = ["Embeddings", "Message", "Model", "Usage", "chat_model", "memory_model"]

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
LONGEST_REST = 86_400.0  # seconds; a server that asks for more is asked again after a day
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
    _client: openai.OpenAI = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_client", _client(self.api_key, self.base_url, self.retries))

    def stream(self, messages: Sequence[Message], usage: Usage | None = None) -> Iterator[str]:
        """Yield the reply piece by piece; raise a `ModelError` if it breaks off, or if nothing comes."""
        spoke = finished = False
        with translating(self._place), self._open_stream(messages) as chunks:
            for chunk in chunks:
                read = _Completion.model_validate(chunk, from_attributes=True)
                _note_usage(usage, read)
                for choice in read.choices or []:
                    finished = finished or choice.finish_reason is not None
                    if choice.delta and choice.delta.content:
                        spoke = True
                        yield choice.delta.content
        if not spoke:
            raise BadAnswer(f"{self._place} replied with nothing: check {self._place.address}, and the model's name.")
        if not finished:
            raise ModelUnreachable(f"The connection to {self.name} was cut before the reply was complete.")

    def answer(self, messages: Sequence[Message], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """One answer that fits the schema, or `BadAnswer`; nothing is guessed or mended here."""
        with translating(self._place):
            completion = _Completion.model_validate(self._ask_for(messages, schema), from_attributes=True)
        _note_usage(usage, completion)
        return _parse(completion, schema, self.name)

    def _open_stream(self, messages: Sequence[Message]) -> Any:
        try:
            return self._ask(messages, stream=True, stream_options={"include_usage": True})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not _is_about("stream_options", error):
                raise
            return self._ask(messages, stream=True)

    def _ask_for(self, messages: Sequence[Message], schema: type[BaseModel]) -> Any:
        """Ask for an answer in a schema; in words, of a server that knows no schemas."""
        described = schema.model_json_schema()
        strictly = {"name": schema.__name__, "schema": described, "strict": True}
        try:
            return self._ask(messages, response_format={"type": "json_schema", "json_schema": strictly})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not _is_about("response_format", error):
                raise
            return self._ask(_with_schema(messages, described), response_format={"type": "json_object"})

    def _ask(self, messages: Sequence[Message], **options: Any) -> Any:
        plain: Any = [{"role": message.role, "content": message.content} for message in messages]
        return self._client.chat.completions.create(model=self.name, messages=plain, **options)

    @property
    def _place(self) -> _Place:
        return _Place(self.name, self.base_url)


@dataclass(frozen=True)
class Embeddings:
    """An embedding model at an address."""

    name: str
    api_key: str | None = field(repr=False)
    base_url: str | None = None
    _client: openai.OpenAI = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_client", _client(self.api_key, self.base_url, retries=1))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order."""
        with translating(_Place(self.name, self.base_url, *_EMBED_SETTINGS)):
            # As numbers: not every server knows the base64 that the client would ask for.
            given = self._client.embeddings.create(model=self.name, input=list(texts), encoding_format="float")
            vectors = _Vectors.model_validate(given, from_attributes=True).data
        if len(vectors) != len(texts):
            raise BadAnswer(f"{self.name} gave {len(vectors)} vectors for {len(texts)} texts.")
        return [each.embedding for each in sorted(vectors, key=lambda each: each.index or 0)]


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


@dataclass(frozen=True)
class _Place:
    """Which model, where, and the settings that say so: what the sentence for a failure needs."""

    model: str
    base_url: str | None
    key: str = "OPENAI_API_KEY"
    name: str = "CHAT_MODEL"
    address: str = "OPENAI_BASE_URL"

    def __str__(self) -> str:
        if self.base_url is None:
            return self.model
        # An address may carry a password before its host or a key behind its path: neither is told.
        parts = urlsplit(self.base_url)
        return f"{self.model} at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


_EMBED_SETTINGS = ("OPENAI_API_KEY or EMBED_API_KEY", "EMBED_MODEL", "OPENAI_BASE_URL or EMBED_BASE_URL")


@contextmanager
def translating(place: _Place) -> Iterator[None]:
    """Turn openai's errors into ours, and what it lets through of answers that are not what they should be."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnreachable(f"{place} did not answer in time.") from error
    except openai.APIConnectionError as error:
        raise ModelUnreachable(
            f"{place} could not be reached, or hung up: check {place.address} and that it runs."
        ) from error
    except openai.APIStatusError as error:
        raise _status_error(place, error) from error
    except openai.APIError as error:
        raise ModelError(f"{place} broke off with an error.") from error
    except openai.OpenAIError as error:
        raise ModelError(f"{place} could not be used: check the settings of the model.") from error
    except ValueError as error:  # not JSON, not base64, or JSON of another shape
        raise BadAnswer(f"{place} answered, but not as a model does: check {place.address}.") from error


def _status_error(place: _Place, error: openai.APIStatusError) -> ModelError:
    match error.status_code:
        case 401 | 403:
            return ModelRefused(f"{place} refused the API key: check {place.key}.")
        case 404:
            return ModelRefused(f"{place} was not found: check {place.name}, and {place.address}.")
        case 405 | 501:
            return ModelRefused(f"{place} cannot do what was asked: check {place.name}, and {place.address}.")
        case 402 | 429:
            wait = _retry_after(error)
            return ModelBusy(f"{place} is busy, or its credit is used up. Try again {_soon(wait)}.", wait)
        case status if status >= 500:
            return ModelUnreachable(f"{place} has a problem of its own ({status}). Try again in a moment.")
        case status:
            return ModelRefused(f"{place} did not accept the request ({status}).")


def _retry_after(error: openai.APIStatusError) -> float | None:
    """The seconds a server asks to wait. A date, or what is no length of time, counts as not said."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, LONGEST_REST) if seconds >= 0 else None


def _soon(wait: float | None) -> str:
    return f"in {wait:.0f} seconds" if wait and wait >= 1 else "in a moment"


def _is_about(option: str, error: openai.APIStatusError) -> bool:
    """Whether a server refused this option; servers spell that in their own ways."""
    return option in str(error).lower().replace(" ", "_")


def _client(api_key: str | None, base_url: str | None, retries: int) -> openai.OpenAI:
    _check(api_key, base_url)
    # A local server needs no key, but the client insists on one.
    return openai.OpenAI(
        api_key=api_key or "none",
        base_url=base_url,
        max_retries=retries,
        timeout=openai.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
    )


def _check(api_key: str | None, base_url: str | None) -> None:
    """Raise `SettingsError` for what would only fail later, and then not in a sentence."""
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise SettingsError("The model's API key has a character that no key has: copy it again.")
    if base_url is not None and not _has_host(base_url):
        raise SettingsError("The model's address makes no sense: it should look like http://localhost:11434/v1.")


def _has_host(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, or a port that is no number
        return False


def _with_schema(messages: Sequence[Message], described: dict[str, Any]) -> list[Message]:
    first, *others = messages
    words = f"{first.content}\n\nAnswer with one JSON object that fits this JSON schema:\n{json.dumps(described)}"
    return [Message(first.role, words), *others]


def _parse(completion: _Completion, schema: type[Schema], name: str) -> Schema:
    choice = completion.choices[0] if completion.choices else _Choice()
    if choice.message is None:
        raise BadAnswer(f"{name} answered with nothing.")
    if choice.finish_reason == "length":
        raise BadAnswer(f"{name}'s answer was cut off.")
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise BadAnswer(f"{name} refused to answer.")
    try:
        return schema.model_validate_json(choice.message.content or "")
    except ValidationError as error:
        raise BadAnswer(f"{name}'s answer does not have the form that was asked for.") from error


def _note_usage(usage: Usage | None, answer: _Completion) -> None:
    """The latest counts hold: some servers send them once, others a running total with each piece."""
    if usage is None or answer.usage is None:
        return
    usage.model = answer.model or usage.model
    usage.prompt_tokens = answer.usage.prompt_tokens or 0
    usage.reply_tokens = answer.usage.completion_tokens or 0


class _Words(BaseModel):
    """A message, or a piece of one."""

    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    delta: _Words | None = None
    message: _Words | None = None
    finish_reason: str | None = None


class _Spent(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """What is read of an answer, or of a piece of one; in all the rest, servers may differ."""

    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Spent | None = None


class _Vector(BaseModel):
    index: int | None = None
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)]


class _Vectors(BaseModel):
    data: list[_Vector]
