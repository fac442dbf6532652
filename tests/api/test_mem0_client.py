"""mem0's own Python client against the running server, unchanged: only its key and its host are others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.conftest import Caller
from tests.api.mem0_client import mem0_client


@pytest.fixture(scope="module")
def mem0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with mem0_client(tmp_path_factory.mktemp("mem0")) as imported:
        yield imported


@pytest.fixture
def client(mem0: Any, host: str, kim: Caller) -> Iterator[Any]:
    with httpx.Client() as http:
        yield mem0.MemoryClient(api_key=kim.key, host=host, client=http)


@pytest.fixture
def shop_client(mem0: Any, host: str, shop: Caller) -> Iterator[Any]:
    """mem0's client with the key of an application."""
    with httpx.Client() as http:
        yield mem0.MemoryClient(api_key=shop.key, host=host, client=http)


def test_a_wrong_key_is_refused_when_the_client_is_made(mem0: Any, host: str) -> None:
    with httpx.Client() as http, pytest.raises(ValueError, match="This key is wrong, was ended, or has expired"):
        mem0.MemoryClient(api_key="ks_wrong", host=host, client=http)


def test_it_adds_searches_and_lists(client: Any, kim: Caller) -> None:
    added = client.add("I live in Ghent and I keep bees.", user_id=kim.user_id)
    assert [each["event"] for each in added["results"]] == ["ADD"] * len(added["results"])
    assert added["results"]
    messages = [{"role": "user", "content": "I play the oboe."}, {"role": "assistant", "content": "Lovely."}]
    client.add(messages, filters={"user_id": kim.user_id}, metadata={"mood": "good"})
    found = client.search("which instrument?", filters={"user_id": kim.user_id}, top_k=1)["results"]
    assert "oboe" in found[0]["memory"]
    assert (found[0]["user_id"], found[0]["metadata"]["mood"]) == (kim.user_id, "good")
    assert found[0]["score"] > 0
    everything = client.get_all(filters={"user_id": kim.user_id})
    assert everything["count"] == len(everything["results"]) == len(kim.texts())


def test_it_reads_changes_and_deletes_one_memory(client: Any, mem0: Any, kim: Caller) -> None:
    [known] = kim.remembers("I own a red bicycle.")
    assert client.get(known)["memory"] == "I own a red bicycle."
    assert client.update(known, text="I own a blue bicycle.")["memory"] == "I own a blue bicycle."
    versions = client.history(known)
    assert [(each["old_memory"], each["new_memory"]) for each in versions] == [
        (None, "I own a red bicycle."),
        ("I own a red bicycle.", "I own a blue bicycle."),
    ]
    assert client.feedback(known, "POSITIVE")["feedback"] == "POSITIVE"
    assert client.delete(known) == {"message": "Memory deleted successfully!"}
    with pytest.raises(mem0.exceptions.MemoryNotFoundError, match="There is no such memory"):
        client.get(known)
    assert kim.texts() == []


def test_pages_follow_each_other(client: Any, kim: Caller) -> None:
    kim.remembers("I own a bike.", "I own a boat.", "I own a bus.")
    first = client.get_all(filters={"user_id": kim.user_id}, page=1, page_size=2)
    second = client.get_all(filters={"user_id": kim.user_id}, page=2, page_size=2)
    assert (first["count"], len(first["results"]), len(second["results"])) == (3, 2, 1)
    assert first["previous"] is second["next"] is None
    assert first["next"].endswith("/v3/memories/?page=2&page_size=2")
    third = client.get_all(filters={"user_id": kim.user_id}, page=3, page_size=2)
    assert third["results"] == []


def test_it_changes_and_deletes_several_at_once(client: Any, kim: Caller) -> None:
    one, two = kim.remembers("I own a bike.", "I own a boat.")
    client.batch_update([{"memory_id": one, "text": "I own a tandem."}, {"memory_id": two, "text": "I own a canoe."}])
    assert set(kim.texts()) == {"I own a tandem.", "I own a canoe."}
    client.batch_delete([{"memory_id": one}, {"memory_id": two}])
    assert kim.texts() == []


