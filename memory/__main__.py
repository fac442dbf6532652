"""The memory layer's command line. Where the library is installed, `keepsake` stands for `memory` here.

    python -m memory import FILE --user ID     messages, or an export of mem0's, into one user's memories
    python -m memory import FILE --user ID --learn      an export of ChatGPT's: learn from what the person said
    python -m memory import FILE --user ID --as-said    the same: keep what the person said, to be searched
    python -m memory reembed                   move all vectors to the embedding model in the settings

The database and the embedder are those of the settings, or the ones on this machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from . import Memory
from .connect import open_parts
from .database import check_user_id
from .errors import COMMAND, AppError, InvalidInput
from .imports import chatgpt, files
from .imports.queue import Way
from .imports.reembed import reembed
from .rows.bulk import Bulk
from .rows.store import Store

__all__ = ["Progress"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked; what goes wrong ends it with one sentence."""
    wanted = _parser().parse_args(arguments)
    try:
        importing = wanted.command == "import"
        print(_import(wanted.file, wanted.user, wanted.way) if importing else _reembed())
    except AppError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt as ended:
        raise SystemExit("Ended before it was done; the same command goes on from parts.") from ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Import memories, or change their vectors.")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("import", help="messages or exported memories from a JSON file")
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
    how = taking.add_mutually_exclusive_group()
    for flag, way, told in (
        ("--learn", "learn", "learn from the messages in an export of ChatGPT's"),
        ("--as-said", "keep", "keep these messages as they were said"),
    ):
        how.add_argument(flag, dest="way", action="store_const", const=way, help=told)
    commands.add_parser("reembed", help="move all vectors to the embedding model in the settings")
    return parser


def _import(path: Path, user_id: str, way: Way | None) -> str:
    check_user_id(user_id)
    return _import_chats(path, user_id, way) if _holds_chats(path) else _import_rows(path, user_id)


def _holds_chats(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return chatgpt.is_export(file)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error


def _import_chats(path: Path, user_id: str, way: Way | None) -> str:
    """Say what was found; with a way, put it in the queue and work it off, beside a running app if there is one."""
    with path.open("rb") as file:
        found = chatgpt.read(file, path.name)
    told = f"{len(found.said):,} messages of {found.chats:,} chats"
    with Memory() as memory:
        if way is None:
            cost = memory.import_queue.cost(found.said)
            takes = f"about {cost:,} tokens of the model" if cost else "no model: there is none, so plain rules do it"
            return f"Found {told}. Add --learn to learn from them ({takes}), or --as-said to keep them to be searched."
        memory.import_queue.add(user_id, found.said, way)
        waiting, read = memory.import_queue.progress(user_id).waiting, 0
        progress = Progress("learning" if way == "learn" else "keeping", waiting)
        try:
            while done := _learn_next_batch(memory, user_id):
                progress(done)
                read += done
        finally:
            progress.end()
        rests = memory.import_queue.progress(user_id).waiting
    later = f" {rests:,} still wait: start the same command once more later." if rests else ""
    return f"Read {read:,} messages. There are {told} in {path.name}; none is read twice.{later}"


def _learn_next_batch(memory: Memory, user_id: str) -> int:
    """How many messages were read; 0 if none is left to read now."""
    with memory.import_queue.claim(user_id) as claimed:
        if claimed is None:
            return 0
        connection, batch = claimed
        memory.turns.remember(connection, batch.said, user_id=batch.user_id, learn=batch.way == "learn")
        memory.import_queue.done(connection, batch)
        return len(batch.said)


def _import_rows(path: Path, user_id: str) -> str:
    rows = files.read(path, user_id)
    parts = open_parts(model=None)
    with parts.opened:
        bulk = Bulk(parts.database, Store(parts.database, parts.embedder.dimensions), parts.embedder)
        progress = Progress("importing", len(rows))
        try:
            kept = bulk.keep(rows, user_id, "import", progress)
        finally:
            progress.end()
    known = len(rows) - len(kept)
    return f"Kept {len(kept):,} of {len(rows):,}" + (f"; {known:,} were there already." if known else ".")


def _reembed() -> str:
    parts = open_parts(model=None, other_vectors=True)
    with parts.opened:
        bars: list[Progress] = []

        def telling(total: int) -> Progress:
            bars.append(Progress("embedding", total))
            return bars[-1]

        try:
            moved = reembed(parts.database, parts.embedder, telling)
        finally:
            for bar in bars:
                bar.end()
    if moved.from_model == moved.to_model:
        return f"All vectors come from {moved.to_model} already."
    return (
        f"Moved {moved.rows:,} memories from {moved.from_model} to {moved.to_model}. "
        f"Start the app again with EMBED_MODEL={moved.to_model}."
    )


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


if __name__ == "__main__":
    main()
