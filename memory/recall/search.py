"""Recall: embeds a question once, asks the database once, and ranks what it finds.

The model is asked only to rewrite a question that refers to what was said before it ("and there?"). Finding the
candidates is the database's work (`app.recall`), and weighing them is rank.py's. This module writes nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from ..database import Database
from ..dates.spans import Span, spans
from ..embed import Embedder
from ..errors import ModelError
from ..facts import Correction, Fact, Said
from ..filters import Filter
from ..index.asking import NearestIds
from ..language.word_lists import (
    ASKS_ABOUT_SELF,
    FOLLOW_UP_OPENERS,
    FOLLOW_UP_PHRASES,
    GERMAN_WORDS,
    POINTING_WORDS,
    QUESTION_WORDS,
)
from ..language.words import content_words, words
from ..learn.episodes import episode_id
from ..model import Model, PromptMessage
from ..model.serving import serving
from ..rows.people import People
from ..rows.recall_query import RecallQuery
from ..rows.store import Store
from ..telemetry.figures import RECALL
from .rank import (
    Candidate,
    Recipe,
    rank,
    recipe_named,
    related,
    with_corrections,
    with_neighbours,
    with_room,
    with_what_stands,
    within,
    without_removed,
)
from .rerank import Reranker, reranked

__all__ = [
    "PROBES",
    "REPLY_RESULTS",
    "REPLY_STANDING",
    "Query",
    "Recall",
    "asks_about_self",
    "refers_back",
    "similarity_floor",
    "standalone",
]

log = logging.getLogger("keepsake.memory")
MAX_FOLLOW_UP_WORDS = 8  # of a question that refers back
MAX_MESSAGES_BEFORE = 4  # that the model gets
MAX_CHARACTERS_BEFORE = 600  # of each message, and of the answer

REWRITE_INSTRUCTIONS = """\
Rewrite the person's last message as one question that can be understood without the conversation: \
put in the names, places and things that its words point to. Keep its language and its meaning, add nothing else. \
If it already stands alone, repeat it."""


class StandaloneQuestion(BaseModel):
    """The question, rewritten so that it can be understood alone."""

    question: str = Field(min_length=1)


def refers_back(question: str) -> bool:
    """Return whether a question is short and points at something outside of itself."""
    spoken = words(question)
    if not spoken or len(spoken) > MAX_FOLLOW_UP_WORDS:
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
        return f"{last[:MAX_CHARACTERS_BEFORE]} {question}".strip()
    shown = "\n".join(f"{each.role}: {each.content[:MAX_CHARACTERS_BEFORE]}" for each in before[-MAX_MESSAGES_BEFORE:])
    prompt = [
        PromptMessage("system", REWRITE_INSTRUCTIONS),
        PromptMessage("user", f"{shown}\n\nLast message: {question}"),
    ]
    try:
        return model.answer(prompt, StandaloneQuestion).question[:MAX_CHARACTERS_BEFORE].strip() or question
    except ModelError as error:
        log.warning("a question could not be rewritten and is searched as it is: %s", error)
        return question


REPLY_RESULTS = 40  # for a reply, as far as they fit into the budget of the recipe
REPLY_STANDING = 12  # instructions that are given to a reply, and as many memories that are always included
MAX_GRAMS = 60
# The database selects by a coarse sum and ranking may change the order, so it returns more candidates than results.
CANDIDATES_PER_RESULT, MIN_CANDIDATES, MAX_CANDIDATES = 4, 40, 1_000
MIN_NEAREST = 100  # memories that an index is asked for; it is asked for twice as many as candidates


@dataclass(frozen=True)
class Query:
    """A question, and the options of its search."""

    text: str
    user_id: str
    limit: int = 10
    recipe: str | Recipe = "everything"
    conditions: Filter | None = None
    as_of: datetime | None = None
    before: Sequence[Said] = ()  # messages before the question, to which it may refer
    without: Collection[str] = ()  # ids of memories to leave out
    # How many instructions, and how many always included memories, to add; as many of the newest, if the question is
    # about the person.
    standing: int = 0


