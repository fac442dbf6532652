"""Learns without a model: proposes to keep plain statements in the first person, in the person's own words.

It reads English, German, French and Spanish. It misses something rather than keeping something wrong: it ignores every
sentence that is no plain statement in a known form, such as a question, request, supposition, quotation, draft, fiction
or joke. It infers nothing and makes up no words: the text of a proposal is a clause as it was said, or a known memory
in which the person corrected one word. It deletes a memory only if exactly one can be meant.

The sections of this file are: the sentences of a message, the slots (name, home, employer, …) that a clause fills, the
proposals, and the day that a sentence names. The patterns are in english.py, french.py, german.py and spanish.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

from ..facts import Fact, Kind, Proposal, Said
from ..plain_text import comparable
from .ages import without_month
from .grammar import Grammar, SlotRule
from .handed_over import GRAMMARS, LEFT_OUT, without_handed_over
from .own_words import MAX_TYPED, plain_text, without_announced_text, without_quotations

__all__ = ["propose", "slots_of"]

MAX_SENTENCE = 400  # longer ones are not plain statements
MIN_WORDS = 2


def propose(said: Sequence[Said], near: Sequence[Fact] = (), zone: tzinfo | None = None) -> list[Proposal]:
    """Propose additions, and changes of the memories in `near`, from what the person says about themselves.

    "Yesterday" is counted in `zone`, or else in the timezone of the message's own time.
    """
    local = [replace(each, at=each.at.astimezone(zone)) if zone else each for each in said]
    own = [each for each in local if each.role == "user" and len(each.content) <= MAX_TYPED]
    if any(grammar.veto.search(plain_text(each.content)) for each in own for grammar in GRAMMARS):
        return []
    known = [_known_memory(number, fact) for number, fact in enumerate(near, 1)]
    asks = any("?" in each.content for each in own)
    proposed: list[_SlotProposal] = []
    for clauses in (clauses for each in own for clauses in _clauses_by_language(each)):
        corrections = (_corrected_in_this_turn(clause, proposed) for clause in clauses)
        corrected = next((each for each in corrections if each), None)
        if corrected:
            proposed = [each for each in proposed if each.slot != corrected.slot]
            proposed.append(corrected)
        else:
            proposed.extend(next(filter(None, (_from_sentence(clause, known, asks) for clause in clauses)), []))
    return [each.proposal for each in proposed]


# -- sentences -------------------------------------------------------------------------------------

_BULLETS = "-*•–— \t¡¿>)("
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

    def part(self, start: int, end: int | None = None) -> _Clause:
        """Return a part of the clause, without the punctuation at its ends."""
        text, plain = self.text[start:end], self.plain[start:end]
        first = len(plain) - len(plain.lstrip(_BULLETS + ",;:"))
        last = len(plain.rstrip(" ,;:"))
        return replace(self, text=text[first:last], plain=plain[first:last])

    def without_opening(self) -> _Clause:
        """Return the clause without greetings and fillers before the statement."""
        clause = self
        opening = self.grammar.opening.match(clause.plain)
        while opening and opening.end():
            clause = clause.part(opening.end())
            opening = self.grammar.opening.match(clause.plain)
        return clause

    def without_tail(self) -> _Clause:
        """Return the clause without the request or the question that follows the statement."""
        tail = self.grammar.tail.search(self.plain, 1)
        return self.part(0, tail.start()) if tail else self


def _clauses_by_language(said: Said) -> Iterator[list[_Clause]]:
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


# -- slots -----------------------------------------------------------------------------------------

# Slots that a name fills. They count in any clause of a sentence: "Dejé Zara y ahora trabajo en Mango".
_PLACES = ("name", "home", "employer")
_TASTES = ("likes", "favourite")
# In these slots, more words add detail ("Lisbon", "the old town of Lisbon") and are not another value.
_DETAILED = frozenset({"name", "home", "employer", "job"})
_CLAUSE_START = re.compile(r"(?:,|;| -|\b(?:and|but|und|aber|et|mais|y|e|pero)\b)[ ,]*(?:now )?", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_SHORT_FORMS = {"m": "am", "re": "are", "ve": "have", "s": "is"}


@dataclass(frozen=True)
class _FilledSlot:
    """A slot that a text fills, and its value."""

    name: str
    value: str
    positive: bool
    start: int
    alone: bool  # the text says nothing else

    def same(self, other: _FilledSlot) -> bool:
        """Return whether both say the same."""
        equal = _sorted_words(self.value) == _sorted_words(other.value)
        return self.name == other.name and self.positive == other.positive and equal

    def contradicts(self, other: _FilledSlot) -> bool:
        """Return whether the other value can no longer be true if this one is."""
        if self.name != other.name:
            return False
        mine, theirs = set(_sorted_words(self.value)), set(_sorted_words(other.value))
        if self.name == "likes" or not self.positive:
            return mine == theirs and self.positive != other.positive
        return other.positive and (not mine <= theirs if self.name in _DETAILED else mine != theirs)


@dataclass(frozen=True)
class _KnownMemory:
    """A memory with its number, and the slot it fills if it fills exactly one."""

    number: int
    text: str
    slot: _FilledSlot | None
    just_learned: bool


def _known_memory(number: int, fact: Fact) -> _KnownMemory:
    text = without_month(fact.text)
    return _KnownMemory(number, text, _only_slot(text), fact.just_learned)


def _sorted_words(text: str) -> list[str]:
    """Return the words of a text, sorted, with short forms written out."""
    return sorted(_SHORT_FORMS.get(word, word) for word in _WORD.findall(comparable(text)))


def _filled_slots(text: str, grammar: Grammar, *, own: bool = True) -> list[_FilledSlot]:
    """Return the slots that a text fills at the start of a clause; `own` if the text is the person's, not a memory."""
    starts = [0, *(clause.end() for clause in _CLAUSE_START.finditer(text))]
    slots: dict[str, _FilledSlot] = {}
    for start in starts:
        for rule in grammar.slots:
            match = (rule.said if own else rule.remembered).match(text, start)
            if match:
                slots.setdefault(rule.slot, _filled_slot(rule, match, text, grammar))
                break
    return list(slots.values())


