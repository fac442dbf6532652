"""Reads what a person said to ChatGPT from its export: the zip, or the conversations.json inside it.

A chat is a tree, because answers can be generated again and questions edited. This module
reads the branch that was shown last, and of it only the person's own messages. It reads the file chat by chat and never
as a whole, and unpacks and writes nothing to disk.
"""

from __future__ import annotations

import codecs
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from ..arguments import MAX_CONTENT
from ..errors import InvalidInput
from ..facts import Said
from ..learn.extract import worth_reading
from ..plain_text import storable

__all__ = ["MAX_BYTES", "ChatGPTExport", "ReadLimits", "is_export", "read"]

MAX_BYTES = 50 * 1024 * 1024  # of a file that comes through the browser
MAX_IMPORTED_CHARACTERS = min(20_000, MAX_CONTENT)  # longer messages were pasted, and are not about the person
SOURCE = "chatgpt"

_IN_ZIP = re.compile(r"(?:^|.*/)conversations(?:-\d+)?\.json")
_SPACE = re.compile(r"[\s,]*")
_WRITTEN_TYPES = ("text", "multimodal_text")


@dataclass(frozen=True)
class ReadLimits:
    """How much of an export is read."""

    unpacked: int = 400 * 1024 * 1024  # bytes of all chats in a zip
    chat: int = 32 * 1024 * 1024  # characters
    messages: int = 20_000  # the newest
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
    """Return whether this is a zip, or a list of chats as ChatGPT writes them."""
    file.seek(0)
    begins = file.read(4)
    file.seek(0)
    if begins == b"PK\x03\x04":
        return True
    try:
        first = next(_elements(file, "it", _Budget(DEFAULT_LIMITS)), None)
    except InvalidInput:
        first = None
    finally:
        file.seek(0)
    return isinstance(first, Mapping) and isinstance(first.get("mapping"), Mapping)


def read(file: IO[bytes], name: str, limits: ReadLimits = DEFAULT_LIMITS) -> ChatGPTExport:
    """Return the person's messages with their dates; raise `InvalidInput` if the file cannot be read."""
    collected, budget = _Collected(limits), _Budget(limits)
    file.seek(0)
    zipped = file.read(2) == b"PK"
    file.seek(0)
    for chat in _unpacked(file, name, budget) if zipped else _elements(file, name, budget):
        collected.add(chat)
    export = collected.export()
    if not collected.chats_read:
        raise InvalidInput(f"{name} does not hold chats as ChatGPT exports them.")
    if not export.said:
        raise InvalidInput(f"{name} holds {collected.chats_read:,} chats, but no messages of yours.")
    return export


class _Budget:
    """How many bytes may still be unpacked."""

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self._left = limits.unpacked

    def spend(self, amount: int, name: str) -> None:
        self._left -= amount
        if self._left < 0:
            most = self.limits.unpacked // 1024 // 1024
            raise InvalidInput(f"The chats in {name} are more than {most} MB when unpacked.")


class _Collected:
    """The messages read so far; no more than twice the wanted number is held in memory."""

    def __init__(self, limits: ReadLimits) -> None:
        self.chats_read = 0
        self._most = limits.messages
        self._messages: dict[str, Said] = {}
        self._too_long = self._too_old = 0

    def add(self, chat: Any) -> None:
        if not isinstance(chat, Mapping) or not isinstance(chat.get("mapping"), Mapping):
            return
        self.chats_read += 1
        chat_id = storable(str(chat.get("conversation_id") or chat.get("id") or chat.get("create_time")))[:200]
        started = _moment(chat.get("create_time"))
        for node_id, message in _branch(chat["mapping"], chat.get("current_node")):
            words = _words(message)
            if len(words) > MAX_IMPORTED_CHARACTERS:
                self._too_long += 1
            elif words:
                at = _moment(message.get("create_time")) or started or datetime.now(UTC)
                key = storable(str(message.get("id") or f"{chat_id}/{node_id}"))[:200]
                self._messages[key] = Said("user", words, at, f"{SOURCE}:{key}", f"{SOURCE}:{chat_id}")
        if len(self._messages) > 2 * self._most:
            self._trim()

    def export(self) -> ChatGPTExport:
        self._trim()
        said = tuple(each for each in self._messages.values() if worth_reading([each]))
        return ChatGPTExport(said, len({each.run_id for each in said}), self._too_long, self._too_old)

    def _trim(self) -> None:
        """Keep only the newest messages, the oldest of them first."""
        in_order = sorted(self._messages.items(), key=lambda each: each[1].at)
        self._too_old += max(0, len(in_order) - self._most)
        self._messages = dict(in_order[-self._most :])


