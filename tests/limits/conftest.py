"""Limits as a deployer may set them, over a real database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from database import Database
from limits import Limits
from settings import Settings

Limiting = Callable[..., Limits]


@pytest.fixture
def limiting(database: Database) -> Limiting:
    """Limits with these settings, and all others as they come."""

    def limits(**wanted: Any) -> Limits:
        return Limits(database, replace(Settings(), **wanted))

    return limits
