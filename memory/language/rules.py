"""Without a model: takes first-person statements sentence by sentence, in the person's own words.

English, German, French and Spanish. Precision before recall: what is no plain statement in a form known
here gives nothing, and so do questions, requests, suppositions, quotations, drafts, fiction and jokes. It
never infers. It writes words of its own nowhere: a text is the person's clause as said, or a known memory
in which the person has put one word right; that, too, is quoted. It deletes only what is named beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from memory.facts import Fact, Kind, Proposal, Said
from memory.language.english import ENGLISH
from memory.language.french import FRENCH
from memory.language.german import GERMAN
from memory.language.grammar import Grammar
from memory.language.rule_dates import day_named
from memory.language.sentences import MAX_MESSAGE, plain, sentences
from memory.language.slots import Reading, Shown, clauses, read, replaced, said_again, shown, words
from memory.language.spanish import SPANISH

__all__ = ["GRAMMARS", "propose"]

GRAMMARS: tuple[Grammar, ...] = (ENGLISH, GERMAN, FRENCH, SPANISH)
MIN_WORDS = 2
# Slots that one name fills. They count in any clause of a sentence: "Dejé Zara y ahora trabajo en Mango".
PLACES = ("name", "home", "employer")
_BULLETS = "-*•–— \t¡¿>)("


@dataclass(frozen=True)
class _Clause:
    """A part of a sentence, cleaned of what comes before and after; `plain` and `text` match sign for sign."""

    text: str
    plain: str
    said: Said
    grammar: Grammar

    def part(self, start: int, end: int | None = None) -> _Clause:
        """A part of it, without the signs that joined it to the rest."""
        text, words = self.text[start:end], self.plain[start:end]
        lead = len(words) - len(words.lstrip(_BULLETS + ",;:"))
        kept = len(words.rstrip(" ,;:"))
        return replace(self, text=text[lead:kept], plain=words[lead:kept])


@dataclass(frozen=True)
class _Draft:
    """A proposal, and the slot it fills."""

    proposal: Proposal
    reading: Reading | None = None


def propose(said: Sequence[Said], near: Sequence[Fact] = (), zone: tzinfo | None = None) -> list[Proposal]:
    """What the person states of themself, as additions and as updates of the memories shown.

    "Yesterday" is counted in `zone`, or in the zone that the message's own time has.
    """
    local = [replace(each, at=each.at.astimezone(zone)) if zone else each for each in said]
    own = [each for each in local if each.role == "user" and len(each.content) <= MAX_MESSAGE]
    if any(grammar.veto.search(plain(each.content)) for each in own for grammar in GRAMMARS):
        return []
    known = shown(near, GRAMMARS)
    asked = any("?" in each.content for each in own)
    drafts: list[_Draft] = []
    for readings in (readings for each in own for readings in _sentences(each)):
        corrected = next((_put_right(clause, drafts) for clause in readings if _put_right(clause, drafts)), None)
        if corrected:
            drafts = [draft for draft in drafts if draft.reading != corrected.reading]
            drafts.append(corrected)
        else:
            drafts.extend(next(filter(None, (_read(clause, known, asked) for clause in readings)), []))
    return [draft.proposal for draft in drafts]


def _sentences(said: Said) -> Iterator[list[_Clause]]:
    """The person's own sentences, up to the first that begins to suppose; each to be read in every language."""
    whole = plain(said.content)
    for start, end in sentences(said.content, GRAMMARS):
        if any(grammar.supposing.search(whole, start, end) for grammar in GRAMMARS):
            return
        yield [_Clause(said.content[start:end], whole[start:end], said, grammar).part(0) for grammar in GRAMMARS]


def _read(clause: _Clause, known: Sequence[Shown], asked: bool) -> list[_Draft]:
    """What one sentence proposes, read in one language."""
    grammar = clause.grammar
    swapped = None if asked else _swapped(clause, known)
    if swapped:
        return [swapped]
    clause = _opened(clause)
    forget = grammar.forget.match(clause.plain)
    if forget:
        return _taken_back(clause, forget["clause"], known)
    asked_to = grammar.remember.match(clause.plain)
    whole = clause.part(asked_to.end() if asked_to else 0)
    if "?" not in whole.plain and grammar.instruction.match(whole.plain):
        return [_kept(whole, "instruction", read(whole.plain, grammar), known)]
    clause = _without_tail(whole)
    if "?" in clause.plain or len(clause.plain.split()) < MIN_WORDS:
        return []
    if grammar.refusal.search(clause.plain):
        return []
    return _stated(clause, known, asked_for=bool(asked_to))


