"""What a reply is not to be told: memories that are switched off, and the words that would bring them back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from memory import Fact, Result
from memory.language.words import content_words

__all__ = ["do_without"]


def do_without(found: Sequence[Fact], ids: Collection[str], left_out: Sequence[Result]) -> list[Fact]:
    """What was recalled, without these memories and what was said of them: the turn they are from, replies that were
    told them, and whatever says the same."""
    turns = {each["metadata"].get("message_id") for each in left_out} - {None}
    texts = [content_words(each["memory"]) for each in left_out]

    def brings_back(fact: Fact) -> bool:
        if fact.source != "episodes":
            return False
        known = fact.metadata
        if {known.get("turn"), known.get("message_id")} & turns or set(known.get("used", ())) & set(ids):
            return True
        says = content_words(fact.text)
        return any(text and text <= says for text in texts)

    return [fact for fact in found if fact.id not in ids and not brings_back(fact)]
