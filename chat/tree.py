"""A conversation as a tree of messages: what a message is, which line of the tree is shown, and reading it.

An edited message and another answer are siblings: they have one parent. Saving messages is conversations.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import text

from memory.database import Database, Reading
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = [
    "FIELDS",
    "MAX_WHY",
    "Conversation",
    "Message",
    "Node",
    "Step",
    "Switches",
    "Thread",
    "Threads",
    "Turn",
    "continued_at",
    "line",
    "parent_of",
    "replies_to",
    "valid_id",
]

# The columns of app.messages that make a `Message`.
FIELDS = (
    "id::text, conversation_id::text, parent_id::text, user_id, role, content, status, receipt, created_at,"
    " remembering, feedback, feedback_why"
)


@dataclass(frozen=True)
class Conversation:
    """One chat in a person's list."""

    id: str
    title: str
    updated_at: datetime
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True)
class Switches:
    """How a chat stands to memory; a temporary one neither reads nor writes it, whatever the others say."""

    reads_memory: bool = True
    writes_memory: bool = True
    temporary: bool = False

    @property
    def reads(self) -> bool:
        """Whether replies in this chat are told anything from memory."""
        return self.reads_memory and not self.temporary

    @property
    def writes(self) -> bool:
        """Whether anything is learned from what is said in this chat."""
        return self.writes_memory and not self.temporary


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    id: str
    conversation_id: str
    parent_id: str | None
    user_id: str
    role: str
    content: str
    status: str
    created_at: datetime
    receipt: Mapping[str, Any] = field(default_factory=dict)
    remembering: str = "none"  # of what a person said: waiting, done or given up
    feedback: int | None = None  # of a reply: 1 or -1, as the person finds it
    feedback_why: str = ""


@dataclass(frozen=True)
class Turn:
    """A person's message whose turn the worker has claimed, with the reply to it if there is one."""

    message: Message
    reply: Message | None


