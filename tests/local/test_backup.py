"""A backup brings everything back, and a restore touches nothing before it has succeeded."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from local.backup import restore, save
from local.stack import LocalStack
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.errors import LocalError
from memory.migrations import migrate
from tests.local.conftest import PROJECT

PASSWORD = "correct horse battery"
NO_SYNC = {"fsync": "off"}


class Saved(NamedTuple):
    """A backup, and what it was made of."""

    path: Path
    token: str
    changes: list[str]


def _ask(stack: LocalStack, path: str, token: str = "", **body: str) -> httpx.Response:
    url, headers = f"{stack.settings['SUPABASE_URL']}/auth/v1{path}", {"apikey": stack.settings["SUPABASE_KEY"]}
    if token:
        return httpx.get(url, headers=headers | {"Authorization": f"Bearer {token}"})
    return httpx.post(url, headers=headers, json=body)


def _told(memory: Memory) -> list[str]:
    return [str(each) for each in memory.changes(user_id="dave")]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder) -> Iterator[Saved]:
    """A backup that was made while everything ran."""
    folder = tmp_path_factory.mktemp("saved")
    with LocalStack(folder / "data", database_options=NO_SYNC, embedder=False) as stack:
        account = _ask(stack, "/signup", email="dave@example.com", password=PASSWORD).json()
        with closing(Database(stack.settings["DATABASE_URL"], stack.settings["DATABASE_ADMIN_URL"])) as database:
            migrate(database, embedder.dimensions, embedder.name)
            memory = Memory(database, embedder, None)
            [kept] = memory.add("I live in Ghent.", user_id="dave")["results"]
            memory.update(kept["id"], "I live in Bruges.", user_id="dave")
            (folder / "data" / "model.json").write_text('{"model": "mine"}')
            yield Saved(save(folder / "data", folder / "all.tar"), account["access_token"], _told(memory))


def test_everything_is_there_again_in_another_folder(saved: Saved, data_dir: Path, embedder: BundledEmbedder) -> None:
    assert restore(data_dir, saved.path) is None
    assert json.loads((data_dir / "model.json").read_text()) == {"model": "mine"}
    assert stat.S_IMODE((data_dir / "keys.json").stat().st_mode) == 0o600
    with LocalStack(data_dir, database_options=NO_SYNC, embedder=False) as stack:
        assert _ask(stack, "/user", saved.token).json()["email"] == "dave@example.com"
        again = _ask(stack, "/token?grant_type=password", email="dave@example.com", password=PASSWORD)
        assert again.status_code == 200
        with closing(Database(stack.settings["DATABASE_URL"], stack.settings["DATABASE_ADMIN_URL"])) as database:
            assert migrate(database, embedder.dimensions, embedder.name).applied == ()
            database.ping()  # the app's role may become each role that it needs
            memory = Memory(database, embedder, None)
            found = memory.search("Where do I live?", user_id="dave")["results"]
            assert "I live in Bruges." in [each["memory"] for each in found]
            assert memory.search("Where do I live?", user_id="mallory")["results"] == []
            assert _told(memory) == saved.changes
            memory.undo(memory.changes(user_id="dave")[0]["id"], user_id="dave")
            assert memory.get_all(user_id="dave")["results"][0]["memory"] == "I live in Ghent."


def test_only_its_owner_can_read_a_backup(saved: Saved) -> None:
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600


def test_what_was_there_is_kept_beside_it(saved: Saved, data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "mine.txt").write_text("kept")
    kept = restore(data_dir, saved.path)
    assert kept is not None
    assert (kept / "mine.txt").read_text() == "kept"
    assert not (data_dir / "mine.txt").exists()
    assert (data_dir / "postgres" / "PG_VERSION").exists()


def test_a_running_keepsake_is_left_alone(saved: Saved, data_dir: Path) -> None:
    with Postgres(data_dir, options=NO_SYNC) as server:
        with pytest.raises(LocalError, match="stop it first"):
            restore(data_dir, saved.path)
        assert server.running()


def _without(name: str) -> Callable[[Path, Path], None]:
    def write(whole: Path, damaged: Path) -> None:
        with tarfile.open(whole) as source, tarfile.open(damaged, "w") as copy:
            for each in source:
                if each.name != name:
                    copy.addfile(each, source.extractfile(each))

    return write


def _changed(name: str, **more: object) -> Callable[[Path, Path], None]:
    def write(whole: Path, damaged: Path) -> None:
        _without(name)(whole, damaged)
        with tarfile.open(whole) as source, tarfile.open(damaged, "a") as copy:
            file = source.extractfile(name)
            assert file is not None
            read = file.read()
            read = json.dumps(json.loads(read) | more).encode() if more else read[:-100] + bytes(100)
            member = tarfile.TarInfo(name)
            member.size = len(read)
            copy.addfile(member, BytesIO(read))

    return write


def _with_a_link(whole: Path, damaged: Path) -> None:
    _without("keys.json")(whole, damaged)
    with tarfile.open(damaged, "a") as copy:
        member = tarfile.TarInfo("keys.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        copy.addfile(member)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda _whole, damaged: damaged.write_text("not a backup"), "is not a backup of Keepsake, or is damaged"),
        (lambda whole, damaged: damaged.write_bytes(whole.read_bytes()[:-40_000]), "is not a backup of Keepsake"),
        (lambda _whole, _damaged: None, "There is no file"),
        (_without("database.dump"), "is not a backup of Keepsake, or is damaged"),
        (_without("contents.json"), "is not a backup of Keepsake, or is damaged"),
        (_changed("database.dump"), "is not a backup of Keepsake, or is damaged"),
        (_changed("contents.json", sha256=7), "is not a backup of Keepsake, or is damaged"),
        (_changed("contents.json", postgres="18"), "is not a backup of Keepsake, or is damaged"),
        (_changed("contents.json", migration="29990101000000"), "was made by a newer Keepsake: update this one first"),
        (_changed("contents.json", postgres=99), "was made by a newer Keepsake: update this one first"),
        (_with_a_link, "is not a backup of Keepsake, or is damaged"),
    ],
    ids="words cut missing part list changed hashes types newer postgres link".split(),
)
def test_a_file_that_is_no_whole_backup_changes_nothing(
    saved: Saved, data_dir: Path, tmp_path: Path, write: Callable[[Path, Path], None], sentence: str
) -> None:
    data_dir.mkdir()
    (data_dir / "mine.txt").write_text("kept")
    damaged = tmp_path / "damaged.tar"
    write(saved.path, damaged)
    with pytest.raises(LocalError, match=sentence):
        restore(data_dir, damaged)
    assert (data_dir / "mine.txt").read_text() == "kept"
    assert [each.name for each in data_dir.parent.iterdir() if each.name.startswith(f"{data_dir.name}.")] == []


def test_a_backup_is_never_overwritten_and_half_of_one_never_stays(saved: Saved, tmp_path: Path) -> None:
    data = saved.path.parent / "data"
    before = saved.path.read_bytes()
    with pytest.raises(LocalError, match="exists: choose another name"):
        save(data, saved.path)
    assert saved.path.read_bytes() == before
    with pytest.raises(LocalError, match="There is nothing to back up"):
        save(tmp_path / "none", tmp_path / "none.tar")
    assert list(tmp_path.iterdir()) == []


def test_the_commands_say_where_everything_is(saved: Saved, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path / "data")}
        command = [sys.executable, "-m", "local.backup", *words]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)

    assert run("restore", str(saved.path)).stdout == f"Restored into {tmp_path / 'data'}.\n"
    again = run("save", str(tmp_path / "again.tar"))
    assert again.stdout.startswith(f"Everything is in {tmp_path / 'again.tar'}.")
    for words, sentence in ((("restore",), "Which backup?"), (("restore", "none.tar"), "There is no file none.tar.")):
        refused = run(*words)
        assert (refused.returncode, sentence in refused.stderr) == (1, True)
