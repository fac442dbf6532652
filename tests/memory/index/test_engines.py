"""Each engine does what an index is asked to do: one contract, run on real Chroma, FAISS and Qdrant in a folder.

It runs on the real clients of Pinecone and Weaviate, too, against small servers of our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from memory.errors import IndexFailed, IndexRefused, SettingsError
from memory.index import EngineAt, index_at
from memory.index.protocol import user_key
from memory.index.qdrant import QdrantIndex
from tests.memory.index.scripted_servers import pinecone_server, weaviate_server

ANN, BOB = user_key("ann"), user_key("bob")
EAST, NORTH, NORTHEAST, WEST = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 0.0, 0.0]


SERVERS = {"pinecone": pinecone_server, "weaviate": weaviate_server}


@pytest.fixture(params=["chroma", "faiss", "qdrant", *SERVERS])
def engine(request: pytest.FixtureRequest, place: Path) -> Iterator[EngineAt]:
    served = SERVERS[request.param]() if request.param in SERVERS else nullcontext(f"{request.param}:{place}")
    with served as where, closing(index_at(where)) as opened:
        opened.clear(3)
        yield opened


def test_the_nearest_of_ones_own_come_first(engine: EngineAt) -> None:
    engine.put(ANN, {"east": EAST, "north": NORTH, "west": WEST})
    engine.put(BOB, {"northeast": NORTHEAST})
    found = engine.nearest(ANN, [2.0, 0.1, 0.0], 2)
    assert [name for name, _ in found] == ["east", "north"]
    assert [round(score, 2) for _, score in found] == [1.0, 0.05]
    assert [name for name, _ in engine.nearest(BOB, EAST, 9)] == ["northeast"]
    assert list(engine.nearest(user_key("cleo"), EAST, 9)) == []


def test_putting_replaces_and_removing_twice_does_no_harm(engine: EngineAt) -> None:
    engine.put(ANN, {"one": EAST, "two": NORTH})
    engine.put(ANN, {"one": WEST})
    assert [name for name, _ in engine.nearest(ANN, EAST, 9)] == ["two", "one"]
    for _ in range(2):
        engine.remove(ANN, ["one", "never there"])
    assert set(engine.ids()) == {(ANN, "two")}
    engine.remove(ANN, ["two"])
    assert set(engine.ids()) == set()
    assert list(engine.nearest(ANN, EAST, 9)) == []


def test_the_same_id_of_two_people_is_two_memories(engine: EngineAt) -> None:
    engine.put(ANN, {"shared": EAST})
    engine.put(BOB, {"shared": WEST})
    engine.remove(BOB, ["shared"])
    assert [name for name, _ in engine.nearest(ANN, EAST, 9)] == ["shared"]
    assert list(engine.nearest(BOB, EAST, 9)) == []


def test_any_id_that_a_memory_may_have_comes_back_as_it_is(engine: EngineAt) -> None:
    odd = ["plain", "Ωμέγα 🐝", "with 'quotes' and \"more\"", "a/b\\c", "x" * 300]
    engine.put(ANN, dict.fromkeys(odd, EAST))
    assert {name for name, _ in engine.nearest(ANN, EAST, 9)} == set(odd)
    assert {name for _, name in engine.ids()} == set(odd)


def test_what_was_put_is_there_when_it_is_opened_again(engine: EngineAt) -> None:
    engine.put(ANN, {str(number): [1.0, number, 0.0] for number in range(20)})
    engine.close()
    assert len(set(engine.ids())) == 20
    assert [name for name, _ in engine.nearest(ANN, EAST, 1)] == ["0"]


def test_all_ids_are_listed_page_by_page(place: Path) -> None:
    """In a folder, Qdrant takes a while for each point, so its pages are small here, and in memory."""
    names = {str(number): [1.0, number, 0.0] for number in range(1_001)}
    chroma = index_at(f"chroma:{place}")
    in_memory = QdrantIndex(QdrantClient(":memory:"), is_server=False, page=7)
    for engine in (chroma, in_memory):
        engine.clear(3)
        engine.put(ANN, names)
        assert sorted(engine.ids()) == sorted((ANN, each) for each in names)
        engine.close()


def test_clearing_makes_room_for_vectors_of_another_size(engine: EngineAt) -> None:
    engine.put(ANN, {"one": EAST})
    engine.clear(2)
    assert set(engine.ids()) == set()
    engine.put(ANN, {"one": [0.0, 1.0]})
    assert [name for name, _ in engine.nearest(ANN, [0.0, 1.0], 9)] == ["one"]


def test_a_vector_of_another_size_is_refused_and_harms_nothing(engine: EngineAt) -> None:
    engine.put(ANN, {"one": EAST})
    with pytest.raises(IndexFailed):
        engine.put(ANN, {"two": [1.0, 2.0]})
    with pytest.raises(IndexFailed):
        engine.nearest(ANN, [1.0, 2.0], 9)
    assert [name for name, _ in engine.nearest(ANN, EAST, 9)] == ["one"]


def test_threads_may_use_it_at_once(engine: EngineAt) -> None:
    engine.put(ANN, {"one": EAST})

    def use(number: int) -> list[str]:
        engine.put(BOB, {str(number): [1.0, number, 0.0]})
        return [name for name, _ in engine.nearest(ANN, EAST, 9)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(24))) == [["one"]] * 24
    assert len(set(engine.ids())) == 25


def test_two_programs_may_use_one_folder_of_faiss(place: Path) -> None:
    one, other = index_at(f"faiss:{place}"), index_at(f"faiss:{place}")
    one.put(ANN, {"one": EAST})
    assert [name for name, _ in other.nearest(ANN, EAST, 9)] == ["one"]
    other.put(ANN, {"two": NORTH})
    assert [name for name, _ in one.nearest(ANN, NORTH, 9)] == ["two", "one"]


# Qdrant leaves the file of its lock open if it cannot have the lock.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_of_qdrant_that_another_program_uses_is_away(place: Path) -> None:
    one, other = index_at(f"qdrant:{place}"), index_at(f"qdrant:{place}")
    one.clear(3)
    with pytest.raises(IndexFailed, match="Qdrant cannot be used at the moment"):
        other.nearest(ANN, EAST, 9)
    one.close()
    assert list(other.nearest(ANN, EAST, 9)) == []
    other.close()


def test_a_file_of_faiss_that_is_broken_is_a_failure_and_no_crash(place: Path) -> None:
    index = index_at(f"faiss:{place}")
    index.put(ANN, {"one": EAST})
    (place / f"{ANN}.faiss").write_bytes(b"\x00" * 7)
    with pytest.raises(IndexFailed) as told:
        index.nearest(ANN, EAST, 9)
    assert not isinstance(told.value, IndexRefused)


@pytest.mark.parametrize("kind", ["chroma", "pinecone", "qdrant", "weaviate"])
def test_a_server_that_does_not_answer_is_away(kind: str) -> None:
    key = None if kind == "qdrant" else "secret-key"  # Qdrant's client warns of keys without encryption
    index = index_at(f"{kind}:http://127.0.0.1:9", key=key)
    with pytest.raises(IndexFailed, match="cannot be used at the moment") as told:
        index.nearest(ANN, EAST, 9)
    assert not isinstance(told.value, IndexRefused)
    assert "secret-key" not in str(told.value)
    index.close()


@pytest.mark.parametrize(
    "place", ["qdrant", "qdrant:", ":x", "milvus:x", "faiss:http://x", "pinecone:folder", "weaviate:folder", ""]
)
def test_a_place_that_cannot_be_an_index_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match=r"MEMORY_INDEX must be .* such as qdrant:http://localhost:6333"):
        index_at(place)


def test_the_name_tells_what_kind_it_is_and_not_where() -> None:
    one, other = index_at("qdrant:http://secret.example"), index_at("qdrant:http://other.example")
    assert one.name.startswith("qdrant ")
    assert "secret" not in one.name
    assert one.name != other.name