def valid_id(value: str) -> str:
    """An id as Postgres takes it; anything else is nobody's chat."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound("There is no such chat.") from error


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


T = TypeVar("T")

PAGE = 40  # messages that are drawn at least, where there are so many
STEP = 20  # the first one drawn moves by so many at once, so that it stays where it is for a while
MOST = 120  # drawn at most, however far somebody has paged back; as many are read with their words at once
BEFORE = 60  # messages before one that is answered: more than a prompt has room for
ASIDE = 200
MAX_WHY = 500
SWITCHES = ("reads_memory", "writes_memory", "temporary")


@dataclass(frozen=True)
class Thread:
    """The line of a conversation that is shown, as far as it was asked for."""

    messages: tuple[Message, ...] = ()
    read: tuple[Message, ...] = ()  # these, and what else of the line came with them: its end
    steps: tuple[Step, ...] = ()  # the whole line
    start: int = 0  # where on it the messages begin
    others: tuple[Message, ...] = ()  # replies beside those that are shown
    said: tuple[str, ...] = ()  # every message of the conversation, in the order they were said
    branched: bool = False  # it is not the line that was chosen, but the one with the message that was asked for
    stamp: str = ""  # changes with whatever would change the line, and with the name
    switches: Switches = field(default_factory=Switches)  # how the conversation stands to memory

    @property
    def tip(self) -> str | None:
        """The message that the next one follows."""
        return self.steps[-1].id if self.steps else None

    @property
    def earlier(self) -> int:
        """How many messages stand before these."""
        return self.start

    @property
    def later(self) -> int:
        """How many stand after these."""
        return len(self.steps) - self.start - len(self.messages)

    @property
    def last_asked(self) -> Message | None:
        """The last thing the person said, where the end of the line is here."""
        return None if self.later else next((each for each in reversed(self.messages) if each.role == "user"), None)

    def find(self, message_id: str | None) -> Message | None:
        """One of the messages that are here."""
        return next((each for each in self.messages if each.id == message_id), None)

    def versions(self, message_id: str) -> tuple[str, ...]:
        """Every version of a message on the line, the oldest first."""
        return self._versions.get(message_id, (message_id,))

    def before(self, reply: Message) -> list[Message]:
        """The replies that were there before this one, the oldest first."""
        versions = self.versions(reply.id)
        older = versions[: versions.index(reply.id)] if reply.id in versions else versions
        return [each for each in self.others if each.id in older]

    def up_to(self, asked: Message) -> list[Message]:
        """What was said before a message, as far as it was read, and the message; not what came after it."""
        here, before = {each.id: each for each in self.read}, list[Message]()
        for each in reversed(self.steps[: self._place(asked)]):
            if each.id not in here:
                break
            before.append(here[each.id])
        return [*reversed(before), asked]

    def reaches(self, asked: Message) -> bool:
        """Whether as much of what was said before a message was read as its prompt may show."""
        place = self._place(asked)
        return place is not None and len(self.up_to(asked)) > min(place, BEFORE)

    def aside(self, asked: Message) -> list[str]:
        """What is not on the line up to a message, the latest of it: other versions, and what followed them."""
        place = self._place(asked)
        shown = {each.id for each in self.steps[: None if place is None else place + 1]}
        return [each for each in self.said if each not in shown][-ASIDE:]

    def _place(self, asked: Message) -> int | None:
        return next((number for number, each in enumerate(self.steps) if each.id == asked.id), None)

    @cached_property
    def _versions(self) -> Mapping[str, tuple[str, ...]]:
        return {each.id: each.versions for each in self.steps}


@dataclass(frozen=True)
class _Row:
    """One message of the tree, with its words if it is one of the latest."""

    id: str
    parent_id: str | None
    role: str
    whole: Message | None = field(default=None)


@dataclass(frozen=True)
class _Chat:
    """What is kept of the conversation itself."""

    head: str | None = None
    stamp: str = ""
    switches: Switches = field(default_factory=Switches)


_RowsAndChat = tuple[list[_Row], _Chat]


class Threads:
    """Reads one user's conversations as they are shown, and keeps what was chosen of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, user_id: str, conversation_id: str, *, first: str | None = None, show: str | None = None) -> Thread:
        """The end of the line that is shown; or from `first` on; or around `show`, on whichever branch that is.

        Empty if the conversation is gone or not the user's.
        """
        rows, chat = self._database.read(user_id, _tree_of(conversation_id))
        steps = line(rows, chat.head)
        branched = show in {each.id for each in rows} - {each.id for each in steps}
        steps = line(rows, show) if branched else steps
        start = _start([each.id for each in steps], first, show)
        found = self._thread(user_id, rows, steps, slice(start, start + MOST), chat)
        return replace(found, branched=True) if branched else found

    def up_to(self, asked: Message) -> Thread:
        """The line that ends with a message, as much of its end as a prompt may show."""
        return self._up_to(asked, self._database.read(asked.user_id, _tree_of(asked.conversation_id)))

    def up_to_and(self, asked: Message, beside: Reading[T]) -> tuple[Thread, T]:
        """The same, and something else of the person, in the same trip."""
        tree, other = self._database.read_together(asked.user_id, _tree_of(asked.conversation_id), beside)
        return self._up_to(asked, tree), other

    def _up_to(self, asked: Message, tree: _RowsAndChat) -> Thread:
        rows, chat = tree
        steps = line(rows, asked.id)
        end = next((number for number, each in enumerate(steps, 1) if each.id == asked.id), 0)
        return self._thread(asked.user_id, rows, steps[:end], slice(max(0, end - BEFORE), end), chat)

    def stamp(self, user_id: str, conversation_id: str) -> str:
        """What changes with whatever would change the line; empty if the conversation is gone."""
        rows = self._database.read_as(user_id, _STAMP, {"conversation": valid_id(conversation_id)})
        return str(rows[0]["stamp"]) if rows else ""

    def choose(self, user_id: str, conversation_id: str, message_id: str) -> None:
        """Show the branch with this message, here and wherever else the conversation is open."""
        values = {"conversation": valid_id(conversation_id), "message": valid_id(message_id)}
        try:
            with self._database.as_user(user_id) as connection:
                if connection.execute(_CHOOSE, values).rowcount != 1:
                    raise NotFound("There is no such chat.")
        except sqlalchemy_errors.IntegrityError as error:
            raise NotFound("There is no such message in this chat.") from error

    def rate(self, user_id: str, message_id: str, feedback: int | None, why: str = "") -> None:
        """Keep what a person thinks of a reply, in a word or two; None takes it back."""
        if feedback not in (None, 1, -1):
            raise InvalidInput("A reply is found good, or not good, or neither.")
        kept = storable(why).strip()[:MAX_WHY] if feedback else ""
        values = {"message": valid_id(message_id), "feedback": feedback, "why": kept}
        with self._database.as_user(user_id) as connection:
            if connection.execute(_RATE, values).rowcount != 1:
                raise NotFound("There is no such reply.")

    def _thread(self, user_id: str, rows: Sequence[_Row], steps: Sequence[Step], part: slice, chat: _Chat) -> Thread:
        """The words of a part of the line, and of the replies beside it; one more trip where they are older."""
        roles = {each.id: each.role for each in rows}
        order = {each.id: number for number, each in enumerate(rows)}
        ids = [each.id for each in steps[part]]
        beside = [other for each in steps[part] if roles[each.id] == "assistant" for other in each.versions]
        whole = {each.id: each.whole for each in rows if each.whole is not None}
        if missing := {*ids, *beside} - whole.keys():
            whole |= self._whole(user_id, missing)
        others = sorted(set(beside) - set(ids), key=order.__getitem__)
        return Thread(
            messages=tuple(whole[each] for each in ids if each in whole),
            read=tuple(whole[each.id] for each in steps if each.id in whole),
            steps=tuple(steps),
            start=part.start,
            others=tuple(whole[each] for each in others if each in whole),
            said=tuple(order),
            stamp=chat.stamp,
            switches=chat.switches,
        )

    def _whole(self, user_id: str, ids: Collection[str]) -> dict[str, Message]:
        sql = f"select {FIELDS} from app.messages where id = any(%(ids)s::uuid[])"
        return {row["id"]: Message(**row) for row in self._database.read_as(user_id, sql, {"ids": sorted(ids)})}


