"""How fast a search is, whoever else has memories here; side by side with stock vecs as mem0 uses it.

    python -m benchmarks.scale --rows 1000000 --users 4000 [--latency 30] [--stock-rows 100000]

Every channel is on, under row-level security, through `Memory.search`; only the embedding call is left out
(vectors are given). Measured: among few people and among all of them (`growth`), for one person with 20,000
memories, for 50 people at once on 5 connections, with a database that is far away, and adding in bulk against
one by one. Stock vecs gets `--stock-rows` of the same kind, without and with its HNSW index, and the same
questions; `stock_p50_ms` is the faster of the two that finds what is there (with the index, filtered, hardly
anything is found: `stock_hnsw_found` of 10), `ratio` how many times as long that takes. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url, text

from benchmarks import crowd
from benchmarks.stock import Stock
from memory import Memory
from memory.database import Database
from memory.embedded.postgres import Postgres
from memory.migrations import migrate
from memory.recall.rank import WEIGHTS
from memory.rows.store import RecallQuery, Store
from tests.wires import counting

MANY, HEAVY_ROWS, FEW = 400, 20_000, 40
HEAVY = 10_000_000  # a person apart from the others


class Given:
    """Vectors that are there already, in the place of an embedding model."""

    name, dimensions = "given-384", crowd.DIMENSION

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A direction for each text; the same text, the same direction."""
        return [crowd.vector_of(sum(map(ord, each))).tolist() for each in texts]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--latency", type=float, default=30.0, help="milliseconds put on each round trip")
    parser.add_argument("--stock-rows", type=int, default=100_000)
    parser.add_argument("--bulk", type=int, default=10_000)
    asked = parser.parse_args()
    # A quarter of the memory of a machine of this kind, as hosts set it.
    options = {"shared_buffers": "6GB", "max_wal_size": "8GB", "maintenance_work_mem": "1GB"}
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder), options=options) as server,
    ):
        database = Database(server.app_url, server.admin_url)
        migrate(database, crowd.DIMENSION, Given.name)
        figures = _measure(Path(folder), server, database, asked)
        database.close()
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def _measure(folder: Path, server: Postgres, database: Database, asked: argparse.Namespace) -> dict[str, float]:
    each, few = asked.rows // asked.users, min(FEW, asked.users)
    memory, admin = Memory(database, Given(), None), Database(server.admin_url)
    _fill(admin, 0, few, each)
    alone = _searches(memory, range(few))
    _say(f"{few * each:,} rows, {few} people", alone)
    _fill(admin, few, asked.users - few, each)
    everybody = _searches(memory, range(asked.users))
    _say(f"{asked.rows:,} rows, {asked.users:,} people", everybody)
    figures = {"p50_ms": _p(everybody, 50), "p95_ms": _p(everybody, 95)}
    figures |= {"growth": _p(everybody, 50) / _p(alone, 50), "exact": _exact(database, admin, asked.users)}
    figures |= _disk(admin, asked.rows)
    figures |= _stock(admin, asked, each, _p(everybody, 50))
    _fill(admin, HEAVY, 1, HEAVY_ROWS)
    heavy = _searches(memory, [HEAVY], 100)
    _say(f"one person's {HEAVY_ROWS:,} rows", heavy)
    figures |= {"heavy_p50_ms": _p(heavy, 50), "heavy_p95_ms": _p(heavy, 95)}
    figures |= _crowded(server, asked.users) | _far(server, database, asked.latency) | _bulk(memory, asked.bulk)
    admin.close()
    return figures


def _fill(admin: Database, first: int, users: int, each: int) -> None:
    began = time.monotonic()
    if users > 0:
        crowd.load(admin, first, users, each)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("vecs.memories", "app.postings", "app.entity_names", "app.relations"):
            connection.execute(text(f"vacuum analyze {table}"))
    print(f"loaded {users * each:,} rows in {time.monotonic() - began:.0f} s", flush=True)


def _searches(memory: Memory, people: Sequence[int], many: int = MANY) -> list[float]:
    """Milliseconds of so many searches, after some that warm up."""
    return [_timed(memory, people[n * 7_919 % len(people)], n) for n in range(-20, many)][20:]


def _timed(memory: Memory, person: int, number: int) -> float:
    asked, whose = crowd.question(number), crowd.user(person)
    vector = Given().embed([asked])  # not part of what is measured
    began = time.perf_counter()
    memory.search(asked, user_id=whose)
    took = time.perf_counter() - began
    del vector
    return 1_000 * took


def _exact(database: Database, admin: Database, users: int) -> float:
    """Of ten, how many that the vector channel gives are among the ten that comparing with every row gives."""
    store, same = Store(database, crowd.DIMENSION), 0
    for number in range(20):
        whose, vector = crowd.user(number * 37 % users), crowd.vector_of(number).tolist()
        only = {**dict.fromkeys(WEIGHTS, 0.0), "meaning": 1.0}
        asked = RecallQuery(whose, "", "", vector, [], [], None, ("memories",), only, 10)
        found = {each.id for each in store.recall(asked)[0]}
        with admin.engine.connect() as connection:
            connection.execute(text("set local enable_indexscan = off; set local enable_bitmapscan = off"))
            nearest = connection.execute(
                text(
                    "select id from vecs.memories where metadata ->> 'user_id' = :user"
                    " order by vec operator(extensions.<=>) cast(:vector as extensions.vector) limit 10"
                ),
                {"user": whose, "vector": str(vector)},
            )
            same += len(found & set(nearest.scalars()))
    return same / 20


