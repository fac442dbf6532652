"""Attachments in Postgres, each user's own: the texts and pictures that came with a message.

The only place with SQL about them. What a file may be is files.py's to say, what a model sees of it prompt.py's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text

from chat.message import as_id
from memory.database import Database

__all__ = ["Attachment", "Attachments"]


@dataclass(frozen=True)
class Attachment:
    """A file as it is kept: its text, or a picture with a small one of it."""

    name: str
    media: str
    size: int  # of the file as it was sent
    written: str | None = field(default=None, repr=False)
    picture: bytes | None = field(default=None, repr=False)
    preview: bytes | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: str(uuid4()))

    def told(self) -> dict[str, Any]:
        """What the message's receipt says of it, so that a message can be drawn without asking again."""
        return {"id": self.id, "name": self.name, "media": self.media, "size": self.size}


class Attachments:
    """Keeps and finds one user's attachments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, connection: Connection, message_id: str, conversation_id: str, files: Sequence[Attachment]) -> None:
        """Add files to a message, in the transaction that saves it."""
        for place, each in enumerate(files):
            values = {"id": each.id, "message": message_id, "conversation": conversation_id, "place": place}
            values |= {"name": each.name, "media": each.media, "size": each.size, "written": each.written}
            connection.execute(_INSERT, values | {"picture": each.picture, "preview": each.preview})

    def carry(self, connection: Connection, from_message: str, to_message: str) -> None:
        """Give a message the files of another one of the same chat, which keeps its own: for one that is edited."""
        values = {"old": as_id(from_message), "new": as_id(to_message)}
        rows = connection.execute(_CARRY, values).mappings().all()
        if rows:
            told = {"attached": [dict(each) for each in rows]}
            connection.execute(
                text("update app.messages set receipt = receipt || cast(:told as jsonb) where id = cast(:id as uuid)"),
                {"id": values["new"], "told": json.dumps(told)},
            )

    def written(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """The attachments of some messages, pictures without their pixels."""
        return self._by_message(user_id, "written, null as picture, null as preview", message_ids)

    def previews(self, user_id: str, message_ids: Sequence[str]) -> dict[str, bytes]:
        """The small pictures of some messages, by the ids of their attachments."""
        found = self._by_message(user_id, "null as written, null as picture, preview", message_ids)
        return {each.id: each.preview for several in found.values() for each in several if each.preview}

    def pictures(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """The pictures of some messages, whole."""
        found = self._by_message(user_id, "null as written, picture, null as preview", message_ids)
        whole = {message: [each for each in several if each.picture] for message, several in found.items()}
        return {message: several for message, several in whole.items() if several}

    def one(self, user_id: str, attachment_id: str) -> Attachment | None:
        """One attachment, whole; None if it is gone, or not the user's."""
        rows = self._database.read_as(
            user_id,
            "select id::text, name, media, size, written, picture, preview from app.attachments"
            " where id = %(id)s::uuid",
            {"id": as_id(attachment_id)},
        )
        return _attachment(rows[0]) if rows else None

    def _by_message(self, user_id: str, columns: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        if not message_ids:
            return {}
        rows = self._database.read_as(
            user_id,
            f"select message_id::text as message, id::text, name, media, size, {columns} from app.attachments"
            " where message_id = any(%(ids)s::uuid[]) order by message_id, place",
            {"ids": [as_id(each) for each in message_ids]},
        )
        found: dict[str, list[Attachment]] = {}
        for row in rows:
            found.setdefault(row.pop("message"), []).append(_attachment(row))
        return found


_INSERT = text(
    "insert into app.attachments (id, message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " values (cast(:id as uuid), cast(:message as uuid), cast(:conversation as uuid), :place, :name, :media, :size,"
    " :written, :picture, :preview)"
)
_CARRY = text(
    "insert into app.attachments (message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " select cast(:new as uuid), conversation_id, place, name, media, size, written, picture, preview"
    " from app.attachments where message_id = cast(:old as uuid) order by place"
    " returning id::text, name, media, size"
)


def _attachment(row: Mapping[str, Any]) -> Attachment:
    held = {name: None if row[name] is None else bytes(row[name]) for name in ("picture", "preview")}
    return Attachment(**{**row, **held})