def _tree_of(conversation_id: str) -> Reading[_RowsAndChat]:
    """All messages of a conversation, the latest with their words, and what is kept of itself."""
    return Reading(
        _TREE,
        make=lambda rows: ([_row(each) for each in rows], _chat(rows[-1]) if rows else _Chat()),
        values={"conversation": valid_id(conversation_id), "recent": MOST},
        times=("created_at",),
    )


def _chat(found: Mapping[str, Any]) -> _Chat:
    return _Chat(found["head_id"], found["stamp"], Switches(**{name: found[name] for name in SWITCHES}))


def _row(found: Mapping[str, Any]) -> _Row:
    if not found["recent"]:
        return _Row(found["id"], found["parent_id"], found["role"])
    words = {name: value for name, value in found.items() if name not in ("recent", "head_id", "stamp", *SWITCHES)}
    return _Row(found["id"], found["parent_id"], found["role"], Message(**words))


def _start(ids: Sequence[str], first: str | None, show: str | None) -> int:
    """Where the part that is drawn begins."""
    if show in ids:
        return max(0, ids.index(show) // STEP * STEP - STEP)
    if first in ids:
        return ids.index(first)
    return max(0, (len(ids) - PAGE) // STEP * STEP)


_RECENT = "coalesce((select seq from recent), 0)"
_STAMP_OF = (
    "concat(chat.head_id, '/', md5(chat.title), '/',"
    " (select max(seq) from app.messages where conversation_id = %(conversation)s::uuid))"
)
_CHAT = (
    "select id, head_id, title, reads_memory, writes_memory, temporary from app.conversations"
    " where id = %(conversation)s::uuid and deleted_at is null"
)
_STAMP = f"with chat as ({_CHAT}) select {_STAMP_OF} as stamp from chat"
# The words of a message may be long, and lie elsewhere on the disk: they are fetched for the latest only.
_TREE = (
    f"with chat as ({_CHAT}), recent as (select seq from app.messages where conversation_id = %(conversation)s::uuid"
    " order by seq desc offset %(recent)s - 1 limit 1)"
    " select m.id::text, m.parent_id::text, m.role, m.conversation_id::text, m.user_id, m.status, m.created_at,"
    f" m.remembering, m.feedback, m.feedback_why, m.seq >= {_RECENT} as recent,"
    f" case when m.seq >= {_RECENT} then m.content end as content,"
    f" case when m.seq >= {_RECENT} then m.receipt end as receipt,"
    " chat.head_id::text, chat.reads_memory, chat.writes_memory, chat.temporary, stamped.stamp"
    f" from chat cross join (select {_STAMP_OF} as stamp from chat) stamped"
    " join app.messages m on m.conversation_id = chat.id order by m.seq"
)
_CHOOSE = text(
    "update app.conversations set head_id = cast(:message as uuid)"
    " where id = cast(:conversation as uuid) and deleted_at is null"
)
_RATE = text(
    "update app.messages set feedback = :feedback, feedback_why = :why"
    " where id = cast(:message as uuid) and role = 'assistant'"
)
