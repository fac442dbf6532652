from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.stack import Keys, keys
from memory.embedded.data_folder import DataFolder
from memory.errors import LocalError


def test_keys_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path / "data")
    made = keys(folder)
    assert keys(folder) == made
    assert stat.S_IMODE((folder.root / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    one, other = keys(DataFolder.at(tmp_path / "one")), keys(DataFolder.at(tmp_path / "other"))
    assert not {one.jwt_secret, one.secret_key} & {other.jwt_secret, other.secret_key}
    assert one.publishable_key.startswith("sb_publishable_")
    assert one.secret_key.startswith("sb_secret_")


def test_many_at_once_get_the_same_keys(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len({made.jwt_secret for made in pool.map(lambda _: keys(folder), range(16))}) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"jwt_secret": "short"}', "\x00\xff"])
def test_damaged_keys_are_reported_and_not_overwritten(tmp_path: Path, content: str) -> None:
    folder = DataFolder.at(tmp_path)
    (folder.root / "keys.json").write_text(content)
    with pytest.raises(LocalError, match=r"keys\.json .* delete it to make new keys"):
        keys(folder)
    assert (folder.root / "keys.json").read_text() == content


def test_secrets_do_not_show_when_printed() -> None:
    made = Keys.generate()
    assert made.jwt_secret not in repr(made)
    assert made.secret_key not in repr(made)


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"cannot be written to .* set DATA_DIR"):
        DataFolder.at(tmp_path / "file" / "data")
