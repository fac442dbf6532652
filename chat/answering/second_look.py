"""A second look: the model that replies may search the memories again with other words, at most twice for one reply.

    look = SecondLook(lookup, zone, receipt, memories, left=2)
    for piece in LookingReply(model, prompt, look, usage).pieces(): ...

The model is offered one tool. Whose memories it searches is settled by the lookup, never by the tool's arguments, and
what it finds went through the same recall as everything else. Whatever goes wrong with the tool (a server that knows
none, arguments that cannot be read, calls without end), the reply is still written: at last without the tool, with what
was found in the prompt. This module writes no reply itself and saves nothing.
"""

from __future__ import annotations

import calendar
import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chat import prompt
from chat.answering import Lookup, for_receipt
from memory import Fact
from memory.errors import BadAnswer, ContentRefused, InvalidInput, ModelError, ToolsRefused
from memory.model import Model, PromptMessage, RelayedMessage, Usage
from memory.model.catalog import ModelCatalog
from memory.model.pieces import WholeMessage, deltas
from memory.model.serving import NOT_WANTED, still_wanted
from memory.plain_text import storable

__all__ = ["MOST_LOOKS", "TOOL", "LookingReply", "SecondLook"]

log = logging.getLogger("keepsake.replies")
MOST_LOOKS = 2
MOST_CALLS = 8  # of one message; the model is not told what became of more
LONGEST_QUERY, LONGEST_PERSON = 600, 100
TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": prompt.SEARCH,
        "description": "Searches once more, with other words, what this person told in earlier chats. Use it only if "
        "what stands between the <memories> marks is not enough to answer what they ask about themselves, their "
        "people, plans or past; typically to follow a name, a place or a thing that a memory mentions. Do not use it "
        "for general knowledge, for what was said in this chat, or to repeat a search.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "What to look for, in plain words with the names it is about, such as 'where Tom, "
                    "Ana's brother, works'; in the language in which the person writes.",
                },
                "person": {"type": "string", "description": "The name of somebody it is about, if it is about one."},
                "from": {
                    "type": "string",
                    "description": "Only what was told, or happened, from this day on: 2026-03-01.",
                },
                "to": {"type": "string", "description": "Only what was told, or happened, up to this day: 2026-03-31."},
            },
            "required": ["query"],
        },
    },
}
OFFER: Mapping[str, Any] = {"tools": [TOOL]}
NOTHING = "Nothing else is remembered that fits. Answer with what you know, or say that you do not know."
NO_SUCH_TOOL = f"There is no such tool. There is {prompt.SEARCH}."
UNREADABLE = 'These arguments cannot be read. They are one JSON object, such as {"query": "where Tom works"}.'
NO_MORE = "No more searches are possible. Answer with what you know."
FAILED = "The search did not work. Answer with what you know."

Prompt = Callable[[Sequence[Fact], bool], Sequence[PromptMessage]]


# -- the searches ----------------------------------------------------------------------------------


