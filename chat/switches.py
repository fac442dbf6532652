"""What a chat may do with memory: read it, write it, both or neither; and whether it is a temporary one.

The only place with SQL about it. A message's place in the queue is decided when it is said, so that what was said
while writing was off stays out for good, whatever is switched on later.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from chat.message import as_id
from chat.preferences import Preferences
from memory.database import Database
from memory.errors import NotFound

__all__ = ["REMEMBERING", "SwitchBoard", "Switches", "may_read"]

# Whether a new message of :conversation waits to be remembered; for the statement that saves it. Off for the person is
# off in every chat.
REMEMBERING = (
    "case when :role = 'user' and (select writes_memory and not temporary from app.conversations"
    " where id = cast(:conversation as uuid))"
    " and coalesce((select writes_memory from app.preferences where user_id = app.asking()), true)"
    " then 'waiting' else 'none' end"
)


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


def may_read(preferences: Preferences, *, in_this_chat: bool = True) -> bool:
    """Whether a reply may be told what is remembered; off for the person is off in every chat."""
    return preferences.reads_memory and in_this_chat


class SwitchBoard:
    """One user's chats at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str, conversation_id: str) -> Switches:
        """How a chat stands to memory; `NotFound` if it is not the user's."""
        rows = self._database.read_as(
            user_id,
            "select reads_memory, writes_memory, temporary from app.conversations where id = %(id)s::uuid",
            {"id": as_id(conversation_id)},
        )
        if not rows:
            raise NotFound("There is no such chat.")
        return Switches(**rows[0])

    def set(self, user_id: str, conversation_id: str, switches: Switches) -> None:
        """Switch a chat, from its next message on."""
        with self._database.as_user(user_id) as connection:
            self.put(connection, conversation_id, switches)

    def put(self, connection: Connection, conversation_id: str, switches: Switches) -> None:
        """The same inside a transaction of the caller."""
        done = connection.execute(
            text(
                "update app.conversations set reads_memory = :reads, writes_memory = :writes, temporary = :temporary"
                " where id = cast(:id as uuid)"
            ),
            {
                "id": as_id(conversation_id),
                "reads": switches.reads_memory,
                "writes": switches.writes_memory,
                "temporary": switches.temporary,
            },
        )
        if done.rowcount != 1:
            raise NotFound("There is no such chat.")
