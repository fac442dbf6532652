"""The memory layer, a library of its own: what is worth keeping about a person, and finding it again.

    from keepsake import Memory        where the library is installed
    from memory import Memory          in this repository

The names are loaded when they are first used, so that importing one module (an error, a setting) stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .facade import (
        RECIPES,
        CrossEncoderReranker,
        Event,
        Fact,
        Memory,
        Messages,
        ModelReranker,
        Person,
        Plan,
        Question,
        Receipt,
        Recipe,
        Report,
        Reranker,
        Result,
        Said,
        episode_id,
    )

__all__ = [
    "RECIPES",
    "CrossEncoderReranker",
    "Event",
    "Fact",
    "Memory",
    "Messages",
    "ModelReranker",
    "Person",
    "Plan",
    "Question",
    "Receipt",
    "Recipe",
    "Report",
    "Reranker",
    "Result",
    "Said",
    "episode_id",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the facade."""
    if name in __all__:
        return getattr(import_module(".facade", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
