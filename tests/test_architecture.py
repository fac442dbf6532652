"""The shape of the house, read from its source: which room may know which, and how large each is."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).parent.parent
ROOMS = {path.stem if path.is_file() else path.name for path in PROJECT.iterdir() if not path.name.startswith(".")}
NOT_OURS = {".venv", "node_modules", "auth_server"}
MAX_LINES, MAX_TEST_LINES, MAX_FUNCTION_LINES = 300, 500, 40

# What each room may import of ours; one that is not listed has no rule yet, and fails.
GROUND = {"errors", "settings", "plaintext"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "plaintext": set(),
    "texts": set(),
    "settings": {"errors"},
    "database": {"errors", "plaintext"},
    "migrations": {"errors", "database", "settings", "memory.embed"},
    "model": GROUND,
    "memory": GROUND | {"memory", "database", "migrations", "model"},
    "limits": GROUND | {"limits", "database", "model"},
    "chat": GROUND | {"chat", "limits", "memory", "database", "model"},
    "auth": GROUND | {"auth", "database"},
    "services": GROUND | {"auth", "chat", "limits", "memory", "database", "migrations", "model"},
    "pages": GROUND | {"pages", "services", "auth", "chat", "limits", "memory", "texts", "ui"},
    "ui": GROUND | {"ui", "services", "auth", "chat", "limits", "memory", "texts"},
    "headers": set(),
    "app": GROUND | {"headers", "services", "auth", "chat", "limits", "memory", "pages", "texts", "ui"},
    "local": GROUND | {"local"},
    "benchmarks": ROOMS,
}
# Each vendor has one door.
ONLY_IN: dict[str, set[str]] = {
    "openai": {"model", "model.edge"},
    "vecs": {"memory.store"},
    "supabase": {"auth.client"},
    "supabase_auth": {"auth.client"},
    "gotrue": {"auth.client"},
    "psycopg2": {"database", "database.edge", "local.postgres"},
    "dotenv": {"settings"},
    "pypdf": {"chat.opener"},
    "PIL": {"chat.opener"},
}
DATABASE_PARTS = {"sqlalchemy", "psycopg2", "vecs", "openai", "supabase", "database"}
# The memory library may bring up a local database when it is given none, and only then look there.
LAZY_LOCAL = {"memory", "memory.default"}


class Import(NamedTuple):
    """One import: of what, and whether only when a function runs or a type is checked."""

    name: str
    deferred: bool


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _sources(*, tests: bool) -> list[Path]:
    found = [path for path in PROJECT.rglob("*.py") if not NOT_OURS & set(path.relative_to(PROJECT).parts)]
    found = [path for path in found if not any(part.startswith(".") for part in path.relative_to(PROJECT).parts)]
    return sorted(path for path in found if (path.relative_to(PROJECT).parts[0] == "tests") is tests)


HOUSE, TESTS = _sources(tests=False), _sources(tests=True)


def _module(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    return module.split(".")[0]


def _within(name: str, allowed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def _imports(path: Path) -> Iterator[Import]:
    tree = _tree(path)
    at_once = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        deferred = id(node) not in at_once
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_module(path)}: imports are written out, line {node.lineno}"
            yield from (Import(_deeper(node.module or "", alias.name), deferred) for alias in node.names)


def _deeper(module: str, name: str) -> str:
    """The submodule, where `from package import submodule` means one."""
    inside = PROJECT.joinpath(*module.split("."), f"{name}.py")
    return f"{module}.{name}" if inside.exists() else module


def _ours(path: Path) -> list[Import]:
    return [each for each in _imports(path) if _room(each.name) in ROOMS and _room(each.name) in MAY_IMPORT]


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT))


every_source = pytest.mark.parametrize("path", HOUSE, ids=_shown)
every_file = pytest.mark.parametrize("path", HOUSE + TESTS, ids=_shown)


def test_there_is_a_house_to_look_at() -> None:
    assert {"errors", "database", "memory", "chat"} <= {_room(_module(path)) for path in HOUSE}


@every_source
def test_every_room_has_a_rule(path: Path) -> None:
    assert _room(_module(path)) in MAY_IMPORT


@every_source
def test_a_room_knows_only_those_below_it(path: Path) -> None:
    module = _module(path)
    rooms = {"memory", "model", "database", "chat", "auth", "limits", "pages", "ui", "local"}
    own = {_room(module)} if _room(module) in rooms else set()
    allowed = MAY_IMPORT.get(_room(module), set()) | own | (LAZY_LOCAL & {module} and {"local"})
    wrong = [each.name for each in _ours(path) if not _within(each.name, allowed)]
    assert wrong == []


@every_source
def test_each_vendor_has_one_door(path: Path) -> None:
    module = _module(path)
    if _room(module) == "benchmarks":
        return
    wrong = [each.name for each in _imports(path) if module not in ONLY_IN.get(_room(each.name), {module})]
    assert wrong == []


@pytest.mark.parametrize("path", [path for path in HOUSE if _room(_module(path)) in {"pages", "ui", "app"}], ids=_shown)
def test_a_page_knows_no_database_and_no_vendor_behind_it(path: Path) -> None:
    assert [each.name for each in _imports(path) if _room(each.name) in DATABASE_PARTS] == []


@pytest.mark.parametrize(
    "path", [path for path in HOUSE if _room(_module(path)) in {"memory", "chat", "model", "limits"}], ids=_shown
)
def test_what_works_in_the_background_knows_no_screen(path: Path) -> None:
    assert [each.name for each in _imports(path) if _room(each.name) == "streamlit"] == []


@every_source
def test_a_hosted_app_never_loads_the_local_servers(path: Path) -> None:
    if _room(_module(path)) in {"local", "benchmarks"}:
        return
    local = [each for each in _imports(path) if _room(each.name) == "local"]
    assert [each.name for each in local if not each.deferred] == []
    assert not local or _module(path) in LAZY_LOCAL


@every_source
def test_no_room_imports_the_tests(path: Path) -> None:
    if _room(_module(path)) == "benchmarks":
        return
    assert [each.name for each in _imports(path) if _room(each.name) == "tests"] == []


def test_the_ground_stands_on_the_standard_library_and_little_else() -> None:
    beyond = {"errors": set[str](), "plaintext": set[str](), "settings": {"dotenv", "streamlit", "errors"}}
    for module, allowed in beyond.items():
        names = {_room(each.name) for each in _imports(PROJECT / f"{module}.py")}
        assert names - set(sys.stdlib_module_names) <= allowed


@every_source
def test_every_module_says_what_it_is(path: Path) -> None:
    assert (ast.get_docstring(_tree(path)) or "").strip()


@every_file
def test_no_file_is_longer_than_a_person_wants_to_read(path: Path) -> None:
    limit = MAX_TEST_LINES if path in TESTS else MAX_LINES
    assert len(path.read_text().splitlines()) <= limit


@every_file
def test_every_function_fits_on_a_screen(path: Path) -> None:
    functions = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES]
    assert long == []


@every_source
def test_no_error_is_caught_that_was_not_meant(path: Path) -> None:
    assert [node.lineno for node in ast.walk(_tree(path)) if isinstance(node, ast.ExceptHandler) and _broad(node)] == []


def _broad(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and keeps it; whoever raises again may."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wide = any(each is None or ast.unparse(each) in {"Exception", "BaseException"} for each in caught)
    raises = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return wide and not raises


@pytest.mark.parametrize("name", ["utils", "helpers", "manager", "common", "misc"])
def test_every_module_is_named_for_what_it_is(name: str) -> None:
    assert [_shown(path) for path in HOUSE + TESTS if name in _module(path).split(".")] == []


@every_source
def test_settings_alone_reads_the_environment(path: Path) -> None:
    if _room(_module(path)) in {"settings", "local", "benchmarks"}:
        return
    names = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)]
    reads = [node.lineno for node in names if ast.unparse(node) in {"os.environ", "os.getenv"}]
    assert reads == []


# Where one comes in, and where one goes out.
BEFORE_CONSENT = {"pages.welcome", "pages.account"}


@pytest.mark.parametrize("path", [path for path in HOUSE if _room(_module(path)) == "pages"], ids=_shown)
def test_every_page_begins_with_the_guard_and_the_consent(path: Path) -> None:
    calls = [node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    called = {ast.unparse(each).split(".")[-1] for each in calls}
    assert "require_user" in called or _module(path) == "pages.welcome"
    assert "require_consent" in called or _module(path) in BEFORE_CONSENT