def _filled_slot(rule: SlotRule, match: re.Match[str], text: str, grammar: Grammar) -> _FilledSlot:
    value = match["value"].strip()
    article = grammar.article.match(value)
    topic = match.groupdict().get("topic")
    return _FilledSlot(
        name=f"{rule.slot} {comparable(topic)}" if topic else rule.slot,
        value=value[article.end() :] if article else value,
        positive=rule.positive,
        start=match.start(),
        alone=match.start() == 0 and not text[match.end() :].strip(" .!…"),
    )


def _only_slot(memory: str) -> _FilledSlot | None:
    """Return the slot that a memory fills, if it fills exactly one, at its start."""
    for grammar in GRAMMARS if len(memory) <= MAX_SENTENCE else ():
        slots = _filled_slots(plain_text(memory), grammar, own=False)
        if slots:
            return slots[0] if len(slots) == 1 and slots[0].start == 0 else None
    return None


def slots_of(memory: str) -> frozenset[str]:
    """Return the names of the slots that a memory fills for the person: "home" for "I live in Ghent"."""
    plain = plain_text(memory[:MAX_SENTENCE])
    filled = (slot for grammar in GRAMMARS for slot in _filled_slots(plain, grammar, own=False))
    return frozenset(slot.name for slot in filled if slot.positive)


def _outdated_by(slot: _FilledSlot, known: Sequence[_KnownMemory]) -> _KnownMemory | None:
    """Return the memory that a slot makes untrue, if there is exactly one."""
    old = [each for each in known if each.slot and slot.contradicts(each.slot)]
    return old[0] if len(old) == 1 else None


# -- proposals -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SlotProposal:
    """A proposal, and the slot that it fills."""

    proposal: Proposal
    slot: _FilledSlot | None = None


def _from_sentence(clause: _Clause, known: Sequence[_KnownMemory], asks: bool) -> list[_SlotProposal]:
    """Return the proposals of one sentence, read in one language; `asks` if the turn asks a question."""
    grammar = clause.grammar
    corrected = None if asks else _corrected_memory(clause, known)
    if corrected:
        return [corrected]
    clause = clause.without_opening()
    if grammar.forget_last.match(clause.plain):
        return [_deletion_of(clause, memory) for memory in known if memory.just_learned]
    forget = grammar.forget.match(clause.plain)
    if forget:
        return _deletion(clause, forget["clause"], known)
    remember = grammar.remember.match(clause.plain)
    whole = clause.part(remember.end() if remember else 0)
    if "?" not in whole.plain and grammar.instruction.match(whole.plain):
        return [_statement(whole, "instruction", _filled_slots(whole.plain, grammar), known)]
    clause = whole.without_tail()
    if "?" in clause.plain or len(clause.plain.split()) < MIN_WORDS or grammar.refusal.search(clause.plain):
        return []
    return _statements(clause, known, asked_to_remember=bool(remember))


