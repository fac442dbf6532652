"""The app's JavaScript: its unit tests run under Node, and TypeScript finds no mistake in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.selection import NODE, TYPESCRIPT
from ui import browser

PROJECT = Path(__file__).parents[2]
SCRIPTS = sorted((PROJECT / "ui" / "browser").glob("*.js"))
UNIT_TESTS = sorted((PROJECT / "tests" / "browser").glob("*.test.mjs"))
CHECKS = "--noEmit --allowJs --checkJs --noUnusedLocals --noUnusedParameters --target esnext --module esnext"
# A selector does not say which kind of element it finds.
UNKNOWN_ELEMENT = "error TS2339"


def _node(*arguments: str | Path) -> str:
    done = subprocess.run([NODE, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr or "Node failed and said nothing."


def test_the_unit_tests_pass() -> None:
    assert len(UNIT_TESTS) > 5
    output = _node("--test", "--test-reporter=spec", *UNIT_TESTS)
    assert not output, output


@pytest.mark.slow
@pytest.mark.typescript
def test_typescript_finds_no_mistake() -> None:
    output = _node(
        TYPESCRIPT, *CHECKS.split(), "--moduleResolution", "bundler", "--lib", "dom,dom.iterable,esnext", *SCRIPTS
    )
    mistakes = [line for line in output.splitlines() if line and UNKNOWN_ELEMENT not in line]
    assert mistakes == []


def test_each_script_is_sent_as_one_module(tmp_path: Path) -> None:
    sent = [tmp_path / f"{path.stem}.mjs" for path in SCRIPTS]
    for path in sent:
        path.write_text(browser.bundle(f"{path.stem}.js"), "utf-8")
    assert [path.stem for path in sent if re.search(r"^import\b", path.read_text("utf-8"), re.MULTILINE)] == []
    assert [problem for path in sent if (problem := _node("--check", path))] == []
