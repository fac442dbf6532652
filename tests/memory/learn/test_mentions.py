"""A changed memory keeps what its new words still name, and its source is what made the new version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memory import Fact, Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import ModelUnreachable
from memory.learn.mentions import Mentions, mentioned
from memory.rows.graph import Relation
from tests.memory.learn.test_remember import answer, operation
from tests.memory.mem0 import Mem0
from tests.scripted import ScriptedModel

BAKER, CHEF = "My partner Jonas is a baker", "My partner Jonas is a pastry chef"
JONAS: dict[str, Any] = {"entities": [["Jonas", "my partner"]], "relations": [["Jonas", "is partner of", "me"]]}
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def after(before: str, text: str, known: dict[str, Any], read: Mentions | None = None) -> dict[str, Any]:
    return mentioned(Fact("1", {"data": before, **known}), text, read or Mentions())


# -- what is kept ----------------------------------------------------------------------------------


def test_what_the_new_words_still_name_is_kept() -> None:
    works = ["Jonas", "works as", "baker"]
    known = {"entities": [["Jonas", "my partner"], ["baker"]], "relations": [*JONAS["relations"], works]}
    kept = after(BAKER, CHEF, known)
    assert kept == JONAS


@pytest.mark.parametrize(
    ("text", "entities", "relations"),
    [
        ("My friend Jonas is a baker", [["Jonas"]], []),
        ("Jonas's bakery is closed, says my partner", [["Jonas", "my partner"]], JONAS["relations"]),
        ("I bake bread", [], []),
        ("JONAS, my partner, bakes", [["Jonas", "my partner"]], JONAS["relations"]),
        ("Jonasson is a baker", [], []),
    ],
)
def test_names_and_relations_go_with_their_words(text: str, entities: Any, relations: Any) -> None:
    kept = after(BAKER, text, JONAS)
    assert (kept.get("entities", []), kept.get("relations", [])) == (entities, relations)


def test_a_name_that_only_the_turn_had_stays() -> None:
    known = {"entities": [["Ana", "my sister"]], "relations": [["Ana", "is sister of", "me"]]}
    assert after("My sister likes tea", "My sister likes cocoa", known) == known


def test_what_was_read_anew_is_joined_with_what_stays() -> None:
    read = Mentions((("Jonas", "my husband"),), (("Jonas", "is married to", "me"),))
    kept = after(BAKER, "My husband Jonas is a baker", JONAS, read)
    assert kept == {"entities": [["Jonas", "my husband"]], "relations": [["Jonas", "is married to", "me"]]}


@pytest.mark.parametrize("odd", [5, "Jonas", [5], [["Jonas", 5], None], {"a": 1}])
def test_lists_of_another_form_do_no_harm(odd: Any) -> None:
    assert "relations" not in after(BAKER, CHEF, {"entities": odd, "relations": odd})


# -- an edit by the person ---------------------------------------------------------------------------


def relations(memory: Memory) -> list[Relation]:
    return memory.graph.relations("alice")


def tell(memory: Memory, model: ScriptedModel, **more: Any) -> str:
    """Tell of Jonas in chat 1; return the id of the memory."""
    model.enqueue(answer(operation("add", BAKER, BAKER, **{**JONAS, **more})))
    said = Said("user", f"{BAKER}.", AT, "m1", "chat 1")
    return str(memory.add([said], user_id="alice")["results"][0]["id"])


def test_an_edit_keeps_somebody_in_the_graph_and_undo_brings_back_the_earlier_relations(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    kept = tell(learning, scripted_model, relations=[*JONAS["relations"], ["Jonas", "works as", "baker"]])
    before = relations(learning)
    scripted_model.enqueue(answer(operation("add", CHEF, CHEF, relations=[["Jonas", "works as", "pastry chef"]])))
    learning.update(kept, CHEF, user_id="alice")
    assert {(each.subject, each.relation, each.object) for each in relations(learning)} == {
        ("Jonas", "is partner of", "me"),
        ("Jonas", "works as", "pastry chef"),
    }
    learning.undo(learning.history(kept, user_id="alice")[-1]["id"], user_id="alice")
    assert relations(learning) == before


def test_an_edit_goes_through_while_the_model_is_away(learning: Memory, scripted_model: ScriptedModel) -> None:
    kept = tell(learning, scripted_model)
    scripted_model.enqueue(ModelUnreachable("The model does not answer."))
    assert learning.update(kept, CHEF, user_id="alice")["memory"] == CHEF
    assert [each.relation for each in relations(learning)] == ["is partner of"]


def test_without_a_model_the_rules_read_the_new_words(memory: Memory) -> None:
    [added] = memory.add("I like tea.", user_id="alice")["results"]
    memory.update(added["id"], "My sister Ana likes tea", user_id="alice")
    entity = memory.graph.entity("alice", "Ana")
    assert entity is not None
    assert set(entity.names) == {"Ana", "My sister"}


def test_a_small_edit_asks_no_model(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("add", "I like tea", "I like tea")))
    [added] = learning.add("I like tea.", user_id="alice")["results"]
    learning.update(added["id"], "I like green tea", user_id="alice")
    assert len(scripted_model.calls) == 1


def test_an_edit_keeps_the_day_unless_the_words_name_another(learning: Memory, scripted_model: ScriptedModel) -> None:
    kept = tell(learning, scripted_model, happened_at="2020-05-01")
    scripted_model.enqueue(answer(), answer(operation("add", "x", "x", happened_at="2021-06-02")))
    learning.update(kept, CHEF, user_id="alice")
    changed = learning.get(kept, user_id="alice")
    assert changed is not None
    assert changed["metadata"]["happened_at"] == "2020-05-01"
    assert changed["metadata"]["language"] == "en"
    learning.update(kept, f"{CHEF} since 2 June 2021", user_id="alice")
    changed = learning.get(kept, user_id="alice")
    assert changed is not None
    assert changed["metadata"]["happened_at"] == "2021-06-02"


def test_a_secret_among_the_names_is_not_kept(learning: Memory, scripted_model: ScriptedModel) -> None:
    kept = tell(learning, scripted_model)
    secret = "sk-proj-abcdef1234567890abcd"
    scripted_model.enqueue(answer(operation("add", CHEF, CHEF, entities=[["Jonas", secret]])))
    learning.update(kept, CHEF, user_id="alice")
    assert secret not in str(learning.get(kept, user_id="alice"))


# -- the source of each version ----------------------------------------------------------------------


def test_a_version_has_the_quote_the_message_and_the_chat_that_made_it(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    kept = tell(learning, scripted_model)
    scripted_model.enqueue(answer(operation("update", CHEF, "a pastry chef now", target=1)))
    learning.add([Said("user", "Jonas is a pastry chef now.", AT, "m2", "chat 2")], user_id="alice")
    now = learning.get(kept, user_id="alice")
    assert now is not None
    assert {key: now["metadata"][key] for key in ("quote", "message_id", "run_id")} == {
        "quote": "a pastry chef now",
        "message_id": "m2",
        "run_id": "chat 2",
    }
    assert now["metadata"]["relations"] == JONAS["relations"]
    assert [
        (each["quote"], each["message_id"], each["run_id"]) for each in learning.history(kept, user_id="alice")
    ] == [(BAKER, "m1", "chat 1"), ("a pastry chef now", "m2", "chat 2")]


def test_what_the_person_wrote_came_from_no_message(learning: Memory, scripted_model: ScriptedModel) -> None:
    kept = tell(learning, scripted_model)
    scripted_model.enqueue(answer())
    learning.update(kept, CHEF, user_id="alice")
    now = learning.get(kept, user_id="alice")
    assert now is not None
    assert {"quote", "message_id", "run_id"}.isdisjoint(now["metadata"])
    first, last = learning.history(kept, user_id="alice")
    assert (first["message_id"], first["run_id"]) == ("m1", "chat 1")
    assert (last["message_id"], last["run_id"], last["quote"]) == (None, None, None)


def test_an_answer_to_which_is_right_comes_from_the_message_that_raised_it(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    kept = tell(learning, scripted_model)
    more = {"relations": [["Jonas", "works as", "pastry chef"]]}
    scripted_model.enqueue(answer(operation("ask", CHEF, "Jonas is a pastry chef", target=1, **more)))
    learning.add([Said("user", "Jonas is a pastry chef.", AT, "m2", "chat 2")], user_id="alice")
    [question] = learning.questions.open("alice")
    learning.questions.answer(question.id, "new", user_id="alice")
    now = learning.get(kept, user_id="alice")
    assert now is not None
    assert (now["metadata"]["message_id"], now["metadata"]["run_id"]) == ("m2", "chat 2")
    assert now["metadata"]["told_at"] == AT.isoformat()
    assert [each.relation for each in relations(learning)] == ["is partner of", "works as"]


def test_what_mem0_changes_loses_the_old_source_and_keeps_who_is_still_named(
    learning: Memory, scripted_model: ScriptedModel, database: Database, embedder: BundledEmbedder
) -> None:
    works = ["Jonas", "works as", "baker"]
    kept = tell(learning, scripted_model, relations=[*JONAS["relations"], works], happened_at="2020-05-01")
    [row] = database.read_as("alice", "select metadata from vecs.memories")
    changed = {**row["metadata"], "data": CHEF, "hash": "h", "updated_at": datetime.now(UTC).isoformat()}
    Mem0(database, embedder).write([{"id": kept, "metadata": changed}])
    now = learning.get(kept, user_id="alice")
    assert now is not None
    assert {"quote", "message_id", "happened_at"}.isdisjoint(now["metadata"])
    assert {key: now["metadata"][key] for key in JONAS} == JONAS
    assert [each.relation for each in relations(learning)] == ["is partner of"]
    assert learning.history(kept, user_id="alice")[0]["message_id"] == "m1"
    learning.undo(learning.history(kept, user_id="alice")[-1]["id"], user_id="alice")
    assert [each.relation for each in relations(learning)] == ["is partner of", "works as"]


def test_a_row_of_mem0s_own_is_left_as_mem0_writes_it(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    mem0 = Mem0(database, embedder)
    mine = {"user_id": "alice", "quote": "a key of mine", "message_id": "mine"}
    mem0.add("theirs", "I row", **mine)
    mem0.add("theirs", "I swim", **mine)
    now = memory.get("theirs", user_id="alice")
    assert now is not None
    assert (now["metadata"]["quote"], now["metadata"]["message_id"]) == ("a key of mine", "mine")


def test_a_row_of_another_program_keeps_its_scope_when_it_is_changed(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    Mem0(database, embedder).add("theirs", "I row", user_id="alice", run_id="their run")
    changed = memory.update("theirs", "I swim", user_id="alice")
    assert changed["metadata"]["run_id"] == "their run"
