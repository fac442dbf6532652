"""Measures what a turn needs before the first token of its reply: time, embeddings, trips to the database, model calls.

    python -m benchmarks.turn [--turns 200] [--memories 300]

The message is already saved, as in the app. Measured is the time from asking for the reply until the model is called,
which a scripted model records. The database is reached through a proxy that counts trips; the bundled embedder runs in
the process. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from sqlalchemy import make_url

from benchmarks.parts import crowd
from chat.conversations import Conversations
from chat.reply import answer
from chat.turn import ChatServices
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.migrations import migrate
from memory.model import PromptMessage, Usage
from memory.model.client import OpenAIModel
from tests.wires import TripCounter, counting

USER = "turner"


class TimedModel(OpenAIModel):
    """A model that records when it is called, and replies with one word."""

    asked_at: ClassVar[list[float]] = []

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Record the time of the call."""
        self.asked_at.append(time.perf_counter())
        yield "Yes."


class CountingEmbedder(BundledEmbedder):
    """The bundled embedder, which counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Count the call, and embed."""
        self.calls += 1
        return super().embed(texts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--memories", type=int, default=300)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder)) as server,
        _counted(Database(server.app_url, server.admin_url)) as (database, wire),
    ):
        figures = _measure(database, wire, options.turns, options.memories)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


@contextmanager
def _counted(near: Database) -> Iterator[tuple[Database, TripCounter]]:
    embedder = BundledEmbedder()
    migrate(near, embedder.dimensions, embedder.name)
    url = make_url(near.url)
    with counting(Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}") as wire:
        proxied = url.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        database = Database(proxied)
        yield database, wire
        database.close()
        near.close()


def _measure(database: Database, wire: TripCounter, turns: int, memories: int) -> dict[str, float]:
    embedder, model = CountingEmbedder(), TimedModel("scripted", "none", "http://127.0.0.1:9/v1")
    memory, conversations = Memory(database, embedder, None), Conversations(database)
    memory.add(
        [{"role": "user", "content": f"{crowd.question(n)} {n}"} for n in range(memories)], user_id=USER, infer=False
    )
    chat = ChatServices(conversations, memory, model, lambda: None)
    times: list[float] = []
    work: list[tuple[int, int, int]] = []
    chat_id = None
    for turn in range(-10, turns):
        said = conversations.say(USER, chat_id, crowd.question(turn))
        trips, embeddings, calls = wire.round_trips, embedder.calls, len(model.asked_at)
        began = time.perf_counter()
        reply = answer(chat, said)  # as in the app, where the reply begins as soon as the message is saved
        next(reply)
        times.append(1_000 * (model.asked_at[-1] - began))
        work.append((wire.round_trips - trips, embedder.calls - embeddings, len(model.asked_at) - calls - 1))
        list(reply)
        chat_id = said.conversation_id if turn % 5 else None
    times, work = times[10:], work[10:]
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    trips_each, embeddings_each, calls_each = (max(column) for column in zip(*work, strict=True))
    return {
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "model_calls": calls_each,
        "trips": trips_each,
        "embeddings": embeddings_each,
        "memories": memories,
    }


if __name__ == "__main__":
    main()
