"""The messages of a chat as a tree: what a message is, and which line through the tree is shown.

Versions of a message are siblings: they have the same parent. Pure functions come first, then `Threads`, which reads
chats from the database. Messages are saved in conversations.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import takewhile
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import text

from memory.database import Database, Reading
from memory.errors import InvalidInput, NotFound
from memory.leases import erasures_reading
from memory.plain_text import storable

__all__ = [
    "FIELDS",
    "MAX_WHY",
    "ChatHistory",
    "Conversation",
    "Message",
    "Node",
    "OpenReply",
    "Step",
    "Switches",
    "Thread",
    "Threads",
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
    """A chat as an entry of a person's list."""

    id: str
    title: str
    updated_at: datetime
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True)
class Switches:
    """Whether a chat reads and writes memory. A temporary chat does neither, whatever the other switches say."""

    reads_memory: bool = True
    writes_memory: bool = True
    temporary: bool = False

    @property
    def reads(self) -> bool:
        """Whether memories are recalled for replies in this chat."""
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
    remembering: str = "none"  # of a person's message: none, waiting, done or given up
    feedback: int | None = None  # on a reply: 1 (good) or -1 (not good)
    feedback_why: str = ""


def valid_id(value: str) -> str:
    """Return the id as Postgres writes it; raise `NotFound` if it is no UUID, since no chat has such an id."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound("There is no such chat.") from error


class Node(Protocol):
    """The part of a message that the tree is built from."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102


AnyNode = TypeVar("AnyNode", bound=Node)


@dataclass(frozen=True)
class Step:
    """A message on the line, with the ids of all its versions, its own among them, the oldest first."""

    id: str
    versions: tuple[str, ...]


def line(nodes: Sequence[Node], head: str | None = None) -> list[Step]:
    """Return the messages of a chat that are shown. `nodes` are all its messages in the order they were said."""
    return _Tree(nodes).line(head)


def continued_at(nodes: Sequence[Node], head: str | None, seen: str | None) -> str | None:
    """Return the parent of a new message: the end of the shown line, or of the line that the person still sees."""
    tree = _Tree(nodes)
    shown = tree.line(head)
    if seen in tree.roles and seen not in {each.id for each in shown}:
        shown = tree.line(seen)
    return shown[-1].id if shown else None


def parent_of(nodes: Sequence[Node], message_id: str) -> str | None:
    """Return the parent of a message, which all its versions share."""
    return _Tree(nodes).parents[message_id]


def replies_to(asked: Node, messages: Iterable[AnyNode]) -> list[AnyNode]:
    """Return every reply to a message, the oldest first."""
    return [each for each in messages if each.role == "assistant" and each.parent_id == asked.id]


