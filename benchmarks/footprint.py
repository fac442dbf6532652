"""Measures how long the app takes to start, and how much memory it needs when it is hosted.

    python -m benchmarks.footprint [--people 5] [--turns 10]

It starts the local servers and a scripted model, serves the app as a host would (`streamlit run app.py` with the
addresses in the environment), and uses it with real browsers. Memory is the peak of the app's process alone. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.parts.hosted import hosted, peak_megabytes
from local.stack import LocalStack
from tests.e2e.keepsake import Visitor
from tests.model_server import ModelServer

LINES = ("I work on boats number {}", "What did I tell you about {}?")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--turns", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder, ModelServer() as model:
        began = time.monotonic()
        with LocalStack(Path(folder) / "data") as stack:
            cold = time.monotonic() - began
        began = time.monotonic()
        with LocalStack(Path(folder) / "data") as stack:
            environment = stack.settings | {"OPENAI_BASE_URL": model.base_url, "CHAT_MODEL": "scripted"}
            figures = {"stack_cold_s": cold, "stack_warm_s": time.monotonic() - began}
            figures |= _measure(environment, asked.people, asked.turns)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def _measure(environment: dict[str, str], people: int, turns: int) -> dict[str, float]:
    began = time.monotonic()
    with hosted(environment) as (address, process), sync_playwright() as playwright:
        app_seconds = time.monotonic() - began
        at_start = peak_megabytes(process.pid)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        began = time.monotonic()
        visitors = [_signed_up(browser, address, number) for number in range(people)]
        print(f"{people} people signed up, {peak_megabytes(process.pid):.0f} MB")
        for turn in range(turns):
            for visitor in visitors:
                _talk(visitor, turn)
        talking = time.monotonic() - began
        figures = {"app_s": app_seconds, "start_mb": at_start, "peak_mb": peak_megabytes(process.pid)}
        browser.close()
    return figures | {"people": people, "turns_each": turns, "walk_s": talking}


def _signed_up(browser: Browser, address: str, number: int) -> Visitor:
    page = browser.new_context().new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    visitor = Visitor(page)
    visitor.sign_up(f"person{number}@example.com")
    return visitor


def _talk(visitor: Visitor, turn: int) -> None:
    line = LINES[turn % 2].format(turn)
    visitor.says(line)
    visitor.sees(f"You said: {line}")


if __name__ == "__main__":
    main()