def _statements(clause: _Clause, known: Sequence[_KnownMemory], *, asked_to_remember: bool) -> list[_SlotProposal]:
    """Propose the clause as one statement, or as several if its parts outdate several memories."""
    grammar = clause.grammar
    when = grammar.when.match(clause.plain)
    stated = clause.plain[when.end() :] if when else clause.plain
    slots = _filled_slots(clause.plain, grammar) or _filled_slots(stated, grammar)
    first = next((slot for slot in slots if slot.start == 0), None)
    kind: Kind | None = next((kind for form, kind in grammar.statements if form.match(stated)), None)
    if first:
        kind = "preference" if first.name.startswith(_TASTES) else kind or "fact"
    if kind is None and not asked_to_remember and not any(slot.name in _PLACES for slot in slots):
        return []
    if sum(_outdated_by(slot, known) is not None for slot in slots) <= 1:
        return [_statement(clause, kind or "fact", slots, known)]
    starts = sorted(slot.start for slot in slots)
    ends = {slot.start: next((start for start in starts if start > slot.start), None) for slot in slots}
    parts = [(slot, clause.part(slot.start, ends[slot.start])) for slot in slots]
    return [_statement(part, kind or "fact", [slot], known) for slot, part in parts]


def _statement(
    clause: _Clause, kind: Kind, slots: Sequence[_FilledSlot], known: Sequence[_KnownMemory]
) -> _SlotProposal:
    """Propose the clause as it was said: as an update of the memory it outdates, as a known memory, or as a new one."""
    first = slots[0] if slots else None
    added = _SlotProposal(_addition(clause, kind), first)
    if clause.grammar.also.search(clause.plain):
        return added
    for slot in slots:
        old = _outdated_by(slot, known)
        if old:
            return replace(added, proposal=replace(added.proposal, action="update", target=old.number))
    if first and first.alone and len(slots) == 1:
        again = next((each for each in known if each.slot and first.same(each.slot)), None)
        return replace(added, proposal=replace(added.proposal, text=again.text)) if again else added
    return added


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


def _deletion(clause: _Clause, forgotten: str, known: Sequence[_KnownMemory]) -> list[_SlotProposal]:
    """Propose a deletion, if exactly one memory says what the person asks to forget."""
    slots = [slot for slot in _filled_slots(forgotten, clause.grammar) if slot.alone]
    meant = [
        memory
        for memory in known
        if _sorted_words(memory.text) == _sorted_words(forgotten)
        or (memory.slot and memory.slot.alone and any(slot.same(memory.slot) for slot in slots))
    ]
    return [_deletion_of(clause, meant[0])] if len(meant) == 1 else []


def _deletion_of(clause: _Clause, memory: _KnownMemory) -> _SlotProposal:
    deletion = replace(_addition(clause, "fact"), action="delete", text="", target=memory.number, entities=())
    return _SlotProposal(deletion)


def _corrected_in_this_turn(clause: _Clause, proposed: Sequence[_SlotProposal]) -> _SlotProposal | None:
    """Apply "No, I meant Lisbon" if exactly one statement of this turn can be meant."""
    meant = clause.grammar.meant.match(clause.plain)
    places = [(each, each.slot) for each in proposed if each.slot and each.slot.name in _PLACES]
    if not meant or len(places) != 1:
        return None
    [(wrong, slot)] = places
    return _corrected(clause, wrong.proposal, slot, slot.value, meant["new"])


def _corrected_memory(clause: _Clause, known: Sequence[_KnownMemory]) -> _SlotProposal | None:
    """Apply "Actually it's Munich, not Berlin" if exactly one memory names Berlin; likes and dislikes stay."""
    swap = clause.grammar.swap.match(clause.plain)
    if not swap or _filled_slots(clause.without_opening().plain, clause.grammar):
        return None
    wrong = [
        memory
        for memory in known
        if _sorted_words(memory.text).count(swap["old"].casefold()) == 1
        and swap["old"] in memory.text
        and not (memory.slot and memory.slot.name.startswith(_TASTES))
    ]
    if len(wrong) != 1:
        return None
    update = replace(_addition(clause, "fact"), action="update", text=wrong[0].text, target=wrong[0].number)
    return _corrected(clause, update, wrong[0].slot, swap["old"], swap["new"])


def _corrected(clause: _Clause, wrong: Proposal, slot: _FilledSlot | None, old: str, new: str) -> _SlotProposal:
    text = wrong.text.replace(old, new)
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
