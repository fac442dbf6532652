"""Which models an address offers to choose from, and what a reply by one costs.

The list is asked for once in some minutes and kept for the process. No price is guessed.
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

GOOD_FOR, BAD_FOR = 600.0, 30.0  # seconds until the list is asked for anew, and after a failure
MOST, LONGEST = 200, 200
# Made for something else, by what their makers call them.
_NO_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|moderation|rerank|transcribe|realtime|image|audio|speech|sora|diffusion|bge-|guard"
    r"|^(?:davinci|babbage)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Answer:
    names: tuple[str, ...]
    error: ModelError | None
    until: float


class ModelCatalog:
    """The names of the models that a person may choose, or why there are none."""

    def __init__(
        self, model: Model | None, named: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._named = tuple(filter(None, (each.strip() for each in (named or "").split(","))))
        self._clock = clock
        self._asking = threading.Lock()
        self._answer: _Answer | None = None

    def names(self) -> tuple[str, ...]:
        """In their order, the deployment's own among them; raises a `ModelError` where the list cannot be had."""
        if self._model is None:
            return ()
        if self._named:
            return _with(self._model.name, self._named)
        with self._asking:
            if self._answer is None or self._clock() >= self._answer.until:
                self._answer = self._ask(self._model)
            answer = self._answer
        if answer.error is not None:
            # A new one each time: many threads would hang their traces on one and the same.
            raise type(answer.error)(str(answer.error)) from answer.error
        return answer.names

    def has(self, name: str) -> bool:
        """Whether a model may be used; where the list cannot be had, the model's own answer will tell."""
        try:
            return name in self.names()
        except ModelError:
            return True

    def _ask(self, model: Model) -> _Answer:
        try:
            names = _with(model.name, _chatting(model.listed()))
        except ModelError as error:
            return _Answer((), error, self._clock() + BAD_FOR)
        return _Answer(names, None, self._clock() + GOOD_FOR)


def _chatting(names: Iterable[str]) -> list[str]:
    fit = {each for each in names if each.isprintable() and 0 < len(each) <= LONGEST and not _NO_CHAT.search(each)}
    return sorted(fit, key=lambda each: (each.casefold(), each))[:MOST]


def _with(own: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names with the deployment's own, which may be an alias that no list has."""
    return tuple(dict.fromkeys([own, *names]))


MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Dollars for a million tokens read and written by one model."""

    model: str
    per_read: float
    per_written: float

    def cost(self, usage: Usage) -> float | None:
        """What a call cost; None for another model than the one whose price is known, and where nothing was counted."""
        # A server may name the model with the day of its version behind it.
        if not re.fullmatch(re.escape(self.model) + r"(-[\d-]+)?", usage.model):
            return None
        if not usage.prompt_tokens + usage.reply_tokens:
            return None
        return (usage.prompt_tokens * self.per_read + usage.reply_tokens * self.per_written) / MILLION


def prices_of(model: str, per_read: float | None, per_written: float | None) -> Prices | None:
    """The prices of a model, in dollars for a million tokens; None where they are not told."""
    return None if per_read is None or per_written is None else Prices(model, per_read, per_written)
