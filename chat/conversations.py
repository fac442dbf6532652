"""Messages and conversations in Postgres, each user's own: reading and saving them.

tree.py defines a message and chooses which messages are shown, queue.py holds the queue of turns to remember, and
chats.py the list of chats. This module asks no model and does not decide what a reply says. The functions at its
end forget a chat on the side of its messages, inside the caller's transaction; memory/erase.py erases the memories.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from chat.attachments import Attachment, Attachments
from chat.chats import title_of
from chat.open_replies import CLOSED, OPENED, SAVED, OpenReplies
from chat.preferences import SwitchStore
from chat.remembering.queue import INITIAL_STATE, REPLY_SECONDS, TurnQueue
from chat.tree import FIELDS, Conversation, Message, Switches, Threads, continued_at, parent_of, valid_id
from memory.database import Database
from memory.errors import NotFound
from memory.plain_text import storable

__all__ = ["Conversations", "clear_quotes", "clear_receipts", "messages_of", "stop_learning"]


class Conversations:
    """Reads and writes one user's conversations at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.threads = Threads(database)
        self.queue = TurnQueue(database)
        self.switches = SwitchStore(database)
        self.attachments = Attachments(database)
        self.open_replies = OpenReplies(database)

    # -- reading ---------------------------------------------------------------------------------

    def messages(self, user_id: str, conversation_id: str, limit: int = 400) -> list[Message]:
        """Return the latest messages in the order they were said; none if the chat is deleted or not the user's."""
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
        """Return one message as it is now; None if it is gone or not the user's."""
        rows = self._database.read_as(
            user_id, f"select {FIELDS} from app.messages where id = %(id)s::uuid", {"id": valid_id(message_id)}
        )
        return Message(**rows[0]) if rows else None

    # -- writing ---------------------------------------------------------------------------------

    def start(self, user_id: str, first_words: str = "") -> Conversation:
        """Start a conversation, named after its first words."""
        with self._database.as_user(user_id) as connection:
            return _start(connection, first_words)

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
        answered: bool = False,
    ) -> Message:
        """Save a message of a person at the end of the shown line; without a conversation, start one.

        `seen` is the last message the person saw: if it is on another branch, the new message follows on that branch.
        `instead_of` makes it another version of a message, with that message's files; the older version's turn leaves
        the queue. The same words within `once_within` seconds, without a reply yet, are the same message.
        `switches` are those of a new conversation. A message to be `answered` claims its reply for this process.
        It waits to be remembered, unless that is off at this moment. turn.py checks its length.
        """
        content = storable(content)
        with self._database.as_user(user_id) as connection:
            # Files have to be chosen again each time, so a message with files was not sent twice by accident.
            twice = once_within and not files
            if twice and (same := _said_just_now(connection, conversation_id, content, once_within)):
                return same
            if conversation_id is None:
                conversation_id, parent = _start(connection, content or files[0].name).id, None
                if switches is not None:
                    self.switches.put(connection, conversation_id, switches)
            else:
                parent = self._parent(connection, conversation_id, seen, instead_of)
            receipt = {"attached": [each.summary() for each in files]} if files else {}
            note = OPENED if answered else ""
            said = self._insert(connection, conversation_id, "user", content, parent, receipt=receipt, note=note)
            self.attachments.add(connection, said.id, said.conversation_id, files)
            return said if instead_of is None else self._with_files_of(connection, instead_of, said)

    def reply(
        self,
        asked: Message,
        content: str,
        status: str,
        receipt: Mapping[str, Any],
        erasures: int | None = None,
        *,
        before: Message | None = None,
        unfinished: bool = False,
    ) -> Message:
        """Save the reply to a message, and let the turn be remembered from now on, in one transaction.

        `erasures` is how often something of the user had been erased when the reply was begun. If something was erased
        since, perhaps by another process, the receipt is saved without the memories it quotes. An `unfinished` reply is
        still being written: its turn is not remembered yet. With `before`, the reply as it was saved before, more words
        of it are saved in its place; raise `NotFound` if it is gone, or has other words by now.
        """
        with self._database.as_user(asked.user_id) as connection:
            kept = self._unless_erased(connection, receipt, erasures)
            note = SAVED if unfinished else CLOSED
            if before is None:
                about = ("assistant", storable(content), asked.id, status, kept)
                saved = self._insert(connection, asked.conversation_id, *about, note=note)
            else:
                saved = self._rewrite(connection, asked, before, content, status, kept, note)
            if not unfinished:
                self.queue.release(connection, asked.id)
        return saved

    def _unless_erased(
        self, connection: Connection, receipt: Mapping[str, Any], erasures: int | None
    ) -> Mapping[str, Any]:
        """Return the receipt, without the memories it quotes if something was erased since the reply was begun."""
        if erasures is None or erasures == self.queue.leases.erasures(connection):
            return receipt
        return {name: value for name, value in receipt.items() if name not in ("memories", "looked_again")}

    def release(self, asked: Message) -> None:
        """Let a turn be remembered from now on, although its reply is still being written."""
        with self._database.as_user(asked.user_id) as connection:
            self.queue.release(connection, asked.id)

    def end_without_reply(self, asked: Message) -> None:
        """Let a turn be remembered from now on although it has no reply: the person's words count all the same."""
        with self._database.as_user(asked.user_id) as connection:
            self.queue.release(connection, asked.id)
            self.open_replies.close(connection, asked)

    def leave_out(self, asked: Message) -> None:
        """Take a turn out of the queue: it asks to forget something, and nothing is learned from it."""
        with self._database.as_user(asked.user_id) as connection:
            self.queue.withdraw(connection, asked.id)

    def _parent(
        self, connection: Connection, conversation_id: str, seen: str | None, instead_of: str | None
    ) -> str | None:
        """Return the parent of a new message; the turn of the message that it replaces leaves the queue."""
        nodes, head = _locked_tree(connection, conversation_id)
        if instead_of is None:
            return continued_at(nodes, head, seen)
        if instead_of not in {each.id for each in nodes if each.role == "user"}:
            raise NotFound("There is no such message in this chat.")
        self.queue.withdraw(connection, instead_of)
        return parent_of(nodes, instead_of)

    def _insert(
        self,
        connection: Connection,
        conversation_id: str,
        role: str,
        content: str,
        parent_id: str | None = None,
        status: str = "complete",
        receipt: Mapping[str, Any] | None = None,
        *,
        note: str = "",
    ) -> Message:
        """Save a message, and with it a note about open replies."""
        values = {"conversation": valid_id(conversation_id), "role": role, "content": content, "parent": parent_id}
        values |= {"status": status, "receipt": json.dumps(dict(receipt or {}))}
        try:
            row = connection.execute(_INSERT, values).mappings().one()
        except sqlalchemy_errors.IntegrityError as error:
            raise NotFound("There is no such chat.") from error
        answered, reply = (row["id"], None) if role == "user" else (parent_id, row["id"])
        touched = {"title": title_of(content), "role": role, "new": row["id"]} | self._noted(note, answered, reply)
        touched |= {"conversation": values["conversation"], "asked": parent_id if role == "assistant" else None}
        changed = connection.execute(_TOUCHES[note], touched).one_or_none()
        if changed is None:
            raise NotFound("There is no such chat.")
        if changed.opened:
            self.open_replies.note_claimed(row["id"])
        return Message(**row)

    def _rewrite(
        self,
        connection: Connection,
        asked: Message,
        before: Message,
        content: str,
        status: str,
        receipt: Mapping[str, Any],
        note: str,
    ) -> Message:
        """Save more words of a reply in its place."""
        values = {"id": valid_id(before.id), "asked": valid_id(asked.id), "before": before.content, "status": status}
        values |= {"content": storable(content), "receipt": json.dumps(dict(receipt))}
        saved = connection.execute(_REWRITE, values).mappings().one_or_none()
        if saved is None:
            raise NotFound("This reply was deleted or changed in the meantime.")
        touched = {"conversation": saved["conversation_id"]} | self._noted(note, asked.id, saved["id"])
        connection.execute(_CHANGES[note], touched)
        return Message(**saved)

    def _noted(self, note: str, answered: str | None, reply: str | None) -> dict[str, str | None]:
        """Return the values for a note about open replies, which is the first part of a statement."""
        values = {"answered": answered, "reply": reply, "writer": self.open_replies.writer}
        return {name: value for name, value in values.items() if f":{name}" in note}

    def _with_files_of(self, connection: Connection, older: str, said: Message) -> Message:
        self.attachments.copy(connection, older, said.id)
        sql = text(f"select {FIELDS} from app.messages where id = cast(:id as uuid)")
        return Message(**connection.execute(sql, {"id": said.id}).mappings().one())


