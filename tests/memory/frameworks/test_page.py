"""docs/frameworks.md: its examples run, and every framework is an extra that nothing else needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from tests.memory.frameworks.scripted_agents import SaysNext, searching

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "frameworks.md").read_text()
EXTRAS = {path.stem.replace("_", "-") for path in (PROJECT / "memory" / "frameworks").glob("[!_]*.py")}
SECTIONS = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(title, example, id=f"{title} {number}")
    for title, section in SECTIONS
    for number, example in enumerate(re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL), 1)
]


MODELS: dict[str, Callable[[], Any]] = {"PydanticAI": searching, "OpenAI's Agents SDK": lambda: SaysNext("Noted.")}


@pytest.mark.parametrize(("title", "example"), EXAMPLES)
def test_the_examples_of_the_page_run(memory: Memory, title: str, example: str) -> None:
    run_example(example, memory=memory, model=MODELS[title]() if title in MODELS else None)


def run_example(example: str, **names: Any) -> dict[str, Any]:
    """Run an example with these names; return all names that it has then."""
    # In the project's folder the package has the name of its folder.
    given = {"__name__": "example", **names}
    script = re.sub(r"^from keepsake\b", "from memory", example, flags=re.MULTILINE)
    # In a thread of its own: where a browser was used before, this thread has a loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(exec, script, given).result()
    return given


def test_every_adapter_is_an_extra_with_a_section_and_an_example() -> None:
    asked = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert asked.keys() >= EXTRAS
    assert set(re.findall(r"^`pip install 'keepsake\[([\w-]+)\]'`", PAGE, re.MULTILINE)) == EXTRAS
    assert len(EXAMPLES) >= len(EXTRAS)


@pytest.mark.slow
def test_the_library_imports_no_framework_unless_an_adapter_is_imported() -> None:
    program = "import sys; from memory import Memory, AsyncMemory; import memory.frameworks; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert not roots & {"langchain_core", "langgraph", "llama_index", "agents", "pydantic_ai"}


@pytest.mark.slow
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_adapter_without_its_framework_says_which_extra_to_install(extra: str) -> None:
    module = extra.replace("-", "_")
    absent = "{'langchain_core', 'langgraph', 'llama_index', 'agents', 'pydantic_ai'}"
    program = (
        "import sys, importlib\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {absent}: raise ModuleNotFoundError('absent', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"importlib.import_module('memory.frameworks.{module}')"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    told = f"ImportError: The framework is not installed: pip install 'keepsake[{extra}]'."
    assert ran.stderr.strip().splitlines()[-1] == told
