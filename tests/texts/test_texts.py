"""Every name that a page asks a text by is there, and no text is left over; the source is read for both."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from tests.sources import assert_none
from texts import counted, text

PROJECT = Path(__file__).parent.parent.parent
CALLERS = [PROJECT / "app.py", *sorted((PROJECT / "pages").glob("*.py")), *sorted((PROJECT / "ui").rglob("*.py"))]
PLURAL = {"one", "other"}


def _leaves(inside: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    for key, each in inside.items():
        if isinstance(each, str):
            yield f"{name}.{key}", each
        else:
            yield from _leaves(each, f"{name}.{key}")


TEXTS = {
    name: words
    for file in sorted((PROJECT / "texts" / "en").glob("*.toml"))
    for name, words in _leaves(tomllib.loads(file.read_text("utf-8")), file.stem)
}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for path in CALLERS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("text", "counted"):
                yield f"{path.name}:{node.lineno}", node


def _asked(node: ast.Call) -> str | None:
    """The name that a call asks for; the beginning of it, up to a full stop, where its end is worked out."""
    first = node.args[0]
    if isinstance(first, ast.Constant):
        return str(first.value)
    if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
        return str(first.values[0].value)
    return None


CALLS = list(_calls())


def test_what_is_asked_for_is_there_with_the_same_places() -> None:
    assert_none(f"{where}: {wrong}" for where, node in CALLS for wrong in _wrong(node))


def _wrong(node: ast.Call) -> Iterator[str]:
    name = _asked(node)
    if name is None:
        yield "the name does not begin with its area"
        return
    if not isinstance(node.args[0], ast.Constant):
        if not name.endswith(".") or not any(each.startswith(name) for each in TEXTS):
            yield f"nothing begins with {name}, or it ends in the middle of a name"
        return
    several = isinstance(node.func, ast.Name) and node.func.id == "counted"
    filled = {each.arg for each in node.keywords} | ({"number"} if several else set())
    for each in [f"{name}.{form}" for form in sorted(PLURAL)] if several else [name]:
        places = {place for _, place, _, _ in Formatter().parse(TEXTS.get(each, "")) if place} if filled else set()
        if each not in TEXTS or not places <= filled:
            yield f"there is no {each}, or it has places that are not filled: {places - filled}"


def test_no_text_is_left_over() -> None:
    asked = [(_asked(node) or "", isinstance(node.args[0], ast.Constant)) for _, node in CALLS]
    assert_none(name for name in TEXTS if not any(_means(name, each, whole) for each, whole in asked))


def _means(name: str, asked: str, whole: bool) -> bool:
    """Whether a call that asks for this, or for everything that begins so, gets this text."""
    base, _, form = name.rpartition(".")
    return asked in {name, base if form in PLURAL else name} if whole else name.startswith(asked)


def test_places_are_filled_and_numbers_are_written_for_people() -> None:
    assert text("frame.try_again") == "Try again"
    with pytest.raises(KeyError):
        text("frame.no_such_text")


def test_one_and_several_have_words_of_their_own() -> None:
    forms = [name.removesuffix(".one") for name in TEXTS if name.endswith(".one")]
    for each in forms:
        assert f"{each}.other" in TEXTS
        assert counted(each, 1, **_filled(f"{each}.one"))
        assert "1,200" in counted(each, 1200, **_filled(f"{each}.other")) or "{number}" not in TEXTS[f"{each}.other"]


def _filled(name: str) -> dict[str, object]:
    places = {place for _, place, _, _ in Formatter().parse(TEXTS[name]) if place}
    return dict.fromkeys(places - {"number"}, "x")
