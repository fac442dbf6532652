"""Measures how fast searches are among the memories of many people, next to stock vecs as mem0 uses it.

    python -m benchmarks.scale --rows 1000000 --users 4000 [--latency 30] [--stock-rows 100000]

All channels are on, under row-level security, through `Memory.search`; only embedding is left out, since vectors are
generated. Half of the rows are passages of messages. Measured are searches among few people and among all (`growth`),
for one person with 20,000 rows and one with 100,000, for 50 people at once on 5 connections, with a distant database,
and adding in bulk against one by one. `limit_p50_ms` is one plain query on the same pool that reads a person's rows by
the index and sorts them by distance; it takes turns with our searches, and `over_limit` is ours divided by it. Stock
vecs gets `--stock-rows` of the same rows and the same questions, without and with its HNSW index. `stock_p50_ms` is the
faster of the two that finds the rows (filtered by user, the index hardly finds any: `stock_hnsw_found` of 10), and
`ratio` says how many times as long that takes. `half_bytes` are what vectors of half precision save on each row, and
`half_same` how much of the ten nearest they find; `packed_words` is the share of the words' size that one row for each
word would need; `vacuum_s` is measured after a tenth of the memories were changed.
The last line is one JSON object.
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

from benchmarks.parts import crowd
from benchmarks.parts.stock import StockVecs
from memory import Memory
from memory.database import Database
from memory.embedded.postgres import Postgres
from memory.migrations import migrate
from memory.recall.rank import WEIGHTS
from memory.rows.recall_query import RecallQuery
from memory.rows.store import Store
from memory.rows.vectors import vector_text
from tests.wires import counting

SEARCHES, FEW_PEOPLE = 400, 40
HALVED = 200_000  # rows that are copied in half precision
# Two more people, who have many rows: the number of each, and of the rows.
HEAVY = {"heavy": (10_000_000, 20_000), "heaviest": (10_000_001, 100_000)}
# What a search for the nearest rows costs at least. Both kinds of rows are read, as our search does.
_LIMIT = """
select id, metadata from (
  select id, metadata, vec <=> %(vector)s::vector as far from vecs.memories where user_id = %(user_id)s
  union all
  select id, metadata, vec <=> %(vector)s::vector from vecs.episodes where user_id = %(user_id)s) mine
