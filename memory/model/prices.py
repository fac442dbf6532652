"""What a reply cost in money, where whoever runs this app has said what its model costs. It guesses no price."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memory.model import Usage
from settings import Settings

__all__ = ["Prices", "prices_of"]

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


def prices_of(settings: Settings) -> Prices | None:
    """The prices of the model that replies, or None where they are not told."""
    if settings.price_in is None or settings.price_out is None:
        return None
    return Prices(settings.chat_model, settings.price_in, settings.price_out)
