"""A turn to proposed operations: by one call of the memory model, or by plain rules where there is none.

It proposes only. What is believed is decided by reconcile.py. An answer that does not do is asked for once
more; after that the error goes up, and the turn is tried again later: it never counts as "nothing".
"""

from __future__ import annotations

from collections.abc import Sequence

from memory.errors import BadAnswer
from memory.facts import Action, Fact, Proposal, Said
from memory.language.words import words
from memory.learn import prompts
from memory.model import Model
from memory.rows.people import Person

__all__ = ["propose", "worth_reading"]

_SMALL_TALK = frozenset(
    "hi hello hey thanks thank you thx ok okay yes no yep nope sure great cool nice good morning evening night bye "
    "please go on continue more again lol haha wow hmm well right exactly perfect awesome danke hallo ja nein merci "
    "bonjour oui non gracias hola si sí vale grazie ciao so very much a lot bitte schön gut super top olá "
    "obrigado".split()
)


def worth_reading(said: Sequence[Said]) -> bool:
    """Whether the person said anything that could be kept; thanks and greetings cost no model call."""
    return any(
        len(told := words(each.content)) > 1 and any(word not in _SMALL_TALK and not word.isdigit() for word in told)
        for each in said
        if each.role == "user"
    )


def propose(
    said: Sequence[Said],
    near: Sequence[Fact],
    model: Model | None,
    instructions: prompts.Instructions | None = None,
    person: Person | None = None,
) -> list[Proposal]:
    """What to change, as far as this turn says."""
    if model is None:
        from memory.language import rules

        return rules.propose(said, near, person.zone if person else None)
    asked = prompts.remember(said, near, instructions, person)
    try:
        answer = model.answer(asked, prompts.Answer)
    except BadAnswer as error:
        answer = model.answer(prompts.repair(asked, error.said, str(error)), prompts.Answer)
    return [_proposal(each, each.action) for each in answer.operations if each.action != "none"]


def _proposal(operation: prompts.Operation, action: Action) -> Proposal:
    return Proposal(
        action=action,
        text=operation.text,
        kind=operation.kind,
        quote=operation.quote,
        target=operation.target,
        happened_at=operation.happened_at,
        language=operation.language,
        reason=operation.reason,
        entities=tuple(tuple(names) for names in operation.entities),
        relations=tuple((each[0], each[1], each[2]) for each in operation.relations if len(each) == 3),
    )
