"""Recall with an index finds what it finds without one, also while the index is away, behind, or wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from memory import Fact, Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import IndexFailed
from memory.index.asking import AT_ONCE, REST_SECONDS, SAID_AGAIN_SECONDS, NearestIds
from memory.recall.search import MIN_NEAREST
from tests.chat.conftest import until
from tests.memory.index.conftest import InMemory, attached, feeder_of

NAMES = ("Ana", "Ben", "Cleo", "Dora", "Emil", "Fritz", "Gina", "Hugo")
PLACES = ("Porto", "Ghent", "Oslo", "Turin", "Graz")
QUESTIONS = (
    "Where does my sister Ana live?",
    "Who plays the violin?",
    "What did I do yesterday?",
    "What do you know about me?",
    "Which tea do I like",
    "Gina and Hugo",
    "Is anybody allergic to nuts?",
)


@pytest.fixture
def filled(indexed: Memory) -> Memory:
    """A memory of 240 statements: more than an index is asked for, all of which the index knows."""
    statements = [
        f"{name} {what} in {place}"
        for name in NAMES
        for place in PLACES
        for what in ("lives", "plays the violin", "likes green tea", "works", "is allergic to nuts", "goes fishing")
    ]
    assert len(statements) == 240 > 2 * MIN_NEAREST
    indexed.add([{"role": "user", "content": each} for each in statements], user_id="ann", infer=False)
    indexed.add("My sister Ana lives in Porto and I like oolong tea.", user_id="ann")
    feeder_of(indexed).feed()
    return indexed


def _without(memory: Memory, database: Database, embedder: BundledEmbedder) -> Memory:
    return Memory(database, embedder, None)


def _told(facts: Sequence[Fact]) -> list[tuple[str, str, Any]]:
    return [(each.id, each.text, each.score and round(each.score, 9)) for each in facts]


def test_with_few_memories_the_results_and_scores_are_the_very_same(
    indexed: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    """It also keeps the two functions in the database alike: `app.recall` and `app.recall_near`."""
    plain = _without(indexed, database, embedder)
    for number, name in enumerate(NAMES):
        indexed.add(f"My friend {name} lives in {PLACES[number % 5]}", user_id="ann")
        indexed.add(f"{name} plays the violin", user_id="ann", infer=False)
    feeder_of(indexed).feed()
    for question in QUESTIONS:
        for recipe in ("everything", "facts"):
            one, other = (each.recall(question, user_id="ann", recipe=recipe, standing=3) for each in (indexed, plain))
            assert _told(one) == _told(other), question
    assert len(index.asked) == 2 * len(QUESTIONS)


def test_with_many_memories_the_best_results_are_the_same(
    filled: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    plain = _without(filled, database, embedder)
    for question in ("Where does my sister Ana live?", "Which tea do I like?", "Hugo goes fishing"):
        one, other = (each.recall(question, user_id="ann", limit=5) for each in (filled, plain))
        assert [each.id for each in one[:3]] == [each.id for each in other[:3]], question
    assert index.asked


def test_what_the_index_lost_is_found_by_its_words(filled: Memory, index: InMemory) -> None:
    index.kept.clear()
    found = filled.recall("Where does Gina go fishing?", user_id="ann", limit=5)
    assert "Gina" in found[0].text


def test_ones_latest_memory_is_found_before_the_index_knows_it(filled: Memory, index: InMemory) -> None:
    """By its meaning alone: the question shares no word with it."""
    [new] = filled.add("Our cat is called Minka", user_id="ann", infer=False)["results"]
    question = "kitten"
    assert new["id"] in [each.id for each in filled.recall(question, user_id="ann", recipe="facts")]
    feeder_of(filled).feed()
    index.kept = {key: vector for key, vector in index.kept.items() if key[1] != new["id"]}
    found = [each.id for each in filled.recall(question, user_id="ann", recipe="facts")]
    assert new["id"] in found, "an index such as Pinecone finds what it was sent only some seconds later"


def test_an_index_that_fails_is_left_alone_for_a_while(
    filled: Memory, index: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def fail(call: str) -> None:
        calls.append(call)
        raise IndexFailed("It is away.")

    index.before = fail
    for _ in range(3):
        assert "Ana" in filled.recall("Where does my sister Ana live?", user_id="ann")[0].text
    assert calls == ["nearest"]
    assert caplog.text.count("Postgres compares the vectors") == 1


def test_it_is_asked_again_later_and_the_log_says_it_once_a_minute(
    index: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    now, calls = [0.0], []

    def fail(call: str) -> None:
        calls.append(now[0])
        raise ValueError("a bug")

    index.before = fail
    nearest = NearestIds(index, lambda: now[0])
    while now[0] < 2 * SAID_AGAIN_SECONDS:
        assert nearest.ids("ann", [1.0], 5) is None
        now[0] += 1
    assert all(later - earlier >= REST_SECONDS for earlier, later in pairwise(calls))
    assert len(calls) > 2
    assert len(caplog.records) == 2
    assert "It raised ValueError." in caplog.text


@contextmanager
def _stalled(index: InMemory) -> Iterator[list[str]]:
    """Let the index not answer while this lasts."""
    going_on, waiting = threading.Event(), list[str]()

    def stall(call: str) -> None:
        waiting.append(call)
        going_on.wait(60)

    index.before = stall
    try:
        yield waiting
    finally:
        going_on.set()


def test_a_slow_index_holds_nobody_up(indexed: Memory, index: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    indexed.add("I like tea", user_id="ann", infer=False)
    feeder_of(indexed).feed()
    index.seconds = 0.01
    with _stalled(index):
        assert [each.text for each in indexed.recall("tea", user_id="ann")] == ["I like tea"]
    assert "did not answer within 0.01 seconds" in caplog.text


def test_no_more_questions_wait_for_a_slow_index_than_there_is_room_for(index: InMemory) -> None:
    index.seconds = 0.0
    now = [0.0]
    nearest = NearestIds(index, lambda: now[0])
    with _stalled(index) as waiting:
        for _ in range(3 * AT_ONCE):
            assert nearest.ids("ann", [1.0], 5) is None
            now[0] += REST_SECONDS
        until(lambda: len(waiting) == AT_ONCE)
        assert len(waiting) == AT_ONCE
    now[0] += REST_SECONDS
    index.seconds = 30.0

    def again() -> bool:
        now[0] += REST_SECONDS
        return nearest.ids("ann", [1.0], 5) == []

    until(again)


def test_searches_that_the_index_cannot_answer_do_not_ask_it(indexed: Memory, index: InMemory) -> None:
    indexed.add("I like tea", user_id="ann", infer=False, metadata={"place": "home"})
    feeder_of(indexed).feed()
    assert indexed.search("tea", user_id="ann", filters={"place": "home"})["results"]
    assert indexed.search("tea", user_id="ann", as_of="2100-01-01")["results"]
    assert index.asked == []


def test_an_index_that_is_not_attached_changes_nothing(
    database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    """Its name is in the settings, and nobody filled it: Postgres compares everything."""
    memory = Memory(database, embedder, None, index=index)
    memory.add("Our cat is called Minka", user_id="ann", infer=False)
    assert [each.text for each in memory.recall("pets at home", user_id="ann", recipe="facts")] == [
        "Our cat is called Minka"
    ]


def test_the_real_engines_find_what_postgres_finds(
    database: Database, embedder: BundledEmbedder, tmp_path: Any
) -> None:
    from memory.index import index_at

    for kind in ("chroma", "faiss", "qdrant"):
        with attached_at(database, embedder, index_at(f"{kind}:{tmp_path / kind}", seconds=60)) as memory:
            memory.add("Our cat is called Minka", user_id=kind, infer=False)
            memory.add("I work on Mondays", user_id=kind, infer=False)
            assert feeder_of(memory).feed() >= 2
            found = memory.recall("pets at home", user_id=kind, recipe="facts")
            assert found[0].text == "Our cat is called Minka", kind


@contextmanager
def attached_at(database: Database, embedder: BundledEmbedder, index: Any) -> Iterator[Memory]:
    with attached(database, embedder, index) as memory:
        yield memory
    index.close()