def test_memories_of_an_agent_are_found_listed_and_deleted_apart(client: Any, kim: Caller) -> None:
    client.add("I like it spicy.", user_id=kim.user_id, agent_id="cook", infer=False)
    client.add("I own a boat.", user_id=kim.user_id, infer=False)
    mine = client.get_all(filters={"AND": [{"user_id": kim.user_id}, {"agent_id": "cook"}]})["results"]
    assert [(each["memory"], each["agent_id"]) for each in mine] == [("I like it spicy.", "cook")]
    kinds = {(each["type"], each["name"], each["total_memories"]) for each in client.users()["results"]}
    assert kinds == {("user", kim.user_id, 2), ("agent", "cook", 1)}
    client.delete_all(filters={"user_id": kim.user_id, "agent_id": "cook"})
    assert kim.texts() == ["I own a boat."]
    client.delete_users(agent_id="cook")
    assert kim.texts() == ["I own a boat."]


def test_deleting_all_erases_the_person_and_says_so(client: Any, kim: Caller) -> None:
    kim.remembers("I own a boat.")
    with pytest.raises(Exception, match="If that is meant, name them with user_id"):
        client.delete_all()
    assert kim.texts() == ["I own a boat."]
    answer = client.delete_all(user_id=kim.user_id)
    assert (answer["erased"]["memories"], answer["proved"]) == (1, True)
    assert kim.texts() == []
    kim.remembers("I own a bus.")
    client.reset()
    assert kim.texts() == []


def test_somebody_else_cannot_be_named(client: Any, kim: Caller) -> None:
    attempts: list[Callable[[], Any]] = [
        lambda: client.add("I own a boat.", user_id="dave"),
        lambda: client.search("boat", filters={"user_id": "dave"}),
        lambda: client.get_all(filters={"user_id": "dave"}),
        lambda: client.delete_all(user_id="dave"),
        lambda: client.delete_users(user_id="dave"),
    ]
    for attempt in attempts:
        with pytest.raises(Exception, match="This key acts for one person only"):
            attempt()


def test_what_is_not_here_says_so(client: Any, kim: Caller) -> None:
    [known] = kim.remembers("I own a boat.")
    attempts: list[Callable[[], Any]] = [
        lambda: client.create_memory_export("{}"),
        lambda: client.get_summary(),
        lambda: client.get_profile(kim.user_id),
        lambda: client.feedback(known, "NEGATIVE"),
        lambda: client.update(known, metadata={"a": 1}),
        lambda: client.add("I own a bus.", custom_instructions="Only buses"),
    ]
    for attempt in attempts:
        with pytest.raises(Exception, match=r"Keepsake|confirm a memory here"):
            attempt()


def test_with_an_applications_key_each_name_is_a_user(shop_client: Any, mem0: Any) -> None:
    for name, words in (("alice", "I keep bees."), ("bob", "I keep geese.")):
        [added] = shop_client.add(words, user_id=name, infer=False)["results"]
        assert shop_client.get(added["id"])["user_id"] == name
        assert shop_client.update(added["id"], text=f"{words} Many.")["memory"] == f"{words} Many."
        assert len(shop_client.history(added["id"])) == 2
    found = shop_client.search("what do I keep?", filters={"user_id": "alice"})["results"]
    assert [each["memory"] for each in found] == ["I keep bees. Many."]
    shop_client.add("The oven is broken.", agent_id="cook", infer=False)
    listed = shop_client.users()["results"]
    assert {(each["type"], each["name"]) for each in listed} == {("user", "alice"), ("user", "bob"), ("agent", "cook")}
    shop_client.delete_all(user_id="bob")
    assert shop_client.get_all(filters={"user_id": "bob"})["results"] == []
    shop_client.delete_users(user_id="alice")
    assert shop_client.get_all(filters={"user_id": "alice"})["results"] == []
    with pytest.raises(mem0.exceptions.MemoryNotFoundError):
        shop_client.get(added["id"])
    shop_client.reset()
    assert shop_client.users()["results"] == []


def test_the_client_for_asyncio_works_too(mem0: Any, host: str, kim: Caller) -> None:
    async def use() -> None:
        async with mem0.AsyncMemoryClient(api_key=kim.key, host=host) as client:
            await client.add("I keep bees on the roof.", user_id=kim.user_id, infer=False)
            found = await client.search("bees", filters={"user_id": kim.user_id})
            assert [each["memory"] for each in found["results"]] == ["I keep bees on the roof."]
            [known] = (await client.get_all(filters={"user_id": kim.user_id}))["results"]
            assert (await client.get(known["id"]))["id"] == known["id"]
            await client.delete(known["id"])

    # In a thread of its own: this one may be running a loop already, which Playwright's walks leave behind.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(use())).result()
    assert kim.texts() == []
