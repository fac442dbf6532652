"""The servers the launcher started, as processes: begun, waited for, watched, ended in reverse order.

Each is written down with the moment it began, so that after a `kill -9` of the launcher the next start
ends exactly what was left, and never a stranger who got the same number. It restarts nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from memory.embedded.data_folder import DataFolder
from memory.embedded.postgres_files import gone_within, lives
from memory.errors import LocalError

__all__ = ["Child", "Processes", "Stopped"]

POLITE_SECONDS = 5  # between asking to end and ending by force


class Stopped(Exception):
    """The person asked to stop while something was still being waited for."""


@dataclass(frozen=True)
class Child:
    """A server we started; `name` is what a person calls it, `log` where it prints."""

    name: str
    log: str
    process: subprocess.Popen[bytes]
    begun: float


class Processes:
    """All servers of one data folder that run as children of this process."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._record = folder.root / "processes.json"
        self._children: list[Child] = []

    def start(self, name: str, log: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a server in a session of its own, so that Ctrl-C reaches the launcher only."""
        with self._folder.open_log(log) as output:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(name, log, process, psutil.Process(process.pid).create_time())
        self._children.append(child)
        self._write_down()
        return child

    def wait_for(self, child: Child, answers: Callable[[], bool], *, seconds: float, stopping: threading.Event) -> None:
        """Return when it answers; a sentence if it ends or stays silent."""
        deadline = time.monotonic() + seconds
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise LocalError(f"The {child.name} did not answer within {seconds:.0f} s{self._why(child)}.")
            if stopping.wait(0.03):
                raise Stopped

    def check(self) -> None:
        """Raise a sentence if any of them has ended."""
        for child in self._children:
            if child.process.poll() is not None:
                raise LocalError(f"The {child.name} ended by itself{self._why(child)}.")

    def stop(self) -> None:
        """End all of them, the last one first; what does not listen is ended by force."""
        for child in reversed(self._children):
            _signal_group(child.process.pid, signal.SIGTERM)
            try:
                child.process.wait(POLITE_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()
        self._record.unlink(missing_ok=True)

    def end_leftovers(self) -> int:
        """End what a launcher that was killed left behind; how many there were."""
        left = [process for process in map(_recorded, self._read()) if process is not None]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in filter(lives, reversed(left)):
                _signal_group(process.pid, number)
            if gone_within(POLITE_SECONDS, left):
                break
        self._record.unlink(missing_ok=True)
        return len(left)

    def _why(self, child: Child) -> str:
        line = self._folder.last_log_line(child.log)
        return f": {line.rstrip('.')} (see {self._folder.logs / child.log}.log)" if line else ""

    def _write_down(self) -> None:
        written = [{"pid": child.process.pid, "begun": child.begun} for child in self._children]
        unfinished = self._record.with_suffix(".new")
        unfinished.write_text(json.dumps(written))
        unfinished.replace(self._record)

    def _read(self) -> list[object]:
        try:
            written = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return []
        return written if isinstance(written, list) else []


def _recorded(entry: object) -> psutil.Process | None:
    """The very process that was written down, if it still runs."""
    match entry:
        case {"pid": int(pid), "begun": int() | float() as begun}:
            with suppress(psutil.Error, ValueError, OverflowError):
                process = psutil.Process(pid)
                if abs(process.create_time() - begun) < 0.5 and lives(process):
                    return process
    return None


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Each child leads a group of its own, so whatever it started goes with it."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
