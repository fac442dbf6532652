"""Keeps everything of `make run` in one file, and puts it back: `make backup`, `make restore FILE=…`.

The file holds the database, the accounts, the keys that sign people in, and the model that was connected in the app. A
backup may be made while the app runs. Restoring needs the app stopped: the backup is put together in a new folder
first, and the folder that was there is kept beside it under another name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from memory.embedded.data_folder import DataFolder
from memory.embedded.postgres import VERSION, Postgres, programs
from memory.errors import AppError, LocalError
from memory.migrations import files
from memory.settings import CONNECTED_FILE
from settings import settings

__all__ = ["main", "restore", "save"]

DATABASE, ROLES, ACCOUNTS, KEYS, CONTENTS = "database.dump", "roles.sql", "users.db", "keys.json", "contents.json"
NEEDED = (DATABASE, ROLES, KEYS)
KNOWN = (*NEEDED, ACCOUNTS, CONNECTED_FILE)
BACKUPS = Path("backups")
MAX_CONTENTS = 100_000  # characters of the list of contents


def save(data_dir: Path, target: Path) -> Path:
    """Write a backup of a data folder, which only its owner can read; return its path."""
    if not (data_dir / "postgres").exists():
        raise LocalError(f"There is nothing to back up in {data_dir}: make run has not been started yet.")
    if target.exists():
        raise LocalError(f"{target} exists: choose another name.")
    folder = DataFolder.at(data_dir)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".unfinished")
    with tempfile.TemporaryDirectory(prefix="keepsake-backup-") as collected, ExitStack() as undone:
        undone.callback(unfinished.unlink, missing_ok=True)
        _collect(folder, Path(collected))
        unfinished.touch(mode=0o600)
        with tarfile.open(unfinished, "w") as archive:
            for each in sorted(Path(collected).iterdir()):
                archive.add(each, each.name, filter=_nobodys)
        unfinished.rename(target)
    return target


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _collect(folder: DataFolder, into: Path) -> None:
    # The accounts come last: an account without memories does no harm, memories without an account would stay for ever.
    with Postgres(folder.root) as server:
        address = _address(server)
        _run("pg_dump", "--format=custom", f"--file={into / DATABASE}", address)
        _run("pg_dumpall", "--roles-only", "--no-role-passwords", f"--file={into / ROLES}", f"--dbname={address}")
    if (folder.auth / ACCOUNTS).exists():
        with (
            closing(sqlite3.connect(f"file:{folder.auth / ACCOUNTS}?mode=ro", uri=True)) as accounts,
            closing(sqlite3.connect(into / ACCOUNTS)) as copy,
        ):
            accounts.backup(copy)
    for name in (KEYS, CONNECTED_FILE):
        if (folder.root / name).exists():
            shutil.copyfile(folder.root / name, into / name)
    hashes = {each.name: _hash(each) for each in into.iterdir()}
    contents = {"postgres": int(VERSION), "migration": files()[-1].version, "sha256": hashes}
    (into / CONTENTS).write_text(json.dumps(contents, indent=1))


def restore(data_dir: Path, backup: Path) -> Path | None:
    """Put a backup in the place of a data folder; return where the folder that was there is now, if one was."""
    data_dir = data_dir.expanduser().absolute()
    made = data_dir.with_name(data_dir.name + ".restoring")
    with tempfile.TemporaryDirectory(prefix="keepsake-restore-") as unpacked, _unused(data_dir), ExitStack() as undone:
        parts = _unpack(backup, Path(unpacked))
        undone.callback(shutil.rmtree, made, ignore_errors=True)
        shutil.rmtree(made, ignore_errors=True)  # of a restore that was killed
        _fill(DataFolder.at(made), parts)
        kept = None
        if data_dir.exists():
            kept = data_dir.with_name(f"{data_dir.name}.before-{datetime.now():%Y-%m-%d-%H%M%S}")
            data_dir.rename(kept)
        made.rename(data_dir)
    return kept


def _fill(folder: DataFolder, parts: Path) -> None:
    with Postgres(folder.root) as server:
        address = _address(server)
        # Most roles are there already. What the others need is said again by the dump, so each line counts by itself.
        _run("psql", "--quiet", "--no-psqlrc", f"--file={parts / ROLES}", address)
        _run("pg_restore", "--exit-on-error", "--single-transaction", "--clean", "--if-exists", f"--dbname={address}",
             str(parts / DATABASE))  # fmt: skip
    for name, place in ((ACCOUNTS, folder.auth), (KEYS, folder.root), (CONNECTED_FILE, folder.root)):
        if (parts / name).exists():
            (place / name).touch(mode=0o600)
            shutil.copyfile(parts / name, place / name)


@contextmanager
def _unused(data_dir: Path) -> Iterator[None]:
    """Hold a data folder's locks during a block; raise `LocalError` if something uses it."""
    if not data_dir.exists():
        yield
        return
    folder = DataFolder.at(data_dir)
    locks = [folder.lock("launcher"), folder.lock("postgres-users")]
    try:
        if not all(each.take(wait=False) for each in locks):
            raise LocalError(f"Keepsake runs from {data_dir}: stop it first, and every program that uses its database.")
        yield
    finally:
        for each in locks:
            each.release()


