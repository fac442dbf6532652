"""Runs a script in a process of its own, limited in memory and time and without settings, to open what people bring.

This file is also the script that such a process begins with: `python -I sandbox.py SECONDS SCRIPT ARGUMENT…`. So it
imports nothing of the project. A bug in a parser, or a file made to exhaust memory, ends that process and no other.
"""

from __future__ import annotations

import resource
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from math import ceil
from pathlib import Path
from typing import IO

__all__ = ["SandboxFailed", "noting_runs", "run_script"]

BYTES = 1 << 30
_two_at_once = threading.BoundedSemaphore(2)  # each may use a whole core and a gigabyte
_RUNS: ContextVar[list[Path]] = ContextVar("runs")


class SandboxFailed(Exception):
    """The process broke off, was ended because it took too much, or could not be started."""


@contextmanager
def noting_runs() -> Iterator[list[Path]]:
    """Note the scripts that are run inside this block, also those that fail: each took a process and its time."""
    runs: list[Path] = []
    before = _RUNS.set(runs)
    try:
        yield runs
    finally:
        _RUNS.reset(before)


@contextmanager
def run_script(script: Path, arguments: Sequence[str], content: IO[bytes], seconds: float) -> Iterator[Iterator[bytes]]:
    """Give a script a file on its standard input; yield the lines that it writes. End it when the block ends.

    Raise `SandboxFailed`, also after the last line, unless the script ends well. It has to read all of its input before
    it writes.
    """
    command = [sys.executable, "-I", str(Path(__file__)), str(ceil(seconds)), str(script), *arguments]
    with _two_at_once, _started(command) as process:
        _RUNS.get([]).append(script)
        watch = threading.Timer(1.5 * seconds, process.kill)
        watch.start()
        try:
            _pass_on(content, process.stdin)
            yield _lines(process)
        finally:
            watch.cancel()
            process.kill()


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={})
    except OSError as error:
        raise SandboxFailed from error


def _pass_on(content: IO[bytes], to: IO[bytes] | None) -> None:
    """Write the file to the process, which may end before it has read all of it."""
    with suppress(BrokenPipeError), to or nullcontext() as opened:
        while opened and (block := content.read(1 << 20)):
            opened.write(block)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    yield from process.stdout or ()
    if process.wait() != 0:
        raise SandboxFailed


def _main(seconds: str, script: str, *arguments: str) -> None:
    """Limit this process, and go on with the script."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    if sys.platform == "linux":  # other systems accept the limit and ignore it
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _main(*sys.argv[1:])
