"""Exports chats: one as Markdown to read or as JSON with every branch, or all of them in an archive.

A few chats are read at a time, so that an export of many needs little memory.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO
from typing import Any, NamedTuple

from chat.tree import FIELDS, Message, line, valid_id
from memory.database import Database
from memory.errors import NotFound

__all__ = ["Exported", "Exports", "Names", "archive", "as_json", "as_markdown", "file_name"]

CHATS_AT_ONCE = 10  # chats whose messages are read in one trip
_MESSAGES = (
    f"select {FIELDS} from app.messages where conversation_id = any(%(ids)s::uuid[]) order by conversation_id, seq"
)
_CHATS = (
    "select id::text, title, created_at, updated_at, pinned_at, archived_at, head_id::text from app.conversations"
    " where deleted_at is null"
)


class Names(NamedTuple):
    """The names of the person and the assistant in the file, and the timezone of its dates."""

    person: str
    assistant: str
    zone: tzinfo


@dataclass(frozen=True)
class Exported:
    """One chat with all its messages, on every branch."""

    about: Mapping[str, Any]
    messages: Sequence[Message]

    @property
    def title(self) -> str:
        """The chat's name."""
        return str(self.about["title"])


class Exports:
    """Reads one user's chats with all their messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, user_id: str, chat_id: str) -> Exported:
        """Read one chat; raise `NotFound` if it is deleted or not the user's."""
        about = self._database.read_as(user_id, f"{_CHATS} and id = %(id)s::uuid", {"id": valid_id(chat_id)})
        if not about:
            raise NotFound("There is no such chat.")
        return next(self._with_messages(user_id, about))

    def all(self, user_id: str) -> Iterator[Exported]:
        """Yield every chat, archived ones too, the latest first; without deleted and temporary ones."""
        about = self._database.read_as(user_id, f"{_CHATS} and not temporary order by updated_at desc")
        for start in range(0, len(about), CHATS_AT_ONCE):
            yield from self._with_messages(user_id, about[start : start + CHATS_AT_ONCE])

    def _with_messages(self, user_id: str, about: Sequence[Mapping[str, Any]]) -> Iterator[Exported]:
        said: dict[str, list[Message]] = {each["id"]: [] for each in about}
        for row in self._database.read_as(user_id, _MESSAGES, {"ids": list(said)}):
            said[row["conversation_id"]].append(Message(**row))
        for each in about:
            yield Exported(each, said[each["id"]])


def as_markdown(chat: Exported, names: Names) -> str:
    """Return the shown line of a chat as Markdown, each message under who said it and when."""
    parts = [f"# {chat.title}"]
    said = {each.id: each for each in chat.messages}
    for each in (said[step.id] for step in line(chat.messages, chat.about["head_id"])):
        who = names.person if each.role == "user" else names.assistant
        at = each.created_at.astimezone(names.zone)
        files = ", ".join(f"📎 {name}" for name in _files(each))
        parts += [part for part in (f"**{who}** · {at:%Y-%m-%d %H:%M}", files, each.content) if part]
    return "\n\n".join(parts) + "\n"


def as_json(chat: Exported) -> str:
    """Return a chat as JSON: each message with its date, its parent and the memories that a reply used."""
    fields = {name: _plain(value) for name, value in chat.about.items()}
    messages = [_message_entry(each) for each in chat.messages]
    return json.dumps(fields | {"messages": messages}, ensure_ascii=False, indent=2)


def archive(chats: Iterable[Exported], ending: str, names: Names) -> bytes:
    """Return a zip archive with a file for each chat."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as files:
        for each in chats:
            text = as_json(each) if ending == "json" else as_markdown(each, names)
            files.writestr(file_name(each, ending, unique=True), text)
    return written.getvalue()


def file_name(chat: Exported, ending: str, *, unique: bool = False) -> str:
    """Return a file name that every system accepts: the day, and the chat's name without special characters."""
    words = re.sub(r"[^\w\- ]+", " ", chat.title).split()
    title = " ".join(words)[:60].strip() or "chat"
    rest = f" {chat.about['id'][:8]}" if unique else ""
    return f"{chat.about['created_at']:%Y-%m-%d} {title}{rest}.{ending}"


def _message_entry(message: Message) -> dict[str, Any]:
    entry = {"id": message.id, "parent_id": message.parent_id, "role": message.role, "content": message.content}
    entry |= {"status": message.status, "created_at": message.created_at.isoformat()}
    memories = [{"text": each.get("text"), "id": each.get("id")} for each in message.receipt.get("memories") or []]
    files = {"attached": _files(message)} if _files(message) else {}
    rating = {"feedback": message.feedback, "feedback_why": message.feedback_why} if message.feedback else {}
    return entry | files | ({"memories": memories} if memories else {}) | rating


def _files(message: Message) -> list[str]:
    """Return the names of a message's files. The files are not exported: the person has them."""
    return [str(each["name"]) for each in message.receipt.get("attached") or []]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
