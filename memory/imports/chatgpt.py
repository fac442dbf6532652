"""What a person said to ChatGPT, out of its export: the zip, or the conversations.json in it.

A chat is a tree in which answers were asked for again and questions put anew; what counts is the branch that was
shown last, and of it the person's own words. The file is read chat by chat and never as a whole, whatever it claims
about its size; nothing is unpacked to a disk. It keeps nothing.
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

__all__ = ["MAX_BYTES", "ChatGPTExport", "is_export", "read"]

MAX_BYTES = 50 * 1024 * 1024  # of a file that comes through the browser
MAX_UNPACKED = 400 * 1024 * 1024  # of all chats in it, however small it is packed
MAX_CHAT = 32 * 1024 * 1024  # letters
MAX_MESSAGES = 20_000  # the newest
MAX_IMPORTED_CHARACTERS = min(20_000, MAX_CONTENT)  # letters: what is longer was pasted, and tells of somebody else
BLOCK = 1 << 18
SOURCE = "chatgpt"

_IN_ZIP = re.compile(r"(?:^|.*/)conversations(?:-\d+)?\.json")
_SPACE = re.compile(r"[\s,]*")
_SPOKEN = ("text", "multimodal_text")


@dataclass(frozen=True)
class ChatGPTExport:
    """The person's messages, the oldest first, and of how many chats they are."""

    said: tuple[Said, ...]
    chats: int
    too_long: int = 0
    too_old: int = 0


def is_export(file: IO[bytes]) -> bool:
    """Whether this is a zip, or a list of chats as ChatGPT writes them."""
    file.seek(0)
    begins = file.read(4)
    file.seek(0)
    if begins == b"PK\x03\x04":
        return True
    try:
        first = next(_elements(file, "it", _Budget()), None)
    except InvalidInput:
        first = None
    finally:
        file.seek(0)
    return isinstance(first, Mapping) and isinstance(first.get("mapping"), Mapping)


def read(file: IO[bytes], name: str) -> ChatGPTExport:
    """All that the person said, as messages with dates; `InvalidInput` says what is wrong with a file."""
    gathered = _Gathered()
    file.seek(0)
    zipped = file.read(2) == b"PK"
    file.seek(0)
    for chat in _unpacked(file, name) if zipped else _elements(file, name, _Budget()):
        gathered.add(chat)
    chats = gathered.chats()
    if not gathered.seen:
        raise InvalidInput(f"{name} holds no chats as ChatGPT exports them.")
    if not chats.said:
        raise InvalidInput(f"{name} holds {gathered.seen:,} chats, and nothing that you said in them.")
    return chats


class _Budget:
    """How much may still be unpacked."""

    def __init__(self) -> None:
        self.left = MAX_UNPACKED

    def spend(self, amount: int, name: str) -> None:
        self.left -= amount
        if self.left < 0:
            raise InvalidInput(f"The chats in {name} are more than {MAX_UNPACKED // 1024 // 1024} MB when unpacked.")


class _Gathered:
    """The messages found so far, no more of them in memory than twice what is wanted."""

    def __init__(self) -> None:
        self.seen = 0
        self._found: dict[str, Said] = {}
        self._too_long = self._too_old = 0

    def add(self, chat: Any) -> None:
        if not isinstance(chat, Mapping) or not isinstance(chat.get("mapping"), Mapping):
            return
        self.seen += 1
        named = storable(str(chat.get("conversation_id") or chat.get("id") or chat.get("create_time")))[:200]
        begun = _moment(chat.get("create_time"))
        for node_id, message in _branch(chat["mapping"], chat.get("current_node")):
            words = _words(message)
            if len(words) > MAX_IMPORTED_CHARACTERS:
                self._too_long += 1
            elif words:
                at = _moment(message.get("create_time")) or begun or datetime.now(UTC)
                key = storable(str(message.get("id") or f"{named}/{node_id}"))[:200]
                self._found[key] = Said("user", words, at, f"{SOURCE}:{key}", f"{SOURCE}:{named}")
        if len(self._found) > 2 * MAX_MESSAGES:
            self._trim()

    def chats(self) -> ChatGPTExport:
        self._trim()
        said = tuple(each for each in self._found.values() if worth_reading([each]))
        return ChatGPTExport(said, len({each.run_id for each in said}), self._too_long, self._too_old)

    def _trim(self) -> None:
        """The newest, in their order."""
        in_order = sorted(self._found.items(), key=lambda each: each[1].at)
        self._too_old += max(0, len(in_order) - MAX_MESSAGES)
        self._found = dict(in_order[-MAX_MESSAGES:])


