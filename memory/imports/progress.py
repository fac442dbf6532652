"""How far a long run has come: one line on a terminal, drawn over itself; nothing where nobody is looking."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["Progress"]

WIDTH = 30


class Progress:
    """Counts up to a total."""

    def __init__(self, what: str, total: int, to: TextIO | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._to = to or sys.stderr
        self._shown = self._to.isatty()

    def __call__(self, more: int) -> None:
        """So many more are done."""
        self._done += more
        if self._shown:
            share = min(1.0, self._done / max(1, self._total))
            bar = "█" * round(share * WIDTH)
            self._to.write(f"\r{self._what} {bar:░<{WIDTH}} {self._done:,} of {self._total:,}")
            self._to.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._shown and self._done:
            self._to.write("\n")
            self._to.flush()
