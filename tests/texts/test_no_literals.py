"""No page says anything that is not in texts/: the source of every page and piece is read for words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
PAGES = {
    str(path.relative_to(PROJECT)): path
    for path in (PROJECT / "app.py", *(PROJECT / "pages").glob("*.py"), *(PROJECT / "ui").rglob("*.py"))
}
# What browsers read, and what Python does.
NOT_FOR_PEOPLE = {"STYLE", "SCRIPT", "MARKUP", "__all__"}
# Words of others: what browsers call devices, and Streamlit its lights.
NAMES = {"iPhone", "Android", "System", "Light", "Dark"}
# Two words beside each other, or one that begins a sentence; neither a key nor the form of a date is either.
WORDS = re.compile(r"[^\W\d_]{2}[,;:?!.]? +[^\W\d_]|^[A-Z][a-z]+\b")
NOT_WORDS = re.compile(r"%[A-Za-z]|:[\w/]+:|[\w-]+/[\w/.-]+")


def _words(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every literal in which a person would read words."""
    if isinstance(tree, ast.Assign | ast.AnnAssign) and {ast.unparse(each) for each in _named(tree)} & NOT_FOR_PEOPLE:
        return
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) in {"text", "counted", "re.compile", "TypeVar", "cast"}:
        for each in tree.keywords:
            yield from _words(each)
        return
    for part in _spoken(tree):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            if part.value not in NAMES and WORDS.search(NOT_WORDS.sub("", part.value).strip()):
                yield part
        else:
            yield from _words(part)


def _named(tree: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return tree.targets if isinstance(tree, ast.Assign) else [tree.target]


def _spoken(tree: ast.AST) -> Iterator[ast.AST]:
    """What a piece of code is made of, without docstrings and types."""
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns"}:
            continue
        for each in value if isinstance(value, list) else [value]:
            is_docstring = isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
            if isinstance(each, ast.AST) and not is_docstring:
                yield each


def _literals(path: Path) -> list[str]:
    return [f"{path.name}:{each.lineno} {each.value!r}" for each in _words(ast.parse(path.read_text("utf-8")))]


def test_what_people_read_is_in_the_texts() -> None:
    assert [literal for name in sorted(PAGES) for literal in _literals(PAGES[name])] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('st.button("Sign out", key="sign-out")', 1),
        ('st.markdown(f"{count} memories are gone")', 1),
        ('TITLES = {"fact": "About you"}', 1),
        ('raise InvalidInput("This is not the address.")', 1),
        ('st.text_input(text("a.b"), help="One more word")', 1),
        ('st.button(text("a.b", name="The one"))', 1),
        ('st.button(text("a.b"), icon=":material/close:", key="icon-close", type="tertiary")', 0),
        ('"""A docstring of words."""\nzone = ZoneInfo("UTC")', 0),
        ('f"{day:%d %b %Y, %H:%M} · {size}"', 0),
        ('st.switch_page("pages/welcome.py")', 0),
        ('headers.get("X-Forwarded-For")', 0),
    ],
)
def test_words_are_told_from_keys(source: str, found: int) -> None:
    assert len(list(_words(ast.parse(source)))) == found
