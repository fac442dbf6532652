"""The memory layer as an installed package: what its wheel holds, and that it works beside any other app."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.local.conftest import processes_in

PROJECT = Path(__file__).parent.parent
SOURCES = {"memory": "keepsake", "supabase/migrations": "keepsake/sql"}
# Looked for where they happen to be installed: secrets of a Streamlit app, and a reranker of the caller's choice.
USED_IF_INSTALLED = {"streamlit", "sentence_transformers", "weaviate"}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy of the sources."""
    copy, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for folder in SOURCES:
        shutil.copytree(PROJECT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(built), str(copy))
    [made] = built.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def venv(wheel: Path) -> Iterator[Path]:
    """A virtual environment with the wheel, and the dependencies of the environment that runs the tests."""
    # Not pytest's folder: PostgreSQL's own account must be able to read it.
    with tempfile.TemporaryDirectory(prefix="keepsake-wheel-") as folder:
        made = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True, timeout=60)
        _pip("--python", str(made / "bin" / "python"), "install", str(wheel))
        [packages] = made.glob("lib/python*/site-packages")
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        yield made


@pytest.fixture
def run(venv: Path) -> Iterator[Run]:
    """Runs the environment's Python in the folder of an app that has a `settings.py` and an `errors.py` of its own."""
    app = venv.parent / "app"
    app.mkdir()
    for name in ("settings", "errors", "auth", "memory"):
        (app / f"{name}.py").write_text('MINE = "the app\'s own"\n')
    yield lambda *arguments: subprocess.run(
        [str(venv / "bin" / "python"), "-W", "error", *arguments],
        cwd=app,
        env={"PATH": "/usr/bin:/bin", "HOME": str(app), "OLLAMA_HOST": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert processes_in(app) == []
    shutil.rmtree(app)


def _pip(*arguments: str) -> None:
    offline = {"install": ["--no-index", "--no-deps"], "wheel": ["--no-index", "--no-deps"]}
    command = [word for each in arguments for word in (each, *offline.get(each, []))]
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *command], check=True, timeout=120)


def test_the_wheel_holds_every_module_and_every_migration_and_nothing_else(wheel: Path) -> None:
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"{installed}/{path.relative_to(PROJECT / folder)}"
        for folder, installed in SOURCES.items()
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == expected
    assert {"keepsake/py.typed", "keepsake/embedded/supabase_roles.sql"} <= files


def test_the_wheel_puts_one_name_at_the_top_level(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {re.sub(r"-.*\.", ".", top) for top in tops} == {"keepsake", "keepsake.dist-info"}


def test_the_start_in_the_readme_works_beside_an_app_with_modules_of_the_same_names(run: Run) -> None:
    section = (PROJECT / "README.md").read_text().partition("## The memory layer as a library")[2]
    start = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[0]
    ran = run("-c", f"{start}\nimport auth, errors, memory as mine, settings\nprint(auth.MINE, errors.MINE, mine.MINE)")
    assert (ran.returncode, ran.stderr) == (0, "")
    recalled, own = ran.stdout.strip().splitlines()
    assert "Redis" in recalled
    assert own == " ".join(["the app's own"] * 3)


def test_the_commands_of_the_installed_package_call_themselves_by_its_name(run: Run) -> None:
    told = run("-m", "keepsake", "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: python -m keepsake ")
    assert run("-m", "keepsake.mcp", "--help").stdout.startswith("usage: python -m keepsake.mcp ")
    refused = run("-m", "keepsake.migrations")
    assert refused.returncode == 1
    assert refused.stderr == "DATABASE_ADMIN_URL is missing: it says which database to migrate.\n"


def test_the_package_depends_on_what_it_imports() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    shipped = project["optional-dependencies"].keys() - {"app", "auth-server", "dev"}
    extras = [line for extra in shipped for line in project["optional-dependencies"][extra]]
    asked = {Requirement(line).name for line in project["dependencies"] + extras}
    provided_by = {name: set(map(canonicalize_name, those)) for name, those in packages_distributions().items()}
    missing = {
        f"{path.name}: {name}"
        for path in (PROJECT / "memory").rglob("*.py")
        for name in _imported(path) - set(sys.stdlib_module_names) - USED_IF_INSTALLED
        if not asked & provided_by.get(name, set())
    }
    assert missing == set()


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in plain} | {
        node.module.split(".")[0]
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
