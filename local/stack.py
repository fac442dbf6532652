"""The local servers that replace an account: database, auth server and embedder, started and stopped together.

`LocalStack(folder).settings` are the settings with which the app finds them. The launcher runs the app itself.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local.auth_service import AuthServer, keys
from local.processes import Child, Processes
from memory.embed import BUNDLED
from memory.embedded.data_folder import DataFolder
from memory.embedded.loopback import ask, free_port, kept_port
from memory.embedded.postgres import Postgres
from memory.errors import LocalError

__all__ = ["LocalStack"]

ANSWER_SECONDS = 60  # until a server answers, on a slow machine
PROJECT = Path(__file__).parent.parent


def _report_nothing(part: str, seconds: float) -> None:
    """Report no start."""


class LocalStack:
    """The local servers of one data folder; only one process at a time may run them.

    `embed_model` names the bundled embedder to start; if it is not given, the database says which.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        site_url: str = "http://localhost:8501",
        embedder: bool = True,
        embed_model: str | None = None,
        confirmations: bool = False,
        database_options: Mapping[str, str] | None = None,
        report: Callable[[str, float], None] = _report_nothing,
        stopping: threading.Event | None = None,
    ) -> None:
        self.folder = DataFolder.at(data_dir)
        self.site_url = site_url
        self.postgres = Postgres(data_dir, options=database_options)
        self.processes = Processes(self.folder)
        self._report = report
        self._stopping = stopping or threading.Event()
        self._claim = self.folder.lock("launcher")
        self._keys = keys(self.folder)
        self._confirmations = confirmations
        self._with_embedder = embedder
        self._wanted_embedder = embed_model
        self._starting: list[tuple[Child, Callable[[], bool]]] = []
        self._began = time.monotonic()

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which the app finds these servers; known once they are started."""
        settings = {
            "SUPABASE_URL": self.auth.url,
            "SUPABASE_KEY": self._keys.publishable_key,
            "DATABASE_URL": self.postgres.app_url,
            "DATABASE_ADMIN_URL": self.postgres.admin_url,
        }
        if self._with_embedder:
            settings |= {
                "EMBED_BASE_URL": f"http://127.0.0.1:{self._embedder_port}/v1",
                "EMBED_API_KEY": "local",
                "EMBED_MODEL": self._embedder,
                "EMBED_DIMENSIONS": str(BUNDLED[self._embedder]),
            }
        return settings

    def claim(self) -> None:
        """Take the lock on this folder's servers, and end those that a killed launcher left running."""
        if self._claim.held:
            return
        if not self._claim.take(wait=False):
            address = self._claim.path.read_text().strip()
            raise LocalError(f"Keepsake already runs from {self.folder.root}{f': {address}' if address else ''}.")
        self._claim.path.write_text(f"{self.site_url}\n")
        self.processes.end_leftovers()

    def start(self) -> None:
        """Start all of them. The database answers on return; `wait` waits for the others."""
        self.claim()
        self._began = time.monotonic()
        self._start_auth()
        self.postgres.start()
        self._report("PostgreSQL", time.monotonic() - self._began)
        if self._with_embedder:
            self._start_embedder()

    def wait(self) -> None:
        """Wait until every server answers."""
        for child, answers in self._starting:
            self.processes.wait_for(child, answers, seconds=ANSWER_SECONDS, stopping=self._stopping)
            self._report(child.name, time.monotonic() - self._began)
        self._starting.clear()

    def check(self) -> None:
        """Raise `LocalError` if one of them has ended."""
        self.processes.check()
        if not self.postgres.alive():
            line = self.folder.last_log_line("postgres")
            raise LocalError(f"PostgreSQL ended by itself: {line} (see {self.folder.logs}/postgres.log).")

    def stop(self) -> None:
        """End all of them, the database last, and only if no script uses it."""
        if not self._claim.held:
            return
        try:
            self.processes.stop()
        finally:
            self.postgres.stop()
            self._claim.release()

    def __enter__(self) -> Self:
        with ExitStack() as undone:
            undone.callback(self.stop)
            self.start()
            self.wait()
            undone.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_auth(self) -> None:
        # Its port is part of links and tokens, so the same one is used again unless another program has taken it.
        self.auth = AuthServer(
            folder=self.folder,
            keys=self._keys,
            port=kept_port(self.folder.auth / "port"),
            site_url=self.site_url,
            confirmations=self._confirmations,
        )
        child = self.processes.start(
            "auth server", "auth", self.auth.command, _minimal_environment(self.auth.environment)
        )
        self._starting.append((child, self.auth.answers))

    def _start_embedder(self) -> None:
        """Start the bundled embedder that is wanted, or the one with which the database was made."""
        self._embedder = self._wanted_embedder or self.postgres.bundled_embedder()
        self._embedder_port = port = free_port()
        command = [
            sys.executable,
            "-m",
            "memory.embedded.embedder_server",
            "--port",
            str(port),
            "--model",
            self._embedder,
        ]
        child = self.processes.start(
            "embedder", "embedder", command, _minimal_environment({"PYTHONPATH": str(PROJECT)})
        )
        self._starting.append((child, lambda: ask(port, "/health") is not None))


def _minimal_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with what any program needs and these variables, without the person's keys and proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL") if name in os.environ}
    return kept | dict(environment)
