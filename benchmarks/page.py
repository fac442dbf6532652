"""Measures what a run of the chat page costs for a person with many chats: server time, and trips to the database.

    python -m benchmarks.page [--chats 500] [--messages 1000] [--runs 20]

The app runs as Streamlit runs it, without a browser; the database is reached through a proxy that counts trips.
Measured are one run of the script with a chat of `--messages` messages open, and searches through all chats. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from sqlalchemy import make_url, text
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from auth.person import Session
from benchmarks.parts import crowd
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.migrations import migrate
from settings import Settings
from tests.wires import TripCounter, counting

USER = str(uuid4())
PER_CHAT = 20
NOWHERE = "http://127.0.0.1:9/v1"  # of an embedder that is not asked


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chats", type=int, default=500)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        Postgres(Path(folder)) as server,
        running_services(server) as (app_services, wire),
    ):
        chat_id = fill(Database(server.app_url, server.admin_url), options.chats, options.messages)
        figures = _measure(app_services, wire, chat_id, options.runs)
    figures |= {"chats": options.chats, "messages": options.messages}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


@contextmanager
def running_services(server: Postgres, embedder_at: str = NOWHERE) -> Iterator[tuple[services.Services, TripCounter]]:
    """Build the services, for the pages to use, behind a proxy that counts trips."""
    near, embedder = Database(server.app_url, server.admin_url), BundledEmbedder()
    migrate(near, embedder.dimensions, embedder.name)
    near.close()
    url = make_url(server.app_url)
    with counting(Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}") as wire:
        proxied = url.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        settings = Settings(
            supabase_url="http://127.0.0.1:9",
            supabase_key="sb_publishable_none",
            database_url=proxied,
            database_admin_url=server.admin_url,
            embed_base_url=embedder_at,
            embed_model=embedder.name,
            embed_dimensions=embedder.dimensions,
        )
        app_services = services.build(settings)
        services._built[:] = [app_services]
        try:
            app_services.worker.stop()  # its reads of the queue would be counted
            yield app_services, wire
        finally:
            services.close_services()


def fill(database: Database, chats: int, messages: int, user_id: str = USER, per_chat: int = PER_CHAT) -> str:
    """Write this many chats of one person, spread over a year; return the id of the longest."""
    made = text(
        "with made as (insert into app.conversations (title, updated_at) select 'Talk ' || n, now() - n * interval"
        "  '17 hours' from generate_series(1, :chats) n returning id, title)"
        " insert into app.messages (conversation_id, role, content) select made.id,"
        "  case when n % 2 = 1 then 'user' else 'assistant' end, 'Message ' || n || ' of ' || made.title || :words"
        " from made, generate_series(1, case made.title when 'Talk 3' then :messages else :each end) n"
    )
    words = f": {' '.join(crowd.question(number) for number in range(8))}"
    with database.as_user(user_id) as connection:
        connection.execute(made, {"chats": chats, "messages": messages, "each": per_chat, "words": words})
        connection.execute(_ONE_LINE)
        found = connection.scalar(text("select id::text from app.conversations where title = 'Talk 3'"))
    database.close()
    return str(found)


# Makes each message the child of the one before it.
_ONE_LINE = text(
    "update app.messages said set parent_id = line.before from (select id,"
    "  lag(id) over (partition by conversation_id order by seq) as before from app.messages) line"
    " where said.id = line.id and line.before is not null"
)


def open_page(app_services: services.Services, user_id: str = USER) -> AppTest:
    """Open the chat page as this person."""
    app_services.limits.consents.record_consent(user_id)
    app = AppTest.from_file(str(Path(__file__).parent.parent / "app.py"), default_timeout=60)
    app.session_state[SESSION] = Session(user_id, "m@example.com", time.time() + 3_600, "access", "refresh")
    app.run()
    return app.switch_page("pages/chat.py").run()


@contextmanager
def timing(times: list[tuple[float, float]]) -> Iterator[None]:
    """Record for each run of the script how long it takes and how much processor time it uses.

    The processor time does not depend on how busy the machine is, and does not include the database.
    """
    run: Any = ScriptRunner._run_script

    def timed(runner: ScriptRunner, asked: Any) -> None:
        began, busy = time.perf_counter(), time.thread_time()
        run(runner, asked)
        times.append((1_000 * (time.perf_counter() - began), 1_000 * (time.thread_time() - busy)))

    with patch.object(ScriptRunner, "_run_script", timed):
        yield


def _measure(app_services: services.Services, wire: TripCounter, chat_id: str, runs: int) -> dict[str, float]:
    app = open_page(app_services)
    scripts: list[tuple[float, float]] = []
    with timing(scripts):
        figures = _each("list", app.run, wire, runs, scripts)
        app.query_params["chat"] = chat_id
        figures |= _each("page", app.run, wire, runs, scripts)
    app_services.chats.search(USER, "talk")
    for name, words in (("search_common", "message"), ("search_rare", "Talk 321"), ("search_phrase", '"12 of talk"')):
        figures |= _each(name, lambda words=words: app_services.chats.search(USER, words), wire, runs)  # type: ignore[misc]
    assert not app.exception
    return figures


def _each(
    name: str,
    act: Callable[[], object],
    wire: TripCounter,
    runs: int,
    scripts: list[tuple[float, float]] | None = None,
) -> dict[str, float]:
    for _ in range(3):
        act()
    if scripts is not None:
        scripts.clear()
    times: list[float] = []
    before = wire.round_trips
    for _ in range(runs):
        began = time.perf_counter()
        act()
        times.append(1_000 * (time.perf_counter() - began))
    figures = {f"{name}_trips": (wire.round_trips - before) / runs}
    if not scripts:
        return figures | {f"{name}_ms": statistics.median(times)}
    wall, busy = (statistics.median(column) for column in zip(*scripts, strict=True))
    return figures | {f"{name}_ms": wall, f"{name}_cpu_ms": busy}


if __name__ == "__main__":
    main()
