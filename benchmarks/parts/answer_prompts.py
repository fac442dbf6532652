"""Makes the prompts of benchmarks/answers.py: as a reply to each question would be told, and with plain vectors.

Each conversation is stored for a user of its own, as the chat stores it. A question is said in a new chat and answered
through chat/reply.py with a model that only records what it is sent. With plain vectors, the same prompt holds the
messages whose vectors are nearest to the question's, whole but for the last one, as many as fit into the tokens that
recall took.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import numpy

from benchmarks.recall import (
    BUDGET,
    BenchmarkChat,
    BenchmarkQuestion,
    CachedEmbedder,
    add_turns,
    embed_first,
    stored_memory,
)
from chat.conversations import Conversations
from chat.prompt import PromptParts, build
from chat.reply import answer
from chat.tree import Message
from chat.turn import ChatServices
from memory.facts import Fact, spoken
from memory.model import PromptMessage, Schema, Usage
from memory.plain_text import tokens

__all__ = ["RECALL", "VECTORS", "AnswerPrompt", "ToolCall", "chosen", "prompts"]

RECALL, VECTORS = "recall", "vectors"
_MEMORIES = re.compile(r"<memories>\n(.*)\n</memories>", re.DOTALL)
_NONE = "(nothing yet)"


@dataclass(frozen=True)
class AnswerPrompt:
    """One exact prompt, and what is needed to score the answer to it."""

    id: str
    way: str  # by recall, or with plain vectors
    conversation: str
    kind: str
    question: str
    expected: str
    memory_tokens: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = field(default_factory=list)  # that the model is offered with it


@dataclass
class RecordingModel:
    """A model that keeps the last prompt it is sent, and replies with one word, after the calls of tools in `calls`."""

    name: str = "recording"
    sent: list[PromptMessage] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Keep the prompt."""
        self.sent = list(messages)
        yield "Yes."

    def relay(
        self, messages: Sequence[PromptMessage], options: Mapping[str, Any], usage: Usage | None = None
    ) -> Iterator[dict[str, Any]]:
        """Keep the prompt; make the calls, all in one message."""
        self.sent, self.tools = list(messages), list(options.get("tools", []))
        made, self.calls = self.calls, []
        calls = [{"index": place, "id": f"call_{place}", "function": dict(each)} for place, each in enumerate(made)]
        delta = {"tool_calls": calls} if calls else {"content": "Yes."}
        yield {"choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls" if calls else "stop"}]}

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Refuse: nothing here asks for a form."""
        raise NotImplementedError

    def listed(self) -> dict[str, bool | None]:
        """Offer only itself."""
        return {self.name: None}

    def named(self, name: str) -> RecordingModel:
        """Return itself."""
        return self

    def close(self) -> None:
        """Do nothing: there is no connection."""


ToolCall = Mapping[str, str]  # name, and arguments as JSON


def chosen(conversations: Sequence[BenchmarkChat], wanted: int) -> list[tuple[BenchmarkChat, BenchmarkQuestion]]:
    """Return so many questions, always the same ones, of all kinds in turn and without order within a kind."""
    kinds: dict[str, list[tuple[BenchmarkChat, BenchmarkQuestion]]] = defaultdict(list)
    for each in conversations:
        for question in each.questions:
            if question.answer:
                kinds[question.kind].append((each, question))
    for members in kinds.values():
        members.sort(key=lambda each: sha256(f"{each[0].name} {each[1].text}".encode()).digest())
    turns = max(map(len, kinds.values()), default=0)
    in_turn = [kinds[kind][turn] for turn in range(turns) for kind in sorted(kinds) if turn < len(kinds[kind])]
    return in_turn[:wanted]


def prompts(
    conversations: Sequence[BenchmarkChat],
    wanted: int,
    embedder: CachedEmbedder,
    looks: int = 0,
    calls: Mapping[str, Sequence[ToolCall]] = MappingProxyType({}),
) -> Iterator[tuple[AnswerPrompt, AnswerPrompt]]:
    """Yield both prompts of each chosen question: by recall, and with plain vectors.

    With `looks`, recall's prompt offers the tool for a second look. `calls` are what a model called, by the ids of the
    prompts: each of these prompts then goes on with the calls and what they were answered.
    """
    asked = chosen([_with_speakers(each) for each in conversations], wanted)
    told = {each.name: each for each, _ in asked}
    embed_first(embedder, list(told.values()))
    with stored_memory(embedder) as (memory, database):
        for each in told.values():
            add_turns(memory, database, each)
        model = RecordingModel()
        chat = ChatServices(Conversations(database), memory, model, lambda: None, second_looks=looks)
        for number, (each, question) in enumerate(asked):
            said = chat.conversations.say(each.name, None, question.text)
            model.calls = list(calls.get(f"{number}-{each.name}/{RECALL}", ()))
            list(answer(chat, said))
            recalled = _prompt(f"{number}-{each.name}", RECALL, each, question, model)
            nearest = _nearest(each, question, embedder)
            yield recalled, _with_vectors(recalled, said, nearest)


def _with_speakers(conversation: BenchmarkChat) -> BenchmarkChat:
    """Put the speaker's name before each message between two friends: the prompt knows only "they" and "you"."""
    if any(turn["message"]["role"] == "assistant" for turn in conversation.turns):
        return conversation
    turns = []
    for turn in conversation.turns:
        message = turn["message"]
        named = {**message, "content": spoken(message["content"], message["name"]), "name": None}
        turns.append({**turn, "message": named})
    return replace(conversation, turns=tuple(turns))


