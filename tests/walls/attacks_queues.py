"""What Mallory tries on the queues, the leases and the worker; a part of tests/walls/attacks.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from chat.remembering.queue import ClaimedTurn
from memory import Said
from memory.imports.queue import ImportBatch
from memory.leases import Lease
from memory.moving import Moving
from memory.moving.stored import Collection, Owners, StoredText
from tests.walls.world import ALICE, MALLORY, World

ME = MALLORY
TODAY = datetime.now(UTC)
# Ids that would mean Alice if anything took them for more than text.
STRANGE = ("mallory' or user_id = 'alice", '{"sub": "alice"}', 'mallory","sub":"alice', "%", "alice ", "ALICE")


def _claimed(w: World) -> Any:
    """What can be seen from inside the claim of Mallory's own turn."""
    w.conversations.say(ME, None, "I keep bees")
    with w.database.as_user(ME) as connection:
        connection.exec_driver_sql("update app.messages set remember_after = now() where remembering = 'waiting'")
    turn = w.conversations.queue.claim()
    assert turn is not None
    assert turn.message.user_id == ME
    with w.conversations.queue.writing(turn) as connection:
        return turn, connection.exec_driver_sql("select content from app.messages").all()


def _brings(w: World) -> None:
    w.memory.import_queue.add(ME, [Said("user", "I keep bees", message_id=f"mine-{time.time_ns()}")], "learn")
    with w.database.as_user(ME) as connection:
        connection.exec_driver_sql("update app.lessons set after = now() where state = 'waiting'")


def _import_batch_of(w: World) -> Any:
    """What can be seen from inside the claim of Mallory's own message."""
    _brings(w)
    batch = w.memory.import_queue.claim()
    assert batch is not None
    with w.memory.import_queue.writing(batch) as connection:
        return batch, connection.exec_driver_sql("select content from app.lessons").all()


def _learned_next(w: World) -> Any:
    _brings(w)
    return w.worker.learn_next()


def hers_waiting(w: World) -> ImportBatch:
    """Alice's message from elsewhere, as Mallory would present it."""
    return ImportBatch(ME, "learn", (Said("user", "I own it", TODAY, message_id=f"{ALICE}-import"),), hers_leased(w))


def hers_leased(w: World) -> Lease:
    """The lease on Alice, as Mallory would present it."""
    return Lease(ME, w.known["lease"])


def hers_claimed(w: World) -> ClaimedTurn:
    """Alice's turn, as Mallory would present it."""
    return ClaimedTurn(replace(w.known["asked"], user_id=ME), None, hers_leased(w))


def _renewing(w: World) -> bool:
    """Whether Mallory can lengthen the lease on Alice, or take it while it is Alice's."""
    with w.leases.renewed(hers_leased(w)):
        return w.leases.renew(hers_leased(w))


def _moved_in(w: World, **whose: str) -> list[str]:
    """What another program's store says about a text that claims the id of Alice's memory."""
    hers = w.memory.get_all(user_id=ALICE)["results"][0]["id"]
    text = StoredText(hers, "I own it", {"created_at": TODAY.isoformat(), **whose}, "mem0")
    moved = Moving(w.database, w.embedder, Owners()).move(Collection("mem0", "a store", 1, iter([text])))
    return moved.lines()


