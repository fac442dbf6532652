"""Decides which proposals are accepted, and turns them into writes; the others are refused with a reason. Pure.

The model cannot get around these rules: the quote must be the person's own words of this turn and prove the text; a
memory to change must have been shown; a repetition adds nothing; newer words are not overwritten; no secret is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from ..facts import Action, Entities, Fact, Proposal, RefusedProposal, Relations, Said, Write
from ..language.ages import with_month, without_month
from ..language.words import can_prove, content_words, same_statement, stands_in, states_in_one_word
from ..plain_text import comparable, storable
from .mentions import Mentions
from .secrets import holds_secret

__all__ = ["KNOWN", "NOT_SAID", "Decision", "bounded", "reconcile"]

KNOWN = "already known"  # the reason for refusing what a memory says already
NOT_SAID = "you didn't say this in that message"  # the reason for refusing what has no valid quote
MAX_TEXT, MAX_QUOTE, MAX_WRITES = 1_000, 2_000, 20
MAX_NAME, MAX_NAMES = 100, 20
_MONTH_OR_YEAR = re.compile(r"(?:19|20)\d{2}(?:-(?:0[1-9]|1[0-2]))?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


class Decision(NamedTuple):
    """The accepted writes, the refused proposals with reasons, and the ids of the memories that were said again."""

    writes: list[Write]
    refused: list[RefusedProposal]
    confirmed: list[str]


def reconcile(
    proposals: Sequence[Proposal], said: Sequence[Said], shown: Sequence[Fact], decision: Decision | None = None
) -> Decision:
    """Split the proposals into those that are accepted and those that are refused.

    With `decision`, that of earlier parts of the same turn, add to it.
    """
    decision = Decision([], [], []) if decision is None else decision
    for proposal in proposals:
        spoken = _message_with_quote(proposal, said)
        if proposal.action == "none":
            _confirm(_said_again(proposal, spoken, shown), decision)
            continue
        known = _says_the_same(proposal, shown, decision.writes)
        problem = _reason_against(proposal, spoken, shown)
        if problem is None and known is not None and _adds_nothing(proposal, known, shown):
            problem = KNOWN
            _confirm(known, decision)
        if problem is None and known is None and not _proved(proposal, spoken):
            problem = "your words don't say this"
        if problem is None and _assistants_words(proposal, said, known):
            problem = "the assistant said this, not you"
        if problem is None and _changed_already(proposal, shown, decision.writes):
            problem = "changed already in the same message"
        if problem is None and len(decision.writes) >= MAX_WRITES:
            problem = "too many at once"
        if problem or spoken is None:
            # Refused proposals are recorded, too; a secret must not be.
            text = "" if _tells_secret(proposal) else storable(proposal.text[:MAX_TEXT])
            decision.refused.append(RefusedProposal(text, problem or ""))
            continue
        decision.writes.append(_write(proposal, proposal.action, spoken, shown, known))
    return decision


def _confirm(known: Fact | Write | None, decision: Decision) -> None:
    """Note that a memory was said again."""
    if isinstance(known, Fact) and known.id not in decision.confirmed:
        decision.confirmed.append(known.id)


def _said_again(proposal: Proposal, spoken: Said | None, shown: Sequence[Fact]) -> Fact | None:
    """Return the memory that a proposal without a change is about, if the quote proves it."""
    target = _target(proposal, shown)
    if target is None or spoken is None or _only_handed_over(proposal, spoken):
        return None
    return target if can_prove(proposal.quote, target.text) else None


def _message_with_quote(proposal: Proposal, said: Sequence[Said]) -> Said | None:
    """Return the person's message that contains the quote."""
    own_words = (each for each in said if each.role == "user")
    return next((each for each in own_words if stands_in(proposal.quote, each.content)), None)


def _says_the_same(proposal: Proposal, shown: Sequence[Fact], writes: Sequence[Write]) -> Fact | Write | None:
    """Return the memory, or the write of this turn, that says the same already."""
    candidates: list[Fact | Write] = [*shown, *writes]
    text = without_month(proposal.text)
    return next((each for each in candidates if same_statement(without_month(each.text), text)), None)


def _changed_already(proposal: Proposal, shown: Sequence[Fact], writes: Sequence[Write]) -> bool:
    """Return whether this turn changes the target already: a second change would be based on its old text."""
    target = _target(proposal, shown)
    return target is not None and any(write.fact_id == target.id for write in writes)


def _adds_nothing(proposal: Proposal, known: Fact | Write, shown: Sequence[Fact]) -> bool:
    """Return whether a proposal adds what is known, or is an update that would change nothing."""
    if proposal.action == "add":
        return True
    target = _target(proposal, shown)
    return (
        proposal.action in ("update", "ask")
        and isinstance(known, Fact)
        and target is not None
        and known.id == target.id
    )


def _proved(proposal: Proposal, spoken: Said | None) -> bool:
    """Return whether the quote proves the text; a deletion has no text."""
    quote, text, said = proposal.quote, proposal.text, spoken.content if spoken else ""
    return (
        proposal.action == "delete"
        or can_prove(quote, text)
        or states_in_one_word(quote, text, said, proposal.language)
    )


