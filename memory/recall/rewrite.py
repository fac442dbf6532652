"""Questions that lean on what was said before ("and there?", "why?"), made to stand alone by one short model call.

Most questions do not lean, and cost nothing here. Without a model the person's last words are put before the
question; where the model fails, the question stays as it is. It looks nothing up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import BaseModel, Field

from ..errors import ModelError
from ..facts import Said
from ..language.words import words
from ..model import Model, PromptMessage

__all__ = ["leans", "whole"]

log = logging.getLogger("keepsake.memory")
SHORT = 8
SHOWN = 4  # messages before the question
LONGEST = 600  # characters of each, and of what comes back

_POINTING = frozenset(
    "it that this those these there then they them he him his she her hers one ones same other "
    "er sie ihn ihm ihr dort da das dies diese dieser davon damit dazu "
    "il elle lui ça cela celui celle y en là él ella ello eso esto allí ahí ese esa aquel".split()
)
_OPENERS = frozenset("and but so why also und aber warum et mais pourquoi y pero".split())
_BEGINNINGS = ("what about", "how about", "was ist mit", "wie steht", "qu'en est", "por qué", "qué hay")

INSTRUCTIONS = """Rewrite the person's last message as one question that can be understood without the conversation: \
put in the names, places and things that its words point to. Keep its language and its meaning, add nothing else. \
If it already stands alone, repeat it."""


class Standalone(BaseModel):
    """The question, so that it can be understood alone."""

    question: str = Field(min_length=1)


def leans(question: str) -> bool:
    """Whether a question is short and points at something outside of itself."""
    spoken = words(question)
    if not spoken or len(spoken) > SHORT:
        return False
    named = any(word[:1].isupper() for word in question.split()[1:])
    opens = spoken[0] in _OPENERS or " ".join(spoken).startswith(_BEGINNINGS)
    return not named and (len(spoken) <= 2 or opens or bool(_POINTING & set(spoken)))


def whole(question: str, before: Sequence[Said], model: Model | None) -> str:
    """The question as it can be looked up; itself where it does not lean, or nothing was said before."""
    if not before or not leans(question):
        return question
    if model is None:
        last = next((each.content for each in reversed(before) if each.role == "user"), "")
        return f"{last[:LONGEST]} {question}".strip()
    told = "\n".join(f"{each.role}: {each.content[:LONGEST]}" for each in before[-SHOWN:])
    asked = [PromptMessage("system", INSTRUCTIONS), PromptMessage("user", f"{told}\n\nLast message: {question}")]
    try:
        return model.answer(asked, Standalone).question[:LONGEST].strip() or question
    except ModelError as error:
        log.warning("a question was looked up as it stands: %s", error)
        return question
