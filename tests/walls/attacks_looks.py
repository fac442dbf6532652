"""What Mallory tries with the searches that a model makes while it replies; a part of attacks.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date
from functools import partial
from typing import Any

from chat.answering import Lookup
from chat.answering.second_look import LookingReply, SecondLook
from chat.prompt import SEARCH
from chat.tree import ChatHistory, Switches
from memory.model import PromptMessage, Usage
from tests.walls.world import ALICE, MALLORY, SECRET, World

SEARCHES: tuple[dict[str, Any], ...] = (
    {"query": "my sister in Porto", "user_id": ALICE},
    {"query": "sister", "person": ALICE, "filters": {"user_id": ALICE}},
)


def _lookup(w: World) -> Lookup:
    """A reply to Alice's message, as Mallory would present it."""
    asked = replace(w.known["asked"], user_id=MALLORY)
    return Lookup(w.memory, asked, ChatHistory((asked,), (), Switches()))


def _answered(arguments: dict[str, Any], w: World) -> str:
    return SecondLook(_lookup(w), UTC, {}).answer(SEARCH, json.dumps(arguments))


def _replied(w: World) -> Any:
    """Let Mallory's model search as if it were Alice's."""
    w.model.enqueue({"tool_calls": [{"function": {"name": SEARCH, "arguments": json.dumps(SEARCHES[0])}}]}, "I see.")
    asked, look = [PromptMessage("user", "Hello")], SecondLook(_lookup(w), UTC, {})
    pieces = list(LookingReply(w.model, lambda found, may_search: asked, look, Usage()).pieces())
    return [pieces, look.found]


ON_LOOKS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Lookup.again": (
        lambda w: _lookup(w).again(SECRET, ALICE, (None, None), UTC, []),
        lambda w: _lookup(w).again("%", "", (date(2000, 1, 1), date(2100, 1, 1)), UTC, [w.known["fact"]]),
    ),
    "SecondLook.answer": tuple(partial(_answered, each) for each in SEARCHES),
    "LookingReply.pieces": (_replied,),
}
