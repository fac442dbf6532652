"""Reads the project's own source: its files, its modules, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

__all__ = ["APP", "PROJECT", "TESTS", "Import", "Source", "assert_none", "within"]

PROJECT = Path(__file__).parent.parent
SKIPPED = {"node_modules", "auth_server"}


class Import(NamedTuple):
    """One import of one module by another."""

    name: str
    deferred: bool  # it happens when a function runs, or for the type checker only
    line: int
    relative: bool


class Source:
    """One Python file of the project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parts = path.relative_to(PROJECT).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.module = ".".join(parts[:-1] if self.is_package else parts)

    @cached_property
    def text(self) -> str:
        """What stands in the file; read when it is asked for, since most tests import this module for a path."""
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax."""
        return ast.parse(self.text, str(self.path))

    def __str__(self) -> str:
        return str(self.path.relative_to(PROJECT))

    @property
    def folder(self) -> str:
        """The first part of the module's name: a folder of the top level, or a file there."""
        return self.module.split(".")[0]

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def imports(self) -> Iterator[Import]:
        """Yield every import with its full name, relative ones resolved."""
        at_once = {id(node) for node in self.tree.body}
        for node in ast.walk(self.tree):
            deferred = id(node) not in at_once
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, deferred, node.lineno, False) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                for alias in node.names:
                    yield Import(_submodule(base, alias.name), deferred, node.lineno, node.level > 0)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.split(".") if self.is_package else self.module.split(".")[:-1]
        parents = package[: len(package) - node.level + 1]
        return ".".join([*parents, *([node.module] if node.module else [])])


def within(name: str, allowed: set[str]) -> bool:
    """Whether a module is one of these, or inside one of them."""
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


@cache
def _submodule(base: str, name: str) -> str:
    """Return `base.name` where that is a module of ours, else `base`."""
    inside = PROJECT.joinpath(*base.split("."), name)
    return f"{base}.{name}" if inside.with_suffix(".py").exists() or (inside / "__init__.py").exists() else base


def assert_none(offenders: Iterable[object]) -> None:
    """Fail with a line for each offender."""
    listed = [str(each) for each in offenders]
    assert not listed, "\n".join(["", *listed])


def _ours(folder: Path) -> Iterator[Path]:
    """Yield our Python files; what is installed has a hundred times as many, and is not gone into."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name not in SKIPPED and not path.name.startswith("."):
            yield from _ours(path)
        elif path.suffix == ".py" and not path.name.startswith("."):
            yield path


def _read(*, tests: bool) -> list[Source]:
    return [Source(path) for path in _ours(PROJECT) if path.is_relative_to(PROJECT / "tests") is tests]


APP, TESTS = _read(tests=False), _read(tests=True)
