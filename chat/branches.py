"""Several replies to one message: the newest is shown where the first stood, the others stay to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chat.conversations import Message

__all__ = ["earlier", "replies_to", "shown"]


def shown(messages: Iterable[Message]) -> list[Message]:
    """A conversation as it is read: each message once, and of several replies to it the newest."""
    places: dict[str, Message] = {}
    for each in messages:
        # A dictionary keeps the place of the first, whatever takes it later.
        places[f"reply to {each.parent_id}" if each.role == "assistant" else each.id] = each
    return list(places.values())


def replies_to(asked: Message, messages: Iterable[Message]) -> list[Message]:
    """Every reply to a message, the oldest first."""
    return _replies(asked.id, messages)


def earlier(reply: Message, messages: Sequence[Message]) -> list[Message]:
    """The replies that this one took the place of, the oldest first."""
    return _replies(reply.parent_id, messages)[:-1]


def _replies(parent_id: str | None, messages: Iterable[Message]) -> list[Message]:
    return [each for each in messages if each.role == "assistant" and each.parent_id == parent_id]