QUEUES: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Moving.move": (
        lambda w: _moved_in(w, user_id=ME),
        lambda w: _moved_in(w, agent_id="helper"),
        lambda w: [_moved_in(w, user_id=each) for each in STRANGE],
    ),
    "ImportQueue.claim": (lambda w: _import_batch_of(w),),
    "ImportQueue.done": (lambda w: w.inside(lambda c: w.memory.import_queue.done(c, hers_waiting(w))),),
    "ImportQueue.postpone": (lambda w: w.memory.import_queue.postpone(hers_waiting(w), "x", passing=False),),
    "ImportQueue.hand_back": (lambda w: w.memory.import_queue.hand_back(hers_waiting(w)),),
    "ImportQueue.writing": (lambda w: w.memory.import_queue.writing(hers_waiting(w)).__enter__(),),
    "ImportQueue.learn": (lambda w: w.memory.import_queue.learn(hers_waiting(w), w.memory.turns),),
    "ImportQueue.renewed": (lambda w: w.memory.import_queue.renewed(hers_waiting(w)).__enter__(),),
    "ImportQueue.retry": (lambda w: [w.memory.import_queue.retry(each) for each in (ME, *STRANGE)],),
    "Leases.take": (lambda w: w.inside(lambda c: [w.leases.take(c, each) for each in (ALICE, ME)]),),
    "Leases.hold": (lambda w: w.inside(lambda c: w.leases.hold(c, hers_leased(w))),),
    "Leases.end": (lambda w: w.inside(lambda c: w.leases.end(c, hers_leased(w))),),
    "Leases.writing": (lambda w: w.leases.writing(hers_leased(w), lambda _: True).__enter__(),),
    "Leases.end_with": (
        lambda w: w.leases.end_with(hers_leased(w), text("update app.messages set content = 'mine'"), {}),
    ),
    "Leases.renew": (lambda w: w.leases.renew(hers_leased(w)),),
    "Leases.renewed": (lambda w: _renewing(w),),
    "Leases.take_away": (lambda w: w.inside(w.leases.take_away),),
    "Leases.note_erasing": (lambda w: w.inside(w.leases.note_erasing),),
    "Leases.erasures": (lambda w: w.inside(w.leases.erasures),),
    "ImportQueue.progress": (lambda w: [w.memory.import_queue.progress(each) for each in (ME, *STRANGE)],),
    "ImportQueue.stop": (lambda w: w.memory.import_queue.stop(ME),),
    "TurnQueue.claim": (lambda w: _claimed(w),),
    "TurnQueue.finish": (lambda w: w.inside(lambda c: w.conversations.queue.finish(c, w.known["asked"].id, {})),),
    "TurnQueue.postpone": (
        lambda w: w.conversations.queue.postpone(hers_claimed(w), "x", passing=False),
        lambda w: w.conversations.queue.postpone(hers_claimed(w), "x", passing=True),
    ),
    "TurnQueue.hand_back": (lambda w: w.conversations.queue.hand_back(hers_claimed(w)),),
    "TurnQueue.writing": (lambda w: w.conversations.queue.writing(hers_claimed(w)).__enter__(),),
    "TurnQueue.stuck": (lambda w: [w.conversations.queue.stuck(each) for each in (ME, *STRANGE)],),
    "TurnQueue.retry": (lambda w: [w.conversations.queue.retry(each) for each in (ME, *STRANGE)],),
    "TurnQueue.retry_all": (lambda w: w.conversations.queue.retry_all(),),
    "TurnQueue.wake_resting": (lambda w: w.conversations.queue.wake_resting(),),
    "TurnQueue.bring_back_times": (lambda w: w.conversations.queue.bring_back_times(),),
    "TurnQueue.withdraw_all": (lambda w: w.inside(w.conversations.queue.withdraw_all),),
    "TurnQueue.release": (lambda w: w.inside(lambda c: w.conversations.queue.release(c, w.known["asked"].id)),),
    "TurnQueue.withdraw": (lambda w: w.inside(lambda c: w.conversations.queue.withdraw(c, w.known["asked"].id)),),
    "TurnQueue.withdraw_chat": (
        lambda w: w.inside(lambda c: w.conversations.queue.withdraw_chat(c, w.known["asked"].conversation_id)),
    ),
    "TurnQueue.waiting": (lambda w: w.conversations.queue.waiting(ME),),
    "Worker.learn_next": (lambda w: _learned_next(w),),
    "Worker.sweep_if_due": (lambda w: w.worker.sweep_if_due(),),
    "Worker.remember_next": (lambda w: (w.conversations.say(ME, None, "I keep bees"), w.worker.remember_next())[1],),
}
