"""Conversations and messages in Postgres, each user's own; and the queue of turns that are not yet remembered.

The only place with SQL about them. It neither asks a model nor decides what a reply says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from chat.attachments import Attachment, Attachments
from chat.preferences import REMEMBERING, SwitchStore
from chat.tree import FIELDS, Conversation, Message, Switches, Threads, Turn, continued_at, parent_of, valid_id
from memory.database import Database
from memory.errors import InvalidInput, NotFound
from memory.plain_text import storable

__all__ = [
    "LONGEST_MESSAGE",
    "MAX_NAME",
    "MAX_TITLE",
    "Conversation",
    "Conversations",
    "Message",
    "Turn",
    "given_name",
    "in_one_line",
    "place",
    "said_just_now",
    "sayable",
    "title_of",
    "valid_id",
]

# A turn waits so long for its reply; then it is remembered without, so that a click that ends a turn early, or
# a crash, costs no memory.
REPLY_SECONDS = 20
# How long a turn that could not be remembered rests before it is tried again; after the last it is given up.
BACKOFF_SECONDS = (5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400)


class Conversations:
    """Reads and writes one user's conversations at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.threads = Threads(database)
        self.switches = SwitchStore(database)
        self.attachments = Attachments(database)

    # -- reading ---------------------------------------------------------------------------------

    def messages(self, user_id: str, conversation_id: str, limit: int = 400) -> list[Message]:
        """The latest messages of a conversation, as they were said; empty if it is deleted, or not the user's."""
        rows = self._database.read_as(
            user_id,
            f"select {FIELDS} from app.messages where conversation_id = %(conversation)s::uuid"
            " and not exists ("
            "  select from app.conversations where id = %(conversation)s::uuid and deleted_at is not null)"
            " order by seq desc limit %(limit)s",
            {"conversation": valid_id(conversation_id), "limit": limit},
        )
        return [Message(**row) for row in reversed(rows)]

    def message(self, user_id: str, message_id: str) -> Message | None:
        """One message as it stands now; None if it is gone, or not the user's."""
        rows = self._database.read_as(
            user_id, f"select {FIELDS} from app.messages where id = %(id)s::uuid", {"id": valid_id(message_id)}
        )
        return Message(**rows[0]) if rows else None

    # -- writing ---------------------------------------------------------------------------------

    def start(self, user_id: str, first_words: str = "") -> Conversation:
        """Open a conversation, named after its first words."""
        with self._database.as_user(user_id) as connection:
            return _open(connection, first_words)

    def say(
        self,
        user_id: str,
        conversation_id: str | None,
        content: str,
        *,
        seen: str | None = None,
        instead_of: str | None = None,
        once_within: float = 0,
        files: Sequence[Attachment] = (),
        switches: Switches | None = None,
    ) -> Message:
        """Save what a person said at the end of the line that is shown, or as the first message of a new conversation.

        `seen` is the last message they saw: where that stands on another branch, theirs follows there. `instead_of`
        makes it another version of a message, with its files, whose turn need not be remembered any more. The same
        words again `once_within` so many seconds, and before their answer, are the same message: pressed twice.

        From here on it is in the queue to be remembered, a little later than its reply should take; never, where the
        chat or the person has switched remembering off, also if it is switched on again later. `switches` are for a
        new conversation.
        """
        kept = sayable(content, besides=files)
        with self._database.as_user(user_id) as connection:
            # With files it is no slip of the finger: they had to be chosen again.
            if once_within and not files and (same := said_just_now(connection, conversation_id, kept, once_within)):
                return same
            if conversation_id is None:
                conversation_id, parent = _open(connection, kept or files[0].name).id, None
                if switches is not None:
                    self.switches.put(connection, conversation_id, switches)
            else:
                parent = place(connection, conversation_id, seen, instead_of)
            told = {"attached": [each.told() for each in files]} if files else {}
            said = self._append(connection, conversation_id, "user", kept, parent, receipt=told)
            self.attachments.keep(connection, said.id, said.conversation_id, files)
            return said if instead_of is None else self._with_files_of(connection, instead_of, said)

    def _with_files_of(self, connection: Connection, older: str, said: Message) -> Message:
        self.attachments.carry(connection, older, said.id)
        sql = text(f"select {FIELDS} from app.messages where id = cast(:id as uuid)")
        return Message(**connection.execute(sql, {"id": said.id}).mappings().one())

    def reply(self, asked: Message, content: str, status: str, receipt: Mapping[str, Any]) -> Message:
        """Save the reply to a message, and let the turn be remembered from now on, in one transaction."""
        with self._database.as_user(asked.user_id) as connection:
            saved = self._append(
                connection, asked.conversation_id, "assistant", storable(content), asked.id, status, receipt
            )
            _queue(connection, asked.id)
        return saved

    def queue(self, asked: Message) -> None:
        """Let a turn be remembered from now on although no reply came: the person's words count all the same."""
        with self._database.as_user(asked.user_id) as connection:
            _queue(connection, asked.id)

    # -- the queue -------------------------------------------------------------------------------

    @contextmanager
    def next_turn(self) -> Iterator[tuple[Connection, Turn] | None]:
        """Claim the oldest waiting turn, in a transaction bound to its user that holds it; None if none waits.

        Killed inside, the database lets go of the claim, and the turn still waits.
        """
        with self._database.as_worker() as connection:
            claimed = connection.execute(text("select message_id::text, user_id from app.claim_turn()")).first()
            if claimed is None:
                yield None
                return
            self._database.become(connection, claimed.user_id)
            yield connection, _turn(connection, claimed.message_id)

    def remembered(self, connection: Connection, message_id: str, record: Mapping[str, Any]) -> None:
        """Note that a turn is done, in the transaction that holds what was learned from it."""
        connection.execute(
            text(
                "update app.messages set remembering = 'done',"
                " receipt = (receipt - 'not_remembered') || cast(:record as jsonb) where id = cast(:id as uuid)"
            ),
            {"id": message_id, "record": json.dumps({"remembered": record})},
        )

    def postpone(self, connection: Connection, message_id: str, problem: str, at_least: float = 0) -> None:
        """Let a turn that could not be remembered rest, longer each time, and say why on its record."""
        connection.execute(
            text(
                "update app.messages set remember_attempts = remember_attempts + 1,"
                " remembering = case when remember_attempts + 1 < :most then 'waiting' else 'given up' end,"
                " remember_after = now() + make_interval(secs =>"
                "  greatest(:at_least, (cast(:rests as int[]))[least(remember_attempts + 1, :most)])),"
                " receipt = receipt || cast(:record as jsonb)"
                " where id = cast(:id as uuid)"
            ),
            {
                "id": message_id,
                "at_least": at_least,
                "most": len(BACKOFF_SECONDS),
                "rests": list(BACKOFF_SECONDS),
                "record": json.dumps({"not_remembered": problem}),
            },
        )

    def unqueue(self, connection: Connection) -> None:
        """Forget to remember: waiting turns of the bound user leave the queue (after a clear-all)."""
        connection.execute(text("update app.messages set remembering = 'none' where remembering = 'waiting'"))

    def clear_receipts(self, connection: Connection) -> None:
        """Take the texts of memories out of the bound user's turns."""
        connection.execute(
            text("update app.messages set receipt = receipt - '{memories,remembered,not_remembered}'::text[]")
        )

    def waiting(self, user_id: str) -> int:
        """How many of the user's turns are not yet remembered."""
        rows = self._database.read_as(
            user_id,
            "select count(*) as waiting from app.messages m where remembering = 'waiting' and not exists ("
            " select from app.conversations c where c.id = m.conversation_id and c.deleted_at is not null)",
        )
        return int(rows[0]["waiting"])

    def _append(
        self,
        connection: Connection,
        conversation_id: str,
        role: str,
        content: str,
        parent_id: str | None = None,
        status: str = "complete",
        receipt: Mapping[str, Any] | None = None,
    ) -> Message:
        values = {"conversation": valid_id(conversation_id), "role": role, "content": content, "parent": parent_id}
        values |= {"status": status, "receipt": json.dumps(dict(receipt or {}))}
        try:
            row = connection.execute(_INSERT, values).mappings().one()
        except sqlalchemy_errors.IntegrityError as error:
            raise NotFound("There is no such chat.") from error
        touched = {"conversation": values["conversation"], "title": title_of(content), "role": role, "new": row["id"]}
        if connection.execute(_TOUCH, touched | {"asked": parent_id if role == "assistant" else None}).rowcount != 1:
            raise NotFound("There is no such chat.")
        return Message(**row)


