"""Adapters for other people's frameworks, each in a module of its own and an extra of the package.

    pip install 'keepsake[langchain]'
    from keepsake.frameworks.langchain import KeepsakeRetriever

An adapter is bound to one person when it is made, and nothing that a model or a request says can name another. Only
what the person and the assistant said is learned from, never what a tool returned. docs/frameworks.md shows each.
"""

from __future__ import annotations

from ..errors import InvalidInput
from ..facade import AsyncMemory, Memory

__all__ = ["bound", "missing"]


def bound(memory: Memory | AsyncMemory, user_id: str | None = None) -> tuple[Memory, str]:
    """Return the memory bound to one user, and who that is; raise `InvalidInput` if nobody is named."""
    plain = memory.sync if isinstance(memory, AsyncMemory) else memory
    if not isinstance(plain, Memory):
        raise InvalidInput("Give a Memory or an AsyncMemory.")
    owned = plain if user_id is None else plain.for_user(user_id)
    if owned.user_id is None:
        raise InvalidInput('Say whose memories: give memory.for_user("dave"), or user_id="dave".')
    return owned, owned.user_id


def missing(extra: str, package: str, error: ModuleNotFoundError) -> ImportError:
    """Return the error to raise where a framework is not installed; any other module that is missing stays as it is."""
    if (error.name or "").split(".")[0] != package:
        return error
    return ImportError(f"The framework is not installed: pip install 'keepsake[{extra}]'.", name=error.name)
