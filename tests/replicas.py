"""Streaming replicas of an embedded PostgreSQL server, made as hosted ones are: a base backup, and then the log."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg2
import pytest
from sqlalchemy import make_url

from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres, programs
from memory.embedded.postgres_files import SOCKET, discard_stale_pid_files, server_account, socket_folder
from memory.migrations import migrate
from tests.chat.conftest import until

__all__ = ["FOLLOWED", "StreamingReplica", "followed", "primary", "replica", "replica_of"]


# What a server that is followed is started with.
FOLLOWED = {"wal_level": "replica", "max_wal_senders": "4", "fsync": "off"}


class StreamingReplica:
    """A second server that replays what the first one writes, until it is promoted."""

    def __init__(self, primary: Postgres, folder: Path) -> None:
        self._primary = primary
        self._cluster = folder / "replica"
        self._account = server_account(folder)

    @property
    def url(self) -> str:
        """The address for the app's role."""
        return self._url("keepsake_app")

    @property
    def admin_url(self) -> str:
        """The address for the superuser."""
        return self._url("postgres")

    @property
    def socket(self) -> Path:
        """The socket on which it listens."""
        return self._cluster / SOCKET

    def start(self) -> None:
        """Copy the primary, follow it, and return when the replica has all that the primary has."""
        self._cluster.mkdir(mode=0o700)
        self._account.own(self._cluster)
        self._account.let_through(self._cluster)
        source = ("--host", str(socket_folder(self._primary.cluster)), "--username", "postgres")
        self._run("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
        discard_stale_pid_files(self._cluster)  # the lock of the primary's socket, which was copied
        self._run("pg_ctl", "start", "-s", "-w", "-o", f"-c unix_socket_directories={self._cluster}", "-l", "/dev/null")
        self.catches_up()

    def stop(self) -> None:
        """End the server at once, if it runs."""
        if (self._cluster / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-s", "-w", "-m", "immediate")

    def catches_up(self) -> None:
        """Wait until the replica has replayed everything written so far."""
        [position] = ask(self._primary.admin_url, "select pg_current_wal_flush_lsn()::text")
        until(lambda: self.ask(f"select coalesce(pg_last_wal_replay_lsn() >= '{position}', false)") == [True])

    def falls_behind(self) -> None:
        """Stop replaying, as a replica does that is far behind."""
        self.ask("select pg_wal_replay_pause()::text")
        until(lambda: self.ask("select pg_get_wal_replay_pause_state()") == ["paused"])

    def goes_on(self) -> None:
        """Replay again."""
        self.ask("select pg_wal_replay_resume()::text")

    def is_promoted(self) -> None:
        """Make it a server of its own, which can be written to."""
        assert self.ask("select pg_promote(true, 60)") == [True]

    def ask(self, sql: str) -> list[object]:
        """Ask the replica, as its superuser."""
        return ask(self.admin_url, sql)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _url(self, role: str) -> str:
        return f"postgresql+psycopg2://{role}@/postgres?host={quote(str(self._cluster), safe='')}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs() / program), "--pgdata", str(self._cluster), *arguments],
            check=True,
            cwd=self._cluster,
            timeout=120,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._account.process_options,
        )


def ask(url: str, sql: str) -> list[object]:
    """Return the column that a query gives at this address, outside any transaction."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [value for (value,) in cursor.fetchall()]


@pytest.fixture(scope="module")
def primary(embedder: BundledEmbedder) -> Iterator[Postgres]:
    """A server that can be followed, with our tables."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-primary-") as folder,
        Postgres(Path(folder), options=FOLLOWED) as server,
    ):
        with closing(Database(server.app_url, server.admin_url)) as database:
            migrate(database, embedder.dimensions, embedder.name)
        yield server


@pytest.fixture(scope="module")
def followed(primary: Postgres) -> Iterator[StreamingReplica]:
    """A replica for tests that leave it as it is."""
    with replica_of(primary) as made:
        yield made


@pytest.fixture
def replica(primary: Postgres) -> Iterator[StreamingReplica]:
    """A replica of a test's own."""
    with replica_of(primary) as made:
        yield made


@contextmanager
def replica_of(primary: Postgres) -> Iterator[StreamingReplica]:
    """Make a replica in a folder of its own."""
    # A short path: the socket lies in the folder.
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-replica-") as folder,
        StreamingReplica(primary, Path(folder)) as made,
    ):
        yield made
