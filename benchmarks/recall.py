"""Measures recall on conversations in LoCoMo's format, of which every turn is kept as it was said.

    python -m benchmarks.recall --data FILE [--data FILE …] [--conversations 2] [--vectors FILE]
    python -m benchmarks.recall --data FILE --embed-url http://127.0.0.1:8090/v1 --embed-model all-MiniLM-L6-v2

Each conversation is a user of its own in a real database under row-level security; turns are kept as episodes, as those
of the chat are, and questions are asked with `Memory.search`. r@k is the share of a question's evidence turns among the
first k results, and r@2000t among those that fit into 2,000 tokens, averaged over the questions of categories 1 to 4;
evidence that does not exist counts as missed. Every question is also asked in the other
conversations, with the same settings, where nothing should be found. The conversations named by `--tuned` and the kinds
of questions are reported separately. `--vectors` keeps the vectors for the next run. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy

from memory import Memory
from memory.database import Database
from memory.embed import BUNDLED, DEFAULT_BUNDLED, Embedder, RemoteEmbedder
from memory.embedded.embedder import bundled
from memory.embedded.postgres import Postgres
from memory.facts import Said
from memory.learn.episodes import to_embed
from memory.migrations import migrate
from memory.model.client import Embeddings
from memory.plain_text import tokens

KS = (5, 10, 20)
BUDGET = 2_000  # tokens, as a reply's
MANY = 100  # more results than fit into the budget
TUNED = "conv-26,conv-30,conv-41"


@dataclass(frozen=True)
class BenchmarkQuestion:
    """A question and the turns that should be found."""

    text: str
    category: int
    evidence: frozenset[str]
    kind: str
    answer: str = ""


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
    kind: str
    recall: tuple[float, ...]
    within_budget: float
    results: int
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
    parser.add_argument("--bundled", choices=BUNDLED, default=DEFAULT_BUNDLED)
    parser.add_argument("--recipe", default="everything")
    parser.add_argument("--vectors", type=Path, help="read known vectors from this file, and write new ones to it")
    options = parser.parse_args()
    conversations = [each for path in options.data for each in read(path)[: options.conversations]]
    embedder = CachedEmbedder(chosen_embedder(options), options.vectors)
    embed_first(embedder, conversations)
    embedder.save()
    with stored_memory(embedder) as (memory, database):
        for each in conversations:
            add_turns(memory, database, each)
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
        BenchmarkQuestion(
            each["question"],
            each["category"],
            frozenset(each["evidence"]),
            str(each.get("kind", each["category"])),
            str(each.get("answer", "")),
        )
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

    def __init__(self, embedder: Embedder, file: Path | None = None) -> None:
        self._embedder = embedder
        self._file = file
        self._vectors: dict[str, list[float]] = {}
        self.name, self.dimensions = embedder.name, embedder.dimensions
        if file and file.exists():
            kept = numpy.load(file)
            self._vectors = dict(zip(kept["texts"].tolist(), kept["vectors"].tolist(), strict=True))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors, and embed only new texts."""
        new = [each for each in dict.fromkeys(texts) if _key(each) not in self._vectors]
        self._vectors |= dict(zip(map(_key, new), self._embedder.embed(new) if new else [], strict=True))
        return [self._vectors[_key(each)] for each in texts]

    def save(self) -> None:
        """Write the vectors to the file, if there is one."""
        if self._file:
            vectors = numpy.array(list(self._vectors.values()), dtype="float32")
            numpy.savez(self._file, texts=list(self._vectors), vectors=vectors)


def embed_first(embedder: CachedEmbedder, conversations: Sequence[BenchmarkChat]) -> None:
    """Make all embeddings, because the speed of the embedding model is not measured here."""
    messages = [turn["message"] for each in conversations for turn in each.turns]
    embedder.embed(to_embed([Said(each["role"], each["content"], name=each["name"]) for each in messages]))
    embedder.embed([question.text for each in conversations for question in each.questions])


def _key(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def chosen_embedder(options: argparse.Namespace) -> Embedder:
    """Return the embedder that the options name: at an address, or a bundled one."""
    if options.embed_url:
        return RemoteEmbedder(Embeddings(options.embed_model, "none", options.embed_url))
    return bundled(options.bundled)


@contextmanager
def stored_memory(embedder: Embedder) -> Iterator[tuple[Memory, Database]]:
    """Open a memory on a database of its own, which is deleted afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder), options={"fsync": "off"}) as server,
    ):
        database = Database(server.app_url, server.admin_url)
        migrate(database, embedder.dimensions, embedder.name)
        yield Memory(database, embedder, None), database
        database.close()


def add_turns(memory: Memory, database: Database, conversation: BenchmarkChat) -> None:
    """Keep every turn of a conversation as an episode of a user of its own."""
    with database.as_user(conversation.name) as connection:
        for number, turn in enumerate(conversation.turns):
            message = turn["message"]
            said = Said(message["role"], message["content"], turn["at"], f"m{number}", name=message["name"])
            plan = memory.turns.plan([said], user_id=conversation.name, learn=False)
            memory.turns.write(connection, plan, metadata={"dia_id": turn["dia_id"]})


def _ask(
    memory: Memory, question: BenchmarkQuestion, own: BenchmarkChat, all_of_them: Sequence[BenchmarkChat], recipe: str
) -> QuestionResult:
    """Ask in the conversation itself, and in the others."""
    found = memory.search(question.text, user_id=own.name, limit=MANY, recipe=recipe)["results"]
    ids = [each["metadata"]["dia_id"] for each in found]
    costs = list(accumulate(tokens(each["memory"]) for each in found))
    fitting = {dia_id for dia_id, cost in zip(ids, costs, strict=True) if cost <= BUDGET}

    def share(of: Collection[str]) -> float:
        return len(question.evidence & set(of)) / len(question.evidence)

    others = [other.name for other in all_of_them if other.name != own.name]
    abstained = tuple(not memory.search(question.text, user_id=each, recipe=recipe)["results"] for each in others)
    recall = tuple(share(ids[:k]) for k in KS)
    return QuestionResult(
        own.name, question.kind, recall, share(fitting), len(fitting), max(costs, default=0), abstained
    )


def _report(results: Sequence[QuestionResult], tuned: set[str], embedder: str) -> None:
    names = list(dict.fromkeys(each.conversation for each in results))
    groups = [(name, {name}) for name in names] + [
        ("tuned on", set(names) & tuned),
        ("held out", set(names) - tuned),
    ]
    told = [(title, [each for each in results if each.conversation in group]) for title, group in groups]
    told += [(kind, [each for each in results if each.kind == kind]) for kind in sorted({r.kind for r in results})]
    for title, chosen in [*told, ("all", list(results))]:
        if chosen:
            print(f"{title:>24} {len(chosen):4} questions  {_figures(chosen)}")
    print(json.dumps({"embedder": embedder, "questions": len(results), **_figures(results)}))


def _figures(results: Sequence[QuestionResult]) -> dict[str, float]:
    figures = {f"r@{k}": _mean([each.recall[i] for each in results]) for i, k in enumerate(KS)}
    figures[f"r@{BUDGET}t"] = _mean([each.within_budget for each in results])
    figures["abstained"] = _mean([float(nothing) for each in results for nothing in each.abstained])
    figures["nothing_found"] = _mean([float(each.tokens == 0) for each in results])
    averages = {
        "results": _mean([each.results for each in results]),
        "tokens": _mean([each.tokens for each in results]),
    }
    return figures | {name: round(average) for name, average in averages.items()}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


if __name__ == "__main__":
    main()
