"""Echoes: 200 turns in which the model repeats what it was shown. Only new facts that were said are stored."""

from __future__ import annotations

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from tests.memory.learn.test_remember import answer, operation
from tests.scripted import ScriptedModel

TURNS, EVERY = 200, 10
THINGS = (
    "bees bakery canoe cello garden lighthouse telescope violin sailboat greenhouse "
    "motorbike pottery-wheel beehive-museum drum-kit orchard vineyard windmill tandem sauna library"
).split()


def test_among_echoes_only_the_new_facts_are_stored(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    memory = Memory(database, embedder, scripted_model)
    planted = [f"I own a {thing} in Porto" for thing in THINGS]
    assert len(planted) == TURNS // EVERY
    for turn in range(TURNS):
        recalled = [fact.text for fact in memory.recall("What do I own?", user_id="alice", limit=8)]
        new = planted[turn // EVERY] if turn % EVERY == 0 else None
        words = f"Well. {new}" if new else f"What else could I do on day {turn}, any idea?"
        echoes = [operation("add", f"The person said: {text}", text) for text in recalled]
        echoes += [operation("add", text, words) for text in recalled]
        scripted_model.enqueue(answer(*echoes, *([operation("add", new, new)] if new else [])))
        reply = "As you told me: " + " ".join(recalled)
        memory.add([Said("user", words), Said("assistant", reply)], user_id="alice")
    kept = [each["memory"] for each in memory.get_all(user_id="alice", limit=1_000)["results"]]
    assert sorted(kept) == sorted(planted)
    assert len(scripted_model.calls) == TURNS
