"""Deletes an application with its keys, all its users and everything that is kept of them, for whoever deploys.

The keys end first, so that nothing new arrives; then each user is erased as an account is, and searched for once more.
What fails half-way can be run again. It asks nobody whether that is meant.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from auth.applications import WholeApplication, application_named, end_application_keys, forget_application
from auth.session import Sessions
from memory import Memory
from memory.connect import Parts, administering, open_parts
from memory.errors import DatabaseError

__all__ = ["DeletedApplication", "delete_application", "whole_application"]

LEFT = "Something of {name} is still there: it was written meanwhile. Run the command again."


@dataclass(frozen=True)
class DeletedApplication:
    """What was deleted: the application as it was, and the rows of every table."""

    was: WholeApplication
    rows: Counter[str]


def whole_application(name: str) -> WholeApplication:
    """Return an application with all it has; change nothing."""
    with administering() as connection:
        return application_named(connection, name)


def delete_application(name: str) -> DeletedApplication:
    """Delete an application with everything; raise `DatabaseError` if something of it is still there afterwards."""
    parts = open_parts(model=None)
    with parts.opened:
        with administering() as connection:
            was = application_named(connection, name)
            end_application_keys(connection, was.id)
        rows: Counter[str] = Counter()
        left = [user_id for user_id in was.users if not _erase(parts, user_id, rows)]
        with administering() as connection:
            if application_named(connection, name).users or left:
                raise DatabaseError(LEFT.format(name=was.name))
            forget_application(connection, was.id)
    return DeletedApplication(was, rows)


def _erase(parts: Parts, user_id: str, rows: Counter[str]) -> bool:
    """Erase one user as an account is erased, count the rows, and return whether nothing is left."""
    memory, sessions = Memory(parts.database, parts.embedder, None), Sessions(parts.database)
    with parts.database.as_user(user_id) as connection:
        erased, texts = memory.erasure.erase(connection, user_id)
    rows.update(erased)
    rows.update(sessions.delete_account(user_id))
    return memory.erasure.prove(user_id, erased, texts).proved
