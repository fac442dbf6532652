"""The session of OpenAI's Agents SDK, with the real package."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, Session, SessionSettings, function_tool
from openai.types.responses import ResponseFunctionToolCall

from memory import AsyncMemory, Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.frameworks.openai_agents import KeepsakeSession
from tests.memory.frameworks.scripted_agents import SaysNext, awaited

PORTO = "I live in Porto."
QUIET = RunConfig(tracing_disabled=True)


def said(memory: Memory) -> list[str]:
    return [each["memory"] for each in memory.get_all(user_id="dave")["results"]]


def test_a_session_gives_an_agent_the_turns_before_and_is_learned_from(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    model = SaysNext("Noted.", "In Porto.")
    session = KeepsakeSession(AsyncMemory(database, embedder, None).for_user("dave"), "chat-1")
    assert isinstance(session, Session)

    async def talk() -> str:
        agent = Agent("Helper", model=model)
        await Runner.run(agent, PORTO, session=session, run_config=QUIET)
        return str((await Runner.run(agent, "Where do I live?", session=session, run_config=QUIET)).final_output)

    assert awaited(talk()) == "In Porto."
    assert [each["role"] for each in model.asked[1]] == ["user", "assistant", "user"]
    assert said(memory) == [PORTO]


def test_what_a_tool_returned_is_kept_as_it_was_and_never_learned(memory: Memory) -> None:
    @function_tool
    def look() -> str:
        return "I like green tea."

    call = ResponseFunctionToolCall(arguments="{}", call_id="c1", name="look", type="function_call", id="fc_1")
    session = KeepsakeSession(memory, "chat-1", user_id="dave")
    agent = Agent("Helper", model=SaysNext(call, "I like coffee."), tools=[look])
    awaited(Runner.run(agent, "Look for me.", session=session, run_config=QUIET))
    items = awaited(session.get_items())
    assert [each.get("type", each.get("role")) for each in items] == [
        "user",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert said(memory) == []
    assert not any("green tea" in each["memory"] for each in memory.search("green tea", user_id="dave")["results"])


ITEMS: list[Any] = [
    {"role": "system", "content": "  Be brief.\n"},
    {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "n": None}]},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1.0}'},
    {"type": "function_call_output", "call_id": "c1", "output": "half \ud800 and nul \x00"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A fig tree. 🌳"}]},
]


def test_items_come_back_in_their_order_and_as_they_were_the_latest_with_a_limit(memory: Memory) -> None:
    async def walk() -> None:
        session = KeepsakeSession(memory, "chat-1", user_id="dave")
        await session.add_items(ITEMS[:2])
        await session.add_items(ITEMS[2:])
        await session.add_items([])
        assert await session.get_items() == ITEMS
        assert await session.get_items(2) == ITEMS[-2:]
        assert await session.get_items(0) == []
        limited = KeepsakeSession(memory, "chat-1", user_id="dave", session_settings=SessionSettings(limit=1))
        assert await limited.get_items() == ITEMS[-1:]
        assert await KeepsakeSession(memory, "chat-1", user_id="eve").get_items() == []

    awaited(walk())


def test_the_last_item_is_taken_back_also_from_what_was_said(memory: Memory) -> None:
    async def walk() -> None:
        session = KeepsakeSession(memory, "chat-1", user_id="dave")
        turn: list[Any] = [
            {"role": "user", "content": PORTO},
            {"role": "assistant", "content": "The river is wide there."},
        ]
        await session.add_items(turn)
        assert memory.episodes.count("dave") == 2
        assert await session.pop_item() == turn[1]
        assert memory.episodes.count("dave") == 1
        assert await session.get_items() == turn[:1]
        await session.clear_session()
        assert (await session.get_items(), await session.pop_item()) == ([], None)
        assert memory.episodes.count("dave") == 0
        assert said(memory) == [PORTO]

    awaited(walk())


def test_a_session_learns_later_if_it_is_told_to(memory: Memory) -> None:
    async def walk() -> None:
        session = KeepsakeSession(memory, "chat-1", user_id="dave", learn=False)
        await session.add_items([{"role": "user", "content": PORTO}, {"role": "assistant", "content": "Noted."}])
        assert said(memory) == []
        assert [each["memory"] for each in await session.learn()] == [PORTO]

    awaited(walk())


@pytest.mark.parametrize("wrong", ["", " ", 5, "x" * 2_000])
def test_a_wrong_session_id_is_refused_with_a_sentence(memory: Memory, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"run_id|The id of a chat"):
        awaited(KeepsakeSession(memory, wrong, user_id="dave").get_items())
