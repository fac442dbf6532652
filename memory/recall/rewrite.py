"""Rewrites questions that refer to what was said before ("and there?", "why?") so that they stand alone.

Most questions stand alone, and cost nothing here. Without a model, the person's last message is put before the
question; if the model fails, the question stays as it is. This module looks nothing up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import BaseModel, Field

from ..errors import ModelError
from ..facts import Said
from ..language.word_lists import FOLLOW_UP_OPENERS, FOLLOW_UP_PHRASES, POINTING_WORDS
from ..language.words import words
from ..model import Model, PromptMessage

__all__ = ["refers_back", "standalone"]

log = logging.getLogger("keepsake.memory")
MAX_WORDS = 8  # of a question that refers back
MAX_MESSAGES = 4  # that the model gets
MAX_CHARACTERS = 600  # of each message, and of the answer

INSTRUCTIONS = """Rewrite the person's last message as one question that can be understood without the conversation: \
put in the names, places and things that its words point to. Keep its language and its meaning, add nothing else. \
If it already stands alone, repeat it."""


class StandaloneQuestion(BaseModel):
    """The question, rewritten so that it can be understood alone."""

    question: str = Field(min_length=1)


def refers_back(question: str) -> bool:
    """Return whether a question is short and points at something outside of itself."""
    spoken = words(question)
    if not spoken or len(spoken) > MAX_WORDS:
        return False
    names = any(word[:1].isupper() for word in question.split()[1:])
    opens = spoken[0] in FOLLOW_UP_OPENERS or " ".join(spoken).startswith(FOLLOW_UP_PHRASES)
    return not names and (len(spoken) <= 2 or opens or bool(POINTING_WORDS & set(spoken)))


def standalone(question: str, before: Sequence[Said], model: Model | None) -> str:
    """Return the question in a form that can be searched for; unchanged if it does not refer back."""
    if not before or not refers_back(question):
        return question
    if model is None:
        last = next((each.content for each in reversed(before) if each.role == "user"), "")
        return f"{last[:MAX_CHARACTERS]} {question}".strip()
    shown = "\n".join(f"{each.role}: {each.content[:MAX_CHARACTERS]}" for each in before[-MAX_MESSAGES:])
    prompt = [
        PromptMessage("system", INSTRUCTIONS),
        PromptMessage("user", f"{shown}\n\nLast message: {question}"),
    ]
    try:
        return model.answer(prompt, StandaloneQuestion).question[:MAX_CHARACTERS].strip() or question
    except ModelError as error:
        log.warning("a question could not be rewritten and is searched as it is: %s", error)
        return question
