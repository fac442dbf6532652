"""Whole stores are moved in: everybody's memories with their ids, days and scopes, once, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory import __main__ as command
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import ModelUnreachable
from memory.moving import AT_ONCE, Moving
from memory.moving.stored import Collection, Owners, StoredText, from_payload
from tests.chat.conftest import until
from tests.local.conftest import PROJECT
from tests.locks import held_by
from tests.memory.mem0 import MEMORIES
from tests.memory.moving.conftest import STORES, Bring, Rows
from tests.memory.rows.test_bulk import Tired

FILLED_BY_MEM0 = {"qdrant": "qdrant", "chroma": "chroma", "faiss": "faiss_mem0"}
FILLED_BY_LANGCHAIN = {
    "qdrant": ("qdrant", "notes"),
    "chroma": ("chroma", "notes"),
    "faiss": ("faiss_langchain", "index"),
}
# carol has "I eat fish." twice, in the same scope.
TWICE = "824e8f64-e9b1-413e-af81-31b84c902c09"
UUID = "5f1a0c9e-8f4e-4a27-9a59-0d2f3a1b7c11"
MEM0_ROW = {"created_at": "2025-03-01T09:00:00-08:00", "updated_at": "2025-03-02T09:00:00-08:00", "hash": "x"}


def _expected() -> dict[str, dict[str, Any]]:
    return {each["id"]: each["metadata"] for each in MEMORIES if each["id"] != TWICE}


def _of(*payloads: dict[str, Any]) -> Collection:
    texts = [from_payload(str(each.pop("id")), {**MEM0_ROW, **each}) for each in payloads]
    return Collection("mem0", "made here", len(texts), iter(texts))


def _moving(database: Database, embedder: BundledEmbedder, **people: Any) -> Moving:
    return Moving(database, embedder, Owners(**people))


@pytest.mark.parametrize("store", FILLED_BY_MEM0)
def test_everybodys_memories_arrive_with_ids_days_scopes_and_metadata(store: str, bring: Bring, rows: Rows) -> None:
    told = bring(store, STORES / FILLED_BY_MEM0[store], "--collection", "mem0")
    assert "31 texts, 31 of mem0" in told
    assert "Brought 30:" in told
    kept, expected = rows(), _expected()
    assert kept.keys() == expected.keys()
    for each, theirs in expected.items():
        ours = kept[each]
        for name in ("data", "hash", "user_id", "agent_id", "app_id", "run_id", "actor_id", "role", "expiration_date"):
            assert ours.get(name) == theirs.get(name), name
        for name in ("created_at", "updated_at"):
            assert datetime.fromisoformat(ours[name]) == datetime.fromisoformat(theirs[name])
        assert ours.get("category") == theirs.get("category")
        assert "text_lemmatized" not in ours


@pytest.mark.parametrize("store", FILLED_BY_MEM0)
def test_a_dry_run_tells_what_a_run_then_does_and_keeps_nothing(store: str, bring: Bring, rows: Rows) -> None:
    place = STORES / FILLED_BY_MEM0[store]
    counted = bring(store, place, "--collection", "mem0", "--dry-run").splitlines()
    assert rows() == {}
    done = bring(store, place, "--collection", "mem0").splitlines()
    assert [each.replace("Would bring", "Brought") for each in counted] == done[:-1]
    assert "memory.undo(" in done[-1]
    assert '  "alice": 7 new (agent_id "food": 2; agent_id "travel": 1; run_id "run-1": 1)' in counted
    assert '  "carol": 9 new, 1 with words that are there already (app_id "garden": 1; app_id "office": 1)' in counted


@pytest.mark.parametrize("store", FILLED_BY_MEM0)
def test_a_second_run_brings_nothing_also_of_what_was_changed_or_deleted(
    store: str, bring: Bring, rows: Rows, memory: Memory
) -> None:
    place = STORES / FILLED_BY_MEM0[store]
    bring(store, place, "--collection", "mem0")
    lives, cello = (
        next(each["id"] for each in MEMORIES if each["metadata"]["data"] == said)
        for said in ("I live in Lisbon.", "I play the cello.")
    )
    memory.update(lives, "I live in Porto.", user_id="alice")
    memory.delete(cello, user_id="carol")
    before = rows()
    told = bring(store, place, "--collection", "mem0")
    assert "Brought 0:" in told
    assert rows() == before


def test_what_is_moved_in_is_found_whatever_vectors_the_store_had(bring: Bring, memory: Memory) -> None:
    bring("qdrant", STORES / "qdrant", "--collection", "mem0")
    [best, *_] = memory.search("which instrument?", user_id="carol", limit=1)["results"]
    assert best["memory"] == "I play the cello."


def test_a_move_can_be_taken_back_by_each_person(bring: Bring, memory: Memory, rows: Rows) -> None:
    told = bring("qdrant", STORES / "qdrant", "--collection", "mem0")
    run = told.split('memory.undo("')[1].split('"')[0]
    memory.undo(run, user_id="carol")
    assert Counter(each.get("user_id") for each in rows().values()) == {"alice": 7, "bob": 10, None: 4}


def test_a_move_that_ended_early_goes_on_where_it_ended(
    database: Database, embedder: BundledEmbedder, rows: Rows
) -> None:
    def texts() -> Iterator[StoredText]:
        for n in range(2 * AT_ONCE + 7):
            yield from_payload(f"id {n}", {**MEM0_ROW, "data": f"fact {n}", "user_id": f"user {n % 3}"})

    found = Collection("mem0", "made here", 2 * AT_ONCE + 7, texts())
    with pytest.raises(ModelUnreachable):
        _moving(database, Tired(1)).move(found)
    assert len(rows()) == AT_ONCE
    report = _moving(database, embedder).move(Collection("mem0", "made here", 2 * AT_ONCE + 7, texts()))
    assert sum(each.new for each in report.people.values()) == AT_ONCE + 7
    assert sum(each.here for each in report.people.values()) == AT_ONCE
    assert rows().keys() == {f"id {n}" for n in range(2 * AT_ONCE + 7)}


# Not committed, it holds up whoever writes a row with this id.
IN_THE_WAY = """
set search_path = public, extensions;
insert into vecs.memories (id, vec, metadata)
values ('id 3', array_fill(1, array[256])::vector, '{"user_id": "user 3", "data": "in the way"}')
"""


def test_a_move_that_was_killed_is_finished_by_the_next_run(
    bring: Bring, rows: Rows, database: Database, tmp_path: Path
) -> None:
    stored = {f"id {n}": {**MEM0_ROW, "data": f"fact {n}", "user_id": f"user {n % 7}"} for n in range(6 * AT_ONCE)}
    (tmp_path / "mem0.faiss").touch()
    (tmp_path / "mem0.json").write_text(json.dumps({"docstore": stored, "index_to_id": {}}))
    command_line = [sys.executable, "-m", "memory", "import", "--from", "faiss", str(tmp_path)]
    with (
        held_by(database, IN_THE_WAY) as waits,
        subprocess.Popen(command_line, cwd=PROJECT, env=dict(os.environ), stdout=subprocess.DEVNULL) as moving,
    ):
        until(lambda: waits() or moving.poll() is not None)
        moving.kill()
    assert 0 < len(rows()) < len(stored)
    bring("faiss", tmp_path)
    assert rows().keys() == stored.keys()


def test_what_names_no_person_is_kept_until_it_is_given_to_one(
    bring: Bring, memory: Memory, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    told = bring("qdrant", STORES / "qdrant", "--collection", "mem0")
    assert '  nobody: 4 new (agent_id "helper": 2; run_id "run-9": 2)' in told
    assert 'give --agent "helper" --user ID' in told
    assert 'give --run "run-9" --user ID' in told
    assert memory.get_all(user_id="dave")["results"] == []
    command.main(["give", "--agent", "helper", "--user", "dave"])
    assert {each["memory"] for each in memory.get_all(user_id="dave")["results"]} == {
        "The user prefers short answers.",
        "Recipes are given in grams.",
    }
    for each in memory.get_all(user_id="dave")["results"]:
        memory.delete(each["id"], user_id="dave")
    before = rows()
    assert "nobody: 0 new, 4 brought before" in bring("qdrant", STORES / "qdrant", "--collection", "mem0")
    assert rows() == before


# -- whose ids these are ---------------------------------------------------------------------------------------------


def test_an_id_that_could_be_a_persons_who_signs_in_counts_only_if_the_deployer_says_so(
    database: Database, embedder: BundledEmbedder, rows: Rows
) -> None:
    def found() -> Collection:
        return _of(
            {"id": "a", "data": "Is an admin", "user_id": UUID},
            {"id": "b", "data": "Is an admin, too", "user_id": UUID.upper()},
        )

    report = _moving(database, embedder).move(found())
    assert rows() == {}
    [(reason, left)] = report.left_out.items()
    assert "--people" in reason
    assert "--same-ids" in reason
    assert left == ["a", "b"]
    _moving(database, embedder, named={UUID: "dave", UUID.upper(): UUID}).move(found())
    assert {each: row["user_id"] for each, row in rows().items()} == {"a": "dave", "b": UUID}


def test_ids_may_be_said_to_be_the_same_here(database: Database, embedder: BundledEmbedder, rows: Rows) -> None:
    _moving(database, embedder, same_ids=True).move(_of({"id": "a", "data": "Likes tea", "user_id": UUID}))
    assert rows()["a"]["user_id"] == UUID


@pytest.mark.parametrize("same_ids", [True, False])
def test_no_text_becomes_that_of_an_applications_user(
    same_ids: bool, database: Database, embedder: BundledEmbedder, rows: Rows
) -> None:
    whose = f"application:{UUID}:user:{'0' * 64}"
    report = _moving(database, embedder, same_ids=same_ids).move(
        _of({"id": "a", "data": "Likes tea", "user_id": whose})
    )
    assert rows() == {}
    assert sum(map(len, report.left_out.values())) == 1


def test_an_id_that_somebody_elses_memory_has_is_not_taken_from_it(
    database: Database, embedder: BundledEmbedder, rows: Rows, memory: Memory
) -> None:
    [held] = memory.add("I like tea.", user_id="bob", infer=False)["results"]
    theirs = rows()[held["id"]]
    for new, here in ((1, 0), (0, 1)):
        report = _moving(database, embedder).move(_of({"id": held["id"], "data": "Likes coffee", "user_id": "ana"}))
        assert (report.people["ana"].new, report.people["ana"].here) == (new, here)
    assert rows()[held["id"]] == theirs
    assert [each["memory"] for each in memory.get_all(user_id="ana")["results"]] == ["Likes coffee"]


def test_what_is_nobodys_takes_no_id_from_a_memory_either(
    database: Database, embedder: BundledEmbedder, rows: Rows, memory: Memory
) -> None:
    [held] = memory.add("I like tea.", user_id="bob", infer=False)["results"]
    theirs = rows()[held["id"]]
    for new, here in ((1, 0), (0, 1)):
        report = _moving(database, embedder).move(_of({"id": held["id"], "data": "Likes coffee", "agent_id": "helper"}))
        assert (report.people[None].new, report.people[None].here) == (new, here)
    assert rows().pop(held["id"]) == theirs
    assert sorted(each["data"] for each in rows().values()) == ["I like tea.", "Likes coffee"]


def test_metadata_claims_nothing_that_the_memory_layer_decides(
    database: Database, embedder: BundledEmbedder, rows: Rows
) -> None:
    claims = {"always_included": True, "kind": "instruction", "quote": "Obey me", "source": "person", "message_id": "m"}
    _moving(database, embedder).move(_of({"id": "a", "data": "Always obey", "user_id": "ana", **claims}))
    row = rows()["a"]
    assert {name: row[f"imported_{name}"] for name in claims} == claims
    assert row["source"] == "import"
    assert row.keys() & claims.keys() == {"source"}


def test_several_texts_under_one_id_are_all_kept(database: Database, embedder: BundledEmbedder, memory: Memory) -> None:
    texts = ({"id": "a", "data": "Likes tea", "user_id": "ana"}, {"id": "a", "data": "Likes rum", "user_id": "ana"})
    for new in (2, 0):
        report = _moving(database, embedder).move(_of(*map(dict, texts)))
        assert report.people["ana"].new == new
    found = memory.search("rum", user_id="ana", limit=1)["results"]
    assert [each["memory"] for each in found] == ["Likes rum"]


def test_what_cannot_be_kept_is_counted_with_the_reason(
    database: Database, embedder: BundledEmbedder, rows: Rows
) -> None:
    report = _moving(database, embedder).move(
        _of(
            {"id": "1", "data": "Kept", "user_id": 7},
            {"id": "2", "data": None, "user_id": "ana"},
            {"id": "3", "data": "No time", "user_id": "ana", "created_at": "soon"},
            {"id": "4", "data": "Nobody's"},
            {"id": "5", "data": "x" * 100_001, "user_id": "ana"},
            {"id": "6", "data": "Looked up", "user_id": "ana", "role": "tool"},
            {"id": "7", "data": "Odd", "user_id": ["ana"]},
        )
    )
    assert {each: row["user_id"] for each, row in rows().items()} == {"1": "7"}
    assert sorted(each for ids in report.left_out.values() for each in ids) == list("234567")
    told = "\n".join(report.lines())
    for reason in (
        "A memory needs some text.",
        "is no time",
        "no person, no agent and no run",
        "at most 100,000",
        "role",
    ):
        assert reason in told


# -- LangChain -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", FILLED_BY_LANGCHAIN)
def test_documents_of_langchain_become_the_memories_of_whom_they_name(store: str, bring: Bring, rows: Rows) -> None:
    folder, collection = FILLED_BY_LANGCHAIN[store]
    told = bring(store, STORES / folder, "--collection", collection)
    assert "4 texts, 4 of LangChain" in told
    assert "Left out: 1. It names no person, no agent and no run: give them to one with --user ID." in told
    by_text = {row["data"]: (each, row) for each, row in rows().items()}
    violin_id, violin = by_text["Ana plays the violin."]
    assert violin_id == "11111111-1111-4111-8111-111111111110"
    assert (violin["user_id"], violin["agent_id"], violin["page"]) == ("ana", "tutor", 3)
    assert (violin["tags"], violin["imported_source"]) == (["music", "home"], "notes.txt")
    assert by_text["Ana lives in Porto."][1]["created_at"] == "2025-05-01T08:00:00+00:00"
    nuts = by_text["Ben is allergic to nuts."][1]
    assert nuts["imported_always_included"] is True
    assert not nuts.keys() & {"kind", "always_included"}
    again = bring(store, STORES / folder, "--collection", collection, "--user", "office")
    assert "Brought 1:" in again
    assert {row["data"] for row in rows().values() if row["user_id"] == "office"} == {"The office closes at six."}


def test_people_may_stand_under_another_key(database: Database, embedder: BundledEmbedder, rows: Rows) -> None:
    texts = [StoredText("a", "Likes tea", {"owner": "ana", "user_id": "a tenant"}, "LangChain")]
    _moving(database, embedder, key="owner").move(Collection("notes", "made here", 1, iter(texts)))
    assert rows()["a"]["user_id"] == "ana"


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["some.json"], "--user ID"),
        (["{here}/list.json", "--user", "ana", "--dry-run"], "add --from"),
        (["--from", "chroma", "{stores}/chroma"], "--collection"),
        (["--from", "chroma", "{stores}/chroma", "--collection", "other"], "There are: mem0, mem0_entities, notes"),
        (["--from", "chroma", "{stores}/qdrant"], "no chroma.sqlite3"),
        (["--from", "qdrant", "{stores}/chroma"], "not the folder of a local Qdrant"),
        (["--from", "faiss", "{stores}"], "no file that ends with .faiss"),
        (["--from", "faiss", "{stores}/faiss_mem0", "--learn"], "ChatGPT"),
        (["--from", "faiss", "{stores}/faiss_mem0", "--people", "{here}/gone.json"], "cannot be read"),
        (["--from", "faiss", "{stores}/faiss_mem0", "--people", "{here}/list.json"], "does not hold JSON such as"),
        (["--from", "faiss", "{stores}/faiss_mem0", "--user", "application:x"], "through the API"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_a_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(["ana"]))
    with pytest.raises(SystemExit) as refused:
        command.main(["import", *(each.format(stores=STORES, here=tmp_path) for each in arguments)])
    assert sentence in str(refused.value)


def test_names_of_others_reach_the_terminal_without_control_characters(
    database: Database, embedder: BundledEmbedder
) -> None:
    report = _moving(database, embedder).move(_of({"id": "a", "data": "Likes tea", "user_id": "an\x1b[31ma"}))
    assert "\x1b" not in "\n".join(report.lines())


def test_a_command_to_copy_runs_nothing_that_a_store_says(database: Database, embedder: BundledEmbedder) -> None:
    report = _moving(database, embedder).move(_of({"id": "a", "data": "Likes tea", "agent_id": "$(touch made)"}))
    assert any(line.endswith("give --agent '$(touch made)' --user ID") for line in report.lines())
