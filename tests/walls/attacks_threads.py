"""What Mallory tries on Alice's chats as they are read and chosen from; a part of tests/walls/attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.walls.world import ALICE, MALLORY, SECRET, World

ME = MALLORY


def chat_of_mine(w: World) -> str:
    """A chat of Mallory's own."""
    return w.conversations.say(ME, None, "mine").conversation_id


def told_the_same(w: World) -> str:
    """Whose message it is that says once more what Alice has said; gone again, for the attempts that come after."""
    said = w.conversations.say(ME, None, f"Tell me about {SECRET}", once_within=10**6)
    if said.user_id == ME:
        w.chats.delete_for_good(ME, said.conversation_id)
    return said.user_id


def _replied(w: World) -> str:
    """The reply in Alice's chat."""
    return w.conversations.messages(ALICE, w.known["asked"].conversation_id)[-1].id


THREADS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Threads.open": (
        lambda w: w.conversations.threads.open(ME, w.known["asked"].conversation_id),
        lambda w: w.conversations.threads.open(
            ME, chat_of_mine(w), show=w.known["asked"].id, first=w.known["asked"].id
        ),
    ),
    "Threads.up_to": (lambda w: w.conversations.threads.up_to(replace(w.known["asked"], user_id=ME, content="")),),
    "Threads.stamp": (lambda w: w.conversations.threads.stamp(ME, w.known["asked"].conversation_id) and SECRET,),
    "Threads.choose": (
        lambda w: w.conversations.threads.choose(ME, w.known["asked"].conversation_id, w.known["asked"].id),
        lambda w: w.conversations.threads.choose(ME, chat_of_mine(w), w.known["asked"].id),
    ),
    "Threads.rate": (lambda w: w.conversations.threads.rate(ME, _replied(w), -1, "mine now"),),
}