_INSERT = text(
    "insert into app.messages (conversation_id, parent_id, role, content, status, receipt, remembering, remember_after)"
    " values"
    " (cast(:conversation as uuid), cast(:parent as uuid),"
    f"  :role, :content, :status, cast(:receipt as jsonb), {REMEMBERING},"
    f"  now() + make_interval(secs => {REPLY_SECONDS})) returning {FIELDS}"
)
# What was said, and another answer, is shown from now on; a first answer only where nothing was said meanwhile.
_TOUCH = text(
    "update app.conversations set updated_at = clock_timestamp(),"
    " title = case when title = '' then :title else title end,"
    " head_id = case when cast(:asked as uuid) is null or head_id is null or head_id = cast(:asked as uuid)"
    "  or exists (select from app.messages where parent_id = cast(:asked as uuid) and role = 'assistant'"
    "   and id <> cast(:new as uuid)) then cast(:new as uuid) else head_id end"
    # Nobody says more in a deleted chat; a reply that was under way is kept, since the chat may come back.
    " where id = cast(:conversation as uuid) and (deleted_at is null or :role = 'assistant')"
)


def _open(connection: Connection, first_words: str) -> Conversation:
    row = connection.execute(
        text("insert into app.conversations (title) values (:title) returning id::text, title, updated_at"),
        {"title": title_of(first_words)},
    ).one()
    return Conversation(*row)


