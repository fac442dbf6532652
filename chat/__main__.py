"""A chat in the terminal: `python -m chat [--user NAME]`, on the same database and models as `Memory()`.

`python -m chat retry` lets everything that could not be remembered be tried again: everybody's, or with `--user` one
person's. The running app does it within seconds.

It shows before each reply which memories were recalled, with their scores, and after it what was remembered. There is
no sign-in: the name is the user's id. Saving, replying and remembering are those of the app.
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

from chat.conversations import Conversations
from chat.remembering.queue import TurnQueue
from chat.remembering.worker import Worker
from chat.reply import answer
from chat.tree import Message
from chat.turn import ChatServices, say
from memory import Fact, Memory, Result
from memory.connect import configured, open_parts
from memory.database import check_user_id
from memory.errors import AppError, InvalidInput, ModelError, SettingsError
from memory.imports.queue import ImportQueue
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
WAIT_SECONDS = 20.0  # how long the chat waits for the worker to remember a turn, in order to show the result
MAX_LISTED = 500
MARKS = {"ADD": "remembered", "UPDATE": "changed", "DELETE": "forgotten", "ASK": "not sure"}
# Characters that could move the cursor or change colours; tabs and line breaks are allowed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class PrintingMemory(Memory):
    """A memory that prints what it recalls."""

    def recall(self, *args: Any, **more: Any) -> list[Fact]:
        """Recall memories and print them."""
        try:
            facts = super().recall(*args, **more)
        except ModelError as error:
            note("recalled", f"nothing: {error}")
            raise
        for fact in facts:
            note(f"recalled {fact.score or 0:.2f}", f"{fact.text} ({fact.corrected})" if fact.corrected else fact.text)
        if not facts:
            note("recalled", "nothing")
        return facts


@dataclass
class Terminal:
    """The chat of one person; lines come from the keyboard or from a file."""

    user_id: str
    memory: Memory
    conversations: Conversations
    chat: ChatServices
    conversation_id: str | None = None
    listed: Sequence[Result] = field(default_factory=list)
    wait_seconds: float = WAIT_SECONDS

    def listen(self) -> None:
        """Read and handle one line after the other, until there is none."""
        prompt = "\n› " if sys.stdin.isatty() else ""
        while True:
            try:
                line = input(prompt).strip()
                if line == "/quit":
                    return
                if line:
                    self.handle(line)
            except EOFError:
                return
            except KeyboardInterrupt:
                show("\n")
                note("stopped", "Ctrl-D or /quit leaves")

    def handle(self, line: str) -> None:
        """Carry out a command, or answer a message; an error is printed, and the chat goes on."""
        try:
            if re.fullmatch(r"/[a-z]+( .*)?", line):
                self._run_command(*line[1:].split(maxsplit=1))
            else:
                self._answer(line)
        except AppError as error:
            note("problem", error.for_deployer())

    def _run_command(self, command: str, rest: str = "") -> None:
        match command:
            case "memories":
                self._show_list()
            case "forget":
                chosen = self._chosen(rest)
                self.memory.delete(chosen["id"], user_id=self.user_id)
                note("forgotten", chosen["memory"])
            case "history":
                for event in self.memory.history(self._chosen(rest)["id"], user_id=self.user_id):
                    text = str(event["new_memory"] or event["old_memory"] or "")
                    note(f"{event['created_at'][:16]} {event['event'].lower()} by {event['actor']}", text)
            case "new":
                self.conversation_id = None
                note("new chat", "what was remembered stays")
            case "help":
                show(f"{COMMANDS}\n")
            case _:
                raise InvalidInput(f"There is no command /{command}: /help lists the commands.")

    def _read_list(self) -> None:
        self.listed = self.memory.get_all(user_id=self.user_id, limit=MAX_LISTED)["results"]

    def _show_list(self) -> None:
        self._read_list()
        for number, each in enumerate(self.listed, 1):
            note(f"{number}", each["memory"])
        if not self.listed:
            note("memories", "none yet")

    def _chosen(self, number: str) -> Result:
        """Return the memory with this number in the list that was shown last."""
        if not self.listed:
            self._read_list()
        if not re.fullmatch("[0-9]{1,9}", number) or not 1 <= int(number) <= len(self.listed):
            raise InvalidInput("Which one? /memories lists them with their numbers.")
        return self.listed[int(number) - 1]

    def _answer(self, words: str) -> None:
        asked = say(self.chat, self.user_id, self.conversation_id, words)
        self.conversation_id = asked.conversation_id
        try:
            # Closing saves a stopped reply as far as it is written.
            with closing(answer(self.chat, asked)) as reply:
                for piece in reply:
                    show(piece)
            show("\n")
        except ModelError as error:
            show("\n")
            note("problem", error.for_deployer())
        self._show_remembered(asked)
        self._offer_to_forget(asked)

    def _offer_to_forget(self, asked: Message) -> None:
        """List the memories that the reply found to forget, numbered for /forget."""
        *_, reply = self.conversations.messages(self.user_id, asked.conversation_id, limit=1)
        offered = [self.memory.get(each, user_id=self.user_id) for each in reply.receipt.get("forget") or []]
        if found := [each for each in offered if each]:
            self.listed = found
            for number, each in enumerate(found, 1):
                note(f"/forget {number}", each["memory"])

    def _show_remembered(self, asked: Message) -> None:
        """Wait until the worker has noted what it remembered of this turn, and show it."""
        now = self.conversations.message(self.user_id, asked.id)
        if now is None or now.remembering == "none":
            note("not remembered", "nothing is learned from this message")
            return
        deadline = time.monotonic() + self.wait_seconds
        while time.monotonic() < deadline:
            latest = self.conversations.messages(self.user_id, asked.conversation_id, limit=4)
            receipt = next((each.receipt for each in latest if each.id == asked.id), {})
            if "remembered" in receipt:
                _show_record(receipt["remembered"])
                return
            if "not_remembered" in receipt:
                note("not remembered yet", str(receipt["not_remembered"]))
                return
            time.sleep(0.05)
        note("not remembered yet", "this takes longer than usual and continues in the background")


def _show_record(record: Mapping[str, Any]) -> None:
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


def show(text: str) -> None:
    """Print at once, with control characters replaced."""
    print(_CONTROL.sub("\ufffd", text), end="", flush=True)


def note(label: str, text: str) -> None:
    """Print a line about the chat, dimmed on a screen."""
    dim, plain = ("\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    print(dim, end="")
    show(f"  {label}: {' '.join(text.split())}")
    print(plain, flush=True)


@contextmanager
def open_terminal(user_id: str) -> Iterator[Terminal]:
    """Open the database, the memory, the models and the worker for one person; close them at the end."""
    check_user_id(user_id)
    settings_used = configured()
    with ExitStack() as stack:
        base = open_parts()
        stack.callback(base.opened.close)
        memory = Memory(base.database, base.embedder, base.model, instructions_for(settings_used))
        printing = PrintingMemory(base.database, base.embedder, None)
        conversations = Conversations(base.database)
        worker = Worker(conversations.queue, memory)
        stack.callback(worker.stop)
        worker.start()
        replies = chat_model(settings_used)
        if replies is not None:
            stack.callback(replies.close)
        offers = ModelCatalog(replies, settings().chat_models)
        chat = ChatServices(conversations, printing, replies, worker.wake, offers=offers)
        yield Terminal(user_id, memory, conversations, chat)


def retry(user_id: str | None) -> str:
    """Let what could not be remembered be tried again, of one person or of everybody; return what was done."""
    parts = open_parts(model=None)
    with parts.opened:
        queue, imports = TurnQueue(parts.database), ImportQueue(parts.database)
        again = queue.retry_all() if user_id is None else queue.retry(user_id) + imports.retry(user_id)
    if not again:
        return "Nothing failed: there is nothing to try again."
    return f"{'One message is' if again == 1 else f'{again:,} messages are'} tried again, as soon as the app runs."


def main() -> int:
    """Chat until the input ends; return 0, or 1 if something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m chat", description="Chat in the terminal.", epilog=COMMANDS)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--user", metavar="NAME", help="whose memories to use; by default, your user name")
    parser.add_argument("command", nargs="?", choices=["retry"], help="try again what could not be remembered")
    arguments = parser.parse_args()
    name = arguments.user
    _prepare()
    try:
        if arguments.command == "retry":
            print(retry(name))
            return 0
        with open_terminal(_own_name() if name is None else name) as terminal:
            show("Keepsake. /help lists the commands.\n")
            terminal.listen()
    except AppError as error:
        print(error.for_deployer(), file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Nobody reads the output any more. Without this, Python would complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise SettingsError("Your user name on this machine is unknown: run python -m chat --user NAME") from error


def _prepare() -> None:
    """Accept any bytes, keep warnings off the screen, and clean up also when the window is closed."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    with suppress(ImportError):
        import readline  # noqa: F401 (with it loaded, a line can be edited)
    logging.getLogger("keepsake").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under `nohup`
            signal.signal(number, lambda received, _: sys.exit(128 + received))


if __name__ == "__main__":
    sys.exit(main())
