"""Proposals and what is known, to writes and drops. Pure: decides, and touches nothing.

Here stands what a model may not decide: the quote must be the person's own words of this turn, a target
must have been shown, a repeat is no news, a secret never enters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from memory.facts import Drop, Fact, Proposal, Said, Write
from plaintext import comparable, storable

__all__ = ["reconcile"]

MAX_TEXT, MAX_QUOTE, MAX_WRITES = 1_000, 2_000, 20
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|xox[abp]|sb_secret)[-_][A-Za-z0-9_-]{12,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.[\w-]{10,}"
    r"|\b(?:password|passwort|passcode|contraseña|mot de passe|pin(?: code| number)?|cvv|secret key)\b"
    r"(?:['’]s\s+|\s*[:=]\s*|\s+(?:is|are|was|ist|est|es)[\s:=]+)\S+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![+\d])\d(?:[ -]?\d){11,}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")


def reconcile(
    proposals: Sequence[Proposal], said: Sequence[Said], shown: Sequence[Fact]
) -> tuple[list[Write], list[Drop]]:
    """Split what was proposed into what will be written and what is not believed, each with its reason."""
    writes: list[Write] = []
    drops: list[Drop] = []
    known = {comparable(fact.text) for fact in shown}
    for proposal in proposals:
        spoken = _spoken(proposal, said)
        problem = _problem(proposal, spoken, shown, known) or (
            "too many at once" if len(writes) >= MAX_WRITES else None
        )
        if problem or spoken is None:
            # A drop is noted down, too: a secret must not be kept as what was not kept.
            text = "" if _tells_secret(proposal) else storable(proposal.text[:MAX_TEXT])
            drops.append(Drop(text, problem or ""))
            continue
        writes.append(_write(proposal, spoken, shown, known))
        known.add(comparable(proposal.text))
    return writes, drops


def _spoken(proposal: Proposal, said: Sequence[Said]) -> Said | None:
    """The message of the person in which the quote stands."""
    quote = comparable(proposal.quote)
    own_words = (each for each in said if each.role == "user")
    return next((each for each in own_words if quote and quote in comparable(each.content)), None)


def _problem(proposal: Proposal, spoken: Said | None, shown: Sequence[Fact], known: set[str]) -> str | None:
    if spoken is None:
        return "the quote is not in the person's words"
    if proposal.action != "add" and (proposal.target is None or not 1 <= proposal.target <= len(shown)):
        return "it names a memory that was not shown"
    if proposal.action == "delete":
        return None
    if not proposal.text.strip():
        return "it says nothing"
    if len(proposal.text) > MAX_TEXT or len(proposal.quote) > MAX_QUOTE:
        return "it is too long"
    if _tells_secret(proposal):
        return "it holds a secret"
    if comparable(proposal.text) in known and (proposal.action == "add" or _same(proposal, shown)):
        return "it is already known"
    return None


def _same(proposal: Proposal, shown: Sequence[Fact]) -> bool:
    """Whether an update would leave its target as it is."""
    return bool(proposal.target) and comparable(shown[(proposal.target or 0) - 1].text) == comparable(proposal.text)


def holds_secret(text: str) -> bool:
    """Whether a text holds a password, a key, or a card or account number."""
    return bool(_SECRET.search(text) or _IBAN.search(text) or any(map(_holds_card, _DIGITS.findall(text))))


def _tells_secret(proposal: Proposal) -> bool:
    return any(map(holds_secret, (proposal.text, proposal.quote, proposal.reason)))


def _holds_card(digits: str) -> bool:
    """Whether groups that stand together make a card's number; a date or a security code may follow it."""
    groups = re.split("[ -]", digits)
    spans = ("".join(groups[start:end]) for start in range(len(groups)) for end in range(start + 1, start + 20))
    return any(12 <= len(span) <= 19 and _is_card(span) for span in spans)


def _is_card(digits: str) -> bool:
    """Luhn's check, so that a long order number is not taken for a card."""
    numbers = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _write(proposal: Proposal, spoken: Said, shown: Sequence[Fact], known: set[str]) -> Write:
    target = shown[proposal.target - 1] if proposal.action != "add" and proposal.target else None
    return Write(
        # Corrected into what another memory says already: one of the two goes.
        action="delete" if comparable(proposal.text) in known else proposal.action,
        text=storable(proposal.text.strip()),
        kind=proposal.kind,
        quote=storable(proposal.quote.strip()),
        fact_id=target.id if target else None,
        happened_at=_date(proposal.happened_at),
        language=proposal.language if _LANGUAGE.fullmatch(proposal.language or "") else None,
        reason="" if holds_secret(proposal.reason) else storable(proposal.reason[:MAX_TEXT]),
        said=spoken,
    )


def _date(value: str | None) -> str | None:
    """An ISO date, or nothing: a model's "last spring" is not a date."""
    try:
        return date.fromisoformat((value or "")[:10]).isoformat()
    except ValueError:
        return None
