"""The files and the system account of a PostgreSQL cluster: sockets, pid files, settings, ownership.

It reads and writes them, and tells whether a pid file names a running server; postgres.py starts and stops servers.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ..errors import LocalError

__all__ = [
    "Account",
    "Postmaster",
    "discard_stale_pid_files",
    "gone_within",
    "lives",
    "postmaster",
    "remove_socket_folder",
    "server_account",
    "socket_folder",
    "write_configuration",
]

SOCKET = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100  # bytes; systems allow 103 to 107 and shorten or refuse longer paths

# For a laptop: few connections, little memory, no network.
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Statements contain what people wrote, so failing ones are kept out of the log.
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True)
class Postmaster:
    """The server process that runs on a cluster."""

    process: psutil.Process

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def interrupt(self) -> None:
        """Ask for a fast shutdown, which rolls back open transactions and writes everything."""
        self._signal(signal.SIGINT)

    def kill_at_once(self) -> None:
        """Ask for an immediate shutdown, after which the next start recovers."""
        self._signal(signal.SIGQUIT)

    def gone_within(self, seconds: float) -> bool:
        """Wait for the process to end; return False if it takes longer."""
        return gone_within(seconds, [self.process])

    def _signal(self, number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.send_signal(number)


def postmaster(cluster: Path) -> Postmaster | None:
    """Return the server of this cluster, if the process in its pid file is alive and is that server.

    A server's working folder is its cluster; another process that got the same id has another folder.
    """
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().split("\n", 1)[0]))
        if not lives(process) or Path(process.cwd()) != cluster.resolve():
            return None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return Postmaster(process)


def discard_stale_pid_files(cluster: Path) -> None:
    """Remove pid files of a server that has ended: PostgreSQL would take another process with that id for it."""
    for stale in (cluster / "postmaster.pid", socket_folder(cluster) / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)


def socket_folder(cluster: Path) -> Path:
    """Return the socket's folder: the cluster, or a private temporary folder if the cluster's path cannot be used."""
    place = cluster.resolve()
    # PostgreSQL reads this setting as a list, in which quotes and commas have a meaning.
    plain = not set("\"',") & set(str(place))
    if plain and len(os.fsencode(place / SOCKET)) <= MAX_SOCKET_PATH:
        return place
    name = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    # Not TMPDIR, which may differ: every process that uses this cluster must compute the same path.
    return Path("/tmp") / f"keepsake-{name}"  # noqa: S108 (checked by _make_private)


def remove_socket_folder(cluster: Path) -> None:
    """Remove the socket's own folder, if it has one and it is empty."""
    sockets = socket_folder(cluster)
    if sockets != cluster.resolve():
        with suppress(OSError):
            sockets.rmdir()


def write_configuration(cluster: Path, options: Mapping[str, str], account: Account) -> None:
    """Write the cluster's settings, and make the socket's own folder if it needs one."""
    sockets = socket_folder(cluster)
    if sockets != cluster.resolve():
        _make_private(sockets, account)
    values = {**CONFIGURATION, "unix_socket_directories": str(sockets), **options}
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in sorted(values.items())]
    (cluster / "postgresql.conf").write_text("\n".join(["# Written at each start.", *lines, ""]))


def _make_private(folder: Path, account: Account) -> None:
    """Make a private folder; raise `LocalError` if somebody else made it, since anybody can write to /tmp."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid == os.geteuid():
        account.own(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise LocalError(f"{folder} belongs to another user or is open to others: remove it and try again.")


SYSTEM_USER = "pgserver"


@dataclass(frozen=True)
class Account:
    """A system user that runs the server; `separate` if it is not the current user."""

    uid: int
    gid: int
    separate: bool

    @property
    def process_options(self) -> dict[str, Any]:
        """Options for `subprocess` that run a program under this account."""
        if not self.separate:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give this folder to the account."""
        if self.separate and folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)

    def let_through(self, path: Path) -> None:
        """Let the account reach this path, by adding the right to pass to the folders above it."""
        if not self.separate:
            return
        for above in path.resolve().parents:
            mode = stat.S_IMODE(above.stat().st_mode)
            if not mode & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)

    def let_read(self, programs: Path) -> None:
        """Let the account read and run the installed programs, which a strict umask may have prevented."""
        if not self.separate or (programs / "postgres").stat().st_mode & stat.S_IXOTH:
            return
        package = programs.parent.parent
        for tree in filter(Path.exists, (package, package.with_name(f"{package.name}.libs"))):
            for path in (tree, *tree.rglob("*")):
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def server_account(cluster: Path) -> Account:
    """Return the current user; for root, the cluster's owner, or a system user that is made at the first use."""
    current = os.geteuid()
    owner = cluster.stat() if cluster.exists() else None
    if current != 0:
        if owner is not None and owner.st_uid != current:
            raise LocalError(f"{cluster} belongs to another user: run this as its owner, or set DATA_DIR.")
        return Account(current, os.getegid(), separate=False)
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


def lives(process: psutil.Process) -> bool:
    """Return whether this process runs; another process with the same id does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    """Wait until all of these processes have ended; return False if that takes longer."""
    deadline = time.monotonic() + seconds
    while any(lives(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
