"""Measures every page, search, recall, export and deletion for one person who has used Keepsake for years.

    python -m benchmarks.years [--messages 100000] [--memories 5000] [--runs 10]

Vectors of what is stored are random, since embedding 100,000 messages takes hours; triggers and indexes are those of
the app, and questions are embedded by the bundled model. 200 memories were corrected since. The last line is one JSON
object: milliseconds, and for exports and the data seconds and megabytes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from streamlit.testing.v1 import AppTest

from benchmarks.page import USER, fill, open_page, running_services, timing
from chat.export import Names, archive
from local.stack import LocalStack
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from services import Services

Result = TypeVar("Result")
PER_CHAT = 50
CORRECTED = 200
PAGES = ("memories", "health", "settings", "account")
_VECTOR = (
    f"(select array_agg(random() - 0.5) from generate_series(1, {BundledEmbedder.dimensions}) where n > 0)::vector"
)
_MEMORIES = f"""
insert into vecs.memories (id, vec, metadata) select gen_random_uuid(), {_VECTOR}, jsonb_build_object(
  'data', format('Friend %s keeps boat number %s in the harbour of Village %s', n % 97, n, n % 41), 'kind', 'fact',
  'user_id', cast(:user_id as text), 'hash', md5('memory ' || n),
  'created_at', to_char(now() - n * interval '6 hours', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'),
  'entities', jsonb_build_array(jsonb_build_array('Friend ' || n % 97)),
  'relations', jsonb_build_array(jsonb_build_array('me', 'knows', 'Friend ' || n % 97)))
from generate_series(1, :memories) n
"""
_EPISODES = f"""
insert into vecs.episodes (id, vec, metadata) select gen_random_uuid(), {_VECTOR}, jsonb_build_object(
  'data', content, 'user_id', cast(:user_id as text), 'hash', md5(id), 'role', role, 'message_id', id, 'turn', id,
  'run_id', chat, 'created_at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'))
from (select id::text as id, conversation_id::text as chat, role, content, created_at as at, seq as n
      from app.messages order by seq) said
"""
_HELD = """
select (select count(*) from app.messages) as messages, (select count(*) from vecs.memories) as memories,
  pg_database_size(current_database()) / 1048576.0 as mb
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--memories", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        LocalStack(Path(folder), embed_model=BundledEmbedder.name) as stack,
        running_services(stack.postgres, stack.settings["EMBED_BASE_URL"]) as (app, _),
    ):
        figures = _live(app, stack.postgres, asked.messages, asked.memories)
        for name, value in _measured(app, asked.runs):
            figures[name] = value
            print(f"{name}: {value:,.1f}", flush=True)
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))


def _live(app: Services, server: Postgres, messages: int, memories: int) -> dict[str, float]:
    """Write what one person has said in years; return how much it is."""
    began = time.perf_counter()
    fill(Database(server.app_url, server.admin_url), messages // PER_CHAT, 1_000, per_chat=PER_CHAT)
    with _administrator(server) as connection:
        connection.execute(text(_MEMORIES), {"user_id": USER, "memories": memories})
        connection.execute(text(_EPISODES), {"user_id": USER})
        connection.execute(text("analyze"))
    for number, memory in enumerate(app.memory.get_all(user_id=USER, limit=CORRECTED)["results"]):
        app.memory.update(memory["id"], f"{memory['memory']}, or rather on pier {number}", user_id=USER)
    with _administrator(server) as connection:
        held = dict(connection.execute(text(_HELD)).mappings().one())
    print(f"written in {time.perf_counter() - began:.0f} s", flush=True)
    return {name: float(value) for name, value in held.items()}


@contextmanager
def _administrator(server: Postgres) -> Iterator[Connection]:
    engine = create_engine(server.admin_url)
    with engine.begin() as connection:
        connection.execute(text("set local search_path = public, extensions"))
        yield connection
    engine.dispose()


def _measured(app: Services, runs: int) -> Iterator[tuple[str, float]]:
    memory, chats = app.memory, app.chats
    yield from _pages(app, runs)
    for name, words in (("search_common", "harbour"), ("search_rare", "Talk 321"), ("search_phrase", '"12 of talk"')):
        yield f"{name}_ms", _median(runs, lambda words=words: chats.search(USER, words))  # type: ignore[misc]
    questions = iter(range(10**6))
    yield "recall_ms", _median(runs, lambda: memory.recall(f"Where is boat {next(questions)}?", user_id=USER))
    yield "recall_as_of_ms", _median(runs, lambda: memory.recall("Where is boat 7?", user_id=USER, as_of="2999-01-01"))
    yield "add_ms", _median(runs, lambda: memory.add(f"I like tea number {next(questions)}.", user_id=USER))
    yield "memories_export_ms", _median(3, lambda: memory.bulk_edit.all(user_id=USER))
    size, seconds = _timed(lambda: len(archive(app.exports.all(USER), "json", Names("Me", "Keepsake", UTC))))
    yield "export_s", seconds
    yield "export_mb", size / 1_048_576
    gone, seconds = _timed(lambda: app.delete_account(USER))
    assert gone.proved
    yield "deletion_s", seconds


def _pages(app: Services, runs: int) -> Iterator[tuple[str, float]]:
    page: AppTest = open_page(app)
    scripts: list[tuple[float, float]] = []
    with timing(scripts):
        for name in ("chat", *PAGES):
            page.switch_page(f"pages/{name}.py").run()
            scripts.clear()
            for _ in range(runs):
                page.run()
            assert not page.exception
            yield f"{name}_page_ms", statistics.median(wall for wall, _ in scripts)


def _median(runs: int, act: Callable[[], object]) -> float:
    act()
    return 1_000 * statistics.median(_timed(act)[1] for _ in range(runs))


def _timed(act: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    return act(), time.perf_counter() - began


if __name__ == "__main__":
    main()
