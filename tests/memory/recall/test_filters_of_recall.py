"""A wider filter never gives less than a narrower one, whatever is kept, asked and filtered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory import Fact, Memory, Said
from memory.embedded.embedder import BundledEmbedder
from memory.language.words import content_words
from memory.recall.rank import Recipe
from tests.databases import Databases

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Everything that is related at all: neither a share of the best score nor a budget leaves anything out.
RELATED = Recipe("related", ("memories", "episodes"), share=0.0, budget=1_000_000)
SAID = (
    "I live in Ljubljana by the river.",
    "My sister Ana bakes walnut cake on Sundays.",
    "I keep bees behind the boathouse.",
    "My dentist is near the yellow bakery.",
    "I play the cello in an orchestra.",
    "The train to Bergen leaves at seven.",
    "I am allergic to hazelnuts.",
    "My car is a green Fiat from 1998.",
    "We hike in the Julian Alps every summer.",
    "I drink green tea in the morning.",
    "Ana has a dog called Bruno.",
    "I work as a nurse in a clinic for children.",
)
# Some are about what is known, some about nothing of it, and most are only a little like it: there the gate decides.
QUESTIONS = (
    "Where do I live?",
    "What does Ana bake?",
    "What did I say on 3 March 2026?",
    "Who won the chess match in Reykjavik?",
    "What is in the garden?",
    "Is there bread at home?",
    "What should I cook tonight?",
    "Where is the key of the shed?",
    "Which bus goes downtown?",
    "Is my passport valid?",
)
leaves = st.one_of(
    st.fixed_dictionaries({"shop": st.integers(0, 3)}),
    st.fixed_dictionaries({"shop": st.fixed_dictionaries({"$in": st.lists(st.integers(0, 3), min_size=1)})}),
    st.fixed_dictionaries({"shop": st.fixed_dictionaries({"$ne": st.integers(0, 3)})}),
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"])}),
    st.fixed_dictionaries({"kind": st.just("fact")}),
    st.integers(0, 11).map(lambda day: {"created_at": {"$gte": (AT + timedelta(days=day)).isoformat()}}),
    st.sampled_from(["ana", "green", "I"]).map(lambda part: {"data": {"$icontains": part}}),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda several: {"$and": several}),
        st.lists(inner, min_size=1, max_size=2).map(lambda several: {"$or": several}),
        inner.map(lambda one: {"$not": one}),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def known(databases: Databases, embedder: BundledEmbedder) -> Iterator[Memory]:
    """Memories and what was said, with keys of many kinds."""
    with databases.migrated() as database:
        memory = Memory(database, embedder, None)
        for number, words in enumerate(SAID):
            said = [Said("user", words, AT + timedelta(days=number), f"m{number}", f"chat {number % 3}")]
            memory.add(said, user_id="alice", infer=number % 3 > 0, metadata={"shop": number % 4})
        yield memory


def _found(memory: Memory, question: str, conditions: dict[str, Any] | None, recipe: str | Recipe) -> list[Fact]:
    return memory.recall(question, user_id="alice", limit=100, filters=conditions, recipe=recipe)


def _statements(facts: list[Fact]) -> set[frozenset[str]]:
    """What is said, since of a memory and its message, which say the same, one is given."""
    return {frozenset(content_words(each.text)) for each in facts}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(question=st.sampled_from(QUESTIONS), wide=st.none() | filters, more=filters)
def test_a_wider_filter_never_gives_less(
    known: Memory, question: str, wide: dict[str, Any] | None, more: dict[str, Any]
) -> None:
    narrow = {"$and": [wide, more]} if wide else more
    through_narrow, through_wide = (_statements(_found(known, question, each, RELATED)) for each in (narrow, wide))
    assert through_narrow <= through_wide
    best_of_narrow, best_of_wide = (
        max((each.score or 0 for each in _found(known, question, conditions, "everything")), default=-1.0)
        for conditions in (narrow, wide)
    )
    assert best_of_narrow <= best_of_wide


def test_the_property_is_about_something(known: Memory) -> None:
    found = [len(_found(known, question, None, RELATED)) for question in QUESTIONS]
    assert 0 in found
    assert max(found) > len(SAID) / 2
