"""mem0's own client, as it is published; what its package needs for other purposes only is stood in for.

The package is installed without what it depends on: its clients need httpx, requests and pydantic, which are there. Its
library imports a vector store and a service that counts its users, too; nothing here uses either.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

__all__ = ["mem0_client"]

STOOD_IN_FOR = ("qdrant_client", "qdrant_client.http", "qdrant_client.models", "posthog", "pytz")


@contextmanager
def mem0_client(folder: Path) -> Iterator[Any]:
    """Import mem0's client; what it writes about its user goes into this folder, and nothing is sent to mem0."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEM0_DIR", str(folder))
        patch.setenv("MEM0_TELEMETRY", "False")
        for name in STOOD_IN_FOR:
            patch.setitem(sys.modules, name, _stand_in(name))
        try:
            yield importlib.import_module("mem0")
        finally:
            for name in [each for each in sys.modules if each.partition(".")[0] == "mem0"]:
                del sys.modules[name]


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = []
    module.__getattr__ = lambda wanted: type(wanted, (), {})  # type: ignore[method-assign]
    return module