class _Tree:
    """The tree of messages. A parent that is gone, or comes later than its child, counts as none."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.roles: dict[str, str] = {}
        self.parents: dict[str, str | None] = {}
        self.replies: dict[str | None, list[str]] = defaultdict(list)
        self.follows: dict[str | None, list[str]] = defaultdict(list)
        for each in nodes:
            parent = each.parent_id if each.parent_id in self.roles else None
            if each.role == "user":
                parent = self._after_a_late_reply(parent)
            self.roles[each.id], self.parents[each.id] = each.role, parent
            (self.follows if each.role == "user" else self.replies)[parent].append(each.id)

    def _after_a_late_reply(self, parent: str | None) -> str | None:
        """Return the parent of a person's message that was said after `parent`.

        A reply may come after the person has already said something else. What is said after such a late reply follows
        the newest message, not the late reply.
        """
        if parent is None or self.roles[parent] == "user" or not self.follows.get(self.parents[parent]):
            return parent
        asked = self.parents[parent]
        return parent if asked is None else self._to_the_end([self.follows[asked][-1]])[-1]

    def line(self, head: str | None) -> list[Step]:
        """Return the line from the first message through the head to the newest message below it."""
        current = head if head in self.roles else next(reversed(self.roles), None)
        upwards: list[str] = []
        while current is not None:
            upwards.append(current)
            current = self.parents[current]
        return [Step(each, self._versions(each)) for each in self._with_replies(self._to_the_end(upwards[::-1]))]

    def _to_the_end(self, chain: list[str]) -> list[str]:
        """Continue a line with the newest message that follows, until none does."""
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

    def _with_replies(self, chain: Sequence[str]) -> list[str]:
        """Add the reply to each message that has one, also where the person did not wait for it."""
        whole: list[str] = []
        for number, each in enumerate(chain):
            whole.append(each)
            after = chain[number + 1] if number + 1 < len(chain) else None
            without_reply = self.roles[each] == "user" and (after is None or self.roles[after] == "user")
            if without_reply and (replies := self.replies.get(each)):
                whole.append(replies[-1])
        return whole

    def _versions(self, each: str) -> tuple[str, ...]:
        siblings = self.follows if self.roles[each] == "user" else self.replies
        return tuple(siblings[self.parents[each]])


T = TypeVar("T")

MESSAGES_DRAWN = 40  # messages that are drawn at least, if the chat has as many
STEP = 20  # the first drawn message moves on by this many messages at a time, and stays in place in between
MOST = 120  # messages that are drawn at most; this many of the latest are read with their words at once
PROMPT_MESSAGES = 60  # messages before the one to answer that are read with their words; a prompt has room for fewer
MOST_ELSEWHERE = 200  # ids of messages on other branches in a `ChatHistory`
MAX_WHY = 500
SWITCHES = ("reads_memory", "writes_memory", "temporary")
OF_THE_CHAT = {"recent", "head_id", "stamp", "answered", "writer", "stopping", *SWITCHES}


@dataclass(frozen=True)
class OpenReply:
    """That some process is writing the reply to a message at the moment (open_replies.py)."""

    message_id: str
    writer: str
    stopping: bool


@dataclass(frozen=True)
class Thread:
    """The part of a chat's line that a page draws."""

    messages: tuple[Message, ...] = ()
    steps: tuple[Step, ...] = ()  # the whole line
    earlier: int = 0  # how many messages of the line stand before these
    others: tuple[Message, ...] = ()  # the other versions of the replies among the messages
    branched: bool = False  # not the chosen line is drawn, but the one with the message to show
    stamp: str = ""  # differs after every change of the line or the chat's name
    switches: Switches = field(default_factory=Switches)
    open_reply: OpenReply | None = None

    @property
    def tip(self) -> str | None:
        """The message that the next one follows."""
        return self.steps[-1].id if self.steps else None

    @property
    def later(self) -> int:
        """How many messages of the line stand after these."""
        return len(self.steps) - self.earlier - len(self.messages)

    @property
    def last_asked(self) -> Message | None:
        """The person's last message, if the end of the line is drawn."""
        return None if self.later else next((each for each in reversed(self.messages) if each.role == "user"), None)

    def find(self, message_id: str | None) -> Message | None:
        """Return one of the messages that are drawn."""
        return next((each for each in self.messages if each.id == message_id), None)

    def versions(self, message_id: str) -> tuple[str, ...]:
        """Return every version of a message on the line, the oldest first."""
        return self._versions.get(message_id, (message_id,))

    def before(self, reply: Message) -> list[Message]:
        """Return the earlier versions of a reply, the oldest first."""
        versions = self.versions(reply.id)
        older = versions[: versions.index(reply.id)] if reply.id in versions else versions
        return [each for each in self.others if each.id in older]

    @cached_property
    def _versions(self) -> Mapping[str, tuple[str, ...]]:
        return {each.id: each.versions for each in self.steps}


@dataclass(frozen=True)
class ChatHistory:
    """The messages of a chat that a reply is made from, and the chat's switches."""

    messages: tuple[Message, ...]  # the line up to the message, which is the last one
    elsewhere: tuple[str, ...]  # ids of the latest messages on other branches, and of earlier replies to this message
    switches: Switches
    erasures: int = 0  # how often something of the person was erased so far


@dataclass(frozen=True)
class _Row:
    """A message of the tree. `whole` is set for the latest messages, which are read with their words."""

    id: str
    parent_id: str | None
    role: str
    whole: Message | None = field(default=None)


