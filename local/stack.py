"""Everything an account would give, brought up together: database, auth server, embedder.

`LocalStack(folder)` starts them, names the settings that lead to them, and stops them. It does not run
the app; the launcher does.
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
from memory.embedded.data_folder import DataFolder
from memory.embedded.loopback import ask, free_port, kept_port
from memory.embedded.postgres import Postgres
from memory.errors import LocalError

__all__ = ["LocalStack"]

EMBEDDER = "wordllama-256"
EMBEDDER_DIMENSIONS = 256
ANSWER_LIMIT = 60  # seconds for a server to come up, on a slow machine
PROJECT = Path(__file__).parent.parent


def _silent(part: str, seconds: float) -> None:
    """Tell nobody how long a part took."""


class LocalStack:
    """The local servers of one data folder; one at a time may run them."""

    def __init__(
        self,
        data_dir: Path,
        *,
        site_url: str = "http://localhost:8501",
        embedder: bool = True,
        confirmations: bool = False,
        database_options: Mapping[str, str] | None = None,
        report: Callable[[str, float], None] = _silent,
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
        self._waiting: list[tuple[Child, Callable[[], bool]]] = []
        self._began = time.monotonic()

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead the app to these servers; known once they are started."""
        led = {
            "SUPABASE_URL": self.auth.url,
            "SUPABASE_KEY": self._keys.publishable_key,
            "DATABASE_URL": self.postgres.app_url,
            "DATABASE_ADMIN_URL": self.postgres.admin_url,
        }
        if self._with_embedder:
            led |= {
                "EMBED_BASE_URL": f"http://127.0.0.1:{self._embedder_port}/v1",
                "EMBED_API_KEY": "local",
                "EMBED_MODEL": EMBEDDER,
                "EMBED_DIMENSIONS": str(EMBEDDER_DIMENSIONS),
            }
        return led

    def claim(self) -> None:
        """Become the only one to run this folder's servers, and end what a killed one left."""
        if self._claim.held:
            return
        if not self._claim.take(wait=False):
            address = self._claim.path.read_text().strip()
            raise LocalError(f"Keepsake already runs from {self.folder.root}{f': {address}' if address else ''}.")
        self._claim.path.write_text(f"{self.site_url}\n")
        self.processes.end_leftovers()

    def start(self) -> None:
        """Start all of them; the database answers on return, the others a little later: `wait()`."""
        self.claim()
        self._began = time.monotonic()
        self._start_auth()
        if self._with_embedder:
            self._start_embedder()
        self.postgres.start()
        self._report("PostgreSQL", time.monotonic() - self._began)

    def wait(self) -> None:
        """Return when every server answers."""
        for child, answers in self._waiting:
            self.processes.wait_for(child, answers, seconds=ANSWER_LIMIT, stopping=self._stopping)
            self._report(child.name, time.monotonic() - self._began)
        self._waiting.clear()

    def check(self) -> None:
        """Raise a sentence if any of them has ended."""
        self.processes.check()
        if not self.postgres.alive():
            line = self.folder.last_log_line("postgres")
            raise LocalError(f"PostgreSQL ended by itself: {line} (see {self.folder.logs}/postgres.log).")

    def stop(self) -> None:
        """End all of them; the database last, and only if no script uses it."""
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
        # Its port is in links and tokens, so it stays the same as long as nobody else takes it.
        self.auth = AuthServer(
            folder=self.folder,
            keys=self._keys,
            port=kept_port(self.folder.auth / "port"),
            site_url=self.site_url,
            confirmations=self._confirmations,
        )
        child = self.processes.start("auth server", "auth", self.auth.command, _bare(self.auth.environment))
        self._waiting.append((child, self.auth.answers))

    def _start_embedder(self) -> None:
        self._embedder_port = port = free_port()
        command = [sys.executable, "-m", "memory.embedded.embedder", "--port", str(port)]
        child = self.processes.start("embedder", "embedder", command, _bare({"PYTHONPATH": str(PROJECT)}))
        self._waiting.append((child, lambda: ask(port, "/health") is not None))


def _bare(environment: Mapping[str, str]) -> dict[str, str]:
    """What a server needs to run at all, and what it is told: not the person's keys and proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL") if name in os.environ}
    return kept | dict(environment)