def _assistants_words(proposal: Proposal, said: Sequence[Said], known: Fact | Write | None) -> bool:
    """Return whether most words of a text are the assistant's, which prove nothing."""
    theirs = "\n".join(each.content for each in said if each.role == "assistant")
    if known is not None or not theirs:
        return False
    text = content_words(proposal.text)
    own = content_words("\n".join(each.content for each in said if each.role == "user"))
    borrowed = (text - own) & content_words(theirs)
    return len(borrowed) >= 3 and 2 * len(borrowed) > len(text)


def _reason_against(proposal: Proposal, spoken: Said | None, shown: Sequence[Fact]) -> str | None:
    if spoken is None:
        return NOT_SAID
    target = _target(proposal, shown)
    if proposal.action != "add" and target is None:
        return "refers to an unknown memory"
    if target is not None and _changed_later(target, spoken):
        return "something newer is known"
    if _changes_instruction(proposal, target) and not _may_instruct(proposal, spoken):
        return "this instruction was in a text you pasted, not in your own words"
    if _only_handed_over(proposal, spoken):
        return "this was in a text you pasted, not in your own words"
    if proposal.action == "delete":
        return None
    if not proposal.text.strip():
        return "it says nothing"
    if proposal.text.rstrip().endswith(("?", "？")):
        return "a question, not a statement"
    if len(proposal.text) > MAX_TEXT or len(proposal.quote) > MAX_QUOTE:
        return "too long"
    if _tells_secret(proposal):
        return "contains a secret"
    return None


def _changes_instruction(proposal: Proposal, target: Fact | None) -> bool:
    """Return whether it adds or changes an instruction, which every later reply is given. A deletion adds none."""
    changed = target is not None and target.kind == "instruction"
    return proposal.action != "delete" and (changed or proposal.kind == "instruction")


def _may_instruct(proposal: Proposal, spoken: Said) -> bool:
    """Return whether the person asks for it themselves, now, and to this assistant."""
    from ..language.own_words import own_instruction  # loads the patterns of four languages

    return not spoken.is_imported and own_instruction(proposal.quote, spoken.content)


def _only_handed_over(proposal: Proposal, spoken: Said) -> bool:
    """Return whether the person only quotes or hands over what the proposal rests on."""
    from ..language.own_words import is_handed_over

    return is_handed_over(proposal.quote, spoken.content)


def _target(proposal: Proposal, shown: Sequence[Fact]) -> Fact | None:
    number = proposal.target
    if proposal.action == "add" or number is None or not 1 <= number <= len(shown):
        return None
    return shown[number - 1]


def _changed_later(target: Fact, spoken: Said) -> bool:
    """Return whether a memory was changed after this message, as happens when an old turn is read late."""
    try:
        written = datetime.fromisoformat(str(target.metadata.get("updated_at") or target.created_at))
    except ValueError:
        return False
    return written.astimezone(UTC) > spoken.at.astimezone(UTC)


def _tells_secret(proposal: Proposal) -> bool:
    return any(map(holds_secret, (proposal.text, proposal.quote, proposal.reason, *_names(proposal))))


def _names(proposal: Proposal) -> Iterable[str]:
    yield from (name for names in proposal.entities for name in names)
    yield from (part for relation in proposal.relations for part in relation)


def _write(
    proposal: Proposal, action: Action, spoken: Said, shown: Sequence[Fact], known: Fact | Write | None
) -> Write:
    target = _target(proposal, shown)
    # The correction may be what another memory says already; then the target is deleted.
    replaced = known is not None and action == "update"
    text = storable(proposal.text.strip())
    return Write(
        action="delete" if replaced else action,
        text=text if proposal.happened_at else with_month(text, spoken.at, proposal.language),
        kind=proposal.kind,
        quote=storable(proposal.quote.strip()),
        fact_id=target.id if target else None,
        happened_at=_date(proposal.happened_at),
        language=proposal.language if _LANGUAGE.fullmatch(proposal.language or "") else None,
        reason="" if holds_secret(proposal.reason) else storable(proposal.reason[:MAX_TEXT]),
        said=spoken,
        seen=target.text if target else None,
        entities=_bounded_entities(proposal.entities),
        relations=_bounded_relations(proposal.relations),
    )


def bounded(read: Mentions) -> Mentions:
    """Return what was read from a memory's words, without secrets and within what a memory may hold."""
    names = [name for each in (*read.entities, *read.relations) for name in each]
    if any(map(holds_secret, names)):
        return Mentions()
    language = read.language if _LANGUAGE.fullmatch(read.language or "") else None
    entities, relations = _bounded_entities(read.entities), _bounded_relations(read.relations)
    return Mentions(entities, relations, _date(read.happened_at), language)


def _bounded_entities(entities: Entities) -> Entities:
    bounded = (tuple(_name(name) for name in names[:MAX_NAMES] if comparable(name)) for names in entities[:MAX_NAMES])
    return tuple(names for names in bounded if names)


def _bounded_relations(relations: Relations) -> Relations:
    whole = (relation for relation in relations[:MAX_NAMES] if all(comparable(part) for part in relation))
    return tuple((_name(subject), _name(relation), _name(thing)) for subject, relation, thing in whole)


def _name(name: str) -> str:
    return storable(name.strip()[:MAX_NAME])


def _date(value: str | None) -> str | None:
    """Return an ISO date, a month ("2026-03") or a year, or None: a model may answer "last spring"."""
    if _MONTH_OR_YEAR.fullmatch(value or ""):
        return value
    try:
        return date.fromisoformat((value or "")[:10]).isoformat()
    except ValueError:
        return None
