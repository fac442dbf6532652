"""LangGraph's store, with the real package and in a graph."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, PutOp

from memory import Memory
from memory.errors import InvalidInput
from memory.frameworks.langgraph import KeepsakeStore
from tests.memory.frameworks.scripted_agents import awaited

SOUP = {"text": "The soup of my aunt has leeks and saffron.", "rank": 1, "tags": ["a"]}


@pytest.fixture
def store(memory: Memory) -> KeepsakeStore:
    return KeepsakeStore(memory)


VALUES: list[dict[str, Any]] = [
    SOUP,
    {},
    {"text": "  spaces stay \n"},
    {"text": "one", "content": "two"},
    {"kind": "Memory", "content": {"content": "I like tea", "n": 1.0, "none": None}},
    {"data": "half \ud800 and nul \x00", "z": 1, "a": 2},
    {"text": "x", "odd": "nul \x00"},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(store: KeepsakeStore, value: dict[str, Any]) -> None:
    store.put(("dave", "a", "b"), "k", value)
    found = store.get(("dave", "a", "b"), "k")
    assert found is not None
    assert (found.value, found.namespace, found.key) == (value, ("dave", "a", "b"), "k")
    assert found.created_at.tzinfo
    assert store.get(("dave", "a"), "k") is None
    assert store.get(("eve", "a", "b"), "k") is None


def test_a_second_put_replaces_the_value_and_keeps_when_it_was_made(memory: Memory, store: KeepsakeStore) -> None:
    store.put(("dave", "a"), "k", SOUP)
    first = store.get(("dave", "a"), "k")
    store.put(("dave", "a"), "k", {"text": "There is no soup."})
    second = store.get(("dave", "a"), "k")
    assert first is not None
    assert second is not None
    assert second.value == {"text": "There is no soup."}
    assert second.created_at == first.created_at < second.updated_at
    assert len(memory.get_all(user_id="dave")["results"]) == 1


def test_equal_values_under_two_keys_are_two_items_and_each_is_deleted_alone(store: KeepsakeStore) -> None:
    store.put(("dave", "a"), "one", SOUP)
    store.put(("dave", "a"), "two", SOUP)
    store.delete(("dave", "a"), "one")
    assert [each.key for each in store.search(("dave",))] == ["two"]


def test_search_answers_a_question_below_a_namespace_and_pages_without_one(store: KeepsakeStore) -> None:
    store.put(("dave", "recipes", "soups"), "soup", SOUP)
    store.put(("dave", "recipes", "cakes"), "cake", {"text": "The cake of my uncle has walnuts.", "rank": 2})
    store.put(("dave", "recipesx"), "other", {"text": "Soup is also a dance.", "rank": 3})
    [best, *_] = store.search(("dave", "recipes"), query="Which soup has saffron?")
    assert (best.key, best.score and best.score > 0) == ("soup", True)
    assert store.search(("dave", "recipes"), query="Who won the chess match in Reykjavik?") == []
    assert {each.key for each in store.search(("dave", "recipes"))} == {"soup", "cake"}
    assert len(store.search(("dave",), limit=2)) == 2
    assert len(store.search(("dave",), limit=2, offset=2)) == 1
    assert [each.key for each in store.search(("dave",), filter={"rank": {"$gte": 2}, "text": {"$ne": "x"}})] == [
        "other",
        "cake",
    ]
    assert [each.key for each in store.search(("dave",), filter={"tags": ["a"]}, query="my soup")] == ["soup"]


def test_namespaces_are_listed_for_one_person(store: KeepsakeStore) -> None:
    for place in (("dave", "a", "b"), ("dave", "a", "c"), ("dave", "d"), ("eve", "x")):
        store.put(place, "k", SOUP)
    assert store.list_namespaces(prefix=("dave",), max_depth=2) == [("dave", "a"), ("dave", "d")]
    assert store.list_namespaces(prefix=("dave",), suffix=("c",)) == [("dave", "a", "c")]
    assert store.list_namespaces(prefix=("dave", "*", "b")) == [("dave", "a", "b")]
    for wrong in ({}, {"prefix": ("*", "a")}, {"suffix": ("a",)}):
        with pytest.raises(InvalidInput, match="first label"):
            store.list_namespaces(**wrong)
    with pytest.raises(InvalidInput, match="first label"):
        store.search(())


def test_a_bound_store_belongs_to_its_person_whatever_a_namespace_says(memory: Memory, store: KeepsakeStore) -> None:
    mine = KeepsakeStore(memory.for_user("dave"))
    store.put(("eve", "a"), "k", SOUP)
    mine.put(("eve", "a"), "mine", {"text": "This is of Dave."})
    assert mine.get(("eve", "a"), "k") is None
    assert [each.value["text"] for each in mine.search(("eve",))] == ["This is of Dave."]
    assert [each.key for each in store.search(("eve",))] == ["k"]
    assert mine.list_namespaces() == [("eve", "a")]


def test_what_was_learned_elsewhere_is_found_and_deleted_and_nothing_is_put_there(
    memory: Memory, store: KeepsakeStore
) -> None:
    [added] = memory.add("I live in Porto.", user_id="dave")["results"]
    store.put(("dave", "a"), "k", SOUP)
    place = ("dave", "learned")
    [found] = store.search(("dave",), query="Where do I live?")
    assert (found.namespace, found.key, found.value["memory"]) == (place, added["id"], "I live in Porto.")
    assert [each.key for each in store.search(place)] == [added["id"]]
    with pytest.raises(InvalidInput, match="Take another namespace"):
        store.put(place, "k", SOUP)
    store.delete(place, added["id"])
    assert store.search(place) == []
    memory.undo(memory.changes(user_id="dave")[0]["id"], user_id="dave")
    assert store.get(place, added["id"]) is not None


def test_words_that_the_person_corrects_are_what_the_graph_reads(memory: Memory, store: KeepsakeStore) -> None:
    store.put(("dave", "a"), "k", SOUP)
    [kept] = memory.get_all(user_id="dave")["results"]
    memory.update(kept["id"], "The soup has no leeks.", user_id="dave")
    found = store.get(("dave", "a"), "k")
    assert found is not None
    assert found.value == {**SOUP, "text": "The soup has no leeks."}


@pytest.mark.parametrize("value", [{"a": object()}, {"a": "x" * 200_000}])
def test_a_value_that_cannot_be_kept_is_refused_and_nothing_of_its_batch_is_written(
    store: KeepsakeStore, value: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        store.batch([PutOp(("dave", "a"), "good", SOUP), PutOp(("dave", "a"), "bad", value)])
    assert store.search(("dave",)) == []


def test_a_batch_reads_before_it_writes_and_the_last_put_of_a_key_counts(store: KeepsakeStore) -> None:
    place = ("dave", "a")
    results = store.batch([PutOp(place, "k", {"n": 1}), GetOp(place, "k"), PutOp(place, "k", {"n": 2})])
    assert results == [None, None, None]
    found = store.get(place, "k")
    assert found is not None
    assert found.value == {"n": 2}


class State(TypedDict):
    asked: str
    told: str


class Who(TypedDict):
    user: str


def test_a_graph_keeps_and_finds_in_asyncio_what_its_program_says_whose_it_is(store: KeepsakeStore) -> None:
    async def answer(state: State, runtime: Runtime[Who]) -> dict[str, str]:
        assert runtime.store is not None
        mine = runtime.context["user"]
        found = await runtime.store.asearch((mine,), query=state["asked"])
        await runtime.store.aput((mine, "asked"), "last", {"text": state["asked"]})
        return {"told": "; ".join(str(each.value.get("text")) for each in found)}

    builder = StateGraph(State, context_schema=Who)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    graph = builder.compile(store=store)
    store.put(("dave", "recipes"), "soup", SOUP)

    async def ask(user: str) -> str:
        state: State = {"asked": "Which soup has saffron?", "told": ""}
        return str((await graph.ainvoke(state, context={"user": user}))["told"])

    assert awaited(ask("dave")) == SOUP["text"]
    assert awaited(ask("eve")) == ""
    assert store.get(("dave", "asked"), "last") is not None
