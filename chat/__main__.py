"""A chat in the terminal: `python -m chat [--user NAME]`, on the parts that `Memory()` stands on.

Before each reply it shows which memories were recalled, with their scores, and after it what was
remembered. There is no sign-in: the name is the user's id. It draws and collects; the turn, the memory
and the worker decide, as they do for the app.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import Any

from chat.conversations import Conversations, Message
from chat.preferences import PreferenceStore
from chat.queue import Worker
from chat.reply import answer
from chat.turn import Chat
from memory import Fact, Memory, Result
from memory.connect import configured, open_parts
from memory.database import check_user_id
from memory.errors import AppError, InvalidInput, ModelError, SettingsError
from memory.learn.extract import instructions_for
from memory.model import chat_model
from memory.model.catalog import ModelCatalog
from settings import settings

__all__ = ["main"]

COMMANDS = """\
/memories    what I remember about you, numbered
/forget N    forget number N of that list
/history N   every version of number N
/new         begin a new chat
/quit        leave (Ctrl-D does, too); Ctrl-C stops a reply"""
WAIT_SECONDS = 20.0  # for the worker's word on a turn; what takes longer goes on by itself
LISTED = 500
MARKS = {"ADD": "remembered", "UPDATE": "changed", "DELETE": "forgotten", "ASK": "not sure"}
# What could move the cursor or recolour the screen; tabs and line ends may.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Aloud(Memory):
    """A memory that says what it recalls."""

    def recall(self, *args: Any, **more: Any) -> list[Fact]:
        """Recall, and print it."""
        try:
            facts = super().recall(*args, **more)
        except ModelError as error:
            note("recalled", f"nothing: {error}")
            raise
        for fact in facts:
            note(f"recalled {fact.score or 0:.2f}", fact.text)
        if not facts:
            note("recalled", "nothing")
        return facts


@dataclass
class Terminal:
    """One person at a keyboard, or a file in its place."""

    user_id: str
    memory: Memory
    conversations: Conversations
    chat: Chat
    conversation_id: str | None = None
    listed: Sequence[Result] = field(default_factory=list)

    def listen(self) -> None:
        """Take one line after the other, until there is none."""
        prompt = "\n› " if sys.stdin.isatty() else ""
        while True:
            try:
                line = input(prompt).strip()
                if line == "/quit":
                    return
                if line:
                    self.take(line)
            except EOFError:
                return
            except KeyboardInterrupt:
                show("\n")
                note("stopped", "Ctrl-D or /quit leaves")

    def take(self, line: str) -> None:
        """A command, or something said; what goes wrong is told, and the talk goes on."""
        try:
            if re.fullmatch(r"/[a-z]+( .*)?", line):
                self._obey(*line[1:].split(maxsplit=1))
            else:
                self._turn(line)
        except AppError as error:
            note("problem", str(error))

    def _obey(self, command: str, rest: str = "") -> None:
        match command:
            case "memories":
                self._list()
            case "forget":
                chosen = self._chosen(rest)
                self.memory.delete(chosen["id"], user_id=self.user_id)
                note("forgotten", chosen["memory"])
            case "history":
                for event in self.memory.history(self._chosen(rest)["id"], user_id=self.user_id):
                    note(f"{event['created_at'][:16]} {event['event'].lower()} by {event['actor']}", _words(event))
            case "new":
                self.conversation_id = None
                note("new chat", "what was remembered stays")
            case "help":
                show(f"{COMMANDS}\n")
            case _:
                raise InvalidInput(f"There is no command /{command}: /help shows those there are.")

    def _list(self) -> None:
        self.listed = self.memory.get_all(user_id=self.user_id, limit=LISTED)["results"]
        for number, each in enumerate(self.listed, 1):
            note(f"{number}", each["memory"])
        if not self.listed:
            note("memories", "none yet")

    def _chosen(self, number: str) -> Result:
        """The memory with this number in the list as it was shown."""
        if not self.listed:
            self.listed = self.memory.get_all(user_id=self.user_id, limit=LISTED)["results"]
        if not re.fullmatch("[0-9]{1,9}", number) or not 1 <= int(number) <= len(self.listed):
            raise InvalidInput("Which one? /memories shows them with their numbers.")
        return self.listed[int(number) - 1]

    def _turn(self, words: str) -> None:
        asked = self.conversations.say(self.user_id, self.conversation_id, words)
        self.conversation_id = asked.conversation_id
        try:
            # Closed whatever happens, so that a stopped reply is saved as far as it came.
            with closing(answer(self.chat, asked)) as reply:
                for piece in reply:
                    show(piece)
            show("\n")
        except ModelError as error:
            show("\n")
            note("problem", str(error))
        self._tell_remembered(asked)

    def _tell_remembered(self, asked: Message) -> None:
        """What the worker wrote about this turn, as soon as it has."""
        if asked.remembering == "none":
            note("not remembered", "remembering is switched off")
            return
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            latest = self.conversations.messages(self.user_id, asked.conversation_id, limit=4)
            receipt = next((each.receipt for each in latest if each.id == asked.id), {})
            if "remembered" in receipt:
                _tell_record(receipt["remembered"])
                return
            if "not_remembered" in receipt:
                note("not remembered yet", str(receipt["not_remembered"]))
                return
            time.sleep(0.05)
        note("not remembered yet", "it takes its time, and goes on by itself")


def _tell_record(record: Mapping[str, Any]) -> None:
    events, drops = record.get("events") or [], record.get("dropped") or []
    for event in events:
        before = f" (it was: {event['previous_memory']})" if event.get("previous_memory") else ""
        note(MARKS.get(event["event"], event["event"].lower()), f"{event['memory']}{before}")
    for drop in drops:
        note("not kept", f"{drop['text'] or '…'} ({drop['reason']})")
    if record.get("confirmed"):
        note("known already", f"{len(record['confirmed'])}")
    if not (events or drops or record.get("confirmed")):
        note("remembered", "nothing new")


def _words(event: Mapping[str, Any]) -> str:
    return str(event["new_memory"] or event["old_memory"] or "")


def show(text: str) -> None:
    """Print at once, without what could take over a terminal."""
    print(_CONTROL.sub("\ufffd", text), end="", flush=True)


def note(label: str, text: str) -> None:
    """One line beside the talk; dim where a person looks at it."""
    dim, plain = ("\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    print(dim, end="")
    show(f"  {label}: {' '.join(text.split())}")
    print(plain, flush=True)


@contextmanager
def opened(user_id: str) -> Iterator[Terminal]:
    """A terminal with everything behind it; closed at the end."""
    check_user_id(user_id)
    wanted = configured()
    with ExitStack() as stack:
        here = open_parts()
        stack.callback(here.opened.close)
        memory = Memory(here.database, here.embedder, here.model, instructions_for(wanted))
        aloud = Aloud(here.database, here.embedder, None)
        conversations = Conversations(here.database)
        worker = Worker(conversations, memory)
        stack.callback(worker.stop)
        worker.start()
        replies = chat_model(wanted)
        if replies is not None:
            stack.callback(replies.close)
        preferences, offers = PreferenceStore(here.database), ModelCatalog(replies, settings().chat_models)
        chat = Chat(conversations, aloud, replies, worker.tell, preferences=preferences, offers=offers)
        yield Terminal(user_id, memory, conversations, chat)


def main() -> int:
    """Talk until told to stop; 0 when a person stopped it, 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m chat", description="Chat in the terminal.", epilog=COMMANDS)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--user", metavar="NAME", help="whose memories; your name on this machine if left out")
    name = parser.parse_args().user
    _prepare()
    try:
        with opened(_own_name() if name is None else name) as terminal:
            show("Keepsake. /help shows what else there is.\n")
            terminal.listen()
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read this has left; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise SettingsError("This machine does not say who you are: python -m chat --user NAME") from error


def _prepare() -> None:
    """Take any bytes, keep the worker's warnings off the screen, and clean up also when the window is closed."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    with suppress(ImportError):
        import readline  # noqa: F401 (with it loaded, a line can be edited)
    logging.getLogger("keepsake").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` asks
            signal.signal(number, lambda told, _: sys.exit(128 + told))


if __name__ == "__main__":
    sys.exit(main())
