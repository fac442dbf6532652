"""The tree of a conversation: which line of it is shown, and which other versions each message on it has. Pure.

An edited message and an answer that was had again are siblings: they have one parent. What follows one of them is a
branch. The line goes from the first message by way of the head, the message that was chosen last, to the newest that
follows. A message that was said before the reply came hangs on the message before it, and follows whichever reply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

__all__ = ["Node", "Step", "continued_at", "line", "parent_of", "replies_to"]


class Node(Protocol):
    """As much of a message as the tree is made of."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102


Each = TypeVar("Each", bound=Node)


@dataclass(frozen=True)
class Step:
    """A message on the line, with all its versions, the oldest first; itself is one of them."""

    id: str
    versions: tuple[str, ...]


def line(nodes: Sequence[Node], head: str | None = None) -> list[Step]:
    """The messages that are shown of a conversation, whose nodes come in the order they were said."""
    return _Tree(nodes).line(head)


def continued_at(nodes: Sequence[Node], head: str | None, seen: str | None) -> str | None:
    """The message that a new one follows: the end of the shown line, or of the line somebody still sees elsewhere."""
    tree = _Tree(nodes)
    shown = tree.line(head)
    if seen in tree.roles and seen not in {each.id for each in shown}:
        shown = tree.line(seen)
    return shown[-1].id if shown else None


def parent_of(nodes: Sequence[Node], message_id: str) -> str | None:
    """What a message follows, and with it each other version of it."""
    return _Tree(nodes).parents[message_id]


def replies_to(asked: Node, messages: Iterable[Each]) -> list[Each]:
    """Every reply to a message, the oldest first."""
    return [each for each in messages if each.role == "assistant" and each.parent_id == asked.id]


class _Tree:
    """Who follows whom; parents that are gone, or come later, are none."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.roles: dict[str, str] = {}
        self.parents: dict[str, str | None] = {}
        self.replies: dict[str | None, list[str]] = defaultdict(list)
        self.follows: dict[str | None, list[str]] = defaultdict(list)
        for each in nodes:
            parent = each.parent_id if each.parent_id in self.roles else None
            if each.role == "user":
                parent = self._after_what_did_not_wait(parent)
            self.roles[each.id], self.parents[each.id] = each.role, parent
            (self.follows if each.role == "user" else self.replies)[parent].append(each.id)

    def _after_what_did_not_wait(self, parent: str | None) -> str | None:
        """Said after the reply to a message that another had followed before its reply came: it follows that one."""
        if parent is None or self.roles[parent] == "user" or not self.follows.get(self.parents[parent]):
            return parent
        asked = self.parents[parent]
        return parent if asked is None else self._down([self.follows[asked][-1]])[-1]

    def line(self, head: str | None) -> list[Step]:
        """From the first message by way of the head to the newest below it."""
        at = head if head in self.roles else next(reversed(self.roles), None)
        up: list[str] = []
        while at is not None:
            up.append(at)
            at = self.parents[at]
        return [Step(each, self._versions(each)) for each in self._answered(self._down(up[::-1]))]

    def _down(self, chain: list[str]) -> list[str]:
        """A line, continued with the newest that follows, to its end."""
        while chain and (further := self._next(chain[-1])):
            chain.append(further)
        return chain

    def _next(self, last: str) -> str | None:
        following = self.follows.get(last)
        if self.roles[last] == "user":
            following = following or self.replies.get(last)
        elif (asked := self.parents[last]) is not None:
            following = following or self.follows.get(asked)
        return following[-1] if following else None

    def _answered(self, chain: Sequence[str]) -> list[str]:
        """The line with a reply after each message that has one, also where the next did not wait for it."""
        whole: list[str] = []
        for number, each in enumerate(chain):
            whole.append(each)
            after = chain[number + 1] if number + 1 < len(chain) else None
            waits = self.roles[each] == "user" and (after is None or self.roles[after] == "user")
            if waits and (replies := self.replies.get(each)):
                whole.append(replies[-1])
        return whole

    def _versions(self, each: str) -> tuple[str, ...]:
        beside = self.follows if self.roles[each] == "user" else self.replies
        return tuple(beside[self.parents[each]])
