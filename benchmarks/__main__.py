"""Runs every benchmark in a small size, one after the other: `make bench`. Each prints its own figures."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PROMPTS = str(Path(tempfile.gettempdir()) / "keepsake-bench-prompts.jsonl")
RUNS = (
    ("benchmarks.recall", "--data", "benchmarks/talks.json", "--tuned", "none"),
    ("benchmarks.answers", "--data", "benchmarks/talks.json", "--questions", "12", "--prompts", PROMPTS),
    ("benchmarks.scale", "--rows", "50000", "--users", "200", "--stock-rows", "20000", "--bulk", "2000"),
    ("benchmarks.turn", "--turns", "100"),
    ("benchmarks.api", "--rounds", "50", "--seconds", "10"),
    ("benchmarks.page", "--runs", "10"),
    ("benchmarks.years", "--messages", "5000", "--memories", "500"),
    ("benchmarks.remember", "--rules", "--half", "held-out"),
    ("benchmarks.people", "--people", "5", "--turns", "3", "--idle", "10"),
    ("benchmarks.footprint", "--people", "2", "--turns", "3"),
)


def main() -> None:
    """Run each in its own process, and stop at the first that fails."""
    for module, *arguments in RUNS:
        print(f"\n== python -m {module} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)


if __name__ == "__main__":
    main()
