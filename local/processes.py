"""Starts servers as child processes, waits for them, watches them, and ends them in reverse order.

Each process is recorded with its starting time, so that after a `kill -9` of the launcher the next start ends exactly
those that were left, and never another process that was given the same number. A server that ends is not restarted.
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
    """The person asked to stop before every server answered."""


@dataclass(frozen=True)
class Child:
    """A server that was started; `name` is its name in sentences, `log` the name of its log."""

    name: str
    log: str
    process: subprocess.Popen[bytes]
    begun: float


class Processes:
    """The servers of one data folder that are children of this process."""

    def __init__(self, folder: DataFolder, polite_seconds: float = POLITE_SECONDS) -> None:
        self._folder = folder
        self._polite_seconds = polite_seconds
        self._record = folder.root / "processes.json"
        self._children: list[Child] = []

    def start(self, name: str, log: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a server in a process group of its own, so that Ctrl-C reaches the launcher only."""
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
        self._write_record()
        return child

    def wait_for(self, child: Child, answers: Callable[[], bool], *, seconds: float, stopping: threading.Event) -> None:
        """Wait until it answers; raise `LocalError` if it ends or does not answer in time."""
        deadline = time.monotonic() + seconds
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise LocalError(f"The {child.name} did not answer within {seconds:.0f} s{self._last_line(child)}.")
            if stopping.wait(0.03):
                raise Stopped

    def check(self) -> None:
        """Raise `LocalError` if one of them has ended."""
        for child in self._children:
            if child.process.poll() is not None:
                raise LocalError(f"The {child.name} ended by itself{self._last_line(child)}.")

    def stop(self) -> None:
        """End all of them, the last one first, by force if need be."""
        for child in reversed(self._children):
            _signal_group(child.process.pid, signal.SIGTERM)
            try:
                child.process.wait(self._polite_seconds)
            except subprocess.TimeoutExpired:
                _signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()
        self._record.unlink(missing_ok=True)

    def end_leftovers(self) -> int:
        """End the servers that a killed launcher left running; return how many there were."""
        left = [process for process in map(_running_process, self._read_record()) if process is not None]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in filter(lives, reversed(left)):
                _signal_group(process.pid, number)
            if gone_within(self._polite_seconds, left):
                break
        self._record.unlink(missing_ok=True)
        return len(left)

    def _last_line(self, child: Child) -> str:
        line = self._folder.last_log_line(child.log)
        return f": {line.rstrip('.')} (see {self._folder.logs / child.log}.log)" if line else ""

    def _write_record(self) -> None:
        written = [{"pid": child.process.pid, "begun": child.begun} for child in self._children]
        unfinished = self._record.with_suffix(".new")
        unfinished.write_text(json.dumps(written))
        unfinished.replace(self._record)

    def _read_record(self) -> list[object]:
        try:
            written = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return []
        return written if isinstance(written, list) else []


def _running_process(entry: object) -> psutil.Process | None:
    """Return the process of an entry in the record if it still runs."""
    match entry:
        case {"pid": int(pid), "begun": int() | float() as begun}:
            with suppress(psutil.Error, ValueError, OverflowError):
                process = psutil.Process(pid)
                if abs(process.create_time() - begun) < 0.5 and lives(process):
                    return process
    return None


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a child and to everything that it has started, which is in its group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
