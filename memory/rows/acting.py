"""Says through which key another program acts at the moment, and in whose space: the history and the database use it.

    with acting_through(name, application):           around everything that a call with this key does

Each application has a space of its own for the ids of its users. The database shows rows of a user only to statements
that name the user's space (see `app.asking`). Inside the block that is the space of the key, whatever id is asked for;
whoever acts in the app, or uses the library, has no key. This module decides nothing about what a key may do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["KEY_ACTOR", "acting_key", "acting_through", "recorded_as", "space_for"]

KEY_ACTOR = "key "  # how the actor of a change begins that was made with a key; the name of the key follows

_KEY: ContextVar[str] = ContextVar("key", default="")
_SPACE: ContextVar[str | None] = ContextVar("space", default=None)
_IN_SPACE = re.compile(r"application:([0-9a-f-]{36}):")


@contextmanager
def acting_through(key_name: str, application: str = "") -> Iterator[None]:
    """Inside this block, changes are recorded with the name of this key, and no user outside its space exists.

    The space is that of an application's users or, if no application is named, of people.
    """
    key, space = _KEY.set(key_name), _SPACE.set(application)
    try:
        yield
    finally:
        _KEY.reset(key)
        _SPACE.reset(space)


@contextmanager
def recorded_as(key_name: str) -> Iterator[None]:
    """Inside this block, changes are recorded with the name of the key that brought what is learned from now."""
    key = _KEY.set(key_name)
    try:
        yield
    finally:
        _KEY.reset(key)


def acting_key() -> str:
    """Return the name of the key that acts at the moment; empty if there is none."""
    return _KEY.get()


def space_for(user_id: str) -> str:
    """Return the application in whose space a statement for this user runs; empty for people.

    A key decides that. Where none acts, it is the space that the id itself names.
    """
    space = _SPACE.get()
    if space is None:
        named = _IN_SPACE.match(user_id)
        space = named[1] if named else ""
    return space