def _start(connection: Connection, first_words: str) -> Conversation:
    row = connection.execute(
        text("insert into app.conversations (title) values (:title) returning id::text, title, updated_at"),
        {"title": title_of(first_words)},
    ).one()
    return Conversation(*row)


def _said_just_now(connection: Connection, conversation_id: str | None, content: str, seconds: float) -> Message | None:
    """Return the message with these words if it was said at most this many seconds ago and has no reply yet."""
    chat = valid_id(conversation_id) if conversation_id is not None else None
    values = {"content": content, "seconds": seconds, "conversation": chat}
    found = connection.execute(_SAID_JUST_NOW, values).mappings().first()
    return Message(**found) if found else None


def _locked_tree(connection: Connection, conversation_id: str) -> tuple[list[Any], str | None]:
    """Return a conversation's messages without their words, and its head; lock it until this transaction ends."""
    rows = connection.exec_driver_sql(_LOCKED_TREE, {"conversation": valid_id(conversation_id)}).all()
    if not rows:
        raise NotFound("There is no such chat.")
    return [row for row in rows if row.id is not None], rows[0].head_id


_INSERT = text(
    "insert into app.messages (conversation_id, parent_id, role, content, status, receipt, remembering, remember_after)"
    " values"
    " (cast(:conversation as uuid), cast(:parent as uuid),"
    f"  :role, :content, :status, cast(:receipt as jsonb), {INITIAL_STATE},"
    f"  now() + make_interval(secs => {REPLY_SECONDS})) returning {FIELDS}"
)
# A person's message, and another version of a reply, is shown from now on. A first reply is shown only if the person
# has said nothing more in the meantime.
_TOUCH = (
    "update app.conversations set updated_at = clock_timestamp(),"
    " title = case when title = '' then :title else title end,"
    " head_id = case when cast(:asked as uuid) is null or head_id is null or head_id = cast(:asked as uuid)"
    "  or exists (select from app.messages where parent_id = cast(:asked as uuid) and role = 'assistant'"
    "   and id <> cast(:new as uuid)) then cast(:new as uuid) else head_id end"
    # Nothing more is said in a deleted chat. A reply that was being written is saved: the chat may be restored.
    " where id = cast(:conversation as uuid) and (deleted_at is null or :role = 'assistant')"
)
_REWRITE = text(
    "update app.messages set content = :content, status = :status, receipt = cast(:receipt as jsonb)"
    " where id = cast(:id as uuid) and parent_id = cast(:asked as uuid) and role = 'assistant' and content = :before"
    f" returning {FIELDS}"
)
_NOTE_CHANGE = "update app.conversations set updated_at = clock_timestamp() where id = cast(:conversation as uuid)"
# Each with what it notes about open replies, in the same trip.
_TOUCHES = {
    note: text(f"{note}{_TOUCH} returning {'exists (select from opened)' if note == OPENED else 'false'} as opened")
    for note in ("", OPENED, SAVED, CLOSED)
}
_CHANGES = {note: text(note + _NOTE_CHANGE) for note in (SAVED, CLOSED)}
# Two statements in one trip: the second sees what another transaction saved while the first waited for the lock.
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


