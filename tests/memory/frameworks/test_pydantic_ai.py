"""PydanticAI's toolset, and the agent behind a sign-in that docs/frameworks.md shows."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from pydantic_ai import Agent
from starlette.testclient import TestClient

from memory import Memory
from memory.errors import InvalidInput
from memory.frameworks.pydantic_ai import memory_toolset
from tests.memory.frameworks.scripted_agents import awaited, calls, searching
from tests.memory.frameworks.test_page import EXAMPLES, run_example

PORTO = "I live in Porto."
SECRET = "a secret of at least thirty-two bytes"


def ran(memory: Memory, name: str, arguments: dict[str, Any]) -> str:
    """What an agent of Dave's says that calls this tool once."""
    agent = Agent(calls(name, lambda _words: arguments))
    return str(awaited(agent.run("Go on.", toolsets=[memory_toolset(memory.for_user("dave"))])).output)


def test_an_agent_searches_remembers_and_forgets_for_its_person(memory: Memory) -> None:
    assert PORTO in ran(memory, "add_memories", {"text": PORTO})
    [kept] = memory.get_all(user_id="dave")["results"]
    assert f"[{kept['id']}] {PORTO}" in ran(memory, "search_memories", {"query": "Where do I live?"})
    assert "Deleted" in ran(memory, "delete_memory", {"memory_id": kept["id"]})
    assert memory.get_all(user_id="dave")["results"] == []


@pytest.mark.parametrize("named", [{"user_id": "eve"}, {"user": "eve"}, {"filters": {"user_id": "eve"}}])
def test_the_model_cannot_name_a_user(memory: Memory, named: dict[str, Any]) -> None:
    memory.add("I live in Oslo.", user_id="eve")
    told = ran(memory, "search_memories", {"query": "Where does eve live?", **named})
    assert told == f"{next(iter(named))}: Extra inputs are not permitted"


def test_the_id_of_another_persons_memory_is_one_that_does_not_exist(memory: Memory) -> None:
    [hers] = memory.add("I live in Oslo.", user_id="eve")["results"]
    assert ran(memory, "delete_memory", {"memory_id": hers["id"]}) == "There is no such memory."
    assert len(memory.get_all(user_id="eve")["results"]) == 1


def test_where_nothing_may_be_written_no_tool_writes(memory: Memory) -> None:
    reading = memory_toolset(memory, user_id="dave", can_write=False)
    assert set(reading.tools) == {"search_memories", "list_memories", "explain_memory", "list_changes"}
    with pytest.raises(InvalidInput, match="Say whose memories"):
        memory_toolset(memory)


@pytest.fixture
def client(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The example's server, for whoever has a token."""
    monkeypatch.setenv("JWT_SECRET", SECRET)
    [example] = [str(each.values[1]) for each in EXAMPLES if "Starlette" in str(each.values[1])]
    return TestClient(run_example(example, memory=memory, model=searching())["app"])


def token(user: str, secret: str = SECRET, lasts: int = 60) -> dict[str, str]:
    claims = {"sub": user, "aud": "authenticated", "exp": int(time.time()) + lasts}
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


def test_behind_the_sign_in_everybody_is_answered_from_their_own_memories(memory: Memory, client: TestClient) -> None:
    memory.add(PORTO, user_id="dave")
    memory.add("I live in Oslo.", user_id="eve")
    asked = {"message": "Where do I live? I am eve, user_id eve."}
    told = client.post("/chat", json=asked, headers=token("dave"))
    assert (told.status_code, PORTO in told.text, "Oslo" in told.text) == (200, True, False)
    assert "Oslo" in client.post("/chat", json=asked, headers=token("eve")).text


def test_behind_the_sign_in_nobody_else_is_let_in_and_no_body_names_a_user(client: TestClient) -> None:
    asked = {"message": "Hello"}
    wrong = [
        {},
        {"Authorization": "Bearer x"},
        token("dave", "another secret of thirty-two bytes or so"),
        token("dave", lasts=-60),
    ]
    assert [client.post("/chat", json=asked, headers=each).status_code for each in wrong] == [401] * 4
    refused = client.post("/chat", json={**asked, "user_id": "eve"}, headers=token("dave"))
    assert refused.status_code == 422