class LookArguments(BaseModel):
    """What to look for; what else a model sends, such as a user, is not read."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1)
    person: str = ""
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")

    @field_validator("query", "person", mode="before")
    @classmethod
    def _as_words(cls, value: object) -> object:
        return storable(" ".join(value.split())) if isinstance(value, str) else "" if value is None else value

    @field_validator("first", mode="before")
    @classmethod
    def _as_first_day(cls, value: object) -> object:
        return _day(value, last=False)

    @field_validator("last", mode="before")
    @classmethod
    def _as_last_day(cls, value: object) -> object:
        return _day(value, last=True)


def _day(value: object, *, last: bool) -> object:
    """Return a day; of a month or a year its first or last one, nothing of an empty text."""
    if not isinstance(value, str):
        return value
    parts = [int(part) for part in value.strip()[:10].split("-") if part.isascii() and part.isdecimal()]
    match parts:
        case []:
            return None if not value.strip() else value
        case [year]:
            return date(year, 12, 31) if last else date(year, 1, 1)
        case [year, month]:
            return date(year, month, calendar.monthrange(year, month)[1] if last else 1)
        case _:
            return value.strip()[:10]


@dataclass
class SecondLook:
    """The searches that a model may still make for one reply, and what they found."""

    lookup: Lookup
    zone: tzinfo
    receipt: dict[str, Any]
    given: Sequence[Fact] = ()  # what the model was shown before it searched
    left: int = MOST_LOOKS
    found: list[Fact] = field(default_factory=list)

    def answer(self, name: str, arguments: str) -> str:
        """Answer a call of the tool; every call counts, so that they come to an end."""
        if self.left <= 0:
            return NO_MORE
        self.left -= 1
        if name != prompt.SEARCH:
            return NO_SUCH_TOOL
        try:
            asked = LookArguments.model_validate(json.loads(arguments))
        except (ValueError, OverflowError, RecursionError):  # a `ValidationError` is a `ValueError`
            return UNREADABLE
        return self._search(asked)

    def _search(self, asked: LookArguments) -> str:
        query, person = asked.query[:LONGEST_QUERY], asked.person[:LONGEST_PERSON]
        told = {"query": query, "person": person, "from": asked.first, "to": asked.last}
        entry = {key: str(value) for key, value in told.items() if value}
        days = (asked.first, asked.last)
        try:
            fresh = self.lookup.again(query, person, days, self.zone, [*self.given, *self.found])
        except InvalidInput as error:
            return str(error)
        except ModelError as error:
            log.warning("a second look did not work: %s", error.for_deployer())
            self._note(entry | {"problem": str(error)})
            return FAILED
        self._note(entry | {"found": len(fresh)}, fresh)
        self.found += fresh
        return prompt.found(fresh, self.zone) if fresh else NOTHING

    def _note(self, entry: Mapping[str, Any], fresh: Sequence[Fact] = ()) -> None:
        """Note a search in the receipt; lists are made anew, because another thread may be saving it."""
        self.receipt["memories"] = [*self.receipt.get("memories", ()), *map(for_receipt, fresh)]
        self.receipt["looked_again"] = [*self.receipt.get("looked_again", ()), entry]


# -- the reply -------------------------------------------------------------------------------------


class LookingReply:
    """A reply of a model that may search meanwhile, in pieces of the protocol, as if it were written in one go.

    `prompt` makes the messages from what was found, and from whether the tool is offered.
    """

    def __init__(
        self,
        model: Model,
        prompt: Prompt,
        look: SecondLook,
        usage: Usage,
        options: Mapping[str, Any] | None = None,
        catalog: ModelCatalog | None = None,
    ) -> None:
        self._model, self._prompt, self._look, self._usage = model, prompt, look, usage
        self._options, self._catalog = dict(options or {}), catalog
        self._before = tuple(look.found)
        self._rounds: list[PromptMessage] = []  # the calls so far, and what they were answered
        self._said = ""
        self._id: object = None  # of the first piece, which all pieces get
        self._ending: list[dict[str, Any]] = []

    def pieces(self) -> Iterator[dict[str, Any]]:
        """Yield the pieces without the calls of the tool; raise a `ModelError` if the reply breaks off."""
        refused = False
        while self._look.left > 0:
            message = WholeMessage()
            try:
                yield from self._ask([*self._prompt(self._before, True), *self._rounds], message, OFFER)
            except ModelError as error:
                if not _only_the_tool_failed(error, message):
                    raise
                refused = not self._rounds and not message.calls and _is_for_good(error)
                break
            if not message.calls:
                if message.words:
                    yield from self._endings()
                    return
                break
            self._search(message)
        if self._look.left <= 0 and self._rounds and (yield from self._without_offer()):
            return
        yield from self._plainly(tools_were_refused=refused)

    def _without_offer(self) -> Generator[dict[str, Any], None, bool]:
        """Yield the reply after the last search, and return whether there was one."""
        message = WholeMessage()
        try:
            yield from self._ask([*self._prompt(self._before, False), *self._rounds], message)
        except ModelError as error:  # some servers take answers of tools only if tools are offered
            if not _only_the_tool_failed(error, message):
                raise
            return False
        if message.words:
            yield from self._endings()
        return bool(message.words)

    def _plainly(self, *, tools_were_refused: bool) -> Iterator[dict[str, Any]]:
        """Yield the reply to a prompt in which everything that was found stands, as if there had been no tool."""
        for piece in self._ask(self._prompt(self._look.found, False), WholeMessage()):
            if tools_were_refused and self._catalog is not None:
                self._catalog.note_tools_refused(self._model.name)
                log.info("%s knows no tools: it is offered none from now on", self._model.name)
                tools_were_refused = False
            yield piece
        yield from self._endings()

    def _search(self, message: WholeMessage) -> None:
        """Answer the calls of a message."""
        calls = message.calls[:MOST_CALLS]
        for number, call in enumerate(calls):
            call["id"] = call["id"] or f"call_{len(self._rounds)}_{number}"
        answers = [self._look.answer(each["function"]["name"], each["function"]["arguments"]) for each in calls]
        for call in calls:  # servers that read the arguments fail at what is no object
            call["function"]["arguments"] = _object(call["function"]["arguments"])
        forms: list[dict[str, Any]] = [
            {"role": "assistant", "content": message.form["content"], "tool_calls": calls},
            *(
                {"role": "tool", "tool_call_id": call["id"], "content": answer}
                for call, answer in zip(calls, answers, strict=True)
            ),
        ]
        self._rounds += [RelayedMessage(each["role"], json.dumps(each), form=each) for each in forms]

    def _ask(
        self, messages: Sequence[PromptMessage], message: WholeMessage, offer: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield what is to be shown of one answer of the model; keep what ends it, and its calls in the message."""
        gap = _gap(self._said)
        self._ending, before, call = [], replace(self._usage), Usage()
        for piece in self._model.relay(messages, {**self._options, **(offer or {})}, call):
            _add_up(self._usage, before, call)
            if not still_wanted():
                raise ModelError(NOT_WANTED)
            for each in deltas(piece):
                message.add(each)
            self._id = self._id or piece.get("id")
            piece = piece | {"id": self._id}
            if _ends(piece):
                self._ending.append(piece)
            if shown := _shown(piece, gap, first=not self._rounds):
                if any(each.get("content") for each in deltas(shown)):
                    gap = ""
                yield shown
        self._said += message.words

    def _endings(self) -> Iterator[dict[str, Any]]:
        """Yield what ends the reply, with the tokens of all its calls."""
        read, written = self._usage.prompt_tokens, self._usage.reply_tokens
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        for piece in self._ending:
            ended = [{**each, "delta": {}} for each in piece.get("choices") or []]
            yield piece | {"choices": ended} | ({"usage": usage} if piece.get("usage") else {})


