"""Thousands of messages at once, and import files: written in batches, none lost, none twice."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory import Memory, Said
from memory import __main__ as command
from memory.__main__ import Progress
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, ModelUnreachable
from memory.imports import files
from memory.rows.bulk import BATCH, Bulk, Row
from memory.rows.store import Store
from tests.local.conftest import PROJECT

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Tired(BundledEmbedder):
    """An embedder that fails after some calls."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls -= 1
        if self.calls < 0:
            raise ModelUnreachable("The embedder does not answer.")
        return super().embed(texts)


def _said(number: int, *, named: bool = True) -> list[Said]:
    return [Said("user", f"message {n}", AT, f"id {n}" if named else None) for n in range(number)]


def _count(database: Database, user_id: str = "alice") -> int:
    [row] = database.read_as(user_id, "select count(*) as n from vecs.memories")
    return int(row["n"])


def test_more_than_one_batch_is_stored_completely_and_in_order(memory: Memory, database: Database) -> None:
    events = memory.add(_said(2 * BATCH + 7), user_id="alice", infer=False)["results"]
    assert [each["memory"] for each in events] == [f"message {n}" for n in range(2 * BATCH + 7)]
    assert len({each["id"] for each in events}) == _count(database) == 2 * BATCH + 7


def test_every_row_gets_the_vector_of_its_own_text(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    memory.add(_said(BATCH + 1), user_id="alice", infer=False)
    for words in ("message 3", f"message {BATCH}"):
        [found] = Store(database, embedder.dimensions).nearest("alice", embedder.embed([words])[0], 1)
        assert found.text == words
        assert found.score == pytest.approx(1.0, abs=1e-5)


def test_a_failed_batch_keeps_the_earlier_ones_and_can_be_repeated(
    database: Database, embedder: BundledEmbedder
) -> None:
    said = _said(2 * BATCH + 7)
    with pytest.raises(ModelUnreachable):
        Memory(database, Tired(1), None).add(said, user_id="alice", infer=False)
    assert _count(database) == BATCH
    rest = Memory(database, embedder, None).add(said, user_id="alice", infer=False)["results"]
    assert [each["memory"] for each in rest] == [f"message {n}" for n in range(BATCH, 2 * BATCH + 7)]
    assert _count(database) == 2 * BATCH + 7


def test_a_message_with_an_id_is_stored_once_and_one_without_each_time(memory: Memory) -> None:
    for _ in range(2):
        memory.add(_said(2), user_id="alice", infer=False)
        memory.add(_said(2, named=False), user_id="alice", infer=False)
    kept = memory.get_all(user_id="alice")["results"]
    assert sorted(each["memory"] for each in kept) == ["message 0"] * 3 + ["message 1"] * 3


def test_the_same_message_twice_in_one_call_is_stored_once(memory: Memory) -> None:
    assert len(memory.add([*_said(1), *_said(1)], user_id="alice", infer=False)["results"]) == 1


def test_the_same_id_in_another_chat_or_with_other_words_is_another_message(memory: Memory) -> None:
    said = [Said("user", text, AT, "1", run) for text in ("hi", "hello") for run in ("a", "b", None)]
    assert len(memory.add(said, user_id="alice", infer=False)["results"]) == 6


def test_two_people_can_use_the_same_id(memory: Memory) -> None:
    for user in ("alice", "bob"):
        assert len(memory.add(_said(3), user_id=user, infer=False)["results"]) == 3


def test_a_deleted_row_is_restored_by_the_next_import(database: Database, embedder: BundledEmbedder) -> None:
    memory = Memory(database, embedder, None)
    [added] = memory.add(_said(1), user_id="alice", infer=False)["results"]
    memory.delete(added["id"], user_id="alice")
    assert [each["id"] for each in memory.add(_said(1), user_id="alice", infer=False)["results"]] == [added["id"]]


def test_progress_is_reported_after_each_batch(database: Database, embedder: BundledEmbedder) -> None:
    heard: list[int] = []
    rows = [Row({"data": f"row {n}", "user_id": "alice", "role": "user"}) for n in range(BATCH + 3)]
    Bulk(database, Store(database, embedder.dimensions), embedder).keep(rows, "alice", "import", heard.append)
    assert heard == [BATCH, 3]


# -- files -----------------------------------------------------------------------------------------------


def _file(folder: Path, held: Any) -> Path:
    path = folder / "held.json"
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def _import(path: Path, user_id: str, database: Database) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(path.parent), "PYTHONPATH": str(PROJECT), "NO_PROXY": "*"}
    environment |= {"DATABASE_URL": database.url, "EMBED_MODEL": "wordllama-256"}
    return subprocess.run(
        [sys.executable, "-m", "memory", "import", str(path), "--user", user_id],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


EXPORT = {
    "results": [
        {"id": "a", "memory": "Loves Redis", "created_at": "2026-01-02T09:00:00-07:00", "metadata": {"shop": 7}},
        {"id": "b", "memory": "Lives in Lisbon", "hash": "x", "user_id": "dave", "metadata": None},
        {"id": "c", "memory": "Hello!", "role": "user", "run_id": "r"},
    ]
}


def test_an_export_is_imported_once_however_often(database: Database, memory: Memory, tmp_path: Path) -> None:
    path = _file(tmp_path, EXPORT)
    told = [_import(path, "dave", database) for _ in range(2)]
    assert [each.stdout for each in told] == ["Kept 3 of 3.\n", "Kept 0 of 3; 3 were there already.\n"]
    assert [each.stderr for each in told] == ["", ""]
    kept = {each["memory"]: each for each in memory.get_all(user_id="dave")["results"]}
    assert kept["Loves Redis"]["created_at"] == "2026-01-02T16:00:00+00:00"
    assert kept["Loves Redis"]["metadata"] == {"shop": 7, "source": "import"}
    assert kept["Hello!"]["metadata"] == {"role": "user", "run_id": "r"}
    assert {each["actor"] for each in memory.changes(user_id="dave")} == {"import"}


@pytest.fixture
def import_here(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path, str], str]:
    """The same command in this process, which starts it at once; returns what it prints."""
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("EMBED_MODEL", "wordllama-256")
    monkeypatch.chdir(tmp_path)

    def run(path: Path, user_id: str) -> str:
        capsys.readouterr()
        command.main(["import", str(path), "--user", user_id])
        return capsys.readouterr().out

    return run


