"""Reads the slots that a text fills: name, home, employer, taste, and others of which a new value ends an older one.

The sections of this file are: the slots of a text, the clauses of a text that say something on their own, and the known
memories that a slot makes untrue. The patterns are in grammars/. Nothing is proposed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ..facts import Fact
from ..plain_text import comparable
from .ages import without_month
from .grammar import Grammar, SlotRule
from .grammars import GRAMMARS
from .own_words import plain_text, without_quotations
from .word_lists import SMALL_TALK
from .words import content_words, same_word, words

__all__ = [
    "MAX_SENTENCE",
    "FilledSlot",
    "MemorySlots",
    "OutdatedPart",
    "clauses",
    "filled_slots",
    "outdated_by",
    "says_in_other_words",
    "slots_of",
    "sorted_words",
]

MAX_SENTENCE = 400  # longer ones are not plain statements
_WORD = re.compile(r"\w+")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|er|º)")
_SHORT_FORMS = {"m": "am", "re": "are", "ve": "have", "s": "is", "im": "am"}


def sorted_words(text: str) -> list[str]:
    """Return the words of a text, sorted, with short forms written out."""
    return sorted(_SHORT_FORMS.get(word, _ORDINAL.sub(r"\1", word)) for word in _WORD.findall(comparable(text)))


# -- slots -----------------------------------------------------------------------------------------

# In these slots, more words add detail ("Lisbon", "the old town of Lisbon") and are not another value.
_DETAILED = ("name", "home", "employer", "job", "thing")
# Slots with many values: what was said of one is only ended by its denial.
_MANY = ("likes", "habit", "owns")
# What a person does not change: another value is a mistake, the older one or the newer one.
_FIXED = re.compile(
    r"thing .*(?:birthday|hometown|native|mother tongue|first language|star sign|blood type|geburtstag|muttersprache|"
    r"heimatstadt|sternzeichen|blutgruppe|anniversaire|ville natale|langue maternelle|groupe sanguin|cumpleaños|"
    r"ciudad natal|lengua materna|grupo sanguíneo)"
)


@dataclass(frozen=True)
class FilledSlot:
    """A slot that a text fills, and its value."""

    name: str
    value: str
    positive: bool
    start: int
    value_start: int
    alone: bool  # the text says nothing else
    named: bool = True  # the value may be a name: it has a capital letter, or the text has none at its beginning
    weak: bool = False  # may be read wrongly, so it ends nothing: "I'm Stuck"

    @property
    def fixed(self) -> bool:
        """Whether the value does not change, as a birthday does not."""
        return bool(_FIXED.match(self.name))

    def same(self, other: FilledSlot) -> bool:
        """Return whether both say the same."""
        equal = sorted_words(self.value) == sorted_words(other.value)
        return self.name == other.name and self.positive == other.positive and equal

    def contradicts(self, other: FilledSlot) -> bool:
        """Return whether the other value can no longer be true if this one is."""
        if self.name != other.name or self.weak:
            return False
        if other.value[:1].isupper() and not self.named:  # "We live in strange times", "My favourite show is cancelled"
            return False
        mine, theirs = sorted_words(self.value), sorted_words(other.value)
        if self.name in _MANY or not self.positive or not other.positive:
            same = mine == theirs if self.name == "likes" else _same_thing(mine, theirs)
            return self.positive != other.positive and same
        if self.fixed:
            return not set(mine) <= set(theirs) and not set(theirs) <= set(mine)
        return not set(mine) <= set(theirs) if self.name.startswith(_DETAILED) else mine != theirs


_COUNTS = frozenset(
    "a an the one two three four five some any my our little old new small big ein eine einen zwei drei vier un une "
    "des de deux trois quatre una uno dos tres cuatro".split()
)


def _same_thing(mine: list[str], theirs: list[str]) -> bool:
    """Return whether two lists of words are about one thing, of whatever number: "dog" and "two dogs"."""
    one, other = ([word for word in each if word not in _COUNTS] for each in (mine, theirs))
    return len(one) == len(other) > 0 and all(map(same_word, one, other))


MOST_CLAUSES = 20  # of one sentence that are read
_CLAUSE_START = re.compile(r"(?:,|;| -|\b(?:and|but|und|aber|et|mais|y|e|pero)\b)[ ,]*(?:now )?", re.IGNORECASE)
_CONTRASTS = frozenset(("but", "aber", "mais", "pero"))  # what follows often rests on what stands before


def _clause_starts(text: str) -> Iterator[re.Match[str]]:
    return islice(_CLAUSE_START.finditer(text), MOST_CLAUSES)


def filled_slots(text: str, grammar: Grammar, *, own: bool = True) -> list[FilledSlot]:
    """Return the slots that a text fills at the start of a clause; `own` if the text is the person's, not a memory.

    A later clause is about the person if it says so, or leaves out the subject of a clause that is: "I live in Rome and
    work at Fiat", but not "My sister is a nurse and lives in Ghent".
    """
    stated = _slots_at(0, text, grammar, own=True)
    first_person = own or bool(stated)
    here = stated if own else _slots_at(0, text, grammar, own=False)
    slots = {slot.name: slot for slot in here}
    for clause in _clause_starts(text):
        goes_on, start = bool(here), clause.end()
        here = _slots_at(start, text, grammar, own=True)
        if not here and goes_on and first_person and grammar.subject:
            here = _slots_at(start, text, grammar, own=True, subject=grammar.subject)
        elif not here and goes_on and not first_person and "owns" not in slots:
            here = _slots_at(start, text, grammar, own=False)
        for slot in here:
            slots.setdefault(slot.name, slot)
    return list(slots.values())


def _slots_at(start: int, text: str, grammar: Grammar, *, own: bool, subject: str = "") -> list[FilledSlot]:
    """Return what a clause fills, with its `subject` if it has none: one slot, and an age beside a name."""
    found: list[FilledSlot] = []
    clause, place = (subject + text[start:], 0) if subject else (text, start)
    for rule in grammar.slots:
        if found and not (rule.slot == "age" and found[0].name == "name"):
            continue
        match = (rule.said if own else rule.remembered).match(clause, place)
        if match:
            found.append(_filled_slot(rule, match, start, grammar))
    return found


def _filled_slot(rule: SlotRule, match: re.Match[str], start: int, grammar: Grammar) -> FilledSlot:
    value = match["value"].strip()
    article = grammar.article.match(value)
    topic = match.groupdict().get("topic")
    skipped = article.end() if article else 0
    moved = start - match.start() - (len(grammar.subject) if match.start() < start else 0)  # where a subject was added
    return FilledSlot(
        name=f"{rule.slot} {comparable(topic).replace('color', 'colour')}" if topic else rule.slot,
        value=value[skipped:],
        positive=rule.positive,
        start=start,
        value_start=match.start("value") + skipped + moved,
        alone=start == 0 and not match.string[match.end() :].strip(" .!…"),
        named=not value[skipped : skipped + 1].islower() or not match.string[:1].isupper(),
        weak=rule.weak,
    )


def slots_of(memory: str) -> frozenset[str]:
    """Return the names of the slots that a memory fills for the person: "home" for "I live in Ghent"."""
    plain = plain_text(memory[:MAX_SENTENCE])
    filled = (slot for grammar in GRAMMARS for slot in filled_slots(plain, grammar, own=False))
    return frozenset(slot.name for slot in filled if slot.positive)


_SENTENCE = re.compile(r"[^.!?…\n]+")


def says_in_other_words(statement: str, said: str) -> bool:
    """Return whether all that a message says is a statement in other words: "ugh, I can't stand it" for "I hate it"."""
    sentences = [each for each in _SENTENCE.findall(plain_text(without_quotations(said))) if content_words(each)]
    told = [each for each in sentences if set(words(each)) - SMALL_TALK]
    if len(told) != 1:
        return False
    return any(
        slot.same(replace(other, value=_without_small_talk(other.value)))
        for grammar in GRAMMARS
        if (slot := _only_slot(plain_text(statement[:MAX_SENTENCE]), grammar, own=False))
        and (other := _only_slot(_without_opening(told[0], grammar), grammar, own=True))
    )


_SIGH = re.compile(r"^(?:[^\W\d_]{1,6}[,!] *)+")  # "ugh, ": before the words that say something


def _only_slot(statement: str, grammar: Grammar, *, own: bool) -> FilledSlot | None:
    """Return the slot of a statement that says nothing else."""
    slots = filled_slots(statement, grammar, own=own)
    return slots[0] if len(slots) == 1 and slots[0].alone else None


def _without_small_talk(value: str) -> str:
    return " ".join(word for word in value.split() if word.casefold() not in SMALL_TALK)


def _without_opening(sentence: str, grammar: Grammar) -> str:
    bare = _SIGH.sub("", sentence.strip()[:MAX_SENTENCE], count=1)
    while (opening := grammar.opening.match(bare)) and opening.end():
        bare = bare[opening.end() :]
    return bare


# -- clauses ---------------------------------------------------------------------------------------


def clauses(text: str, grammar: Grammar, slots: Sequence[FilledSlot]) -> list[tuple[int, int]]:
    """Return start and end of the clauses of a text that say something on their own; one, if the first does not."""
    cuts = [(mark.start(), mark.end()) for mark in _clause_starts(text) if _stands_alone(text, mark, grammar)]
    while cuts and not _says_something(text[: cuts[0][0]], grammar, slots):
        del cuts[0]
    starts, ends = [0, *(end for _, end in cuts)], [*(len(text[:start].rstrip()) for start, _ in cuts), len(text)]
    return list(zip(starts, ends, strict=True))


# A clause after one of these, or one that ends by pointing back, rests on what stands before it.
_SUBORDINATE = re.compile(
    r"\b(?:that|whether|if|when|because|dass|ob|weil|wenn|que|si|porque|cuando|quand)\b|qu'", re.I
)
_POINTS_BACK = re.compile(r"\b(?:it|this|that|them|there|him|das|dort|ihn|ça|cela|eso|esto)\b", re.IGNORECASE)


def _stands_alone(text: str, mark: re.Match[str], grammar: Grammar) -> bool:
    """Return whether what follows is a statement with a subject of its own, which rests on nothing before it."""
    clause = re.split(r"[,;.]", text[mark.end() :], maxsplit=1)[0]
    if _SUBORDINATE.search(text, 0, mark.start()) or _POINTS_BACK.search(clause):
        return False
    rest = f" {text[mark.end() :]}"  # no beginning of a message, where a subject may be left out
    if any(rule.said.match(rest, 1) for rule in grammar.slots):
        return True
    kind = next((kind for form, kind in grammar.statements if form.match(rest, 1)), None)
    return kind in ("fact", "preference") and mark[0].strip(" ,").lower() not in _CONTRASTS


def _says_something(head: str, grammar: Grammar, slots: Sequence[FilledSlot]) -> bool:
    filled = any(slot.start == 0 and slot.value_start < len(head) for slot in slots)
    return filled or any(form.match(head) for form, _ in grammar.statements)


# -- known memories --------------------------------------------------------------------------------

_PRONOUN = re.compile(r"(?:i|i'm|i've|im|we|we're|we've|ich|wir|je|j'|nous|yo)\b", re.IGNORECASE)
# A first subject of two: "My wife and I live in Porto".
_OTHER_SUBJECT = re.compile(
    r"\s*(?:(?:my|our|mein\w*|unser\w*|mon|ma|mes|mis?|nuestr\w+)(?: [\w'-]+){1,3}|[\w'-]+)\s*", re.IGNORECASE
)
_ENGLISH_I = re.compile(r"I\b")  # keeps its capital letter in a sentence
_WORD_END = re.compile(r"^\w+")
_LIST = re.compile(r",|\b(?:and|or|but|where|who|und|oder|aber|wo|et|ou|mais|où|y|o|pero|donde)\b", re.IGNORECASE)
_WITH = re.compile(
    r"(?:with|w/|mit|avec|con)(?:\b|(?<=/))(?!.*\b(?:but|where|aber|wo|mais|où|pero|donde)\b)", re.IGNORECASE
)
_LIMIT = re.compile(r"(?:with|without|in|on|for|at|mit|ohne|am|im|avec|sans|con|sin|por)\b", re.IGNORECASE)
_WE = re.compile(r"(?:we|wir|nous|on|nosotros)\b|.{1,40} (?:and i|und ich|et moi|y yo)\b", re.IGNORECASE)


@dataclass(frozen=True)
class MemorySlots:
    """A memory with its number, the slots that it fills, and its parts, of which each can be replaced."""

    number: int
    text: str
    slots: tuple[FilledSlot, ...]
    parts: tuple[tuple[int, int], ...]
    just_learned: bool

    @classmethod
    def of(cls, number: int, fact: Fact) -> MemorySlots:
        """Read a memory; what is too long for a plain statement fills no slot."""
        text = without_month(fact.text)
        plain = plain_text(text)
        for grammar in GRAMMARS if len(text) <= MAX_SENTENCE else ():
            slots = filled_slots(plain, grammar, own=False)
            if slots:
                return cls(number, text, tuple(slots), tuple(_parts(plain, slots, grammar)), fact.just_learned)
        return cls(number, text, (), ((0, len(text)),), fact.just_learned)

    @property
    def slot(self) -> FilledSlot | None:
        """The slot, if the memory fills exactly one, at its start."""
        return self.slots[0] if len(self.slots) == 1 and self.slots[0].start == 0 else None


def _parts(text: str, slots: Sequence[FilledSlot], grammar: Grammar) -> Iterator[tuple[int, int]]:
    """Yield start and end of the parts of a memory: each has a subject of its own, or fills a slot."""
    starts = {slot.start for slot in slots}
    cuts = [
        (mark.start(), mark.end())
        for mark in _clause_starts(text)
        if mark.end() in starts or _PRONOUN.match(text, mark.end()) or _stands_alone(text, mark, grammar)
    ]
    if cuts and 0 not in starts and _OTHER_SUBJECT.fullmatch(text, 0, cuts[0][0]):
        del cuts[0]
    begins = 0
    for end, following in cuts:
        yield begins, len(text[:end].rstrip())
        begins = following
    yield begins, len(text)


@dataclass(frozen=True)
class OutdatedPart:
    """A part of a memory that a new statement makes untrue."""

    memory: MemorySlots
    slot: FilledSlot

    @property
    def _bounds(self) -> tuple[int, int]:
        return next((start, end) for start, end in self.memory.parts if start <= self.slot.start < end)

    @property
    def tells_more(self) -> bool:
        """Whether the part says more, which may stay true: "I like tea, coffee and cake", "I'm married with two kids".

        With whom somebody lives is no more than a part of the home.
        """
        after = self.slot.value_start + len(self.slot.value)
        rest = _WORD_END.sub("", self.memory.text[after : max(after, self._bounds[1])]).strip()
        if self.slot.name == "home" and _WITH.match(rest):
            return False
        shares_start = any(each is not self.slot and each.start == self.slot.start for each in self.memory.slots)
        limited = self.slot.name in (*_MANY, "marital status") and bool(_LIMIT.match(rest))
        return not shares_start and (limited or bool(_LIST.search(rest)))

    def corrected(self, statement: str, new: FilledSlot) -> str | None:
        """Return the memory with the statement in place of the part; None where more than that would be lost.

        Where the part fills another slot, too ("I'm Dave, 34"), only the value is replaced.
        """
        text, (start, end) = self.memory.text, self._bounds
        if self.slot.start > start and not _WE.match(statement):  # "My wife and I live in Porto"
            return None
        if any(each is not self.slot and start <= each.start < end for each in self.memory.slots):
            return self.with_value(new.value) if new.positive and self.slot.positive else None
        if start and not _ENGLISH_I.match(statement):
            statement = statement[:1].lower() + statement[1:]
        after = text[end:]
        following = _CLAUSE_START.match(after.lstrip())
        own_subject = bool(following and _PRONOUN.match(after.lstrip(), following.end()))
        if _POINTS_BACK.search(after) or (after.strip(" .!…") and not new.positive and not own_subject):
            return None
        return text[:start] + (statement.rstrip(" .!…:;()") if after.strip() else statement) + after

    def with_value(self, value: str) -> str:
        """Return the memory with another value in its slot."""
        text, start = self.memory.text, self.slot.value_start
        return text[:start] + value + text[start + len(self.slot.value) :]


def outdated_by(slot: FilledSlot, known: Sequence[MemorySlots]) -> OutdatedPart | None:
    """Return the part of a memory that a slot makes untrue, if it is the only one."""
    old = [OutdatedPart(memory, each) for memory in known for each in memory.slots if slot.contradicts(each)]
    return old[0] if len(old) == 1 and not old[0].tells_more else None
