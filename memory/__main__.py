"""The commands of the memory layer. Where the library is installed, write `keepsake` instead of `memory`.

    python -m memory import FILE --user ID              import messages, or an export from mem0, for one user
    python -m memory import FILE --user ID --learn      learn from an export from ChatGPT
    python -m memory import FILE --user ID --as-said    keep its messages as they were said, for search
    python -m memory import --from STORE PLACE          bring everybody's memories from mem0's or LangChain's
                                                        pgvector, Qdrant, Chroma or FAISS
    python -m memory reembed                            move all vectors to the embedding model in the settings, and
                                                        cut long messages of earlier versions into passages
    python -m memory give --agent NAME --user ID        give memories of an agent or a --run that name no person to one
                          --application NAME            to the user whom this application calls ID
    python -m memory index --rebuild                    empty the index of vectors that MEMORY_INDEX names, and fill it
                           --feed, --check, --detach    send what waits; compare its ids; take it away

The database and the embedder are those in the settings, or the local ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from . import Memory
from .connect import Parts, open_parts
from .database import Database, check_user_id
from .errors import COMMAND, AppError, IndexFailed, InvalidInput, SettingsError
from .imports import chatgpt, files
from .imports.queue import Way
from .imports.reembed import Work, reembed
from .index import configured_index
from .index.feeder import Feeder
from .index.outbox import Sending, attach, attached, compared, detach
from .index.protocol import VectorIndex
from .moving import Moving
from .moving.places import STORES, open_collection
from .moving.stored import Owners
from .rows.bulk import Bulk
from .rows.store import Store
from .settings import settings
from .takeover import give

__all__ = ["Progress", "announcement"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; if it fails, print one sentence and exit."""
    wanted = _parser().parse_args(arguments)
    try:
        print(_run(wanted))
    except AppError as error:
        raise SystemExit(error.for_deployer()) from error
    except KeyboardInterrupt as ended:
        raise SystemExit("Ended before it was done; run the same command again to continue.") from ended


def _run(wanted: argparse.Namespace) -> str:
    if wanted.command == "import":
        if wanted.store:
            return _bring(wanted)
        if wanted.dry_run or wanted.same_ids or wanted.people or wanted.collection or wanted.key_file:
            raise InvalidInput(
                "--dry-run, --collection, --people, --same-ids and --key-file belong to a store: add --from."
            )
        return _import(wanted.file, wanted.user, wanted.way)
    if wanted.command == "index":
        return _index(wanted.step)
    return _give(wanted) if wanted.command == "give" else _reembed()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Import memories, or change their vectors.")
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="messages or exported memories from a JSON file, or a whole store")
    importing.add_argument("file", metavar="FILE", help="with --from, the folder or the address of the store")
    importing.add_argument(
        "--user", metavar="ID", help="whose memories they become; with --from, those that name no person"
    )
    _add_moving(importing)
    ways = importing.add_mutually_exclusive_group()
    for flag, way, meaning in (
        ("--learn", "learn", "learn from the messages in an export from ChatGPT"),
        ("--as-said", "keep", "keep these messages as they were said"),
    ):
        ways.add_argument(flag, dest="way", action="store_const", const=way, help=meaning)
    commands.add_parser(
        "reembed", help="move all vectors to the embedding model in the settings; cut long messages into passages"
    )
    giving = commands.add_parser("give", help="memories that another program kept without a person")
    giving.add_argument("--agent", metavar="NAME", help="the agent_id of these memories")
    giving.add_argument("--run", metavar="NAME", help="the run_id of these memories")
    giving.add_argument("--user", required=True, metavar="ID", help="whose memories they become")
    giving.add_argument("--application", metavar="NAME", help="--user is the name of a user of this application")
    indexing = commands.add_parser("index", help="the index of vectors outside of Postgres: MEMORY_INDEX")
    steps = indexing.add_mutually_exclusive_group(required=True)
    for step, meaning in (
        ("rebuild", "empty it and fill it with everything; from then on, changes are sent to it"),
        ("feed", "send the changes that wait, as a running app does by itself"),
        ("check", "compare the ids in it with those in Postgres"),
        ("detach", "send nothing to it any more; what is in it stays there"),
    ):
        steps.add_argument(f"--{step}", dest="step", action="store_const", const=step, help=meaning)
    return parser


def _add_moving(parser: argparse.ArgumentParser) -> None:
    moving = parser.add_argument_group("a store that mem0 or LangChain filled")
    moving.add_argument("--from", dest="store", choices=sorted(STORES), help="what kind of store it is")
    moving.add_argument("--collection", metavar="NAME", help="which of its collections")
    moving.add_argument("--dry-run", action="store_true", help="only count, for each person and scope")
    moving.add_argument("--people", type=Path, metavar="FILE", help='JSON: {"the id there": "the user here", …}')
    moving.add_argument("--same-ids", action="store_true", help="people who sign in here have the same ids there")
    moving.add_argument(
        "--user-key", default="user_id", metavar="KEY", help="the key of the metadata that names people"
    )
    moving.add_argument("--key-file", type=Path, metavar="FILE", help="holds the key that a Qdrant server asks for")


