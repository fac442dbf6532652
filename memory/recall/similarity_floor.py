"""How alike two unrelated texts look to an embedding model: below that, a cosine says nothing.

Models differ: for some unrelated texts stand at 0, for others at 0.7. Questions and answers that have nothing
to do with each other are embedded once, along with the first question anybody asks. It judges no memory.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["PROBES", "noise_of"]

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
