"""A turn to proposed operations: by one call of the memory model, or by plain rules where there is none.

It proposes only. What is believed is decided by reconcile.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory import prompts, rules
from memory.facts import Fact, Proposal, Said
from model import Model
from plaintext import comparable

__all__ = ["propose", "worth_reading"]

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{2,}")
_SMALL_TALK = frozenset(
    "hi hello hey thanks thank you thx ok okay yes no yep nope sure great cool nice good morning evening night bye "
    "please go on continue more again lol haha wow hmm well right exactly perfect awesome danke hallo ja nein merci "
    "bonjour oui non gracias hola si vale grazie ciao so very much".split()
)


def worth_reading(said: Sequence[Said]) -> bool:
    """Whether the person said anything that could be kept; thanks and greetings cost no model call."""
    for each in said:
        if each.role == "user":
            words = _WORD.findall(comparable(each.content))
            if any(word not in _SMALL_TALK for word in words) and len(words) > 1:
                return True
    return False


def propose(said: Sequence[Said], near: Sequence[Fact], model: Model | None) -> list[Proposal]:
    """What to change, as far as this turn says."""
    if model is None:
        return rules.propose(said)
    answer = model.answer(prompts.remember(said, near), prompts.Answer)
    return [
        Proposal(
            action=operation.action,
            text=operation.text,
            kind=operation.kind,
            quote=operation.quote,
            target=operation.target,
            happened_at=operation.happened_at,
            language=operation.language,
            reason=operation.reason,
        )
        for operation in answer.operations
        if operation.action != "none"
    ]