def _queue(connection: Connection, message_id: str) -> None:
    connection.execute(
        text(
            # A worker that has claimed the turn already, because the reply took long, holds the row: leave it to it.
            "update app.messages set remember_after = now() where id = ("
            " select id from app.messages where id = cast(:id as uuid)"
            " and remembering = 'waiting' and remember_attempts = 0 for no key update skip locked)"
        ),
        {"id": message_id},
    )


def _turn(connection: Connection, message_id: str) -> Turn:
    rows = connection.execute(
        text(
            f"select {FIELDS} from app.messages where id = cast(:id as uuid)"
            " or (parent_id = cast(:id as uuid) and role = 'assistant') order by seq"
        ),
        {"id": message_id},
    ).mappings()
    message, *replies = [Message(**row) for row in rows]
    return Turn(message, replies[-1] if replies else None)


def place(connection: Connection, conversation_id: str, seen: str | None, instead_of: str | None) -> str | None:
    """The parent of a new message; the turn of the one it is another version of leaves the queue."""
    nodes, head = _tree(connection, conversation_id)
    if instead_of is None:
        return continued_at(nodes, head, seen)
    if instead_of not in {each.id for each in nodes if each.role == "user"}:
        raise NotFound("There is no such message in this chat.")
    connection.execute(_UNQUEUE_ONE, {"id": instead_of})
    return parent_of(nodes, instead_of)


def said_just_now(connection: Connection, conversation_id: str | None, content: str, seconds: float) -> Message | None:
    """A person's message with these words that was saved so many seconds ago at most and is not answered yet."""
    values = {"content": content, "seconds": seconds}
    chat = valid_id(conversation_id) if conversation_id is not None else None
    found = connection.execute(_SAID_JUST_NOW, values | {"conversation": chat}).mappings().first()
    return Message(**found) if found else None


def _tree(connection: Connection, conversation_id: str) -> tuple[list[Any], str | None]:
    """The messages of a conversation without their words, and its head; nobody else adds one until we are done."""
    rows = connection.exec_driver_sql(_LOCKED_TREE, {"conversation": valid_id(conversation_id)}).all()
    if not rows:
        raise NotFound("There is no such chat.")
    return [row for row in rows if row.id is not None], rows[0].head_id


# Two messages, one statement each, so that the second sees what was saved while the first waited for its turn.
_LOCKED_TREE = (
    "select 1 from app.conversations where id = %(conversation)s::uuid for no key update;"
    " select c.head_id::text, m.id::text, m.parent_id::text, m.role from app.conversations c"
    " left join app.messages m on m.conversation_id = c.id where c.id = %(conversation)s::uuid order by m.seq"
)
_SAID_JUST_NOW = text(
    f"select {FIELDS} from app.messages m where m.role = 'user' and m.content = :content"
    " and m.created_at > clock_timestamp() - make_interval(secs => :seconds)"
    " and case when cast(:conversation as uuid) is null then m.parent_id is null"
    "  else m.conversation_id = cast(:conversation as uuid) end"
    " and not exists (select from app.messages r where r.parent_id = m.id and r.role = 'assistant'"
    "  and r.status = 'complete') order by m.seq desc limit 1"
)
# A turn that a worker has claimed already is left to it: what it teaches stays to be seen under that version.
_UNQUEUE_ONE = text(
    "update app.messages set remembering = 'none', receipt = receipt - 'not_remembered' where id = ("
    " select id from app.messages where id = cast(:id as uuid) and remembering = 'waiting'"
    " for no key update skip locked)"
)


LONGEST_MESSAGE = 32_000
MAX_TITLE = 60
MAX_NAME = 100  # of a name that a person gives
# Control characters, and those that turn the direction of what is written round them.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def title_of(words: str) -> str:
    """The first words of a text, as a chat's name."""
    line = storable(" ".join(words.split()))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def in_one_line(text: str) -> str:
    """A text without line breaks, and without what cannot be seen."""
    return " ".join(_UNSEEN.sub(" ", storable(text)).split())


def given_name(name: str) -> str:
    """A chat's name in one line, as it will be kept; refused where there is none, or too much of it."""
    if not isinstance(name, str):
        raise InvalidInput("A chat's name is text.")
    line = in_one_line(name)
    if not line:
        raise InvalidInput("The name is empty.")
    if len(line) > MAX_NAME:
        raise InvalidInput(f"The name has {len(line):,} characters; at most {MAX_NAME} fit into the list.")
    return line


def sayable(content: str, besides: Sized = ()) -> str:
    """A message as it will be kept; refused, not cut, when it is too long. With files `besides` it may be empty."""
    kept = storable(content).strip()
    if not kept and not besides:
        raise InvalidInput("The message is empty.")
    if len(kept) > LONGEST_MESSAGE:
        raise InvalidInput(
            f"The message has {len(kept):,} characters; at most {LONGEST_MESSAGE:,} fit into one. Send it in parts."
        )
    return kept