def _branch(nodes: Mapping[str, Any], last: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The person's messages from the one shown last up to the first."""
    here = last if isinstance(last, str) and last in nodes else next(reversed([*nodes]), None)
    met: set[str] = set()
    while isinstance(here, str) and here in nodes and here not in met:
        met.add(here)
        node = nodes[here]
        if not isinstance(node, Mapping):
            return
        message = node.get("message")
        if isinstance(message, Mapping):
            author = message.get("author")
            if isinstance(author, Mapping) and author.get("role") == "user":
                yield here, message
        here = node.get("parent")


def _words(message: Mapping[str, Any]) -> str:
    """What was typed; nothing of pictures, files and what the program said in the person's name."""
    content, told = message.get("content"), message.get("metadata")
    if isinstance(told, Mapping) and told.get("is_visually_hidden_from_conversation"):
        return ""
    if not isinstance(content, Mapping) or content.get("content_type") not in _SPOKEN:
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


def _unpacked(file: IO[bytes], name: str) -> Iterator[Any]:
    budget = _Budget()
    try:
        with zipfile.ZipFile(file) as packed:
            members = [each for each in packed.infolist() if _IN_ZIP.fullmatch(each.filename)]
            if not members:
                raise InvalidInput(f"There is no conversations.json in {name}: is it the zip that ChatGPT sent you?")
            for each in members:
                with packed.open(each) as member:
                    yield from _elements(member, f"{each.filename.rpartition('/')[2]} in {name}", budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise InvalidInput(f"{name} is damaged, or no zip: download it once more.") from error
    except RuntimeError as error:  # what zipfile says of a password
        raise InvalidInput(f"{name} is locked with a password: unpack it, and give me conversations.json.") from error


def _elements(file: IO[bytes], name: str, budget: _Budget) -> Iterator[Any]:
    """The elements of a JSON list, one at a time."""
    decoder, held, begun = json.JSONDecoder(), "", False
    for more in _letters(file, name, budget):
        held = held + more
        if not begun:
            held = held.lstrip()
            if not held:
                continue
            if held[0] != "[":
                raise InvalidInput(f"{name} is no list of chats.")
            held, begun = held[1:], True
        place = 0
        while (start := _past_space(held, place)) < len(held) and held[start] != "]":
            try:
                element, place = decoder.raw_decode(held, start)
            except RecursionError as error:
                raise InvalidInput(f"{name} is nested too deeply.") from error
            except ValueError:
                break  # its end has not come yet
            yield element
        if start < len(held) and held[start] == "]":
            return
        held = held[start:]
        if len(held) > MAX_CHAT:
            raise InvalidInput(f"{name} holds a chat that is too large, or is no JSON.")
    raise InvalidInput(f"{name} is no JSON, or not whole: download it once more.")


def _past_space(held: str, place: int) -> int:
    found = _SPACE.match(held, place)
    return found.end() if found else place


def _letters(file: IO[bytes], name: str, budget: _Budget) -> Iterator[str]:
    """The text in pieces that grow, so that a long chat is not looked at from its beginning too often."""
    decoder, size = codecs.getincrementaldecoder("utf-8-sig")(), BLOCK
    while block := file.read(size):
        budget.spend(len(block), name)
        try:
            yield decoder.decode(block)
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{name} is not written in UTF-8.") from error
        size = min(2 * size, MAX_CHAT // 4)
