"""Turns openai's errors into ours, and reads what servers answer, since they differ in detail.

All sentences about models that failed are here. They tell anybody what to do; the setting to check is the error's
`advice`, for the log. It calls no model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat

from ..errors import (
    TELL,
    ContentRefused,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnreachable,
    NotAModel,
    PicturesRefused,
    SettingsError,
    ToolsRefused,
)
from ..telemetry.figures import note_error
from .serving import NOT_WANTED, still_wanted

__all__ = [
    "EMBED_SETTINGS",
    "Choice",
    "Completion",
    "ModelListing",
    "ModelPlace",
    "VectorAnswer",
    "ask_if_wanted",
    "check_address",
    "is_about",
    "pictures_refused",
    "refuses_pictures",
    "refuses_tools",
    "tools_refused",
    "translating",
]

log = logging.getLogger("keepsake.model")
# What anybody can do about a failure: wait. TELL is for those that only the settings can mend.
LATER = "Try again in a minute."
MOST_TOKENS = 100_000_000  # of one call; a server that tells more tells no count
MAX_PAUSE = 86_400.0  # seconds; a server that asks for a longer pause is called again after a day


@dataclass(frozen=True)
class ModelPlace:
    """A model, its address, and the names of the settings that configure them, for the sentences about failures."""

    model: str
    base_url: str | None
    key: str = "OPENAI_API_KEY"
    name: str = "CHAT_MODEL"
    address: str = "OPENAI_BASE_URL"

    def __str__(self) -> str:
        return self.model  # the address is only for the operator, in the log

    @property
    def where(self) -> str:
        """The address as it may be logged."""
        if self.base_url is None:
            return "its usual address"
        # A password before the host and a key after the path are left out.
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


EMBED_SETTINGS = ("OPENAI_API_KEY or EMBED_API_KEY", "EMBED_MODEL", "OPENAI_BASE_URL or EMBED_BASE_URL")


def ask_if_wanted(_request: object) -> None:
    """Refuse a request that is no longer wanted; the client calls this before each try."""
    if not still_wanted():
        raise ModelError(NOT_WANTED)


@contextmanager
def translating(place: ModelPlace) -> Iterator[None]:
    """Turn openai's errors into ours, and errors in reading an answer too."""
    try:
        with _translating(place):
            yield
    except ModelError as error:
        note_error(error)
        log.warning("at %s: %s", place.where, error.for_deployer())
        raise


@contextmanager
def _translating(place: ModelPlace) -> Iterator[None]:
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnreachable(f"{place} did not answer in time. {LATER}") from error
    except openai.APIConnectionError as error:
        raise ModelUnreachable(f"{place} could not be reached. {LATER}", advice=f"Check {place.address}.") from error
    except openai.APIStatusError as error:
        raise _status_error(place, error) from error
    except openai.OpenAIError as error:
        raise ModelError(f"{place} stopped with an error. {LATER}") from error
    except ValueError as error:  # not JSON, not base64, or JSON of another shape
        raise NotAModel(
            f"{place} gave an answer that cannot be used. {TELL}", advice=f"Check {place.address}: is it a model?"
        ) from error


def _status_error(place: ModelPlace, error: openai.APIStatusError) -> ModelError:
    match error.status_code:
        case 401 | 403:
            return ModelRefused(f"{place} refused the API key. {TELL}", advice=f"Check {place.key}.")
        case 404:
            return ModelRefused(f"{place} was not found. {TELL}", advice=f"Check {place.name}, and {place.address}.")
        case 405 | 501:
            advice = f"Check {place.name}, and {place.address}."
            return ModelRefused(f"{place} cannot do what was asked. {TELL}", advice=advice)
        case 402 | 429:
            wait = _retry_after(error)
            soon = f"in {wait:.0f} seconds" if wait and wait >= 1 else "in a minute"
            return ModelBusy(f"{place} is busy, or its credit is used up. Try again {soon}.", wait)
        case status if status >= 500:
            return ModelUnreachable(f"{place} is having problems ({status}). {LATER}")
        case status:
            sentence = f"{place} did not accept the request ({status})."
            return ContentRefused(sentence) if _is_the_requests_fault(error) else ModelRefused(sentence)


def _is_the_requests_fault(error: openai.APIStatusError) -> bool:
    """Return whether the same request would be refused again, whatever key, model name and credit come with it."""
    return error.status_code in (400, 413, 414, 422) and not any(is_about(each, error) for each in _NOT_THE_REQUEST)


