"""Measures how many people can chat at once in one process of the app.

    python -m benchmarks.people [--people 50] [--turns 3] [--think 2] [--idle 50] [--soak MINUTES]
    python -m benchmarks.people --people 120 --at-once 60 [--turns 3] [--think 2]

Each person is a tab that speaks Streamlit's websocket (`benchmarks.parts.tab`): it signs up, agrees, chats with a slow
scripted model, reloads in between, leaves, returns, and looks at the memories. At the end every message and every
memory is looked for in the database. The app runs as a host runs it, with the local servers beside it; memory is that
of the app's process alone. With `--at-once`, the app lets so many in (`PEOPLE_AT_ONCE`): each person comes, waits in
line if they have to, chats and leaves. The last line is one JSON object:

    p95_ms         from a request until the page is complete: loading, reloading, opening another page
    rush_p95_ms    the same when everybody opens a page in the same moment, as at the end
    send_p95_ms    from sending a message until one's own words stand on the page
    late_p95_ms    how much later than the model's own time a reply was complete on the page
    behind_s       how long after everybody opened a page at the end all of it was remembered
    waited_p95_s   how long somebody stood in line; most_inside: how many were inside at once
    lost, mixed    messages and memories that are missing, or that somebody else was shown
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import httpx
from sqlalchemy import Connection, create_engine, text
from websockets.exceptions import WebSocketException

from benchmarks.parts.hosted import hosted, megabytes, peak_megabytes
from benchmarks.parts.tab import Tab, TabClosed
from local.stack import LocalStack
from tests.model_answers import Item, Reply, Request, chunk, sensible
from tests.model_server import Exchange, ModelServer

PASSWORD = "correct horse battery"
PIECES, PAUSE = 40, 0.1  # a reply takes four seconds
MARK = re.compile(r"hive(\d+)x\d+")
GREETING = "What's on your mind?"
HELD = (
    "select user_id, string_agg(content, ' ') from app.messages group by 1",
    "select metadata->>'user_id', string_agg(metadata->>'data', ' ') from vecs.memories group by 1",
)
REMEMBER_SECONDS = 300  # how long the worker may take for what is left at the end


@dataclass
class Figures:
    """What everybody measured, in seconds."""

    pages: list[float] = field(default_factory=list)
    rushes: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)
    lates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    failures: list[str] = field(default_factory=list)
    mixed: int = 0
    lost: int = 0
    behind: float = 0.0


class SlowReply:
    """A reply that comes in small pieces, as a model writes."""

    def __init__(self, request: Request) -> None:
        self._said = request.said("user")

    def play(self, to: Exchange) -> None:
        """Answer."""
        to.begin_stream()
        for number in range(PIECES):
            to.event(chunk({"content": f"word{number} "}))
            time.sleep(PAUSE)
        to.event(chunk({"content": f"You said: {self._said}"}, "stop"))
        to.end_stream()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--think", type=float, default=2, help="mean seconds between a reply and the next message")
    parser.add_argument("--idle", type=int, default=50, help="tabs that are open and do nothing")
    parser.add_argument("--soak", type=float, default=0, help="minutes in which the people go on chatting")
    parser.add_argument("--at-once", type=int, default=0, help="how many the app lets in; 0 for everybody")
    parser.add_argument("--serve-model", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve_model:
        _serve_model()
        return
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder,
        _slow_model() as model,
        LocalStack(Path(folder) / "data") as stack,
    ):
        settings = {
            "OPENAI_BASE_URL": model,
            "CHAT_MODEL": "scripted",
            "SIGN_IN_ATTEMPTS": "100000",
            "PEOPLE_AT_ONCE": str(asked.at_once),
        }
        with hosted(stack.settings | settings) as (address, app):
            print(f"started, {megabytes(app.pid):.0f} MB", flush=True)
            figures = asyncio.run(_measure(address, app.pid, stack.postgres.admin_url, asked))
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


async def _measure(address: str, pid: int, admin_url: str, asked: argparse.Namespace) -> dict[str, float]:
    """Have the people chat, look into the database, and return every figure."""
    seen = Figures()
    people = [Guest(number, address, seen, asked.think) for number in range(asked.people)]
    only_here = await (_in_line(people, seen, asked) if asked.at_once else _together(people, pid, seen, asked))
    await asyncio.to_thread(_look_into, admin_url, people, seen)
    peak = peak_megabytes(pid)
    await asyncio.gather(*(each.tab.close() for each in people))
    for failure in seen.failures[:5]:
        print(failure)
    return {
        "people": asked.people,
        "think": asked.think,
        **_spread("", seen.pages),
        **_spread("send_", seen.sends),
        **_spread("late_", seen.lates),
        "peak_mb": peak,
        "behind_s": seen.behind,
        "lost": seen.lost,
        "mixed": seen.mixed,
        "failures": len(seen.failures),
        **only_here,
    }


async def _together(people: list[Guest], pid: int, seen: Figures, asked: argparse.Namespace) -> dict[str, float]:
    """Have everybody inside at once, and return the figures that only this has."""
    await asyncio.gather(*(each.signs_up() for each in people))
    signed_up = megabytes(pid)
    print(f"{asked.people} people signed up, {signed_up:.0f} MB", flush=True)
    each_idle = await _idle(people, pid, asked.idle) if asked.idle else 0.0
    began = time.monotonic()
    await asyncio.gather(*(each.chats(asked.turns) for each in people))
    print(f"everybody has chatted for {time.monotonic() - began:.0f} s, peak {peak_megabytes(pid):.0f} MB", flush=True)
    soak = await _soak(people, pid, asked.soak) if asked.soak else {}
    await asyncio.gather(*(each.checks() for each in people))
    return {**_spread("rush_", seen.rushes), "start_mb": signed_up, "idle_mb": each_idle, **soak}


async def _in_line(people: list[Guest], seen: Figures, asked: argparse.Namespace) -> dict[str, float]:
    """Have everybody come, wait for a place, chat and leave, and return the figures that only this has."""
    await asyncio.gather(*(each.visits(asked.turns) for each in people))
    waited = {name.replace("_ms", "_s"): each / 1000 for name, each in _spread("waited_", seen.waits).items()}
    return {"at_once": asked.at_once, "most_inside": seen.most_inside, **waited}


class Guest:
    """Somebody with a browser of their own, who says things that nobody else says."""

    def __init__(self, number: int, address: str, seen: Figures, think: float) -> None:
        self.number, self._seen, self._think = number, seen, think
        self.tab = Tab(address)
        self.said: list[str] = []
        self._random = random.Random(number)

    @property
    def marks(self) -> set[str]:
        """What nobody else says."""
        return {found[0] for words in self.said if (found := MARK.search(words))}

    async def signs_up(self) -> None:
        """Make an account and agree to what is kept, at some moment of the time that people think."""
        await asyncio.sleep(self._think * self._random.random())
        await self._try(self._sign_up())

    async def chats(self, turns: int) -> None:
        """Say something, wait for the reply, and think; reload, look at the memories, leave and return meanwhile."""
        await asyncio.sleep(self._think * self._random.random())
        for turn in range(turns):
            await self._try(self._turn(turn))

    async def checks(self) -> None:
        """Open a page in the same moment as everybody, and look whether nothing of anybody else is shown."""
        await self._try(self._check())

    async def visits(self, turns: int) -> None:
        """Come, wait in line, chat, and leave for good."""
        await asyncio.sleep(self._think * self._random.random())
        await self._try(self._visit(turns))
        self._seen.waits.append(self.tab.waited)

    async def _visit(self, turns: int) -> None:
        await self._sign_up()
        self._seen.inside += 1
        self._seen.most_inside = max(self._seen.inside, self._seen.most_inside)
        try:
            for turn in range(turns):
                await self._turn(turn)
            await self.tab.load("memories")
            self._look()
        finally:
            self._seen.inside -= 1
            await self.tab.close()

    async def _sign_up(self) -> None:
        await self.tab.load()
        await self.tab.write("Email", f"person{self.number}@example.com")
        await self.tab.write("Password", PASSWORD)
        await self.tab.press("Create account")
        await self.tab.has("button", "I agree")
        await self.tab.press("I agree")
        await self.tab.sees(GREETING)
        self._note_pages()

    async def _turn(self, turn: int) -> None:
        words = f"I keep my bees in hive{self.number}x{len(self.said)}."
        began = time.perf_counter()
        await self.tab.say(words)
        await self.tab.sees(words)
        self._seen.sends.append(time.perf_counter() - began)
        self.said.append(words)
        await self.tab.sees(f"You said: {words}")
        await self.tab.rests()
        self._seen.lates.append(time.perf_counter() - began - PIECES * PAUSE)
        self.tab.seconds.clear()  # these runs took as long as the model
        self._look()
        await asyncio.sleep(self._think * self._random.uniform(0.5, 1.5))
        if turn % 3 == 1:
            await self.tab.close()
            await asyncio.sleep(self._random.uniform(0, 2))
        await self._open_chat()
        if turn % 3 == 2:
            await self.tab.load("memories")
            self._look()
            await self._open_chat()

    async def _open_chat(self) -> None:
        """Load the page with the chat that was open, or a new one."""
        await self.tab.load(self.tab.open_address if self._random.random() < 0.7 else "chat")
        self._note_pages()
        self._look()

    async def _check(self) -> None:
        await self.tab.load("memories")
        self._look()
        self._seen.rushes += self.tab.seconds
        self.tab.seconds.clear()

    def _look(self) -> None:
        self._seen.mixed += sum(int(found) != self.number for found in MARK.findall(self.tab.words))

    def _note_pages(self) -> None:
        self._seen.pages += self.tab.seconds
        self.tab.seconds.clear()

    async def _try(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (TabClosed, TimeoutError, OSError, WebSocketException, httpx.HTTPError) as error:
            self._seen.failures.append(f"person {self.number}: {type(error).__name__}: {error}")


async def _soak(people: list[Guest], pid: int, minutes: float) -> dict[str, float]:
    """Let everybody go on, and watch the memory."""
    end, at_start = time.monotonic() + 60 * minutes, megabytes(pid)
    watched = [at_start]

    async def goes_on(person: Guest) -> None:
        while time.monotonic() < end:
            await person.chats(3)

    async def watch() -> None:
        while time.monotonic() < end:
            await asyncio.sleep(min(60, max(0, end - time.monotonic())))
            watched.append(megabytes(pid))
            print(f"{watched[-1]:.0f} MB", flush=True)

    await asyncio.gather(watch(), *(goes_on(each) for each in people))
    half = len(watched) // 2
    return {"soak_minutes": minutes, "soak_start_mb": at_start, "soak_half_mb": watched[half], "soak_mb": watched[-1]}


async def _idle(people: list[Guest], pid: int, count: int) -> float:
    """Open more tabs, which do nothing, of one person after the other, and return what each costs.

    Nobody has chatted yet, so they get no memory that chats have left free.
    """
    before = megabytes(pid)
    tabs = [Tab(each.tab.address, each.tab.cookies) for each in islice(cycle(people), count)]
    for tab in tabs:
        await tab.load("chat")
    cost = (megabytes(pid) - before) / count
    await asyncio.gather(*(each.close() for each in tabs))
    return cost


def _look_into(admin_url: str, people: list[Guest], seen: Figures) -> None:
    """Count messages and memories that the database does not hold for their owner, once the worker is done."""
    engine = create_engine(admin_url)
    began = time.monotonic()
    with engine.connect() as connection:
        while True:
            held = [_held(connection, table) for table in HELD]
            missing = sum(len(each.marks - found.get(each.number, set())) for each in people for found in held)
            seen.behind = time.monotonic() - began
            if not missing or seen.behind > REMEMBER_SECONDS:
                break
            connection.rollback()
            time.sleep(1)
    engine.dispose()
    seen.lost += missing


def _held(connection: Connection, table: str) -> dict[int, set[str]]:
    """Return whose marks a table holds; a user with marks of two people makes the run fail."""
    held: dict[int, set[str]] = {}
    for _, words in connection.execute(text(table)):
        owners = {int(number) for number in MARK.findall(words)}
        if len(owners) > 1:
            raise SystemExit(f"One user's rows hold what {len(owners)} people said.")
        for owner in owners:
            held[owner] = {found[0] for found in MARK.finditer(words)}
    return held


def _spread(name: str, seconds: list[float]) -> dict[str, float]:
    """Return the median, and what 19 of 20 stayed below, in milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return {f"{name}p{part}_ms": 1000 * ordered[part * (len(ordered) - 1) // 100] for part in (50, 95)}


@contextmanager
def _slow_model() -> Iterator[str]:
    """Serve the model in a process of its own, so that it takes no time from the tabs."""
    command = [sys.executable, "-m", "benchmarks.people", "--serve-model"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _serve_model() -> None:
    server = ModelServer()
    server.unscripted = lambda request: SlowReply(request) if request.streams else _answer(request)
    print(server.base_url, flush=True)
    server.serve_forever()


def _answer(request: Request) -> Item:
    time.sleep(1)
    item = sensible(request)
    return item if not isinstance(item, Reply) else Reply("A chat about bees")


if __name__ == "__main__":
    main()
