"""Learns without a model: proposes to keep plain statements in the first person, in the person's own words.

It reads English, German, French and Spanish. It misses something rather than keeping something wrong: it ignores every
sentence that is no plain statement in a known form, such as a question, request, supposition, quotation, draft, fiction
or joke. It infers nothing and makes up no words: the text of a proposal is a clause as it was said, or a known memory
in which one clause or one word is replaced. It deletes a memory only if exactly one can be meant.

The sections of this file are: the sentences of a message, the statements in them, the corrections of what was said
before, and the day that a sentence names. slots.py tells which memory a statement ends; the patterns are in grammars/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from difflib import SequenceMatcher
from itertools import pairwise

from ..facts import Fact, Kind, Proposal, Said
from .grammar import Grammar
from .grammars import GRAMMARS
from .handed_over import LEFT_OUT, without_handed_over
from .own_words import MAX_TYPED, plain_text, without_announced_text, without_quotations
from .slots import (
    MAX_SENTENCE,
    FilledSlot,
    MemorySlots,
    OutdatedPart,
    clauses,
    filled_slots,
    outdated_by,
    sorted_words,
)
from .word_lists import TIME_WORDS
from .words import content_words, words

__all__ = ["propose"]

MIN_WORDS = 2
MIN_ALIKE = 0.6  # of the letters of two names, for a slip of the pen


def propose(said: Sequence[Said], near: Sequence[Fact] = (), zone: tzinfo | None = None) -> list[Proposal]:
    """Propose additions, and changes of the memories in `near`, from what the person says about themselves.

    "Yesterday" is counted in `zone`, or else in the timezone of the message's own time.
    """
    local = [replace(each, at=each.at.astimezone(zone)) if zone else each for each in said]
    own = [each for each in local if each.role == "user" and len(each.content) <= MAX_TYPED]
    if any(grammar.veto.search(plain_text(each.content)) for each in own for grammar in GRAMMARS):
        return []
    known = [MemorySlots.of(number, fact) for number, fact in enumerate(near, 1)]
    asks = any("?" in each.content for each in own)
    proposed: list[_SlotProposal] = []
    for readings in (readings for each in own for readings in _sentences_by_language(each)):
        corrections = (_corrected_in_this_turn(sentence, proposed) for sentence in readings)
        corrected = next((each for each in corrections if each), None)
        if corrected:
            proposed = [each for each in proposed if each.slot != corrected.slot]
            proposed.append(corrected)
        else:
            found = next(filter(None, (_from_sentence(sentence, known, asks) for sentence in readings)), [])
            proposed.extend(_without_second_change(each, proposed) for each in found)
    return [each.proposal for each in proposed]


# -- sentences -------------------------------------------------------------------------------------

_BEFORE_WORDS = re.compile(r"[^\w\"'“”„«»]*")  # bullets, marks and emojis
_SENTENCE_END = re.compile(
    r"""
      [!?…\n]+
    | (?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bSt)(?<!\bSra)(?<!\bSr)(?<!\d) \.+ (?=\s|\Z)
    | (?<=\d) \.+ (?=\s|\Z) (?!\ (?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\b)   # "4. Juli" goes on
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Clause:
    """A part of a message, read in one language; `plain` is `text` with one form for apostrophes and spaces."""

    text: str
    plain: str
    said: Said
    grammar: Grammar
    corrects: bool = False  # begins with words that announce a correction

    def part(self, start: int, end: int | None = None) -> _Clause:
        """Return a part of the clause, without the punctuation at its ends."""
        text, plain = self.text[start:end], self.plain[start:end]
        before = _BEFORE_WORDS.match(plain)
        first, last = before.end() if before else 0, len(plain.rstrip(" ,;:"))
        return replace(self, text=text[first:last], plain=plain[first:last])

    def without_opening(self) -> _Clause:
        """Return the clause without greetings and fillers before the statement."""
        clause = self
        opening = self.grammar.opening.match(clause.plain)
        while opening and opening.end():
            corrects = clause.corrects or bool(self.grammar.corrects.search(opening[0]))
            clause = replace(clause.part(opening.end()), corrects=corrects)
            opening = self.grammar.opening.match(clause.plain)
        return clause

    def without_tail(self) -> _Clause:
        """Return the clause without the request or the question that follows the statement."""
        tail = self.grammar.tail.search(self.plain, 1)
        return self.part(0, tail.start()) if tail else self


def _sentences_by_language(said: Said) -> Iterator[list[_Clause]]:
    """Yield the person's own sentences, each once for each language, up to the first one that supposes something."""
    plain = plain_text(said.content)
    for start, end in _sentences(said.content):
        if any(grammar.supposing.search(plain, start, end) for grammar in GRAMMARS):
            return
        yield [_Clause(said.content[start:end], plain[start:end], said, grammar).part(0) for grammar in GRAMMARS]


def _sentences(content: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each of the person's own sentences, without code, quotations and texts handed over."""
    own = without_announced_text(without_handed_over(plain_text(without_quotations(content))))
    start = 0
    for end in (*(mark.end() for mark in _SENTENCE_END.finditer(plain_text(own))), len(own)):
        sentence = own[start:end]
        first, last = start + len(sentence) - len(sentence.lstrip()), start + len(sentence.rstrip())
        if first < last <= first + MAX_SENTENCE and LEFT_OUT not in sentence:
            yield first, last
        start = end


# -- statements ------------------------------------------------------------------------------------

# Slots that a name fills. They count in any clause of a sentence: "Dejé Zara y ahora trabajo en Mango".
_PLACES = ("name", "home", "employer")
_TASTES = ("likes", "favourite")
# "I moved to Setúbal, not Lisbon": what it is not is left out.
_NOT = {"en": "not", "de": "nicht", "fr": "pas", "es": "no"}
_NEGATED_PLACE = re.compile(
    r",? (?P<not>(?:and |und |et |y )?(?:not|nicht|pas|no)) (?:to |in |at |nach |bei |à |chez |a |en )?"
    r"[A-ZÀ-Þ][\w'-]+[.!]*$"
)


@dataclass(frozen=True)
class _SlotProposal:
    """A proposal, and the slot that it fills."""

    proposal: Proposal
    slot: FilledSlot | None = None


# "Forget what I just said about dinner" does not mean all of it.
_OF_A_TOPIC = re.compile(r" (?:about|regarding|on|over|über|zu|sur|à propos|sobre|de)\b", re.IGNORECASE)


def _from_sentence(sentence: _Clause, known: Sequence[MemorySlots], asks: bool) -> list[_SlotProposal]:
    """Return the proposals of one sentence, read in one language; `asks` if the turn asks a question."""
    grammar = sentence.grammar
    corrected = None if asks else _corrected_memory(sentence, known) or _corrected_last(sentence, known)
    if corrected:
        return [corrected]
    clause = sentence.without_opening()
    last = grammar.forget_last.match(clause.plain)
    if last and not _OF_A_TOPIC.match(clause.plain, last.end()):
        return [_deletion_of(clause, memory) for memory in known if memory.just_learned]
    forget = grammar.forget.match(clause.plain)
    if forget:
        return _deletion(clause, forget["clause"], known)
    remember = grammar.remember.match(clause.plain)
    whole = clause.part(remember.end() if remember else 0)
    if "?" not in whole.plain and grammar.instruction.match(whole.plain):
        return [_statement(whole, "instruction", filled_slots(whole.plain, grammar), known)]
    clause = whole.without_tail()
    if "?" in clause.plain or len(clause.plain.split()) < MIN_WORDS or grammar.refusal.search(clause.plain):
        return []
    return _statements(clause, known, asked_to_remember=bool(remember))


def _statements(clause: _Clause, known: Sequence[MemorySlots], *, asked_to_remember: bool) -> list[_SlotProposal]:
    """Propose each part of a clause that says something on its own."""
    grammar = clause.grammar
    when = grammar.when.match(clause.plain)
    stated = clause.plain[when.end() :] if when else clause.plain
    slots = filled_slots(clause.plain, grammar) or filled_slots(stated, grammar)
    first = next((slot for slot in slots if slot.start == 0), None)
    kind: Kind | None = next((kind for form, kind in grammar.statements if form.match(stated)), None)
    if first:
        kind = "preference" if first.name.startswith(_TASTES) else kind or "fact"
    if kind is None and not asked_to_remember and not any(slot.name in _PLACES for slot in slots):
        return []
    known_names = [each.value for memory in known for each in memory.slots if each.name == "name"]
    if first and first.weak and known_names and not any(_is_part(first.value, each) for each in known_names):
        return []
    negated = _NEGATED_PLACE.search(clause.plain) if any(slot.name in _PLACES for slot in slots) else None
    if negated and negated["not"].split()[-1].lower() == _NOT[grammar.language]:
        clause = clause.part(0, negated.start())
    whole = _statement(clause, kind or "fact", slots, known)
    parts = [] if when else [clause.part(start, end) for start, end in clauses(clause.plain, grammar, slots)]
    if len(parts) > 1:
        found = [each for part in parts for each in _statements(part, known, asked_to_remember=asked_to_remember)]
    elif len({old.memory.number for slot in slots if (old := outdated_by(slot, known))}) > 1:
        found = _one_for_each(slots, clause, kind or "fact", known)
    else:
        return [whole, *_companions(clause, slots, known)]
    changed = [each.proposal.target for each in found if each.proposal.target]
    return found if len(changed) == len(set(changed)) else [whole]


_CONNECTIVE = re.compile(r"[ ,;]*\b(?:and|but|und|aber|et|mais|y|e|pero)? ?(?:now )?$", re.IGNORECASE)


def _one_for_each(
    slots: Sequence[FilledSlot], clause: _Clause, kind: Kind, known: Sequence[MemorySlots]
) -> list[_SlotProposal]:
    """Propose a part for each slot, since they outdate several memories."""
    starts = [*sorted({slot.start for slot in slots}), None]
    ends = {start: len(_CONNECTIVE.sub("", clause.plain[:start])) for start in starts if start}
    return [
        _statement(
            clause.part(start, ends[end] if end else None), kind, [slot for slot in slots if slot.start == start], known
        )
        for start, end in pairwise(starts)
        if start is not None
    ]


def _is_part(name: str, other: str) -> bool:
    """Return whether one name is a part of the other."""
    mine, theirs = set(sorted_words(name)), set(sorted_words(other))
    return mine <= theirs or theirs <= mine


def _statement(clause: _Clause, kind: Kind, slots: Sequence[FilledSlot], known: Sequence[MemorySlots]) -> _SlotProposal:
    """Propose the clause as it was said: as a change of the memory it outdates, as a known memory, or as a new one."""
    first = slots[0] if slots else None
    added = _SlotProposal(_addition(clause, kind), first)
    if clause.grammar.also.search(clause.plain) or _is_limited(clause):
        return added
    for slot in slots:
        old = outdated_by(slot, known)
        if old:
            doubtful = slot.fixed and not clause.corrects
            text = clause.text if doubtful or len(slots) > 1 else old.corrected(clause.text, slot)
            if text is not None:
                change = replace(added.proposal, action="ask" if doubtful else "update", text=text)
                return replace(added, proposal=replace(change, target=old.memory.number))
    if first and first.alone and len(slots) == 1:
        again = next((each for each in known if each.slot and first.same(each.slot)), None)
        return replace(added, proposal=replace(added.proposal, text=again.text)) if again else added
    return added


_YEAR = re.compile(r"(?<!since )(?<!seit )(?<!depuis )(?<!desde )\b((?:19|20)\d\d)\b")


def _is_limited(clause: _Clause) -> bool:
    """Return whether a clause tells of an earlier year, or of a part of the time, and so ends nothing."""
    year = clause.said.at.year
    return bool(clause.grammar.limited.search(clause.plain)) or any(
        int(each) < year for each in _YEAR.findall(clause.plain)
    )


def _addition(clause: _Clause, kind: Kind) -> Proposal:
    grammar = clause.grammar
    kin = grammar.kin.search(clause.plain)
    return Proposal(
        action="add",
        text=clause.text,
        kind=kind,
        quote=clause.text,
        happened_at=_day_named(clause.plain, grammar, clause.said.at.date()),
        language=grammar.language,
        reason="the person said so",
        entities=((kin["name"], kin["kin"]),) if kin else (),
    )


def _companions(clause: _Clause, slots: Sequence[FilledSlot], known: Sequence[MemorySlots]) -> Iterator[_SlotProposal]:
    """Propose whom a statement about a home names beside it, since they stay when the home changes."""
    home = next((slot for slot in slots if slot.name == "home"), None)
    for named in clause.grammar.companion.finditer(clause.plain) if home else ():
        companion = clause.part(named.start(), named.end())
        if named["name"].islower() and clause.text[:1].isupper():  # no name: "when our dad died"
            continue
        if not any(content_words(companion.text) <= content_words(memory.text) for memory in known):
            entities = ((named["name"], named["kin"]),)
            yield _SlotProposal(replace(_addition(companion, "fact"), entities=entities, happened_at=None))


def _without_second_change(found: _SlotProposal, before: Sequence[_SlotProposal]) -> _SlotProposal:
    """Return a proposal as an addition if the turn changes its memory already, which would refuse it."""
    target = found.proposal.target
    if found.proposal.action != "update" or all(each.proposal.target != target for each in before):
        return found
    return replace(found, proposal=replace(found.proposal, action="add", text=found.proposal.quote, target=None))


def _deletion(clause: _Clause, forgotten: str, known: Sequence[MemorySlots]) -> list[_SlotProposal]:
    """Propose a deletion, if exactly one memory says what the person asks to forget."""
    slots = [slot for slot in filled_slots(forgotten, clause.grammar) if slot.alone]
    meant = [
        memory
        for memory in known
        if sorted_words(memory.text) == sorted_words(forgotten)
        or (memory.slot and memory.slot.alone and any(slot.same(memory.slot) for slot in slots))
    ]
    return [_deletion_of(clause, meant[0])] if len(meant) == 1 else []


def _deletion_of(clause: _Clause, memory: MemorySlots) -> _SlotProposal:
    deletion = replace(_addition(clause, "fact"), action="delete", text="", target=memory.number, entities=())
    return _SlotProposal(deletion)


# -- corrections -----------------------------------------------------------------------------------


def _corrected_in_this_turn(clause: _Clause, proposed: Sequence[_SlotProposal]) -> _SlotProposal | None:
    """Apply "No, I meant Lisbon" if exactly one statement of this turn can be meant."""
    meant = clause.grammar.meant.match(clause.plain)
    places = [(each, each.slot) for each in proposed if each.slot and each.slot.name in _PLACES]
    if not meant or len(places) != 1:
        return None
    [(wrong, slot)] = places
    return _corrected(clause, wrong.proposal, slot, wrong.proposal.text.replace(slot.value, meant["new"]))


def _corrected_memory(clause: _Clause, known: Sequence[MemorySlots]) -> _SlotProposal | None:
    """Apply "Actually it's Munich, not Berlin" if exactly one memory names Berlin; likes and dislikes stay."""
    swap = clause.grammar.swap.match(clause.plain)
    if not swap or filled_slots(clause.without_opening().plain, clause.grammar):
        return None
    if len(swap["old"]) <= 2 and not swap["old"].isdecimal():  # an article or the like
        return None
    old = re.compile(rf"\b{re.escape(swap['old'])}\b")
    wrong = [
        memory
        for memory in known
        if len(old.findall(memory.text)) == 1 and not any(slot.name.startswith(_TASTES) for slot in memory.slots)
    ]
    if len(wrong) != 1:
        return None
    meant = wrong[0].just_learned or any(old.search(slot.value) for slot in wrong[0].slots)
    misspelled = _spelled_alike(swap["new"], swap["old"]) and not _OF_ONESELF.search(clause.plain, 0, swap.start("new"))
    if not meant and not misspelled:
        return None
    return _change(clause, wrong[0], wrong[0].slot, old.sub(lambda _: swap["new"], wrong[0].text))


_OF_ONESELF = re.compile(r"\b(?:i|im|my|ich|mein|je|j'|yo|mi)\b", re.IGNORECASE)


def _spelled_alike(name: str, other: str) -> bool:
    """Return whether one may be a slip of the pen for the other: Maya and Maja, 14 and 4."""
    if name.isdecimal() and other.isdecimal():
        return True
    return name[:1] == other[:1] and SequenceMatcher(None, name, other).ratio() > MIN_ALIKE


def _corrected_last(clause: _Clause, known: Sequence[MemorySlots]) -> _SlotProposal | None:
    """Apply "Actually it's green" and "no, blue was right" to the one value of the turn before that can be meant."""
    instead = clause.grammar.instead.match(clause.plain)
    if not instead or filled_slots(clause.without_opening().plain, clause.grammar):
        return None
    new = next(value for value in instead.groups() if value).strip()
    last = [
        OutdatedPart(memory, slot)
        for memory in known
        for slot in (memory.slots if memory.just_learned else ())
        if slot.positive and _can_be(slot, new, clause.grammar)
    ]
    if len(last) != 1 or sorted_words(last[0].slot.value) == sorted_words(new):
        return None
    return _change(clause, last[0].memory, last[0].slot, last[0].with_value(new))


# Words with a capital letter that are neither a town nor somebody's name: "No, it's English".
_NO_NAMES = frozenset(
    "mum mom dad mama papa maman mamá papá madame monsieur thanks typo christmas easter halloween weihnachten ostern "
    "noël pâques navidad english german french spanish portuguese italian dutch he she i it sorry god".split()
)


def _can_be(slot: FilledSlot, value: str, grammar: Grammar) -> bool:
    """Return whether the value of a slot may be corrected with this one, and is not said of the moment instead."""
    spoken = words(value)
    if any(word in TIME_WORDS or word in _NO_NAMES for word in spoken):
        return False
    if grammar.colours.fullmatch(slot.value):
        return slot.name.startswith("favourite") and bool(grammar.colours.fullmatch(value))
    return slot.name.startswith(("home", "employer", "name", "favourite")) and value[0].isupper()


def _change(clause: _Clause, memory: MemorySlots, slot: FilledSlot | None, text: str) -> _SlotProposal:
    kind: Kind = "preference" if slot and slot.name.startswith(_TASTES) else "fact"
    update = replace(_addition(clause, kind), action="update", target=memory.number)
    return _corrected(clause, update, slot, text)


def _corrected(clause: _Clause, wrong: Proposal, slot: FilledSlot | None, text: str) -> _SlotProposal:
    return _SlotProposal(replace(wrong, text=text, quote=clause.text, language=clause.grammar.language), slot)


# -- the day that a sentence names -----------------------------------------------------------------

_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTH_NAME = r"[^\W\d_]{3,10}"
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th|er|º)? (?:of |de )?({_MONTH_NAME})\.?,? (?:of |de(?:l)? )?(\d{{4}})\b"
)
_MONTH_FIRST = re.compile(rf"\b({_MONTH_NAME}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b")


def _day_named(sentence: str, grammar: Grammar, today: date) -> str | None:
    """Return the day that a sentence names, as ISO 8601; None if it names none, or several."""
    days = set(_full_dates(sentence, grammar)) | set(_relative_days(sentence, grammar, today))
    return days.pop().isoformat() if len(days) == 1 else None


def _full_dates(sentence: str, grammar: Grammar) -> Iterator[date]:
    named = [(year, month, day) for year, month, day in _ISO_DATE.findall(sentence)]
    named += [(year, _month(word, grammar), day) for day, word, year in _DAY_FIRST.findall(sentence)]
    named += [(year, _month(word, grammar), day) for word, day, year in _MONTH_FIRST.findall(sentence)]
    for year, month, day in named:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:  # there is no such day, or the word is no month
            continue


def _month(word: str, grammar: Grammar) -> int:
    return grammar.months.index(word.casefold()) + 1 if word.casefold() in grammar.months else 0


def _relative_days(sentence: str, grammar: Grammar, today: date) -> Iterator[date]:
    for pattern, days in grammar.days:
        if pattern.search(sentence):
            try:
                yield today + timedelta(days=days)
            except OverflowError:  # the day is outside the calendar
                continue