# What servers that answer 400 to everything say of a wrong key, an unknown model or missing credit.
_NOT_THE_REQUEST = (
    *("api_key", "billing", "quota", "credit", "invalid_model", "valid_model", "unknown_model", "decommissioned"),
    *("model_not", "model_is_not", "model_does_not"),
)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Return the seconds that a server asks to wait; None if it says none, or names a date."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, MAX_PAUSE) if seconds >= 0 else None


def is_about(option: str, error: openai.APIStatusError) -> bool:
    """Return whether a server refused this option; servers word that differently."""
    return option in str(error).lower().replace(" ", "_")


def refuses_pictures(error: openai.APIStatusError) -> bool:
    """Return whether a request was refused because of its pictures; servers word that differently, or not at all."""
    if error.status_code in (400, 415, 422):
        # Pictures are the likeliest reason, unless the server names another one.
        return not any(is_about(option, error) for option in ("stream_options", "response_format", "context_length"))
    message = str(error).lower()
    return error.status_code in (404, 500, 501) and any(word in message for word in ("image", "vision", "multimodal"))


def pictures_refused(place: ModelPlace) -> PicturesRefused:
    """Return the error for a model that accepts only text."""
    return PicturesRefused(
        f"{place} did not accept the picture: it may only read text. Your message and its files are saved. "
        "Ask again in words.",
        advice=f"Let {place.name} name a model that reads pictures.",
    )


def refuses_tools(error: openai.APIStatusError) -> bool:
    """Return whether a request was refused because of its tools, in the words of the server."""
    return error.status_code in (400, 404, 405, 422, 500, 501) and is_about("tool", error)


def tools_refused(place: ModelPlace, error: openai.APIStatusError) -> ToolsRefused:
    """Return the error for a model that knows no tools, or whose server could not read its own call of one."""
    sentence = f"{place} did not accept the tools of this request: it may not know any."
    return ToolsRefused(sentence, for_good=not is_about("pars", error))


def check_address(api_key: str | None, base_url: str | None) -> None:
    """Raise `SettingsError` for a key or an address that cannot work."""
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise SettingsError("The model's API key has a character that no key has: copy it again.")
    try:
        parts = urlsplit(base_url or "https://openai")
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:  # an unclosed bracket, or a port that is not a number
        valid = False
    if not valid:
        raise SettingsError("The model's address is not valid: it should look like http://localhost:11434/v1.")


class _Text(BaseModel):
    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    """One alternative of an answer; only one is requested."""

    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None

    @property
    def says_something(self) -> bool:
        """Whether a piece of a reply has words for the person."""
        return self.delta is not None and bool(self.delta.content or self.delta.refusal)


def _counted(told: Any) -> int | None:
    """Return a count of tokens; None for what cannot be one, which then counts as not reported."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= MOST_TOKENS:
        return None
    return int(told)


def _counts(told: Any) -> Any:
    """Return what a server tells about tokens; None if it is no object."""
    return None if isinstance(told, str | int | float | list) else told


class _TokenCounts(BaseModel):
    prompt_tokens: Annotated[int | None, BeforeValidator(_counted)] = None
    completion_tokens: Annotated[int | None, BeforeValidator(_counted)] = None


class Completion(BaseModel):
    """The part of an answer, or of a piece of one, that is read; servers may differ in the rest."""

    model: str | None = None
    choices: list[Choice] | None = None
    usage: Annotated[_TokenCounts | None, BeforeValidator(_counts)] = None


class _IndexedVector(BaseModel):
    index: int | None = None
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)]


class VectorAnswer(BaseModel):
    """The part of an answer with vectors that is read."""

    data: list[_IndexedVector]


class _Listed(BaseModel):
    id: str
    architecture: Any = None  # OpenRouter's
    capabilities: Any = None  # Mistral's

    @property
    def takes_pictures(self) -> bool | None:
        """Whether the list says that this model takes pictures; None if it does not say."""
        if isinstance(self.architecture, dict) and isinstance(taken := self.architecture.get("input_modalities"), list):
            return "image" in taken
        if isinstance(self.capabilities, dict) and isinstance(sees := self.capabilities.get("vision"), bool):
            return sees
        return None


class ModelListing(BaseModel):
    """The part of a list of models that is read."""

    data: list[_Listed]
