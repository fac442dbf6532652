"""Ranks candidates: sums the weighted parts of each, drops repeats, and keeps what fits the token budget.

Pure functions. The part of each channel is between 0 and 1 and weighted by the recipe; the sum orders the list, and
every result can show its parts. Ranks are not added up as in rank fusion: that gives a weak channel as much influence
as a strong one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import InvalidInput
from ..facts import Fact
from ..language.word_lists import ASKS_WHEN, TIME_WORDS
from ..language.words import content_words, words
from ..plain_text import tokens

__all__ = ["RECIPES", "Candidate", "Recipe", "asks_when", "rank", "recipe_named", "related", "within"]

WEIGHTS = {
    "meaning": 1.0,  # similarity of the vectors
    "words": 2.2,  # shared words, in the row or in the messages next to it
    "dated": 1.0,  # about a day that the question names
    "linked": 0.8,  # about an entity that the question names, or a related one
    "speaker": 0.4,  # said by someone whom the question names
    "timed": 0.3,  # tells a time, if the question asks for one
    "substance": 0.15,  # longer than a word or two
    "question": -0.2,  # is itself a question
    "episode": -0.1,  # is an episode, of which no memory was made
    "assistant": -0.15,  # was said by the assistant
    "recent": 0.05,
    "confirmed": 0.05,
}
UNKNOWN_NAME = 0.36  # subtracted from the relatedness if the question names someone of whom nothing is known


@dataclass(frozen=True)
class Recipe:
    """How to recall: where to look, how to weigh, how related results must be, and how much to return."""

    name: str
    sources: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    threshold: float = 0.17  # how related the best of some 600 rows must be for anything to be returned
    share: float = 0.2  # of the best score: results below it are not worth their tokens
    budget: int = 2_000  # tokens


RECIPES = {
    each.name: each
    for each in (
        Recipe("facts", ("memories",)),
        Recipe("everything", ("memories", "episodes")),
        Recipe("strict", ("memories", "episodes"), threshold=0.3, share=0.6, budget=800),
    )
}


@dataclass(frozen=True)
class Candidate:
    """A row with what every channel found; `app.recall` explains the fields."""

    source: str
    id: str
    metadata: Mapping[str, Any]
    meaning: float
    relative: float
    words: float
    covered: float
    dated: float
    linked: float
    of_words: float
    strangers: int
    held: int


def recipe_named(recipe: Recipe | str) -> Recipe:
    """Return the recipe with this name, or the caller's own recipe."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise InvalidInput(f"There is no recipe {recipe!r}; choose one of {', '.join(sorted(RECIPES))}.")
    return RECIPES[recipe]


def related(candidates: Sequence[Candidate], floor: float) -> float:
    """Return how likely the question is about any candidate; `Recipe.threshold` says what is enough.

    `floor` is the cosine that unrelated texts have under this embedding model. The more rows there are, the better
    the best one must be, because some row is close to any question by chance.
    """
    if not candidates:
        return 0.0
    best = max(_relatedness(each, floor) for each in candidates)
    chance = math.sqrt(math.log(1 + candidates[0].held) / math.log(1 + 600))
    return best / chance


def _relatedness(candidate: Candidate, floor: float) -> float:
    near = max(0.0, (candidate.meaning - floor) / (1 - floor))
    covered = candidate.covered / candidate.of_words if candidate.of_words else 0.0
    # A question about someone of whom nothing is known is most likely about no candidate.
    return near + 0.3 * covered + 0.2 * candidate.linked - (UNKNOWN_NAME if candidate.strangers else 0.0)


def rank(candidates: Sequence[Candidate], question: str, recipe: Recipe, now: datetime, limit: int) -> list[Fact]:
    """Return the candidates as results, best first: no repeats, none far below the best, within the budget."""
    asked = _QuestionWords.of(question)
    scored = sorted((_scored(each, asked, recipe, now) for each in _no_echoes(candidates)), key=_order)
    best = [each for each in scored if _sum(each) >= recipe.share * _sum(scored[0])]
    return within(best, recipe.budget, limit)


def within(facts: Sequence[Fact], budget: int, limit: int) -> list[Fact]:
    """Return the first results that do not repeat one another, up to the limit and the budget of tokens."""
    kept: list[Fact] = []
    kept_words: list[set[str]] = []
    for fact in facts:
        if len(kept) == limit:
            break
        own_words, cost = content_words(fact.text), tokens(fact.text)
        if (kept and cost > budget) or any(_repeats(own_words, other) for other in kept_words):
            continue
        budget -= cost
        kept.append(fact)
        kept_words.append(own_words)
    return kept


