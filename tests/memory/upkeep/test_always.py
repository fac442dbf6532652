"""What the person marks as always included is given whatever is asked; nobody else can mark it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, NotFound
from memory.recall.rank import STANDING_TOKENS
from tests.memory.learn.test_remember import answer, operation
from tests.memory.mem0 import Mem0
from tests.memory.upkeep.test_tidy import Desk
from tests.scripted import ScriptedModel

ALICE = "alice"
NUTS = "I am allergic to walnuts."
UNRELATED = "Which train goes to Bergen?"


@pytest.fixture
def desk(database: Database, embedder: BundledEmbedder) -> Desk:
    return Desk(database, embedder)


def _tell(memory: Memory, words: str) -> str:
    return str(memory.add(words, user_id=ALICE)["results"][0]["id"])


def _given(memory: Memory, question: str = UNRELATED) -> list[str]:
    """What a reply is given whatever is asked."""
    return [each.text for each in memory.recall(question, user_id=ALICE, standing=12) if each.score is None]


def _is_marked(memory: Memory, memory_id: str) -> bool:
    kept = memory.get(memory_id, user_id=ALICE)
    assert kept is not None
    assert "always_included" not in kept["metadata"]
    return kept.get("always_included", False)


# -- marking ---------------------------------------------------------------------------------------


def test_a_marked_memory_comes_with_every_question_and_only_to_replies(memory: Memory) -> None:
    kept = _tell(memory, NUTS)
    _tell(memory, "I have a sister in Graz.")
    assert _given(memory) == []
    assert memory.always.include([kept], user_id=ALICE).count == 1
    assert _given(memory) == [NUTS]
    assert memory.search(UNRELATED, user_id=ALICE)["results"] == []
    assert memory.always.exclude([kept], user_id=ALICE).count == 1
    assert _given(memory) == []


def test_it_is_given_once_and_with_its_score_where_it_fits_the_question(memory: Memory) -> None:
    kept = _tell(memory, NUTS)
    memory.always.include([kept], user_id=ALICE)
    found = memory.recall("What am I allergic to?", user_id=ALICE, standing=12)
    assert [each.text for each in found if each.source == "memories"] == [NUTS]
    assert found[0].score is not None
    assert found[0].always_included


def test_it_is_given_once_to_a_question_about_the_person_as_a_whole(memory: Memory) -> None:
    kept = _tell(memory, NUTS)
    _tell(memory, "I have a sister in Graz.")
    memory.always.include([kept], user_id=ALICE)
    given = memory.recall("What do you know about me?", user_id=ALICE, standing=12)
    assert sorted(each.text for each in given if each.source == "memories") == [NUTS, "I have a sister in Graz."]


def test_marking_is_a_version_that_can_be_undone_and_done_again(memory: Memory) -> None:
    kept = _tell(memory, NUTS)
    change = memory.always.include([kept], user_id=ALICE)
    marked = memory.history(kept, user_id=ALICE)[-1]
    assert (marked["event"], marked["actor"], marked["marked"]) == ("UPDATE", "person", True)
    assert marked["reason"] == "marked as always included"
    [undone] = memory.undo(change.run, user_id=ALICE)
    assert not _is_marked(memory, kept)
    last = memory.history(kept, user_id=ALICE)[-1]
    assert (last["marked"], last["undoes"]) == (False, undone["id"])
    memory.undo(last["id"], user_id=ALICE)
    assert _is_marked(memory, kept)
    assert memory.history(kept, user_id=ALICE)[0]["marked"] is None


def test_what_is_marked_already_what_is_gone_and_what_is_somebody_elses_changes_nothing(memory: Memory) -> None:
    kept = _tell(memory, NUTS)
    gone = _tell(memory, "I have a sister in Graz.")
    memory.delete(gone, user_id=ALICE)
    assert memory.always.include([kept, kept, gone, "%", "\x00"], user_id=ALICE).count == 1
    assert memory.always.include([kept], user_id=ALICE).count == 0
    assert memory.always.exclude([kept], user_id="bob").count == 0
    assert len(memory.history(kept, user_id=ALICE)) == 2
    with pytest.raises(InvalidInput, match="list of their ids"):
        memory.always.include(kept, user_id=ALICE)
    with pytest.raises(NotFound):
        memory.undo(memory.always.include(["no"], user_id=ALICE).run, user_id=ALICE)


# -- keeping the mark --------------------------------------------------------------------------------


def test_new_words_keep_the_mark_whoever_says_them(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    memory = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(answer(operation("add", "I live in Porto", "I live in Porto")))
    kept = str(memory.add("I live in Porto", user_id=ALICE)["results"][0]["id"])
    memory.always.include([kept], user_id=ALICE)
    scripted_model.enqueue(answer(operation("update", "I live in Braga", "I live in Braga", target=1)))
    memory.add("I live in Braga", user_id=ALICE)
    assert _given(memory) == ["I live in Braga"]
    scripted_model.enqueue(answer())
    memory.update(kept, "I live in Faro", user_id=ALICE)
    memory.recheck.confirm([kept], user_id=ALICE)
    assert _given(memory) == ["I live in Faro"]


def test_tidying_keeps_the_mark_of_what_it_merges_and_sums_up_nothing_marked(memory: Memory, desk: Desk) -> None:
    first, second = desk.keep(NUTS), desk.keep("I'm allergic to walnuts", quote="I'm allergic to walnuts")
    memory.always.include([first], user_id=ALICE)
    [merged] = memory.tidy.run(ALICE).merged
    assert {merged.memory_id, *merged.instead_of} == {first, second}
    assert _is_marked(memory, merged.memory_id)


def test_what_is_always_included_is_never_proposed_for_deletion(memory: Memory, desk: Desk) -> None:
    old = "2020-01-01T12:00:00+00:00"
    kept = desk.keep(NUTS, created_at=old, updated_at=old)
    assert [each.memory_id for each in memory.tidy.run(ALICE).proposals] == [kept]
    memory.always.include([kept], user_id=ALICE)
    assert memory.tidy.run(ALICE).proposals == ()
    assert memory.health.read(user_id=ALICE).well


# -- nobody else ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [True, "true", None])
def test_metadata_cannot_claim_the_mark(memory: Memory, database: Database, value: Any) -> None:
    for infer in (True, False):
        with pytest.raises(InvalidInput, match="always_included"):
            memory.add(NUTS, user_id=ALICE, metadata={"always_included": value}, infer=infer)
    file = json.dumps([{"memory": NUTS, "metadata": {"always_included": value}}]).encode()
    with pytest.raises(InvalidInput, match="always_included"):
        memory.bulk_edit.import_file(file, "mem0.json", user_id=ALICE)
    plan = memory.turns.plan([Said("user", NUTS)], user_id=ALICE)
    with database.as_user(ALICE) as connection, pytest.raises(InvalidInput, match="always_included"):
        memory.turns.write(connection, plan, metadata={"always_included": value})
    assert memory.get_all(user_id=ALICE)["results"] == []


def test_another_program_can_neither_set_nor_remove_it(
    memory: Memory, desk: Desk, database: Database, embedder: BundledEmbedder
) -> None:
    theirs = desk.keep("I like tea.", actor="")
    marked = desk.keep(NUTS)
    memory.always.include([marked], user_id=ALICE)
    mem0 = Mem0(database, embedder)
    rows = database.read_as(ALICE, "select id, metadata from vecs.memories")
    for row in rows:
        row["metadata"] = {key: value for key, value in row["metadata"].items() if key != "always_included"}
        row["metadata"] |= {"always_included": True} if row["id"] == theirs else {"shop": 7}
    mem0.write(rows)
    assert not _is_marked(memory, theirs)
    assert _is_marked(memory, marked)


@pytest.mark.parametrize("actor", ["", "model", "rules"])
def test_the_database_itself_refuses_the_mark_from_anybody_but_the_person(
    memory: Memory, desk: Desk, database: Database, actor: str
) -> None:
    kept = desk.keep(NUTS)
    with closing(Database(database.admin_url)) as own, own.engine.begin() as connection:
        connection.exec_driver_sql(f"select set_config('keepsake.actor', '{actor}', true)")
        mark = "metadata || '{\"always_included\": true}'"
        connection.exec_driver_sql(f"update vecs.memories set metadata = {mark}")
        connection.exec_driver_sql(
            f"insert into vecs.memories (id, vec, metadata)"
            f' select \'new\', vec, {mark} || \'{{"hash": "x", "data": "y"}}\' from vecs.memories'
        )
    assert not _is_marked(memory, kept)
    assert not _is_marked(memory, "new")


def test_an_export_brings_the_mark_along_and_says_so(memory: Memory) -> None:
    memory.always.include([_tell(memory, NUTS)], user_id=ALICE)
    _tell(memory, "I have a sister in Graz.")
    exported = json.dumps({"results": memory.bulk_edit.all(user_id=ALICE)}).encode()
    change = memory.bulk_edit.import_file(exported, "memories.json", user_id="bob")
    assert (change.count, change.always_included) == (2, 1)
    kept = {each["memory"]: each.get("always_included", False) for each in memory.bulk_edit.all(user_id="bob")}
    assert kept == {NUTS: True, "I have a sister in Graz.": False}
    table = f"memory,always_included\n{NUTS},yes\nI like tea.,\nI like jam.,no\n".encode()
    assert memory.bulk_edit.import_file(table, "memories.csv", user_id="carol").always_included == 1
    marked = memory.get_all(user_id="carol", filters={"always_included": True})["results"]
    assert [each["memory"] for each in marked] == [NUTS]


# -- how much there is room for ----------------------------------------------------------------------------


def test_marks_cannot_eat_everything_the_newest_come_first_and_the_rest_is_named(memory: Memory, desk: Desk) -> None:
    long = "I keep a notebook about birds. " * 40  # more than half of what there is room for
    older, newer = desk.keep(f"{long}One."), desk.keep(f"{long}Two.")
    short = _tell(memory, NUTS)
    assert memory.always.without_room(user_id=ALICE) == []
    memory.always.include([older, newer, short], user_id=ALICE)
    assert _given(memory) == [NUTS, f"{long}Two."]
    assert memory.always.without_room(user_id=ALICE) == [older]
    assert sum(len(each) for each in _given(memory)) < 5 * STANDING_TOKENS


def test_instructions_are_given_before_what_is_always_included(memory: Memory, desk: Desk) -> None:
    wish = desk.keep("Answer me in French.", kind="instruction")
    memory.always.include([_tell(memory, NUTS)], user_id=ALICE)
    assert _given(memory) == ["Answer me in French.", NUTS]
    many = [desk.keep(f"Wish number {number} is this one.", kind="instruction") for number in range(20)]
    memory.always.include([wish], user_id=ALICE)
    assert _given(memory)[0] == "Answer me in French."
    assert NUTS in _given(memory)
    assert len(_given(memory)) == 13
    assert len(many) == 20


def test_what_has_expired_is_not_included(memory: Memory, desk: Desk) -> None:
    kept = desk.keep(NUTS, expiration_date="2020-01-01")
    memory.always.include([kept], user_id=ALICE)
    assert _given(memory) == []
