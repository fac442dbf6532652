"""What Mallory tries on the keys with which programs act for people; a part of tests/walls/attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auth.applications import Applications, ApplicationUser
from auth.session import new_secret
from services import OpenKey
from tests.walls.world import ALICE, MALLORY, SECRET, World

ME = MALLORY
APPLICATION = "0b0e7f6e-3a55-4d2b-9c3e-111111111111"
# The key of an application that Mallory runs, in the hope that a user of hers is Alice.
PROGRAM = OpenKey("", "attack", True, APPLICATION)
CLAIMED = ApplicationUser("user", "alice", ALICE)


def _make(w: World, name: str, **more: Any) -> str:
    values: dict[str, Any] = {"address": "m@example.com", "can_write": True, "days": 1}
    return w.keys.make(ME, name, **(values | more)).id


def _opened(w: World) -> Any:
    """Whom a key opens that Mallory made in the hope that it is Alice's."""
    made = w.keys.make(ME, "mine", address=f"{SECRET}@example.com", can_write=True, days=1)
    w.consents.record_consent(ME)
    opened = w.services.open_key(made.key)
    assert opened.user_id == ME
    return opened


def _applications(w: World) -> Applications:
    return w.services.applications


KEYS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "PersonalKeys.make": (
        lambda w: _make(w, "'); update app.api_keys set user_id = 'mallory' --"),
        lambda w: _make(w, "x", address=ALICE),
    ),
    "PersonalKeys.all": (lambda w: w.keys.all(ME), lambda w: w.keys.all(f"{ALICE} ")),
    "PersonalKeys.end": (lambda w: w.keys.end(ME, w.known["key"]), lambda w: w.keys.end(ME, "' or true --")),
    "PersonalKeys.owner": (
        lambda w: w.keys.owner(w.known["key"]),
        lambda w: w.keys.owner(f"ks_{new_secret()}"),
        lambda w: w.keys.owner("ks_' or true --"),
        lambda w: w.keys.owner(f"ks_{new_secret()}", -1),
    ),
    "PersonalKeys.note_use": (lambda w: w.keys.note_use(ME, w.known["key"]),),
    "Applications.open": (
        lambda w: _applications(w).open(w.known["key"]),
        lambda w: _applications(w).open(f"ksa_{new_secret()}"),
        lambda w: _applications(w).open("ksa_' or true --"),
    ),
    "Applications.note": (
        lambda w: _applications(w).note(CLAIMED),
        lambda w: _applications(w).note(ApplicationUser("user", SECRET, ME)),
    ),
    "Applications.users": (
        lambda w: _applications(w).users(APPLICATION, 1, 1_000),
        lambda w: _applications(w).users(ALICE, 1, 1_000),
    ),
    "Applications.owner": (
        lambda w: _applications(w).owner(APPLICATION, "memory", [w.known["fact"].id, w.known["gone"]]),
        lambda w: _applications(w).owner(APPLICATION, "event", [str(w.known["event"]), "1"]),
        lambda w: _applications(w).owner(APPLICATION, "question", [w.known["question"]]),
        lambda w: _applications(w).owner("", "memory", [w.known["fact"].id]),
    ),
    "Services.note_user": (
        lambda w: w.services.note_user(PROGRAM.named("user", ALICE)),
        lambda w: w.services.note_user(PROGRAM.acting_for(CLAIMED)),
    ),
    "Services.acting_for_owner": (
        lambda w: w.services.acting_for_owner(PROGRAM, "memory", [w.known["fact"].id]),
        lambda w: w.services.acting_for_owner(PROGRAM, "question", [w.known["question"]]),
    ),
    "Services.open_key": (
        _opened,
        lambda w: w.services.open_key(w.known["key"]),
        lambda w: w.services.open_key(f"ks_{new_secret()}"),
    ),
}
