"""How much of what a question needs is found: conversations in LoCoMo's format, every turn added as it was said.

    python -m benchmarks.recall --data FILE [--data FILE …] [--conversations 2]
    python -m benchmarks.recall --data FILE --embed-url http://127.0.0.1:8090/v1 --embed-model all-MiniLM-L6-v2

Each conversation is a user of its own in a real database under row-level security; turns go in through
`Memory.add`, questions through `Memory.search`. R@k is the share of a question's evidence turns among the first
k results, averaged over the questions of the categories 1 to 4; evidence that does not exist counts as missed.
Every question is also put to the other conversations, with the same settings: there, nothing should come back.
The conversations named by `--tuned` are reported apart from the others. The last line is one JSON object.
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
from memory.model import Embeddings
from memory.plain_text import tokens

KS = (5, 10, 20)
TUNED = "conv-26,conv-30,conv-41"


@dataclass(frozen=True)
class Asked:
    """One question with what should be found."""

    text: str
    category: int
    evidence: frozenset[str]


@dataclass(frozen=True)
class Talk:
    """One conversation: its turns as messages, and the questions about it."""

    name: str
    turns: tuple[dict[str, Any], ...]
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class Outcome:
    """What one question brought in its own conversation, and in the others."""

    talk: str
    recall: tuple[float, ...]
    tokens: int
    abstained: tuple[bool, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--conversations", type=int, default=None, help="only the first so many of each file")
    parser.add_argument("--tuned", default=TUNED)
    parser.add_argument("--embed-url")
    parser.add_argument("--embed-model", default="all-MiniLM-L6-v2")
    parser.add_argument("--recipe", default="everything")
    asked = parser.parse_args()
    talks = [talk for path in asked.data for talk in read(path)[: asked.conversations]]
    embedder = _embedder(asked.embed_url, asked.embed_model)
    # In one go: how fast a model embeds is not what is measured here.
    told = [turn["message"] for talk in talks for turn in talk.turns]
    embedder.embed([spoken(each["content"], each["name"]) for each in told])
    embedder.embed([each.text for talk in talks for each in talk.asked])
    with _memory(embedder) as memory:
        for talk in talks:
            _remember(memory, talk)
            print(f"{talk.name}: {len(talk.turns)} turns, {len(talk.asked)} questions", flush=True)
        outcomes = [_put(memory, each, talk, talks, asked.recipe) for talk in talks for each in talk.asked]
    _report(outcomes, set(asked.tuned.split(",")), embedder.name)


def read(path: Path) -> list[Talk]:
    """The conversations of a file in LoCoMo's format."""
    return [_talk(each) for each in json.loads(path.read_text())]


def _talk(given: dict[str, Any]) -> Talk:
    told = given["conversation"]
    numbers = sorted(int(found[1]) for key in told if (found := re.fullmatch(r"session_(\d+)", key)))
    turns = tuple(
        _turn(turn, _moment(told[f"session_{number}_date_time"]))
        for number in numbers
        for turn in told[f"session_{number}"]
    )
    asked = tuple(
        Asked(each["question"], each["category"], frozenset(each["evidence"]))
        for each in given["qa"]
        if each["category"] in (1, 2, 3, 4) and each["evidence"]
    )
    return Talk(given["sample_id"], turns, asked)


def _turn(turn: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A turn as it is added: what was said, by whom; of a picture that was shown, what it shows."""
    shown = f" [picture: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    role = "assistant" if turn["speaker"] == "Assistant" else "user"
    message = {"role": role, "name": turn["speaker"], "content": turn["text"] + shown}
    return {"message": message, "at": at, "dia_id": turn["dia_id"]}


def _moment(written: str) -> datetime:
    """'1:56 pm on 8 May, 2023'."""
    return datetime.strptime(written.replace(",", ""), "%I:%M %p on %d %B %Y").replace(tzinfo=UTC)


class Known:
    """An embedder that embeds each text once: every question is put to every conversation."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, list[float]] = {}
        self.name, self.dimensions = embedder.name, embedder.dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors, of which only the unknown are made."""
        new = [each for each in dict.fromkeys(texts) if each not in self._vectors]
        self._vectors |= dict(zip(new, self._embedder.embed(new) if new else [], strict=True))
        return [self._vectors[each] for each in texts]


def _embedder(url: str | None, model: str) -> Embedder:
    return Known(RemoteEmbedder(Embeddings(model, "none", url)) if url else BundledEmbedder())


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


def _remember(memory: Memory, talk: Talk) -> None:
    for turn in talk.turns:
        memory.add(turn["message"], user_id=talk.name, infer=False, at=turn["at"], metadata={"dia_id": turn["dia_id"]})


def _put(memory: Memory, asked: Asked, talk: Talk, talks: Sequence[Talk], recipe: str) -> Outcome:
    """Ask in the conversation itself, and in the others."""
    found = memory.search(asked.text, user_id=talk.name, limit=max(KS), recipe=recipe)["results"]
    ids = [each["metadata"]["dia_id"] for each in found]
    recall = tuple(len(asked.evidence & set(ids[:k])) / len(asked.evidence) for k in KS)
    others = [other.name for other in talks if other.name != talk.name]
    nothing = tuple(not memory.search(asked.text, user_id=each, recipe=recipe)["results"] for each in others)
    return Outcome(talk.name, recall, sum(tokens(each["memory"]) for each in found[:10]), nothing)


def _report(outcomes: Sequence[Outcome], tuned: set[str], embedder: str) -> None:
    names = list(dict.fromkeys(each.talk for each in outcomes))
    groups = [(name, {name}) for name in names] + [
        ("tuned on", set(names) & tuned),
        ("held out", set(names) - tuned),
        ("all", set(names)),
    ]
    for title, group in groups:
        chosen = [each for each in outcomes if each.talk in group]
        if chosen:
            print(f"{title:>12} {len(chosen):4} questions  {_figures(chosen)}")
    print(json.dumps({"embedder": embedder, "questions": len(outcomes), **_figures(outcomes)}))


def _figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    figures = {f"r@{k}": _mean([each.recall[i] for each in outcomes]) for i, k in enumerate(KS)}
    figures["abstained"] = _mean([float(nothing) for each in outcomes for nothing in each.abstained])
    figures["nothing_found"] = _mean([float(each.tokens == 0) for each in outcomes])
    return figures | {"tokens": round(_mean([each.tokens for each in outcomes]))}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


if __name__ == "__main__":
    main()
