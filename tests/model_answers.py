"""What the scripted model server can be told to do: good answers, bad ones, and what it says unasked.

Each is an `Item` that plays itself to one exchange. Nothing here opens a socket.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.model_server import Exchange

__all__ = [
    "MODEL",
    "PATIENCE",
    "Cut",
    "CutOff",
    "Endless",
    "Events",
    "Fault",
    "Gate",
    "HangUp",
    "Item",
    "Json",
    "Raw",
    "Refusal",
    "Reply",
    "Request",
    "Scripted",
    "Slow",
    "Stall",
    "ToolCalls",
    "Vectors",
    "WebPage",
    "chunk",
    "sensible",
]

PATIENCE = 180.0  # seconds; whatever waits longer than this in a test has failed
MODEL = "scripted"


@dataclass(frozen=True)
class Request:
    """One request as it came; the names of its headers in small letters."""

    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that was asked for."""
        asked = self.body.get("response_format") or {}
        return (asked.get("json_schema") or {}).get("schema")

    @property
    def names_a_chat(self) -> bool:
        """Whether this asks what a chat is called."""
        return "name for a list of chats" in str(self.body.get("messages", [{}])[0].get("content", ""))

    def said(self, role: str) -> str:
        """The latest message of this role."""
        return next((words_of(m) for m in reversed(self.body["messages"]) if m["role"] == role), "")


def words_of(message: Mapping[str, Any]) -> str:
    """What a message says; beside pictures its words are one part of it, and one that calls tools may have none."""
    content = message["content"] or ""
    return content if isinstance(content, str) else "".join(each.get("text", "") for each in content)


class Gate:
    """Lets through as many as it is told to; once open, everybody."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._passes: float = 0

    def let(self, passes: float = 1) -> None:
        with self._changed:
            self._passes += passes
            self._changed.notify_all()

    def open(self) -> None:
        self.let(float("inf"))

    def wait(self, seconds: float = PATIENCE) -> bool:
        """Whether it let us through in time."""
        with self._changed:
            passed = self._changed.wait_for(lambda: self._passes > 0, seconds)
            self._passes -= passed
            return passed


class Item(Protocol):
    """One scripted way to answer a chat request."""

    def play(self, to: Exchange) -> None:
        """Answer."""


Scripted = Item | Callable[[Request], Item]


@dataclass(frozen=True)
class Reply:
    """A reply in words, streamed or whole as it was asked for."""

    text: str
    finish: str = "stop"
    refusal: str | None = None
    usage: bool = True

    def play(self, to: Exchange) -> None:
        if not to.request.streams:
            to.send(200, self._completion(to.request))
            return
        to.begin_stream()
        for piece in _pieces(self.text):
            to.event(chunk({"content": piece}))
        to.event(chunk({"refusal": self.refusal} if self.refusal else {}, self.finish))
        if self.usage and (to.request.body.get("stream_options") or {}).get("include_usage"):
            to.event({**chunk(), "choices": [], "usage": _usage(to.request, self.text)})
        to.end_stream()

    def _completion(self, request: Request) -> dict[str, Any]:
        message = {"role": "assistant", "content": None if self.refusal else self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        whole = {"id": "c", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice]}
        return whole | ({"usage": _usage(request, self.text)} if self.usage else {})


@dataclass(frozen=True)
class Json:
    """A structured answer."""

    value: Any

    def play(self, to: Exchange) -> None:
        Reply(json.dumps(self.value)).play(to)


@dataclass(frozen=True)
class Refusal:
    """The model declines."""

    words: str = "I would rather not."

    def play(self, to: Exchange) -> None:
        Reply("", refusal=self.words).play(to)


@dataclass(frozen=True)
class CutOff:
    """The model reached its limit of tokens."""

    text: str

    def play(self, to: Exchange) -> None:
        Reply(self.text, finish="length").play(to)


@dataclass(frozen=True)
class Fault:
    """An error status, in OpenAI's shape."""

    status: int
    retry_after: float | str | None = None
    message: str = "No."

    def play(self, to: Exchange) -> None:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        to.send(self.status, {"error": {"message": self.message, "type": "scripted", "code": None}}, headers)


@dataclass(frozen=True)
class Raw:
    """Any body at all: not JSON, other JSON, a stream where none was asked for."""

    body: str
    content_type: str = "application/json"
    status: int = 200

    def play(self, to: Exchange) -> None:
        to.send_bytes(self.status, self.body.encode(), self.content_type)


def WebPage(status: int = 200) -> Raw:
    """What a proxy or a wrong path answers with."""
    return Raw("<!doctype html><title>Welcome</title><h1>Welcome</h1>", "text/html", status)


@dataclass(frozen=True)
class Events:
    """A stream of exactly these events; a string is sent as it is."""

    events: Sequence[Any]

    def play(self, to: Exchange) -> None:
        to.begin_stream()
        for event in self.events:
            to.event(event)
        to.end_stream()


@dataclass(frozen=True)
class Endless:
    """A stream of the same piece until the client leaves."""

    delta: Mapping[str, str]

    def play(self, to: Exchange) -> None:
        to.begin_stream()
        while True:
            to.event(chunk(self.delta))


@dataclass(frozen=True)
class Cut:
    """A stream that breaks off: the connection is reset, closed, or (`tidy`) ended as if all were said."""

    after_pieces: int = 2
    how: str = "reset"

    def play(self, to: Exchange) -> None:
        to.begin_stream()
        for number in range(self.after_pieces):
            to.event(chunk({"content": f"piece {number} "}))
        if self.how == "tidy":
            to.end_stream()
        else:
            to.drop(reset=self.how == "reset")


