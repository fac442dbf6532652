"""Ranks candidates: sums the weighted parts of each, drops repeats, and keeps what fits the token budget.

Pure functions. The part of each channel is between 0 and 1 and weighted by the recipe; the sum orders the list, and
every result can show its parts. Ranks are not added up as in rank fusion: that gives a weak channel as much influence
as a strong one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..errors import InvalidInput
from ..facts import Correction, Fact, Removal
from ..language.slots import says_in_other_words
from ..language.word_lists import ASKS_WHEN, NUMBER_WORDS, TIME_WORDS
from ..language.words import content_words, denies, repeats, same_word, stands_in, words
from ..plain_text import tokens

__all__ = [
    "RECIPES",
    "STANDING_TOKENS",
    "Candidate",
    "Recipe",
    "asks_when",
    "rank",
    "recipe_named",
    "related",
    "with_corrections",
    "with_neighbours",
    "with_room",
    "with_what_stands",
    "within",
    "without_removed",
]

WEIGHTS = {
    "meaning": 1.0,  # similarity of the vectors
    "words": 2.2,  # shared words, in the row or in the messages next to it
    "dated": 1.0,  # about a day that the question names
    "linked": 0.8,  # about an entity that the question names, or a related one
    "speaker": 0.4,  # said by someone whom the question names
    "timed": 0.3,  # tells a time, if the question asks for one
    "substance": 0.15,  # longer than a word or two
    "question": -0.25,  # is itself a question, and short: long ones tell what they are about
    "episode": -0.1,  # is an episode, of which no memory was made
    "assistant": -0.8,  # was said by the assistant
    "corrected": -0.4,  # says something that was corrected since
    "recent": 0.05,  # was written or changed lately
    "confirmed": 0.05,  # was said again, or confirmed
}
LONG_QUESTION = 250  # characters
STANDING_TOKENS = 600  # for instructions and what is always included, beside what fits the question
UNKNOWN_NAME = 0.36  # subtracted from the relatedness if the question names someone of whom nothing is known


@dataclass(frozen=True)
class Recipe:
    """How to recall: where to look, how to weigh, how related results must be, and how much to return."""

    name: str
    sources: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    threshold: float = 0.2  # how related the best of some 600 rows must be for anything to be returned
    share: float = 0.4  # of the best score: results below it are not worth their tokens
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
    corrections: tuple[Correction, ...] = ()  # of what an episode says


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
    return within(with_what_stands(best, scored), recipe.budget, limit)


def with_what_stands(facts: Sequence[Fact], others: Sequence[Fact] = ()) -> list[Fact]:
    """Put above each message that was corrected the memory that stands now; it counts as related as the message.

    Otherwise a question that shares its words with the message alone would find only what is no longer true. `others`
    are results that may have been left out.
    """
    known = {each.id: each for each in (*others, *facts) if each.source == "memories"}
    given: set[str] = set()
    put: list[Fact] = []
    for fact in facts:
        if fact.source == "memories" and fact.id in given:
            continue
        for each in fact.corrections:
            stands = known.get(each.now_id or "") or _as_result(each)
            if stands is not None and stands.id not in given:
                put.append(_lifted(stands, fact))
                given.add(stands.id)
        put.append(fact)
        given.add(fact.id)
    return put


def _as_result(correction: Correction) -> Fact | None:
    """Return the memory that stands now, which was not found for the question."""
    if correction.now_id is None or correction.now_metadata is None:
        return None
    return Fact(correction.now_id, correction.now_metadata, 0.0, parts={})


def _lifted(stands: Fact, over: Fact) -> Fact:
    """Return a memory with at least the score of the message that it corrects."""
    lift = round((over.score or 0.0) - (stands.score or 0.0), 4)
    if lift <= 0:
        return stands
    return replace(stands, score=over.score, parts={**(stands.parts or {}), "corrects": lift})


def within(facts: Sequence[Fact], budget: int, limit: int) -> list[Fact]:
    """Return the first results that do not repeat one another, up to the limit and the budget of tokens.

    A message gives one passage, so that a long one does not take all places. What was corrected never takes the place
    of what stands, however alike their words are.
    """
    kept: list[Fact] = []
    kept_words: list[tuple[set[str], bool]] = []
    for fact in facts:
        if len(kept) == limit:
            break
        own_words, cost = content_words(fact.text), tokens(fact.text)
        if (kept and cost > budget) or any(_same_message(fact, other) for other in kept):
            continue
        stands = not fact.corrections
        if any(_repeats(own_words, other) for other, over in kept_words if not (stands and over)):
            continue
        budget -= cost
        kept.append(fact)
        kept_words.append((own_words, not stands))
    return kept


def with_room(standing: Sequence[Fact]) -> list[Fact]:
    """Return standing memories without the instructions and marked memories that exceed their budget of tokens."""
    left = STANDING_TOKENS
    given: list[Fact] = []
    for fact in standing:
        if fact.always_included or fact.kind == "instruction":
            if (cost := tokens(fact.text)) > left:
                continue
            left -= cost
        given.append(fact)
    return given


def _same_message(one: Fact, other: Fact) -> bool:
    if one.source != "episodes" or other.source != "episodes" or "parts" not in one.metadata:
        return False
    return bool(one.metadata.get("message_id") == other.metadata.get("message_id"))


def with_neighbours(facts: Sequence[Fact], budget: int) -> list[Fact]:
    """Extend each passage by those around it in its message, the best first, as far as the budget allows."""
    budget -= sum(tokens(fact.text) for fact in facts)
    extended: list[Fact] = []
    for fact in facts:
        if "around" not in fact.metadata or fact.source != "episodes":
            extended.append(fact)
            continue
        around, text = fact.metadata["around"], fact.text
        for place, passage in around.items() if isinstance(around, dict) else ():
            if (cost := tokens(str(passage))) <= budget:
                budget -= cost
                text = f"{passage}{text}" if place == "before" else f"{text}{passage}"
        metadata = {key: value for key, value in fact.metadata.items() if key != "around"}
        extended.append(replace(fact, metadata={**metadata, "data": text}))
    return extended


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
    # A caller's own weights may lack a part that was added since.
    weight = {name: recipe.weights.get(name, WEIGHTS[name]) for name, part in parts.items() if part}
    weighted = {name: round(each * parts[name] / full, 4) for name, each in weight.items()}
    score = round(min(1.0, max(0.0, sum(weighted.values()))), 4)
    told = weighted | {"cosine": round(candidate.meaning, 4)}
    return Fact(candidate.id, candidate.metadata, score, candidate.source, told, candidate.corrections)


def _of_row(candidate: Candidate, asked: _QuestionWords) -> dict[str, float]:
    """Return the parts that depend on the row itself."""
    text = str(candidate.metadata.get("data", ""))
    said = candidate.source == "episodes" or "role" in candidate.metadata
    speaker = str(candidate.metadata.get("actor_id", "")).casefold().split(" ")[0]
    return {
        "speaker": float(bool(speaker) and speaker in asked.names),
        "timed": float(asked.when and _tells_time(text)),
        "substance": min(1.0, len(text) / 200) if said else 1.0,
        "question": max(0.0, 1 - len(text) / LONG_QUESTION) * (said and text.rstrip().endswith(("?", "？"))),
        "episode": float(candidate.source == "episodes"),
        "assistant": float(candidate.metadata.get("role") == "assistant"),
        "corrected": float(bool(candidate.corrections)),
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


# -- what no longer stands of what was said --------------------------------------------------------

# A message may hold several statements of which only one was corrected, so it is not hidden: it is told with a note,
# and ranked below what still stands. A message that says again what the person deleted is left out, like the one from
# which it was learned. Both are read from the history when somebody asks (`app.superseded`, `app.removed_statements`),
# so an undo takes them back.


def with_corrections(candidates: Sequence[Candidate], known: Sequence[Correction]) -> list[Candidate]:
    """Return the candidates with the corrections of what they say, without replies that only repeat what was corrected.

    Such replies were given in the turn that told an earlier version of a memory among the candidates.
    """
    if not known:
        return list(candidates)
    memories = {each.id for each in candidates if each.source == "memories"}
    earlier = {each.message_id for each in known if each.message_id and (each.now_id or each.memory_id) in memories}
    return [
        replace(each, corrections=_corrections_of(each.metadata, known)) if _was_said(each) else each
        for each in candidates
        if each.metadata.get("role") != "assistant" or each.metadata.get("turn") not in earlier
    ]


def without_removed(candidates: Sequence[Candidate], removed: Sequence[Removal]) -> list[Candidate]:
    """Leave out messages that say again what was deleted after them, and passages around others that do."""
    known = [str(each.metadata.get("data", "")) for each in candidates if removed and not _was_said(each)]
    gone = _Removed(removed, known)
    if not gone.by_word:
        return list(candidates)
    left = [
        each
        for each in candidates
        if each.source != "episodes" or not gone.said_again(str(each.metadata.get("data", "")), each.metadata)
    ]
    return [_without_around(each, gone) for each in left]


class _Removed:
    """Deleted statements by their words, since most messages have nothing to do with most of them."""

    def __init__(self, removed: Sequence[Removal], known: Sequence[str]) -> None:
        """Leave out what one of the `known` memories says as well: it still stands."""
        still = {(frozenset(content_words(each)), denies(each)) for each in known}
        self.by_word: dict[str, list[Removal]] = defaultdict(list)
        self._words: dict[Removal, int] = {}
        for each in removed:
            words = frozenset(content_words(each.said))
            if words and (words, denies(each.said)) not in still:
                self._words[each] = len(words)
                for word in words:
                    self.by_word[word].append(each)

    def said_again(self, text: str, metadata: Mapping[str, Any]) -> bool:
        """Return whether a text makes one of these statements, and was said before that was deleted."""
        shared = Counter(each for word in content_words(text) for each in self.by_word.get(word, ()))
        return any(
            2 * number >= self._words[each] and _said_before(each.until, metadata) and _tells(each, text)
            for each, number in shared.items()
        )


def _tells(removal: Removal, text: str) -> bool:
    quoted = bool(removal.quote) and len(content_words(str(removal.quote))) > 1 and stands_in(str(removal.quote), text)
    return quoted or repeats(removal.said, text) or says_in_other_words(removal.said, text)


def _without_around(candidate: Candidate, removed: _Removed) -> Candidate:
    """Return a passage without those around it that say again what was deleted."""
    around = candidate.metadata.get("around")
    if not isinstance(around, dict):
        return candidate
    kept = {place: text for place, text in around.items() if not removed.said_again(str(text), candidate.metadata)}
    return replace(candidate, metadata={**candidate.metadata, "around": kept})


def _was_said(candidate: Candidate) -> bool:
    """Return whether it is a message, and not a memory that was made of one."""
    return candidate.source == "episodes" or "role" in candidate.metadata


def _corrections_of(metadata: Mapping[str, Any], known: Sequence[Correction]) -> tuple[Correction, ...]:
    around = metadata.get("around")  # the passages beside it in the same message, which may be shown with it
    text = " . ".join([str(metadata.get("data", "")), *map(str, around.values() if isinstance(around, dict) else ())])
    spoken = content_words(text)
    return tuple(each for each in known if _concerns(each, metadata, text, spoken))


def _concerns(correction: Correction, metadata: Mapping[str, Any], text: str, spoken: set[str]) -> bool:
    gone = _words_gone(correction)
    if not gone:
        return False
    found = sum(_has_word(word, spoken) for word in gone)
    if correction.message_id is not None and _turn_of(metadata) == correction.message_id:
        quoted = bool(correction.quote) and metadata.get("role") == "user" and stands_in(str(correction.quote), text)
        return quoted or 2 * found >= len(gone)
    # Said in another turn: again in other words, or by a reply that was given the memory.
    return found == len(gone) and _said_before(correction.until, metadata)


def _turn_of(metadata: Mapping[str, Any]) -> object:
    return metadata.get("turn") or metadata.get("message_id")


def _words_gone(correction: Correction) -> set[str]:
    """Return the words that make up what no longer stands; none if the new statement only says more."""
    before, now = content_words(correction.said), content_words(correction.now_says or "")
    gone = {word for word in before if not _has_word(word, now)}
    denied = denies(correction.said) != denies(correction.now_says or "")
    # "I have a cat" no longer stands beside "I have two cats".
    counted = any(word.isdigit() or word in NUMBER_WORDS for word in now - before) and not before <= now
    return before if not gone and (denied or counted) else gone


def _has_word(word: str, among: set[str]) -> bool:
    return any(same_word(word, other) for other in among)


def _said_before(moment: str, metadata: Mapping[str, Any]) -> bool:
    said, ended = _time(metadata.get("created_at")), _time(moment)
    return said is not None and (ended is None or said < ended)


def _time(written: object) -> datetime | None:
    """Return a time as another program may have written it, or None."""
    try:
        time = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
