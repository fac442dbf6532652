"""Reads what a person said to ChatGPT from its export: the zip, or the conversations.json inside it.

A chat is a tree, because answers can be generated again and questions edited. Of the branch that was shown last, only
the person's own messages are read. export_sandbox.py reads them in a process of its own, because 8 KB of a zip can
hold a gigabyte of JSON; nothing is written to disk.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ..arguments import MAX_CONTENT
from ..errors import InvalidInput, LimitReached
from ..facts import IMPORTED, Said
from ..learn.extract import worth_reading
from ..plain_text import storable
from ..sandbox import SandboxFailed, run_script

__all__ = ["MAX_BYTES", "ChatGPTExport", "ReadLimits", "is_export", "read"]

MAX_BYTES = 50 * 1024 * 1024  # of a file that comes through the browser
MAX_IMPORTED_CHARACTERS = min(20_000, MAX_CONTENT)  # longer messages were pasted, and are not about the person
SANDBOX = Path(__file__).with_name("export_sandbox.py")
SANDBOX_SECONDS = 60
WAIT_SECONDS = 10.0
BEGINNING = 1 << 18
_one_at_once = threading.Lock()  # an export may take a minute; pictures and PDFs need not wait for two of them
_FIRST_CHAT = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\[[\s,]*\{.*?"mapping"\s*:\s*\{', re.DOTALL)


@dataclass(frozen=True)
class ReadLimits:
    """How much of an export is read."""

    unpacked: int = 400 * 1024 * 1024  # bytes of all chats
    chat: int = 32 * 1024 * 1024  # characters
    messages: int = 20_000  # the newest
    message: int = MAX_IMPORTED_CHARACTERS
    kept: int = 16_000_000  # characters of these messages together
    block: int = 1 << 18  # bytes that are read at first


DEFAULT_LIMITS = ReadLimits()


@dataclass(frozen=True)
class ChatGPTExport:
    """The person's messages, the oldest first, the number of their chats, and how many messages were left out."""

    said: tuple[Said, ...]
    chats: int
    too_long: int = 0
    too_old: int = 0


def is_export(file: IO[bytes]) -> bool:
    """Return whether this is a zip, or begins like a list of chats as ChatGPT writes them."""
    file.seek(0)
    begins = file.read(BEGINNING)
    file.seek(0)
    return begins.startswith(b"PK\x03\x04") or _FIRST_CHAT.match(begins) is not None


def read(file: IO[bytes], name: str, limits: ReadLimits = DEFAULT_LIMITS) -> ChatGPTExport:
    """Return the person's messages with their dates; raise `InvalidInput` if the file cannot be read."""
    if not _one_at_once.acquire(timeout=WAIT_SECONDS):
        raise LimitReached("Another export is being read at the moment. Try again in a minute.", 60)
    try:
        return _read(file, name, limits)
    finally:
        _one_at_once.release()


def _read(file: IO[bytes], name: str, limits: ReadLimits) -> ChatGPTExport:
    file.seek(0)
    said: list[Said] = []
    counts: dict[str, Any] = {}
    try:
        with run_script(SANDBOX, [storable(name), *map(str, astuple(limits))], file, SANDBOX_SECONDS) as lines:
            for line in map(json.loads, lines):
                if isinstance(line, dict):
                    counts = line
                elif worth_reading([message := _said(line)]):
                    said.append(message)
    except SandboxFailed as error:
        raise InvalidInput(f"{name} is too much at once, or damaged: it could not be read.") from error
    if problem := counts.get("problem"):
        raise InvalidInput(problem)
    if not counts["chats"]:
        raise InvalidInput(f"{name} does not hold chats as ChatGPT exports them.")
    if not said:
        raise InvalidInput(f"{name} holds {counts['chats']:,} chats, but no messages of yours.")
    chats = len({each.run_id for each in said})
    return ChatGPTExport(tuple(said), chats, counts["too_long"], counts["too_old"])


def _said(line: Sequence[Any]) -> Said:
    chat_id, key, words, seconds = line
    at = datetime.fromtimestamp(seconds, UTC) if seconds else datetime.now(UTC)
    return Said("user", storable(words), at, f"{IMPORTED}{storable(key)}", f"{IMPORTED}{storable(chat_id)}")
