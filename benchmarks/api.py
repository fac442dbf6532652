"""Measures the API: a search over HTTP next to the library's own, and many clients at once.

    python -m benchmarks.api [--rounds 300] [--memories 300] [--clients 50] [--seconds 60]

The API runs in a process of its own (`python -m api`) on the local servers, with the bundled embedder at its address.
Searches of the library and over HTTP take turns, on the same data with different questions of the same kind. Then each
client is a person with a key of their own, who searches, lists, adds and reads without a pause; an answer that is no
200, or that holds anything of another person, is an error. Peak memory is that of the API's process. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

import services
from benchmarks.parts import crowd
from local.stack import LocalStack
from memory.embedded.loopback import free_port
from settings import Settings

__all__ = ["Client", "Tally", "all_at_once", "main"]

NO_LIMITS = dict.fromkeys(
    ("API_CALLS_PER_MINUTE", "MESSAGES_PER_MINUTE", "MESSAGES_PER_DAY", "MEMORIES_PER_PERSON"), "0"
)
WARM_UP = 20
PATIENCE = 60.0  # seconds for one answer


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--memories", type=int, default=300)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder, LocalStack(Path(folder) / "data") as stack:
        environment = stack.settings | NO_LIMITS | {"API_PORT": str(free_port())}
        with closing(services.build(Settings.read(environment))) as app, _served(environment) as (host, process):
            figures = _searches(app, host, asked.rounds, asked.memories)
            figures |= _crowd(app, host, asked.clients, asked.seconds)
            figures["peak_megabytes"] = _peak_megabytes(process.pid)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


@contextmanager
def _served(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the API in a process of its own."""
    command = [sys.executable, "-m", "api"]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        if not (found := re.search(r"http://\S+?(?=;)", told)):
            raise SystemExit(f"The API did not start: {told}")
        yield found[0], process
    finally:
        process.terminate()
        process.wait(20)


def _new_key(app: services.Services, person: str) -> str:
    app.limits.consents.record_consent(person)
    return app.keys.make(person, "bench", address=f"{person}@example.com", can_write=True, days=1).key


# -- one search ------------------------------------------------------------------------------------


def _searches(app: services.Services, host: str, rounds: int, memories: int) -> dict[str, float]:
    person = str(uuid4())
    said = [{"role": "user", "content": f"{crowd.question(n)} {n}"} for n in range(memories)]
    for start in range(0, memories, 100):
        app.memory.add(said[start : start + 100], user_id=person, infer=False)
    headers = {"authorization": f"Token {_new_key(app, person)}"}
    times: dict[str, list[float]] = {"library": [], "rest": []}
    with httpx.Client(base_url=host, headers=headers, timeout=PATIENCE) as browser:
        ways: dict[str, Callable[[str], object]] = {
            "library": lambda query: app.memory.search(query, user_id=person, limit=10, recipe="facts"),
            "rest": lambda query: browser.post(
                "/v3/memories/search/", json={"query": query, "top_k": 10}
            ).raise_for_status(),
        }
        for number in range(rounds + WARM_UP):
            for place, way in enumerate(sorted(ways, reverse=bool(number % 2))):
                began = time.perf_counter()
                ways[way](crowd.question(2 * number + place))
                times[way].append(1_000 * (time.perf_counter() - began))
    library, rest = (statistics.median(times[way][WARM_UP:]) for way in ("library", "rest"))
    return {
        "library_p50_ms": library,
        "rest_p50_ms": rest,
        "difference_ms": rest - library,
        "ratio": rest / library,
    }


# -- many at once ----------------------------------------------------------------------------------


@dataclass
class Tally:
    """The answers of all clients: how long each took, and what went wrong."""

    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, more: Tally) -> None:
        """Add what another one counted."""
        self.times += more.times
        self.errors += more.errors


@dataclass
class Client:
    """One person's program, which has a word that nobody else says."""

    person: str
    key: str
    word: str
    tally: Tally = field(default_factory=Tally)

    def call(self, browser: httpx.Client, method: str, path: str, body: object = None) -> object:
        """Send a request; count it, and whatever is wrong with its answer."""
        began = time.perf_counter()
        try:
            answer = browser.request(method, path, json=body, headers={"authorization": f"Token {self.key}"})
        except httpx.HTTPError as error:
            self.tally.errors[f"{method} {path}: {type(error).__name__}"] += 1
            return None
        self.tally.times.append(1_000 * (time.perf_counter() - began))
        others = set(re.findall(r"word-[0-9a-f]+", answer.text)) - {self.word}
        if answer.status_code != 200 or others:
            self.tally.errors[f"{method} {path}: {'of another person' if others else answer.status_code}"] += 1
            return None
        return answer.json()

    def round(self, browser: httpx.Client, number: int) -> None:
        """Add a memory, find it, list all, and search for what others say, too."""
        added = f"My {self.word} number {number} is {crowd.question(number)}"
        self.call(browser, "POST", "/v3/memories/add/", {"messages": added, "infer": False})
        for query in (f"{self.word} number {number}", crowd.question(number), "my word number"):
            self.call(browser, "POST", "/v3/memories/search/", {"query": query, "user_id": self.person})
        listed = self.call(browser, "POST", "/v3/memories/", {})
        if listed is not None and self.word not in json.dumps(listed):
            self.tally.errors["a memory that was added is not listed"] += 1


def all_at_once(host: str, clients: Sequence[Client], *, rounds: int = 1_000_000, seconds: float = 3_600.0) -> Tally:
    """Let all clients work at the same time until they have done so many rounds, or so much time is over."""
    begin, until = threading.Barrier(len(clients)), time.monotonic() + seconds

    def work(client: Client) -> None:
        with httpx.Client(base_url=host, timeout=PATIENCE) as browser:
            begin.wait()
            for number in range(rounds):
                if time.monotonic() > until:
                    break
                client.round(browser, number)

    threads = [threading.Thread(target=work, args=(each,)) for each in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    together = Tally()
    for client in clients:
        together.add(client.tally)
    return together


def _crowd(app: services.Services, host: str, clients: int, seconds: float) -> dict[str, float]:
    people = [str(uuid4()) for _ in range(clients)]
    made = [Client(each, _new_key(app, each), f"word-{each[:8]}") for each in people]
    began = time.monotonic()
    tally = all_at_once(host, made, seconds=seconds)
    for what, count in tally.errors.most_common():
        print(f"{count:6} × {what}")
    cuts = statistics.quantiles(tally.times, n=100, method="inclusive")
    return {
        "clients": clients,
        "seconds": time.monotonic() - began,
        "requests": len(tally.times),
        "errors": sum(tally.errors.values()),
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
    }


def _peak_megabytes(process_id: int) -> float:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1_000 if found else 0.0


if __name__ == "__main__":
    main()