def _stated(clause: _Clause, known: Sequence[Shown], *, asked_for: bool) -> list[_Draft]:
    grammar = clause.grammar
    when = grammar.when.match(clause.plain)
    stated = clause.plain[when.end() :] if when else clause.plain
    readings = read(clause.plain, grammar) or read(stated, grammar)
    first = next((reading for reading in readings if reading.start == 0), None)
    kind: Kind | None = next((kind for form, kind in grammar.statements if form.match(stated)), None)
    if first:
        kind = "preference" if first.slot.startswith(("likes", "favourite")) else kind or "fact"
    if kind is None and not asked_for and not any(reading.slot in PLACES for reading in readings):
        return []
    if sum(replaced(reading, known) is not None for reading in readings) > 1:
        parts = [(reading, clause.part(start, end)) for reading, start, end in clauses(clause.plain, readings)]
        return [_kept(part, kind or "fact", [reading], known) for reading, part in parts]
    return [_kept(clause, kind or "fact", readings, known)]


def _kept(clause: _Clause, kind: Kind, readings: Sequence[Reading], known: Sequence[Shown]) -> _Draft:
    """The clause as said: in place of the one memory it outdates, as that memory again, or as a new one."""
    first = readings[0] if readings else None
    draft = _Draft(_proposal(clause, kind), first)
    if clause.grammar.also.search(clause.plain):
        return draft
    for reading in readings:
        old = replaced(reading, known)
        if old:
            return replace(draft, proposal=replace(draft.proposal, action="update", target=old.number))
    again = said_again(first, known) if first and first.alone and len(readings) == 1 else None
    return replace(draft, proposal=replace(draft.proposal, text=again.text)) if again else draft


def _proposal(clause: _Clause, kind: Kind) -> Proposal:
    grammar = clause.grammar
    kin = grammar.kin.search(clause.plain)
    return Proposal(
        action="add",
        text=clause.text,
        kind=kind,
        quote=clause.text,
        happened_at=day_named(clause.plain, grammar, clause.said.at.date()),
        language=grammar.language,
        reason="the person said so",
        entities=((kin["name"], kin["kin"]),) if kin else (),
    )


def _opened(clause: _Clause) -> _Clause:
    """Without greetings and the like before the statement."""
    opening = clause.grammar.opening.match(clause.plain)
    while opening and opening.end():
        clause = clause.part(opening.end())
        opening = clause.grammar.opening.match(clause.plain)
    return clause


def _without_tail(clause: _Clause) -> _Clause:
    """Without the request or the question that follows the statement."""
    tail = clause.grammar.tail.search(clause.plain, 1)
    return clause.part(0, tail.start()) if tail else clause


def _taken_back(clause: _Clause, taken: str, known: Sequence[Shown]) -> list[_Draft]:
    """A deletion, if exactly one memory says just what is taken back."""
    readings = [reading for reading in read(taken, clause.grammar) if reading.alone]
    meant = [
        each
        for each in known
        if words(each.text) == words(taken)
        or (each.reading and each.reading.alone and any(reading.same(each.reading) for reading in readings))
    ]
    if len(meant) != 1:
        return []
    return [_Draft(replace(_proposal(clause, "fact"), action="delete", text="", target=meant[0].number, entities=()))]


def _put_right(clause: _Clause, drafts: Sequence[_Draft]) -> _Draft | None:
    """ "No, I meant Lisbon", after exactly one statement of this turn that Lisbon can be about."""
    meant = clause.grammar.meant.match(clause.plain)
    said = [draft for draft in drafts if draft.reading and draft.reading.slot in PLACES]
    if not meant or len(said) != 1:
        return None
    return _corrected(
        clause, said[0].proposal, said[0].reading, said[0].reading.value if said[0].reading else "", meant["new"]
    )


def _swapped(clause: _Clause, known: Sequence[Shown]) -> _Draft | None:
    """ "Actually it's Munich, not Berlin", where one memory tells of Berlin; tastes are left alone."""
    swap = clause.grammar.swap.match(clause.plain)
    if not swap or read(_opened(clause).plain, clause.grammar):
        return None
    old = [
        each
        for each in known
        if words(each.text).count(swap["old"].casefold()) == 1
        and swap["old"] in each.text
        and not (each.reading and each.reading.slot.startswith(("likes", "favourite")))
    ]
    if len(old) != 1:
        return None
    update = replace(_proposal(clause, "fact"), action="update", text=old[0].text, target=old[0].number)
    return _corrected(clause, update, old[0].reading, swap["old"], swap["new"])


def _corrected(clause: _Clause, wrong: Proposal, reading: Reading | None, old: str, new: str) -> _Draft:
    text = wrong.text.replace(old, new)
    return _Draft(replace(wrong, text=text, quote=clause.text, language=clause.grammar.language), reading)