def _is_for_good(error: ModelError) -> bool:
    """Return whether the next request with a tool would be refused as well."""
    return error.for_good if isinstance(error, ToolsRefused) else isinstance(error, ContentRefused)


def _only_the_tool_failed(error: ModelError, message: WholeMessage) -> bool:
    """Return whether the reply may be written without the tool: nothing is said, and it may be what went wrong."""
    return not message.words and (isinstance(error, ContentRefused | BadAnswer) or bool(message.calls))


def _shown(piece: Mapping[str, Any], gap: str, *, first: bool) -> dict[str, Any] | None:
    """Return a piece without calls and without what ends the reply; None if nothing is left of it.

    `gap` stands before the first words after a search. Only the first answer says who speaks.
    """
    choices = []
    for choice in piece.get("choices") or []:
        delta = {name: value for name, value in (choice.get("delta") or {}).items() if name != "tool_calls"}
        if not first:
            delta.pop("role", None)
        if gap and delta.get("content"):
            delta["content"] = gap + delta["content"]
        choices.append({**choice, "delta": delta, "finish_reason": None})
    told = any(value for each in choices for value in each["delta"].values())
    return {**piece, "choices": choices} | ({"usage": None} if piece.get("usage") else {}) if told else None


def _ends(piece: Mapping[str, Any]) -> bool:
    choices = piece.get("choices") or []
    return any(each.get("finish_reason") for each in choices) or bool(piece.get("usage") and not choices)


def _gap(said: str) -> str:
    """Return what stands between words before a search and words after it."""
    return "\n\n" if said.strip() and not said.endswith("\n") else ""


def _object(arguments: str) -> str:
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def _add_up(usage: Usage, before: Usage, call: Usage) -> None:
    usage.model = call.model or usage.model
    usage.prompt_tokens = before.prompt_tokens + call.prompt_tokens
    usage.reply_tokens = before.reply_tokens + call.reply_tokens