def test_two_people_can_import_the_same_export(
    import_here: Callable[[Path, str], str], memory: Memory, tmp_path: Path
) -> None:
    held = [{"id": "a", "memory": "Loves Redis"}]
    for user in ("dave", "ana"):
        assert import_here(_file(tmp_path, held), user) == "Kept 1 of 1.\n"
        assert len(memory.get_all(user_id=user)["results"]) == 1


def test_a_repeated_message_in_a_file_is_kept_twice_but_not_imported_again(
    import_here: Callable[[Path, str], str], tmp_path: Path
) -> None:
    hello = {"role": "user", "content": "hello"}
    path = _file(tmp_path, [hello, {"role": "assistant", "content": "hi"}, hello])
    assert import_here(path, "dave") == "Kept 3 of 3.\n"
    path.write_text(json.dumps([*json.loads(path.read_text()), hello]))
    assert import_here(path, "dave") == "Kept 1 of 4; 3 were there already.\n"


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ("not json", "is not JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({"pages": []}, "holds no list"),
        ("5", "holds no list"),
        ([{"memory": "fine"}, "text"], "Entry 2 .* not an object"),
        ([{"memory": "fine"}, {"memory": "of eve", "user_id": "eve"}], "Entry 2 .* another user"),
        ([{"content": "who said it?"}], "Entry 1 .* role"),
        ([{"memory": "x", "role": "parrot"}], "Entry 1 .* role"),
        ([{"memory": "  "}], "Entry 1 .* some text"),
        ([{"memory": 5}], "Entry 1 .* some text"),
        ([{"id": "nothing else"}], "Entry 1 .* some text"),
        ([{"memory": "x", "metadata": [1]}], "Entry 1 .* metadata"),
        ([{"memory": "x", "metadata": {"user_id": "eve"}}], "Entry 1 .* user_id"),
        ([{"memory": "x", "created_at": "yesterday"}], "Entry 1 .* ISO text"),
        ([{"memory": "x", "created_at": 5}], "Entry 1 .* created_at"),
    ],
)
def test_a_file_with_one_wrong_entry_is_refused_completely(held: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        files.read(_file(tmp_path, held), "dave")


def test_a_missing_file_fails_with_one_sentence(database: Database, tmp_path: Path) -> None:
    ended = _import(tmp_path / "gone.json", "dave", database)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "cannot be read" in ended.stderr


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_only_on_a_terminal() -> None:
    for place, shown in ((FakeTerminal(), True), (io.StringIO(), False)):
        progress = Progress("importing", 1_500, place)
        for _ in range(3):
            progress(500)
        progress.end()
        assert ("1,500 of 1,500\n" in place.getvalue()) is shown
        assert bool(place.getvalue()) is shown


def test_ctrl_c_says_how_to_continue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_import", interrupted)
    with pytest.raises(SystemExit, match="run the same command again"):
        command.main(["import", str(tmp_path / "held.json"), "--user", "dave"])
