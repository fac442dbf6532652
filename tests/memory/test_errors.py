"""The tree of errors is the one drawn on top of its module."""

from __future__ import annotations

import inspect
import re

from memory import errors
from memory.errors import AppError, ModelBusy


def _drawn() -> dict[str, str]:
    """Return the parent of each error, as the docstring draws it."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {0: "AppError"}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│ ]*)[├└]── (\w+)", line)
        if found:
            depth = len(found[1]) // 4 + 1
            above[depth] = found[2]
            parents[found[2]] = above[depth - 1]
    return parents


def _classes() -> dict[str, type[AppError]]:
    named = inspect.getmembers(errors, inspect.isclass)
    return {name: each for name, each in named if issubclass(each, AppError)}


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    actual = {
        name: each.__base__.__name__ for name, each in _classes().items() if each is not AppError and each.__base__
    }
    assert _drawn() == actual
    assert len(actual) > 15


def test_every_error_can_be_imported_by_name() -> None:
    assert sorted(errors.__all__) == sorted(_classes())


def test_every_error_shows_its_sentence() -> None:
    for each in _classes().values():
        assert str(each("What happened, and what to do.")) == "What happened, and what to do."


def test_a_busy_model_knows_how_long_to_wait_if_the_server_said_so() -> None:
    assert ModelBusy("Busy.", 2.5).retry_after == 2.5
    assert ModelBusy("Busy.").retry_after is None
