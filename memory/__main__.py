"""The commands of the memory layer. Where the library is installed, write `keepsake` instead of `memory`.

    python -m memory import FILE --user ID              import messages, or an export from mem0, for one user
    python -m memory import FILE --user ID --learn      learn from an export from ChatGPT
    python -m memory import FILE --user ID --as-said    keep its messages as they were said, for search
    python -m memory reembed                            move all vectors to the embedding model in the settings
    python -m memory give --agent NAME --user ID        give memories of an agent or a --run that name no person to one

The database and the embedder are those in the settings, or the local ones.
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
from .facts import Plan
from .imports import chatgpt, files
from .imports.queue import Way
from .imports.reembed import reembed
from .learn.turns import plan_until_written
from .rows.bulk import Bulk
from .rows.store import Store
from .takeover import give

__all__ = ["Progress"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; if it fails, print one sentence and exit."""
    wanted = _parser().parse_args(arguments)
    try:
        print(_run(wanted))
    except AppError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt as ended:
        raise SystemExit("Ended before it was done; run the same command again to continue.") from ended


def _run(wanted: argparse.Namespace) -> str:
    if wanted.command == "import":
        return _import(wanted.file, wanted.user, wanted.way)
    return _give(wanted.user, wanted.agent, wanted.run) if wanted.command == "give" else _reembed()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Import memories, or change their vectors.")
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="messages or exported memories from a JSON file")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
    ways = importing.add_mutually_exclusive_group()
    for flag, way, meaning in (
        ("--learn", "learn", "learn from the messages in an export from ChatGPT"),
        ("--as-said", "keep", "keep these messages as they were said"),
    ):
        ways.add_argument(flag, dest="way", action="store_const", const=way, help=meaning)
    commands.add_parser("reembed", help="move all vectors to the embedding model in the settings")
    giving = commands.add_parser("give", help="memories that another program kept without a person")
    giving.add_argument("--agent", metavar="NAME", help="the agent_id of these memories")
    giving.add_argument("--run", metavar="NAME", help="the run_id of these memories")
    giving.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
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
    """Report what the file holds; if `way` is set, put the messages in the queue and process the queue."""
    with path.open("rb") as file:
        export = chatgpt.read(file, path.name)
    contents = f"{len(export.said):,} messages of {export.chats:,} chats"
    with Memory() as memory:
        if way is None:
            cost = memory.import_queue.cost(export.said)
            takes = f"about {cost:,} tokens" if cost else "without a model: plain rules are used"
            return (
                f"Found {contents}. Add --learn to learn from them ({takes}), or --as-said to keep them to be searched."
            )
        memory.import_queue.add(user_id, export.said, way)
        waiting, read = memory.import_queue.progress(user_id).waiting, 0
        progress = Progress("learning" if way == "learn" else "keeping", waiting)
        try:
            while done := _learn_next_batch(memory, user_id):
                progress(done)
                read += done
        finally:
            progress.end()
        waiting = memory.import_queue.progress(user_id).waiting
    later = f" {waiting:,} still wait: run the same command again later." if waiting else ""
    return f"Read {read:,} messages. There are {contents} in {path.name}; none is read twice.{later}"


def _learn_next_batch(memory: Memory, user_id: str) -> int:
    """Process the next messages; return how many, or 0 if none can be processed now."""
    queue = memory.import_queue
    batch = queue.claim(user_id)
    if batch is None:
        return 0
    learn = batch.way == "learn"

    def write(plan: Plan) -> None:
        with queue.writing(batch) as connection:
            memory.turns.write(connection, plan)
            queue.done(connection, batch)

    try:
        with queue.renewed(batch):
            plan_until_written(lambda: memory.turns.plan(batch.said, user_id=user_id, learn=learn), write)
    except BaseException:
        queue.hand_back(batch)  # so that the same command can go on with it at once
        raise
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


def _give(user_id: str, agent: str | None, run: str | None) -> str:
    parts = open_parts(model=None)
    with parts.opened:
        given = give(parts.database, user_id, agent=agent, run=run)
    return f"Gave {given:,} memories to {user_id}." if given else "There is no such memory without a person."


def _reembed() -> str:
    parts = open_parts(model=None, other_vectors=True)
    with parts.opened:
        bars: list[Progress] = []

        def show_progress(total: int) -> Progress:
            bars.append(Progress("embedding", total))
            return bars[-1]

        try:
            moved = reembed(parts.database, parts.embedder, show_progress)
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
    """A progress bar, shown if the output is a terminal."""

    def __init__(self, what: str, total: int, to: TextIO | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._to = to or sys.stderr
        self._shown = self._to.isatty()

    def __call__(self, more: int) -> None:
        """Add to the number of finished items."""
        self._done += more
        if self._shown:
            share = min(1.0, self._done / max(1, self._total))
            bar = "█" * round(share * WIDTH)
            self._to.write(f"\r{self._what} {bar:░<{WIDTH}} {self._done:,} of {self._total:,}")
            self._to.flush()

    def end(self) -> None:
        """End the line of the bar."""
        if self._shown and self._done:
            self._to.write("\n")
            self._to.flush()


if __name__ == "__main__":
    main()
