"""Cutting old long messages in chats of many messages, and when the embedding model changes with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.imports.reembed import reembed
from memory.learn.episodes import MOST_AT_ONCE
from memory.learn.passages import passages
from memory.rows.vectors import vector_text
from tests.memory.imports.test_cutting import AT, HERE, LONG, OTHER, Old, Watched, found_in, two_people
from tests.memory.imports.test_reembed import Broken, Letters
from tests.memory.test_migrations import administrator


@pytest.fixture
def old(database: Database, embedder: BundledEmbedder) -> Old:
    """Two people with two chats each."""
    return two_people(database, embedder)


# -- many messages ---------------------------------------------------------------------------------


def _talk_on(old: Old, embedder: BundledEmbedder, number: int) -> None:
    """Go on with a chat for this many short messages, after which there is a long one."""
    rows = (
        "insert into vecs.episodes (id, vec, metadata) select 's' || n, cast(:vec as vector), jsonb_build_object("
        " 'data', 'Short message number ' || n, 'user_id', 'alice', 'role', 'user', 'message_id', 's' || n,"
        " 'turn', 's' || n, 'run_id', cast(:run as text),"
        " 'created_at', to_jsonb(cast(:at as timestamptz) + n * interval '1 second'))"
        " from generate_series(1, :number) n"
    )
    [vector] = embedder.embed(["Short message"])
    values = {"vec": vector_text(vector), "run": HERE, "number": number, "at": AT + timedelta(minutes=9)}
    with old.database.as_user("alice") as connection:
        connection.execute(text(rows), values)
    old.keep("alice", OTHER, "last", created_at=(AT + timedelta(hours=5)).isoformat())


def _most_in_one_transaction(old: Old) -> int:
    with administrator(old.database) as connection:
        by_transaction = "select count(*) from vecs.episodes group by xmin::text order by 1 desc limit 1"
        return int(connection.scalar(text(by_transaction)) or 0)


def test_a_chat_of_many_messages_is_cut_in_transactions_of_a_bounded_number_of_rows(
    old: Old, database: Database, embedder: BundledEmbedder
) -> None:
    _talk_on(old, embedder, 1_300)
    before = old.messages("alice")
    assert reembed(database, embedder).cut == 5
    assert _most_in_one_transaction(old) <= MOST_AT_ONCE
    assert old.messages("alice") == before
    assert old.uncut("alice") == []
    old.check()


def test_a_run_that_ends_in_the_middle_of_a_chat_loses_nothing_and_the_next_one_puts_it_in_order(
    old: Old, database: Database, embedder: BundledEmbedder
) -> None:
    _talk_on(old, embedder, 1_300)
    before = old.messages("alice")

    def fail(call: int, texts: Sequence[str]) -> None:
        if any("allotment" in each for each in texts) and call > 1:
            old.keep("alice", "A message in between", "between", created_at=(AT + timedelta(hours=6)).isoformat())
            raise Broken

    with pytest.raises(Broken):
        reembed(database, Watched(embedder, fail))
    half_way = old.messages("alice")
    assert dict(half_way) == dict([*before, ("between", "A message in between")])
    assert half_way != before, "the run ended before it moved anything"
    assert old.uncut("alice") == ["last"]
    reembed(database, embedder)
    assert old.messages("alice") == [*before, ("between", "A message in between")]
    old.check()


# -- with another model ------------------------------------------------------------------------------


def test_a_move_to_another_model_embeds_each_passage_once_and_no_long_message_whole(
    old: Old, database: Database
) -> None:
    letters = Letters()
    reembed(database, letters)
    rows = [*old.rows("alice"), *old.rows("bob")]
    assert letters.embedded == Counter(map(_as_embedded, rows))
    assert {f"Dave: {each}" for each in passages(LONG)} <= letters.embedded.keys()
    assert all(json.loads(row["vec"]) == letters.of(_as_embedded(row)) for row in rows)


def test_a_move_that_is_given_up_gives_the_passages_vectors_of_their_own(
    old: Old, memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    letters = Letters()

    def fail(call: int) -> None:
        raise Broken

    letters.first = fail
    with pytest.raises(Broken):
        reembed(database, letters)
    assert old.uncut("alice") == []
    assert found_in(memory, "Where is the spare key of the boathouse?", "alice")[0][1] == "m2"
    reembed(database, embedder)
    rows = old.rows("alice")
    wanted = embedder.embed([_as_embedded(row) for row in rows])
    assert [json.loads(row["vec"]) for row in rows] == [pytest.approx(each, abs=1e-6) for each in wanted]
    assert found_in(memory, "Where is the spare key of the boathouse?", "alice")[0][1] == "m2"
    old.check()


def _as_embedded(row: dict[str, Any]) -> str:
    name = row["metadata"].get("actor_id")
    return f"{name}: {row['metadata']['data']}" if name else str(row["metadata"]["data"])
