"""The machine goes wrong: it sleeps in the middle of a reply, its clock is set back, or its disk is full."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import local.__main__ as launcher
from auth.client import AuthClient
from auth.errors import UntrustedToken
from chat.conversations import Conversations
from memory import Memory
from memory.database import Database
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import SOCKET, socket_folder
from settings import settings
from tests.auth.conftest import PASSWORD, gotrue
from tests.chat.conftest import Sql, chats_of, conversations, sql, until
from tests.faults.lone_laptop import BEES, SEA
from tests.gotrue import KEY, GoTrue
from tests.model_answers import Gate, Reply, Slow
from tests.model_server import ModelServer
from tests.sources import PROJECT
from tests.wires import relaying

__all__ = ["conversations", "gotrue", "sql"]

DAY = 86_400


def test_a_laptop_that_sleeps_in_the_middle_of_a_reply_keeps_what_came_and_goes_on(
    postgres: Postgres,
    database: Database,
    memory: Memory,
    conversations: Conversations,
    model_server: ModelServer,
    sql: Sql,
) -> None:
    gate = Gate()
    model_server.enqueue_replies(Slow(["The sea ", "is deep."], gate), Reply("I see."))
    name = database.url.rpartition("/")[2].partition("?")[0]
    with (
        relaying(socket_folder(postgres.cluster) / SOCKET) as to_database,
        relaying(urlsplit(model_server.base_url).port or 0) as to_model,
    ):
        addresses = (
            f"postgresql://keepsake_app@127.0.0.1:{to_database.port}/{name}",
            f"http://127.0.0.1:{to_model.port}/v1",
        )
        command = [sys.executable, "-m", "tests.faults.lone_laptop", *addresses]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as laptop:
            assert laptop.stdout is not None
            gate.let()
            until(lambda: "The sea " in [each for each, _ in _contents(conversations)])
            os.kill(laptop.pid, signal.SIGSTOP)
            to_database.cut()
            to_model.cut()
            os.kill(laptop.pid, signal.SIGCONT)
            assert "was cut before the reply was complete. Try again." in laptop.stdout.readline()
            assert laptop.stdout.readline() == "answered\n"
            # A turn that the worker had claimed rests for a while, or until its lease ends.
            until(lambda: laptop.poll() is not None or _wakes(sql))
            assert laptop.returncode == 0
    assert _contents(conversations) == [
        (SEA, "complete"),
        ("The sea ", "failed"),
        (BEES, "complete"),
        ("I see.", "complete"),
    ]
    assert [each["memory"] for each in memory.get_all(user_id="ann")["results"]] == [BEES]


def _wakes(sql: Sql) -> bool:
    """Let what rests be tried now; nothing is over by that."""
    sql("update app.messages set remember_after = now() where remembering = 'waiting' and remember_after > now()")
    return False


def _contents(conversations: Conversations) -> list[tuple[str, str]]:
    """The messages of the only chat, each with its status."""
    found = chats_of(conversations).recent("ann")
    return [(each.content, each.status) for chat in found for each in conversations.messages("ann", chat.id)]


def test_who_signs_in_where_the_clock_was_set_back_is_told_about_the_clock(
    gotrue: GoTrue, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = gotrue.claims

    def tomorrow(*arguments: Any, **other: Any) -> dict[str, Any]:
        ahead = claims(*arguments, **other)
        return ahead | {"iat": ahead["iat"] + DAY, "exp": ahead["exp"] + DAY}

    with closing(AuthClient(gotrue.url, KEY)) as client:
        monkeypatch.setattr(gotrue, "claims", tomorrow)  # the auth server's clock is a day ahead of the app's
        with pytest.raises(UntrustedToken, match="The clocks of this app and of the"):
            client.sign_up("kim@example.com", PASSWORD)
        monkeypatch.setattr(gotrue, "claims", claims)
        assert client.sign_in("kim@example.com", PASSWORD).email == "kim@example.com"


def test_a_full_disk_under_the_local_servers_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        assert launcher.main() == 1
    settings.cache_clear()
    assert capsys.readouterr().err == f"The disk is full: make room for {tmp_path}, and start again.\n"
