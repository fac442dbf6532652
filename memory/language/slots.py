"""Reads the slots that a text fills: name, home, employer, taste, and others of which a new value ends an older one.

The sections of this file are: the slots of a text, the clauses of a text that say something on their own, and the known
memories that a slot makes untrue. The patterns are in grammars/. Nothing is proposed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..facts import Fact
from ..plain_text import comparable
from .ages import without_month
from .grammar import Grammar, SlotRule
from .grammars import GRAMMARS
from .own_words import plain_text
from .word_lists import SMALL_TALK
from .words import same_word

__all__ = [
    "MAX_SENTENCE",
    "FilledSlot",
    "MemorySlots",
    "OutdatedClause",
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
        if self.name != other.name:
            return False
        mine, theirs = sorted_words(self.value), sorted_words(other.value)
        if self.name in _MANY or not self.positive or not other.positive:
            return self.positive != other.positive and _denied(*((theirs, mine) if self.positive else (mine, theirs)))
        if self.fixed:
            return not set(mine) <= set(theirs) and not set(theirs) <= set(mine)
        return not set(mine) <= set(theirs) if self.name.startswith(_DETAILED) else mine != theirs


def _denied(denied: list[str], stated: list[str]) -> bool:
    """Return whether a denial ends a statement: "no dog" ends "two dogs"; "I don't drink" leaves "I drink tea"."""
    said_of_more = len(denied) < len(stated)
    if said_of_more and denied in (["drink"], ["eat"]):
        return False
    return bool(denied) and all(any(same_word(word, each) for each in stated) for word in denied)


_CLAUSE_START = re.compile(r"(?:,|;| -|\b(?:and|but|und|aber|et|mais|y|e|pero)\b)[ ,]*(?:now )?", re.IGNORECASE)
_CONTRASTS = frozenset(("but", "aber", "mais", "pero"))  # what follows often rests on what stands before


def filled_slots(text: str, grammar: Grammar, *, own: bool = True) -> list[FilledSlot]:
    """Return the slots that a text fills at the start of a clause; `own` if the text is the person's, not a memory.

    A memory may leave its subject out. In a later clause this may be somebody else, unless the clause before is about
    the person: "My sister is a nurse and lives in Ghent".
    """
    slots: dict[str, FilledSlot] = {}
    before = True
    for start in (0, *(clause.end() for clause in _CLAUSE_START.finditer(text))):
        here = _slots_at(start, text, grammar, own=own or not before)
        for slot in here:
            slots.setdefault(slot.name, slot)
        before = bool(here)
    return list(slots.values())


def _slots_at(start: int, text: str, grammar: Grammar, *, own: bool) -> list[FilledSlot]:
    """Return what a clause fills: one slot, and an age beside a name ("I'm Dave, 34")."""
    found: list[FilledSlot] = []
    for rule in grammar.slots:
        if found and not (rule.slot == "age" and found[0].name == "name"):
            continue
        match = (rule.said if own else rule.remembered).match(text, start)
        if match:
            found.append(_filled_slot(rule, match, text, grammar))
    return found


def _filled_slot(rule: SlotRule, match: re.Match[str], text: str, grammar: Grammar) -> FilledSlot:
    value = match["value"].strip()
    article = grammar.article.match(value)
    topic = match.groupdict().get("topic")
    skipped = article.end() if article else 0
    return FilledSlot(
        name=f"{rule.slot} {comparable(topic)}" if topic else rule.slot,
        value=value[skipped:],
        positive=rule.positive,
        start=match.start(),
        value_start=match.start("value") + skipped,
        alone=match.start() == 0 and not text[match.end() :].strip(" .!…"),
    )


def slots_of(memory: str) -> frozenset[str]:
    """Return the names of the slots that a memory fills for the person: "home" for "I live in Ghent"."""
    plain = plain_text(memory[:MAX_SENTENCE])
    filled = (slot for grammar in GRAMMARS for slot in filled_slots(plain, grammar, own=False))
    return frozenset(slot.name for slot in filled if slot.positive)


_SENTENCE = re.compile(r"[^.!?…\n]+")


def says_in_other_words(statement: str, said: str) -> bool:
    """Return whether a message gives the slot of a statement the same value: "I can't stand it" for "I hate it"."""
    wanted = [(slot, grammar) for grammar in GRAMMARS if (slot := _only_slot(statement, grammar))]
    return any(
        slot.same(replace(other, value=_without_small_talk(other.value)))
        for slot, grammar in wanted
        for sentence in _SENTENCE.findall(plain_text(said))
        for other in filled_slots(_without_opening(sentence, grammar), grammar)
    )


def _only_slot(statement: str, grammar: Grammar) -> FilledSlot | None:
    """Return the slot of a statement that says nothing else."""
    slots = filled_slots(plain_text(statement[:MAX_SENTENCE]), grammar, own=False)
    return slots[0] if len(slots) == 1 and slots[0].alone else None


def _without_small_talk(value: str) -> str:
    return " ".join(word for word in value.split() if word.casefold() not in SMALL_TALK)


def _without_opening(sentence: str, grammar: Grammar) -> str:
    bare = sentence.strip()[:MAX_SENTENCE]
    while (opening := grammar.opening.match(bare)) and opening.end():
        bare = bare[opening.end() :]
    return bare


# -- clauses ---------------------------------------------------------------------------------------


def clauses(text: str, grammar: Grammar, slots: Sequence[FilledSlot]) -> list[tuple[int, int]]:
    """Return start and end of the clauses of a text that say something on their own; one, if the first does not."""
    cuts = [(mark.start(), mark.end()) for mark in _CLAUSE_START.finditer(text) if _stands_alone(text, mark, grammar)]
    while cuts and not _says_something(text[: cuts[0][0]], grammar, slots):
        del cuts[0]
    starts, ends = [0, *(end for _, end in cuts)], [*(len(text[:start].rstrip()) for start, _ in cuts), len(text)]
    return list(zip(starts, ends, strict=True))


def _stands_alone(text: str, mark: re.Match[str], grammar: Grammar) -> bool:
    """Return whether what follows is a statement with a subject of its own, which rests on nothing before it."""
    rest = text[mark.end() :]
    if any(rule.said.match(rest) for rule in grammar.slots):
        return True
    kind = next((kind for form, kind in grammar.statements if form.match(rest)), None)
    return kind in ("fact", "preference") and mark[0].strip(" ,").lower() not in _CONTRASTS


def _says_something(head: str, grammar: Grammar, slots: Sequence[FilledSlot]) -> bool:
    return any(slot.start == 0 for slot in slots) or any(form.match(head) for form, _ in grammar.statements)


# -- known memories --------------------------------------------------------------------------------


@dataclass(frozen=True)
class MemorySlots:
    """A memory with its number, the slots that it fills, and its clauses."""

    number: int
    text: str
    slots: tuple[FilledSlot, ...]
    clauses: tuple[tuple[int, int], ...]
    just_learned: bool

    @classmethod
    def of(cls, number: int, fact: Fact) -> MemorySlots:
        """Read a memory; what is too long for a plain statement fills no slot."""
        text = without_month(fact.text)
        plain = plain_text(text)
        for grammar in GRAMMARS if len(text) <= MAX_SENTENCE else ():
            slots = filled_slots(plain, grammar, own=False)
            if slots:
                return cls(number, text, tuple(slots), tuple(clauses(plain, grammar, slots)), fact.just_learned)
        return cls(number, text, (), ((0, len(text)),), fact.just_learned)

    @property
    def slot(self) -> FilledSlot | None:
        """The slot, if the memory fills exactly one, at its start."""
        return self.slots[0] if len(self.slots) == 1 and self.slots[0].start == 0 else None


@dataclass(frozen=True)
class OutdatedClause:
    """A clause of a memory that a new statement makes untrue."""

    memory: MemorySlots
    slot: FilledSlot

    def corrected(self, statement: str, value: str) -> str:
        """Return the memory with the statement in place of the clause; with the value alone, if it tells more."""
        text, slot = self.memory.text, self.slot
        start, end = next((start, end) for start, end in self.memory.clauses if start <= slot.start < end)
        if len(self.memory.slots) > 1 and any(
            each is not slot and start <= each.start < end for each in self.memory.slots
        ):
            return self.with_value(value)
        if len(self.memory.clauses) == 1:
            return statement
        after = text[end:]
        return text[:start] + (statement.rstrip(" .!…") if after.strip() else statement) + after

    def with_value(self, value: str) -> str:
        """Return the memory with another value in its slot."""
        text, start = self.memory.text, self.slot.value_start
        return text[:start] + value + text[start + len(self.slot.value) :]


def outdated_by(slot: FilledSlot, known: Sequence[MemorySlots]) -> OutdatedClause | None:
    """Return the clause that a slot makes untrue, if it is the only one."""
    old = list(_contradicted(slot, known))
    return old[0] if len(old) == 1 else None


def _contradicted(slot: FilledSlot, known: Sequence[MemorySlots]) -> Iterator[OutdatedClause]:
    for memory in known:
        yield from (OutdatedClause(memory, each) for each in memory.slots if slot.contradicts(each))