def _bring(wanted: argparse.Namespace) -> str:
    """Move a store's collection into the memories of the people in it."""
    if wanted.way is not None:
        raise InvalidInput("--learn and --as-said are for an export from ChatGPT, not for a store.")
    named = _json_of(wanted.people) if wanted.people else {}
    if not isinstance(named, dict) or not all(isinstance(each, str) for each in named.values()):
        raise InvalidInput(f'{wanted.people} does not hold JSON such as {{"the id there": "the user here"}}.')
    people = Owners(named, same_ids=wanted.same_ids, otherwise=wanted.user, key=wanted.user_key)
    key = _text_of(wanted.key_file).strip() if wanted.key_file else None
    found = open_collection(wanted.store, wanted.file, wanted.collection, key)
    parts = open_parts(model=None)
    with parts.opened:
        progress = Progress("counting" if wanted.dry_run else "importing", found.size)
        try:
            moving = Moving(parts.database, parts.embedder, people)
            report = moving.move(found, dry_run=wanted.dry_run, on_batch=progress)
        finally:
            progress.end()
    return "\n".join(report.lines())


def _json_of(path: Path) -> object:
    written = _text_of(path)
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON.") from error


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not text in UTF-8.") from error


def _import(name: str, user_id: str | None, way: Way | None) -> str:
    if user_id is None:
        raise InvalidInput("Say whose memories they become, with --user ID; or where they come from, with --from.")
    path = Path(name)
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
    try:
        with queue.renewed(batch):
            queue.learn(batch, memory.turns)
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


def _give(wanted: argparse.Namespace) -> str:
    parts, application = open_parts(model=None), wanted.application
    with parts.opened:
        given = give(parts.database, wanted.user, agent=wanted.agent, run=wanted.run, application=application)
    whom = f"{wanted.user} of {application}" if application else wanted.user
    return f"Gave {given:,} memories to {whom}." if given else "There is no such memory without a person."


def _index(step: str) -> str:
    parts = open_parts(model=None)
    with parts.opened:
        if step == "detach":
            detach(parts.database)
            return "No index is fed any more. What it holds stays there: delete it with the tools of its engine."
        index = configured_index(settings())
        if index is None:
            raise SettingsError("Set MEMORY_INDEX to the index of vectors, such as qdrant:http://localhost:6333.")
        parts.opened.callback(index.close)
        if step == "check":
            return _checked(parts.database, index)
        return _fed(parts, index, rebuild=step == "rebuild")


def _fed(parts: Parts, index: VectorIndex, *, rebuild: bool) -> str:
    """Send what waits to the index; with `rebuild`, everything."""
    if rebuild:
        attach(parts.database, index.name)
    state = attached(parts.database)
    if state is None or state.name != index.name:
        raise IndexFailed(f"This index is not attached: run {COMMAND} index --rebuild.")
    store = Store(parts.database, parts.embedder.dimensions)
    feeder = Feeder(parts.database, store, index)
    progress = Progress("sending", state.waiting)
    try:
        sent = feeder.feed(progress)
    finally:
        progress.end()
    left = attached(parts.database)
    if left is not None and left.waiting:
        why = f" {left.problem}" if left.problem else ""
        raise IndexFailed(
            f"Sent {sent:,} memories; {left.waiting:,} still wait, and are found by Postgres.{why}"
            f" A running app sends them by itself, or {COMMAND} index --feed."
        )
    if rebuild:
        Sending(parts.database, store).note(index.name, "filled")
    return f"Sent {sent:,} memories; none waits."


def _checked(database: Database, index: VectorIndex) -> str:
    """Compare the ids in the index with those in Postgres."""
    state = attached(database)
    if state is None or state.name != index.name:
        raise IndexFailed(f"This index is not attached: run {COMMAND} index --rebuild.")
    same, missing, too_many = compared(database, index.ids())
    found = f"{same:,} memories are in the index, {missing:,} are missing, {too_many:,} should not be there"
    if missing or too_many:
        raise IndexFailed(f"{found}; {state.waiting:,} wait to be sent. To mend it: {COMMAND} index --rebuild")
    return f"{found}; {state.waiting:,} wait to be sent."


def _reembed() -> str:
    parts = open_parts(model=None, other_vectors=True)
    with parts.opened:
        bars: list[Progress] = []

        def start(work: Work) -> Progress:
            for bar in bars:
                bar.end()
            bars.append(Progress("cutting" if work.messages else "embedding", work.texts))
            print(announcement(work, parts.embedder.name), flush=True)
            return bars[-1]

        try:
            moved = reembed(parts.database, parts.embedder, start)
        finally:
            for bar in bars[-1:]:
                bar.end()
    cut = f"Long messages cut into passages: {moved.cut:,}." if moved.cut else ""
    if moved.from_model == moved.to_model:
        return f"All vectors come from {moved.to_model} already. {cut}".strip()
    done = f"Moved {moved.rows:,} memories from {moved.from_model} to {moved.to_model}. {cut}".strip()
    return f"{done} Start the app again with EMBED_MODEL={moved.to_model}."


def announcement(work: Work, model: str) -> str:
    """Return the sentences that say how much there is to do, and how long it takes."""
    takes = f"{round(work.seconds / 60):,} minutes" if work.seconds >= 90 else "a minute or less"
    if work.messages:
        return f"Long messages to cut into passages: {work.messages:,}. This takes about {takes}."
    return f"Memories and messages to embed with {model}: {work.texts:,}. This takes about {takes}."


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
