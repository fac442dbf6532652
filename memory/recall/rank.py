"""From what the channels found to a ranked list: fusing, small factors, no repeats, a budget. Pure.

Each channel's part is between 0 and 1 and weighed by the recipe; their sum orders the list, and every result
can show its parts. Ranks are not added up: with the same say for every place, the better channel loses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import InvalidInput
from ..facts import Fact
from ..language.words import content_words, words
from ..plain_text import tokens

__all__ = ["RECIPES", "Candidate", "Recipe", "asks_when", "rank", "recipe_named", "related", "within"]

WEIGHTS = {
    "meaning": 1.0,  # the vectors
    "words": 2.2,  # the words, with those of the neighbours of what was said
    "dated": 1.0,  # of a day that the question names
    "linked": 0.8,  # about somebody or something it names, or what is related to it
    "speaker": 0.4,  # said by whom it names
    "timed": 0.3,  # tells a time, where the question asks for one
    "substance": 0.15,  # says more than a word or two
    "question": -0.2,  # asks rather than tells
    "episode": -0.1,  # was said, and nobody has made a memory of it
    "assistant": -0.15,  # were the assistant's words
    "recent": 0.05,
    "confirmed": 0.05,
}
STRANGER = 0.36  # less sure by this, where somebody is named who stands nowhere


@dataclass(frozen=True)
class Recipe:
    """How to recall, as data: where to look, what each channel weighs, how sure to be, how much to give."""

    name: str
    sources: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    threshold: float = 0.17  # how related the best must be, among some 600 rows, for anything to be given
    share: float = 0.2  # of the best's score, below which a result is not worth its tokens
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
    """A row with what every channel found; see app.recall for what each means."""

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
    """A recipe by its name, or one of the caller's own."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise InvalidInput(f"There is no recipe {recipe!r}: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[recipe]


def related(found: Sequence[Candidate], noise: float) -> float:
    """How sure it is that the question is about anything here: the recipe says what is enough.

    `noise` is the cosine that unrelated texts have under this embedding model. The more there is to choose
    from, the better the best has to be: some row comes near to any question by chance.
    """
    if not found:
        return 0.0
    best = max(_related(each, noise) for each in found)
    chance = math.sqrt(math.log(1 + found[0].held) / math.log(1 + 600))
    return best / chance


def _related(each: Candidate, noise: float) -> float:
    near = max(0.0, (each.meaning - noise) / (1 - noise))
    covered = each.covered / each.of_words if each.of_words else 0.0
    # Whoever is named and stands nowhere here is most likely somebody else's affair.
    return near + 0.3 * covered + 0.2 * each.linked - (STRANGER if each.strangers else 0.0)


def rank(found: Sequence[Candidate], question: str, recipe: Recipe, now: datetime, limit: int) -> list[Fact]:
    """The candidates as results, best first: without repeats, without what is far behind the best, in budget."""
    asked = _Asked.of(question)
    scored = sorted((_scored(each, asked, recipe, now) for each in _no_echoes(found)), key=_order)
    best = [each for each in scored if _sum(each) >= recipe.share * _sum(scored[0])]
    return within(best, recipe.budget, limit)


def within(facts: Sequence[Fact], budget: int, limit: int) -> list[Fact]:
    """The first of these that do not repeat one another, as many as were asked for, and as fit into so many tokens."""
    kept: list[Fact] = []
    told: list[set[str]] = []
    for each in facts:
        if len(kept) == limit:
            break
        says, cost = content_words(each.text), tokens(each.text)
        if (kept and cost > budget) or any(_repeats(says, other) for other in told):
            continue
        budget -= cost
        kept.append(each)
        told.append(says)
    return kept


def _no_echoes(found: Sequence[Candidate]) -> list[Candidate]:
    """Without the replies that only repeat a memory which is found itself: it was learned there, or given to them."""
    memories = {each.id for each in found if each.source == "memories"}
    turns = {_text(each, "message_id") for each in found if each.source == "memories"} - {""}
    return [
        each
        for each in found
        if each.metadata.get("role") != "assistant"
        or each.source == "memories"
        or not (memories & _used(each) or _text(each, "turn") in turns)
    ]


def _used(each: Candidate) -> set[str]:
    """The memories that a reply was given."""
    used = each.metadata.get("used")
    return {one for one in used if isinstance(one, str)} if isinstance(used, list) else set()