def _branch(nodes: Mapping[str, Any], last: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the person's messages from the last one shown back to the first."""
    node_id = last if isinstance(last, str) and last in nodes else next(reversed([*nodes]), None)
    visited: set[str] = set()
    while isinstance(node_id, str) and node_id in nodes and node_id not in visited:
        visited.add(node_id)
        node = nodes[node_id]
        if not isinstance(node, Mapping):
            return
        message = node.get("message")
        if isinstance(message, Mapping):
            author = message.get("author")
            if isinstance(author, Mapping) and author.get("role") == "user":
                yield node_id, message
        node_id = node.get("parent")


def _words(message: Mapping[str, Any]) -> str:
    """Return what the person typed, without pictures, files and what ChatGPT wrote in the person's name."""
    content, metadata = message.get("content"), message.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("is_visually_hidden_from_conversation"):
        return ""
    if not isinstance(content, Mapping) or content.get("content_type") not in _WRITTEN_TYPES:
        return ""
    parts = content.get("parts")
    said = [each for each in parts if isinstance(each, str)] if isinstance(parts, list) else []
    return storable("\n".join(said).strip())


def _moment(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _unpacked(file: IO[bytes], name: str, budget: _Budget) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(file) as packed:
            members = [each for each in packed.infolist() if _IN_ZIP.fullmatch(each.filename)]
            if not members:
                raise InvalidInput(f"There is no conversations.json in {name}: is it the zip that ChatGPT sent you?")
            for entry in members:
                with packed.open(entry) as member:
                    yield from _elements(member, f"{entry.filename.rpartition('/')[2]} in {name}", budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise InvalidInput(f"{name} is damaged or not a zip: download it again.") from error
    except RuntimeError as error:  # raised by zipfile for an encrypted member
        raise InvalidInput(f"{name} is protected by a password: unpack it and upload conversations.json.") from error


def _elements(file: IO[bytes], name: str, budget: _Budget) -> Iterator[Any]:
    """Yield the elements of a JSON list one by one."""
    decoder, held, started = json.JSONDecoder(), "", False
    for more in _characters(file, name, budget):
        held = held + more
        if not started:
            held = held.lstrip()
            if not held:
                continue
            if held[0] != "[":
                raise InvalidInput(f"{name} is not a list of chats.")
            held, started = held[1:], True
        place = 0
        while (start := _past_space(held, place)) < len(held) and held[start] != "]":
            try:
                element, place = decoder.raw_decode(held, start)
            except RecursionError as error:
                raise InvalidInput(f"{name} is nested too deeply.") from error
            except ValueError:
                break  # the rest of the element has not been read yet
            yield element
        if start < len(held) and held[start] == "]":
            return
        held = held[start:]
        if len(held) > budget.limits.chat:
            raise InvalidInput(f"{name} holds a chat that is too large, or is not JSON.")
    raise InvalidInput(f"{name} is not JSON, or incomplete: download it again.")


def _past_space(held: str, place: int) -> int:
    found = _SPACE.match(held, place)
    return found.end() if found else place


def _characters(file: IO[bytes], name: str, budget: _Budget) -> Iterator[str]:
    """Yield the text in growing pieces, so that a long chat is not parsed from its beginning too often."""
    decoder, size = codecs.getincrementaldecoder("utf-8-sig")(), budget.limits.block
    while block := file.read(size):
        budget.spend(len(block), name)
        try:
            yield decoder.decode(block)
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{name} is not encoded in UTF-8.") from error
        size = min(2 * size, budget.limits.chat // 4)
