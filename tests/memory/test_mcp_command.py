"""`python -m keepsake.mcp`, which editors and desktops start: whose memories it serves, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import LocalStack
from memory.mcp.__main__ import main
from memory.settings import MemorySettings
from tests.api.mcp_client import over_stdio
from tests.model_answers import PATIENCE

PROJECT = Path(__file__).parents[2]
INITIALIZE = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"test","version":"1"}}}\n'
)


def test_it_says_that_a_user_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMORY_USER", raising=False)
    with pytest.raises(SystemExit, match="Say whose memories these are: --user NAME, or the setting MEMORY_USER"):
        main([])


def test_the_user_may_be_a_setting() -> None:
    assert MemorySettings.read({"MEMORY_USER": "dave"}).memory_user == "dave"


def test_it_serves_the_user_of_the_setting_and_with_read_only_changes_nothing(stack: LocalStack) -> None:
    with over_stdio({**stack.settings, "MEMORY_USER": "mcp-dave"}, "--read-only") as dave:
        assert "Nothing is remembered" in dave.told("search_memories", query="boat", include_messages=True)
        assert "add_memories" not in dave.tools()


def test_a_database_that_does_not_answer_is_told_by_each_tool_and_on_stderr(tmp_path: Path) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "HOME": str(tmp_path)}
    with (tmp_path / "log").open("w+") as log, over_stdio(away, "--user", "dave", log=log) as client:
        assert client.tools()
        told = client.refused("list_memories")
        assert client.refused("search_memories", query="x") == told
        log.seek(0)
        assert log.read().strip() == told


@pytest.mark.parametrize("ending", [signal.SIGTERM, None], ids=["told to", "client gone"])
def test_it_ends_when_it_is_told_to_and_when_the_client_goes_away(
    stack: LocalStack, ending: signal.Signals | None
) -> None:
    command = [sys.executable, "-m", "memory.mcp", "--user", "dave"]
    environment = {"PATH": os.environ["PATH"], **stack.settings}
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(INITIALIZE)
        running.stdin.flush()
        assert '"serverInfo"' in running.stdout.readline()
        if ending is None:
            running.stdin.close()
        else:
            running.send_signal(ending)
        try:
            assert running.wait(PATIENCE) == 0
        finally:
            running.kill()
