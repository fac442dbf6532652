"""The folder where the local servers keep everything, and the locks that guard it.

Knows where things lie and makes the folders, for their owner only; what is inside each is the business
of the module that writes it. The locks are the kernel's: a process that is killed lets go of its own.
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

LOG_LIMIT = 5_000_000  # bytes; beyond that a log starts anew, the one before stays as .old


@dataclass(frozen=True)
class DataFolder:
    """Where each local server keeps its things."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> DataFolder:
        """The folder at this path, made if needed; a sentence where that cannot be."""
        folder = cls(path.expanduser().absolute())
        if strange := sorted(set('"$`\\\n') & set(str(folder.root))):
            # PostgreSQL's own programs pass the folder through a shell.
            raise LocalError(f"{folder.root} has {' '.join(map(repr, strange))} in its name: set DATA_DIR to another.")
        try:
            for each in (folder.root, folder.auth, folder.logs):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        """What the servers print."""
        return self.root / "logs"

    def lock(self, name: str) -> FileLock:
        """The lock of this name; it is not taken yet."""
        return FileLock(self.root / f"{name}.lock")

    def open_log(self, name: str) -> IO[bytes]:
        """A server's log, open for adding to it."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".old"))
        return path.open("ab")

    def last_log_line(self, name: str) -> str:
        """The last line a server printed, or nothing."""
        path = self.logs / f"{name}.log"
        if not path.exists():
            return ""
        lines = path.read_bytes()[-20_000:].decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


class FileLock:
    """One kernel-held lock on one file; every instance counts as another holder, also in one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this instance holds it."""
        return self._handle is not None

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take it, or change how it is held; False if others hold it and `wait` is off."""
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
        """Let go of it; harmless when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold it alone for the length of a block, waiting for it as long as needed."""
        self.take()
        try:
            yield
        finally:
            self.release()
