"""LangChain's retriever and chat history, with the real package."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableConfig, RunnablePassthrough

from memory import AsyncMemory, Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, ModelUnreachable
from memory.frameworks.langchain import KeepsakeChatHistory, KeepsakeRetriever
from memory.learn.extract import Operations
from tests.memory.frameworks.scripted_agents import awaited
from tests.scripted import ScriptedModel

PORTO = "I live in Porto."


@pytest.fixture
def history(memory: Memory) -> KeepsakeChatHistory:
    return KeepsakeChatHistory(memory.for_user("dave"), "chat-1")


def said(memory: Memory, user_id: str = "dave") -> list[str]:
    return [each["memory"] for each in memory.get_all(user_id=user_id)["results"]]


# -- the retriever -----------------------------------------------------------------------------------


def test_a_chain_answers_from_what_is_remembered_about_its_person(memory: Memory) -> None:
    memory.add(PORTO, user_id="dave")
    memory.add("I live in Oslo.", user_id="eve")
    retriever = KeepsakeRetriever(memory=memory.for_user("dave"), recipe="facts")
    prompt = ChatPromptTemplate.from_template("{known}: {question}")
    chain = {"known": retriever, "question": RunnablePassthrough()} | prompt
    told = str(chain.invoke("Where do I live?"))
    assert PORTO in told
    assert "Oslo" not in told


def test_a_document_has_the_id_the_score_and_the_quote_of_its_memory(memory: Memory) -> None:
    [added] = memory.add(PORTO, user_id="dave")["results"]
    [found] = KeepsakeRetriever(memory=memory.for_user("dave"), recipe="facts").invoke("Where do I live?")
    assert (found.id, found.page_content, found.metadata["kind"]) == (added["id"], PORTO, "fact")
    assert found.metadata["score"] > 0
    assert found.metadata["quote"] in PORTO


def test_a_retriever_works_in_asyncio_and_returns_nothing_rather_than_what_does_not_fit(
    memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    memory.add(PORTO, user_id="dave")
    around = AsyncMemory(database, embedder, None).for_user("dave")
    retriever = KeepsakeRetriever(memory=around, limit=1)
    assert [each.page_content for each in awaited(retriever.ainvoke("Where do I live?"))] == [PORTO]
    assert retriever.invoke("Who won the chess match in Reykjavik?") == []


def test_no_adapter_is_made_without_saying_whose_memories(memory: Memory) -> None:
    with pytest.raises(ValueError, match="Say whose memories"):
        KeepsakeRetriever(memory=memory)
    with pytest.raises(InvalidInput, match="Say whose memories"):
        KeepsakeChatHistory(memory, "chat-1")
    with pytest.raises(InvalidInput, match="bound to another user"):
        KeepsakeChatHistory(memory.for_user("dave"), "chat-1", user_id="eve")


def test_what_is_invoked_cannot_name_another_person(memory: Memory) -> None:
    memory.add("I live in Oslo.", user_id="eve")
    retriever = KeepsakeRetriever(memory=memory.for_user("dave"))
    named: RunnableConfig = {"configurable": {"user_id": "eve"}, "metadata": {"user_id": "eve"}}
    assert retriever.invoke("Where does eve live? user_id: eve", named) == []
    with pytest.raises(InvalidInput):
        KeepsakeRetriever(memory=memory.for_user("dave"), filters={"user_id": "eve"}).invoke("Where do I live?")


# -- the chat history --------------------------------------------------------------------------------


def test_messages_come_back_in_their_order_and_as_they_were(history: KeepsakeChatHistory) -> None:
    called = {"name": "look", "args": {"day": "2026-11-22", "n": 1.0}, "id": "call_1", "type": "tool_call"}
    messages: Sequence[BaseMessage] = [
        SystemMessage("  Be brief.\n"),
        HumanMessage(
            [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:x"}}]
        ),
        AIMessage("", tool_calls=[called], response_metadata={"model": "m"}),
        ToolMessage("half \ud800 and nul \x00", tool_call_id="call_1"),
        AIMessage("A fig tree. 🌳", id="run-1"),
    ]
    history.add_messages(messages)
    history.add_messages([HumanMessage("Thanks!", id="from-outside")])
    assert history.messages == [*messages, HumanMessage("Thanks!", id="from-outside")]


def test_a_chat_is_learned_from_when_the_assistant_has_answered(memory: Memory, history: KeepsakeChatHistory) -> None:
    history.add_message(HumanMessage(PORTO))
    assert said(memory) == []
    history.add_message(AIMessage("Noted. I live in a computer."))
    assert said(memory) == [PORTO]
    [kept] = memory.get_all(user_id="dave")["results"]
    assert kept["run_id"] == "chat-1"
    assert kept["metadata"]["message_id"] not in ("from-outside", None)
    assert history.learn() == []


def test_what_a_tool_or_the_system_says_is_never_learned(memory: Memory, history: KeepsakeChatHistory) -> None:
    history.add_messages(
        [
            SystemMessage("I like green tea."),
            HumanMessage("What do I like?"),
            ToolMessage("I live in Oslo.", tool_call_id="x"),
            AIMessage("I like coffee."),
        ]
    )
    assert said(memory) == []
    assert memory.search("Oslo green tea", user_id="dave")["results"] == []


def test_two_persons_with_the_same_session_id_have_two_chats(memory: Memory, history: KeepsakeChatHistory) -> None:
    hers = KeepsakeChatHistory(memory, "chat-1", user_id="eve")
    history.add_messages([HumanMessage(PORTO), AIMessage("Noted.")])
    assert hers.messages == []
    hers.clear()
    assert len(history.messages) == 2


def test_clearing_a_chat_takes_it_out_of_what_was_said_and_leaves_what_was_learned(
    memory: Memory, history: KeepsakeChatHistory
) -> None:
    history.add_messages([HumanMessage(f"{PORTO} The landlord is called Zanzibar."), AIMessage("Noted.")])
    other = KeepsakeChatHistory(memory, "chat-2", user_id="dave")
    other.add_message(HumanMessage("Hello"))
    assert memory.episodes.count("dave") == 2
    history.clear()
    assert history.messages == []
    assert memory.episodes.count("dave") == 0
    assert any(PORTO.rstrip(".") in each for each in said(memory))
    assert len(other.messages) == 1
    assert memory.delete_all(user_id="dave").erased["transcripts"] == 1


def test_learning_waits_until_it_is_asked_for(memory: Memory) -> None:
    history = KeepsakeChatHistory(memory.for_user("dave"), "chat-1", learn=False)
    history.add_messages([HumanMessage(PORTO), AIMessage("Noted.")])
    assert said(memory) == []
    assert [each["memory"] for each in history.learn()] == [PORTO]


def test_while_the_model_is_away_messages_are_kept_and_learned_from_later(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(database, embedder, scripted_model)
    history = KeepsakeChatHistory(memory.for_user("dave"), "chat-1")
    scripted_model.enqueue(ModelUnreachable("The model does not answer."))
    history.add_messages([HumanMessage(PORTO), AIMessage("Noted.")])
    assert "learned from later: The model does not answer." in caplog.text
    assert len(history.messages) == 2
    scripted_model.enqueue(Operations(operations=[]))
    history.add_messages([HumanMessage("Thanks!"), AIMessage("You are welcome.")])
    assert PORTO in scripted_model.calls[-1][-1].content
    assert history.learn() == []


def test_a_chain_with_a_history_remembers_in_asyncio(memory: Memory) -> None:
    # The package calls its own runnable legacy, and many programs use it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from langchain_core.runnables.history import RunnableWithMessageHistory

        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("before"), ("human", "{question}")])
        chain = RunnableWithMessageHistory(
            prompt | FakeListChatModel(responses=["Noted.", "In Porto."]),
            lambda session_id: KeepsakeChatHistory(memory.for_user("dave"), session_id),
            input_messages_key="question",
            history_messages_key="before",
        )
        chat: RunnableConfig = {"configurable": {"session_id": "chat-1"}}

        async def talk() -> None:
            await chain.ainvoke({"question": PORTO}, chat)
            await chain.ainvoke({"question": "Where do I live?"}, chat)

        awaited(talk())
    kept = KeepsakeChatHistory(memory.for_user("dave"), "chat-1").messages
    assert [each.text for each in kept] == [PORTO, "Noted.", "Where do I live?", "In Porto."]
    assert said(memory) == [PORTO]


def test_every_call_of_the_base_class_that_changes_something_is_ours_or_goes_through_ours() -> None:
    own = {name for name, _ in inspect.getmembers(KeepsakeChatHistory, inspect.isfunction) if name[0] != "_"}
    assert {"add_messages", "clear", "aadd_messages", "aclear", "aget_messages"} <= own
