"""Holds a database lock while something else waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memory.database import Database, connect

__all__ = ["held_by"]


@contextmanager
def held_by(database: Database, lock: str) -> Iterator[Callable[[], bool]]:
    """Hold a lock as the administrator; yield a function that says whether anything waits for a lock."""
    engine = connect(database.admin_url, pool_size=2)
    waits = "select count(*) from pg_locks where not granted"
    try:
        with engine.connect() as holding, engine.connect() as looking:
            holding.exec_driver_sql(lock)
            yield lambda: bool(looking.exec_driver_sql(waits).scalar())
    finally:
        engine.dispose()
