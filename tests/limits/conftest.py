"""Limits with any settings, on a real database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from limits import Limits
from memory.database import Database
from memory.errors import AppError
from settings import Settings

PROJECT = Path(__file__).parents[2]
Limiting = Callable[..., Limits]


@pytest.fixture
def limiting(database: Database) -> Limiting:
    """Make limits with these settings and the defaults for all others."""

    def limits(**wanted: Any) -> Limits:
        return Limits(database, replace(Settings(), **wanted))

    return limits


def invitations(database: Database, *options: str) -> list[str]:
    """Make invitations with the command, and return their codes."""
    outcome = subprocess.run(
        [sys.executable, "-m", "limits", *options],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DATABASE_ADMIN_URL": database.admin_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return outcome.stdout.split()


def let_through(attempt: Callable[[], object], refusal: type[AppError], times: int) -> int:
    """Make so many attempts; return how many were not refused."""
    passed = 0
    for _ in range(times):
        try:
            attempt()
        except refusal:
            continue
        passed += 1
    return passed


def later(database: Database, counts: str, seconds: int) -> None:
    """Let time pass for the counts in a table."""
    with closing(Database(database.admin_url)) as admin, admin.engine.begin() as connection:
        connection.execute(
            text(f"update {counts} set ends_at = ends_at - make_interval(secs => :seconds)"), {"seconds": seconds}
        )
