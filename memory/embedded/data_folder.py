"""The folder in which the local servers keep their files, and the locks that guard it.

It knows the paths and makes the folders, which only their owner can read. The modules that write the files know what is
in them. The kernel holds the locks, so a process that is killed releases its own.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import LocalError

__all__ = ["DataFolder", "FileLock"]

LOG_LIMIT = 5_000_000  # bytes; a larger log is renamed to .old, and a new one begun


@dataclass(frozen=True)
class DataFolder:
    """The paths of the local servers' files."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> DataFolder:
        """Return the folder at this path, made if needed; raise `LocalError` if it cannot be used."""
        folder = cls(path.expanduser().absolute())
        if forbidden := sorted(set('"$`\\\n') & set(str(folder.root))):
            # PostgreSQL's programs pass the path through a shell.
            raise LocalError(
                f"{folder.root} has {' '.join(map(repr, forbidden))} in its name: set DATA_DIR to another folder."
            )
        try:
            for needed in (folder.root, folder.auth, folder.logs):
                needed.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder.root):
                pass
        except OSError as error:
            raise LocalError(
                f"{folder.root} cannot be written to ({error.strerror}): "
                "make it writable, or set DATA_DIR to a folder that is."
            ) from error
        return folder

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.root / "postgres"

    @property
    def auth(self) -> Path:
        """The auth server's database."""
        return self.root / "auth"

    @property
    def logs(self) -> Path:
        """The logs of the servers."""
        return self.root / "logs"

    def lock(self, name: str) -> FileLock:
        """Return the lock of this name, not yet taken."""
        return FileLock(self.root / f"{name}.lock")

    def open_log(self, name: str, limit: int = LOG_LIMIT) -> IO[bytes]:
        """Open a server's log for appending."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > limit:
            path.replace(path.with_suffix(".old"))
        return path.open("ab")

    def last_log_line(self, name: str) -> str:
        """Return the last line of a server's log, or an empty text."""
        path = self.logs / f"{name}.log"
        if not path.exists():
            return ""
        lines = path.read_bytes()[-20_000:].decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


class FileLock:
    """A lock on a file, held by the kernel; each instance is a separate holder, even within one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """True if this instance holds the lock."""
        return self._handle is not None

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, or change how it is held; return False if others hold it and `wait` is off."""
        if self._handle is None:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._handle, how if wait else how | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the lock alone during a block; wait for it as long as needed."""
        self.take()
        try:
            yield
        finally:
            self.release()