order by far limit 10
"""


TABLES = ("vecs.memories", "vecs.episodes", "app.postings", "app.entity_names", "app.relations")


class RandomEmbedder:
    """Returns generated vectors in place of an embedding model's."""

    name, dimensions = "given-384", crowd.DIMENSION

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a direction for each text, always the same for the same text."""
        return [crowd.vector_of(sum(map(ord, each))).tolist() for each in texts]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--latency", type=float, default=30.0, help="milliseconds added to each trip")
    parser.add_argument("--stock-rows", type=int, default=100_000)
    parser.add_argument("--bulk", type=int, default=10_000)
    options = parser.parse_args()
    # A quarter of this machine's memory, as hosts configure it.
    server_options = {"shared_buffers": "6GB", "max_wal_size": "8GB", "maintenance_work_mem": "1GB"}
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder), options=server_options) as server,
    ):
        database = Database(server.app_url, server.admin_url)
        migrate(database, crowd.DIMENSION, RandomEmbedder.name)
        figures = _measure(Path(folder), server, database, options)
        database.close()
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def _measure(folder: Path, server: Postgres, database: Database, options: argparse.Namespace) -> dict[str, float]:
    each, few = options.rows // options.users, min(FEW_PEOPLE, options.users)
    memory, admin = Memory(database, RandomEmbedder(), None), Database(server.admin_url)
    _fill(admin, 0, few, each)
    alone = _searches(memory, range(few))
    _print_times(f"{few * each:,} rows, {few} people", alone)
    _fill(admin, few, options.users - few, each)
    everybody = _searches(memory, range(options.users))
    _print_times(f"{options.rows:,} rows, {options.users:,} people", everybody)
    p50 = _percentile(everybody, 50)
    figures = {"p50_ms": p50, "p95_ms": _percentile(everybody, 95), "growth": p50 / _percentile(alone, 50)}
    figures |= _over_limit(memory, database, range(options.users), SEARCHES, "")
    figures |= {"exact": _exact(database, admin, options.users)}
    figures |= (
        _disk(admin, options.rows)
        | _halves(admin, min(options.rows // 2, HALVED))
        | _lean(admin)
        | _vacuum(admin, options.rows)
    )
    figures |= _stock(admin, options, each, p50)
    for name, (person, rows) in HEAVY.items():
        _fill(admin, person, 1, rows)
        heavy = _searches(memory, [person], 60)
        _print_times(f"one person's {rows:,} rows", heavy)
        figures |= {f"{name}_p50_ms": _percentile(heavy, 50), f"{name}_p95_ms": _percentile(heavy, 95)}
        figures |= _over_limit(memory, database, [person], 30, f"{name}_")
    figures |= _crowded(server, options.users) | _far(server, database, options.latency) | _bulk(memory, options.bulk)
    admin.close()
    return figures


def _fill(admin: Database, first: int, users: int, each: int) -> None:
    began = time.monotonic()
    if users > 0:
        crowd.load(admin, first, users, each)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in TABLES:
            connection.execute(text(f"vacuum analyze {table}"))
    print(f"loaded {users * each:,} rows in {time.monotonic() - began:.0f} s", flush=True)


def _searches(memory: Memory, people: Sequence[int], many: int = SEARCHES) -> list[float]:
    """Return the milliseconds of each search, after 20 searches to warm up."""
    return [_timed(memory, people[n * 7_919 % len(people)], n) for n in range(-20, many)][20:]


def _over_limit(memory: Memory, database: Database, people: Sequence[int], many: int, named: str) -> dict[str, float]:
    """Search and ask the plain query in turn, so that both meet the same machine; return how they compare."""
    ours: list[float] = []
    limits: list[float] = []
    for number in range(-10, many):
        person = people[number * 7_919 % len(people)]
        ours.append(_timed(memory, person, number))
        values = {"user_id": crowd.user(person), "vector": vector_text(crowd.vector_of(number).tolist())}
        began = time.perf_counter()
        database.read_as(crowd.user(person), _LIMIT, values)
        limits.append(1_000 * (time.perf_counter() - began))
    limit, over = statistics.median(limits[10:]), statistics.median(ours[10:]) / statistics.median(limits[10:])
    print(f"the plain query: p50 {limit:.2f} ms; ours takes {over:.1f} times as long", flush=True)
    return {f"{named}limit_p50_ms": limit, f"{named}over_limit": over}


def _timed(memory: Memory, person: int, number: int) -> float:
    question, user_id = crowd.question(number), crowd.user(person)
    began = time.perf_counter()
    memory.search(question, user_id=user_id)
    return 1_000 * (time.perf_counter() - began)


def _exact(database: Database, admin: Database, users: int) -> float:
    """Return how many of the vector channel's ten results are among the ten that an exact scan finds, on average."""
    store, same = Store(database, crowd.DIMENSION), 0
    for number in range(20):
        user_id, vector = crowd.user(number * 37 % users), crowd.vector_of(number).tolist()
        only = {**dict.fromkeys(WEIGHTS, 0.0), "meaning": 1.0}
        query = RecallQuery(user_id, "", "", vector, [], [], None, ("memories",), only, 10)
        found = {each.id for each in store.recall(query).candidates}
        with admin.engine.connect() as connection:
            connection.execute(text("set local enable_indexscan = off; set local enable_bitmapscan = off"))
            nearest = connection.execute(
                text(
                    "select id from vecs.memories where metadata ->> 'user_id' = :user"
                    " order by vec operator(extensions.<=>) cast(:vector as extensions.vector) limit 10"
                ),
                {"user": user_id, "vector": str(vector)},
            )
            same += len(found & set(nearest.scalars()))
    return same / 20


def _disk(admin: Database, rows: int) -> dict[str, float]:
    with admin.engine.connect() as connection:
        sizes = {each: connection.scalar(text(f"select pg_total_relation_size('{each}')")) or 0 for each in TABLES}
    print("on disk, bytes for each memory:", {name: round(size / rows) for name, size in sizes.items()}, flush=True)
    resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "disk_bytes": sum(sizes.values()) / rows,
        "words_bytes": sizes["app.postings"] / rows,
        "app_mb": resident / 1e6,
    }


def _halves(admin: Database, rows: int) -> dict[str, float]:
    """Copy memories with vectors of half precision, and compare their size and what is found nearest."""
    columns = "user_id, id, vec::{type}(384) as vec"
    copied = f"create table app.{{name}} as select {columns} from vecs.memories order by id limit :rows"
    nearest = "select id from app.{name} where user_id = :user order by vec <=> cast(:vector as {type}) limit 10"
    kinds = {"whole": "vector", "half": "halfvec"}
    with admin.engine.begin() as connection:
        connection.execute(text("set local search_path = public, extensions"))
        for name, kind in kinds.items():
            connection.execute(text(copied.format(name=name, type=kind)), {"rows": rows})
            connection.execute(text(f"create index on app.{name} (user_id)"))
        size = {name: connection.scalar(text(f"select pg_table_size('app.{name}')")) or 0 for name in kinds}
        people = connection.execute(text("select distinct user_id from app.whole order by user_id limit 50")).scalars()
        same = []
        for number, person in enumerate(people.all()):
            asked = {"user": person, "vector": str(crowd.vector_of(number).tolist())}
            found = [
                set(connection.execute(text(nearest.format(name=name, type=kind)), asked).scalars())
                for name, kind in kinds.items()
            ]
            same.append(len(found[0] & found[1]) / len(found[0]))
        connection.execute(text("drop table app.whole, app.half"))
    saved = (size["whole"] - size["half"]) / rows
    print(f"half precision saves {saved:.0f} bytes a memory; {statistics.mean(same):.1%} of the nearest are the same")
    return {"half_bytes": saved, "half_same": statistics.mean(same)}


