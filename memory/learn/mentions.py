"""Whom and what a memory mentions when its words change: entities and relations that still hold, and new ones. Pure.

What was read from the new words comes first. Of the earlier entities and relations, those are kept that the new words
still name, so that a changed detail does not take somebody out of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..dates.spans import spans
from ..facts import Entities, Fact, Proposal, Relations
from ..language.words import content_words, invented, words
from ..plain_text import comparable

__all__ = ["Mentions", "mentioned", "mentions_of", "needs_reading", "same_days"]

_PERSON = "me"


@dataclass(frozen=True)
class Mentions:
    """What was read from a memory's words besides what it says."""

    entities: Entities = ()
    relations: Relations = ()
    happened_at: str | None = None
    language: str | None = None


def mentions_of(proposals: Iterable[Proposal]) -> Mentions:
    """Return what the additions among these proposals mention."""
    told = [each for each in proposals if each.action == "add"]
    return Mentions(
        tuple(dict.fromkeys(names for each in told for names in each.entities)),
        tuple(dict.fromkeys(relation for each in told for relation in each.relations)),
        told[0].happened_at if len(told) == 1 else None,
        next((each.language for each in told), None),
    )


def mentioned(fact: Fact, text: str, read: Mentions) -> dict[str, Any]:
    """Return the entities and relations of a memory that says `text` from now on, as its metadata lists them."""
    entities = _joined([list(each) for each in read.entities], _entities_left(fact, text))
    known = {comparable(name) for names in entities for name in names} | {_PERSON}
    relations = [list(each) for each in read.relations]
    relations += [each for each in _relations_left(fact, text, known) if each not in relations]
    return {name: values for name, values in (("entities", entities), ("relations", relations)) if values}


def needs_reading(fact: Fact, text: str) -> bool:
    """Return whether new words may mention other people, things or days than the old ones."""
    named = any(fact.metadata.get(key) for key in ("entities", "relations", "happened_at"))
    return named or bool(invented(text, [fact.text]))


def same_days(one: str, other: str) -> bool:
    """Return whether two texts name the same days in the same words."""
    now = datetime.now(UTC)
    return [each.text for each in spans(one, now)] == [each.text for each in spans(other, now)]


def _entities_left(fact: Fact, text: str) -> list[list[str]]:
    """Return the earlier entities that the new words name, without the names that only the old words had."""
    listed = fact.metadata.get("entities")
    left = []
    for names in listed if isinstance(listed, list) else []:
        texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        if _any_named(texts, text):
            left.append([name for name in texts if _is_named(name, text) or not _is_named(name, fact.text)])
    return left


def _relations_left(fact: Fact, text: str, known: set[str]) -> list[list[str]]:
    """Return the earlier relations between what is still named, unless the words that told them are gone."""
    listed = fact.metadata.get("relations")
    gone = content_words(fact.text) - content_words(text)
    return [
        list(each)
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, list)
        and len(each) == 3
        and all(isinstance(part, str) for part in each)
        and _ends_known(each, known, text)
        and not content_words(each[1]) & gone
    ]


def _joined(read: list[list[str]], left: list[list[str]]) -> list[list[str]]:
    """Add the earlier names of an entity to those that were read, and the earlier entities that were not."""
    for names in left:
        keys = set(map(comparable, names))
        same = next((each for each in read if keys & set(map(comparable, each))), None)
        if same is None:
            read.append(names)
        else:
            have = set(map(comparable, same))
            same += [name for name in names if comparable(name) not in have]
    return read


def _ends_known(relation: Iterable[str], known: set[str], text: str) -> bool:
    subject, _, thing = relation
    return all(comparable(each) in known or _is_named(each, text) for each in (subject, thing))


def _any_named(names: Iterable[str], text: str) -> bool:
    return any(_is_named(name, text) for name in names)


def _is_named(name: str, text: str) -> bool:
    """Return whether a name stands in a text, as whole words; "Ana" also in "Ana's"."""
    wanted = words(name)
    spoken = [word.removesuffix("'s") for word in words(text)] if wanted else []
    wanted = [word.removesuffix("'s") for word in wanted]
    return bool(wanted) and any(
        spoken[start : start + len(wanted)] == wanted for start in range(len(spoken) - len(wanted) + 1)
    )
