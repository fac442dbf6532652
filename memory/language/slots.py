"""What fills a slot, in a sentence and in the memories shown, and what a new filling does to an old one.

A slot holds one thing at a time (home, employer, name); a liking is about one thing and has a sign. Where
it is not plain which memory is meant, none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memory.facts import Fact
from memory.language.grammar import Grammar, SlotRule
from memory.language.sentences import MAX_SENTENCE, plain
from memory.plain_text import comparable

__all__ = ["Reading", "Shown", "clauses", "read", "replaced", "said_again", "shown", "words"]

_CLAUSE = re.compile(r"(?:,|;| -|\b(?:and|but|und|aber|et|mais|y|e|pero)\b)[ ,]*(?:now )?", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_SHORT = {"m": "am", "re": "are", "ve": "have", "s": "is"}
# More words about the same are better known, not something else.
_GROWS = frozenset({"name", "home", "employer", "job"})


@dataclass(frozen=True)
class Reading:
    """A slot that a text fills."""

    slot: str
    value: str
    positive: bool
    start: int
    alone: bool  # the text says nothing else

    def is_about(self, other: Reading) -> bool:
        """Whether both fill the same slot."""
        return self.slot == other.slot

    def same(self, other: Reading) -> bool:
        """Whether both say the same."""
        return self.is_about(other) and self.positive == other.positive and words(self.value) == words(other.value)

    def displaces(self, other: Reading) -> bool:
        """Whether this cannot be true beside the other."""
        if not self.is_about(other):
            return False
        mine, theirs = set(words(self.value)), set(words(other.value))
        if self.slot == "likes" or not self.positive:
            return mine == theirs and self.positive != other.positive
        return other.positive and (not mine <= theirs if self.slot in _GROWS else mine != theirs)


@dataclass(frozen=True)
class Shown:
    """A memory that was shown, by its number, and the slot it fills if it fills one and says nothing else."""

    number: int
    text: str
    reading: Reading | None


def words(text: str) -> list[str]:
    """The words of a text in no order, short forms written out."""
    return sorted(_SHORT.get(word, word) for word in _WORD.findall(comparable(text)))


def read(text: str, grammar: Grammar, *, own: bool = True) -> list[Reading]:
    """The slots a text fills, at its start or at the start of one of its clauses."""
    starts = [0, *(clause.end() for clause in _CLAUSE.finditer(text))]
    found: dict[str, Reading] = {}
    for start in starts:
        for rule in grammar.slots:
            match = (rule.told if own else rule.known).match(text, start)
            if match:
                found.setdefault(rule.slot, _reading(rule, match, text, grammar))
                break
    return list(found.values())


def _reading(rule: SlotRule, match: re.Match[str], text: str, grammar: Grammar) -> Reading:
    value = match["value"].strip()
    article = grammar.article.match(value)
    topic = match.groupdict().get("topic")
    return Reading(
        slot=f"{rule.slot} {comparable(topic)}" if topic else rule.slot,
        value=value[article.end() :] if article else value,
        positive=rule.positive,
        start=match.start(),
        alone=match.start() == 0 and not text[match.end() :].strip(" .!…"),
    )


def shown(near: Sequence[Fact], grammars: Sequence[Grammar]) -> list[Shown]:
    """The memories shown, each with the one slot it fills."""
    return [Shown(number, fact.text, _only_reading(fact.text, grammars)) for number, fact in enumerate(near, 1)]


def _only_reading(text: str, grammars: Sequence[Grammar]) -> Reading | None:
    for grammar in grammars if len(text) <= MAX_SENTENCE else ():
        readings = read(plain(text), grammar, own=False)
        if readings:
            return readings[0] if len(readings) == 1 and readings[0].start == 0 else None
    return None


def replaced(reading: Reading, known: Sequence[Shown]) -> Shown | None:
    """The one memory that this takes the place of."""
    old = [each for each in known if each.reading and reading.displaces(each.reading)]
    return old[0] if len(old) == 1 else None


def said_again(reading: Reading, known: Sequence[Shown]) -> Shown | None:
    """The memory that says the same already."""
    return next((each for each in known if each.reading and reading.same(each.reading)), None)


def clauses(text: str, readings: Sequence[Reading]) -> Iterator[tuple[Reading, int, int]]:
    """Each reading with the part of the text that begins with it."""
    starts = sorted(reading.start for reading in readings)
    for reading in readings:
        yield reading, reading.start, next((start for start in starts if start > reading.start), len(text))
