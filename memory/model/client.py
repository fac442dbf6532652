"""Calls models at any address with OpenAI's protocol: a streamed reply, a structured answer, and embeddings.

This module and errors.py, which turns openai's errors into `ModelError`s, are the only importers of openai. It does not
decide what to say to a model.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2
import openai
from pydantic import BaseModel, ValidationError

from ..errors import BadAnswer, ModelError, ModelUnreachable, NotAModel
from . import PromptMessage, Schema, Usage
from .errors import (
    EMBED_SETTINGS,
    Choice,
    Completion,
    ModelListing,
    ModelPlace,
    VectorAnswer,
    ask_if_wanted,
    check_address,
    is_about,
    pictures_refused,
    refuses_pictures,
    refuses_tools,
    tools_refused,
    translating,
)
from .serving import NOT_WANTED, still_wanted

__all__ = ["MEMORY_SECONDS", "Embeddings", "OpenAIModel"]

CONNECT_SECONDS = 10.0
LISTING_SECONDS = 3.0  # a person waits for a page meanwhile
SILENCE_SECONDS = 60.0
WORDLESS_SECONDS = 900.0  # before the first word, and between two
# A structured answer arrives only when it is complete. No person waits for it.
MEMORY_SECONDS = 180.0


@dataclass(frozen=True)
class OpenAIModel:
    """A chat model at an address that speaks OpenAI's protocol.

    `retries` is for calls that a person waits for; background workers retry later by themselves. `patience` is for
    silence, `wordless` for a model that thinks or calls tools, in seconds.
    """

    name: str
    api_key: str | None = field(repr=False)
    base_url: str | None = None
    retries: int = 1
    patience: float = SILENCE_SECONDS
    wordless: float = WORDLESS_SECONDS
    # What sentences about failures call the key, the name and the address.
    called: tuple[str, str, str] = ("OPENAI_API_KEY", "CHAT_MODEL", "OPENAI_BASE_URL")
    _client: openai.OpenAI = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_client", _client(self.api_key, self.base_url, self.retries, self.patience))

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Yield the reply piece by piece; raise a `ModelError` if it breaks off, or if nothing comes."""
        spoke = finished = False
        with translating(self._place), self._open_stream(messages) as chunks:
            for _, read in self._while_wanted(chunks):
                _note_usage(usage, read)
                for choice in read.choices or []:
                    finished = finished or choice.finish_reason is not None
                    if usage is not None and choice.finish_reason == "length":
                        usage.cut_off = True
                    # A refusal comes in the model's own words, which are its reply.
                    if choice.delta and (words := choice.delta.content or choice.delta.refusal):
                        spoke = True
                        yield words
        if not spoke:
            advice = f"Check {self._place.address}, and the model's name."
            raise BadAnswer(f"{self._place} sent an empty reply. Try again in a minute.", advice=advice)
        if not finished:
            raise self._was_cut()

    def relay(
        self, messages: Sequence[PromptMessage], options: Mapping[str, Any], usage: Usage | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the pieces of a reply as the server sends them, asked for with more options of the protocol."""
        finished = False
        with translating(self._place), self._open_stream(messages, **options) as chunks:
            for chunk, read in self._while_wanted(chunks):
                _note_usage(usage, read)
                finished = finished or any(each.finish_reason is not None for each in read.choices or [])
                yield chunk.to_dict(mode="json", warnings=False)  # what it has instead of what it should is passed on
        if not finished:
            raise self._was_cut()

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Return one answer that fits the schema, or raise `BadAnswer`; wrong answers are not repaired."""
        with translating(self._place):
            completion = Completion.model_validate(self._ask_for(messages, schema), from_attributes=True)
        _note_usage(usage, completion)
        return _parse(completion, schema, self.name)

    def listed(self) -> dict[str, bool | None]:
        """Return all models at the same address, whatever they are for: whether each takes pictures, where it says."""
        with translating(self._place):
            client = self._client.with_options(timeout=LISTING_SECONDS, max_retries=0)
            # Read as a plain object: `models.list()` fails at an answer that is not a list.
            listing = ModelListing.model_validate(client.get("/models", cast_to=object))
        return {each.id: each.takes_pictures for each in listing.data}

    def named(self, name: str) -> OpenAIModel:
        """Return another model at the same address, over the same connections."""
        other = copy(self)
        object.__setattr__(other, "name", name)
        return other

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _while_wanted(self, chunks: Iterable[Any]) -> Iterator[tuple[Any, Completion]]:
        """Yield the pieces of a stream; hang up once nobody wants them, or if they bring no word for too long."""
        give_up = time.monotonic() + self.wordless
        try:
            for chunk in chunks:
                if not still_wanted():
                    raise ModelError(NOT_WANTED)
                read = Completion.model_validate(chunk, from_attributes=True)
                if any(choice.says_something for choice in read.choices or []):
                    give_up = time.monotonic() + self.wordless
                elif time.monotonic() > give_up:
                    minutes = round(self.wordless / 60)
                    raise ModelUnreachable(f"{self.name} was busy for {minutes} minutes without a word. Try again.")
                yield chunk, read
        except openai.APITimeoutError:
            raise
        except openai.APIConnectionError as error:
            raise self._was_cut() from error

    def _was_cut(self) -> ModelUnreachable:
        return ModelUnreachable(f"The connection to {self.name} was cut before the reply was complete. Try again.")

    def _open_stream(self, messages: Sequence[PromptMessage], **options: Any) -> Any:
        try:
            return self._ask(messages, stream=True, stream_options={"include_usage": True}, **options)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not is_about("stream_options", error):
                raise
            return self._ask(messages, stream=True, **options)

    def _ask_for(self, messages: Sequence[PromptMessage], schema: type[BaseModel]) -> Any:
        """Ask for an answer in a schema; a server that knows no schemas is asked in words."""
        described = schema.model_json_schema()
        strictly = {"name": schema.__name__, "schema": described, "strict": True}
        try:
            return self._ask(messages, response_format={"type": "json_schema", "json_schema": strictly})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not is_about("response_format", error):
                raise
            first, *others = messages
            words = f"Answer with one JSON object that fits this JSON schema:\n{json.dumps(described)}"
            prompt = [PromptMessage(first.role, f"{first.content}\n\n{words}"), *others]
            return self._ask(prompt, response_format={"type": "json_object"})

    def _ask(self, messages: Sequence[PromptMessage], **options: Any) -> Any:
        written: Any = [message.written() for message in messages]
        try:
            return self._client.chat.completions.create(model=self.name, messages=written, **options)
        except openai.APIStatusError as error:
            if options.get("tools") and refuses_tools(error):
                raise tools_refused(self._place, error) from error
            if any(message.picture_count for message in messages) and refuses_pictures(error):
                raise pictures_refused(self._place) from error
            raise

    @property
    def _place(self) -> ModelPlace:
        return ModelPlace(self.name, self.base_url, *self.called)


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
        """Return one vector for each text, in order."""
        with translating(ModelPlace(self.name, self.base_url, *EMBED_SETTINGS)):
            # As numbers, because not every server knows the base64 that the client would ask for.
            # The client would make an object of each number: many times slower than reading the answer here.
            asked = self._client.embeddings.with_raw_response
            answer = asked.create(model=self.name, input=list(texts), encoding_format="float")
            vectors = VectorAnswer.model_validate_json(answer.content).data
        if len(vectors) != len(texts):
            raise NotAModel(f"{self.name} gave {len(vectors)} vectors for {len(texts)} texts.")
        return [each.embedding for each in sorted(vectors, key=lambda each: each.index or 0)]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _client(
    api_key: str | None, base_url: str | None, retries: int, patience: float = SILENCE_SECONDS
) -> openai.OpenAI:
    check_address(api_key, base_url)
    # A local server needs no key, but the client requires one.
    return openai.OpenAI(
        api_key=api_key or "none",
        base_url=base_url,
        max_retries=retries,
        timeout=openai.Timeout(patience, connect=CONNECT_SECONDS),
        http_client=openai.DefaultHttpxClient(verify=_certificates(), event_hooks={"request": [ask_if_wanted]}),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that servers are checked by. All models share them: to read them takes 40 ms."""
    return httpx2.create_ssl_context()


def _parse(completion: Completion, schema: type[Schema], name: str) -> Schema:
    choice = completion.choices[0] if completion.choices else Choice()
    if choice.message is None:
        raise BadAnswer(f"{name} answered with nothing.")
    if choice.finish_reason == "length":
        raise BadAnswer(f"{name}'s answer was cut off.", choice.message.content or "")
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise BadAnswer(f"{name} refused to answer.")
    try:
        return schema.model_validate_json(choice.message.content or "")
    except ValidationError as error:
        content = choice.message.content or ""
        raise BadAnswer(f"{name}'s answer does not have the requested form.", content) from error


def _note_usage(usage: Usage | None, answer: Completion) -> None:
    """Set the latest counts: some servers send them once, others send a running total with each piece."""
    if usage is None or answer.usage is None:
        return
    usage.model = answer.model or usage.model
    usage.prompt_tokens = answer.usage.prompt_tokens or 0
    usage.reply_tokens = answer.usage.completion_tokens or 0
