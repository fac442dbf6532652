"""A Keepsake with an account configured: it starts nothing local, and is one process that serves the app."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.e2e.keepsake import START_SECONDS, Keepsake
from tests.gotrue import KEY, GoTrue

__all__ = ["AppProcess", "Beside", "Hosted"]


class AppProcess(Keepsake):
    """`python -m local` as it is run where an account is configured: it becomes Streamlit."""

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._well():
            assert self._process is not None
            assert self._process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def _well(self) -> bool:
        try:
            return self.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def logs(self) -> str:
        return self.output


class Hosted(AppProcess):
    """An app whose auth server is the scripted one."""

    def __init__(self, folder: Path, stack: Mapping[str, str], auth: GoTrue, more: Mapping[str, str] = {}) -> None:
        super().__init__(folder, {**stack, "SUPABASE_URL": auth.url, "SUPABASE_KEY": KEY, **more})


class Beside(AppProcess):
    """A second process that serves the same app: on another port, from the same servers."""

    def __init__(self, folder: Path, first: Keepsake) -> None:
        super().__init__(folder, first.environment)
