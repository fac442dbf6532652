"""What Mallory tries on the limits and the counts; a part of tests/walls/attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memory.model.serving import Served
from tests.walls.world import ALICE, MALLORY, SECRET, World

ME = MALLORY


def _relayed(w: World) -> str:
    w.model.enqueue("Nothing of hers")
    return str(list(w.limits.metered(w.model, ME).relay([], {})))


def _metered(w: World) -> str:
    w.model.enqueue("Nothing of hers")
    return "".join(w.limits.metered(w.model, ME).stream([]))


LIMITS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Limits.agreed": (lambda w: w.limits.agreed(f"{ME} ", "m@example.com") or None,),
    "Limits.agree": (lambda w: w.limits.agree(ME, "alice@example.com"),),
    "Limits.forget_address": (lambda w: w.limits.forget_address("alice@example.com"),),
    "Limits.may_say": (lambda w: w.limits.may_say(ME, "x"),),
    "Limits.uploading": (lambda w: w.limits.uploading(ME).__enter__(),),
    "Limits.may_store": (lambda w: w.limits.may_store(0, 1),),
    "Limits.memories_left": (lambda w: w.limits.memories_left(ME),),
    "Limits.may_remember": (lambda w: w.limits.may_remember(ME, "x"),),
    "Limits.metered": (lambda w: w.limits.metered(w.model, ME).name,),
    "Limits.may_try_sign_in": (lambda w: w.limits.may_try_sign_in("alice@example.com", "198.51.100.1"),),
    "Limits.may_sign_up": (lambda w: w.limits.may_sign_up("alice@example.com", "x"),),
    "Limits.count_wrong_key": (lambda w: w.limits.count_wrong_key("198.51.100.1"),),
    "Limits.check_key_holder": (lambda w: w.limits.check_key_holder("alice@example.com", agreed=True),),
    "Limits.may_call": (lambda w: w.limits.may_call(ME),),
    "Limits.may_call_for": (lambda w: w.limits.may_call_for(ALICE),),
    "Counts.add_for_user": (lambda w: w.counts.add_for_user(ME, f"{SECRET}-count", 0, None, 60).amount or None,),
    "Counts.adjust_for_user": (lambda w: w.counts.adjust_for_user(ME, f"{SECRET}-count", 5),),
    "Counts.add_for_key": (lambda w: w.counts.add_for_key("tokens", ALICE, 1, 10, 60),),
    "Counts.memories": (lambda w: w.counts.memories(ME),),
    "Consents.has_people": (lambda w: w.consents.has_people() or None,),
    "Consents.came_first": (lambda w: w.consents.came_first(ME) or None,),
    "Consents.has_agreed": (lambda w: w.consents.has_agreed(f"{ME} ") or None,),
    "Consents.agreement": (lambda w: w.database.read(f"{ME} ", w.consents.agreement()) or None,),
    "Consents.has_ever_agreed": (lambda w: w.consents.has_ever_agreed(f"{ME} ") or None,),
    "Consents.record_consent": (lambda w: w.consents.record_consent(ME),),
    "Admission.check_new": (lambda w: w.admission.check_new("m@example.com", "x' or true --"),),
    "Admission.check_known": (lambda w: w.admission.check_known("m@example.com", new=True),),
    "Admission.forget": (lambda w: w.admission.forget("' or true --"),),
    "Spending.reserve": (lambda w: w.spending.reserve(1, Served(ME)),),
    "Spending.adjust": (lambda w: w.spending.adjust(-(10**9), Served(ME, "turns")),),
    "Metered.relay": (lambda w: _relayed(w),),
    "Metered.stream": (lambda w: _metered(w),),
    "Metered.named": (lambda w: w.limits.metered(w.model, ME).named("other").name,),
    "Metered.answer": (lambda w: w.limits.metered(w.model, ME).name,),
}