# -- the file ------------------------------------------------------------------------------------


def _unpack(backup: Path, into: Path) -> Path:
    """Unpack a backup that is whole and not of a newer version; raise `LocalError` if it is not."""
    not_one = f"{backup} is not a backup of Keepsake, or is damaged"
    try:
        with tarfile.open(backup, "r:") as archive:
            contents = json.loads(_member(archive, CONTENTS).read(MAX_CONTENTS))
            hashes = {str(name): str(value) for name, value in contents["sha256"].items()}
            newer = contents["postgres"] > int(VERSION) or contents["migration"] > files()[-1].version
            if newer:
                raise LocalError(f"{backup} was made by a newer Keepsake: update this one first.")
            for name in hashes.keys() & set(KNOWN):
                with _member(archive, name) as source, (into / name).open("xb") as copy:
                    shutil.copyfileobj(source, copy)
    except FileNotFoundError as error:
        raise LocalError(f"There is no file {backup}.") from error
    except OSError as error:
        raise LocalError(f"{backup} cannot be read ({error.strerror or error}).") from error
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LocalError(f"{not_one}.") from error
    missing = [each for each in NEEDED if each not in hashes]
    if missing or any(_hash(into / name) != value for name, value in hashes.items() if name in KNOWN):
        raise LocalError(f"{not_one}.")
    return into


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open a file in the archive; only regular files count, whatever else it holds."""
    found = archive.extractfile(archive.getmember(name)) if archive.getmember(name).isfile() else None
    if found is None:
        raise KeyError(name)
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- PostgreSQL's programs -----------------------------------------------------------------------


def _address(server: Postgres) -> str:
    return server.admin_url.replace("postgresql+psycopg2", "postgresql", 1)


def _run(program: str, *arguments: str) -> None:
    outcome = subprocess.run(
        [str(programs() / program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        reason = (outcome.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise LocalError(f"{program} failed: {reason}")


# -- the commands --------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Save or restore; return 0 if that was done."""
    parser = argparse.ArgumentParser(prog="python -m local.backup", description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("save", "restore"))
    parser.add_argument("file", type=Path, nargs="?")
    asked = parser.parse_args(arguments)
    data_dir = settings().data_dir
    try:
        if asked.command == "save":
            path = save(data_dir, asked.file or BACKUPS / f"keepsake-{datetime.now():%Y-%m-%d-%H%M%S}.tar")
            print(f"Everything is in {path}. Whoever has this file can read it all: keep it safe.")
            return 0
        if asked.file is None:
            raise LocalError("Which backup? make restore FILE=backups/….tar")
        kept = restore(data_dir, asked.file)
        print(f"Restored into {data_dir}." + (f" What was there before is in {kept}." if kept else ""))
    except AppError as error:
        print(error.for_deployer(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
