"""Recalling: one question, one embedding call, one trip to the database, a ranked list.

The model is asked only where a question leans on what was said before it ("and there?"); if that fails, the
question is taken as it stands. It writes nothing; what the channels find is the database's work (app.recall),
how it is weighed is rank.py's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..database import Database
from ..dates.spans import Span, spans
from ..embed import Embedder
from ..facts import Fact, Said
from ..filters import Filter
from ..language.words import content_words, words
from ..model import Model
from ..rows.people import People
from ..rows.store import RecallQuery, Store
from . import rewrite
from .rank import Candidate, Recipe, rank, recipe_named, related, within
from .rerank import Reranker, reranked

__all__ = ["PROBES", "Query", "Recall", "noise_of"]

MOST_GRAMS = 60
# The database picks by a first, coarse sum; what is weighed here may still change places.
SPARE, AT_LEAST, AT_MOST = 4, 40, 1_000
STANDING = 12


@dataclass(frozen=True)
class Query:
    """What is asked, and how: everything a caller may say of one recall."""

    text: str
    user_id: str
    limit: int = 10
    recipe: str | Recipe = "everything"
    conditions: Filter | None = None
    as_of: datetime | None = None
    before: Sequence[Said] = ()  # what was said before it, for a question that leans on that
    without: Collection[str] = ()  # ids of memories to do without
    standing: int = 0  # how many of what holds whatever is asked


class Recall:
    """Finds what one person's memory holds about a question."""

    def __init__(
        self, database: Database, store: Store, embedder: Embedder, model: Model | None, reranker: Reranker | None
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._people = People(database)
        self._model = model
        self._reranker = reranker
        self._noise: float | None = None

    def find(self, question: Query) -> list[Fact]:
        """The best first; nothing rather than noise. What stands whatever is asked comes last, without a score."""
        recipe, now = recipe_named(question.recipe), datetime.now(UTC)
        asked = rewrite.whole(question.text, question.before, self._model)
        vector, noise = self._embedded(asked)
        named, zone = self._days(asked, question.user_id, now)
        wanted = min(AT_MOST, max(AT_LEAST, SPARE * question.limit)) + len(question.without)
        found, standing = self._store.recall(
            RecallQuery(
                user_id=question.user_id,
                text=_without_days(asked, named),
                names=names_in(asked),
                vector=vector,
                grams=_grams(asked),
                days=[(each.start, each.end) for each in named],
                conditions=question.conditions,
                sources=recipe.sources,
                weights=recipe.weights,
                wanted=wanted,
                zone=zone,
                as_of=question.as_of,
                standing=STANDING if question.standing else 0,
            )
        )
        found = [each for each in found if each.id not in question.without]
        best = self._ranked(found, asked, recipe, noise, now, question.limit, named)
        return best + _also([each for each in standing if each.id not in question.without], best, question.standing)

    def _ranked(
        self,
        found: list[Candidate],
        asked: str,
        recipe: Recipe,
        noise: float,
        now: datetime,
        limit: int,
        named: Sequence[Span],
    ) -> list[Fact]:
        if related(found, noise) < recipe.threshold and not _only_days(asked, named, found):
            return []
        if self._reranker is None:
            return rank(found, asked, recipe, now, limit)
        more = rank(found, asked, replace(recipe, share=0.0, budget=4 * recipe.budget), now, 3 * limit)
        return within(reranked(self._reranker, asked, more), recipe.budget, limit)

    def _embedded(self, asked: str) -> tuple[list[float], float]:
        """The question's vector, and what a cosine is worth; the first question of all carries the probes along."""
        if self._noise is None:
            vector, *probes = self._embedder.embed([asked, *PROBES])
            self._noise = noise_of(probes)
        else:
            [vector] = self._embedder.embed([asked])
        return vector, self._noise

    def _days(self, asked: str, user_id: str, now: datetime) -> tuple[tuple[Span, ...], str]:
        """The days it names, and the person's timezone, which is looked up only where it matters."""
        if not spans(asked, now):
            return (), "UTC"
        person = self._people.get(user_id)
        return spans(asked, now.astimezone(person.zone)), person.timezone


def _without_days(asked: str, named: Sequence[Span]) -> str:
    """The question's words to look for; "in May 2023" is looked up in the calendar."""
    for each in named:
        asked = asked.replace(each.text, " ")
    return asked


def _only_days(asked: str, named: Sequence[Span], found: Sequence[Candidate]) -> bool:
    """Whether it asks for nothing but a time ("what did I do yesterday?") from which there is something."""
    rest = content_words(_without_days(asked, named)) - _ASKING
    return bool(named) and not rest and any(each.dated == 1 for each in found)


# A question in German has a capital letter on every noun, which then says nothing.
_GERMAN = frozenset("der die das den dem ein eine einen ist war hat habe ich mein meine wo was wie wann wer".split())


def names_in(asked: str) -> str:
    """The words that a capital letter within a sentence makes out as names."""
    if _GERMAN & set(words(asked)):
        return ""
    after = re.findall(r"(?<![.!?])\s+[\"'“(]*([^\W\d_][\w'’-]*)", asked)
    return " ".join(word for word in after if word[:1].isupper() and content_words(word) - _ASKING)


_ASKING = frozenset(
    "what who where how when which did do does happened happen happening went go tell said say talk talked about you "
    "remember know was gab gemacht passiert habe getan fait passé hice pasó".split()
)


def _grams(asked: str) -> list[str]:
    """The words of the question, alone and in twos and threes, as names are compared."""
    spoken = [word.removesuffix("'s") for word in words(asked)]
    telling = content_words(" ".join(spoken))
    grams = [word for word in spoken if word in telling]
    grams += [" ".join(spoken[start : start + size]) for size in (2, 3) for start in range(len(spoken) - size + 1)]
    return list(dict.fromkeys(grams))[:MOST_GRAMS]


def _also(standing: Sequence[Fact], best: Sequence[Fact], most: int) -> list[Fact]:
    known = {each.id for each in best}
    return [each for each in standing if each.id not in known][:most]


_QUESTIONS = (
    "Where does Tom work?",
    "What is Omar allergic to?",
    "Which instrument does Paul play?",
    "When is Lena's wedding?",
    "What car does Victor drive?",
    "Which language is Mia learning?",
    "How old is Felix's son?",
    "Why is Eva moving house?",
)
_STATEMENTS = (
    "Nora adopted a grey cat from the shelter.",
    "Ruth spent two weeks hiking in Norway.",
    "Clara made a mushroom risotto for her guests.",
    "Hugo can't put down a novel about the Arctic.",
    "Ben joined a rowing club this spring.",
    "Alice had the tiles fixed by her neighbour.",
    "Sam goes fishing at the lake to calm down.",
    "Ingrid is in her second year of medicine.",
)
PROBES = _QUESTIONS + _STATEMENTS


def noise_of(vectors: Sequence[Sequence[float]]) -> float:
    """The mean cosine of the probes' questions with their statements, none of which answers any; never below 0."""
    questions, statements = vectors[: len(_QUESTIONS)], vectors[len(_QUESTIONS) :]
    cosines = [_cosine(one, other) for one in questions for other in statements]
    return min(0.95, max(0.0, sum(cosines) / len(cosines)))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = float(sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0
