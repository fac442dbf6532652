"""Says for whom models are called at the moment, and whether their answers are still wanted.

    with serving(user_id):               around calls that a user asked for
    with serving(user_id, "turns"):      around remembering what a user said
    with serving(…, whole=True):         around calls of which the first are useless without the last
    with while_wanted(wanted):           around calls that may become useless

It counts no tokens; the app's metered model does. It loads no client of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

__all__ = ["NOT_WANTED", "Served", "served", "serving", "still_wanted", "while_wanted"]

NOT_WANTED = "This reply is no longer wanted."
Purpose = Literal["asked", "turns"]


@dataclass
class Served:
    """A user, and whether they asked for what models do now or only their turns are being remembered.

    Once the first call of a `whole` is paid for, `begun` is set: stopping then would waste it.
    """

    user_id: str
    purpose: Purpose = "asked"
    whole: bool = False
    begun: bool = False


_SERVED: ContextVar[Served | None] = ContextVar("served", default=None)


@contextmanager
def serving(user_id: str, purpose: Purpose = "asked", *, whole: bool = False) -> Iterator[None]:
    """Inside this block, models are called for this user; of nested blocks for the same user the outer one counts."""
    outer = _SERVED.get()
    before = _SERVED.set(outer if outer and outer.user_id == user_id else Served(user_id, purpose, whole))
    try:
        yield
    finally:
        _SERVED.reset(before)


_WANTED: ContextVar[Callable[[], bool]] = ContextVar("wanted")


@contextmanager
def while_wanted(wanted: Callable[[], bool]) -> Iterator[None]:
    """Inside this block, refuse calls to any model once `wanted` returns False; the client's own retries too."""
    before = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(before)


def still_wanted() -> bool:
    """Return whether the answer of a model is still wanted."""
    return _WANTED.get(lambda: True)()


def served() -> Served | None:
    """Return whom models serve at the moment; None if nobody said so."""
    return _SERVED.get()
