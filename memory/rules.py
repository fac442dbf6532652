"""Without a model: takes first-person statements sentence by sentence, in the person's own words.

Precision before recall: questions, requests, greetings and suppositions give nothing. English only so
far; it never rewrites, infers or deletes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memory.facts import Kind, Proposal, Said

__all__ = ["propose"]

_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…]+(?!\s|$)[^.!?…\n]+)*[.!?…]*")
_OPENING = r"^(?:(?:hi|hello|hey|well|so|actually|also|and|oh|by the way|btw|(?:please )?remember(?: that)?)[\s,:!]+)*"
_DOING = (
    "am have had was live work use like love hate prefer enjoy want need own play study speak moved grew come drive "
    "run eat never always usually can(?:['’]t|not)? do(?:n['’]t| not)"
).split()
_STATEMENT = re.compile(
    _OPENING
    + r"(?:i(?:['’](?:m|ve)| (?:really )?(?:"
    + "|".join(_DOING)
    + r"))|my|we (?:have|live|are|use)|call me)\b",
    re.IGNORECASE,
)
_NOT_A_STATEMENT = re.compile(
    r"\?|\b(?:if i|what if|suppose|imagine|let['’]s say|pretend|hypothetically)\b"
    r"|\bi (?:want|need|would like|['’]d like) (?:you|to (?:know|ask|see|understand))\b"
    r"|\bi (?:don['’]t|do not) (?:know|understand|think|get|see|mean)\b"
    r"|\bi(?: am|['’]m) (?:sorry|sure|not sure|wondering|asking|looking for)\b"
    r"|\bi have (?:a|one|another) question\b|^my (?:bad|apologies|question)\b",
    re.IGNORECASE,
)
_LIKING = re.compile(r"\bi (?:really )?(?:like|love|hate|prefer|enjoy|don['’]t like|can['’]t stand)\b", re.IGNORECASE)
_AIM = re.compile(r"\bi(?: want|['’]d like| plan| hope| am going|['’]m going) to\b", re.IGNORECASE)
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = ((_LIKING, "preference"), (_AIM, "goal"))
MIN_WORDS, MAX_CHARACTERS = 3, 400


def propose(said: Sequence[Said]) -> list[Proposal]:
    """One addition for each first-person statement of the person."""
    return [
        Proposal("add", text=sentence, quote=sentence, kind=_kind(sentence), reason="the person said so")
        for each in said
        if each.role == "user"
        for sentence in _statements(each.content)
    ]


def _statements(content: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(content):
        sentence = match.group().strip()
        long_enough = len(sentence.split()) >= MIN_WORDS and len(sentence) <= MAX_CHARACTERS
        if long_enough and _STATEMENT.match(sentence) and not _NOT_A_STATEMENT.search(sentence):
            yield sentence


def _kind(sentence: str) -> Kind:
    return next((kind for pattern, kind in _KINDS if pattern.search(sentence)), "fact")