def _text(each: Candidate, key: str) -> str:
    """A value of a row; others may have written it, in whatever form."""
    value = each.metadata.get(key)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class _Asked:
    """What the question's own words ask for."""

    names: frozenset[str]
    when: bool

    @classmethod
    def of(cls, question: str) -> _Asked:
        return cls(frozenset(words(question.replace("'s", " ").replace("’s", " "))), asks_when(question))


def _scored(each: Candidate, asked: _Asked, recipe: Recipe, now: datetime) -> Fact:
    found = {
        "meaning": each.relative,
        "words": each.words,
        "dated": each.dated,
        "linked": each.linked,
        **_of_row(each, asked),
        "recent": _recent(each.metadata, now),
        "confirmed": float(_text(each, "confirmed_at") > _text(each, "created_at")),
    }
    full = recipe.weights["meaning"] + recipe.weights["words"]
    parts = {name: round(recipe.weights[name] * part / full, 4) for name, part in found.items() if part}
    score = round(min(1.0, max(0.0, sum(parts.values()))), 4)
    return Fact(each.id, each.metadata, score, each.source, parts | {"cosine": round(each.meaning, 4)})


def _of_row(each: Candidate, asked: _Asked) -> dict[str, float]:
    """What the row itself says, apart from how it fits."""
    text = str(each.metadata.get("data", ""))
    said = each.source == "episodes" or "role" in each.metadata
    speaker = str(each.metadata.get("actor_id", "")).casefold().split(" ")[0]
    return {
        "speaker": float(bool(speaker) and speaker in asked.names),
        "timed": float(asked.when and _tells_time(text)),
        "substance": min(1.0, len(text) / 200) if said else 1.0,
        "question": float(said and text.rstrip().endswith(("?", "？"))),
        "episode": float(each.source == "episodes"),
        "assistant": float(each.metadata.get("role") == "assistant"),
    }


def _recent(metadata: Mapping[str, Any], now: datetime) -> float:
    """1 for what was kept just now, half of it after three months."""
    try:
        then = datetime.fromisoformat(str(metadata.get("updated_at") or metadata.get("created_at")))
    except ValueError:
        return 0.0
    then = then.replace(tzinfo=UTC) if then.tzinfo is None else then
    return math.exp2(-max(0.0, (now - then).total_seconds()) / (90 * 86_400))


def _repeats(one: set[str], other: set[str]) -> bool:
    """Whether two results say the same, but for a word in ten."""
    return bool(one) and len(one & other) >= 0.9 * len(one | other)


def _sum(each: Fact) -> float:
    """What orders the list; the score that is shown ends at 1."""
    return sum(part for name, part in (each.parts or {}).items() if name != "cosine")


def _order(each: Fact) -> tuple[float, str]:
    return -_sum(each), each.id


_WHEN = re.compile(
    r"\b(when|how long|what (?:date|day|month|year|time)|which (?:date|day|month|year)|since when|how (?:many|much) "
    r"(?:days|weeks|months|years|time)|wann|seit wann|wie lange|an welchem tag|quand|depuis quand|combien de temps|"
    r"cuándo|desde cuándo|cuánto tiempo)\b",
    re.IGNORECASE,
)
_TIMES = frozenset(
    "yesterday today tomorrow tonight last next ago weekend weekends week weeks month months year years day days "
    "morning mornings recently since soon monday mondays tuesday tuesdays wednesday wednesdays thursday thursdays "
    "friday fridays saturday saturdays sunday sundays january february march april june july august september "
    "october november december gestern heute morgen vorgestern letzte letzten letzter letztes nächste nächsten "
    "nächster nächstes seit vor woche wochen monat monate monaten jahr jahre jahren tag tage tagen hier demain "
    "aujourd'hui dernier dernière prochain prochaine semaine semaines mois an ans année années jour jours depuis "
    "ayer hoy mañana pasado pasada próximo próxima semana semanas mes meses año años día días desde hace".split()
)


def _tells_time(text: str) -> bool:
    """Whether a text names a time, by a word or by a year."""
    spoken = {word.strip(".,;:!?()\"'") for word in text.casefold().split()}
    return not _TIMES.isdisjoint(spoken) or any(len(word) == 4 and word.isdigit() for word in spoken)


def asks_when(question: str) -> bool:
    """Whether a question asks for a time."""
    return bool(_WHEN.search(question))
