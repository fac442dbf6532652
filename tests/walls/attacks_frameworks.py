"""What Mallory tries on what programs keep, and through the adapters for them; a part of tests/walls/attacks.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from memory.frameworks.langchain import KeepsakeChatHistory
from memory.frameworks.langgraph import KeepsakeStore
from memory.frameworks.openai_agents import KeepsakeSession
from memory.learn.transcripts import TranscriptItem
from tests.walls.world import ALICE, CHAT, MALLORY, SECRET, World

ME = MALLORY
ENTRIES = [
    TranscriptItem({"user_id": ALICE}, "user", "I own it."),
    TranscriptItem({"text": "Noted."}, "assistant", "Noted."),
]


def _history(w: World, chat: str = CHAT) -> KeepsakeChatHistory:
    return KeepsakeChatHistory(w.memory.for_user(ME), chat)


def _elsewhere(call: Callable[[], Any]) -> Any:
    """Await a call in a thread of its own: where a browser was used before, this thread has a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(call())).result()


def _session(w: World, chat: str = CHAT) -> KeepsakeSession:
    return KeepsakeSession(w.memory, chat, user_id=ME)


def _store(w: World) -> KeepsakeStore:
    """A store of Mallory's, for whom Alice's namespaces are names."""
    return KeepsakeStore(w.memory.for_user(ME))


def _reads(w: World) -> list[Any]:
    """Everything that a store can be asked for, under Alice's name and with her ids."""
    known = str(w.known["fact"].id)
    conditions = (MatchCondition("prefix", (ALICE,)),)
    return [
        GetOp((ALICE, "learned"), known),
        GetOp(("learned",), known),
        GetOp(("learned",), str(w.known["gone"])),
        SearchOp((ALICE,), query=SECRET),
        SearchOp((), query=SECRET),
        SearchOp((), filter={"user_id": ALICE}, limit=1000),
        ListNamespacesOp(match_conditions=conditions, limit=1000),
    ]


def _writes(w: World) -> list[Any]:
    return [
        PutOp(("learned",), str(w.known["fact"].id), None),
        PutOp((ALICE, "learned"), str(w.known["fact"].id), {"text": "I own it."}),
        PutOp((ALICE,), "user_id", {"user_id": ALICE, "text": "I own it."}),
    ]


FRAMEWORKS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Transcripts.add": (
        lambda w: w.memory.transcripts.add(CHAT, ENTRIES, user_id=ME),
        lambda w: w.memory.transcripts.add("x'); update app.transcripts set said = null --", ENTRIES, user_id=ME),
    ),
    "Transcripts.items": (
        lambda w: w.memory.transcripts.items(CHAT, user_id=ME, limit=1000),
        lambda w: w.memory.transcripts.items("' or true --", user_id=ME),
    ),
    "Transcripts.pop": (
        lambda w: [w.memory.transcripts.pop(CHAT, user_id=ME) for _ in range(5)],
        lambda w: w.memory.transcripts.pop("%", user_id=ME),
    ),
    "Transcripts.clear": (
        lambda w: w.memory.transcripts.clear(CHAT, user_id=ME),
        lambda w: w.memory.transcripts.clear("' or true --", user_id=ME),
    ),
    "Transcripts.learn": (lambda w: w.memory.transcripts.learn(CHAT, user_id=ME),),
    "KeepsakeChatHistory.add_messages": (
        lambda w: _history(w).add_messages([HumanMessage("I own it.", user_id=ALICE), AIMessage("Noted.")]),
        lambda w: KeepsakeChatHistory(w.memory.for_user(ME), CHAT, user_id=ALICE).add_messages([HumanMessage(SECRET)]),
    ),
    "KeepsakeChatHistory.learn": (lambda w: _history(w).learn(),),
    "KeepsakeChatHistory.clear": (lambda w: _history(w).clear(), lambda w: _history(w, f"{CHAT} ").clear()),
    "Items.put": (
        lambda w: w.memory.items.put([(("learned",), str(w.known["fact"].id), None)], user_id=ME),
        lambda w: w.memory.items.put([((ALICE,), "k", {"user_id": ALICE, "text": "I own it."})], user_id=ME),
        lambda w: w.memory.items.put([(("learned",), str(w.known["fact"].id), {"text": "I own it."})], user_id=ME),
    ),
    "Items.get": (lambda w: w.memory.items.get(("learned",), str(w.known["fact"].id), user_id=ME),),
    "Items.find": (
        lambda w: w.memory.items.find(SECRET, user_id=ME, limit=1000),
        lambda w: w.memory.items.find(SECRET, ("' or true --",), user_id=ME),
    ),
    "Items.all": (lambda w: w.memory.items.all(user_id=ME), lambda w: w.memory.items.all(("learned",), user_id=ME)),
    "KeepsakeStore.batch": (
        lambda w: _store(w).batch(_reads(w)),
        lambda w: _store(w).batch(_writes(w)[:1]),
        lambda w: _store(w).batch(_writes(w)[1:]),
    ),
    "KeepsakeStore.abatch": (lambda w: _elsewhere(lambda: _store(w).abatch(_reads(w))),),
    "KeepsakeSession.get_items": (lambda w: _elsewhere(lambda: _session(w).get_items()),),
    "KeepsakeSession.add_items": (
        lambda w: _elsewhere(lambda: _session(w).add_items([{"role": "user", "content": f"I am {ALICE}."}])),
    ),
    "KeepsakeSession.pop_item": (lambda w: _elsewhere(lambda: _session(w).pop_item()),),
    "KeepsakeSession.clear_session": (lambda w: _elsewhere(lambda: _session(w, "' or true --").clear_session()),),
    "KeepsakeSession.learn": (lambda w: _elsewhere(lambda: _session(w).learn()),),
}
