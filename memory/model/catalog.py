"""The models that an address offers, and the price of a call.

The list is requested once every few minutes and kept for the process. Prices come from the settings.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import ModelError
from . import Model, Usage

__all__ = ["ModelCatalog", "Prices", "prices_of"]

LIST_SECONDS, FAILURE_SECONDS = 600.0, 30.0  # how long a list is kept, and how long a failure
MAX_NAMES, MAX_NAME = 200, 200
# Names of models that are not made for chats.
_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|moderation|rerank|transcribe|realtime|image|audio|speech|sora|diffusion|bge-|guard"
    r"|^(?:davinci|babbage)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _CachedList:
    names: tuple[str, ...]
    error: ModelError | None
    until: float


class ModelCatalog:
    """The models that a person may choose from."""

    def __init__(
        self, model: Model | None, named: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._named = tuple(filter(None, (each.strip() for each in (named or "").split(","))))
        self._clock = clock
        self._asking = threading.Lock()
        self._cached: _CachedList | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names in order, the configured model first; raise `ModelError` if the list cannot be read."""
        if self._model is None:
            return ()
        if self._named:
            return _with(self._model.name, self._named)
        with self._asking:
            if self._cached is None or self._clock() >= self._cached.until:
                self._cached = self._ask(self._model)
            cached = self._cached
        if cached.error is not None:
            # A new error each time, because each thread that raises an error adds its traceback to it.
            raise type(cached.error)(str(cached.error)) from cached.error
        return cached.names

    def has(self, name: str) -> bool:
        """Return whether a model may be used; True if the list cannot be read."""
        try:
            return name in self.names()
        except ModelError:
            return True

    def _ask(self, model: Model) -> _CachedList:
        try:
            names = _with(model.name, _for_chat(model.listed()))
        except ModelError as error:
            return _CachedList((), error, self._clock() + FAILURE_SECONDS)
        return _CachedList(names, None, self._clock() + LIST_SECONDS)


def _for_chat(names: Iterable[str]) -> list[str]:
    fit = {
        name for name in names if name.isprintable() and 0 < len(name) <= MAX_NAME and not _NOT_FOR_CHAT.search(name)
    }
    return sorted(fit, key=lambda each: (each.casefold(), each))[:MAX_NAMES]


def _with(own: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names with the configured one first, which may be an alias that is not listed."""
    return tuple(dict.fromkeys([own, *names]))


MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """The price of one model in dollars for a million tokens read, and written."""

    model: str
    per_read: float
    per_written: float

    def cost(self, usage: Usage) -> float | None:
        """Return what a call cost; None for another model, and for a call without counts."""
        # A server may add the date of the version to the model's name.
        if not re.fullmatch(re.escape(self.model) + r"(-[\d-]+)?", usage.model):
            return None
        if not usage.prompt_tokens + usage.reply_tokens:
            return None
        return (usage.prompt_tokens * self.per_read + usage.reply_tokens * self.per_written) / MILLION


def prices_of(model: str, per_read: float | None, per_written: float | None) -> Prices | None:
    """Return the prices of a model in dollars for a million tokens; None if they are not configured."""
    return None if per_read is None or per_written is None else Prices(model, per_read, per_written)
