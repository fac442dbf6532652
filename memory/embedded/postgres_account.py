"""Which account of the machine the PostgreSQL server runs under.

PostgreSQL refuses to run as root. So for root (in a container, mostly) it runs as a system user of its
own, who must reach its programs and its data: on the folders above them, and only where it is missing,
the right to pass through (`o+x`) is added, also to a home folder of mode 0700. Passing through is not
reading: what lies in those folders stays as closed as it was. For everyone else this module does nothing.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory.errors import LocalError

__all__ = ["Account", "server_account"]

SYSTEM_USER = "pgserver"


@dataclass(frozen=True)
class Account:
    """A user of the machine; `separate` if it is not the one we are."""

    uid: int
    gid: int
    separate: bool

    @property
    def process_options(self) -> dict[str, Any]:
        """What to give `subprocess` so that a program runs under this account."""
        if not self.separate:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make this folder theirs; what the server writes into it already is."""
        if self.separate and folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)

    def let_through(self, path: Path) -> None:
        """Let them reach this path: the right to pass is added to folders above it that lack it."""
        if not self.separate:
            return
        for above in path.resolve().parents:
            mode = stat.S_IMODE(above.stat().st_mode)
            if not mode & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)

    def let_read(self, programs: Path) -> None:
        """Let them read and run installed programs, which a strict umask may have closed."""
        if not self.separate or (programs / "postgres").stat().st_mode & stat.S_IXOTH:
            return
        package = programs.parent.parent
        for tree in filter(Path.exists, (package, package.with_name(f"{package.name}.libs"))):
            for path in (tree, *tree.rglob("*")):
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def server_account(cluster: Path) -> Account:
    """Ourselves; for root, whoever owns the cluster, or the system user made for it on first use."""
    us = os.geteuid()
    owner = cluster.stat() if cluster.exists() else None
    if us != 0:
        if owner is not None and owner.st_uid != us:
            raise LocalError(f"{cluster} belongs to another user: run this as its owner, or set DATA_DIR.")
        return Account(us, os.getegid(), separate=False)
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, separate=True)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _create_user()
    return Account(entry.pw_uid, entry.pw_gid, separate=True)


def _create_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise LocalError(
            f"PostgreSQL does not run as root, and a user {SYSTEM_USER!r} could not be made for it: "
            "run this as an ordinary user."
        ) from error