def _prompt(
    id_: str, way: str, conversation: BenchmarkChat, question: BenchmarkQuestion, model: RecordingModel
) -> AnswerPrompt:
    return AnswerPrompt(
        id=f"{id_}/{way}",
        way=way,
        conversation=conversation.name,
        kind=question.kind,
        question=question.text,
        expected=question.answer,
        memory_tokens=_memory_tokens(model.sent),
        messages=[each.written() for each in model.sent],
        tools=model.tools,
    )


def _memory_tokens(sent: Sequence[PromptMessage]) -> int:
    """Return the tokens of what the prompt tells, the answers of the tool included."""
    written = [str(each.written()["content"]) for each in sent if each.role in ("system", "tool")]
    told = [found[1] for each in written if (found := _MEMORIES.search(each)) and found[1] != _NONE]
    return sum(map(tokens, told))


def _nearest(conversation: BenchmarkChat, question: BenchmarkQuestion, embedder: CachedEmbedder) -> list[Fact]:
    """Return the messages of a conversation as results, the nearest to the question first."""
    messages = [turn["message"] for turn in conversation.turns]
    vectors = numpy.array(embedder.embed([spoken(each["content"], each["name"]) for each in messages]))
    [asked] = embedder.embed([question.text])
    cosines = vectors @ numpy.array(asked) / numpy.linalg.norm(vectors, axis=1)
    return [
        Fact(
            str(place),
            {
                "data": messages[place]["content"],
                "role": messages[place]["role"],
                "created_at": conversation.turns[place]["at"].isoformat(),
            },
            float(cosines[place]),
            "episodes",
        )
        for place in numpy.argsort(-cosines)
    ]


def _cut(fact: Fact, room: int) -> Fact:
    """Return a message cut to so many tokens, with some left for the words around it."""
    left = max(0, room - 20)
    cost = tokens(fact.text)
    text = fact.text if cost <= left else fact.text[: len(fact.text) * left // cost]
    return replace(fact, metadata={**fact.metadata, "data": text})


def _with_vectors(recalled: AnswerPrompt, said: Message, nearest: Sequence[Fact]) -> AnswerPrompt:
    """Return the prompt with as many of the nearest messages as fit into the tokens of what was recalled.

    Plain vectors always find something: where recall found nothing, they get the tokens of a reply.
    """
    room = recalled.memory_tokens or BUDGET
    now = datetime.now(UTC)
    told: list[Fact] = []
    sent = build(PromptParts([said]), now)
    for fact in nearest:
        fitting = _cut(fact, room - _memory_tokens(sent))
        tried = build(PromptParts([said], [*told, fitting]), now)
        if not fitting.text or _memory_tokens(tried) > room:
            break
        told.append(fitting)
        sent = tried
    return replace(
        recalled,
        id=recalled.id.removesuffix(RECALL) + VECTORS,
        way=VECTORS,
        memory_tokens=_memory_tokens(sent),
        messages=[each.written() for each in sent],
        tools=[],
    )
