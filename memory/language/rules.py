"""Without a model: takes first-person statements sentence by sentence, in the person's own words.

English, German, French and Spanish. Precision before recall: what is no plain statement in a form known
here gives nothing, and so do questions, requests, suppositions, quotations, drafts, fiction and jokes. It
never infers. It writes words of its own nowhere: a text is the person's clause as said, or a known memory
in which the person has put one word right; that, too, is quoted. It deletes only what is named beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

from ..facts import Fact, Kind, Proposal, Said
from ..plain_text import comparable
from .english import ENGLISH
from .french import FRENCH
from .german import GERMAN
from .grammar import Grammar, SlotRule
from .spanish import SPANISH

__all__ = [
    "GRAMMARS",
    "MAX_CHARACTERS_FOR_RULES",
    "MAX_SENTENCE",
    "Reading",
    "Shown",
    "clauses",
    "day_named",
    "plain",
    "propose",
    "read",
    "replaced",
    "said_again",
    "sentences",
    "shown",
    "words",
]

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
    own = [each for each in local if each.role == "user" and len(each.content) <= MAX_CHARACTERS_FOR_RULES]
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


_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_WORD = r"[^\W\d_]{3,10}"
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th|er|º)? (?:of |de )?({_WORD})\.?,? (?:of |de(?:l)? )?(\d{{4}})\b"
)
_MONTH_FIRST = re.compile(rf"\b({_WORD}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b")


def day_named(sentence: str, grammar: Grammar, today: date) -> str | None:
    """The day, as ISO 8601, or nothing if there is none or more than one."""
    days = set(_dates(sentence, grammar)) | set(_counted(sentence, grammar, today))
    return days.pop().isoformat() if len(days) == 1 else None


def _dates(sentence: str, grammar: Grammar) -> Iterator[date]:
    named = [(year, month, day) for year, month, day in _ISO.findall(sentence)]
    named += [(year, _month(word, grammar), day) for day, word, year in _DAY_FIRST.findall(sentence)]
    named += [(year, _month(word, grammar), day) for word, day, year in _MONTH_FIRST.findall(sentence)]
    for year, month, day in named:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:  # no such day, or the word before the year is no month
            continue


def _month(word: str, grammar: Grammar) -> int:
    return grammar.months.index(word.casefold()) + 1 if word.casefold() in grammar.months else 0


def _counted(sentence: str, grammar: Grammar, today: date) -> Iterator[date]:
    for words, days in grammar.days:
        if words.search(sentence):
            try:
                yield today + timedelta(days=days)
            except OverflowError:  # the end of the calendar
                continue


# Longer messages are pasted, whatever they say.
MAX_CHARACTERS_FOR_RULES, MAX_SENTENCE = 10_000, 400
LEFT_OUT = "\ufffc"
# One sign for one sign, so that places in the plain text are places in the message.
_PLAIN = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("\t\xa0\u202f\u2009\r", " "))
_NOT_ONES_OWN = re.compile(
    r"""
      ```.*?(?:```|\Z)                        # code, closed or not
    | `[^`\n]*`
    | ^(?:>|\ {4}|\t)[^\n]*                   # a quoted or an indented line
    | "[^"]*(?:"|\Z) | “[^”"]*(?:[”"]|\Z)     # words between marks; a mark left open leaves out the rest
    | „[^“”"]*(?:[“”"]|\Z) | «[^»]*(?:»|\Z) | »[^«]*(?:«|\Z)
    | (?<!\w)['‘](?=\w)[^\n]*                 # single marks also serve as apostrophes: to the end of the line
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_END = re.compile(
    r"""
      [!?…\n]+
    | (?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bSt)(?<!\bSra)(?<!\bSr)(?<!\d) \.+ (?=\s|\Z)
    | (?<=\d) \.+ (?=\s|\Z) (?!\ (?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\b)   # "4. Juli" goes on
    """,
    re.VERBOSE,
)
_COLON = re.compile(r":(?=\s|\Z)")
_BEFORE_COLON = re.compile(r"[.!?…\n]")


def plain(text: str) -> str:
    """The text with one form for apostrophes and spaces, sign for sign."""
    return text.translate(_PLAIN)


def sentences(content: str, grammars: Sequence[Grammar]) -> Iterator[tuple[int, int]]:
    """Where the person's own sentences begin and end."""
    own = _without_rest(_NOT_ONES_OWN.sub(_left_out, content), grammars)
    for start, end in _spans(plain(own)):
        if LEFT_OUT not in own[start:end] and end - start <= MAX_SENTENCE:
            yield start, end


def _left_out(found: re.Match[str]) -> str:
    return LEFT_OUT * len(found.group())


def _without_rest(text: str, grammars: Sequence[Grammar]) -> str:
    """Without what follows a colon, and what announces it: a draft, a quotation, a text to work on."""
    sentence_start = 0
    for colon in _COLON.finditer(text):
        for mark in _BEFORE_COLON.finditer(text, sentence_start, colon.start()):
            sentence_start = mark.end()
        announced = plain(text[sentence_start : colon.start()]).strip()
        if not any(grammar.preface.match(announced) for grammar in grammars):
            return text[:sentence_start] + LEFT_OUT * (len(text) - sentence_start)
        sentence_start = colon.end()
    return text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _END.finditer(text):
        yield from _trimmed(text, start, mark.end())
        start = mark.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    said = text[start:end]
    start += len(said) - len(said.lstrip())
    end -= len(said) - len(said.rstrip())
    if start < end:
        yield start, end


_CLAUSE = re.compile(r"(?:,|;| -|\b(?:and|but|und|aber|et|mais|y|e|pero)\b)[ ,]*(?:now )?", re.IGNORECASE)
_SLOT_WORD = re.compile(r"\w+")
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
    return sorted(_SHORT.get(word, word) for word in _SLOT_WORD.findall(comparable(text)))


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