class Recall:
    """Finds the memories and episodes that answer a question."""

    def __init__(
        self,
        database: Database,
        store: Store,
        embedder: Embedder,
        model: Model | None,
        reranker: Reranker | None,
        index: NearestIds | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._people = People(database)
        self._model = model
        self._reranker = reranker
        self._index = index
        self._floor: float | None = None

    @property
    def has_reranker(self) -> bool:
        """Whether what is found is put in order once more."""
        return self._reranker is not None

    def find(self, query: Query) -> list[Fact]:
        """Return related results, best first, or none; standing memories come last, without a score."""
        with serving(query.user_id), RECALL.timed():
            return self._find(query)

    def _find(self, query: Query) -> list[Fact]:
        recipe, now = recipe_named(query.recipe), datetime.now(UTC)
        question = standalone(query.text, query.before, self._model)
        vector, floor = self._embed(question)
        named, zone = self._days(question, query.user_id, now)
        wanted = min(MAX_CANDIDATES, max(MIN_CANDIDATES, CANDIDATES_PER_RESULT * query.limit)) + len(query.without)
        found = self._store.recall(
            RecallQuery(
                user_id=query.user_id,
                text=_without_days(question, named),
                names=names_in(question),
                vector=vector,
                grams=_grams(question),
                days=[(each.start, each.end) for each in named],
                conditions=query.conditions,
                sources=recipe.sources,
                weights=recipe.weights,
                wanted=wanted,
                zone=zone,
                as_of=query.as_of,
                standing=query.standing,
                newest=bool(query.standing) and asks_about_self(query.text),
                nearest=self._nearest(query, recipe, vector, wanted),
            )
        )
        left = without_removed(found.candidates, found.removed)
        noted = with_corrections(left, [_that_may_be_given(each, query, recipe) for each in found.corrections])
        candidates = [each for each in noted if not _left_out(each, query)]
        best = self._ranked(candidates, question, recipe, floor, now, query.limit, named)
        shown = {*query.without, *(each.id for each in best)}
        return best + [each for each in with_room(found.standing) if each.id not in shown]

    def _ranked(
        self,
        candidates: list[Candidate],
        question: str,
        recipe: Recipe,
        floor: float,
        now: datetime,
        limit: int,
        named: Sequence[Span],
    ) -> list[Fact]:
        if related(candidates, floor) < recipe.threshold and not _asks_only_for_days(question, named, candidates):
            return []
        if self._reranker is None:
            best = rank(candidates, question, recipe, now, limit)
        else:
            more = rank(candidates, question, replace(recipe, share=0.0, budget=4 * recipe.budget), now, 3 * limit)
            best = within(with_what_stands(reranked(self._reranker, question, more)), recipe.budget, limit)
        return with_neighbours(best, recipe.budget)

    def _embed(self, question: str) -> tuple[list[float], float]:
        """Return the question's vector and the similarity floor, which is measured with the first question."""
        if self._floor is None:
            vector, *probes = self._embedder.embed([question, *PROBES])
            self._floor = similarity_floor(probes)
        else:
            [vector] = self._embedder.embed([question])
        return vector, self._floor

    def _nearest(self, query: Query, recipe: Recipe, vector: list[float], wanted: int) -> tuple[str, list[str]] | None:
        """Ask the index for the nearest memories; return None where Postgres is to compare all of them.

        The index knows nothing of what metadata say, of former versions, and of episodes.
        """
        if self._index is None or query.conditions or query.as_of or "memories" not in recipe.sources:
            return None
        ids = self._index.ids(query.user_id, vector, max(MIN_NEAREST, 2 * wanted))
        return None if ids is None else (self._index.index.name, ids)

    def _days(self, question: str, user_id: str, now: datetime) -> tuple[tuple[Span, ...], str]:
        """Return the days that the question names, and the person's timezone, which is read only if days are named."""
        named = spans(question, now)
        if not named:
            return (), "UTC"
        person = self._people.get(user_id)
        local = now.astimezone(person.zone)
        # "Yesterday" is another day only if the person's date differs from the date in UTC.
        return (named if local.date() == now.date() else spans(question, local)), person.timezone


def _left_out(candidate: Candidate, query: Query) -> bool:
    """Return whether the caller leaves out a row, or the message of which it is a passage."""
    if candidate.id in query.without:
        return True
    message = candidate.metadata.get("message_id") if candidate.source == "episodes" and query.without else None
    return isinstance(message, str) and episode_id(query.user_id, message) in query.without


def _that_may_be_given(correction: Correction, query: Query, recipe: Recipe) -> Correction:
    """Return a correction without the memory that stands now, if that is none of what the caller asks for."""
    asked_for = query.conditions is None and "memories" in recipe.sources and correction.now_id not in query.without
    return correction if asked_for else replace(correction, now_metadata=None)


def _without_days(question: str, named: Sequence[Span]) -> str:
    """Return the words to search for, without those that name days."""
    for span in named:
        question = question.replace(span.text, " ")
    return question


def _asks_only_for_days(question: str, named: Sequence[Span], candidates: Sequence[Candidate]) -> bool:
    """Return whether a question asks only for a time ("what did I do yesterday?") of which something is known."""
    rest = content_words(_without_days(question, named)) - QUESTION_WORDS
    return bool(named) and not rest and any(each.dated == 1 for each in candidates)


def asks_about_self(question: str) -> bool:
    """Return whether a question is about the person as a whole, and names no subject ("What do you know about me?")."""
    return bool(ASKS_ABOUT_SELF.search(question.strip().rstrip(" ?!.")))


def names_in(question: str) -> str:
    """Return the words with a capital letter inside a sentence, which are taken for names."""
    if GERMAN_WORDS & set(words(question)):  # where every noun has a capital letter
        return ""
    after = re.findall(r"(?<![.!?])\s+[\"'“(]*([^\W\d_][\w'’-]*)", question)
    return " ".join(word for word in after if word[:1].isupper() and content_words(word) - QUESTION_WORDS)


def _grams(question: str) -> list[str]:
    """Return the words of the question, alone and in groups of two and three, to be compared with names."""
    spoken = [word.removesuffix("'s") for word in words(question)]
    meaningful = content_words(" ".join(spoken))
    grams = [word for word in spoken if word in meaningful]
    grams += [" ".join(spoken[start : start + size]) for size in (2, 3) for start in range(len(spoken) - size + 1)]
    return list(dict.fromkeys(grams))[:MAX_GRAMS]


# Questions and statements that have nothing to do with each other. Their mean similarity under an embedding model is
# the floor: a similarity below it means nothing.
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


def similarity_floor(vectors: Sequence[Sequence[float]]) -> float:
    """Return the mean cosine of the probes' questions with their statements, at least 0."""
    questions, statements = vectors[: len(_QUESTIONS)], vectors[len(_QUESTIONS) :]
    cosines = [_cosine(one, other) for one in questions for other in statements]
    return min(0.95, max(0.0, sum(cosines) / len(cosines)))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = float(sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0
