"""Measures what an index of vectors outside of Postgres costs and gains: searching and adding, with and without one.

    python -m benchmarks.index [--memories 5000] [--engine faiss]

Both memories have the same database, rows and questions, and take turns, so that whatever else the machine does slows
both; what counts is the ratio. The index is in a folder of this machine: a server elsewhere adds its network.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from zlib import crc32

from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.postgres import Postgres
from memory.index import index_at, outbox
from memory.index.feeder import Feeder
from memory.migrations import migrate
from memory.rows.store import Store

SIZE, USER = 384, "ann"
WORDS = [f"{one}{other}" for one in ("ka", "lo", "mi", "ne", "pu", "ra", "so", "ti") for other in "bdfgklmnprst"]


class Points:
    """An embedder without a model: a text is a random point near one of forty, always the same."""

    name, dimensions = "points", SIZE

    def embed(self, texts: list[str]) -> list[list[float]]:
        return [self._of(each) for each in texts]

    def _of(self, words: str) -> list[float]:
        place, around = Random(crc32(words.encode()) % 40), Random(words)
        return [place.gauss(0, 1) + around.gauss(0, 0.7) for _ in range(SIZE)]


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=5_000)
    parser.add_argument("--engine", default="faiss", choices=["chroma", "faiss", "qdrant"])
    parser.add_argument("--rounds", type=int, default=60)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Postgres(Path(folder) / "data") as server:
        database = Database(server.app_url, server.admin_url)
        migrate(database, SIZE, Points.name)
        _measure(database, wanted, Path(folder) / "index")
        database.close()


def _measure(database: Database, wanted: argparse.Namespace, place: Path) -> None:
    random, embedder = Random(1), Points()
    plain = Memory(database, embedder, None)  # type: ignore[arg-type]
    said = [" ".join(random.choices(WORDS, k=9)) for _ in range(wanted.memories)]
    for start in range(0, len(said), 1_000):
        rows = [{"role": "user", "content": each} for each in said[start : start + 1_000]]
        plain.add(rows, user_id=USER, infer=False)
    before = _medians(wanted.rounds, lambda: _add(plain, random))[0]
    index = index_at(f"{wanted.engine}:{place}", seconds=60)
    outbox.attach(database, index.name)
    indexed = Memory(database, embedder, None, index=index)  # type: ignore[arg-type]
    feeder = Feeder(database, Store(database, SIZE), index)
    began = time.perf_counter()
    sent = feeder.feed()
    filling = time.perf_counter() - began
    after = _medians(wanted.rounds, lambda: _add(plain, random))[0]
    feeder.feed()
    with database.as_user(USER) as connection:
        connection.execute(text("delete from app.index_outbox"))  # as a minute later
    questions = [" ".join(random.choices(WORDS, k=4)) for _ in range(wanted.rounds)]
    asked = iter(questions * 4)
    same = [_overlap(plain, indexed, each) for each in questions[:20]]
    one, other = _medians(
        wanted.rounds,
        lambda: plain.recall(next(asked), user_id=USER),
        lambda: indexed.recall(next(asked), user_id=USER),
    )
    print(f"{wanted.memories:,} memories of one user, {SIZE} dimensions, {wanted.engine}")
    print(f"filled {sent:,} in {filling:.1f} s")
    print(f"search p50: Postgres {one:.1f} ms, with the index {other:.1f} ms, ratio {other / one:.2f}")
    print(f"add p50: nothing attached {before:.1f} ms, attached {after:.1f} ms, ratio {after / before:.2f}")
    print(f"of the ten best, the same: {statistics.mean(same):.0%}")
    index.close()


def _add(memory: Memory, random: Random) -> object:
    return memory.add(" ".join(random.choices(WORDS, k=9)), user_id=USER, infer=False)


def _overlap(one: Memory, other: Memory, question: str) -> float:
    found = [{each.id for each in memory.recall(question, user_id=USER)} for memory in (one, other)]
    return len(found[0] & found[1]) / max(1, len(found[0]))


def _medians(rounds: int, *acts: Callable[[], object]) -> list[float]:
    """Do these things in turns, and return the median of each in milliseconds."""
    took: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for act, times in zip(acts, took, strict=True):
            began = time.perf_counter()
            act()
            times.append(1_000 * (time.perf_counter() - began))
    return [statistics.median(times) for times in took]


if __name__ == "__main__":
    main()
