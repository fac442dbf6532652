"""Whether processes still live: one that ended and was not collected by its parent yet does not."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

__all__ = ["gone_within", "lives"]


def lives(process: psutil.Process) -> bool:
    """Whether this very process runs; another one with its number does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    """Wait until none of them lives; False if the time was too short."""
    deadline = time.monotonic() + seconds
    while any(lives(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