def _no_echoes(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Leave out replies that repeat a memory among the candidates: it was learned from their turn, or they used it."""
    memories = {each.id for each in candidates if each.source == "memories"}
    turns = {_text(each, "message_id") for each in candidates if each.source == "memories"} - {""}
    return [
        candidate
        for candidate in candidates
        if candidate.metadata.get("role") != "assistant"
        or candidate.source == "memories"
        or not (memories & _used(candidate) or _text(candidate, "turn") in turns)
    ]


def _used(candidate: Candidate) -> set[str]:
    """Return the ids of the memories that a reply was given."""
    used = candidate.metadata.get("used")
    return {one for one in used if isinstance(one, str)} if isinstance(used, list) else set()


def _text(candidate: Candidate, key: str) -> str:
    """Return a text of a row, which another program may have written in any form."""
    value = candidate.metadata.get(key)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class _QuestionWords:
    """The names in a question, and whether it asks for a time."""

    names: frozenset[str]
    when: bool

    @classmethod
    def of(cls, question: str) -> _QuestionWords:
        return cls(frozenset(words(question.replace("'s", " ").replace("’s", " "))), asks_when(question))


def _scored(candidate: Candidate, asked: _QuestionWords, recipe: Recipe, now: datetime) -> Fact:
    parts = {
        "meaning": candidate.relative,
        "words": candidate.words,
        "dated": candidate.dated,
        "linked": candidate.linked,
        **_of_row(candidate, asked),
        "recent": _recent(candidate.metadata, now),
        "confirmed": float(_text(candidate, "confirmed_at") > _text(candidate, "created_at")),
    }
    full = recipe.weights["meaning"] + recipe.weights["words"]
    weighted = {name: round(recipe.weights[name] * part / full, 4) for name, part in parts.items() if part}
    score = round(min(1.0, max(0.0, sum(weighted.values()))), 4)
    return Fact(
        candidate.id, candidate.metadata, score, candidate.source, weighted | {"cosine": round(candidate.meaning, 4)}
    )


def _of_row(candidate: Candidate, asked: _QuestionWords) -> dict[str, float]:
    """Return the parts that depend on the row itself."""
    text = str(candidate.metadata.get("data", ""))
    said = candidate.source == "episodes" or "role" in candidate.metadata
    speaker = str(candidate.metadata.get("actor_id", "")).casefold().split(" ")[0]
    return {
        "speaker": float(bool(speaker) and speaker in asked.names),
        "timed": float(asked.when and _tells_time(text)),
        "substance": min(1.0, len(text) / 200) if said else 1.0,
        "question": float(said and text.rstrip().endswith(("?", "？"))),
        "episode": float(candidate.source == "episodes"),
        "assistant": float(candidate.metadata.get("role") == "assistant"),
    }


def _recent(metadata: Mapping[str, Any], now: datetime) -> float:
    """Return 1 for a row that was written just now, half of it after three months."""
    try:
        then = datetime.fromisoformat(str(metadata.get("updated_at") or metadata.get("created_at")))
    except ValueError:
        return 0.0
    then = then.replace(tzinfo=UTC) if then.tzinfo is None else then
    return math.exp2(-max(0.0, (now - then).total_seconds()) / (90 * 86_400))


def _repeats(one: set[str], other: set[str]) -> bool:
    """Return whether two results share nine tenths of their words."""
    return bool(one) and len(one & other) >= 0.9 * len(one | other)


def _sum(fact: Fact) -> float:
    """Return the sum that orders the list; unlike the score that is shown, it may exceed 1."""
    return sum(part for name, part in (fact.parts or {}).items() if name != "cosine")


def _order(fact: Fact) -> tuple[float, str]:
    return -_sum(fact), fact.id


def _tells_time(text: str) -> bool:
    """Return whether a text names a time, by a word or by a year."""
    spoken = {word.strip(".,;:!?()\"'") for word in text.casefold().split()}
    return not TIME_WORDS.isdisjoint(spoken) or any(len(word) == 4 and word.isdigit() for word in spoken)


def asks_when(question: str) -> bool:
    """Return whether a question asks for a time."""
    return bool(ASKS_WHEN.search(question))
