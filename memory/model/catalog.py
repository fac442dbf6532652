"""The models that an address offers, what each takes, and the price of a call.

The list is requested once every few minutes and kept for the process. Few addresses say which models take pictures; of
the others it is known once somebody has sent one. Which ones know no tools is known once they refused some. Prices come
from the settings.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import ModelError
from . import Model, Usage

__all__ = ["ModelCatalog", "Prices", "for_chat", "prices_of"]

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
    pictures: Mapping[str, bool | None] = field(default_factory=dict)


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
        self._tried: dict[str, bool] = {}
        self._without_tools: set[str] = set()

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

    def takes_pictures(self, name: str) -> bool | None:
        """Return whether a model takes pictures; None if nothing is known. This asks nobody."""
        listed = self._cached.pictures.get(name) if self._cached else None
        return self._tried.get(name, listed)

    def note_pictures(self, name: str, *, taken: bool) -> None:
        """Note that a model took pictures, or refused them."""
        self._tried[name] = taken

    def takes_tools(self, name: str) -> bool:
        """Return whether a model may be offered tools: False once it refused them."""
        return name not in self._without_tools

    def note_tools_refused(self, name: str) -> None:
        """Note that a model, or its server, knows no tools."""
        self._without_tools.add(name)

    def _ask(self, model: Model) -> _CachedList:
        try:
            listed = model.listed()
        except ModelError as error:
            return _CachedList((), error, self._clock() + FAILURE_SECONDS)
        return _CachedList(_with(model.name, for_chat(listed)), None, self._clock() + LIST_SECONDS, listed)


def for_chat(names: Iterable[str]) -> list[str]:
    """Return the names of the models that may be made for chats, in order."""
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
