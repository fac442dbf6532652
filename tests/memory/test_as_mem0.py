"""Code for mem0's library: its calls, names and configuration work, or a sentence says what to write instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from memory import AsyncMemory, Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import AppError, InvalidInput
from tests.model_server import ModelServer

DAVE, TEA = "dave", "I like green tea."
LATER = date.today() + timedelta(days=30)


def _kept(memory: Memory, **more: Any) -> dict[str, Any]:
    [added] = memory.add(TEA, user_id=DAVE, infer=False, **more)["results"]
    kept = memory.get(str(added["id"]), user_id=DAVE)
    assert kept
    return dict(kept)


# -- whose memories ------------------------------------------------------------------------------------


def test_a_memory_that_is_bound_to_a_user_needs_no_user_in_its_calls(memory: Memory) -> None:
    bound = memory.for_user(DAVE)
    [added] = bound.add(TEA, infer=False)["results"]
    memory_id = str(added["id"])
    assert [each["memory"] for each in bound.search("green tea")["results"]] == [TEA]
    assert bound.update(memory_id, "I like black tea.")["user_id"] == DAVE
    assert [each["event"] for each in bound.history(memory_id)] == ["ADD", "UPDATE"]
    bound.undo(bound.changes()[0]["id"])
    found = bound.get(memory_id)
    assert found
    assert found["memory"] == TEA
    bound.delete(memory_id)
    assert bound.get_all()["results"] == []
    assert bound.delete_all().proved
    bound.close()
    assert memory.get_all(user_id=DAVE)["results"] == []  # the memory it came from stays open


def test_a_bound_memory_refuses_every_other_user(memory: Memory) -> None:
    bound = memory.for_user(DAVE)
    memory.add(TEA, user_id="eve", infer=False)
    with pytest.raises(InvalidInput, match="bound to another user"):
        bound.get_all(user_id="eve")
    with pytest.raises(InvalidInput, match="two different users"):
        bound.search("tea", filters={"user_id": "eve"})
    assert bound.get_all(user_id=DAVE)["results"] == []


@pytest.mark.parametrize(
    "call",
    [
        lambda memory: memory.get("x"),
        lambda memory: memory.update("x", "y"),
        lambda memory: memory.delete("x"),
        lambda memory: memory.history("x"),
        lambda memory: memory.undo(1),
        lambda memory: memory.delete_all(),
    ],
)
def test_a_call_without_a_user_says_how_to_name_one(memory: Memory, call: Callable[[Memory], object]) -> None:
    with pytest.raises(ValueError, match="A user id is missing"):
        call(memory)


def test_ids_may_be_numbers(memory: Memory) -> None:
    memory.add(TEA, user_id=7, run_id=8, infer=False)  # type: ignore[arg-type]
    [kept] = memory.get_all(filters={"user_id": "7", "run_id": 8})["results"]
    assert (kept["user_id"], kept["run_id"]) == ("7", "8")
    assert memory.get(kept["id"], user_id=7)
    assert memory.get(kept["id"], user_id=" 7") is None  # spaces are part of an id


# -- adding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", [datetime(2026, 3, 1, tzinfo=UTC), date(2026, 3, 1), "2026-03-01", 1772323200])
def test_a_timestamp_says_when_something_was_said(memory: Memory, when: Any) -> None:
    assert str(_kept(memory, timestamp=when)["created_at"]).startswith("2026-03-01T00:00:00")


@pytest.mark.parametrize("day", [LATER, LATER.isoformat()])
def test_an_expiration_date_is_a_day_or_its_text(memory: Memory, day: Any) -> None:
    assert _kept(memory, expiration_date=day)["expiration_date"] == LATER.isoformat()


def test_keys_that_mem0_shows_at_the_top_stand_there_and_search_words_are_not_shown(memory: Memory) -> None:
    kept = _kept(memory, agent_id="cook", run_id="monday", metadata={"text_lemmatized": "like green tea", "my key": 1})
    assert (kept["agent_id"], kept["run_id"], kept["role"]) == ("cook", "monday", "user")
    assert "text_lemmatized" not in kept["metadata"]
    assert kept["metadata"]["my key"] == 1


def test_messages_of_tools_and_without_text_are_left_out_and_parts_of_text_are_joined(memory: Memory) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "You are a helpful cook."},
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "I like tea."}, picture, {"type": "text", "text": "Green."}],
        },
        {"role": "user", "content": [picture]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "42", "tool_call_id": "a"},
    ]
    memory.add(said, user_id=DAVE, infer=False)
    assert [each["memory"] for each in memory.get_all(user_id=DAVE)["results"]] == ["I like tea.\nGreen."]
    assert memory.add(said[-2:], user_id=DAVE) == {"results": []}


# -- finding and changing -------------------------------------------------------------------------------


def test_results_below_the_threshold_are_left_out(memory: Memory) -> None:
    _kept(memory)
    [found] = memory.search("green tea", user_id=DAVE, threshold=0.1)["results"]
    assert found["score"]
    assert memory.search("green tea", user_id=DAVE, threshold=min(1, found["score"] + 0.01))["results"] == []


def test_something_that_was_said_is_got_by_the_id_it_has_in_results(memory: Memory) -> None:
    memory.add("We met at the old lighthouse near Texel.", user_id=DAVE)
    [said] = [
        each
        for each in memory.search("Where was the old lighthouse?", user_id=DAVE)["results"]
        if each["memory"].startswith("We met")
    ][:1]
    again = memory.get(said["id"], user_id=DAVE)
    assert again
    assert again["memory"] == said["memory"]
    assert memory.get(said["id"], user_id="eve") is None


def test_metadata_and_expiration_date_change_without_the_words(memory: Memory) -> None:
    kept = _kept(memory, metadata={"shop": 7}, expiration_date=LATER)
    changed = memory.update(kept["id"], metadata={"shop": 8, "aisle": "tea"}, expiration_date=None, user_id=DAVE)
    assert (changed["memory"], changed["metadata"]["shop"], changed["metadata"]["aisle"]) == (TEA, 8, "tea")
    assert "expiration_date" not in changed
    assert memory.get(kept["id"], user_id=DAVE) == changed
    assert [each["memory"] for each in memory.search("green tea", user_id=DAVE)["results"]] == [TEA]
    memory.undo(memory.changes(user_id=DAVE)[0]["id"], user_id=DAVE)
    assert memory.get(kept["id"], user_id=DAVE) == kept


def test_text_is_another_name_for_the_new_words(memory: Memory) -> None:
    changed = memory.update(_kept(memory)["id"], text="I like black tea.", metadata={"shop": 7}, user_id=DAVE)
    assert (changed["memory"], changed["metadata"]["shop"]) == ("I like black tea.", 7)


def test_delete_answers_with_a_message(memory: Memory) -> None:
    assert "message" in memory.delete(_kept(memory)["id"], user_id=DAVE)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: m.reset(), "Erase a user with delete_all"),
        (lambda m: m.delete_all(user_id=DAVE, run_id="r"), r"memory\.bulk_edit\.delete\("),
        (lambda m: m.add(TEA, user_id=DAVE, prompt="Only food."), "EXTRACT_PROMPT"),
        (lambda m: m.add(TEA, user_id=DAVE, memory_type="procedural_memory"), "infer=False"),
        (lambda m: m.add(TEA, user_id=DAVE, expiration_date="soon"), "a day such as 2027-01-31"),
        (lambda m: m.add(TEA, user_id=DAVE, timestamp="soon"), "at \\(or timestamp\\) is a datetime"),
        (lambda m: m.add(TEA, user_id=DAVE, timestamp=1e30), "seconds since 1970"),
        (lambda m: m.add(TEA, user_id=DAVE, expires=LATER, expiration_date=LATER), "mean the same"),
        (lambda m: m.search("tea", user_id=DAVE, rerank=True), "Set RERANKER"),
        (lambda m: m.search("tea", user_id=DAVE, show_expired=True), "as_of"),
        (lambda m: m.search("tea", user_id=DAVE, threshold=2), "from 0 to 1"),
        (lambda m: m.update("x", user_id=DAVE), "Say what to change"),
        (lambda m: m.update("x", "a", text="b", user_id=DAVE), "mean the same"),
        (lambda m: m.update("x", "a", user_id=DAVE), "no such memory"),
    ],
)
def test_what_does_not_work_as_in_mem0_says_what_to_write_instead(
    memory: Memory, call: Callable[[Memory], object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):  # as mem0's callers expect
        call(memory)


# -- asyncio -------------------------------------------------------------------------------------------


def test_the_calls_can_be_awaited(database: Database, embedder: BundledEmbedder) -> None:
    async def use() -> None:
        async with AsyncMemory(database, embedder, None) as memory:
            await asyncio.gather(*(memory.add(f"I have {n} bees.", user_id=DAVE, infer=False) for n in range(5)))
            assert len((await memory.get_all(user_id=DAVE))["results"]) == 5
            bound = memory.for_user(DAVE)
            [found] = (await bound.search("3 bees", limit=1))["results"]
            await bound.update(found["id"], "I have no bees.")
            assert len(await bound.history(found["id"])) == 2
            assert (await bound.delete_all()).proved

    # In a thread of its own: this one may be running a loop already, which Playwright's walks leave behind.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(use())).result()


# -- configuration ---------------------------------------------------------------------------------------


def test_a_configuration_of_mem0_opens_its_database_model_and_embedder(
    empty_database: Database, model_server: ModelServer
) -> None:
    address = empty_database.admin_url
    place = {"openai_base_url": model_server.base_url, "api_key": "not-a-real-key"}
    config = {
        "vector_store": {
            "provider": "supabase",
            "config": {"connection_string": address, "collection_name": "memories"},
        },
        "llm": {"provider": "openai", "config": {"model": "thinker", **place}},
        "embedder": {"provider": "openai", "config": {"model": "vectors", "embedding_dims": 256, **place}},
    }
    with Memory.from_config(config) as memory:
        memory.add(TEA, user_id=DAVE)
        assert memory.get_all(user_id=DAVE)["results"]
    assert {request.body["model"] for request in model_server.requests} == {"thinker", "vectors"}


def test_what_keepsake_decides_itself_is_left_out_with_a_warning(database: Database) -> None:
    config = {
        "vector_store": {"provider": "pgvector", "config": {"connection_string": database.url, "hnsw": True}},
        "llm": {"provider": "ollama", "config": {"model": "qwen3:4b", "temperature": 0.1}},
        "version": "v1.1",
    }
    with pytest.warns(UserWarning, match="Keepsake does not use") as told, Memory.from_config(config) as memory:
        assert memory.get_all(user_id=DAVE)["results"] == []
    sentences = sorted(str(each.message) for each in told)
    assert sentences == [
        "Keepsake does not use hnsw of vector_store.",
        "Keepsake does not use temperature of llm.",
        "Keepsake does not use version of config.",
    ]


def test_an_address_in_parts_is_put_together(database: Database) -> None:
    parts = {"user": "da ve", "password": "p#w", "host": "127.0.0.1", "port": 1, "dbname": "x", "sslmode": "disable"}
    with pytest.raises(AppError, match=r"Nothing answers at the database address 127\.0\.0\.1"):
        Memory.from_config({"vector_store": {"provider": "pgvector", "config": parts}})


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ([], "A configuration is a mapping"),
        ({"vector_store": "supabase"}, "vector_store is a mapping"),
        ({"vector_store": {"provider": "qdrant", "config": {}}}, "kept in PostgreSQL, not in qdrant"),
        ({"vector_store": {"config": {"collection_name": "mem0"}}}, "--collection mem0"),
        ({"vector_store": {"config": {"url": "x"}}}, "vector_store has no url here"),
        ({"llm": {"provider": "anthropic", "config": {"model": "x"}}}, "speaks OpenAI's protocol"),
        ({"embedder": {"provider": "huggingface"}}, "speaks OpenAI's protocol"),
        ({"graph_store": {"provider": "neo4j"}}, "memory.graph"),
        ({"reranker": {"provider": "cohere"}}, "RERANKER"),
        ({"custom_update_memory_prompt": "x"}, "config has no custom_update_memory_prompt here"),
    ],
)
def test_a_configuration_that_does_not_map_says_what_to_write(config: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Memory.from_config(config)
