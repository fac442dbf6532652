"""What the tests of the local servers share: a folder of their own, patience with an end, no leftovers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from memory.embedded.loopback import ask, free_port
from memory.embedded.postgres import Postgres
from tests.model_answers import PATIENCE

PROJECT = Path(__file__).parents[2]

STAND_IN_APP = """
import os
import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

NAMES = ("SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL", "DATABASE_ADMIN_URL", "EMBED_BASE_URL", "EMBED_MODEL",
         "EMBED_DIMENSIONS", "OPENAI_BASE_URL", "OPENAI_API_KEY", "CHAT_MODEL", "NO_PROXY")

async def health(request):
    return JSONResponse({"status": "ok", "pid": os.getpid(), "settings": {n: os.environ.get(n) for n in NAMES}})

if get_script_run_ctx() is None:
    app = st.App(__file__, routes=[Route("/health", health)])
else:
    st.write("a stand-in")
"""


Until = Callable[..., None]


def until(condition: Callable[[], object], *, seconds: float = PATIENCE, what: str = "it") -> None:
    """Wait for a condition, with an end."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.02)


@pytest.fixture(name="until")
def until_fixture() -> Until:
    return until


def processes_in(folder: Path) -> list[psutil.Process]:
    """Every living process that works in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = Path(process.cwd()).is_relative_to(folder.resolve())
            if inside and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder of the test's own; whatever still runs in it afterwards is an error, and is ended."""
    yield tmp_path / "data"
    left = processes_in(tmp_path)
    for process in left:
        process.kill()
    assert not left, f"left behind: {left}"


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[Callable[..., Postgres]]:
    """Makes holds on the server of the test's folder, and lets go of all of them."""
    made: list[Postgres] = []

    def make(path: Path = data_dir) -> Postgres:
        made.append(Postgres(path, options={"fsync": "off"}))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@dataclass
class Launcher:
    """`python -m local` in a folder of its own, with a stand-in for the app."""

    folder: Path
    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None

    def start(self) -> Launcher:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        told = {
            "PYTHONPATH": str(PROJECT),
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "OLLAMA_HOST": "127.0.0.1:1",
            "API_PORT": "0",
        }
        self._output = (self.folder / "output").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=self.folder,
            env=kept | told | self.environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def wait_until_up(self) -> Launcher:
        until(lambda: self.ended or "Keepsake is at" in self.output, seconds=3 * PATIENCE, what="the app")
        assert "Keepsake is at" in self.output, self.output
        return self

    @property
    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def exit_code(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=2 * PATIENCE)

    def health(self) -> dict[str, str]:
        answer = ask(self.port, "/health")
        assert answer is not None
        told: dict[str, str] = json.loads(answer.body)["settings"]
        return told

    def end(self) -> None:
        if self.process is not None and not self.ended:
            self.send(signal.SIGTERM)
            self.exit_code()
        if self._output is not None:
            self._output.close()


@pytest.fixture
def launcher(tmp_path: Path, data_dir: Path) -> Iterator[Callable[..., Launcher]]:
    """Makes launchers, and ends them."""
    made: list[Launcher] = []

    def make(data: Path = data_dir, **environment: str) -> Launcher:
        folder = tmp_path / f"project{len(made)}"
        folder.mkdir()
        (folder / "app.py").write_text(STAND_IN_APP)
        made.append(Launcher(folder, data, environment))
        return made[-1]

    yield make
    for each in made:
        each.end()


Serve = Callable[[Any], str]


@pytest.fixture
def ollama() -> Iterator[Serve]:
    """Serves this as /api/tags, and says where."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def serve(tags: Any) -> str:
        class Tags(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/api/tags" else 404)
                self.end_headers()
                self.wfile.write(tags if isinstance(tags, bytes) else json.dumps(tags).encode())

            def log_message(self, format: str, *args: Any) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Tags)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"127.0.0.1:{server.server_address[1]}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