@dataclass(frozen=True)
class HangUp:
    """The connection is closed before any byte of an answer."""

    def play(self, to: Exchange) -> None:
        to.drop()


@dataclass(frozen=True)
class Stall:
    """Nothing happens until the gate opens; then `then` is answered."""

    gate: Gate = field(default_factory=Gate)
    then: Item = field(default_factory=HangUp)

    def play(self, to: Exchange) -> None:
        to.wait_at(self.gate)
        self.then.play(to)


@dataclass(frozen=True)
class Slow:
    """A reply of which each piece waits for the gate."""

    pieces: Sequence[str]
    gate: Gate = field(default_factory=Gate)

    def play(self, to: Exchange) -> None:
        to.begin_stream()
        for piece in self.pieces:
            to.wait_at(self.gate)
            to.event(chunk({"content": piece}))
        to.event(chunk({}, "stop"))
        to.end_stream()


@dataclass(frozen=True)
class ToolCalls:
    """Calls of tools, each by its name and arguments, streamed in pieces; `before` is said first.

    `finish` is sometimes "stop" on real servers. Without `numbered`, a call comes whole and has neither number nor id.
    """

    calls: Sequence[tuple[str, str]]
    before: str = ""
    finish: str = "tool_calls"
    numbered: bool = True

    def play(self, to: Exchange) -> None:
        to.begin_stream()
        to.event(chunk({"role": "assistant", "content": ""}))
        for piece in _pieces(self.before):
            to.event(chunk({"content": piece}))
        for number, (name, arguments) in enumerate(self.calls):
            for delta in self._deltas(number, name, arguments):
                to.event(chunk({"tool_calls": [delta]}))
        to.event(chunk({}, self.finish))
        if (to.request.body.get("stream_options") or {}).get("include_usage"):
            written = " ".join(arguments for _, arguments in self.calls)
            to.event({**chunk(), "choices": [], "usage": _usage(to.request, f"{self.before} {written}")})
        to.end_stream()

    def _deltas(self, number: int, name: str, arguments: str) -> Iterator[dict[str, Any]]:
        if not self.numbered:
            yield {"type": "function", "function": {"name": name, "arguments": arguments}}
            return
        opening = {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": ""}}
        yield {"index": number, **opening}
        for start in range(0, len(arguments), 7):
            yield {"index": number, "function": {"arguments": arguments[start : start + 7]}}


@dataclass(frozen=True)
class Vectors:
    dimensions: int

    def play(self, to: Exchange) -> None:
        given = to.request.body["input"]
        texts = [given] if isinstance(given, str) else given
        vectors: list[Any] = [_vector(text, self.dimensions) for text in texts]
        if to.request.body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode() for v in vectors]
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        to.send(200, {"object": "list", "data": data, "model": MODEL, "usage": usage})


def _vector(text: str, dimensions: int) -> list[float]:
    """Length one; texts with words in common are near."""
    numbers = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or ["-"]:
        numbers[zlib.crc32(word.encode()) % dimensions] += 1.0
    length = sum(number**2 for number in numbers) ** 0.5
    return [number / length for number in numbers]


def sensible(request: Request) -> Item:
    schema = request.schema
    if schema is None:
        return Reply(_echo(request))
    if "operations" in schema.get("properties", {}):
        return Json({"operations": [_addition(sentence) for sentence in _statements(request.said("user"))]})
    return Json(_smallest(schema, schema))


def _echo(request: Request) -> str:
    found = re.search(r"<memories>\n(.*?)\n</memories>", request.said("system"), re.DOTALL)
    lines = [line.removeprefix("- ") for line in found[1].splitlines()] if found else []
    known = [line for line in lines if line != "(nothing yet)"]
    remembered = f"I remember: {'; '.join(known)}." if known else "I do not remember anything about you yet."
    return f"{remembered} You said: {request.said('user')}"


def _statements(prompt: str) -> Iterator[str]:
    """The person's first-person sentences in the turn."""
    turn = re.search(r"<turn>\n(.*)\n</turn>", prompt, re.DOTALL)
    speeches = re.split(r"^(PERSON|ASSISTANT) \([^)]*\): ", turn[1] if turn else "", flags=re.MULTILINE)
    for speaker, words in zip(speeches[1::2], speeches[2::2], strict=True):
        for sentence in re.findall(r"[^.!?\n]+[.!?]*", words if speaker == "PERSON" else ""):
            if re.search(r"\b(I|my|My|we|We)\b", sentence) and not sentence.endswith("?"):
                yield sentence.strip()


def _addition(sentence: str) -> dict[str, Any]:
    return {
        "action": "add",
        "target": None,
        "text": sentence,
        "kind": "fact",
        "quote": sentence,
        "happened_at": None,
        "language": "en",
        "entities": [],
        "relations": [],
        "reason": "the person said so",
    }


def _smallest(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:
    """The smallest value that fits a schema."""
    if "$ref" in schema:
        return _smallest(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return _smallest(schema["anyOf"][-1], whole)
    if schema.get("type") == "object":
        return {name: _smallest(part, whole) for name, part in schema.get("properties", {}).items()}
    return {"array": [], "string": "", "integer": 0, "number": 0, "boolean": False}.get(schema.get("type", ""))


def _pieces(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]}


def _usage(request: Request, text: str) -> dict[str, int]:
    """Words stand for tokens."""
    asked = sum(len(words_of(message).split()) for message in request.body["messages"])
    replied = len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": replied, "total_tokens": asked + replied}
