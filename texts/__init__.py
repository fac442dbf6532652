"""Every text of the pages, by its name: one file for each area of the app, one folder for each language.

It knows no page. Sentences of errors are with the rooms that raise them, instructions for models with the prompts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["counted", "text"]

HERE = Path(__file__).parent
LANGUAGE = "en"


def text(name: str, **values: object) -> str:
    """The text of this name, `area.name` or `area.part.name`, with its places filled in."""
    found = _found(name)
    if not isinstance(found, str):
        raise KeyError(f"{name} is no text: {sorted(found)}")
    return found.format(**values) if values else found


def counted(name: str, number: int, **values: object) -> str:
    """The text of this name for one or for several; its place {number} has thousands set apart."""
    return text(f"{name}.{'one' if number == 1 else 'other'}", number=f"{number:,}", **values)


def _found(name: str) -> str | Mapping[str, Any]:
    area, *path = name.split(".")
    found: Any = _area(area, LANGUAGE)
    for each in path:
        found = found[each]
    return found  # type: ignore[no-any-return]


@cache
def _area(area: str, language: str) -> Mapping[str, Any]:
    with (HERE / language / f"{area}.toml").open("rb") as file:
        return tomllib.load(file)
