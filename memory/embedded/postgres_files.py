"""The files by which a PostgreSQL cluster is found and told what to do: sockets, pid files, settings.

Reads and writes them, and judges whether a pid file speaks the truth; starting and stopping servers is
`local.postgres`'s work.
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
LONGEST_SOCKET = 100  # bytes; systems allow 103 to 107 and cut off or refuse what is longer

# For a laptop: a few connections, little memory, no need to be known to the network.
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
    # Statements hold what people wrote, so a failing one stays out of the log.
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True)
class Postmaster:
    """The server process that really runs on a cluster."""

    process: psutil.Process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def interrupt(self) -> None:
        """Ask for a fast shutdown: roll back, write everything, end."""
        self._signal(signal.SIGINT)

    def kill_at_once(self) -> None:
        """Ask for an immediate one; the next start recovers."""
        self._signal(signal.SIGQUIT)

    def gone_within(self, seconds: float) -> bool:
        """Wait for its end."""
        return gone_within(seconds, [self.process])

    def _signal(self, number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.send_signal(number)


def postmaster(cluster: Path) -> Postmaster | None:
    """The server of this cluster, if the process its pid file names is one: same folder, and alive.

    A server's working folder is its cluster, so a number that was given to another process is told apart.
    """
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().split("\n", 1)[0]))
        if not lives(process) or Path(process.cwd()) != cluster.resolve():
            return None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return Postmaster(process)


def discard_stale_pid_files(cluster: Path) -> None:
    """Remove pid files of a server that is gone; PostgreSQL believes a number that lives on as another process."""
    for stale in (cluster / "postmaster.pid", socket_folder(cluster) / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)


def socket_folder(cluster: Path) -> Path:
    """Where the socket is: in the cluster, or in a private temporary folder if that path will not do for one."""
    place = cluster.resolve()
    # PostgreSQL reads the folder as a list, in which quotes and commas mean something.
    plain = not set("\"',") & set(str(place))
    if plain and len(os.fsencode(place / SOCKET)) <= LONGEST_SOCKET:
        return place
    name = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    # Not TMPDIR: everyone who uses this cluster must come to the same name.
    return Path("/tmp") / f"keepsake-{name}"  # noqa: S108 (checked by _make_private)


def remove_socket_folder(cluster: Path) -> None:
    """Remove the socket's folder if it has one of its own, and nothing is in it."""
    sockets = socket_folder(cluster)
    if sockets != cluster.resolve():
        with suppress(OSError):
            sockets.rmdir()


def write_configuration(cluster: Path, options: Mapping[str, str], account: Account) -> None:
    """Write the cluster's settings anew, and make the socket's folder if it has one of its own."""
    sockets = socket_folder(cluster)
    if sockets != cluster.resolve():
        _make_private(sockets, account)
    values = {**CONFIGURATION, "unix_socket_directories": str(sockets), **options}
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in sorted(values.items())]
    (cluster / "postgresql.conf").write_text("\n".join(["# Written anew at each start.", *lines, ""]))


def _make_private(folder: Path, account: Account) -> None:
    """Temporary folders are open to all: what somebody else put there under our name is not used."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid == os.geteuid():
        account.own(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise LocalError(f"{folder} is not ours or is open to others: remove it and try again.")


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


def lives(process: psutil.Process) -> bool:
    """Whether this very process runs; another one with its number does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    """Wait until none of them lives; False if the time was too short."""
    deadline = time.monotonic() + seconds
    while any(lives(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