def _disk(admin: Database, rows: int) -> dict[str, float]:
    tables = ("vecs.memories", "app.postings", "app.entity_names", "app.relations")
    with admin.engine.connect() as connection:
        sizes = {each: connection.scalar(text(f"select pg_total_relation_size('{each}')")) or 0 for each in tables}
    print("on disk, bytes for each memory:", {name: round(size / rows) for name, size in sizes.items()}, flush=True)
    resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "disk_bytes": sum(sizes.values()) / rows,
        "words_bytes": sizes["app.postings"] / rows,
        "app_mb": resident / 1e6,
    }


def _stock(admin: Database, asked: argparse.Namespace, each: int, ours: float) -> dict[str, float]:
    """The same questions through vecs alone: a filter on the metadata, with and without its index."""
    rows = min(asked.rows, asked.stock_rows)
    stock = Stock(admin.url, rows)
    people = range(max(1, rows // each))

    def ask(number: int) -> int:
        return len(stock.query(crowd.vector_of(number).tolist(), crowd.user(people[number * 7_919 % len(people)])))

    plain, found = _each(ask, 40)
    _say(f"stock vecs, {rows:,} rows, no index: {found:.1f} of 10 found", plain)
    began = time.monotonic()
    stock.index()
    indexed, found_indexed = _each(ask, 40)
    _say(f"stock vecs, HNSW made in {time.monotonic() - began:.0f} s: {found_indexed:.1f} of 10 found", indexed)
    # An answer without the rows is none, however fast.
    fastest = min(_p(times, 50) for times, rows_found in ((plain, found), (indexed, found_indexed)) if rows_found > 9)
    return {
        "stock_rows": rows,
        "stock_p50_ms": fastest,
        "stock_plain_p50_ms": _p(plain, 50),
        "stock_hnsw_p50_ms": _p(indexed, 50),
        "stock_hnsw_found": found_indexed,
        "ratio": fastest / ours,
    }


def _each(ask: Callable[[int], int], many: int) -> tuple[list[float], float]:
    times, found = [], []
    for number in range(-5, many):
        began = time.perf_counter()
        found.append(ask(number))
        times.append(1_000 * (time.perf_counter() - began))
    return times[5:], statistics.mean(found[5:])


def _crowded(server: Postgres, users: int) -> dict[str, float]:
    """Fifty people at once on five connections."""
    database = Database(server.app_url, pool_size=5, overflow=0)
    memory = Memory(database, Given(), None)
    began = time.monotonic()
    with ThreadPoolExecutor(50) as people:
        rounds = people.map(lambda n: [_timed(memory, n * 31 % users, n * 20 + k) for k in range(10)], range(50))
        times = [took for each in rounds for took in each]
    database.close()
    _say(f"50 people at once, {len(times) / (time.monotonic() - began):.0f} searches a second, no error", times)
    return {"crowded_p50_ms": _p(times, 50), "crowded_p95_ms": _p(times, 95)}


def _far(server: Postgres, near: Database, latency: float) -> dict[str, float]:
    """A database that is so many milliseconds away, and how often it is waited for."""
    with _far_away(near, latency / 1_000) as (database, trips):
        memory = Memory(database, Given(), None)
        _timed(memory, 1, 0)
        before = trips()
        times = [_timed(memory, 1, number) for number in range(20)]
        each = (trips() - before) / 20
    _say(f"{latency:.0f} ms away, {each:.1f} round trips", times)
    return {"far_p50_ms": _p(times, 50), "trips": each}


@contextmanager
def _far_away(near: Database, delay: float) -> Iterator[tuple[Database, Callable[[], int]]]:
    url = make_url(near.url)
    socket = Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}"
    with counting(socket, delay) as wire:
        there = url.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        database = Database(there)
        yield database, lambda: wire.round_trips
        database.close()


def _bulk(memory: Memory, many: int) -> dict[str, float]:
    """Messages added in one call, against the same one by one."""
    said = [{"role": "user", "content": f"{crowd.question(n)} {n}"} for n in range(many)]
    began = time.monotonic()
    memory.add(said, user_id="bulk", infer=False)
    bulk = (time.monotonic() - began) / many
    few = said[: max(50, many // 20)]
    began = time.monotonic()
    for each in few:
        memory.add(each, user_id="one by one", infer=False)
    single = (time.monotonic() - began) / len(few)
    print(f"added: {1 / bulk:,.0f} a second in bulk, {1 / single:,.0f} one by one", flush=True)
    return {"bulk_ratio": single / bulk, "bulk_a_second": 1 / bulk}


def _p(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _say(title: str, times: Sequence[float]) -> None:
    print(f"{title}: p50 {_p(times, 50):.2f} ms, p95 {_p(times, 95):.2f} ms", flush=True)


if __name__ == "__main__":
    main()
