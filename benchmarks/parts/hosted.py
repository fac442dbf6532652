"""Runs the app for a benchmark as a host does (`streamlit run app.py`), and reads how much memory its process needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from memory.embedded.loopback import free_port

__all__ = ["hosted", "megabytes", "peak_megabytes"]

PROJECT = Path(__file__).parents[2]


@contextmanager
def hosted(environment: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the app with these settings; yield its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = subprocess.Popen(
        command, cwd=PROJECT, env={**kept, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://localhost:{port}"
    try:
        while not _is_up(address):
            if process.poll() is not None:
                raise SystemExit("the app ended while it started")
            time.sleep(0.05)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def megabytes(pid: int) -> float:
    """Return the memory that a process holds now."""
    return _status(pid, "VmRSS")


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held so far."""
    return _status(pid, "VmHWM")


def _status(pid: int, field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
