"""Another collection of mem0's is taken over beside memories of ours; what cannot stand beside them is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput
from memory.migrations import migrate
from memory.takeover import Takeover, Wanted, give
from tests.memory.mem0 import MEMORIES, SEARCH_PATH, Mem0
from tests.memory.test_migrations import MODEL, SIZE, administrator


@pytest.fixture
def mem0(database: Database, embedder: BundledEmbedder) -> Mem0:
    """mem0, beside tables of ours."""
    return Mem0(database, embedder)


def _take_over(mem0: Mem0, embedder: BundledEmbedder, **wanted: Any) -> Takeover:
    done = migrate(mem0.database, SIZE, MODEL, wanted=Wanted(embed=embedder.embed, asked=True, **wanted)).takeover
    assert done is not None
    return done


def test_copies_of_our_own_memories_in_another_collection_are_merged_into_ours_and_counted(
    mem0: Mem0, embedder: BundledEmbedder
) -> None:
    with Memory(mem0.database, embedder, None) as memory:
        memory.add("I like tea. I live in Porto.", user_id="alice")
        kept = memory.get_all(user_id="alice")["results"]
        with administrator(mem0.database) as connection:
            connection.execute(text("create table vecs.old (like vecs.memories including defaults)"))
            connection.execute(
                text("insert into vecs.old (id, vec, metadata) select id, vec, metadata from vecs.memories")
            )
            connection.execute(
                text("insert into vecs.old (id, vec, metadata) select '0-' || id, vec, metadata from vecs.memories")
            )
        done = _take_over(mem0, embedder, collection="old")
        assert (done.copies, done.counts["merged"]) == (2, 2)
        assert "in vecs.memories already, with the same id and words: 2" in "\n".join(done.lines())
        assert memory.get_all(user_id="alice")["results"] == kept
        memory.add("I like tea.", user_id="alice")
        assert memory.get_all(user_id="alice")["results"] == kept


def test_giving_somebody_a_memory_that_they_have_already_is_refused_with_a_sentence(
    mem0: Mem0, embedder: BundledEmbedder
) -> None:
    with Memory(mem0.database, embedder, None) as memory:
        memory.add("I like tea.", user_id="alice")
        [kept] = memory.get_all(user_id="alice")["results"]
    mem0.add("nobody's", kept["memory"], run_id="r", kind="fact")
    with pytest.raises(InvalidInput, match="alice has a memory already that says the same"):
        give(mem0.database, "alice", run="r")


def test_a_row_with_the_id_of_one_of_ours_that_says_something_else_is_refused(
    mem0: Mem0, embedder: BundledEmbedder
) -> None:
    mem0.write(MEMORIES)
    mem0.fill("mem0")
    mem0.write([{**MEMORIES[0], "metadata": {**MEMORIES[0]["metadata"], "data": "Something else"}}], "mem0")
    with pytest.raises(InvalidInput, match=r"1 rows of vecs\.mem0 have the ids.*nothing was taken over"):
        _take_over(mem0, embedder, collection="mem0")


def test_a_collection_with_vectors_of_another_size_beside_ours_is_refused_with_both_sizes(
    mem0: Mem0, embedder: BundledEmbedder
) -> None:
    with administrator(mem0.database) as connection:
        connection.execute(text(SEARCH_PATH))
        connection.execute(text("create table vecs.wide (id varchar primary key, vec vector(3), metadata jsonb)"))
        connection.execute(text("""insert into vecs.wide values ('1', '[1,2,3]', '{"data": "I like tea"}')"""))
    for wanted in (Wanted("wide"), Wanted("wide", embedded_with="of mem0")):
        with pytest.raises(InvalidInput, match=r"wide holds vectors of 3 numbers.*memories of 256.*import FILE"):
            migrate(mem0.database, SIZE, MODEL, wanted=wanted)


def test_vectors_of_another_model_are_not_put_beside_ours_under_its_name(mem0: Mem0, embedder: BundledEmbedder) -> None:
    mem0.fill("mem0")
    with pytest.raises(InvalidInput, match=f"come from another, and those in vecs.memories from {MODEL}"):
        migrate(mem0.database, SIZE, MODEL, wanted=Wanted("mem0", embedded_with="another", asked=True))