@dataclass(frozen=True)
class _ChatRow:
    """The columns of the chat's own row."""

    head: str | None = None
    stamp: str = ""
    switches: Switches = field(default_factory=Switches)
    open_reply: OpenReply | None = None


_RowsAndChat = tuple[list[_Row], _ChatRow]


class Threads:
    """Reads a user's chats as they are shown, and saves which branch and which rating the person chose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, user_id: str, conversation_id: str, *, first: str | None = None, show: str | None = None) -> Thread:
        """Read the end of the shown line; or the line from `first` on; or the line around `show`, on whichever branch.

        The thread is empty if the chat is gone or not the user's.
        """
        rows, chat = self._database.read(user_id, _tree_of(conversation_id))
        steps = line(rows, chat.head)
        branched = show in {each.id for each in rows} - {each.id for each in steps}
        steps = line(rows, show) if branched else steps
        start = _start([each.id for each in steps], first, show)
        thread = self._thread(user_id, rows, steps, slice(start, start + MOST), chat)
        return replace(thread, branched=branched)

    def history(self, asked: Message, beside: Reading[T]) -> tuple[ChatHistory, T]:
        """Read the chat up to a message, and in the same trip another reading of the same user."""
        (rows, chat), other, erasures = self._database.read_together(
            asked.user_id, _tree_of(asked.conversation_id), beside, erasures_reading()
        )
        steps = line(rows, asked.id)
        end = next((number for number, each in enumerate(steps, 1) if each.id == asked.id), 0)
        before = [each.id for each in steps[: max(0, end - 1)]]
        whole = self._with_words(asked.user_id, rows, before[-PROMPT_MESSAGES:])
        messages = [asked, *(whole[each] for each in takewhile(whole.__contains__, reversed(before)))]
        on_line = {each.id for each in steps[:end]}
        elsewhere = [each.id for each in rows if each.id not in on_line][-MOST_ELSEWHERE:]
        return ChatHistory(tuple(reversed(messages)), tuple(elsewhere), chat.switches, erasures), other

    def stamp(self, user_id: str, conversation_id: str) -> str:
        """Return a text that differs after every change of the line or the name; empty if the chat is gone."""
        rows = self._database.read_as(user_id, _STAMP, {"conversation": valid_id(conversation_id)})
        return str(rows[0]["stamp"]) if rows else ""

    def choose(self, user_id: str, conversation_id: str, message_id: str) -> None:
        """Show the branch with this message, in every tab where the chat is open."""
        values = {"conversation": valid_id(conversation_id), "message": valid_id(message_id)}
        try:
            with self._database.as_user(user_id) as connection:
                if connection.execute(_CHOOSE, values).rowcount != 1:
                    raise NotFound("There is no such chat.")
        except sqlalchemy_errors.IntegrityError as error:
            raise NotFound("There is no such message in this chat.") from error

    def rate(self, user_id: str, message_id: str, feedback: int | None, why: str = "") -> None:
        """Save the person's rating of a reply, 1 or -1, with a reason; None takes the rating back."""
        if feedback not in (None, 1, -1):
            raise InvalidInput("A rating is 1, -1 or nothing.")
        kept = storable(why).strip()[:MAX_WHY] if feedback else ""
        values = {"message": valid_id(message_id), "feedback": feedback, "why": kept}
        with self._database.as_user(user_id) as connection:
            if connection.execute(_RATE, values).rowcount != 1:
                raise NotFound("There is no such reply.")

    def _thread(self, user_id: str, rows: Sequence[_Row], steps: Sequence[Step], part: slice, chat: _ChatRow) -> Thread:
        """Return a part of the line with its words, and the other versions of its replies."""
        roles = {each.id: each.role for each in rows}
        order = {each.id: number for number, each in enumerate(rows)}
        ids = [each.id for each in steps[part]]
        versions = [other for each in steps[part] if roles[each.id] == "assistant" for other in each.versions]
        whole = self._with_words(user_id, rows, {*ids, *versions})
        others = sorted(set(versions) - set(ids), key=order.__getitem__)
        return Thread(
            messages=tuple(whole[each] for each in ids if each in whole),
            steps=tuple(steps),
            earlier=part.start,
            others=tuple(whole[each] for each in others if each in whole),
            stamp=chat.stamp,
            switches=chat.switches,
            open_reply=chat.open_reply,
        )

    def _with_words(self, user_id: str, rows: Sequence[_Row], ids: Collection[str]) -> dict[str, Message]:
        """Return the latest messages and the wanted ones, by id; wanted ones that are older take a second trip."""
        whole = {each.id: each.whole for each in rows if each.whole is not None}
        if older := set(ids) - whole.keys():
            sql = f"select {FIELDS} from app.messages where id = any(%(ids)s::uuid[])"
            rows_read = self._database.read_as(user_id, sql, {"ids": sorted(older)})
            whole |= {row["id"]: Message(**row) for row in rows_read}
        return whole


