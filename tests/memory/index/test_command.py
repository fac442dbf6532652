"""`python -m memory index`: fills an index, goes on after an end, compares, and takes the index away."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory import Memory
from memory.__main__ import main
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.index import index_at, outbox
from memory.index.feeder import Feeder
from memory.index.protocol import user_key
from memory.rows.store import Store


@pytest.fixture(autouse=True)
def settings_for(
    monkeypatch: pytest.MonkeyPatch, database: Database, embedder: BundledEmbedder, tmp_path: Path, place: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("DATABASE_ADMIN_URL", database.admin_url)
    monkeypatch.setenv("EMBED_MODEL", embedder.name)
    monkeypatch.setenv("MEMORY_INDEX", f"faiss:{place}")


@pytest.fixture
def filled(memory: Memory) -> Memory:
    for user_id in ("ann", "bob"):
        said = [{"role": "user", "content": f"message {number}"} for number in range(130)]
        memory.add(said, user_id=user_id, infer=False)
    return memory


def _refused(*arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["index", *arguments])
    return str(ended.value)


def test_everything_is_sent_and_the_ids_agree(filled: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    main(["index", "--rebuild"])
    main(["index", "--check"])
    main(["index", "--feed"])
    assert capsys.readouterr().out.splitlines() == [
        "Sent 260 memories; none waits.",
        "260 memories are in the index, 0 are missing, 0 should not be there; 0 wait to be sent.",
        "Sent 0 memories; none waits.",
    ]


def test_a_rebuild_that_was_ended_goes_on_where_it_was(
    filled: Memory, database: Database, embedder: BundledEmbedder, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = index_at(f"faiss:{place}")
    outbox.attach(database, index.name)
    begun = Feeder(database, Store(database, embedder.dimensions), index)
    assert [begun.feed_next(), begun.feed_next()] == [0, 100], "it is emptied, and gets a first batch"
    main(["index", "--rebuild"])
    main(["index", "--rebuild"])
    assert capsys.readouterr().out == "Sent 160 memories; none waits.\nSent 260 memories; none waits.\n"


def test_what_is_missing_or_too_many_is_told(filled: Memory, place: Path) -> None:
    main(["index", "--rebuild"])
    index = index_at(f"faiss:{place}")
    for user, memory_id in list(index.ids())[:2]:
        index.remove(user, [memory_id])
    index.put(user_key("nobody"), {"made up": [1.0] * 384})
    told = _refused("--check")
    assert told.startswith("258 memories are in the index, 2 are missing, 1 should not be there; 0 wait to be sent.")
    assert told.endswith("index --rebuild")
    main(["index", "--rebuild"])
    main(["index", "--check"])


def test_an_index_that_was_detached_is_fed_no_more(
    filled: Memory, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["index", "--rebuild"])
    main(["index", "--detach"])
    filled.add("I like tea", user_id="ann", infer=False)
    assert outbox.attached(database) is None
    assert "is not attached" in _refused("--feed")
    assert "is not attached" in _refused("--check")


def test_an_index_that_is_away_is_told_with_what_waits(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_INDEX", "pinecone:http://127.0.0.1:9")
    told = _refused("--rebuild")
    assert told.startswith(
        "Sent 0 memories; 260 still wait, and are found by Postgres. The index of vectors in Pinecone"
    )


@pytest.mark.parametrize(
    ("place", "told"),
    [("", "Set MEMORY_INDEX to the index of vectors"), ("milvus:x", "MEMORY_INDEX must be chroma:, faiss: or")],
)
def test_without_an_index_in_the_settings_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, place: str, told: str
) -> None:
    monkeypatch.setenv("MEMORY_INDEX", place)
    assert _refused("--rebuild").startswith(told)


def test_the_library_uses_the_index_in_the_settings(filled: Memory, database: Database, place: Path) -> None:
    main(["index", "--rebuild"])
    with Memory(database.url, model=None) as memory:
        assert memory.index is not None
        memory.add("Our cat is called Minka", user_id="ann", infer=False)
        assert memory.index.feed() == 1
        assert memory.recall("kitten", user_id="ann", recipe="facts")[0].text == "Our cat is called Minka"
    with Memory(database, BundledEmbedder(), None) as given:
        assert given.index is None, "whoever passes a database passes the index, too"
