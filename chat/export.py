"""Chats to take along: each whole, as Markdown to read or as JSON with every branch; all of them as one archive.

A few chats are read at a time, so that many need no more memory than one and what is written of the others.
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

AT_ONCE = 10
_MESSAGES = (
    f"select {FIELDS} from app.messages where conversation_id = any(%(ids)s::uuid[]) order by conversation_id, seq"
)
_CHATS = (
    "select id::text, title, created_at, updated_at, pinned_at, archived_at, head_id::text from app.conversations"
    " where deleted_at is null"
)


class Names(NamedTuple):
    """What the two who talk are called in the file, and whose days it is written in."""

    person: str
    assistant: str
    zone: tzinfo


@dataclass(frozen=True)
class Exported:
    """One chat with all that was said in it, every branch."""

    about: Mapping[str, Any]
    messages: Sequence[Message]

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.about["title"])


class Exports:
    """Reads one user's chats whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, user_id: str, chat_id: str) -> Exported:
        """One chat, whole."""
        about = self._database.read_as(user_id, f"{_CHATS} and id = %(id)s::uuid", {"id": valid_id(chat_id)})
        if not about:
            raise NotFound("There is no such chat.")
        return next(self._whole(user_id, about))

    def all(self, user_id: str) -> Iterator[Exported]:
        """Every chat that is in a list, archived ones too, the latest first; a few are read at a time."""
        about = self._database.read_as(user_id, f"{_CHATS} and not temporary order by updated_at desc")
        for start in range(0, len(about), AT_ONCE):
            yield from self._whole(user_id, about[start : start + AT_ONCE])

    def _whole(self, user_id: str, about: Sequence[Mapping[str, Any]]) -> Iterator[Exported]:
        said: dict[str, list[Message]] = {each["id"]: [] for each in about}
        for row in self._database.read_as(user_id, _MESSAGES, {"ids": list(said)}):
            said[row["conversation_id"]].append(Message(**row))
        for each in about:
            yield Exported(each, said[each["id"]])


def as_markdown(chat: Exported, names: Names) -> str:
    """A chat as it is read: the branch that is shown, each message under who said it and when."""
    parts = [f"# {chat.title}"]
    said = {each.id: each for each in chat.messages}
    for each in (said[step.id] for step in line(chat.messages, chat.about["head_id"])):
        who = names.person if each.role == "user" else names.assistant
        at = each.created_at.astimezone(names.zone)
        files = ", ".join(f"📎 {name}" for name in _files(each))
        parts += [part for part in (f"**{who}** · {at:%Y-%m-%d %H:%M}", files, each.content) if part]
    return "\n\n".join(parts) + "\n"


def as_json(chat: Exported) -> str:
    """A chat with everything: each message with its date, what it answers, and the memories a reply was given."""
    told = {name: _plain(value) for name, value in chat.about.items()}
    messages = [_told(each) for each in chat.messages]
    return json.dumps(told | {"messages": messages}, ensure_ascii=False, indent=2)


def archive(chats: Iterable[Exported], ending: str, names: Names) -> bytes:
    """A file for each chat, in one archive."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as files:
        for each in chats:
            text = as_json(each) if ending == "json" else as_markdown(each, names)
            files.writestr(file_name(each, ending, unique=True), text)
    return written.getvalue()


def file_name(chat: Exported, ending: str, *, unique: bool = False) -> str:
    """A name that every system can keep: the day, and the chat's name without signs that mean something to it."""
    words = re.sub(r"[^\w\- ]+", " ", chat.title).split()
    title = " ".join(words)[:60].strip() or "chat"
    rest = f" {chat.about['id'][:8]}" if unique else ""
    return f"{chat.about['created_at']:%Y-%m-%d} {title}{rest}.{ending}"


def _told(message: Message) -> dict[str, Any]:
    told = {"id": message.id, "parent_id": message.parent_id, "role": message.role, "content": message.content}
    told |= {"status": message.status, "created_at": message.created_at.isoformat()}
    memories = [{"text": each.get("text"), "id": each.get("id")} for each in message.receipt.get("memories") or []]
    files = {"attached": _files(message)} if _files(message) else {}
    found = {"feedback": message.feedback, "feedback_why": message.feedback_why} if message.feedback else {}
    return told | files | ({"memories": memories} if memories else {}) | found


def _files(message: Message) -> list[str]:
    """What came with it, by name: the files themselves are the person's own."""
    return [str(each["name"]) for each in message.receipt.get("attached") or []]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
