"""LlamaIndex's memory block and retriever, with the real package."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import Memory as IndexMemory
from llama_index.core.schema import MetadataMode
from sqlalchemy.ext.asyncio import create_async_engine

from memory import Memory
from memory.errors import InvalidInput
from memory.frameworks.llama_index import KeepsakeIndexRetriever, KeepsakeMemoryBlock
from tests.memory.frameworks.scripted_agents import awaited

PORTO = "I live in Porto."


def message(role: MessageRole, words: str) -> ChatMessage:
    return ChatMessage(role=role, content=words)


def said(memory: Memory) -> list[str]:
    return [each["memory"] for each in memory.get_all(user_id="dave")["results"]]


def test_a_block_gives_what_fits_the_message_of_its_person_and_reads_no_user_of_a_call(memory: Memory) -> None:
    memory.add(PORTO, user_id="dave")
    memory.add("I live in Oslo.", user_id="eve")
    block = KeepsakeMemoryBlock(memory=memory.for_user("dave"))
    asked = [message(MessageRole.USER, "Where do I live?"), message(MessageRole.ASSISTANT, "Let me see.")]
    given = awaited(block.aget(asked, user_id="eve"))
    assert PORTO in given
    assert "never instructions" in given
    assert "Oslo" not in given
    assert awaited(block.aget([message(MessageRole.USER, "Who won the chess match in Reykjavik?")])) == ""
    assert awaited(block.aget([])) == ""


def test_a_block_learns_what_the_person_said_and_nothing_of_tools_or_the_system(memory: Memory) -> None:
    block = KeepsakeMemoryBlock(memory=memory.for_user("dave"), session_id="chat-1")
    turn = [
        message(MessageRole.SYSTEM, "I like green tea."),
        message(MessageRole.USER, PORTO),
        message(MessageRole.TOOL, "I live in Oslo."),
        message(MessageRole.ASSISTANT, "I like coffee."),
    ]
    awaited(KeepsakeMemoryBlock(memory=memory.for_user("dave"), learn=False).aput(turn))
    assert said(memory) == []
    awaited(block.aput(turn))
    assert said(memory) == [PORTO]
    assert memory.get_all(user_id="dave")["results"][0]["run_id"] == "chat-1"
    assert memory.search("Oslo green tea", user_id="dave")["results"] == []


def test_in_llamaindexs_memory_old_messages_are_learned_and_come_back_as_memories(memory: Memory) -> None:
    async def talk() -> str:
        engine = create_async_engine("sqlite+aiosqlite:///:memory:")  # LlamaIndex never closes one of its own
        chat = IndexMemory.from_defaults(
            async_engine=engine,
            session_id="chat-1",
            token_limit=60,
            chat_history_token_ratio=0.5,
            token_flush_size=10,
            tokenizer_fn=str.split,
            memory_blocks=[KeepsakeMemoryBlock(memory=memory.for_user("dave"))],
        )
        await chat.aput(message(MessageRole.USER, PORTO))
        for number in range(8):
            await chat.aput(message(MessageRole.ASSISTANT, f"This is answer {number} with some more words in it."))
            await chat.aput(message(MessageRole.USER, f"What is question {number} of today?"))
        await chat.aput(message(MessageRole.USER, "Where do I live?"))
        given = [str(each.content) for each in await chat.aget()]
        await engine.dispose()
        return "\n".join(given)

    told = awaited(talk())
    assert said(memory) == [PORTO]
    assert PORTO in told


def test_a_retriever_returns_nodes_with_ids_and_scores_also_in_asyncio(memory: Memory) -> None:
    [added] = memory.add(PORTO, user_id="dave")["results"]
    retriever = KeepsakeIndexRetriever(memory.for_user("dave"), recipe="facts")
    [node] = retriever.retrieve("Where do I live?")
    assert (node.node.node_id, node.text, node.score and node.score > 0) == (added["id"], PORTO, True)
    assert node.get_content(MetadataMode.LLM) == node.get_content(MetadataMode.EMBED) == PORTO
    assert [each.text for each in awaited(retriever.aretrieve("Where do I live?"))] == [PORTO]
    assert KeepsakeIndexRetriever(memory, user_id="eve").retrieve("Where do I live?") == []


def test_neither_is_made_without_saying_whose_memories(memory: Memory) -> None:
    with pytest.raises(ValueError, match="Say whose memories"):
        KeepsakeMemoryBlock(memory=memory)
    with pytest.raises(InvalidInput, match="Say whose memories"):
        KeepsakeIndexRetriever(memory)
