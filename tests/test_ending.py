"""The end of a process: a deployment that stops the app in the middle of a reply loses no word of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from memory.database import Database
from memory.embedded.loopback import free_port
from tests.chat.conftest import until
from tests.databases import Databases
from tests.model_answers import PATIENCE, Slow
from tests.model_server import ModelServer

PROJECT = Path(__file__).parents[1]
HALF, REST = "I remember that you keep bees", " in Utrecht."


@pytest.fixture
def settings_of_app(database: Database, model_server: ModelServer) -> dict[str, str]:
    """The environment of a hosted app whose model is the scripted one."""
    return {
        "SUPABASE_URL": "http://127.0.0.1:1",
        "SUPABASE_KEY": "sb_publishable_test",
        "DATABASE_URL": database.url,
        "DATABASE_ADMIN_URL": database.admin_url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model_server.base_url,
        "CHAT_MODEL": "scripted",
        "EMBED_MODEL": "wordllama-256",
        "EMBED_DIMENSIONS": "256",
    }


@dataclass
class RunningApp:
    """The app in a process of its own, with half a reply; `lines` is its log."""

    process: subprocess.Popen[bytes]
    address: str
    output: Path
    lines: Path


@contextmanager
def app_with_reply(environment: dict[str, str], folder: Path, user_id: str = "ann") -> Iterator[RunningApp]:
    """Run the app until it serves pages and has half a reply."""
    port, output, lines = free_port(), folder / "output", folder / "lines"
    command = [sys.executable, "-m", "tests.app_with_reply", str(port), user_id, "Where are my bees?"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with output.open("wb") as said, lines.open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=kept | environment, stdout=said, stderr=log)

    def ready() -> bool:
        assert process.poll() is None, lines.read_text()
        try:
            serves = httpx.get(f"http://127.0.0.1:{port}/_stcore/health", verify=False).status_code == 200
        except httpx.HTTPError:
            return False
        return serves and "half a reply" in output.read_text()

    try:
        until(ready, seconds=3 * PATIENCE)
        yield RunningApp(process, f"http://127.0.0.1:{port}", output, lines)
    finally:
        process.kill()
        process.wait()


def test_half_a_reply_is_saved_when_the_process_is_told_to_end(
    settings_of_app: dict[str, str], model_server: ModelServer, databases: Databases, database: Database, tmp_path: Path
) -> None:
    reply = Slow([HALF, REST])
    reply.gate.let(1)
    model_server.enqueue(reply)
    with app_with_reply(settings_of_app, tmp_path) as app:
        app.process.send_signal(signal.SIGTERM)
        app.process.wait(PATIENCE)
    reply.gate.open()
    saved = databases.ask(database, "select content, status from app.messages where role = 'assistant'")
    assert saved == [(HALF, "stopped")], app.lines.read_text()
    assert "Traceback" not in app.lines.read_text()
    assert " CRITICAL " not in app.lines.read_text()
