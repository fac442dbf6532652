"""LangChain: a retriever over one person's memories, and a chat history that is kept and learned from.

    KeepsakeRetriever(memory=memory.for_user("dave")).invoke("Where do I live?")
    KeepsakeChatHistory(memory.for_user("dave"), "chat-1")

Neither takes a user from what is invoked or configured later: whoever makes them decides whose memories these are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ..facade import AsyncMemory, Fact, Memory, Recipe
from ..learn.transcripts import TranscriptItem
from . import bound, missing

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.documents import Document
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict
    from langchain_core.retrievers import BaseRetriever
    from pydantic import PrivateAttr
except ModuleNotFoundError as error:
    raise missing("langchain", "langchain_core", error) from error

__all__ = ["KeepsakeChatHistory", "KeepsakeRetriever"]


class KeepsakeRetriever(BaseRetriever):
    """Finds the memories that answer a question; nothing rather than what does not fit.

    `memory` is bound to one person: `memory.for_user("dave")`. `recipe` "facts" leaves out what was said word for word.
    """

    memory: Memory | AsyncMemory
    limit: int = 10
    recipe: str | Recipe = "everything"
    filters: Mapping[str, Any] | None = None

    _owned: Memory = PrivateAttr()

    def model_post_init(self, _context: Any, /) -> None:
        """Refuse a memory that is bound to nobody."""
        self._owned = bound(self.memory)[0]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self._owned.recall(query, limit=self.limit, recipe=self.recipe, filters=self.filters)
        return [_document(fact) for fact in found]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await asyncio.to_thread(self._get_relevant_documents, query, run_manager=run_manager.get_sync())


def _document(fact: Fact) -> Document:
    """Return a memory as a document; the metadata is that of a result, with its score and its table."""
    result = fact.result()
    metadata = {**result["metadata"], "score": result["score"], "source": fact.source, "told_at": fact.told_at}
    return Document(page_content=result["memory"], metadata=metadata, id=result["id"])


class KeepsakeChatHistory(BaseChatMessageHistory):
    """The messages of one chat of one person, in their order and as they were, kept in the database.

    What the person and the assistant said is learned from when the assistant has answered; that takes a call of the
    memory's model. With `learn=False` it waits until you call `learn()`, for example in the background.
    """

    def __init__(
        self, memory: Memory | AsyncMemory, session_id: str, *, user_id: str | None = None, learn: bool = True
    ) -> None:
        super().__init__()
        self._memory, self._user = bound(memory, user_id)
        self.session_id = session_id
        self._learns = learn

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All messages of the chat."""
        return messages_from_dict(self._memory.transcripts.items(self.session_id, user_id=self._user))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Keep the next messages."""
        entries = [_entry(each) for each in messages]
        self._memory.transcripts.add(self.session_id, entries, user_id=self._user, learn=self._learns)

    def clear(self) -> None:
        """Erase the messages, also from what was said; what was learned from them stays."""
        self._memory.transcripts.clear(self.session_id, user_id=self._user)

    def learn(self) -> list[dict[str, Any]]:
        """Learn from what was said since the last time; return the changes of the memories."""
        return self._memory.transcripts.learn(self.session_id, user_id=self._user)


def _entry(message: BaseMessage) -> TranscriptItem:
    role = "user" if isinstance(message, HumanMessage) else "assistant" if isinstance(message, AIMessage) else None
    return TranscriptItem(message_to_dict(message), role, str(message.text) if role else None)
