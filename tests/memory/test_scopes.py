"""Memories of an agent, an app or a run: each is named by an argument of its own, and metadata cannot claim one."""

from __future__ import annotations

import json

import pytest

from memory import Memory
from memory.errors import InvalidInput

SCOPES = ("agent_id", "app_id", "run_id")


@pytest.mark.parametrize("name", SCOPES)
@pytest.mark.parametrize("infer", [True, False])
def test_metadata_cannot_claim_an_agent_an_app_or_a_run(memory: Memory, name: str, infer: bool) -> None:
    with pytest.raises(InvalidInput, match=f"metadata may not hold {name}: give it beside metadata, as {name}="):
        memory.add("I live in Ghent.", user_id="alice", infer=infer, metadata={name: "cook"})
    assert memory.get_all(user_id="alice")["results"] == []


@pytest.mark.parametrize("name", SCOPES)
@pytest.mark.parametrize("infer", [True, False])
def test_an_agent_an_app_and_a_run_are_stored_and_found_by_filters(memory: Memory, name: str, infer: bool) -> None:
    memory.add("I live in Ghent.", user_id="alice", infer=infer, **{name: "cook"})  # type: ignore[arg-type]
    memory.add("I own a boat.", user_id="alice", infer=infer)
    [listed] = memory.get_all(user_id="alice", filters={name: "cook"})["results"]
    assert ("Ghent" in listed["memory"], listed["metadata"][name]) == (True, "cook")
    found = memory.search("where do I live, and what do I own?", user_id="alice", filters={name: "cook"})["results"]
    assert found
    assert all(each["metadata"][name] == "cook" for each in found)


def test_the_same_statement_is_kept_for_each_agent(memory: Memory) -> None:
    for agent in (None, "cook", "guide", "cook"):
        memory.add("I live in Ghent.", user_id="alice", agent_id=agent)
    agents = [each["metadata"].get("agent_id") for each in memory.get_all(user_id="alice")["results"]]
    assert sorted(agents, key=str) == [None, "cook", "guide"]


@pytest.mark.parametrize("name", ["", " ", "x" * 1_001, 5.5, True])
def test_an_agent_whose_name_cannot_be_one_is_refused(memory: Memory, name: object) -> None:
    with pytest.raises(InvalidInput, match="agent_id is a text"):
        memory.add("I live in Ghent.", user_id="alice", agent_id=name)  # type: ignore[arg-type]


def test_an_import_keeps_agent_app_and_run_wherever_the_export_has_them(memory: Memory) -> None:
    scope = {"agent_id": "cook", "app_id": "kitchen", "run_id": "monday"}
    entries = [{"memory": "I own a boat.", **scope}, {"memory": "I own a bus.", "metadata": scope}]
    memory.bulk_edit.import_file(json.dumps(entries).encode(), "export.json", user_id="alice")
    kept = memory.get_all(user_id="alice", filters=scope)["results"]
    assert {each["memory"] for each in kept} == {"I own a boat.", "I own a bus."}


def test_what_is_said_to_one_agent_does_not_change_the_memories_of_another(memory: Memory) -> None:
    memory.add("I live in Ghent.", user_id="alice", agent_id="guide")
    memory.add("I moved to Rome.", user_id="alice", agent_id="cook")
    guides = memory.get_all(user_id="alice", filters={"agent_id": "guide"})["results"]
    assert ["Ghent" in each["memory"] for each in guides] == [True]
