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
from memory.reembed import reembed
from memory.store import Store


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked; what goes wrong ends it with one sentence."""
    wanted = _parser().parse_args(arguments)
    try:
        print(_import(wanted.file, wanted.user) if wanted.command == "import" else _reembed())
    except AppError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt as ended:
        raise SystemExit("Ended before it was done; the same command goes on from here.") from ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memory", description="Import memories, or change their vectors.")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("import", help="messages or exported memories from a JSON file")
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
    commands.add_parser("reembed", help="move all vectors to the embedding model in the settings")
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


def _reembed() -> str:
    here = parts(model=None, other_vectors=True)
    with here.opened:
        bars: list[Progress] = []

        def telling(total: int) -> Progress:
            bars.append(Progress("embedding", total))
            return bars[-1]

        try:
            moved = reembed(here.database, here.embedder, telling)
        finally:
            for bar in bars:
                bar.end()
    if moved.from_model == moved.to_model:
        return f"All vectors come from {moved.to_model} already."
    return (
        f"Moved {moved.rows:,} memories from {moved.from_model} to {moved.to_model}. "
        f"Start the app again with EMBED_MODEL={moved.to_model}."
    )


if __name__ == "__main__":
    main()