def _lean(admin: Database) -> dict[str, float]:
    """Copy the words of some people as they are, and packed into one row for each word; compare their size."""
    some = "(select user_id from (select distinct user_id from vecs.memories) people order by user_id limit 200)"
    statements = (
        "create table app.plain (like app.postings including all)",
        f"insert into app.plain select * from app.postings where user_id in {some}",
        "create table app.packed as select dense_rank() over (order by user_id)::int as person, lexeme,"
        " array_agg(place order by place) as places, array_agg(tf order by place) as tfs"
        " from app.plain group by user_id, lexeme",
        "alter table app.packed add primary key (person, lexeme)",
    )
    with admin.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        sizes = [
            connection.scalar(text(f"select pg_total_relation_size('app.{each}')")) or 0 for each in ("packed", "plain")
        ]
        connection.execute(text("drop table app.plain, app.packed"))
    print(f"words packed into one row for each word: {sizes[0] / sizes[1]:.0%} of the size", flush=True)
    return {"packed_words": sizes[0] / sizes[1]}


def _vacuum(admin: Database, rows: int) -> dict[str, float]:
    """Change a tenth of the memories, and time the vacuum of everything that belongs to them."""
    changed = (
        "update vecs.memories set metadata = metadata || '{\"changed\": true}' where abs(hashtext(id::text)) % 10 = 0"
    )
    with admin.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text(changed))
    began = time.monotonic()
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in TABLES:
            connection.execute(text(f"vacuum {table}"))
    took = time.monotonic() - began
    print(f"vacuum after a tenth of {rows // 2:,} memories changed: {took:.1f} s", flush=True)
    return {"vacuum_s": took}


def _stock(admin: Database, options: argparse.Namespace, each: int, ours: float) -> dict[str, float]:
    """Ask the same questions of vecs alone, with a metadata filter: first without, then with its index."""
    rows = min(options.rows, options.stock_rows)
    people = range(max(1, rows // each))
    stock = StockVecs(admin.url, crowd.user(people[-1]))

    def ask(number: int) -> int:
        return len(stock.query(crowd.vector_of(number).tolist(), crowd.user(people[number * 7_919 % len(people)])))

    plain, found = _each(ask, 40)
    _print_times(f"stock vecs, {rows:,} rows, no index: {found:.1f} of 10 found", plain)
    began = time.monotonic()
    stock.index()
    indexed, found_indexed = _each(ask, 40)
    _print_times(f"stock vecs, HNSW made in {time.monotonic() - began:.0f} s: {found_indexed:.1f} of 10 found", indexed)
    # A fast search that does not find the rows does not count.
    fastest = min(
        _percentile(times, 50) for times, rows_found in ((plain, found), (indexed, found_indexed)) if rows_found > 9
    )
    return {
        "stock_rows": rows,
        "stock_p50_ms": fastest,
        "stock_plain_p50_ms": _percentile(plain, 50),
        "stock_hnsw_p50_ms": _percentile(indexed, 50),
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
    """Search for 50 people at once on 5 connections."""
    database = Database(server.app_url, pool_size=5, overflow=0)
    memory = Memory(database, RandomEmbedder(), None)
    began = time.monotonic()
    with ThreadPoolExecutor(50) as people:
        rounds = people.map(lambda n: [_timed(memory, n * 31 % users, n * 20 + k) for k in range(10)], range(50))
        times = [took for each in rounds for took in each]
    many = len(times) / (time.monotonic() - began)
    database.close()
    _print_times(f"50 people at once, {many:.0f} searches a second, no error", times)
    crowded = {"crowded_p50_ms": _percentile(times, 50), "crowded_p95_ms": _percentile(times, 95)}
    return crowded | {"searches_a_second": many}


def _far(server: Postgres, near: Database, latency: float) -> dict[str, float]:
    """Search in a database that is this many milliseconds away, and count the trips."""
    with _far_away(near, latency / 1_000) as (database, trips):
        memory = Memory(database, RandomEmbedder(), None)
        _timed(memory, 1, 0)
        before = trips()
        times = [_timed(memory, 1, number) for number in range(20)]
        each = (trips() - before) / 20
    _print_times(f"{latency:.0f} ms away, {each:.1f} trips", times)
    return {"far_p50_ms": _percentile(times, 50), "trips": each}


@contextmanager
def _far_away(near: Database, delay: float) -> Iterator[tuple[Database, Callable[[], int]]]:
    url = make_url(near.url)
    socket = Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}"
    with counting(socket, delay) as wire:
        proxied = url.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        database = Database(proxied)
        yield database, lambda: wire.round_trips
        database.close()


def _bulk(memory: Memory, many: int) -> dict[str, float]:
    """Add messages in one call, and one by one."""
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


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _print_times(title: str, times: Sequence[float]) -> None:
    print(f"{title}: p50 {_percentile(times, 50):.2f} ms, p95 {_percentile(times, 95):.2f} ms", flush=True)


if __name__ == "__main__":
    main()
