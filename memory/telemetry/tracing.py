"""The id of the request, page or turn that this thread works on, which its log lines carry.

An id is made here and never taken from a caller, so nobody can put words into a log with it. It says nothing about a
person.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar

__all__ = ["begin", "current", "go_on"]

_current: ContextVar[str] = ContextVar("keepsake_request", default="")


def begin() -> str:
    """Give this thread, or this asynchronous task, a new id; return it."""
    made = secrets.token_hex(4)
    _current.set(made)
    return made


def current() -> str:
    """Return the id; empty outside of a request, a page and a turn."""
    return _current.get()


def go_on(id_: str) -> None:
    """Let this thread go on with the work of another one, under its id."""
    _current.set(id_)
