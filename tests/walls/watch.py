"""Watches every statement an engine runs, and notes those that touch a user's table as anybody but a user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

from memory.database import BIND

WITHOUT_USERS = ("app.collections",)
_TABLE = re.compile(r"\b(?:app|app_shared|vecs)\.\w+\b(?!\s*\()")


@dataclass
class Watched:
    """What was seen."""

    statements: int = 0
    touching: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def watching(engine: Engine) -> Iterator[Watched]:
    """Look at each statement while this lasts."""
    seen = Watched()

    def look(
        connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> tuple[str, Any]:
        seen.statements += 1
        rest = statement.removeprefix(BIND)
        tables = [each for each in _TABLE.findall(rest) if each not in WITHOUT_USERS]
        if tables:
            seen.touching += 1
            role = parameters["asking_role"] if rest != statement else _role(connection)
            if role != "authenticated":
                seen.wrong.append(f"{role}: {rest.strip('; ')[:200]}")
        return statement, parameters

    event.listen(engine, "before_cursor_execute", look, retval=True)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", look)


def _role(connection: Connection) -> str:
    """Who the transaction is at this moment, asked past the engine that is being watched."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute("select current_user")
        row: Any = cursor.fetchone()
    return str(row[0])
