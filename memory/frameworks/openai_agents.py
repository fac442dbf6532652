"""OpenAI's Agents SDK: a session that keeps a chat of one person and learns from it.

    session = KeepsakeSession(memory.for_user("dave"), "chat-1")
    await Runner.run(agent, "Where do I live?", session=session)

It keeps items as they are, with calls of tools. It gives the agent no memories: that is the part of a tool or of the
agent's instructions, for which `memory.search` has the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..facade import AsyncMemory, Memory
from ..learn.transcripts import TranscriptItem
from . import bound, missing

try:
    from agents import SessionSettings
    from agents.memory.session_settings import resolve_session_limit
except ModuleNotFoundError as error:
    raise missing("openai-agents", "agents", error) from error

if TYPE_CHECKING:
    from agents import TResponseInputItem

__all__ = ["KeepsakeSession"]


class KeepsakeSession:
    """The items of one chat of one person, in their order and as they were, kept in the database.

    What the person and the assistant said is learned from when the assistant has answered; that takes a call of the
    memory's model. With `learn=False` it waits until you call `learn()`, for example in the background.
    """

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        session_id: str,
        *,
        user_id: str | None = None,
        learn: bool = True,
        session_settings: SessionSettings | None = None,
    ) -> None:
        self._memory, self._user = bound(memory, user_id)
        self.session_id = session_id
        self.session_settings = session_settings
        self._learns = learn

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the items of the chat in their order; with a limit the latest ones."""
        most = resolve_session_limit(limit, self.session_settings)
        items: list[TResponseInputItem] = await self._in_thread("items", limit=None if most is None else max(most, 0))
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Keep the next items."""
        await self._in_thread("add", [_entry(each) for each in items], learn=self._learns)

    async def pop_item(self) -> TResponseInputItem | None:
        """Erase the last item, and return it."""
        item: TResponseInputItem | None = await self._in_thread("pop")
        return item

    async def clear_session(self) -> None:
        """Erase the items, also from what was said; what was learned from them stays."""
        await self._in_thread("clear")

    async def learn(self) -> list[dict[str, Any]]:
        """Learn from what was said since the last time; return the changes of the memories."""
        changes: list[dict[str, Any]] = await self._in_thread("learn")
        return changes

    async def _in_thread(self, call: str, *arguments: Any, **named: Any) -> Any:
        act = getattr(self._memory.transcripts, call)
        return await asyncio.to_thread(act, self.session_id, *arguments, user_id=self._user, **named)


def _entry(item: TResponseInputItem) -> TranscriptItem:
    """Return an item with what was said in it: a message's text, and nothing of a call or its output."""
    known: Mapping[str, Any] = dict(item)
    role = known.get("role") if known.get("type", "message") == "message" else None
    content = known.get("content")
    if isinstance(content, list):
        texts = [each.get("text") for each in content if isinstance(each, Mapping)]
        content = "\n".join(each for each in texts if isinstance(each, str))
    return TranscriptItem(known, role, content if isinstance(content, str) else None)
