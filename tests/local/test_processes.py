from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from local.processes import Processes
from memory.embedded.data_folder import DataFolder
from memory.errors import LocalError
from tests.local.conftest import Until

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def folder(data_dir: Path) -> DataFolder:
    return DataFolder.at(data_dir)


def test_leftovers_of_a_killed_launcher_are_ended(folder: DataFolder, until: Until) -> None:
    killed = Processes(folder)
    left = [killed.start("sleeper", "sleeper", SLEEPS, {}) for _ in range(2)]
    assert Processes(folder).end_leftovers() == 2
    until(lambda: all(child.process.poll() is not None for child in left))
    assert Processes(folder).end_leftovers() == 0


def test_another_process_with_a_recorded_number_is_left_running(folder: DataFolder) -> None:
    with subprocess.Popen(SLEEPS, start_new_session=True, stdout=subprocess.DEVNULL) as stranger:
        record = [{"pid": stranger.pid, "begun": psutil.Process(stranger.pid).create_time() - 60}]
        (folder.root / "processes.json").write_text(json.dumps(record))
        assert Processes(folder).end_leftovers() == 0
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(
    "content", ["", "{", "7", '[{"pid": "x"}, {"pid": -1, "begun": 0}, {"pid": 1e99, "begun": 1}, 3]']
)
def test_a_damaged_record_ends_nothing(folder: DataFolder, content: str) -> None:
    (folder.root / "processes.json").write_text(content)
    assert Processes(folder).end_leftovers() == 0


def test_a_process_that_ignores_sigterm_is_ended_by_force(folder: DataFolder, until: Until) -> None:
    processes = Processes(folder, polite_seconds=0.2)
    child = processes.start("deaf one", "deaf", DEAF, {})
    until(lambda: folder.last_log_line("deaf") == "up")
    processes.stop()
    assert child.process.returncode == -9


def test_a_server_that_does_not_answer_or_ends_is_named(folder: DataFolder) -> None:
    processes, never = Processes(folder), threading.Event()
    child = processes.start("sleeper", "sleeper", SLEEPS, {})
    with pytest.raises(LocalError, match="The sleeper did not answer within 0 s"):
        processes.wait_for(child, lambda: False, seconds=0.2, stopping=never)
    broken = processes.start("broken one", "broken", [sys.executable, "-c", "raise SystemExit('no such thing')"], {})
    with pytest.raises(LocalError, match=r"The broken one ended by itself: no such thing \(see .*broken\.log\)"):
        processes.wait_for(broken, lambda: False, seconds=60, stopping=never)
    processes.stop()


def test_a_log_that_grew_too_long_starts_anew(folder: DataFolder) -> None:
    for line in (b"a long first line\n", b"second\n"):
        with folder.open_log("some", limit=10) as log:
            log.write(line)
    assert folder.last_log_line("some") == "second"
    assert (folder.logs / "some.old").read_bytes() == b"a long first line\n"