# -- forgetting a chat ----------------------------------------------------------------------------

# Rewrites the two lists in a receipt that quote memories, and takes out the words of a second look, which may; `where`
# leaves the other receipts untouched.
_QUOTED = """
update app.messages set receipt = receipt - 'looked_again'
  || case when jsonb_typeof(receipt -> 'memories') = 'array' then jsonb_build_object('memories', (
       select coalesce(jsonb_agg(each order by place), '[]') from
         jsonb_array_elements(receipt -> 'memories') with ordinality listed (each, place)
       where not coalesce(each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts), false))) else '{}' end
  || case when jsonb_typeof(receipt -> 'remembered' -> 'events') = 'array' then jsonb_build_object('remembered',
       receipt -> 'remembered' || jsonb_build_object('events', (
         select coalesce(jsonb_agg(each order by place), '[]') from
           jsonb_array_elements(receipt -> 'remembered' -> 'events') with ordinality listed (each, place)
         where not coalesce(each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
           or each ->> 'previous_memory' = any(:texts), false)))) else '{}' end
where user_id = (select app.asking()) and (
  exists (select from jsonb_path_query(receipt, 'lax $.memories[*]') listed (each)
    where each ->> 'id' = any(:ids) or each ->> 'text' = any(:texts))
  or exists (select from jsonb_path_query(receipt, 'lax $.remembered.events[*]') listed (each)
    where each ->> 'id' = any(:ids) or each ->> 'memory' = any(:texts)
      or each ->> 'previous_memory' = any(:texts)))
"""


def messages_of(connection: Connection, conversation_id: str) -> list[str]:
    """Return the ids of a chat's messages on every branch; raise `NotFound` if the chat is not the user's."""
    found = text("select id::text from app.messages where conversation_id = cast(:id as uuid) order by seq")
    ids = list(connection.scalars(found, {"id": valid_id(conversation_id)}))
    if not ids:
        raise NotFound("There is no such chat.")
    return ids


def stop_learning(queue: TurnQueue, connection: Connection, conversation_id: str) -> list[str]:
    """Take a chat's turns out of the queue, and clear what its receipts say about learning; return its messages' ids.

    A turn that a model is thinking about is taken from its worker; what is being written is waited for, and forgotten.
    """
    queue.withdraw_chat(connection, conversation_id)
    connection.execute(
        text(
            "update app.messages set receipt = receipt - '{remembered,not_remembered}'::text[]"
            " where user_id = (select app.asking()) and conversation_id = cast(:id as uuid)"
        ),
        {"id": valid_id(conversation_id)},
    )
    return messages_of(connection, conversation_id)


def clear_receipts(connection: Connection) -> None:
    """Take the texts of memories out of every receipt of the user."""
    connection.execute(
        text(
            "update app.messages set receipt = receipt - '{memories,looked_again,remembered,not_remembered}'::text[]"
            " where user_id = (select app.asking())"
        )
    )


def clear_quotes(connection: Connection, ids: Sequence[str], texts: Sequence[str]) -> None:
    """Take erased memories, by their ids and texts, out of every receipt that quotes them."""
    if ids or texts:
        connection.execute(text(_QUOTED), {"ids": list(ids), "texts": list(texts)})