def _tree_of(conversation_id: str) -> Reading[_RowsAndChat]:
    """Read all messages of a chat, the latest with their words, and the columns of the chat itself."""
    return Reading(
        _TREE,
        make=lambda rows: ([_row(each) for each in rows], _chat(rows[-1]) if rows else _ChatRow()),
        values={"conversation": valid_id(conversation_id), "recent": MOST},
        times=("created_at",),
    )


def _chat(row: Mapping[str, Any]) -> _ChatRow:
    switches = Switches(**{name: row[name] for name in SWITCHES})
    writing = OpenReply(row["answered"], row["writer"], row["stopping"]) if row["answered"] else None
    return _ChatRow(row["head_id"], row["stamp"], switches, writing)


def _row(row: Mapping[str, Any]) -> _Row:
    if not row["recent"]:
        return _Row(row["id"], row["parent_id"], row["role"])
    columns = {name: value for name, value in row.items() if name not in OF_THE_CHAT}
    return _Row(row["id"], row["parent_id"], row["role"], Message(**columns))


def _start(ids: Sequence[str], first: str | None, show: str | None) -> int:
    """Return the place on the line of the first message that is drawn."""
    if show in ids:
        return max(0, ids.index(show) // STEP * STEP - STEP)
    if first in ids:
        return ids.index(first)
    return max(0, (len(ids) - MESSAGES_DRAWN) // STEP * STEP)


_RECENT = "coalesce((select seq from recent), 0)"
_STAMP_OF = (
    "concat(chat.head_id, '/', md5(chat.title), '/', extract(epoch from chat.updated_at), '/',"
    " (select max(seq) from app.messages where conversation_id = %(conversation)s::uuid))"
)
_CHAT = (
    "select id, head_id, title, updated_at, reads_memory, writes_memory, temporary from app.conversations"
    " where id = %(conversation)s::uuid and deleted_at is null"
)
_STAMP = f"with chat as ({_CHAT}) select {_STAMP_OF} as stamp from chat"
# Words may be long and are stored apart from their row, so only those of the latest messages are fetched.
_TREE = (
    f"with chat as ({_CHAT}), recent as (select seq from app.messages where conversation_id = %(conversation)s::uuid"
    " order by seq desc offset %(recent)s - 1 limit 1)"
    " select m.id::text, m.parent_id::text, m.role, m.conversation_id::text, m.user_id, m.status, m.created_at,"
    f" m.remembering, m.feedback, m.feedback_why, m.seq >= {_RECENT} as recent,"
    f" case when m.seq >= {_RECENT} then m.content end as content,"
    f" case when m.seq >= {_RECENT} then m.receipt end as receipt,"
    " chat.head_id::text, chat.reads_memory, chat.writes_memory, chat.temporary, stamped.stamp,"
    " writing.message_id::text as answered, writing.writer::text, writing.stop_wanted as stopping"
    f" from chat cross join (select {_STAMP_OF} as stamp from chat) stamped"
    " left join app.open_replies writing on writing.conversation_id = chat.id"
    "  and writing.open_until > clock_timestamp()"
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
