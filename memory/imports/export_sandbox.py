"""Reads the person's messages from ChatGPT's export; memory/sandbox.py runs it in a limited process of its own.

It reads the zip, or the conversations.json in it, from standard input, chat by chat and never unpacked as a whole. It
writes JSON, a line for each message, the oldest first: the ids of its chat and its own, its words, its time. The last
line counts, or says what is wrong. It imports nothing of the project, because the process finds only this file.
"""

from __future__ import annotations

import codecs
import gc
import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

_IN_ZIP = re.compile(r"(?:^|.*/)conversations(?:-\d+)?\.json")
_SPACE = re.compile(r"[\s,]*")
_WRITTEN_TYPES = ("text", "multimodal_text")
LONGEST_ID = 200


class Refused(Exception):
    """The file cannot be read; the sentence says why."""


class Bounds:
    """How much of an export is read; see `ReadLimits` in chatgpt.py."""

    def __init__(self, unpacked: int, chat: int, messages: int, message: int, kept: int, block: int) -> None:
        self.chat, self.messages, self.message, self.kept, self.block = chat, messages, message, kept, block
        self._unpacked = self._left = unpacked

    def spend(self, amount: int, name: str) -> None:
        """Count bytes that were unpacked."""
        self._left -= amount
        if self._left < 0:
            raise Refused(f"The chats in {name} are more than {self._unpacked // 1024 // 1024} MB when unpacked.")


class Collected:
    """The messages read so far; no more than twice the wanted number and length is held in memory."""

    def __init__(self, limits: Bounds) -> None:
        self.chats = self.too_long = self.too_old = 0
        self._limits = limits
        self._length = 0
        self._messages: dict[str, tuple[float, str, str]] = {}  # by id: the time, the id of the chat, the words

    def add(self, chat: Any) -> None:
        """Add the person's messages of one chat."""
        if not isinstance(chat, Mapping) or not isinstance(chat.get("mapping"), Mapping):
            return
        self.chats += 1
        chat_id = str(chat.get("conversation_id") or chat.get("id") or chat.get("create_time"))[:LONGEST_ID]
        started = _seconds(chat.get("create_time"))
        for node_id, message in _branch(chat["mapping"], chat.get("current_node")):
            words = _words(message)
            if len(words) > self._limits.message:
                self.too_long += 1
            elif words:
                at = _seconds(message.get("create_time"))
                key = str(message.get("id") or f"{chat_id}/{node_id}")[:LONGEST_ID]
                self._messages[key] = (at if at is not None else started or 0.0, chat_id, words)
                self._length += len(words)
                if len(self._messages) > 2 * self._limits.messages or self._length > 2 * self._limits.kept:
                    self.trim()

    def trim(self) -> None:
        """Keep only the newest messages, the oldest of them first."""
        newest_first = sorted(self._messages.items(), key=lambda each: each[1][0], reverse=True)
        kept, self._length = [], 0
        for each in newest_first[: self._limits.messages]:
            self._length += len(each[1][2])
            if self._length > self._limits.kept:
                break
            kept.append(each)
        self.too_old += len(newest_first) - len(kept)
        self._length = sum(len(words) for _, (_, _, words) in kept)
        self._messages = dict(reversed(kept))

    def lines(self) -> Iterator[object]:
        """Yield the messages and the counts."""
        self.trim()
        for key, (at, chat_id, words) in self._messages.items():
            yield [chat_id, key, words, at]
        yield {"chats": self.chats, "too_long": self.too_long, "too_old": self.too_old}


def main(name: str, *limits: str) -> None:
    """Read the export from standard input and write what is in it."""
    gc.disable()  # nothing here refers to itself, and looking for it in millions of lists takes most of the time
    with open(sys.stdin.fileno(), "rb", closefd=False) as file:
        lines = _lines(file, name, Bounds(*map(int, limits)))
        while file.read(1 << 20):
            pass  # whoever writes the file reads the answer only after its end
    for each in lines:
        print(json.dumps(each))


def _lines(file: io.BufferedReader, name: str, limits: Bounds) -> Iterator[object]:
    try:
        return _collected(file, name, limits).lines()
    except Refused as refused:
        return iter([{"problem": str(refused)}])
    except MemoryError:
        return iter([{"problem": f"{name} holds a chat that is too large."}])


def _collected(file: io.BufferedReader, name: str, limits: Bounds) -> Collected:
    collected = Collected(limits)
    zipped = file.peek(2)[:2] == b"PK"
    for chat in _unpacked(io.BytesIO(file.read()), name, limits) if zipped else _elements(file, name, limits):
        collected.add(chat)
    return collected


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
    return "\n".join(said).strip()


def _seconds(value: Any) -> float | None:
    """Return a time that a calendar has, in seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253_000_000_000:
        return None
    return float(value)


def _unpacked(file: IO[bytes], name: str, limits: Bounds) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(file) as packed:
            members = [each for each in packed.infolist() if _IN_ZIP.fullmatch(each.filename)]
            if not members:
                raise Refused(f"There is no conversations.json in {name}: is it the zip that ChatGPT sent you?")
            for entry in members:
                with packed.open(entry) as member:
                    yield from _elements(member, f"{entry.filename.rpartition('/')[2]} in {name}", limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise Refused(f"{name} is damaged or not a zip: download it again.") from error
    except RuntimeError as error:  # raised by zipfile for an encrypted member
        raise Refused(f"{name} is protected by a password: unpack it and upload conversations.json.") from error


def _elements(file: IO[bytes], name: str, limits: Bounds) -> Iterator[Any]:
    """Yield the elements of a JSON list one by one."""
    decoder, held, started = json.JSONDecoder(), "", False
    for more in _characters(file, name, limits):
        held = held + more
        if not started:
            held = held.lstrip()
            if not held:
                continue
            if held[0] != "[":
                raise Refused(f"{name} is not a list of chats.")
            held, started = held[1:], True
        place = 0
        while (start := _past_space(held, place)) < len(held) and held[start] != "]":
            try:
                element, place = decoder.raw_decode(held, start)
            except RecursionError as error:
                raise Refused(f"{name} is nested too deeply.") from error
            except ValueError:
                break  # the rest of the element has not been read yet
            yield element
        if start < len(held) and held[start] == "]":
            return
        held = held[start:]
        if len(held) > limits.chat:
            raise Refused(f"{name} holds a chat that is too large, or is not JSON.")
    raise Refused(f"{name} is not JSON, or incomplete: download it again.")


def _past_space(held: str, place: int) -> int:
    found = _SPACE.match(held, place)
    return found.end() if found else place


def _characters(file: IO[bytes], name: str, limits: Bounds) -> Iterator[str]:
    """Yield the text in growing pieces, so that a long chat is not parsed from its beginning too often."""
    decoder, size = codecs.getincrementaldecoder("utf-8-sig")(), limits.block
    while block := file.read(size):
        limits.spend(len(block), name)
        try:
            yield decoder.decode(block)
        except UnicodeDecodeError as error:
            raise Refused(f"{name} is not encoded in UTF-8.") from error
        size = min(2 * size, limits.chat // 4)


if __name__ == "__main__":
    main(*sys.argv[1:])
