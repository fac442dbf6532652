"""Measures recall on conversations in LoCoMo's format, of which every turn is kept as it was said.

    python -m benchmarks.recall --data FILE [--data FILE …] [--conversations 2]
    python -m benchmarks.recall --data FILE --embed-url http://127.0.0.1:8090/v1 --embed-model all-MiniLM-L6-v2

Each conversation is a user of its own in a real database under row-level security; turns are added with `Memory.add`,
and questions are asked with `Memory.search`. R@k is the share of a question's evidence turns among the first k results,
averaged over the questions of categories 1 to 4; evidence that does not exist counts as missed. Every question is also
asked in the other conversations, with the same settings, where nothing should be found. The conversations named by
`--tuned` are reported separately. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memory import Memory
from memory.database import Database
from memory.embed import Embedder, RemoteEmbedder
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.facts import spoken
from memory.migrations import migrate
from memory.model.client import Embeddings
from memory.plain_text import tokens

KS = (5, 10, 20)
TUNED = "conv-26,conv-30,conv-41"


@dataclass(frozen=True)
class BenchmarkQuestion:
    """A question and the turns that should be found."""

    text: str
    category: int
    evidence: frozenset[str]


@dataclass(frozen=True)
class BenchmarkChat:
    """A conversation: its turns as messages, and the questions about it."""

    name: str
    turns: tuple[dict[str, Any], ...]
    questions: tuple[BenchmarkQuestion, ...]


@dataclass(frozen=True)
class QuestionResult:
    """The results of one question in its own conversation, and in the others."""

    conversation: str
    recall: tuple[float, ...]
    tokens: int
    abstained: tuple[bool, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--conversations", type=int, default=None, help="use only so many of each file")
    parser.add_argument("--tuned", default=TUNED)
    parser.add_argument("--embed-url")
    parser.add_argument("--embed-model", default="all-MiniLM-L6-v2")
    parser.add_argument("--recipe", default="everything")
    options = parser.parse_args()
    conversations = [each for path in options.data for each in read(path)[: options.conversations]]
    embedder = _embedder(options.embed_url, options.embed_model)
    # All embeddings are made first, because the speed of the embedding model is not measured here.
    messages = [turn["message"] for each in conversations for turn in each.turns]
    embedder.embed([spoken(each["content"], each["name"]) for each in messages])
    embedder.embed([question.text for each in conversations for question in each.questions])
    with _memory(embedder) as memory:
        for each in conversations:
            _add(memory, each)
            print(f"{each.name}: {len(each.turns)} turns, {len(each.questions)} questions", flush=True)
        results = [
            _ask(memory, question, each, conversations, options.recipe)
            for each in conversations
            for question in each.questions
        ]
    _report(results, set(options.tuned.split(",")), embedder.name)


def read(path: Path) -> list[BenchmarkChat]:
    """Read the conversations of a file in LoCoMo's format."""
    return [_conversation(each) for each in json.loads(path.read_text())]


def _conversation(sample: dict[str, Any]) -> BenchmarkChat:
    sessions = sample["conversation"]
    numbers = sorted(int(match[1]) for key in sessions if (match := re.fullmatch(r"session_(\d+)", key)))
    turns = tuple(
        _turn(turn, _moment(sessions[f"session_{number}_date_time"]))
        for number in numbers
        for turn in sessions[f"session_{number}"]
    )
    questions = tuple(
        BenchmarkQuestion(each["question"], each["category"], frozenset(each["evidence"]))
        for each in sample["qa"]
        if each["category"] in (1, 2, 3, 4) and each["evidence"]
    )
    return BenchmarkChat(sample["sample_id"], turns, questions)


def _turn(turn: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return a turn as it is added: the speaker and the words, with the caption of a picture that was shown."""
    shown = f" [picture: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    role = "assistant" if turn["speaker"] == "Assistant" else "user"
    message = {"role": role, "name": turn["speaker"], "content": turn["text"] + shown}
    return {"message": message, "at": at, "dia_id": turn["dia_id"]}


def _moment(written: str) -> datetime:
    """Read a time such as '1:56 pm on 8 May, 2023'."""
    return datetime.strptime(written.replace(",", ""), "%I:%M %p on %d %B %Y").replace(tzinfo=UTC)


class CachedEmbedder:
    """An embedder that embeds each text once: every question is put to every conversation."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, list[float]] = {}
        self.name, self.dimensions = embedder.name, embedder.dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors, and embed only new texts."""
        new = [each for each in dict.fromkeys(texts) if each not in self._vectors]
        self._vectors |= dict(zip(new, self._embedder.embed(new) if new else [], strict=True))
        return [self._vectors[each] for each in texts]


def _embedder(url: str | None, model: str) -> Embedder:
    return CachedEmbedder(RemoteEmbedder(Embeddings(model, "none", url)) if url else BundledEmbedder())


@contextmanager
def _memory(embedder: Embedder) -> Iterator[Memory]:
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder), options={"fsync": "off"}) as server,
    ):
        database = Database(server.app_url, server.admin_url)
        migrate(database, embedder.dimensions, embedder.name)
        yield Memory(database, embedder, None)
        database.close()


def _add(memory: Memory, conversation: BenchmarkChat) -> None:
    for turn in conversation.turns:
        extra = {"dia_id": turn["dia_id"]}
        memory.add(turn["message"], user_id=conversation.name, infer=False, at=turn["at"], metadata=extra)


def _ask(
    memory: Memory, question: BenchmarkQuestion, own: BenchmarkChat, all_of_them: Sequence[BenchmarkChat], recipe: str
) -> QuestionResult:
    """Ask in the conversation itself, and in the others."""
    found = memory.search(question.text, user_id=own.name, limit=max(KS), recipe=recipe)["results"]
    ids = [each["metadata"]["dia_id"] for each in found]
    recall = tuple(len(question.evidence & set(ids[:k])) / len(question.evidence) for k in KS)
    others = [other.name for other in all_of_them if other.name != own.name]
    abstained = tuple(not memory.search(question.text, user_id=each, recipe=recipe)["results"] for each in others)
    return QuestionResult(own.name, recall, sum(tokens(each["memory"]) for each in found[:10]), abstained)


def _report(results: Sequence[QuestionResult], tuned: set[str], embedder: str) -> None:
    names = list(dict.fromkeys(each.conversation for each in results))
    groups = [(name, {name}) for name in names] + [
        ("tuned on", set(names) & tuned),
        ("held out", set(names) - tuned),
        ("all", set(names)),
    ]
    for title, group in groups:
        chosen = [each for each in results if each.conversation in group]
        if chosen:
            print(f"{title:>12} {len(chosen):4} questions  {_figures(chosen)}")
    print(json.dumps({"embedder": embedder, "questions": len(results), **_figures(results)}))


def _figures(results: Sequence[QuestionResult]) -> dict[str, float]:
    figures = {f"r@{k}": _mean([each.recall[i] for each in results]) for i, k in enumerate(KS)}
    figures["abstained"] = _mean([float(nothing) for each in results for nothing in each.abstained])
    figures["nothing_found"] = _mean([float(each.tokens == 0) for each in results])
    return figures | {"tokens": round(_mean([each.tokens for each in results]))}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


if __name__ == "__main__":
    main()
