"""The edge of the model room: openai's errors become ours, and what servers answer is read with care.

Every sentence about a model that failed is written here. It makes no call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, FiniteFloat

from ..errors import BadAnswer, ModelBusy, ModelError, ModelRefused, ModelUnreachable, PicturesRefused, SettingsError

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
    "translating",
    "while_wanted",
]

log = logging.getLogger("keepsake.model")
LONGEST_REST = 86_400.0  # seconds; a server that asks for more is asked again after a day


@dataclass(frozen=True)
class ModelPlace:
    """Which model, where, and the settings that say so: what the sentence for a failure needs."""

    model: str
    base_url: str | None
    key: str = "OPENAI_API_KEY"
    name: str = "CHAT_MODEL"
    address: str = "OPENAI_BASE_URL"

    def __str__(self) -> str:
        return self.model  # where it is, is the operator's business: the log says it

    @property
    def where(self) -> str:
        """The address, as the log may have it."""
        if self.base_url is None:
            return "its usual address"
        # It may carry a password before its host or a key behind its path: neither is told.
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


EMBED_SETTINGS = ("OPENAI_API_KEY or EMBED_API_KEY", "EMBED_MODEL", "OPENAI_BASE_URL or EMBED_BASE_URL")


_WANTED: ContextVar[Callable[[], bool]] = ContextVar("wanted")


@contextmanager
def while_wanted(wanted: Callable[[], bool]) -> Iterator[None]:
    """Let nothing be asked from here, of any model, once it is not wanted any more: a client tries again by itself."""
    before = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(before)


def ask_if_wanted(_request: object) -> None:
    """Called by the client before each request, also a second try of one."""
    if not _WANTED.get(lambda: True)():
        raise ModelError("Nobody waits for this reply any more.")


@contextmanager
def translating(place: ModelPlace) -> Iterator[None]:
    """Turn openai's errors into ours, and what it lets through of answers that are not what they should be."""
    try:
        with _translating(place):
            yield
    except ModelError as error:
        log.warning("at %s: %s", place.where, error)
        raise


@contextmanager
def _translating(place: ModelPlace) -> Iterator[None]:
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnreachable(f"{place} did not answer in time.") from error
    except openai.APIConnectionError as error:
        raise ModelUnreachable(f"{place} hung up or could not be reached: check {place.address}.") from error
    except openai.APIStatusError as error:
        raise _status_error(place, error) from error
    except openai.OpenAIError as error:
        raise ModelError(f"{place} broke off with an error.") from error
    except ValueError as error:  # not JSON, not base64, or JSON of another shape
        raise BadAnswer(f"{place} answered, but not as a model does: check {place.address}.") from error


def _status_error(place: ModelPlace, error: openai.APIStatusError) -> ModelError:
    match error.status_code:
        case 401 | 403:
            return ModelRefused(f"{place} refused the API key: check {place.key}.")
        case 404:
            return ModelRefused(f"{place} was not found: check {place.name}, and {place.address}.")
        case 405 | 501:
            return ModelRefused(f"{place} cannot do what was asked: check {place.name}, and {place.address}.")
        case 402 | 429:
            wait = _retry_after(error)
            soon = f"in {wait:.0f} seconds" if wait and wait >= 1 else "in a moment"
            return ModelBusy(f"{place} is busy, or its credit is used up. Try again {soon}.", wait)
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


def is_about(option: str, error: openai.APIStatusError) -> bool:
    """Whether a server refused this option; servers spell that in their own ways."""
    return option in str(error).lower().replace(" ", "_")


def refuses_pictures(error: openai.APIStatusError) -> bool:
    """Whether a request with pictures was refused because of them; servers say it in many ways, or not at all."""
    if error.status_code in (400, 415, 422):
        # Pictures are what is unusual about the request, unless the server says it is something else.
        return not any(is_about(option, error) for option in ("stream_options", "response_format", "context_length"))
    said = str(error).lower()
    return error.status_code in (404, 500, 501) and any(word in said for word in ("image", "vision", "multimodal"))


def pictures_refused(place: ModelPlace) -> PicturesRefused:
    """The sentence for a model that takes words only."""
    return PicturesRefused(
        f"{place} did not take the picture: it may be a model for words only. Your message and its files are kept; "
        f"ask again in words, or let {place.name} name a model that sees."
    )


def check_address(api_key: str | None, base_url: str | None) -> None:
    """Raise `SettingsError` for what would only fail later, and then not in a sentence."""
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise SettingsError("The model's API key has a character that no key has: copy it again.")
    try:
        parts = urlsplit(base_url or "https://openai")
        sensible = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, or a port that is no number
        sensible = False
    if not sensible:
        raise SettingsError("The model's address makes no sense: it should look like http://localhost:11434/v1.")


class _Words(BaseModel):
    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    """One way an answer goes on; the only one, since only one is asked for."""

    delta: _Words | None = None
    message: _Words | None = None
    finish_reason: str | None = None


class _Spent(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """What is read of an answer, or of a piece of one; in all the rest, servers may differ."""

    model: str | None = None
    choices: list[Choice] | None = None
    usage: _Spent | None = None


class _Vector(BaseModel):
    index: int | None = None
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)]


class VectorAnswer(BaseModel):
    """What is read of an answer with vectors."""

    data: list[_Vector]


class _Listed(BaseModel):
    id: str


class ModelListing(BaseModel):
    """What is read of a list of models."""

    data: list[_Listed]
