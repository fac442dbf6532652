"""What Mallory tries on the outbox of an index; a part of attacks.py. Lying indexes are in test_index.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memory.index.outbox import Changed, attach
from tests.memory.index.conftest import InMemory
from tests.walls.world import ALICE, MALLORY, World

__all__ = ["INDEX", "attach_resting"]


def attach_resting(w: World) -> None:
    """Attach an index, of which what is Alice's rests, so that it stays as it is."""
    attach(w.database, InMemory.name)
    w.sending.note(InMemory.name, "emptied")
    with w.database.as_user(ALICE) as connection:
        connection.exec_driver_sql("update app.index_outbox set attempts = 1, after = now() + interval '1 day'")


def _changed(w: World) -> None:
    """Let something of Mallory's own wait to be sent."""
    w.memory.add("I keep bees", user_id=MALLORY, infer=False)


def _claimed(w: World) -> Any:
    """What can be seen in a claim of what waits."""
    _changed(w)
    claimed = w.sending.claim(InMemory.name)
    assert claimed is None or claimed.user_id == MALLORY
    return claimed


def _hers(w: World) -> Changed:
    """Alice's memory, as Mallory would present it."""
    return Changed(MALLORY, w.known["lease"], {w.known["fact"].id: 1}, {})


def _fed(w: World) -> Any:
    """Everything that an index can be told through Mallory."""
    _changed(w)
    return [w.feeder.feed_next(), w.feeder.feed()]


INDEX: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Sending.claim": (lambda w: _claimed(w), lambda w: w.sending.claim(f"x' or owner = '{ALICE}")),
    "Sending.finish": (lambda w: w.sending.finish(_hers(w)),),
    "Sending.release": (
        lambda w: w.sending.release(_hers(w), tried=True),
        lambda w: w.sending.release(_hers(w), tried=False),
    ),
    "Sending.note": (lambda w: w.sending.note(InMemory.name, "works"), lambda w: w.sending.note(ALICE, "emptied")),
    "Feeder.feed": (lambda w: _fed(w),),
    "Feeder.feed_next": (lambda w: w.feeder.feed_next(),),
    "Store.vectors_of": (lambda w: w.inside(lambda c: w.store.vectors_of(c, [w.known["fact"].id])),),
}
