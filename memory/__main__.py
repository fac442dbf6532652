"""The memory layer's command line.

    python -m memory import FILE --user ID     messages, or an export of mem0's, into one user's memories
    python -m memory reembed                   move all vectors to the embedding model in the settings

The database and the embedder are those of the settings, or the ones on this machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from database import check_user_id
from errors import AppError
from memory import intake
from memory.bulk import Bulk
from memory.default import parts
from memory.progress import Progress
from memory.store import Store


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked; what goes wrong ends it with one sentence."""
    wanted = _parser().parse_args(arguments)
    try:
        print(_import(wanted.file, wanted.user))
    except AppError as error:
        raise SystemExit(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memory", description="Import memories, or change their vectors.")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("import", help="messages or exported memories from a JSON file")
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
    return parser


def _import(path: Path, user_id: str) -> str:
    check_user_id(user_id)
    rows = intake.read(path, user_id)
    here = parts(model=None)
    with here.opened:
        bulk = Bulk(here.database, Store(here.database, here.embedder.dimensions), here.embedder)
        progress = Progress("importing", len(rows))
        try:
            kept = bulk.keep(rows, user_id, "import", progress)
        finally:
            progress.end()
    known = len(rows) - len(kept)
    return f"Kept {len(kept):,} of {len(rows):,}" + (f"; {known:,} were there already." if known else ".")


if __name__ == "__main__":
    main()
