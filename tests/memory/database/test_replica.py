"""Reads on a real streaming replica: as new as the primary, within the same walls."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.telemetry.figures import READS
from tests.chat.conftest import until
from tests.replicas import StreamingReplica

QUESTION = "Where do I live?"


@pytest.fixture
def reads(primary: Postgres, followed: StreamingReplica, embedder: BundledEmbedder) -> Iterator[Memory]:
    """A memory that reads on the replica."""
    with closing(Database(primary.app_url, read_url=followed.url)) as database:
        yield Memory(database, embedder, None)


@pytest.fixture
def with_replica(primary: Postgres, replica: StreamingReplica, embedder: BundledEmbedder) -> Iterator[Memory]:
    """A memory that reads on the replica of this test's own."""
    with closing(Database(primary.app_url, read_url=replica.url)) as database:
        yield Memory(database, embedder, None)


@pytest.fixture
def alone(primary: Postgres, embedder: BundledEmbedder) -> Iterator[Memory]:
    """A memory that knows of no replica, as another process may."""
    with closing(Database(primary.app_url)) as database:
        yield Memory(database, embedder, None)


def _answered(by: str) -> float:
    return READS.of(server=by)


def _found(memory: Memory, user_id: str, question: str = QUESTION) -> list[str]:
    return [each["memory"] for each in memory.search(question, user_id=user_id)["results"]]


def test_a_search_is_answered_by_the_replica(reads: Memory) -> None:
    reads.add("I live in Porto.", user_id="ann", infer=False)
    before = _answered("replica")

    def answered_there() -> bool:
        assert _found(reads, "ann") == ["I live in Porto."]
        return _answered("replica") > before

    until(answered_there)  # the primary answers while the replica is behind


def test_the_replica_finds_the_same_in_the_same_order_with_the_same_scores(reads: Memory, alone: Memory) -> None:
    for city in ("Porto", "Lyon", "Ghent", "Graz"):
        reads.add(f"I have lived in {city} for a year, and my sister visited me.", user_id="tom", infer=False)
    reads.add("I moved to Ljubljana on 3 May 2024.", user_id="tom", metadata={"kind": "event"}, infer=False)

    def found(memory: Memory) -> list[object]:
        questions = ("Where did I live?", "What happened in May 2024?", "Who visited me in Ghent?")
        return [memory.search(each, user_id="tom", limit=5)["results"] for each in questions]

    before = _answered("replica")
    expected = found(alone)

    def answered_there() -> bool:
        assert found(reads) == expected
        return _answered("replica") >= before + len(expected)

    until(answered_there)


def test_what_was_written_a_moment_ago_is_seen_whoever_wrote_it(reads: Memory, alone: Memory) -> None:
    for number in range(15):
        writer = (reads, alone)[number % 2]
        writer.add(f"I live in house {number}.", user_id="eve", infer=False)
        found = [each["memory"] for each in reads.search("house", user_id="eve", limit=50)["results"]]
        assert f"I live in house {number}." in found


def test_a_replica_shows_nobody_what_is_another_persons(reads: Memory) -> None:
    reads.add("I live in Porto.", user_id="zoe", infer=False)
    before = _answered("replica")

    def answered_there() -> bool:
        assert _found(reads, "stranger") == []
        return _answered("replica") > before

    until(answered_there)


def test_a_replica_that_is_behind_is_not_waited_for(with_replica: Memory, replica: StreamingReplica) -> None:
    replica.falls_behind()
    with_replica.add("I live in Turin.", user_id="ida", infer=False)
    before = _answered("replica")
    assert _found(with_replica, "ida") == ["I live in Turin."]
    assert _answered("replica") == before
    replica.goes_on()

    def answered_there() -> bool:
        assert _found(with_replica, "ida") == ["I live in Turin."]
        return _answered("replica") > before

    until(answered_there)


def test_while_the_replica_is_away_the_primary_answers_and_the_log_says_so_without_words(
    with_replica: Memory, replica: StreamingReplica, caplog: pytest.LogCaptureFixture
) -> None:
    with_replica.add("I live in Bergen.", user_id="kai", infer=False)
    replica.stop()
    with caplog.at_level(logging.WARNING, "keepsake.database"):
        assert [_found(with_replica, "kai") for _ in range(3)] == [["I live in Bergen."]] * 3
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 1, said  # it is not tried again with each read
    assert "DATABASE_READ_URL is not asked for 30 seconds, and the primary reads" in said[0]
    assert "Bergen" not in said[0]


def test_a_replica_that_was_made_a_server_of_its_own_answers_nothing(
    with_replica: Memory, replica: StreamingReplica, caplog: pytest.LogCaptureFixture
) -> None:
    replica.is_promoted()
    with_replica.add("I live in Oslo.", user_id="liv", infer=False)
    before = _answered("replica")
    with caplog.at_level(logging.WARNING, "keepsake.database"):
        assert _found(with_replica, "liv") == ["I live in Oslo."]
    assert _answered("replica") == before
    assert "the server is no replica" in caplog.text


def test_words_that_are_wrong_for_the_replica_are_told_as_from_the_primary(reads: Memory) -> None:
    assert _found(reads, "odd", "'; drop table vecs.memories; -- %(asking_role)s %s") == []
    assert _found(reads, "o'hara; %") == []
