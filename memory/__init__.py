"""The memory layer, a library of its own: it learns what is worth keeping about a person, and finds it again.

    from keepsake import Memory        where the library is installed
    from memory import Memory          in this repository

The public names are loaded from facade.py when they are first used, so that importing a single module stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .facade import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Load a public name of the facade."""
    facade = import_module(".facade", __name__) if not name.startswith("_") and name != "facade" else None
    if facade is not None and name in facade.__all__:
        return getattr(facade, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
